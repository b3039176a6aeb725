//! What every event of an execution says of itself: its type's name, its step, what it cost.

use super::{Event, Usage};
use crate::value::StepId;

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

    /// What it says that a call has cost, if it tells how one ended.
    pub const fn usage(&self) -> Option<&Usage> {
        match self {
            Self::CostRecorded { usage, .. }
            | Self::StepCompleted { usage, .. }
            | Self::StepFailed { usage, .. }
            | Self::StepRetrying { usage, .. }
            | Self::StepSkipped { usage, .. }
            | Self::CompensationStepRetrying { usage, .. }
            | Self::CompensationCompleted { usage, .. }
            | Self::CompensationFailed { usage, .. } => Some(usage),
            Self::ExecutionCreated(_)
            | Self::ProcessStarted { .. }
            | Self::ProcessPaused(_)
            | Self::ProcessResumed { .. }
            | Self::ProcessCompleted { .. }
            | Self::ProcessFailed { .. }
            | Self::ProcessCancelled(_)
            | Self::CompensationStarted { .. }
            | Self::BudgetWarning { .. }
            | Self::BudgetRaised { .. }
            | Self::StepStarted(_)
            | Self::StepSubmitted { .. }
            | Self::StepWaiting { .. }
            | Self::StepWaitingApproval { .. }
            | Self::StepCancelled { .. }
            | Self::StepInterrupted { .. }
            | Self::StepReset { .. }
            | Self::StepReused { .. }
            | Self::GatewayEvaluated { .. }
            | Self::CompensationStepStarted(_)
            | Self::CompensationStepSubmitted { .. }
            | Self::ApprovalRequested { .. }
            | Self::ApprovalVoted { .. }
            | Self::ApprovalDecided { .. }
            | Self::ApprovalDelegated { .. }
            | Self::ApprovalEscalated { .. }
            | Self::ApprovalExpired { .. }
            | Self::ChildStarted { .. }
            | Self::ChildCompleted { .. } => None,
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
