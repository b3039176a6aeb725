//! Retrying an ended execution as a new one, from the start or from what failed (spec 3.7).

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Execution,
    state::{CompensationLife, ExecutionStatus, StepLife, StepState},
};
use crate::{
    definition::{EdgeKind, StepIndex, StepKind},
    event::{Creation, Event, Recorded, ReusedEnd, SkipReason, StepEvent, ValueRef},
    value::{ErrorCode, ExecutionId, StepId, Timestamp},
};

/// Why an execution can't be retried; the API answers 409.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetryError {
    /// Only what failed or was cancelled is retried.
    #[error("Can only retry failed or cancelled executions (status: {})", .0.as_str())]
    NotFailed(ExecutionStatus),
    /// Steps that should be undone were not, so that nobody knows what they left.
    #[error("Cannot retry from the failure: rolling back {} had failed; retry from the start instead", list(.0))]
    RollBackFailed(Vec<StepId>),
}

impl Execution {
    /// Whether the execution can be retried.
    pub fn check_retry(&self) -> Result<(), RetryError> {
        match self.status() {
            ExecutionStatus::Failed | ExecutionStatus::Cancelled => Ok(()),
            status => Err(RetryError::NotFailed(status)),
        }
    }

    /// A new execution that runs again what failed in `old`, and takes everything else over. With it, the events so far.
    pub fn retry_from_failed(
        id: ExecutionId,
        old: &Self,
        creation: Creation,
        now: Timestamp,
    ) -> Result<(Self, Vec<Recorded>), RetryError> {
        old.check_retry()?;
        let half_undone = old.steps_not_undone();
        if !half_undone.is_empty() {
            return Err(RetryError::RollBackFailed(half_undone));
        }
        let again = old.steps_to_run_again();
        let (mut execution, created) = Self::create(id, Arc::clone(&old.definition), creation, now);
        let mut events = vec![created];
        let mut taken_over: Vec<StepIndex> = (0..old.steps.len()).filter(|step| !again.contains(step)).collect();
        taken_over.sort_by_key(|step| old.steps[*step].completion.as_ref().map(|completion| completion.order));
        for event in taken_over.into_iter().filter_map(|step| old.reused(step)).chain(old.kept_feedback(&again)) {
            let recorded = Recorded { sequence: execution.state.sequence + 1, at: now, event };
            // Both executions run the same definition, so that every event applies.
            if execution.apply(&recorded).is_ok() {
                events.push(recorded);
            }
        }
        execution.rebuild_index();
        Ok((execution, events))
    }

    /// The outputs that a new execution takes over from this one, for the store to copy.
    pub fn outputs_to_reuse(events: &[Recorded]) -> Vec<(StepId, ValueRef)> {
        let output = |recorded: &Recorded| match &recorded.event {
            Event::Step(
                step_id,
                StepEvent::Reused { output: Some(output), .. } | StepEvent::Reset { output: Some(output), .. },
            ) => Some((step_id.clone(), *output)),
            Event::Process(_) | Event::Step(..) | Event::Attempt(..) | Event::Approval(..) | Event::Child(..) => None,
        };
        events.iter().filter_map(output).collect()
    }

    fn reused(&self, step: StepIndex) -> Option<Event> {
        let state = &self.steps[step];
        let end = match &state.life {
            StepLife::Completed => ReusedEnd::Completed,
            StepLife::Failed { .. } => {
                ReusedEnd::Failed { error: state.error.clone()?, handled_by: self.handler_of(step)?.clone() }
            }
            StepLife::Skipped { reason } => ReusedEnd::Skipped { reason: *reason, error: state.error.clone() },
            StepLife::Pending
            | StepLife::Running
            | StepLife::Waiting(_)
            | StepLife::WaitingApproval { .. }
            | StepLife::Cancelled => return None,
        };
        let step_id = self.definition.step(step).id.clone();
        let (output, decision, deciders) = (state.output, state.decision.clone(), state.deciders.clone());
        Some(Event::Step(step_id, StepEvent::Reused { end, output, decision, deciders }))
    }

    /// What approvals that wanted changes said, for the steps that run again because of that.
    fn kept_feedback(&self, again: &BTreeSet<StepIndex>) -> Vec<Event> {
        let feedback = |step: &StepIndex| {
            let state = &self.steps[*step];
            let output = state.output.filter(|_| wanted_changes(state))?;
            let step_id = self.definition.step(*step).id.clone();
            let kept_feedback = Some(state.feedback.clone().unwrap_or_default());
            let requested_by = step_id.clone();
            let reset = StepEvent::Reset { requested_by, round: 2, output: Some(output), kept_feedback };
            Some(Event::Step(step_id, reset))
        };
        again.iter().filter_map(feedback).collect()
    }

    fn steps_not_undone(&self) -> Vec<StepId> {
        let failed = |state: &StepState| {
            state.compensation.as_ref().is_some_and(|compensation| compensation.life == CompensationLife::Failed)
        };
        self.steps().filter(|(_, state)| failed(state)).map(|(step, _)| step.id.clone()).collect()
    }

    /// What failed un-handled, was cancelled, never got its turn or was rolled back, and all that comes after it.
    fn steps_to_run_again(&self) -> BTreeSet<StepIndex> {
        let mut again: BTreeSet<StepIndex> = (0..self.steps.len()).filter(|step| self.must_run_again(*step)).collect();
        loop {
            let before = again.len();
            for step in again.clone() {
                again.extend(self.range_of_changes(step));
                for edge in self.definition.graph().outgoing(step) {
                    let handled_elsewhere =
                        edge.kind == EdgeKind::Error && self.completed_for_another(edge.target, &again);
                    if !handled_elsewhere {
                        again.insert(edge.target);
                    }
                }
            }
            for step in 0..self.steps.len() {
                if let Some(handler) = self.handler_of(step) {
                    let handler = self.definition.position(handler);
                    if handler.is_none_or(|handler| again.contains(&handler) || !self.has_ended_well(handler)) {
                        again.insert(step);
                    }
                }
            }
            if again.len() == before {
                return again;
            }
        }
    }

    fn must_run_again(&self, step: StepIndex) -> bool {
        let state = &self.steps[step];
        match &state.life {
            StepLife::Failed { .. } => self.handler_of(step).is_none(),
            StepLife::Skipped { reason } => *reason == SkipReason::UpstreamFailed,
            StepLife::Completed => state.compensation.is_some(),
            StepLife::Cancelled
            | StepLife::Pending
            | StepLife::Running
            | StepLife::Waiting(_)
            | StepLife::WaitingApproval { .. } => true,
        }
    }

    /// After `CHANGES_REQUESTED`, the approval's re-run range.
    fn range_of_changes(&self, step: StepIndex) -> Vec<StepIndex> {
        let StepKind::HumanApproval(approval) = &self.definition.step(step).kind else {
            return Vec::new();
        };
        let Some(rerun) = approval.on_changes_requested.as_ref().filter(|_| wanted_changes(&self.steps[step])) else {
            return Vec::new();
        };
        let Some(first) = self.definition.position(&rerun.rerun) else {
            return Vec::new();
        };
        let between = self.definition.graph().between(first, step);
        (0..self.steps.len()).filter(|step| between[*step]).collect()
    }

    fn completed_for_another(&self, handler: StepIndex, again: &BTreeSet<StepIndex>) -> bool {
        self.has_ended_well(handler) && self.failures_for(handler).iter().any(|failed| !again.contains(failed))
    }

    fn has_ended_well(&self, step: StepIndex) -> bool {
        self.steps[step].life == StepLife::Completed
    }
}

fn wanted_changes(state: &StepState) -> bool {
    state.error.as_ref().is_some_and(|error| error.code == ErrorCode::ChangesRequested)
}

fn list(steps: &[StepId]) -> String {
    steps.iter().map(|step| format!("`{step}`")).collect::<Vec<_>>().join(", ")
}
