//! Taking up attempts again that were under way when the server stopped (spec 3.8).

use super::{
    boundary::{Call, Effect, ValueKey},
    state::{Attempt, CompensationLife, StepLife},
    turn::Turn,
};
use crate::{
    definition::StepIndex,
    event::{Event, StepError, Usage},
    value::ErrorCode,
};

/// The interruption that fails an attempt: it may be what kills the server.
const LAST_INTERRUPTION: u32 = 3;

impl Turn<'_, '_> {
    /// The server had stopped: every call in flight is recovered under its key, or fails when that happened too often.
    pub fn interrupt(&mut self, in_order: bool) -> bool {
        for step in 0..self.execution.steps.len() {
            if self.state(step).life == StepLife::Running
                && let Some(attempt) = self.state(step).open_attempt().cloned()
            {
                self.interrupt_attempt(step, &attempt, false, in_order);
            }
            let compensation = self.state(step).compensation.as_ref();
            let running = compensation.filter(|compensation| compensation.life == CompensationLife::Running);
            if let Some(attempt) = running.and_then(|compensation| compensation.attempts.last()).cloned() {
                self.interrupt_attempt(step, &attempt, true, in_order);
            }
        }
        true
    }

    fn interrupt_attempt(&mut self, step: StepIndex, attempt: &Attempt, compensation: bool, in_order: bool) {
        let step_id = self.id(step);
        self.emit(Event::StepInterrupted { step_id: step_id.clone(), attempt: attempt.number, compensation, in_order });
        if !in_order && attempt.interruptions + 1 >= LAST_INTERRUPTION {
            let message = format!("the server stopped {LAST_INTERRUPTION} times while this attempt was under way");
            let error = StepError { code: ErrorCode::Interrupted, message };
            if compensation {
                self.fail_compensation(step, error, Usage::default(), None);
            } else {
                self.fail_attempt(step, error, Usage::default(), None);
            }
            return;
        }
        let Some(input) = attempt.input.clone() else { return };
        let key = if compensation { ValueKey::CompensationInput } else { ValueKey::AttemptInput };
        let call = Call {
            id: self.call_id(step, attempt.number, compensation),
            agent: attempt.agent.clone(),
            input,
            input_key: key(step_id, attempt.number),
            timeout: self.step(step).timeout,
            call_ref: attempt.call_ref.clone(),
        };
        self.recover_call(step, Effect::Recover(call));
    }
}
