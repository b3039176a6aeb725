//! How each event changes the state. Nothing else changes it, so folding the events gives it (spec 3.11).

use super::{
    Execution,
    state::{BudgetQuestion, Life, StepState},
};
use crate::{
    definition::StepIndex,
    event::{Event, ExecutionError, Recorded, RollBackCause, SkipReason, StepError},
    value::{StepId, Timestamp},
};

/// Why a list of events is no history of an execution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The first event must be the creation.
    #[error("the history does not begin with ExecutionCreated")]
    NoCreation,
    /// An event is missing or out of order.
    #[error("event {found} follows event {before}")]
    Gap {
        /// The number before.
        before: u64,
        /// The number after.
        found: u64,
    },
    /// An event names a step that the definition lacks.
    #[error("event {sequence} names the step `{step_id}`, which the definition does not have")]
    UnknownStep {
        /// The event.
        sequence: u64,
        /// The step.
        step_id: StepId,
    },
}

impl Execution {
    /// Applies an event of this execution that has its next number.
    pub(super) fn apply(&mut self, recorded: &Recorded) -> Result<(), ReplayError> {
        if recorded.sequence != self.state.sequence + 1 {
            return Err(ReplayError::Gap { before: self.state.sequence, found: recorded.sequence });
        }
        let at = recorded.at;
        match recorded.event.step_id().filter(|step| **step != StepId::budget()) {
            None => self.apply_to_execution(&recorded.event, at),
            Some(step_id) => {
                let unknown = || ReplayError::UnknownStep { sequence: recorded.sequence, step_id: step_id.clone() };
                let step = self.definition.position(step_id).ok_or_else(unknown)?;
                self.count_usage(&recorded.event);
                self.steps[step].apply(&recorded.event, at, recorded.sequence);
                self.note_failure(step, &recorded.event);
                self.changed.insert(step);
                // A reset makes edges unsettled again; who resets steps builds the index anew when all are reset.
                if !matches!(recorded.event, Event::StepReset { .. }) {
                    self.index.step_changed(&self.definition, step, &self.steps[step]);
                }
            }
        }
        self.state.sequence = recorded.sequence;
        self.state.updated_at = at;
        Ok(())
    }

    fn apply_to_execution(&mut self, event: &Event, at: Timestamp) {
        let state = &mut self.state;
        match event {
            Event::ProcessStarted { deadline } => {
                state.life = Life::Running;
                state.started_at = Some(at);
                state.deadline = *deadline;
            }
            Event::ProcessPaused(reason) => state.life = Life::Paused(reason.clone()),
            Event::ProcessResumed { .. } => state.life = Life::Running,
            Event::ProcessCompleted { output, output_warnings, .. } => {
                state.life = Life::Completed { outputs: output.value.clone(), warnings: output_warnings.clone() };
                state.completed_at = Some(at);
            }
            Event::ProcessFailed { error, .. } => {
                state.life = Life::Failed(error.clone());
                state.completed_at = Some(at);
            }
            Event::ProcessCancelled(cancellation) => {
                state.life = Life::Cancelled(cancellation.clone());
                state.completed_at = Some(at);
            }
            Event::CompensationStarted { cause, .. } => {
                if let RollBackCause::Failure(error) = cause {
                    state.failure.get_or_insert_with(|| error.clone());
                }
                state.life = Life::Compensating(cause.clone());
            }
            Event::BudgetWarning { .. } => state.budget.warned = true,
            Event::BudgetRaised { limit, .. } => state.budget.raised_to = Some(*limit),
            // What remains with no step of its own are the approval events of the budget's question.
            Event::ApprovalRequested { approval_id, deadline, .. } => {
                state.budget.question = Some(BudgetQuestion { approval_id: *approval_id, deadline: *deadline });
            }
            Event::ApprovalDecided { .. } => state.budget.question = None,
            _ => {}
        }
        self.index.execution_changed(&self.state);
    }

    /// Remembers the first failure that nothing handles: a failed step without handler, or the one whose handler turned
    /// out not to run (spec 3.2, rule 4).
    fn note_failure(&mut self, step: StepIndex, event: &Event) {
        let failed = match event {
            Event::StepFailed { handled_by: None, .. } => Some(step),
            Event::StepFailed { handled_by: Some(handler), .. } => {
                let handler = self.definition.position(handler);
                handler.filter(|handler| self.is_unwilling_handler(*handler)).map(|_| step)
            }
            Event::StepSkipped { reason: SkipReason::ConditionFalse, .. } => self.failures_for(step).first().copied(),
            _ => None,
        };
        let Some(failed) = failed else { return };
        let step_id = self.definition.step(failed).id.clone();
        if let Some(StepError { code, message }) = self.steps[failed].error.clone() {
            let error = ExecutionError { code, message, step_id: Some(step_id) };
            self.state.failure.get_or_insert(error);
        }
    }

    fn count_usage(&mut self, event: &Event) {
        let (usage, known_only) = match event {
            Event::CostRecorded { usage, .. } => (usage, true),
            Event::StepCompleted { step_id, usage, .. }
            | Event::StepFailed { step_id, usage, .. }
            | Event::StepRetrying { step_id, usage, .. }
            | Event::StepSkipped { step_id, usage, .. } => {
                let step = self.definition.position(step_id).map(|step| &self.steps[step]);
                let called = step.and_then(StepState::open_attempt).is_some_and(|attempt| attempt.agent.is_some());
                (usage, !called)
            }
            Event::CompensationStepRetrying { step_id, usage, .. }
            | Event::CompensationCompleted { step_id, usage, .. }
            | Event::CompensationFailed { step_id, usage, .. } => {
                let step = self.definition.position(step_id).and_then(|step| self.steps[step].compensation.as_ref());
                let called = step.and_then(|compensation| compensation.attempts.last());
                (usage, called.is_none_or(|attempt| attempt.agent.is_none()))
            }
            Event::ChildCompleted { cost, .. } => {
                self.state.cost.add(Some(cost.amount));
                self.state.cost.complete &= cost.complete;
                return;
            }
            _ => return,
        };
        if usage.cost.is_some() || !known_only {
            self.state.cost.add(usage.cost);
        }
        if let Some(tokens) = &usage.token_usage {
            self.state.tokens.add(tokens);
        }
    }
}
