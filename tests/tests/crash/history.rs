//! What must be true of every history, crash or no crash.

use std::collections::{BTreeMap, BTreeSet};

use procession_tests::platform::{Call, Outcome};
use serde_json::{Value, json};

/// The events are numbered without a gap, nothing follows the end, and no step has two ends.
pub fn is_sound(events: &[Value]) {
    let sequences: Vec<u64> = events.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (1..=events.len() as u64).collect::<Vec<_>>());
    let is_end = |event: &&Value| {
        matches!(event["event_type"].as_str(), Some("ProcessCompleted" | "ProcessFailed" | "ProcessCancelled"))
    };
    assert_eq!(events.iter().filter(is_end).count(), 1, "{events:#?}");
    for name in ["StepCompleted", "StepSkipped"] {
        let steps: Vec<&Value> =
            events.iter().filter(|event| event["event_type"] == name).map(|event| &event["step_id"]).collect();
        let different: BTreeSet<String> = steps.iter().map(ToString::to_string).collect();
        assert_eq!(different.len(), steps.len(), "{name} twice: {steps:?}");
    }
}

/// No agent was asked for a step that had completed, no task began twice, and no key but the given ones was used.
pub fn asked_once_each(execution: &str, events: &[Value], calls: &[Call], expected: &BTreeMap<&str, usize>) {
    let own: Vec<&Call> = calls
        .iter()
        .filter(|call| call.tool == "chat_with_agent")
        .filter(|call| call.reference.as_ref().is_some_and(|reference| reference.execution == execution))
        .collect();
    for (step, attempts) in expected {
        let of_step = |call: &&&Call| call.reference.as_ref().is_some_and(|reference| reference.step == *step);
        let mut begun: BTreeMap<&str, usize> = BTreeMap::new();
        for call in own.iter().filter(of_step) {
            let key = call.reference.as_ref().map_or("", |reference| reference.key.as_str());
            *begun.entry(key).or_default() += usize::from(call.outcome == Outcome::Began);
        }
        assert_eq!(begun.len(), *attempts, "keys of {execution}/{step}: {begun:?}");
        for (key, times) in begun {
            assert!(times <= 1, "{key} was begun {times} times");
        }
        let completed = events
            .iter()
            .find(|event| event["event_type"] == "StepCompleted" && event["step_id"] == json!(step))
            .map(|event| micros(event["timestamp"].as_str().unwrap()));
        if let Some(completed) = completed {
            let is_undoing =
                |call: &Call| call.reference.as_ref().is_some_and(|reference| reference.key.contains("/compensation/"));
            let late = own.iter().filter(of_step).find(|call| call.at > completed && !is_undoing(call));
            assert!(late.is_none(), "{execution}/{step} was asked after it had completed: {late:?}");
        }
    }
}

fn micros(time: &str) -> i128 {
    let time = time::OffsetDateTime::parse(time, &time::format_description::well_known::Rfc3339).unwrap();
    time.unix_timestamp_nanos() / 1000
}
