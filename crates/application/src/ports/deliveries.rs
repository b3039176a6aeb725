//! The outbox: what is told outside, durably (spec 5.4–5.6).
//!
//! A new kind of delivery is a variant of [`DeliveryContent`], what it says of itself to the worker, and one function in
//! `deliveries::sending`. Whoever writes an execution's commit adds rows to it; anything else puts them in with
//! [`DeliveryStore::enqueue`].

use async_trait::async_trait;
use procession_domain::{
    event::ValueRef,
    value::{ApprovalId, Duration, ExecutionId, Json, ProcessId, ProcessName, StepId, Timestamp},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Page, Paging, StoreError};

/// Who is told, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryKind {
    /// A system, by a signed request.
    Webhook,
    /// An agent that a step informs.
    Informed,
    /// An agent that watches over a step.
    Monitor,
    /// A person, by mail.
    Mail,
    /// A channel of Slack.
    Slack,
}

/// Where a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// It was not tried yet.
    Waiting,
    /// It failed, and is tried again.
    Retrying,
    /// The receiver took it.
    Delivered,
    /// It failed as often as it may.
    Dead,
    /// No repetition would help: there is no such receiver, or it may not be called.
    Undeliverable,
}

/// What is to be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DeliveryContent {
    /// A request to a webhook. Its address and secret are looked up when it is sent, so that no row holds them.
    Webhook {
        /// Which webhook.
        endpoint: Endpoint,
        /// The body, without what is added when it is sent: the event's number, outputs, links.
        body: Json,
        /// The outputs that it tells of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outputs: Option<ValueRef>,
    },
    /// A message to the agent that is the target.
    AgentMessage {
        /// The step that it is about.
        step_id: StepId,
        /// The message, without the event's number.
        message: Json,
    },
    /// A mail to somebody who is asked to decide. It is composed when it is sent, and not sent if nobody needs it then.
    ApprovalMail {
        /// The request.
        approval_id: ApprovalId,
        /// The person, as the request names them, or the user with the role that it names.
        person: String,
        /// The person's address.
        address: String,
        /// Why.
        reason: MailReason,
        /// The deadline of which a reminder reminds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
    },
    /// A message through one of the channels of notifications.
    Message {
        /// `slack`, `email`, or one that the settings map.
        channel: String,
        /// The subject of a mail.
        subject: String,
        /// The text.
        text: String,
        /// Who gets it.
        recipients: Vec<String>,
    },
}

/// A webhook, without its address and secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// That of a process's version at this place in its list.
    Process {
        /// The version.
        process_id: ProcessId,
        /// The place, from 0.
        index: usize,
    },
    /// That of the server's configuration whose address has this digest.
    Server(String),
}

/// Why somebody gets a mail about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailReason {
    /// They are asked.
    Asked,
    /// Its deadline is near.
    Reminder,
    /// Nobody decided in time, and more people are asked.
    Escalated,
    /// Somebody passed it on to them.
    Delegated,
}

/// A delivery to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDelivery {
    /// Its id, the same at each try.
    pub id: Uuid,
    /// Who is told, and how.
    pub kind: DeliveryKind,
    /// Of what it tells, in small letters: `process_completed`.
    pub event: String,
    /// The number within its execution of the event of which it tells, which is written with it.
    pub sequence: Option<u64>,
    /// The execution.
    pub execution_id: Option<ExecutionId>,
    /// The process.
    pub process_name: Option<ProcessName>,
    /// Who must be up for it: deliveries to one receiver share its limit of calls at once.
    pub receiver: String,
    /// Where it goes, as lists show it, without secrets; the name of an agent.
    pub target: String,
    /// What is told.
    pub content: DeliveryContent,
    /// When it is written.
    pub created_at: Timestamp,
    /// When it is sent first.
    pub due_at: Timestamp,
}

/// What a worker asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRequest {
    /// The time.
    pub now: Timestamp,
    /// How many at most.
    pub limit: u32,
    /// Not those that the worker has already.
    pub except: Vec<Uuid>,
    /// Not those for these receivers, which have enough to do.
    pub except_receivers: Vec<String>,
}

/// A delivery that is to be sent now.
#[derive(Debug, Clone, PartialEq)]
pub struct DueDelivery {
    /// Its id.
    pub id: Uuid,
    /// Of what it tells.
    pub event: String,
    /// The number of the event.
    pub event_id: Option<u64>,
    /// The execution.
    pub execution_id: Option<ExecutionId>,
    /// The process.
    pub process_name: Option<ProcessName>,
    /// Who must be up for it.
    pub receiver: String,
    /// Where it goes.
    pub target: String,
    /// What is told.
    pub content: DeliveryContent,
    /// How many tries have counted since it was written, or sent again by hand.
    pub tries: u32,
    /// When it was written.
    pub created_at: Timestamp,
}

/// A try, which has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What the receiver answered, where it answers with a number.
    pub status: Option<u16>,
    /// Why it was not taken, without secrets.
    pub error: Option<String>,
}

/// A try, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptEnd {
    /// The delivery.
    pub id: Uuid,
    /// The try.
    pub attempt: DeliveryAttempt,
    /// Where the delivery is now.
    pub state: DeliveryState,
    /// Whether it counts among the tries that a delivery has.
    pub counts: bool,
    /// When it is tried again.
    pub next_attempt_at: Option<Timestamp>,
}

/// A delivery as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its id.
    pub id: Uuid,
    /// Who is told, and how.
    pub kind: DeliveryKind,
    /// Of what it tells.
    pub event: String,
    /// The number of the event.
    pub event_id: Option<u64>,
    /// The execution.
    pub execution_id: Option<ExecutionId>,
    /// The process.
    pub process_name: Option<ProcessName>,
    /// Where it goes, without secrets.
    pub target: String,
    /// Where it is.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_attempt_at: Option<Timestamp>,
    /// What the receiver answered last.
    pub last_status: Option<u16>,
    /// Why it was not taken last.
    pub last_error: Option<String>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When the receiver took it.
    pub delivered_at: Option<Timestamp>,
}

/// Which deliveries a list shows; conditions add up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// In this state.
    pub state: Option<DeliveryState>,
    /// Of this kind.
    pub kind: Option<DeliveryKind>,
    /// Of this execution.
    pub execution_id: Option<ExecutionId>,
    /// Of this process.
    pub process_name: Option<String>,
}

/// What an agent was told, or is to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentEvent {
    /// Its number, which rises.
    pub number: u64,
    /// The number of the event.
    pub event_id: Option<u64>,
    /// The message.
    pub message: Json,
}

/// Keeps deliveries.
///
/// Promises:
/// * deliveries of a commit or a start are written with it or not at all, and tell the numbers that its events got;
/// * their order is that of the commits;
/// * [`due`](Self::due) gives what is due, the earliest first; it stays due until the end of a try is
///   [recorded](Self::record): what a worker was at when it was killed is due for the next one;
/// * the end of a try is recorded once, with the state that follows from it; for a delivery that is gone it is nothing;
/// * [`resend`](Self::resend) makes a delivery due at once, under its id, and lets it fail as often as a new one.
#[async_trait]
pub trait DeliveryStore: Send + Sync {
    /// Writes deliveries that belong to no commit.
    async fn enqueue(&self, deliveries: &[NewDelivery]) -> Result<(), StoreError>;

    /// What is due.
    async fn due(&self, request: &DueRequest) -> Result<Vec<DueDelivery>, StoreError>;

    /// When something becomes due next, after this time.
    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError>;

    /// Notes the end of a try.
    async fn record(&self, end: &AttemptEnd) -> Result<(), StoreError>;

    /// Removes a delivery that nobody needs any more, unless it was tried. Whether there was one.
    async fn withdraw(&self, id: Uuid) -> Result<bool, StoreError>;

    /// A delivery.
    async fn delivery(&self, id: Uuid) -> Result<Option<DeliveryRow>, StoreError>;

    /// The tries of a delivery, oldest first.
    async fn attempts(&self, id: Uuid) -> Result<Vec<DeliveryAttempt>, StoreError>;

    /// A page of deliveries, newest first.
    async fn deliveries(&self, filter: &DeliveryFilter, paging: &Paging) -> Result<Page<DeliveryRow>, StoreError>;

    /// Sends a delivery again. Whether there is one.
    async fn resend(&self, id: Uuid, now: Timestamp) -> Result<bool, StoreError>;

    /// What an agent was told after a number, oldest first; only of the executions that `user` has started, if one is
    /// named.
    async fn agent_events(
        &self,
        agent: &str,
        after: u64,
        limit: u32,
        user: Option<&str>,
    ) -> Result<Vec<AgentEvent>, StoreError>;

    /// Removes deliveries that were written before a time and of which nothing more is tried, the oldest first, at most
    /// `limit`. How many.
    async fn purge_deliveries(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// How many deliveries there are in each state.
    async fn delivery_counts(&self) -> Result<Vec<(DeliveryState, u64)>, StoreError>;
}

impl DeliveryContent {
    /// The kind of delivery that brings it.
    pub fn kind(&self) -> DeliveryKind {
        match self {
            Self::AgentMessage { message, .. } if message["type"] == "monitor_notification" => DeliveryKind::Monitor,
            Self::AgentMessage { .. } => DeliveryKind::Informed,
            Self::Message { channel, .. } if channel == "slack" => DeliveryKind::Slack,
            Self::Message { channel, .. } if channel == "email" => DeliveryKind::Mail,
            Self::ApprovalMail { .. } => DeliveryKind::Mail,
            // Every other channel is an address that gets a request.
            Self::Webhook { .. } | Self::Message { .. } => DeliveryKind::Webhook,
        }
    }
}

impl DeliveryKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Webhook, Self::Informed, Self::Monitor, Self::Mail, Self::Slack];

    /// The kind as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Informed => "informed",
            Self::Monitor => "monitor",
            Self::Mail => "mail",
            Self::Slack => "slack",
        }
    }

    /// The kind of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether it is a message to an agent.
    pub const fn is_to_agent(self) -> bool {
        match self {
            Self::Informed | Self::Monitor => true,
            Self::Webhook | Self::Mail | Self::Slack => false,
        }
    }
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Retrying, Self::Delivered, Self::Dead, Self::Undeliverable];

    /// The state as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Retrying => "retrying",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Undeliverable => "undeliverable",
        }
    }

    /// The state of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}
