//! A step and its six types (spec 1.2, 1.3).

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Condition, OnError, Reads, RetryPolicy, Template};
use crate::value::{AgentName, Duration, Json, Money, ProcessName, StepId, Version};

/// One step of a process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its id, unique in the process.
    pub id: StepId,
    /// Its name for people; the id if the author gave none.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The steps it comes after.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<StepId>,
    /// Whether a dependency that was skipped counts as live (spec 3.2).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub run_if_skipped: bool,
    /// Decides, once its edges do, whether it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// How failed attempts are repeated.
    pub retry: RetryPolicy,
    /// What its final failure does.
    pub on_error: OnError,
    /// How it is undone when the execution rolls back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensation: Option<Compensation>,
    /// Agents told of it.
    #[serde(default)]
    pub roles: Roles,
    /// The longest an attempt may take; for an approval, the deadline. `None`: no bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Its place in queues, if it differs from the process's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// What it does.
    pub kind: StepKind,
    /// The steps that its texts read, its compensation's excepted.
    #[serde(default)]
    pub reads: Reads,
}

/// The type of a step with the keys of that type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StepKind {
    /// An agent does work.
    AgentTask(AgentTask),
    /// A person decides.
    HumanApproval(HumanApproval),
    /// The process branches.
    Gateway(Gateway),
    /// Time passes.
    Timer(Timer),
    /// Someone is told.
    Notification(Notification),
    /// Another process runs.
    SubProcess(SubProcess),
}

/// The type of a step by its name in YAML.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepType {
    /// `agent_task`
    AgentTask,
    /// `human_approval`
    HumanApproval,
    /// `gateway`
    Gateway,
    /// `timer`
    Timer,
    /// `notification`
    Notification,
    /// `sub_process`
    SubProcess,
}

/// Keys of `agent_task`, and of a compensation of that type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentTask {
    /// The agent's name; `roles.executor` has already taken precedence.
    pub agent: Template,
    /// What the agent is asked.
    pub message: Template,
    /// The model to use, where the agent offers a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The model's temperature, 0 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// The most that all attempts together may cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<Money>,
    /// The JSON Schema that a reply must fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Json>,
    /// A key of the output under which the parsed reply, or else its text, is found too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_key: Option<String>,
}

/// Keys of `human_approval`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HumanApproval {
    /// What is to be decided.
    pub title: Template,
    /// Details for who decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Template>,
    /// Who may decide: user names, e-mail addresses, `role:NAME`; templates. Empty: any holder of `approval:decide`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignees: Vec<Template>,
    /// What the deadline does.
    pub timeout_action: TimeoutAction,
    /// What a rejection does, as the author said or as validation derived (spec 3.5).
    pub on_reject: OnReject,
    /// Who is added when the deadline escalates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalate_to: Vec<Template>,
    /// How many different people must approve.
    pub required_approvals: u32,
    /// Links or outputs to show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Template>,
    /// What is run again when changes are requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_changes_requested: Option<Rerun>,
    /// Whether comments are taken.
    pub allow_comments: bool,
    /// Whether a rejection needs a reason.
    pub require_reason_on_reject: bool,
    /// Whether people may decide what they have a part in themselves (spec 3.5).
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub self_approval: bool,
}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over by reference")]
const fn is_yes(value: &bool) -> bool {
    *value
}

/// What an approval's deadline does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeoutAction {
    /// Counts as rejected.
    Reject,
    /// Counts as approved.
    Approve,
    /// The step is skipped.
    Skip,
    /// Others are asked too, for one more period; then as rejected.
    Escalate,
}

/// What a rejection does to the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnReject {
    /// It fails.
    Fail,
    /// It completes with that decision, and what follows asks for it.
    Continue,
}

/// A part of the process to run again (spec 3.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rerun {
    /// The first step to run again; upstream of the approval.
    pub rerun: StepId,
    /// How many times changes may be requested.
    pub max: u32,
}

/// Keys of `gateway`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gateway {
    /// How routes are chosen.
    pub gateway_type: GatewayType,
    /// The routes, in the author's order.
    pub routes: Vec<Route>,
    /// Where it goes when no route is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_route: Option<StepId>,
}

/// How a gateway chooses among its routes (spec 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatewayType {
    /// The first true one.
    Exclusive,
    /// Every one, except those whose condition is false.
    Parallel,
    /// Every true one.
    Inclusive,
}

/// One route of a gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// When it is taken; absent = always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// The step it leads to.
    pub target: StepId,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Keys of `timer`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// Waits so long; a fixed duration or a template that gives one.
    Duration(Template),
    /// Waits until a date and time, or the next `HH:MM`.
    Until {
        /// The time or a template that gives it.
        at: Template,
        /// The IANA time zone of times without an offset; UTC if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timezone: Option<String>,
    },
}

/// Keys of `notification`, and of a compensation of that type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// Where it goes: one delivery per channel.
    pub channels: Vec<String>,
    /// The text.
    pub message: Template,
    /// The receiving address of Slack or a webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Template>,
    /// Who gets it; each channel takes what it can use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<Template>,
    /// The subject of a mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Template>,
}

/// Keys of `sub_process`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubProcess {
    /// The process to run.
    pub process_name: ProcessName,
    /// Its version; absent = the newest published when the parent starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The child's input; empty = the parent's.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub input_mapping: IndexMap<String, MappedValue>,
    /// The key under which the child's outputs are found too.
    pub output_key: String,
    /// Whether the step lasts until the child ends.
    pub wait_for_completion: bool,
}

/// A value of a mapping: texts are templates, everything else is taken as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MappedValue {
    /// A text to evaluate.
    Template(Template),
    /// A number, boolean or null.
    Literal(Json),
    /// A list of values.
    List(Vec<Self>),
    /// A mapping of values.
    Map(IndexMap<String, Self>),
}

/// How a completed step is undone (spec 1.6).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compensation {
    /// What is done.
    pub action: CompensationAction,
    /// How failed attempts are repeated.
    pub retry: RetryPolicy,
    /// The longest an attempt may take.
    pub timeout: Duration,
    /// The steps that its texts read; its own step may be among them.
    #[serde(default)]
    pub reads: Reads,
}

/// The type of a compensation with the keys of that type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CompensationAction {
    /// An agent undoes it.
    AgentTask(AgentTask),
    /// Someone is told to undo it.
    Notification(Notification),
}

/// The agents of a step besides the one that does it (spec 1.7).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Roles {
    /// The agent that does the work, if named here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor: Option<String>,
    /// Told of failure, retry, time-out and compensation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub monitors: Vec<AgentName>,
    /// Told of completion and failure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub informed: Vec<Informed>,
}

/// An agent that is told of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Informed {
    /// The agent.
    pub agent: AgentName,
    /// The event types it wants; empty = completion and failure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
}

/// A place in queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Before all others.
    High,
    /// The usual place.
    #[default]
    Normal,
    /// After all others.
    Low,
}

impl StepKind {
    /// The type's name.
    pub const fn step_type(&self) -> StepType {
        match self {
            Self::AgentTask(_) => StepType::AgentTask,
            Self::HumanApproval(_) => StepType::HumanApproval,
            Self::Gateway(_) => StepType::Gateway,
            Self::Timer(_) => StepType::Timer,
            Self::Notification(_) => StepType::Notification,
            Self::SubProcess(_) => StepType::SubProcess,
        }
    }
}

impl StepType {
    /// Every type, in the order of spec 1.3.
    pub const ALL: [Self; 6] =
        [Self::AgentTask, Self::HumanApproval, Self::Gateway, Self::Timer, Self::Notification, Self::SubProcess];

    /// The type as YAML and the API write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AgentTask => "agent_task",
            Self::HumanApproval => "human_approval",
            Self::Gateway => "gateway",
            Self::Timer => "timer",
            Self::Notification => "notification",
            Self::SubProcess => "sub_process",
        }
    }

    /// The time-out of a step of this type that writes none (spec 1.3).
    pub const fn default_timeout(self) -> Option<Duration> {
        match self {
            Self::AgentTask => Some(Duration::from_secs(300)),
            Self::HumanApproval => Some(Duration::from_secs(86_400)),
            Self::Notification => Some(Duration::from_secs(30)),
            Self::SubProcess => Some(Duration::from_secs(3_600)),
            Self::Gateway | Self::Timer => None,
        }
    }

    /// The number of attempts of a step of this type that writes no `retry` (spec 1.4).
    pub const fn default_attempts(self) -> u32 {
        match self {
            Self::AgentTask | Self::Notification => 3,
            Self::HumanApproval | Self::Gateway | Self::Timer | Self::SubProcess => 1,
        }
    }
}

impl std::fmt::Display for StepType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Step {
    /// A step of this kind with every other key at its default.
    pub fn new(id: StepId, kind: StepKind) -> Self {
        let step_type = kind.step_type();
        Self {
            name: id.as_str().to_owned(),
            id,
            description: None,
            depends_on: Vec::new(),
            run_if_skipped: false,
            condition: None,
            retry: RetryPolicy::default_with(step_type.default_attempts()),
            on_error: OnError::FailProcess,
            compensation: None,
            roles: Roles::default(),
            timeout: step_type.default_timeout(),
            priority: None,
            kind,
            reads: Reads::default(),
        }
    }

    /// The type's name.
    pub const fn step_type(&self) -> StepType {
        self.kind.step_type()
    }

    /// The steps to which its routes lead, each once, the default last; empty if it is no gateway.
    pub fn route_targets(&self) -> Vec<&StepId> {
        let StepKind::Gateway(gateway) = &self.kind else {
            return Vec::new();
        };
        let mut targets: Vec<&StepId> = Vec::new();
        for target in gateway.routes.iter().map(|route| &route.target).chain(&gateway.default_route) {
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        targets
    }

    /// The handler of its errors, if it has one.
    pub const fn handler(&self) -> Option<&StepId> {
        match &self.on_error {
            OnError::GotoStep { target_step } => Some(target_step),
            OnError::FailProcess | OnError::SkipStep => None,
        }
    }
}
