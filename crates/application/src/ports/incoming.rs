//! The store of webhooks that start processes, and of the calls of them (spec 5.7, 4c).

use async_trait::async_trait;
use procession_domain::{
    definition::{Process, TriggerKind},
    value::{ExecutionId, ProcessId, ProcessName, Timestamp, TriggerId},
};
use uuid::Uuid;

use super::StoreError;

/// A webhook of a process, as the version declares it that has the process's triggers.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptWebhook {
    /// The version that has it now.
    pub process_id: ProcessId,
    /// The process.
    pub process_name: ProcessName,
    /// The trigger that it is.
    pub trigger_id: TriggerId,
    /// What it is for.
    pub description: Option<String>,
    /// Whether the definition has it switched on.
    pub declared_enabled: bool,
    /// What a person has switched it to since, if one has.
    pub switched: Option<bool>,
    /// The secret that callers show or sign with, as the definition has it.
    pub secret: Option<String>,
    /// The header whose value makes repeated calls one start.
    pub dedupe_header: Option<String>,
}

/// Where a webhook is called, or which one is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookAddress {
    /// The process; without it, the one is meant that was published or activated last of those that have the trigger.
    pub process: Option<String>,
    /// The trigger.
    pub trigger: String,
}

/// A call of a webhook, as it is remembered: never with what its caller has shown to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookCall {
    /// Its id.
    pub id: Uuid,
    /// The process that was called.
    pub process_name: ProcessName,
    /// Its trigger.
    pub trigger_id: TriggerId,
    /// When.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: CallOutcome,
    /// The status it was answered with.
    pub status: u16,
    /// The execution that it has started, or that the same call had started before.
    pub execution_id: Option<ExecutionId>,
    /// Why it has started none.
    pub reason: Option<String>,
    /// The size of its body, in bytes.
    pub size: u64,
    /// The beginning of its body; none of one that was not let in.
    pub body: Option<String>,
}

/// A call that is remembered with the start that it makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallOfStart {
    /// The call; its execution is that of the start.
    pub call: WebhookCall,
    /// How many calls of its trigger are kept.
    pub kept: u32,
}

/// A webhook as people see it: without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownWebhook {
    /// The webhook.
    pub webhook: KeptWebhook,
    /// Whether the short address, without the process, leads to it.
    pub has_short_address: bool,
    /// How many of its calls are kept.
    pub calls: u64,
}

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// It started an execution.
    Started,
    /// It had been made before.
    Duplicate,
    /// It was not let in, or its body does not do.
    Refused,
    /// The webhook is switched off.
    Disabled,
    /// The execution could not be started.
    Failed,
}

/// Stores webhooks.
///
/// Promises:
/// * they follow the definitions ([`DefinitionStore`](super::DefinitionStore)), in the transaction of each change: the
///   active version of a process has the webhooks that it declares, and an archived one has none; what a person has
///   switched goes over to the next version;
/// * a call that starts an execution is remembered with the start or not at all ([`Start::call`](super::Start::call));
/// * of the calls of a trigger the newest ones are kept, so that what strangers call takes no more room than that.
#[async_trait]
pub trait WebhookStore: Send + Sync {
    /// All webhooks: the last changed process first, each one's in the order of its definition.
    async fn webhooks(&self) -> Result<Vec<ShownWebhook>, StoreError>;

    /// The webhook of an address.
    async fn webhook(&self, address: &WebhookAddress) -> Result<Option<KeptWebhook>, StoreError>;

    /// Switches a webhook on or off. `false` if it is gone.
    async fn switch_webhook(&self, process: &ProcessName, trigger: &TriggerId, on: bool) -> Result<bool, StoreError>;

    /// Remembers a call, and forgets the oldest one of its trigger if there are more than `kept`.
    async fn note_call(&self, call: &WebhookCall, kept: u32) -> Result<(), StoreError>;

    /// The calls of a trigger, the newest first: `limit` of them.
    async fn calls(
        &self,
        process: &ProcessName,
        trigger: &TriggerId,
        limit: u32,
    ) -> Result<Vec<WebhookCall>, StoreError>;

    /// How many calls of a trigger are kept.
    async fn count_calls(&self, process: &ProcessName, trigger: &TriggerId) -> Result<u64, StoreError>;

    /// A call of a trigger.
    async fn call(
        &self,
        process: &ProcessName,
        trigger: &TriggerId,
        id: Uuid,
    ) -> Result<Option<WebhookCall>, StoreError>;
}

impl WebhookAddress {
    /// As `trigger` or `process-name/trigger`.
    pub fn parse(text: &str) -> Self {
        match text.rsplit_once('/') {
            Some((process, trigger)) => Self { process: Some(process.to_owned()), trigger: trigger.to_owned() },
            None => Self { process: None, trigger: text.to_owned() },
        }
    }
}

impl std::fmt::Display for WebhookAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.process {
            Some(process) => write!(f, "{process}/{}", self.trigger),
            None => f.write_str(&self.trigger),
        }
    }
}

impl KeptWebhook {
    /// The webhooks of a process from the change on that gave this version its triggers. `before` are those that it had.
    pub fn registered(before: &[Self], process: &Process) -> Vec<Self> {
        let triggers = process.definition().content().triggers.iter();
        let webhooks = triggers.filter_map(|trigger| match &trigger.kind {
            TriggerKind::Webhook { secret, dedupe_header } => Some(Self {
                process_id: process.id(),
                process_name: process.definition().name().clone(),
                trigger_id: trigger.id.clone(),
                description: trigger.description.clone(),
                declared_enabled: trigger.enabled,
                switched: before.iter().find(|known| known.trigger_id == trigger.id).and_then(|known| known.switched),
                secret: secret.clone(),
                dedupe_header: dedupe_header.clone(),
            }),
            TriggerKind::Manual | TriggerKind::Schedule(_) => None,
        });
        webhooks.collect()
    }

    /// Whether calls start anything.
    pub fn is_enabled(&self) -> bool {
        self.switched.unwrap_or(self.declared_enabled)
    }
}

/// The secret is no part of what is logged.
impl std::fmt::Debug for KeptWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptWebhook")
            .field("process", &self.process_name)
            .field("trigger", &self.trigger_id)
            .field("enabled", &self.is_enabled())
            .finish_non_exhaustive()
    }
}

impl CallOutcome {
    /// Every outcome.
    pub const ALL: [Self; 5] = [Self::Started, Self::Duplicate, Self::Refused, Self::Disabled, Self::Failed];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Duplicate => "duplicate",
            Self::Refused => "refused",
            Self::Disabled => "disabled",
            Self::Failed => "failed",
        }
    }

    /// The outcome of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == name)
    }
}
