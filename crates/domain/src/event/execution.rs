//! Events of executions, in families: most readers care for one or two of them.

use serde::{Deserialize, Serialize};

use super::{ApprovalEvent, AttemptEvent, ChildEvent, ProcessEvent, Shown, StepEvent, Usage};
use crate::value::{ApprovalId, ExecutionId, StepId, Timestamp};

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

/// What happened to an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// To the execution as a whole.
    Process(ProcessEvent),
    /// To a step.
    Step(StepId, StepEvent),
    /// To an attempt at a step, or at undoing it.
    Attempt(StepId, Direction, AttemptEvent),
    /// To a request for people's decision; the step is `_budget` for a spent budget.
    Approval(StepId, ApprovalId, ApprovalEvent),
    /// To a sub-process that a step runs.
    Child(StepId, ExecutionId, ChildEvent),
}

/// Whether a step is being done or undone (spec 3.3): both go through the same kinds of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The step itself.
    Do,
    /// Its compensation.
    Undo,
}

impl Event {
    /// The type's name (spec 3.11).
    pub const fn event_type(&self) -> &'static str {
        match self {
            Self::Process(event) => event.event_type(),
            Self::Step(_, event) => event.event_type(),
            Self::Attempt(_, direction, event) => event.event_type(*direction),
            Self::Approval(_, _, event) => event.event_type(),
            Self::Child(_, _, event) => event.event_type(),
        }
    }

    /// The step it is about, if it is about one.
    pub const fn step_id(&self) -> Option<&StepId> {
        match self {
            Self::Process(_) => None,
            Self::Step(step_id, _)
            | Self::Attempt(step_id, _, _)
            | Self::Approval(step_id, _, _)
            | Self::Child(step_id, _, _) => Some(step_id),
        }
    }

    /// Whether the execution has ended with it. Only costs of calls may become known afterwards.
    pub const fn ends_execution(&self) -> bool {
        use ProcessEvent::{Cancelled, Completed, Failed};
        matches!(self, Self::Process(Completed { .. } | Failed { .. } | Cancelled(_)))
    }

    /// What it says that a call has cost, if it tells how one ended.
    pub const fn usage(&self) -> Option<&Usage> {
        match self {
            Self::Attempt(_, _, event) => event.usage(),
            Self::Step(_, event) => event.usage(),
            Self::Process(_) | Self::Approval(..) | Self::Child(..) => None,
        }
    }

    /// The value that it shows, if it shows one.
    pub const fn shown(&self) -> Option<&Shown> {
        match self {
            Self::Process(event) => event.shown(),
            Self::Step(_, event) => event.shown(),
            Self::Attempt(_, _, event) => event.shown(),
            Self::Approval(..) | Self::Child(..) => None,
        }
    }

    /// The same, to put the value's preview in where an event is read for people.
    pub const fn shown_mut(&mut self) -> Option<&mut Shown> {
        match self {
            Self::Process(event) => event.shown_mut(),
            Self::Step(_, event) => event.shown_mut(),
            Self::Attempt(_, _, event) => event.shown_mut(),
            Self::Approval(..) | Self::Child(..) => None,
        }
    }
}
