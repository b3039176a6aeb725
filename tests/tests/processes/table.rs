//! Every case, on every store.

use std::{collections::BTreeMap, sync::Arc};

use procession_domain::{
    execution::{Execution, Life},
    value::Duration,
};
use procession_testing::contract::Stores;
use serde_json::Value as Json;

use super::{
    case::{Case, Expected, Payload, all},
    ending::{Ending, end_of, name_of, payload_of},
    play::play,
    rules::broken_rules,
    stores,
};

#[test]
fn every_process_file_ends_as_it_says_in_memory() {
    check_all(|| async { Arc::new(Stores::in_memory()) });
}

#[test]
fn every_process_file_ends_as_it_says_on_sqlite() {
    check_all(|| async { Arc::new(stores::on_sqlite().await) });
}

/// Plays all cases, each in a runtime of its own whose time is paused; reports all that end otherwise.
fn check_all<F: Future<Output = Arc<Stores>>>(stores: impl Fn() -> F) {
    let only = std::env::var("CASE").ok();
    let mut problems: BTreeMap<String, String> = BTreeMap::new();
    let cases: Vec<Case> =
        all().into_iter().filter(|case| only.as_ref().is_none_or(|only| case.name.contains(only))).collect();
    for case in &cases {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            runtime.block_on(async {
                let stores = stores().await;
                tokio::time::pause();
                Box::pin(play(case, stores)).await
            })
        }));
        let found = match played {
            Ok(ending) => differences(case, &ending),
            Err(_) => "it panicked; the message is above".into(),
        };
        if !found.is_empty() {
            problems.insert(case.name.clone(), format!("  {}\n{found}", case.about));
        }
    }
    let report: Vec<String> = problems.iter().map(|(name, problem)| format!("{name}:\n{problem}")).collect();
    assert!(problems.is_empty(), "{} of {} cases end otherwise\n{}", problems.len(), cases.len(), report.join("\n"));
}

fn differences(case: &Case, played: &Result<Ending, String>) -> String {
    let mut found = Differences::default();
    let ending = match (played, &case.refused) {
        (Ok(ending), None) => ending,
        (Ok(_), Some(expected)) => return format!("  it was started; expected: {expected}"),
        (Err(refusal), expected) => {
            let as_expected = expected.as_ref().is_some_and(|expected| refusal.starts_with(expected.as_str()));
            return if as_expected { String::new() } else { format!("  its start was refused: {refusal}") };
        }
    };
    compare(&case.expect, ending, &mut found);
    match (&case.retry, &ending.retried) {
        (None, _) => {}
        (Some(retry), Some(Err(refusal))) => match &retry.refused {
            Some(expected) if refusal.starts_with(expected.as_str()) => {}
            Some(expected) => found.check("the retry's refusal", refusal, expected),
            None => found.check("the retry", &Some(refusal.as_str()), &None),
        },
        (Some(retry), Some(Ok(again))) => {
            if let Some(expected) = &retry.expect {
                compare(expected, again, &mut found);
            }
            found.check("the retry's refusal", &None, &retry.refused.as_deref());
        }
        (Some(_), None) => found.0.push("  it was not retried".into()),
    }
    found.0.join("\n")
}

#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn check<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: &T, expected: &T) {
        if found != expected {
            self.0.push(format!("  {what}: {found:?}\n  {:1$} {expected:?}", "expected", what.len() - 1));
        }
    }

    fn check_if<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: &T, expected: Option<&T>) {
        if let Some(expected) = expected {
            self.check(what, found, expected);
        }
    }
}

fn compare(expected: &Expected, ending: &Ending, found: &mut Differences) {
    let execution = &ending.execution;
    found.check("status", &execution.status().as_str().to_owned(), &expected.status);
    compare_error(expected, execution, found);
    for (step, state) in execution.steps() {
        let wanted = expected.steps.get(step.id.as_str()).cloned().unwrap_or_default();
        found.check(step.id.as_str(), &end_of(state), &wanted);
    }
    for step in expected.steps.keys().filter(|step| execution.step(step).is_none()) {
        found.0.push(format!("  there is no step `{step}`"));
    }
    found.0.extend(broken_rules(&ending.events).iter().map(|rule| format!("  {rule}")));
    found.check_if("outputs", &ending.outputs, expected.outputs.as_ref());
    for (step, fields) in &expected.step_outputs {
        let output = ending.step_outputs.get(step).cloned().unwrap_or_default();
        for (field, value) in fields.as_object().into_iter().flatten() {
            let seen = output.get(field).cloned().unwrap_or(Json::Null);
            if !is_nearly(&seen, value) {
                found.check(&format!("{step}.{field}"), &seen, value);
            }
        }
    }
    compare_facts(expected, ending, found);
    let events: Vec<String> = ending.events.iter().map(|recorded| name_of(&recorded.event)).collect();
    found.check_if("events", &events, expected.events.as_ref());
    for wanted in &expected.has_events {
        let occurs = events.iter().any(|event| event == wanted || event.split(' ').next() == Some(wanted));
        found.check(&format!("the event {wanted} occurs"), &occurs, &true);
    }
    for payload in &expected.payloads {
        compare_payload(payload, ending, found);
    }
    for (process, status) in &expected.children {
        let child = ending.children.get(process).map(|child| child.execution.status().as_str());
        found.check(&format!("child {process}"), &child, &Some(status.as_str()));
    }
    for (process, expected) in &expected.inside {
        let mut inside = Differences::default();
        match ending.children.get(process) {
            Some(child) => compare(expected, child, &mut inside),
            None => inside.0.push("  there is none".into()),
        }
        found.0.extend(inside.0.iter().map(|difference| format!("  in {process}:{difference}")));
    }
}

fn compare_payload(expected: &Payload, ending: &Ending, found: &mut Differences) {
    let events = ending.events.iter().filter(|recorded| name_of(&recorded.event) == expected.of);
    let payloads: Vec<Json> = events.map(|recorded| payload_of(&recorded.event)).collect();
    if !payloads.iter().any(|payload| contains(payload, &expected.has)) {
        let seen = serde_json::to_string(&payloads).unwrap();
        found.0.push(format!("  no {} has {}: {seen}", expected.of, expected.has));
    }
}

/// Whether a value is the expected one, a number to the hundredth: timers of the runtime count whole milliseconds.
fn is_nearly(value: &Json, expected: &Json) -> bool {
    match (value.as_f64(), expected.as_f64()) {
        (Some(value), Some(expected)) => (value - expected).abs() < 0.01,
        _ => value == expected,
    }
}

/// Whether a value is the expected one, other fields of objects aside.
fn contains(value: &Json, expected: &Json) -> bool {
    match (value, expected) {
        (Json::Object(value), Json::Object(expected)) => {
            expected.iter().all(|(field, expected)| contains(value.get(field).unwrap_or(&Json::Null), expected))
        }
        (Json::Array(value), Json::Array(expected)) => {
            value.len() == expected.len()
                && value.iter().zip(expected).all(|(value, expected)| contains(value, expected))
        }
        _ => value == expected,
    }
}

fn compare_error(expected: &Expected, execution: &Execution, found: &mut Differences) {
    let error = match &execution.state().life {
        Life::Failed(error) => Some(error),
        _ => None,
    };
    if expected.error.is_some() {
        found.check("error", &error.map(|error| error.code), &expected.error);
    }
    if let Some(part) = &expected.error_says {
        let says = error.is_some_and(|error| error.message.contains(part.as_str()));
        if !says {
            found.0.push(format!("  the error does not say `{part}`: {:?}", error.map(|error| &error.message)));
        }
    }
}

fn compare_facts(expected: &Expected, ending: &Ending, found: &mut Differences) {
    let state = ending.execution.state();
    let took = state.started_at.zip(state.completed_at).map(|(started, ended)| ended.since(started).as_secs());
    found.check_if("seconds", &took.unwrap_or(0), expected.takes.map(Duration::as_secs).as_ref());
    found.check_if("cost", &state.cost.amount.amount(), expected.cost.as_ref());
    found.check_if("whether the cost is complete", &state.cost.complete, expected.cost_complete.as_ref());
    found.check_if("messages", &ending.messages, expected.messages.as_ref());
    found.check_if("notifications", &ending.notifications, expected.notifications.as_ref());
    found.check_if("abandoned", &ending.abandoned, expected.abandoned.as_ref());
    found.check_if("keys", &ending.keys, expected.keys.as_ref());
    found.check_if("approvals", &ending.approvals, expected.approvals.as_ref());
    let output_warnings = match &state.life {
        Life::Completed { warnings, .. } => warnings.len(),
        _ => 0,
    };
    found.check_if("output warnings", &output_warnings, expected.output_warnings.as_ref());
    if let Some(wanted) = &expected.warnings {
        let steps = ending.execution.steps().flat_map(|(_, state)| &state.warnings);
        let all: Vec<&String> = state.warnings.iter().chain(steps).collect();
        for part in wanted {
            let said = all.iter().any(|warning| warning.contains(part.as_str()));
            found.check(&format!("a warning says `{part}` ({all:?})"), &said, &true);
        }
    }
}
