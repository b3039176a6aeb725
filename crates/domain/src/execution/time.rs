//! Stored times that have come (spec 3.4): timers, next attempts, deadlines, time-outs. Each fires once.

use super::{
    index::{Due, DueEntry},
    state::{Life, StepLife},
    turn::Turn,
};
use crate::{
    event::{Direction, ExecutionError, RollBackCause, Wait},
    value::ErrorCode,
};

impl Turn<'_, '_> {
    /// Fires every stored time up to now, earliest first. What one does may make others pointless.
    pub fn pass_time(&mut self) {
        let mut due = std::mem::take(&mut self.execution.index.expiring);
        due.extend(self.execution.index.take_due(self.now()));
        for entry in due {
            self.fire(entry);
        }
    }

    fn fire(&mut self, (at, due, step): DueEntry) {
        match due {
            Due::Timer => {
                if self.state(step).life == StepLife::Waiting(Wait::Timer { until: at }) {
                    self.finish_timer(step, at);
                }
            }
            Due::Attempt => {
                if matches!(self.state(step).life, StepLife::Waiting(_)) {
                    self.resume_attempt(step);
                }
            }
            Due::Timeout => {
                let deadline = self.state(step).open_attempt().and_then(|attempt| attempt.deadline);
                if deadline == Some(at) && !self.state(step).is_terminal() {
                    self.time_out(step, Direction::Do);
                }
            }
            Due::Deadline => {
                if let StepLife::WaitingApproval { approval_id, deadline } = self.state(step).life
                    && deadline == Some(at)
                {
                    self.approval_is_due(approval_id, (at, due, step));
                }
            }
            Due::BudgetDeadline => {
                if let Some(question) = self.execution.state.budget.question {
                    self.approval_is_due(question.approval_id, (at, due, step));
                }
            }
            // The roll-back looks for what is due itself.
            Due::Compensation => {}
            Due::CompensationTimeout => {
                if self.execution.is_running(step, Direction::Undo) {
                    self.time_out(step, Direction::Undo);
                }
            }
            Due::ExecutionTimeout => self.time_out_execution(),
        }
    }

    fn time_out_execution(&mut self) {
        if !matches!(self.execution.state.life, Life::Running | Life::Paused(_)) {
            return;
        }
        let timeout = self.execution.definition.config().timeout.unwrap_or_default();
        let error = ExecutionError {
            code: ErrorCode::ExecutionTimeout,
            message: format!("the execution took longer than its timeout of {timeout}"),
            step_id: None,
        };
        self.stop(RollBackCause::Failure(error), true);
    }
}
