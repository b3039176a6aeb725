//! Rolling back (spec 1.6, 3.3): the completed steps that have a compensation are undone one by one, latest first, each
//! durably and with its own attempts.

use super::{
    Execution,
    state::{CompensationLife, CompensationState},
    turn::Turn,
};
use crate::{
    definition::StepIndex,
    event::{Direction, RollBackCause},
};

impl Turn<'_, '_> {
    /// Goes on rolling back; ends the execution when nothing is left to undo.
    pub fn roll_back(&mut self, cause: RollBackCause) {
        loop {
            // A call whose step could be undone is waited for, so that it is undone if it completes.
            if self.execution.index.running.iter().any(|(_, direction)| *direction == Direction::Do) {
                return;
            }
            let Some(step) = self.execution.next_to_undo() else { break };
            if self.execution.index.queued.contains(&step) {
                return;
            }
            match self.state(step).compensation.as_ref().map(|compensation| &compensation.life) {
                Some(CompensationLife::Running) => return,
                Some(CompensationLife::Waiting(wait)) if wait.until().is_some_and(|until| until > self.now()) => return,
                Some(CompensationLife::Waiting(_) | CompensationLife::Completed | CompensationLife::Failed) | None => {}
            }
            self.start_attempt(step, Direction::Undo);
            let settled = self.state(step).compensation.as_ref().is_some_and(CompensationState::is_settled);
            if !settled {
                return;
            }
        }
        self.end_with(cause);
    }
}

impl CompensationState {
    /// Whether the step is undone, or can't be.
    pub const fn is_settled(&self) -> bool {
        matches!(self.life, CompensationLife::Completed | CompensationLife::Failed)
    }
}

impl Execution {
    /// How many steps are still to be undone.
    pub(super) fn count_to_undo(&self) -> usize {
        (0..self.steps.len()).filter(|step| self.is_to_be_undone(*step)).count()
    }

    /// The next step to undo: the latest completion first.
    fn next_to_undo(&self) -> Option<StepIndex> {
        let completed = |step: &StepIndex| self.steps[*step].completion.as_ref().map(|done| done.order);
        (0..self.steps.len()).filter(|step| self.is_to_be_undone(*step)).max_by_key(completed)
    }

    /// Whether a step completed in some round, has a compensation, and is neither undone nor known not to be.
    fn is_to_be_undone(&self, step: StepIndex) -> bool {
        let state = &self.steps[step];
        let settled = state.compensation.as_ref().is_some_and(CompensationState::is_settled);
        self.definition.step(step).compensation.is_some() && state.completion.is_some() && !settled
    }
}
