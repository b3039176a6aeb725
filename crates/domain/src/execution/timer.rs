//! `timer`: time passes.

use serde_json::json;

use super::{advance::Progress, turn::Turn};
use crate::{
    definition::{StepIndex, StepKind, Timer, UndefinedRule},
    event::{AttemptEvent, Direction, StepError, Usage, Wait},
    expressions::Scope,
    value::{Duration, ErrorCode, Timestamp},
};

impl Turn<'_, '_> {
    pub fn start_timer(&mut self, step: StepIndex) -> Progress {
        let StepKind::Timer(timer) = &self.step(step).kind else {
            return Progress::Done;
        };
        let timer = timer.clone();
        let Some(scope) = self.scope_of(step) else {
            return Progress::NeedsValues;
        };
        match self.end_of_wait(&timer, &scope) {
            Err(error) => self.fail_to_start(step, Direction::Do, error),
            Ok(until) => {
                self.start_without_call(step, Vec::new());
                if until <= self.now() {
                    self.finish_timer(step, until);
                } else {
                    let waiting = AttemptEvent::Waiting(Wait::Timer { until });
                    self.emit(self.attempt_event(step, Direction::Do, waiting));
                }
            }
        }
        Progress::Done
    }

    /// A timer fires.
    pub fn finish_timer(&mut self, step: StepIndex, until: Timestamp) {
        let started = self.state(step).open_attempt().map_or(self.now(), |attempt| attempt.started_at);
        let waited = self.now().since(started);
        let output = json!({
            "waited_seconds": waited.as_secs_f64(),
            "delay_formatted": readable(until.since(started)).to_string(),
            "fired_at": until.max(started),
        });
        self.complete(step, output, Usage::default());
    }

    fn end_of_wait(&self, timer: &Timer, scope: &Scope) -> Result<Timestamp, StepError> {
        let invalid = |message: String| StepError { code: ErrorCode::InvalidConfig, message };
        let (Timer::Duration(text) | Timer::Until { at: text, .. }) = timer;
        let text = self.context.expressions.text(text, scope, UndefinedRule::Error);
        let text = text.map_err(|error| StepError { code: error.code(), message: error.to_string() })?.value;
        match timer {
            Timer::Duration(_) => {
                let duration: Duration = text.parse().map_err(|error| invalid(format!("duration: {error}")))?;
                let end = self.now().checked_add(duration);
                end.ok_or_else(|| invalid(format!("duration: {duration} from now is beyond the year 9999")))
            }
            Timer::Until { timezone, .. } => {
                let time = self.context.expressions.time_of(&text, timezone.as_deref(), self.now());
                time.map_err(|error| invalid(format!("until: {error}")))
            }
        }
    }
}

/// A delay as people tell it: in whole seconds, if it is as long as that.
const fn readable(delay: Duration) -> Duration {
    if delay.as_secs() > 0 { Duration::from_secs(delay.as_secs()) } else { delay }
}
