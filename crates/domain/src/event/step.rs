//! Events of steps, beside those of their attempts.

use serde::{Deserialize, Serialize};

use super::{GatewayDecision, ReusedEnd, Shown, SkipReason, StepError, Usage, ValueRef};
use crate::{
    expressions::Evaluation,
    value::{ApprovalId, StepId, Timestamp},
};

/// What happened to a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepEvent {
    /// It does not run, or no further.
    Skipped(Box<Skipped>),
    /// It waits for people.
    WaitingApproval {
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
    /// It had not ended and was ended from outside.
    Cancelled,
    /// It will run again, because changes were requested.
    Reset {
        /// The new round, from 2.
        round: u32,
        /// The approval that asked for changes.
        requested_by: StepId,
        /// What that approval said, for the steps that run again to read; only with the approval itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<ValueRef>,
        /// What the approval had said last in the execution that this one repeats; only where that is taken over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept_feedback: Option<String>,
    },
    /// Its end is taken over from the execution that this one repeats.
    Reused {
        /// How it ended.
        end: ReusedEnd,
        /// Its output.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<ValueRef>,
        /// What it decided, if it is a gateway.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<GatewayDecision>,
        /// Who decided it, if it is an approval.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        deciders: Vec<String>,
    },
    /// A gateway decided.
    GatewayEvaluated(Box<GatewayDecision>),
}

/// Why a step does not run, and what it leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Skipped {
    /// Why.
    pub reason: SkipReason,
    /// Its condition, where that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Evaluation>,
    /// What a skipped gateway takes: its default route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<GatewayDecision>,
    /// The error that is passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<StepError>,
    /// The output that stays readable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Shown>,
    /// What the last attempt cost.
    #[serde(default, skip_serializing_if = "Usage::is_unknown")]
    pub usage: Usage,
}

impl Skipped {
    /// A skip that says nothing but why.
    pub fn because(reason: SkipReason) -> Self {
        Self { reason, condition: None, decision: None, error: None, output: None, usage: Usage::default() }
    }
}

impl StepEvent {
    /// The type's name (spec 3.11).
    pub const fn event_type(&self) -> &'static str {
        match self {
            Self::Skipped(_) => "StepSkipped",
            Self::WaitingApproval { .. } => "StepWaitingApproval",
            Self::Cancelled => "StepCancelled",
            Self::Reset { .. } => "StepReset",
            Self::Reused { .. } => "StepReused",
            Self::GatewayEvaluated(_) => "GatewayEvaluated",
        }
    }

    /// What it says that the last attempt has cost.
    pub const fn usage(&self) -> Option<&Usage> {
        match self {
            Self::Skipped(skipped) => Some(&skipped.usage),
            Self::WaitingApproval { .. }
            | Self::Cancelled
            | Self::Reset { .. }
            | Self::Reused { .. }
            | Self::GatewayEvaluated(_) => None,
        }
    }

    /// The value that it shows, if it shows one.
    pub(super) const fn shown(&self) -> Option<&Shown> {
        match self {
            Self::Skipped(skipped) => skipped.output.as_ref(),
            Self::WaitingApproval { .. }
            | Self::Cancelled
            | Self::Reset { .. }
            | Self::Reused { .. }
            | Self::GatewayEvaluated(_) => None,
        }
    }

    pub(super) const fn shown_mut(&mut self) -> Option<&mut Shown> {
        match self {
            Self::Skipped(skipped) => skipped.output.as_mut(),
            Self::WaitingApproval { .. }
            | Self::Cancelled
            | Self::Reset { .. }
            | Self::Reused { .. }
            | Self::GatewayEvaluated(_) => None,
        }
    }
}
