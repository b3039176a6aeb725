//! Agents that are told of a step: the informed, and those that watch over it (spec 1.7, 5.4).

use procession_domain::{
    definition::Step,
    event::{AttemptEvent, Event, Recorded, StepError},
    value::Json,
};
use serde_json::json;

use super::{
    events::{facts, names, names_of, told_name},
    planning::{NewId, Told, delivery_of},
};
use crate::ports::{DeliveryContent, DeliveryKind, NewDelivery};

/// The longest summary of an output, in characters.
const LONGEST_SUMMARY: usize = 500;

/// Outputs of so many bytes and more are not whole where events are told.
const PREVIEWED: u64 = 4 * 1024 + 1;

/// What the informed hear of that don't say.
const USUAL: [&str; 2] = ["StepCompleted", "StepFailed"];

/// What those hear of that watch over a step.
const WATCHED: [&str; 5] =
    ["StepFailed", "StepRetrying", "StepTimedOut", "CompensationCompleted", "CompensationFailed"];

/// All that agents can be told of a step.
const OF_STEPS: [&str; 6] =
    ["StepCompleted", "StepFailed", "StepRetrying", "StepTimedOut", "CompensationCompleted", "CompensationFailed"];

/// What agents are told of the events of a turn, in their order.
pub(super) fn plan(told: &Told<'_>, new_id: NewId<'_>) -> Vec<NewDelivery> {
    let definition = told.execution.definition();
    let mut deliveries = Vec::new();
    for recorded in told.events {
        let Event::Attempt(step_id, _, event) = &recorded.event else { continue };
        let Some(position) = definition.position(step_id) else { continue };
        let step = definition.step(position);
        let roles = &step.roles;
        for name in names_of(&recorded.event).filter(|name| OF_STEPS.contains(name)) {
            let is_wanted =
                |events: &[String]| if events.is_empty() { USUAL.contains(&name) } else { names(events, name) };
            let informed = roles.informed.iter().filter(|informed| is_wanted(&informed.events));
            let informed = informed.map(|informed| (DeliveryKind::Informed, &informed.agent));
            let monitors = roles.monitors.iter().filter(|_| WATCHED.contains(&name));
            let monitors = monitors.map(|monitor| (DeliveryKind::Monitor, monitor));
            for (kind, agent) in informed.chain(monitors) {
                let event_type = told_name(name);
                let content = DeliveryContent::AgentMessage {
                    step_id: step_id.clone(),
                    message: message(told, recorded, step, event, kind, &event_type),
                };
                deliveries.push(NewDelivery {
                    receiver: format!("agent {}", agent.as_str()),
                    target: agent.as_str().to_owned(),
                    ..delivery_of(told, recorded, kind, event_type, content, new_id)
                });
            }
        }
    }
    deliveries
}

fn message(
    told: &Told<'_>,
    recorded: &Recorded,
    step: &Step,
    event: &AttemptEvent,
    kind: DeliveryKind,
    event_type: &str,
) -> Json {
    let creation = told.execution.creation();
    let mut metadata = facts(recorded);
    metadata.insert("process_version".to_owned(), json!(creation.process.version.to_string()));
    metadata.insert("timestamp".to_owned(), json!(recorded.at));
    metadata.insert("labels".to_owned(), json!(creation.labels));
    let message_type = match kind {
        DeliveryKind::Monitor => "monitor_notification",
        DeliveryKind::Informed | DeliveryKind::Webhook | DeliveryKind::Mail | DeliveryKind::Slack => {
            "informed_notification"
        }
    };
    json!({
        "type": message_type,
        "event_type": event_type,
        "process_name": creation.process.name,
        "execution_id": told.execution.id(),
        "step_id": step.id,
        "step_name": step.name,
        "output_summary": summary(event),
        "metadata": metadata,
    })
}

/// What came of the attempt, in short: the reply or what stands for it, or why there is none.
fn summary(event: &AttemptEvent) -> String {
    let of_error = |error: &StepError| shortened(&format!("{}: {}", error.code, error.message));
    match event {
        AttemptEvent::Completed { output, .. } => {
            let text = output.as_ref().and_then(|shown| match (shown.preview.as_deref()?, shown.value.size) {
                // Of a long value only the beginning of its JSON text is at hand.
                (Json::String(beginning), PREVIEWED..) => Some(text_at(beginning)),
                (whole, _) => Some(text_of(whole)),
            });
            text.map(|text| shortened(&text)).unwrap_or_default()
        }
        AttemptEvent::Failed { error, .. } | AttemptEvent::Retrying { error, .. } => of_error(error),
        AttemptEvent::Started(_)
        | AttemptEvent::Submitted { .. }
        | AttemptEvent::Waiting(_)
        | AttemptEvent::Resumed { .. }
        | AttemptEvent::Interrupted { .. }
        | AttemptEvent::CostRecorded { .. } => String::new(),
    }
}

/// The same of the beginning of an output's JSON text.
fn text_at(beginning: &str) -> String {
    let reply = beginning.strip_prefix("{\"response\":\"").or_else(|| beginning.strip_prefix('"'));
    let Some(reply) = reply else { return beginning.to_owned() };
    // Where it was cut, an escape may be cut too; the longest has twelve characters.
    let mut ends = reply.char_indices().map(|(end, _)| end).rev().take(13);
    let unescaped = |end| serde_json::from_str::<String>(&format!("\"{}\"", reply.get(..end)?)).ok();
    ends.find_map(unescaped).unwrap_or_else(|| beginning.to_owned())
}

/// The text in an output that people would read: the reply of an agent, or the whole.
fn text_of(output: &Json) -> String {
    match (output, output.get("response")) {
        (Json::String(text), _) | (_, Some(Json::String(text))) => text.clone(),
        (Json::Null, _) => String::new(),
        (other, _) => other.to_string(),
    }
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= LONGEST_SUMMARY {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(LONGEST_SUMMARY - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_the_text_of_a_reply_and_never_longer_than_it_may_be() {
        assert_eq!(text_of(&json!({"response": "All is well", "agent": "ada"})), "All is well");
        assert_eq!(text_of(&json!("All is well")), "All is well");
        assert_eq!(text_of(&json!({"score": 7})), "{\"score\":7}");
        assert_eq!(text_at("{\"response\":\"a\\n\\\"b\\u00"), "a\n\"b");
        assert_eq!(text_at("\"äö\\"), "äö");
        assert_eq!(text_at("{\"score\":7"), "{\"score\":7");
        assert_eq!(shortened(&"ä".repeat(500)).chars().count(), 500);
        let long = shortened(&"ä".repeat(501));
        assert_eq!((long.chars().count(), long.ends_with('…')), (500, true));
    }
}
