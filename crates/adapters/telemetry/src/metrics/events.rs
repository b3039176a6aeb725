//! What is counted from events: how executions, steps and calls ended, how long they took, and what they cost.

use std::collections::HashMap;

use procession_application::ports::StoredEvent;
use procession_domain::{
    definition::Definition,
    event::{AttemptEvent, Direction, Event, ProcessEvent, SkipReason, StepError, StepEvent},
    value::{ErrorCode, ExecutionId, StepId, Timestamp},
};

use super::Metrics;

/// The type of a step whose definition can't be read.
const UNKNOWN_TYPE: &str = "unknown";

/// Counts events, and remembers of what is under way when it began. What was under way before the program started is
/// counted when it ends, but not timed where the end does not tell for how long it ran.
#[derive(Default)]
pub(super) struct EventCounter {
    under_way: HashMap<ExecutionId, UnderWay>,
}

#[derive(Default)]
struct UnderWay {
    started_at: Option<Timestamp>,
    steps: HashMap<StepId, Begun>,
}

#[derive(Default)]
struct Begun {
    /// When the step began in this round.
    at: Option<Timestamp>,
    /// Who does the attempt under way.
    agent: Option<String>,
}

impl EventCounter {
    /// Counts an event of an execution that runs this definition.
    pub fn count(&mut self, metrics: &Metrics, event: &StoredEvent, definition: Option<&Definition>) {
        if let Some(cost) = event.event().usage().and_then(|usage| usage.cost) {
            let currency = cost.currency();
            metrics.families.cost.with_label_values(&[currency.as_str()]).inc_by(units(cost.nanos()));
        }
        let step_type = |step: &StepId| {
            let found = definition.and_then(|definition| Some(definition.step(definition.position(step.as_str())?)));
            found.map_or(UNKNOWN_TYPE, |step| step.kind.step_type().as_str())
        };
        match event.event() {
            Event::Process(of_process) => self.count_process(metrics, event, of_process),
            Event::Attempt(step, direction, of_attempt) => {
                self.count_attempt(metrics, event, step, *direction, of_attempt, step_type(step));
            }
            Event::Step(step, of_step) => self.count_step(metrics, event, step, of_step, step_type(step)),
            Event::Approval(..) | Event::Child(..) => {}
        }
    }

    fn count_process(&mut self, metrics: &Metrics, stored: &StoredEvent, event: &ProcessEvent) {
        let (status, told) = match event {
            ProcessEvent::Started { .. } => {
                self.under_way.entry(stored.execution_id).or_default().started_at = Some(stored.at());
                return;
            }
            ProcessEvent::Completed { duration, .. } => ("completed", Some(*duration)),
            ProcessEvent::Failed { .. } => ("failed", None),
            ProcessEvent::Cancelled(_) => ("cancelled", None),
            ProcessEvent::Created(_)
            | ProcessEvent::Paused(_)
            | ProcessEvent::Resumed { .. }
            | ProcessEvent::RollBackStarted { .. }
            | ProcessEvent::BudgetWarning { .. }
            | ProcessEvent::BudgetRaised { .. } => return,
        };
        let begun = self.under_way.remove(&stored.execution_id).and_then(|under_way| under_way.started_at);
        let took = told.or_else(|| begun.map(|begun| stored.at().since(begun)));
        metrics.families.executions.with_label_values(&[status]).inc();
        if let Some(took) = took {
            metrics.families.execution_seconds.observe(took.as_secs_f64());
        }
    }

    fn count_attempt(
        &mut self,
        metrics: &Metrics,
        stored: &StoredEvent,
        step: &StepId,
        direction: Direction,
        event: &AttemptEvent,
        step_type: &str,
    ) {
        match event {
            AttemptEvent::Started(start) => {
                let under_way = self.under_way.entry(stored.execution_id).or_default();
                let begun = under_way.steps.entry(step.clone()).or_default();
                begun.at.get_or_insert(stored.at());
                begun.agent.clone_from(&start.agent);
            }
            AttemptEvent::Retrying { error, .. } => self.count_call(metrics, stored, step, outcome_of(error)),
            AttemptEvent::Completed { duration, .. } => {
                self.count_call(metrics, stored, step, "completed");
                self.forget(stored, step);
                if direction == Direction::Do {
                    metrics.families.steps.with_label_values(&[step_type, "completed"]).inc();
                    metrics.families.step_seconds.with_label_values(&[step_type]).observe(duration.as_secs_f64());
                }
            }
            AttemptEvent::Failed { error, .. } => {
                self.count_call(metrics, stored, step, outcome_of(error));
                let begun = self.forget(stored, step);
                if direction == Direction::Do {
                    ended(metrics, stored, step_type, "failed", begun);
                }
            }
            AttemptEvent::Submitted { .. }
            | AttemptEvent::Waiting(_)
            | AttemptEvent::Resumed { .. }
            | AttemptEvent::Interrupted { .. }
            | AttemptEvent::CostRecorded { .. } => {}
        }
    }

    fn count_step(
        &mut self,
        metrics: &Metrics,
        stored: &StoredEvent,
        step: &StepId,
        event: &StepEvent,
        step_type: &str,
    ) {
        match event {
            StepEvent::Skipped(skipped) => {
                if skipped.reason == SkipReason::SkippedAfterError {
                    let outcome = skipped.error.as_ref().map_or("failed", outcome_of);
                    self.count_call(metrics, stored, step, outcome);
                }
                let begun = self.forget(stored, step);
                ended(metrics, stored, step_type, "skipped", begun);
            }
            StepEvent::Cancelled => {
                self.count_call(metrics, stored, step, "cancelled");
                let begun = self.forget(stored, step);
                ended(metrics, stored, step_type, "cancelled", begun);
            }
            StepEvent::WaitingApproval { .. }
            | StepEvent::Reset { .. }
            | StepEvent::Reused { .. }
            | StepEvent::GatewayEvaluated(_) => {}
        }
    }

    /// Counts the end of a call, if an agent was called.
    fn count_call(&self, metrics: &Metrics, stored: &StoredEvent, step: &StepId, outcome: &str) {
        let under_way = self.under_way.get(&stored.execution_id);
        let begun = under_way.and_then(|under_way| under_way.steps.get(step));
        if let Some(agent) = begun.and_then(|begun| begun.agent.as_deref()) {
            metrics.families.agent_calls.with_label_values(&[metrics.agent(agent), outcome]).inc();
        }
    }

    /// Forgets a step that has ended; when it began.
    fn forget(&mut self, stored: &StoredEvent, step: &StepId) -> Option<Timestamp> {
        let under_way = self.under_way.get_mut(&stored.execution_id)?;
        under_way.steps.remove(step)?.at
    }
}

fn ended(metrics: &Metrics, stored: &StoredEvent, step_type: &str, status: &str, begun: Option<Timestamp>) {
    metrics.families.steps.with_label_values(&[step_type, status]).inc();
    if let Some(begun) = begun {
        let took = stored.at().since(begun).as_secs_f64();
        metrics.families.step_seconds.with_label_values(&[step_type]).observe(took);
    }
}

/// How a call ended that failed.
fn outcome_of(error: &StepError) -> &'static str {
    if error.code == ErrorCode::Timeout { "timed_out" } else { "failed" }
}

/// An amount in whole units of its currency; nothing where it is negative, since a counter only rises.
#[expect(clippy::cast_precision_loss, reason = "a counter is a floating-point number; costs are exact elsewhere")]
fn units(nanos: i64) -> f64 {
    nanos.max(0) as f64 / 1e9
}
