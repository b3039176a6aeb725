//! What the events of executions are made of.

use std::{collections::BTreeMap, sync::Arc};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{
    definition::{GatewayType, Priority, UndefinedRule},
    value::{
        ContentHash, Currency, ErrorCode, ExecutionId, FinishReason, Json, Money, ProcessId, ProcessName, ScheduleId,
        StepId, Timestamp, TokenUsage, TraceContext, Version,
    },
};

/// A value kept beside the state: its content hash and size. The value itself may be megabytes (spec 2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ValueRef {
    /// The hash of its JSON text.
    pub hash: ContentHash,
    /// The length of its JSON text in bytes.
    pub size: u64,
}

/// A value as events show it: the reference, and the value itself or its beginning (at most 4 KiB).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shown {
    /// Where the whole value is.
    pub value: ValueRef,
    /// The value, or the beginning of its text when it is longer. It is not stored with the event, since the value is;
    /// `None` where nobody looked it up, and once the value was purged.
    #[serde(skip)]
    pub preview: Option<Arc<Json>>,
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
    pub token_usage: Option<Box<TokenUsage>>,
    /// Why the model stopped writing, when it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<FinishReason>,
}

impl Usage {
    /// A cost, known or not, of which nothing else is known.
    pub const fn of_cost(cost: Option<Money>) -> Self {
        Self { cost, token_usage: None, finish_reason: None }
    }

    /// Whether nothing is known.
    pub const fn is_unknown(&self) -> bool {
        self.cost.is_none() && self.token_usage.is_none() && self.finish_reason.is_none()
    }
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
    /// For an agent that said that it is busy.
    AgentBusy {
        /// When it is asked again.
        until: Timestamp,
        /// What it said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// For an agent that takes no calls for a time, since it or its model's provider limits them.
    RateLimit {
        /// When it is asked again.
        until: Timestamp,
        /// What it said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
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
    /// When it fired; of a schedule, the time for which it was due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fired_at: Option<Timestamp>,
    /// The schedule, if one started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_id: Option<ScheduleId>,
    /// When that was due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// When the start was in fact made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual_at: Option<Timestamp>,
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
    /// The users who started the executions that it repeats, if it is a retry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier_users: Vec<String>,
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
    /// In what the server counts.
    #[serde(default)]
    pub currency: Currency,
    /// What was odd about the input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The place in the trace of the request that asked for it, if that told one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
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

/// Who decides where a deadline does; no user's name.
pub(crate) const SYSTEM: &str = "SYSTEM";

impl Creation {
    /// Everyone at whose request it runs: who started it, and who started what it repeats.
    pub fn requesters(&self) -> impl Iterator<Item = &String> {
        self.earlier_users.iter().chain(&self.user)
    }
}

impl Verdict {
    /// Everyone whose vote it rests on; nobody for a deadline's.
    pub fn deciders(&self) -> Vec<String> {
        let last = self.decided_by.iter().filter(|name| !self.approved_by.contains(name));
        self.approved_by.iter().chain(last).filter(|name| *name != SYSTEM).cloned().collect()
    }

    /// What was said with a decision that was no approval (spec 2.1, `feedback`).
    pub fn feedback(&self) -> Option<&str> {
        match self.decision {
            Decision::Rejected | Decision::ChangesRequested => {
                Some(self.comments.last().map(String::as_str).unwrap_or_default())
            }
            Decision::Approved | Decision::Expired | Decision::Skipped => None,
        }
    }
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
        /// The error that was passed over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StepError>,
    },
}
