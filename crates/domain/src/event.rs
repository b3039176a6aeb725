//! What happened: the events of definitions and executions (spec 3.11).
//!
//! An execution's state is the fold of its events, so every field that the state keeps stands in one of them. The names
//! of types and fields are those of the API.

use std::{collections::BTreeMap, sync::Arc};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{
    definition::{GatewayType, Priority, UndefinedRule},
    expressions::Evaluation,
    value::{
        ApprovalId, Cost, Duration, ErrorCode, ExecutionId, Json, Money, ProcessId, ProcessName, StepId, Timestamp,
        TokenUsage, Version,
    },
};

/// What happened to a version of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event_type", content = "payload")]
pub enum DefinitionEvent {
    /// A draft was created.
    ProcessCreated(DefinitionSubject),
    /// A draft was edited.
    ProcessUpdated(DefinitionSubject),
    /// It was published.
    ProcessPublished(DefinitionSubject),
    /// It was archived.
    ProcessArchived(DefinitionSubject),
}

/// The version that a [`DefinitionEvent`] is about, and who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinitionSubject {
    /// The version's id.
    pub process_id: ProcessId,
    /// The process's name.
    pub name: ProcessName,
    /// The version.
    pub version: Version,
    /// The user who did it.
    pub user_id: Option<String>,
}

impl DefinitionEvent {
    /// The type's name.
    pub const fn event_type(&self) -> &'static str {
        match self {
            Self::ProcessCreated(_) => "ProcessCreated",
            Self::ProcessUpdated(_) => "ProcessUpdated",
            Self::ProcessPublished(_) => "ProcessPublished",
            Self::ProcessArchived(_) => "ProcessArchived",
        }
    }

    /// What it is about.
    pub const fn subject(&self) -> &DefinitionSubject {
        match self {
            Self::ProcessCreated(subject)
            | Self::ProcessUpdated(subject)
            | Self::ProcessPublished(subject)
            | Self::ProcessArchived(subject) => subject,
        }
    }
}

/// An event of an execution with its place in that execution's history.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// From 1, without gaps.
    pub sequence: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// A value kept beside the state: its content hash and size. The value itself may be megabytes (spec 2.4).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ValueRef {
    /// The hash of its JSON text, in hexadecimal.
    pub hash: String,
    /// The length of its JSON text in bytes.
    pub size: u64,
}

/// A value as events show it: the reference, and the value itself or its beginning (at most 4 KiB).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Where the whole value is.
    #[serde(flatten)]
    pub value: ValueRef,
    /// The value, or the beginning of its text when it is longer.
    pub preview: Arc<Json>,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepError {
    /// The code.
    pub code: ErrorCode,
    /// What happened, and what to do about it.
    pub message: String,
}

/// Why an execution failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionError {
    /// The code.
    pub code: ErrorCode,
    /// What happened.
    pub message: String,
    /// The step that failed first, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_id: Option<StepId>,
}

/// What an attempt cost: as far as the agent said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// The cost; `None` when it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// The tokens; `None` when they are unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_usage: Option<TokenUsage>,
}

/// Why a step was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Its condition was false.
    ConditionFalse,
    /// Its gateway went elsewhere.
    RouteNotTaken,
    /// Nothing live leads to it.
    DeadPath,
    /// No error led to it.
    HandlerNotNeeded,
    /// It comes after a failure, or the execution failed before it began.
    UpstreamFailed,
    /// It failed, and `on_error: skip_step` lets the process go on.
    SkippedAfterError,
    /// Its approval was not decided in time, and the time-out action is `skip`.
    ApprovalTimeout,
}

/// For what a step waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum Wait {
    /// For a time.
    Timer {
        /// That time.
        until: Timestamp,
    },
    /// For a child execution.
    Child {
        /// The child.
        execution_id: ExecutionId,
    },
    /// For the next attempt.
    BackOff {
        /// When that starts.
        until: Timestamp,
    },
    /// For a busy agent.
    AgentBusy {
        /// When it is asked again.
        until: Timestamp,
    },
    /// For an agent whose circuit breaker is open.
    Breaker {
        /// When it is tried again.
        until: Timestamp,
    },
}

/// How an execution was started.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TriggerContext {
    /// `manual`, `webhook`, `schedule`, `sub_process` or `retry`.
    #[serde(rename = "type")]
    pub trigger_type: String,
    /// The trigger's id, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What a webhook was called with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<ValueRef>,
    /// When it fired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fired_at: Option<Timestamp>,
}

/// The execution and step of which this execution is a sub-process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentLink {
    /// The parent.
    pub execution_id: ExecutionId,
    /// Its step.
    pub step_id: StepId,
    /// Whether the step waits for this execution; otherwise this one is on its own.
    pub waits: bool,
    /// How deep this execution is nested: 1 for a child of a root.
    pub depth: u32,
    /// The execution at the top, whose budget this one uses.
    pub root_id: ExecutionId,
}

/// The version that an execution runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessRef {
    /// The version's id.
    pub id: ProcessId,
    /// The process's name.
    pub name: ProcessName,
    /// The version.
    pub version: Version,
}

/// All that is fixed when an execution is created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Creation {
    /// The version it runs.
    pub process: ProcessRef,
    /// Its input.
    pub input: ValueRef,
    /// How it was started.
    pub trigger: TriggerContext,
    /// Who or what started it, as the API shows it.
    pub triggered_by: String,
    /// The user who started it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The versions of the sub-processes that its steps run, by step.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pins: BTreeMap<StepId, ProcessId>,
    /// The execution it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<ExecutionId>,
    /// Of what it is a sub-process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentLink>,
    /// Labels for search.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
    /// Its place in queues.
    #[serde(default)]
    pub priority: Priority,
    /// What an undefined reference does, if the process or the server rules it for all places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undefined: Option<UndefinedRule>,
    /// What was odd about the input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Why an execution pauses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum PauseReason {
    /// It can only wait for people.
    People,
    /// An operator paused it.
    Operator {
        /// Who.
        by: String,
    },
}

/// Why an execution rolls back; also how it ends afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum RollBackCause {
    /// It failed.
    Failure(ExecutionError),
    /// It was cancelled, compensation asked for.
    Cancel(Cancellation),
}

/// Who cancelled an execution, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    /// Who.
    pub cancelled_by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One route as a gateway saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteEvaluation {
    /// Its condition; `None` if it has none.
    pub condition: Option<String>,
    /// Where it leads.
    pub target: StepId,
    /// Whether it is true; `None` if the gateway had stopped looking.
    pub result: Option<bool>,
    /// What the condition read.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub values: IndexMap<String, Json>,
    /// Notes of the evaluation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What a gateway decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GatewayDecision {
    /// How it chooses.
    pub gateway_type: GatewayType,
    /// The steps it leads to.
    pub taken: Vec<StepId>,
    /// Whether no route was true and the default was taken.
    pub is_default: bool,
    /// Every route, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evaluated_conditions: Vec<RouteEvaluation>,
}

/// A person's answer to an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Yes.
    Approved,
    /// No.
    Rejected,
    /// Not yet.
    ChangesRequested,
    /// Nobody answered in time.
    Expired,
    /// Nobody answered in time, and the step is skipped.
    Skipped,
}

/// How an approval was settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The decision.
    pub decision: Decision,
    /// Who gave the last vote; `SYSTEM` for a deadline; `None` if nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// All who approved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<String>,
    /// What was said with each vote, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<String>,
    /// When.
    pub decided_at: Timestamp,
}

/// How an ended step of an earlier execution is taken over by one that repeats it (spec 3.7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum ReusedEnd {
    /// It completed.
    Completed,
    /// It failed, and its handler dealt with it.
    Failed {
        /// Why.
        error: StepError,
        /// The handler.
        handled_by: StepId,
    },
    /// It was skipped.
    Skipped {
        /// Why.
        reason: SkipReason,
    },
}

/// What happened to an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event_type", content = "payload")]
pub enum Event {
    /// It was created and waits to be admitted.
    ExecutionCreated(Box<Creation>),
    /// It began to run.
    ProcessStarted {
        /// When it must have ended, if its process says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
    },
    /// Nothing new starts until it is resumed, or until a person decides.
    ProcessPaused(PauseReason),
    /// It goes on.
    ProcessResumed {
        /// The operator; `None` when a decision let it go on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// It ended well.
    ProcessCompleted {
        /// Its outputs.
        output: Shown,
        /// Outputs that read something undefined, and are null.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        output_warnings: Vec<String>,
        /// What it cost.
        total_cost: Cost,
        /// How long it took.
        duration: Duration,
    },
    /// It failed.
    ProcessFailed {
        /// Why.
        #[serde(flatten)]
        error: ExecutionError,
        /// What it cost.
        total_cost: Cost,
    },
    /// It was cancelled.
    ProcessCancelled(Cancellation),
    /// It rolls back.
    CompensationStarted {
        /// How many steps are to be undone, at most.
        compensation_count: u32,
        /// Why.
        #[serde(flatten)]
        cause: RollBackCause,
    },
    /// Four fifths of the budget are spent.
    BudgetWarning {
        /// What is spent.
        spent: Money,
        /// The limit.
        limit: Money,
    },
    /// A person allowed more.
    BudgetRaised {
        /// The new limit.
        limit: Money,
        /// Who.
        by: Option<String>,
    },
    /// The cost of a call became known after its step had ended.
    CostRecorded {
        /// The step.
        step_id: StepId,
        /// The attempt.
        attempt: u32,
        /// What it cost.
        #[serde(flatten)]
        usage: Usage,
    },
    /// An attempt began, or was sent again.
    StepStarted(Box<AttemptStart>),
    /// A gateway took an attempt's call and named it.
    StepSubmitted {
        /// The step.
        step_id: StepId,
        /// The attempt.
        attempt: u32,
        /// The gateway's name for the call.
        call_ref: String,
    },
    /// A step ended well.
    StepCompleted {
        /// The step.
        step_id: StepId,
        /// Its output.
        output: Shown,
        /// What the last attempt cost.
        #[serde(flatten)]
        usage: Usage,
    },
    /// A step failed for good.
    StepFailed {
        /// The step.
        step_id: StepId,
        /// Why.
        error: StepError,
        /// How many attempts failed in this round.
        retry_count: u32,
        /// The handler to which the error goes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        handled_by: Option<StepId>,
        /// The output that stays readable: an approval's decision.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<Shown>,
        /// What the last attempt cost.
        #[serde(flatten)]
        usage: Usage,
    },
    /// An attempt failed and will be repeated.
    StepRetrying {
        /// The step.
        step_id: StepId,
        /// The attempt that failed.
        attempt: u32,
        /// How many there may be in this round.
        max_attempts: u32,
        /// When the next one starts.
        next_retry_at: Timestamp,
        /// Why.
        error: StepError,
        /// What the attempt cost.
        #[serde(flatten)]
        usage: Usage,
    },
    /// A step does not run, or no further.
    StepSkipped {
        /// The step.
        step_id: StepId,
        /// Why.
        reason: SkipReason,
        /// Its condition, where that is why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        condition: Option<Evaluation>,
        /// What a skipped gateway takes: its default route.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<GatewayDecision>,
        /// The error that is passed over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StepError>,
        /// The output that stays readable.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<Shown>,
        /// What the last attempt cost.
        #[serde(flatten)]
        usage: Usage,
    },
    /// A step waits; its attempt, if one began, goes on afterwards.
    StepWaiting {
        /// The step.
        step_id: StepId,
        /// For what.
        #[serde(flatten)]
        wait: Wait,
    },
    /// A step waits for people.
    StepWaitingApproval {
        /// The step.
        step_id: StepId,
        /// The request.
        approval_id: ApprovalId,
        /// What is to be decided.
        title: String,
        /// Who is asked.
        assignees: Vec<String>,
        /// Until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
    },
    /// A step that had not ended was ended from outside.
    StepCancelled {
        /// The step.
        step_id: StepId,
    },
    /// An attempt was under way when the server stopped.
    StepInterrupted {
        /// The step.
        step_id: StepId,
        /// The attempt.
        attempt: u32,
        /// Whether it was the step's compensation.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        compensation: bool,
        /// Whether the server had stopped in order; such an interruption does not count.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        in_order: bool,
    },
    /// A step will run again, because changes were requested.
    StepReset {
        /// The step.
        step_id: StepId,
        /// The new round, from 2.
        round: u32,
        /// The approval that asked for changes.
        requested_by: StepId,
        /// What that approval said, for the steps that run again to read; only with the approval itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<ValueRef>,
    },
    /// A step's end is taken over from the execution that this one repeats.
    StepReused {
        /// The step.
        step_id: StepId,
        /// How it ended.
        #[serde(flatten)]
        end: ReusedEnd,
        /// Its output.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<ValueRef>,
        /// What it decided, if it is a gateway.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<GatewayDecision>,
    },
    /// A gateway decided.
    GatewayEvaluated {
        /// The step.
        step_id: StepId,
        /// What.
        #[serde(flatten)]
        decision: GatewayDecision,
    },
    /// Undoing a step began, or was sent again.
    CompensationStepStarted(Box<AttemptStart>),
    /// A gateway took a compensation's call and named it.
    CompensationStepSubmitted {
        /// The step.
        step_id: StepId,
        /// The attempt.
        attempt: u32,
        /// The gateway's name for the call.
        call_ref: String,
    },
    /// An attempt to undo a step failed and will be repeated.
    CompensationStepRetrying {
        /// The step.
        step_id: StepId,
        /// The attempt that failed.
        attempt: u32,
        /// How many there may be.
        max_attempts: u32,
        /// When the next one starts.
        next_retry_at: Timestamp,
        /// Why.
        error: StepError,
        /// What the attempt cost.
        #[serde(flatten)]
        usage: Usage,
    },
    /// A step was undone.
    CompensationCompleted {
        /// The step.
        step_id: StepId,
        /// What the last attempt cost.
        #[serde(flatten)]
        usage: Usage,
    },
    /// A step could not be undone.
    CompensationFailed {
        /// The step.
        step_id: StepId,
        /// Why.
        error: StepError,
        /// What the last attempt cost.
        #[serde(flatten)]
        usage: Usage,
    },
    /// People were asked.
    ApprovalRequested {
        /// The step; `_budget` for a spent budget.
        step_id: StepId,
        /// The request.
        approval_id: ApprovalId,
        /// What is to be decided.
        title: String,
        /// Who is asked.
        assignees: Vec<String>,
        /// Until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
    },
    /// A person voted, and more votes are needed.
    ApprovalVoted {
        /// The step.
        step_id: StepId,
        /// The request.
        approval_id: ApprovalId,
        /// Who.
        by: String,
        /// How.
        decision: Decision,
        /// What was said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    /// An approval was settled.
    ApprovalDecided {
        /// The step.
        step_id: StepId,
        /// The request.
        approval_id: ApprovalId,
        /// How.
        #[serde(flatten)]
        verdict: Verdict,
    },
    /// An assignee passed a request on.
    ApprovalDelegated {
        /// The step.
        step_id: StepId,
        /// The request.
        approval_id: ApprovalId,
        /// Who passed it on.
        from: String,
        /// To whom.
        to: String,
        /// What was said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    /// Others were asked too, since the deadline passed.
    ApprovalEscalated {
        /// The step.
        step_id: StepId,
        /// The request.
        approval_id: ApprovalId,
        /// Who is asked now.
        assignees: Vec<String>,
        /// The new deadline.
        deadline: Timestamp,
    },
    /// The deadline passed.
    ApprovalExpired {
        /// The step.
        step_id: StepId,
        /// The request.
        approval_id: ApprovalId,
    },
    /// A sub-process was started.
    ChildStarted {
        /// The step.
        step_id: StepId,
        /// The child.
        child_execution_id: ExecutionId,
        /// What it runs.
        process: ProcessRef,
    },
    /// A sub-process ended.
    ChildCompleted {
        /// The step.
        step_id: StepId,
        /// The child.
        child_execution_id: ExecutionId,
        /// Its final status.
        status: String,
        /// What it cost.
        cost: Cost,
    },
}

/// The start of an attempt, of a step or of its compensation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptStart {
    /// The step.
    pub step_id: StepId,
    /// The attempt: from 1, never used twice, over re-runs too.
    pub attempt: u32,
    /// The agent that does the work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// What it is asked, expanded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<ValueRef>,
    /// When it must have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// The step's condition, which was true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Evaluation>,
    /// What was undefined in the texts and let pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Whether the attempt had begun before and is sent again: its agent was busy, or does not know it after a crash.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

impl Event {
    /// The type's name.
    pub const fn event_type(&self) -> &'static str {
        match self {
            Self::ExecutionCreated(_) => "ExecutionCreated",
            Self::ProcessStarted { .. } => "ProcessStarted",
            Self::ProcessPaused(_) => "ProcessPaused",
            Self::ProcessResumed { .. } => "ProcessResumed",
            Self::ProcessCompleted { .. } => "ProcessCompleted",
            Self::ProcessFailed { .. } => "ProcessFailed",
            Self::ProcessCancelled(_) => "ProcessCancelled",
            Self::CompensationStarted { .. } => "CompensationStarted",
            Self::BudgetWarning { .. } => "BudgetWarning",
            Self::BudgetRaised { .. } => "BudgetRaised",
            Self::CostRecorded { .. } => "CostRecorded",
            Self::StepStarted(_) => "StepStarted",
            Self::StepSubmitted { .. } => "StepSubmitted",
            Self::StepCompleted { .. } => "StepCompleted",
            Self::StepFailed { .. } => "StepFailed",
            Self::StepRetrying { .. } => "StepRetrying",
            Self::StepSkipped { .. } => "StepSkipped",
            Self::StepWaiting { .. } => "StepWaiting",
            Self::StepWaitingApproval { .. } => "StepWaitingApproval",
            Self::StepCancelled { .. } => "StepCancelled",
            Self::StepInterrupted { .. } => "StepInterrupted",
            Self::StepReset { .. } => "StepReset",
            Self::StepReused { .. } => "StepReused",
            Self::GatewayEvaluated { .. } => "GatewayEvaluated",
            Self::CompensationStepStarted(_) => "CompensationStepStarted",
            Self::CompensationStepSubmitted { .. } => "CompensationStepSubmitted",
            Self::CompensationStepRetrying { .. } => "CompensationStepRetrying",
            Self::CompensationCompleted { .. } => "CompensationCompleted",
            Self::CompensationFailed { .. } => "CompensationFailed",
            Self::ApprovalRequested { .. } => "ApprovalRequested",
            Self::ApprovalVoted { .. } => "ApprovalVoted",
            Self::ApprovalDecided { .. } => "ApprovalDecided",
            Self::ApprovalDelegated { .. } => "ApprovalDelegated",
            Self::ApprovalEscalated { .. } => "ApprovalEscalated",
            Self::ApprovalExpired { .. } => "ApprovalExpired",
            Self::ChildStarted { .. } => "ChildStarted",
            Self::ChildCompleted { .. } => "ChildCompleted",
        }
    }

    /// The step it is about, if it is about one.
    pub const fn step_id(&self) -> Option<&StepId> {
        match self {
            Self::ExecutionCreated(_)
            | Self::ProcessStarted { .. }
            | Self::ProcessPaused(_)
            | Self::ProcessResumed { .. }
            | Self::ProcessCompleted { .. }
            | Self::ProcessFailed { .. }
            | Self::ProcessCancelled(_)
            | Self::CompensationStarted { .. }
            | Self::BudgetWarning { .. }
            | Self::BudgetRaised { .. } => None,
            Self::StepStarted(start) | Self::CompensationStepStarted(start) => Some(&start.step_id),
            Self::CostRecorded { step_id, .. }
            | Self::StepSubmitted { step_id, .. }
            | Self::StepCompleted { step_id, .. }
            | Self::StepFailed { step_id, .. }
            | Self::StepRetrying { step_id, .. }
            | Self::StepSkipped { step_id, .. }
            | Self::StepWaiting { step_id, .. }
            | Self::StepWaitingApproval { step_id, .. }
            | Self::StepCancelled { step_id }
            | Self::StepInterrupted { step_id, .. }
            | Self::StepReset { step_id, .. }
            | Self::StepReused { step_id, .. }
            | Self::GatewayEvaluated { step_id, .. }
            | Self::CompensationStepSubmitted { step_id, .. }
            | Self::CompensationStepRetrying { step_id, .. }
            | Self::CompensationCompleted { step_id, .. }
            | Self::CompensationFailed { step_id, .. }
            | Self::ApprovalRequested { step_id, .. }
            | Self::ApprovalVoted { step_id, .. }
            | Self::ApprovalDecided { step_id, .. }
            | Self::ApprovalDelegated { step_id, .. }
            | Self::ApprovalEscalated { step_id, .. }
            | Self::ApprovalExpired { step_id, .. }
            | Self::ChildStarted { step_id, .. }
            | Self::ChildCompleted { step_id, .. } => Some(step_id),
        }
    }
}
