//! Every accepted spelling means the same as the canonical one (spec 1).

use std::collections::BTreeSet;

use procession_domain::definition::Definition;
use procession_language::{Code, Nothing, check, json_schema};
use serde_json::Value;

/// Keys of the document: the canonical spelling, and another one.
const DOCUMENT: &[(&str, &str)] = &[
    ("input: {topic: {type: string, required: true}}", "inputs: [{name: topic, type: string, required: true}]"),
    ("triggers: [{type: manual, id: manual}]", "trigger: {type: manual, id: manual}"),
    ("triggers: [{type: manual, id: manual}]", "triggers: [{type: manual}]"),
    ("triggers: [{type: webhook, id: p}]", "triggers: [{dedupe_header: null}]"),
    ("triggers: [{type: schedule, id: schedule, cron: \"0 9 * * *\"}]", "triggers: [{schedule: \"0 9 * * *\"}]"),
    (
        "triggers: [{type: schedule, id: s, cron: daily, timezone: Europe/Berlin}]",
        "trigger: {id: s, schedule: {cron: daily, timezone: Europe/Berlin}}",
    ),
    ("outputs: [{name: x, source: \"1\"}]", "output: [{name: x, source: \"1\"}]"),
    ("outputs: [{name: x, source: \"1\"}]", "outputs: [{name: x, value: \"1\"}]"),
    ("outputs: [{name: x, source: \"1\"}]", "outputs: {x: \"1\"}"),
    ("outputs: [{name: output, source: \"a b\"}]", "outputs: a b"),
    ("outputs: []", "outputs:"),
    ("config: {budget: {max_cost: 5}}", "config: {max_cost: \"$5.00\"}"),
    ("version: 1", "version: \"1.0\""),
];

/// Keys of a step: the canonical spelling, and another one. Steps `y` and `z` are there as well.
const STEPS: &[(&str, &str)] = &[
    ("type: timer, duration: 1m30s", "type: timer, delay: 1m30s"),
    ("type: timer, until: \"10:30\"", "type: timer, wait_until: \"10:30\""),
    ("type: timer, duration: 1s, depends_on: [y]", "type: timer, duration: 1s, depends_on: y"),
    ("type: timer, duration: 1s, depends_on: []", "type: timer, duration: 1s, depends_on: null"),
    ("type: timer, duration: 1s, priority: high", "type: timer, duration: 1s, urgency: high"),
    ("type: timer, duration: 1s, priority: high", "type: timer, duration: 1s, urgency: critical"),
    ("type: timer, duration: 1s, condition: \"false\"", "type: timer, duration: 1s, condition: false"),
    ("type: timer, duration: 1s, on_error: skip_step", "type: timer, duration: 1s, on_error: {action: skip_step}"),
    ("type: timer, duration: 1s", "type: timer, config: {duration: 1s}"),
    (
        "type: timer, duration: 1s, retry: {max_attempts: 3, initial_delay: 2s}",
        "type: timer, duration: 1s, retry: {attempts: 3, initial_delay: 2s}",
    ),
    (
        "type: timer, duration: 1s, retry: {initial_delay: 2s, backoff: fixed}",
        "type: timer, duration: 1s, retry: {delay: 2s}",
    ),
    (
        "type: timer, duration: 1s, retry: {initial_delay: 2s, backoff: linear}",
        "type: timer, duration: 1s, retry: {delay: 2s, backoff: linear}",
    ),
    (
        "type: timer, duration: 1s, retry: {retry_on: [TIMEOUT]}",
        "type: timer, duration: 1s, retry: {retryable_errors: TIMEOUT}",
    ),
    (
        "type: timer, duration: 1s, retry: {no_retry_on: [TIMEOUT]}",
        "type: timer, duration: 1s, retry: {non_retryable_errors: [TIMEOUT]}",
    ),
    ("type: agent_task, agent: w, message: x", "type: agent_task, agent: w, task: x"),
    ("type: human_approval, assignees: [ann]", "type: human_approval, approvers: ann"),
    ("type: human_approval, assignees: [\"role:legal\"]", "type: human_approval, assignees: [{role: legal}]"),
    ("type: human_approval, assignees: [\"role:legal\"]", "type: human_approval, assignees: [{team: legal}]"),
    ("type: human_approval, timeout: 2h", "type: human_approval, deadline: 2h"),
    ("type: human_approval, timeout: 90m", "type: human_approval, timeout_hours: 1.5"),
    ("type: human_approval, timeout_action: skip", "type: human_approval, on_timeout: skip"),
    ("type: human_approval, timeout_action: approve", "type: human_approval, on_timeout: auto_approve"),
    ("type: human_approval, timeout_action: reject", "type: human_approval, on_timeout: fail"),
    ("type: human_approval, required_approvals: 2", "type: human_approval, required: 2"),
    (
        "type: gateway, routes: [{condition: \"1 > 2\", target: y}], default_route: z",
        "type: gateway, conditions: [{expression: \"1 > 2\", next: y}, {default: true, next_step: z}]",
    ),
    (
        "type: notification, channel: slack, url: https://example.com/x, message: x",
        "type: notification, channels: [slack], webhook_url: https://example.com/x, template: x",
    ),
    ("type: sub_process, process_name: q", "type: sub_process, process: q"),
    ("type: sub_process, process_name: q", "type: sub_process, process_id: q"),
];

fn with_document(key: &str) -> String {
    format!("name: p\n{key}\nsteps: [{{id: a, type: timer, duration: 1s}}]\n")
}

fn with_step(keys: &str) -> String {
    format!(
        "name: p\nsteps:\n  - {{id: y, type: timer, duration: 1s}}\n  - {{id: z, type: timer, duration: 1s}}\n  - {{id: a, {keys}}}\n"
    )
}

/// The definition and the codes of what is said about it.
fn checked(yaml: &str) -> (Option<Definition>, Vec<Code>) {
    let checked = check(yaml, &Nothing);
    let codes = checked.diagnostics.iter().map(|found| found.code).collect();
    (checked.definition, codes)
}

#[test]
fn every_spelling_gives_the_definition_of_the_canonical_one() {
    let documents = DOCUMENT.iter().map(|(canonical, other)| (with_document(canonical), with_document(other)));
    let steps = STEPS.iter().map(|(canonical, other)| (with_step(canonical), with_step(other)));
    for (canonical, other) in documents.chain(steps) {
        let expected = checked(&canonical);
        assert!(expected.0.is_some(), "{canonical}\n{:?}", expected.1);
        assert_eq!(checked(&other), expected, "{canonical}\n{other}");
    }
}

#[test]
fn every_other_spelling_of_a_key_is_in_the_tables() {
    let mut aliases = BTreeSet::new();
    collect_aliases(&json_schema(), &mut aliases);
    assert!(aliases.len() > 20, "{aliases:?}");
    let tested: Vec<&str> = DOCUMENT.iter().chain(STEPS).map(|(_, other)| *other).collect();
    let missing: Vec<&String> =
        aliases.iter().filter(|alias| !tested.iter().any(|text| text.contains(&format!("{alias}:")))).collect();
    assert!(missing.is_empty(), "not in any table: {missing:?}");
}

/// The properties that the schema describes as other spellings.
fn collect_aliases(schema: &Value, aliases: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            for (name, value) in fields {
                let description = value.get("description").and_then(Value::as_str).unwrap_or_default();
                if description.starts_with("Another spelling of") {
                    aliases.insert(name.clone());
                }
                collect_aliases(value, aliases);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_aliases(item, aliases)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
