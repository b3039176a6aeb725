//! What events are called outside, who wants to hear of them, and what is said of them.

use procession_domain::{
    definition::Definition,
    event::{AttemptEvent, Event, Recorded, StepError, StepEvent},
    value::{ErrorCode, Json, StepId},
};
use serde_json::{Map, json};

/// What an attempt is said to have done that took too long, besides what follows from that.
const TIMED_OUT: &str = "StepTimedOut";

/// The names under which an event is told, as definitions write them: that of its type and, where an attempt took too
/// long, that of a time-out before it.
pub(super) fn names_of(event: &Event) -> impl Iterator<Item = &'static str> {
    is_time_out(event).then_some(TIMED_OUT).into_iter().chain([event.event_type()])
}

/// Whether an attempt at a step took too long.
fn is_time_out(event: &Event) -> bool {
    use procession_domain::event::Direction::Do;
    match event {
        Event::Attempt(_, Do, AttemptEvent::Failed { error, .. } | AttemptEvent::Retrying { error, .. }) => {
            error.code == ErrorCode::Timeout
        }
        Event::Attempt(..) | Event::Process(_) | Event::Step(..) | Event::Approval(..) | Event::Child(..) => false,
    }
}

/// Whether a list of wanted events names this one, in whatever spelling: `step_completed`, `StepCompleted`.
pub(super) fn names(wanted: &[String], event: &str) -> bool {
    let letters = |text: &str| {
        let letters = text.trim().bytes().filter(|byte| !matches!(byte, b'_' | b'-'));
        letters.map(|byte| byte.to_ascii_lowercase()).collect::<Vec<_>>()
    };
    wanted.iter().any(|wanted| letters(wanted) == letters(event))
}

/// The name of an event as it is told: `process_completed`.
pub(super) fn told_name(name: &str) -> String {
    let mut told = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !told.is_empty() {
            told.push('_');
        }
        told.push(letter.to_ascii_lowercase());
    }
    told
}

/// The name of a step for people.
pub(super) fn step_name<'d>(definition: &'d Definition, id: &'d StepId) -> &'d str {
    definition.position(id).map_or(id.as_str(), |position| &definition.step(position).name)
}

/// What an event of a step says besides the step: numbers, costs, why it failed.
pub(super) fn facts(recorded: &Recorded) -> Map<String, Json> {
    let mut facts = Map::new();
    let mut put = |name: &str, value: Json| {
        facts.insert(name.to_owned(), value);
    };
    match &recorded.event {
        Event::Attempt(_, _, event) => match event {
            AttemptEvent::Started(start) => {
                put("attempt", json!(start.attempt));
                put("agent", json!(start.agent));
            }
            AttemptEvent::Submitted { attempt, .. }
            | AttemptEvent::Resumed { attempt, .. }
            | AttemptEvent::Interrupted { attempt, .. }
            | AttemptEvent::CostRecorded { attempt, .. } => put("attempt", json!(attempt)),
            AttemptEvent::Waiting(wait) => put("waiting", json!(wait)),
            AttemptEvent::Retrying { attempt, max_attempts, next_retry_at, error, .. } => {
                put("attempt", json!(attempt));
                put("max_attempts", json!(max_attempts));
                put("next_retry_at", json!(next_retry_at));
                put("will_retry", json!(true));
                put("error", error_of(error));
            }
            AttemptEvent::Completed { duration, .. } => put("duration_seconds", json!(duration.as_secs_f64())),
            AttemptEvent::Failed { error, retry_count, handled_by, .. } => {
                put("retry_count", json!(retry_count));
                put("will_retry", json!(false));
                put("handled_by", json!(handled_by));
                put("error", error_of(error));
            }
        },
        Event::Step(_, StepEvent::Skipped(skipped)) => {
            put("reason", json!(skipped.reason));
            put("error", skipped.error.as_ref().map(error_of).unwrap_or_default());
        }
        Event::Step(_, StepEvent::Reset { round, .. }) => put("round", json!(round)),
        Event::Step(_, StepEvent::GatewayEvaluated(decision)) => put("taken", json!(decision.taken)),
        Event::Step(_, StepEvent::WaitingApproval { .. } | StepEvent::Cancelled | StepEvent::Reused { .. })
        | Event::Process(_)
        | Event::Approval(..)
        | Event::Child(..) => {}
    }
    if let Some(cost) = recorded.event.usage().and_then(|usage| usage.cost) {
        facts.insert("cost".to_owned(), json!(cost.to_string()));
    }
    facts
}

fn error_of(error: &StepError) -> Json {
    json!({"code": error.code, "message": error.message})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_in_any_spelling_and_told_with_underscores() {
        let wanted = ["step_completed".to_owned(), "Process-Failed".to_owned()];
        assert!(names(&wanted, "StepCompleted") && names(&wanted, "ProcessFailed"));
        assert!(!names(&wanted, "StepFailed"));
        assert_eq!(told_name("CompensationStepRetrying"), "compensation_step_retrying");
    }
}
