//! Events of an execution as a whole.

use serde::{Deserialize, Serialize};

use super::{Cancellation, Creation, ExecutionError, PauseReason, RollBackCause, Shown};
use crate::value::{Cost, Duration, Money, Timestamp};

/// What happened to an execution as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessEvent {
    /// It was created and waits to be admitted.
    Created(Box<Creation>),
    /// It began to run.
    Started {
        /// When it must have ended, if its process says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
    },
    /// Nothing new starts until it is resumed, or until a person decides.
    Paused(PauseReason),
    /// It goes on.
    Resumed {
        /// The operator; `None` when a decision let it go on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// It ended well.
    Completed {
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
    Failed {
        /// Why.
        #[serde(flatten)]
        error: ExecutionError,
        /// What it cost.
        total_cost: Cost,
    },
    /// It was cancelled.
    Cancelled(Cancellation),
    /// It rolls back.
    RollBackStarted {
        /// How many steps are to be undone, at most.
        #[serde(rename = "compensation_count")]
        count: u32,
        /// Why.
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
}

impl ProcessEvent {
    /// The type's name (spec 3.11).
    pub const fn event_type(&self) -> &'static str {
        match self {
            Self::Created(_) => "ExecutionCreated",
            Self::Started { .. } => "ProcessStarted",
            Self::Paused(_) => "ProcessPaused",
            Self::Resumed { .. } => "ProcessResumed",
            Self::Completed { .. } => "ProcessCompleted",
            Self::Failed { .. } => "ProcessFailed",
            Self::Cancelled(_) => "ProcessCancelled",
            Self::RollBackStarted { .. } => "CompensationStarted",
            Self::BudgetWarning { .. } => "BudgetWarning",
            Self::BudgetRaised { .. } => "BudgetRaised",
        }
    }

    /// The value that it shows, if it shows one.
    pub(super) const fn shown(&self) -> Option<&Shown> {
        match self {
            Self::Completed { output, .. } => Some(output),
            Self::Created(_)
            | Self::Started { .. }
            | Self::Paused(_)
            | Self::Resumed { .. }
            | Self::Failed { .. }
            | Self::Cancelled(_)
            | Self::RollBackStarted { .. }
            | Self::BudgetWarning { .. }
            | Self::BudgetRaised { .. } => None,
        }
    }

    pub(super) const fn shown_mut(&mut self) -> Option<&mut Shown> {
        match self {
            Self::Completed { output, .. } => Some(output),
            Self::Created(_)
            | Self::Started { .. }
            | Self::Paused(_)
            | Self::Resumed { .. }
            | Self::Failed { .. }
            | Self::Cancelled(_)
            | Self::RollBackStarted { .. }
            | Self::BudgetWarning { .. }
            | Self::BudgetRaised { .. } => None,
        }
    }
}
