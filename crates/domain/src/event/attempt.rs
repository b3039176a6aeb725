//! Events of attempts, at a step or at undoing it.

use serde::{Deserialize, Serialize};

use super::{Direction, Shown, StepError, Usage, ValueRef, Wait};
use crate::{
    expressions::Evaluation,
    value::{Duration, Money, StepId, Timestamp},
};

/// What happened to an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptEvent {
    /// It began, or was sent again because nobody knew it after a crash.
    Started(Box<AttemptStart>),
    /// A gateway took its call and named it.
    Submitted {
        /// The attempt.
        attempt: u32,
        /// The gateway's name for the call.
        call_ref: String,
    },
    /// It waits, for a time, a child, its agent or its next try; before it has begun, for its agent.
    Waiting(Wait),
    /// It asks again, after it had to wait for its agent; it does not start anew (spec 5.3).
    Resumed {
        /// The attempt.
        attempt: u32,
        /// When it must have ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
    },
    /// It was under way when the server stopped, and is taken up again.
    Interrupted {
        /// The attempt.
        attempt: u32,
        /// Whether the server had shut down gracefully; such an interruption does not count.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        in_order: bool,
    },
    /// It failed, and another one follows.
    Retrying {
        /// The attempt that failed.
        attempt: u32,
        /// How many there may be.
        max_attempts: u32,
        /// When the next one starts.
        next_retry_at: Timestamp,
        /// Why it failed.
        error: StepError,
        /// What it cost.
        #[serde(default, skip_serializing_if = "Usage::is_unknown")]
        usage: Usage,
    },
    /// It ended well, and with it the step or its undoing.
    Completed {
        /// The step's output; `None` when it was undone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<Shown>,
        /// What it cost.
        #[serde(default, skip_serializing_if = "Usage::is_unknown")]
        usage: Usage,
        /// How long the step took since it began in this round, over all its attempts.
        duration: Duration,
    },
    /// It failed for good, and with it the step or its undoing.
    Failed {
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
        #[serde(default, skip_serializing_if = "Usage::is_unknown")]
        usage: Usage,
    },
    /// The cost of its call became known after it had ended.
    CostRecorded {
        /// The attempt.
        attempt: u32,
        /// What it cost.
        usage: Usage,
    },
}

/// The start of an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptStart {
    /// From 1, never used twice, over re-runs too.
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
    /// What is set aside of the budget until it has ended (spec 3.9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved: Option<Money>,
    /// The step's condition, which was true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Evaluation>,
    /// What was undefined in the texts and let pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Whether it had begun before and is sent again, since nobody knew it after a crash.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

impl AttemptEvent {
    /// The type's name (spec 3.11).
    pub const fn event_type(&self, direction: Direction) -> &'static str {
        match (direction, self) {
            (Direction::Do, Self::Started(_)) => "StepStarted",
            (Direction::Do, Self::Resumed { .. }) => "StepResumed",
            (Direction::Do, Self::Submitted { .. }) => "StepSubmitted",
            (Direction::Do, Self::Retrying { .. }) => "StepRetrying",
            (Direction::Do, Self::Completed { .. }) => "StepCompleted",
            (Direction::Do, Self::Failed { .. }) => "StepFailed",
            (Direction::Do, Self::Waiting(_)) => "StepWaiting",
            (Direction::Undo, Self::Started(_)) => "CompensationStepStarted",
            (Direction::Undo, Self::Resumed { .. }) => "CompensationStepResumed",
            (Direction::Undo, Self::Submitted { .. }) => "CompensationStepSubmitted",
            (Direction::Undo, Self::Retrying { .. } | Self::Waiting(_)) => "CompensationStepRetrying",
            (Direction::Undo, Self::Completed { .. }) => "CompensationCompleted",
            (Direction::Undo, Self::Failed { .. }) => "CompensationFailed",
            (_, Self::Interrupted { .. }) => "StepInterrupted",
            (_, Self::CostRecorded { .. }) => "CostRecorded",
        }
    }

    /// What it says that the call has cost.
    pub const fn usage(&self) -> Option<&Usage> {
        match self {
            Self::Retrying { usage, .. }
            | Self::Completed { usage, .. }
            | Self::Failed { usage, .. }
            | Self::CostRecorded { usage, .. } => Some(usage),
            Self::Started(_)
            | Self::Submitted { .. }
            | Self::Waiting(_)
            | Self::Resumed { .. }
            | Self::Interrupted { .. } => None,
        }
    }

    /// The value that it shows, if it shows one.
    pub(super) const fn shown(&self) -> Option<&Shown> {
        match self {
            Self::Completed { output, .. } | Self::Failed { output, .. } => output.as_ref(),
            Self::Started(_)
            | Self::Submitted { .. }
            | Self::Waiting(_)
            | Self::Resumed { .. }
            | Self::Interrupted { .. }
            | Self::Retrying { .. }
            | Self::CostRecorded { .. } => None,
        }
    }

    pub(super) const fn shown_mut(&mut self) -> Option<&mut Shown> {
        match self {
            Self::Completed { output, .. } | Self::Failed { output, .. } => output.as_mut(),
            Self::Started(_)
            | Self::Submitted { .. }
            | Self::Waiting(_)
            | Self::Resumed { .. }
            | Self::Interrupted { .. }
            | Self::Retrying { .. }
            | Self::CostRecorded { .. } => None,
        }
    }
}
