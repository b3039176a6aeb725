//! Words of other tools: workflow engines, build services, notations of business processes. Whoever writes them means
//! something that is called otherwise here.

use procession_yaml::{Kind, Node, Resolved};

use super::{Place, Shape};

/// Keys of other tools, by the name of the place where they stand, and the key that means the same here.
const KEYS: &[(&str, &[(&str, &str)])] = &[
    (
        "process",
        &[
            ("title", "name"),
            ("params", "input"),
            ("parameters", "input"),
            ("variables", "input"),
            ("on", "triggers"),
            ("jobs", "steps"),
            ("tasks", "steps"),
            ("nodes", "steps"),
            ("stages", "steps"),
            ("states", "steps"),
            ("activities", "steps"),
            ("settings", "config"),
            ("options", "config"),
            ("tags", "labels"),
            ("metadata", "labels"),
            ("annotations", "labels"),
        ],
    ),
    (
        "input_field",
        &[("values", "enum"), ("options", "enum"), ("allowed", "enum"), ("choices", "enum"), ("kind", "type")],
    ),
    (
        "listed_input",
        &[
            ("id", "name"),
            ("key", "name"),
            ("values", "enum"),
            ("options", "enum"),
            ("allowed", "enum"),
            ("choices", "enum"),
            ("kind", "type"),
        ],
    ),
    ("budget", &[("limit", "max_cost"), ("amount", "max_cost"), ("max", "max_cost"), ("on_exceeded", "action")]),
    (
        "output",
        &[("key", "name"), ("id", "name"), ("from", "source"), ("expression", "source"), ("template", "source")],
    ),
    ("trigger", &[("kind", "type"), ("tz", "timezone"), ("time_zone", "timezone"), ("inputs", "input")]),
    ("webhook", &[("endpoint", "url"), ("target", "url"), ("on", "events"), ("signing_key", "secret")]),
    (
        "step",
        &[
            ("if", "condition"),
            ("when", "condition"),
            ("only_if", "condition"),
            ("run_if", "condition"),
            ("needs", "depends_on"),
            ("requires", "depends_on"),
            ("after", "depends_on"),
            ("depends", "depends_on"),
            ("dependencies", "depends_on"),
            ("upstream", "depends_on"),
            ("wait_for", "depends_on"),
            ("kind", "type"),
            ("key", "id"),
            ("label", "name"),
            ("display_name", "name"),
            ("summary", "description"),
            ("on_failure", "on_error"),
            ("catch", "on_error"),
            ("rollback", "compensation"),
            ("undo", "compensation"),
            ("compensate", "compensation"),
            ("time_limit", "timeout"),
        ],
    ),
    (
        "agent_task",
        &[
            ("prompt", "message"),
            ("instruction", "message"),
            ("instructions", "message"),
            ("query", "message"),
            ("question", "message"),
            ("content", "message"),
            ("text", "message"),
            ("assistant", "agent"),
            ("worker", "agent"),
            ("llm", "model"),
            ("schema", "output_schema"),
            ("response_format", "output_schema"),
            ("budget", "max_cost"),
            ("cost_limit", "max_cost"),
        ],
    ),
    (
        "human_approval",
        &[
            ("assignee", "assignees"),
            ("approver", "assignees"),
            ("reviewer", "assignees"),
            ("reviewers", "assignees"),
            ("users", "assignees"),
            ("question", "title"),
            ("details", "description"),
            ("quorum", "required_approvals"),
            ("min_approvals", "required_approvals"),
        ],
    ),
    (
        "gateway",
        &[
            ("branches", "routes"),
            ("cases", "routes"),
            ("choices", "routes"),
            ("paths", "routes"),
            ("rules", "routes"),
            ("default", "default_route"),
            ("else", "default_route"),
            ("otherwise", "default_route"),
            ("mode", "gateway_type"),
        ],
    ),
    (
        "route",
        &[
            ("if", "condition"),
            ("when", "condition"),
            ("to", "target"),
            ("goto", "target"),
            ("then", "target"),
            ("step", "target"),
        ],
    ),
    (
        "timer",
        &[
            ("wait", "duration"),
            ("sleep", "duration"),
            ("for", "duration"),
            ("at", "until"),
            ("date", "until"),
            ("tz", "timezone"),
            ("time_zone", "timezone"),
        ],
    ),
    (
        "notification",
        &[
            ("to", "recipients"),
            ("recipient", "recipients"),
            ("text", "message"),
            ("body", "message"),
            ("content", "message"),
            ("via", "channel"),
            ("title", "subject"),
        ],
    ),
    (
        "sub_process",
        &[
            ("workflow", "process_name"),
            ("uses", "process_name"),
            ("call", "process_name"),
            ("with", "input_mapping"),
            ("input", "input_mapping"),
            ("inputs", "input_mapping"),
            ("params", "input_mapping"),
            ("arguments", "input_mapping"),
            ("wait", "wait_for_completion"),
        ],
    ),
    (
        "retry",
        &[
            ("max_tries", "max_attempts"),
            ("tries", "max_attempts"),
            ("interval", "initial_delay"),
            ("wait", "initial_delay"),
            ("factor", "backoff_multiplier"),
            ("multiplier", "backoff_multiplier"),
        ],
    ),
    ("on_error", &[("goto", "target_step"), ("target", "target_step"), ("step", "target_step"), ("type", "action")]),
    ("on_changes_requested", &[("step", "rerun"), ("target", "rerun"), ("max_rounds", "max")]),
];

/// Words of other tools for the words that a key takes, by one of these words.
const WORDS: &[(&str, &[&str])] = &[
    ("agent_task", &["agent", "llm", "ai", "task", "prompt", "service_task", "ai_task"]),
    (
        "human_approval",
        &["approval", "approve", "human", "human_task", "user_task", "review", "manual", "manual_approval"],
    ),
    ("gateway", &["switch", "branch", "condition", "decision", "choice", "if", "router", "choose"]),
    ("timer", &["wait", "delay", "sleep", "pause"]),
    ("notification", &["notify", "email", "slack", "mail", "message", "alert", "webhook"]),
    ("sub_process", &["workflow", "process", "call", "call_activity", "child", "child_process"]),
    ("exclusive", &["xor", "switch", "single", "first"]),
    ("parallel", &["and", "all", "fork"]),
    ("inclusive", &["or", "any", "multiple"]),
    ("skip_step", &["skip", "continue", "ignore"]),
    ("fail_process", &["fail", "stop", "abort", "raise", "fail_workflow"]),
    ("goto_step", &["goto", "jump", "catch"]),
    ("string", &["str", "text", "varchar"]),
    ("integer", &["int", "long"]),
    ("number", &["float", "double", "decimal", "numeric"]),
    ("boolean", &["bool"]),
    ("array", &["list", "tuple"]),
    ("object", &["dict", "map", "json", "hash", "record"]),
    ("exponential", &["exp"]),
    ("fixed", &["constant", "none", "static"]),
    ("high", &["urgent", "highest"]),
    ("normal", &["medium", "default", "standard"]),
    ("low", &["lowest", "minor"]),
    ("schedule", &["cron", "scheduled", "timer"]),
    ("webhook", &["http", "hook"]),
    ("fail", &["error", "stop", "abort"]),
    ("continue", &["ignore", "proceed"]),
];

/// What other tools add to their words.
const KINDS: [&str; 4] = ["_task", "_step", "_event", "_node"];

/// The key of a place that is meant by a number alone: `retry: 3`, `budget: 5`.
pub(crate) fn key_of_number(place: &Place) -> Option<&'static str> {
    match place.name {
        "retry" => Some("max_attempts"),
        "budget" => Some("max_cost"),
        _ => None,
    }
}

/// The key of a place that is meant by another tool's key.
pub(crate) fn key_meant(place: &Place, word: &str) -> Option<&'static str> {
    let (_, keys) = KEYS.iter().find(|(name, _)| *name == place.name)?;
    let word = plain(word);
    keys.iter().find(|(foreign, _)| *foreign == word).map(|(_, meant)| *meant)
}

/// The one of the words that is meant by another tool's word.
pub(crate) fn word_meant(words: &[&'static str], word: &str) -> Option<&'static str> {
    let word = plain(word);
    let means =
        |known: &str, word: &str| WORDS.iter().any(|(meant, foreign)| *meant == known && foreign.contains(&word));
    let exact = words.iter().copied().find(|known| means(known, &word));
    exact.or_else(|| {
        // `approval_task`, `timer_event`: the kind of thing is no part of the word.
        let short = KINDS.iter().find_map(|kind| word.strip_suffix(kind))?;
        words.iter().copied().find(|known| *known == short || means(known, short))
    })
}

/// The type of gateway that stands for a step's type: `xor`, `parallel_gateway`.
pub(crate) fn gateway_meant(word: &str) -> Option<&'static str> {
    const TYPES: [&str; 3] = ["exclusive", "parallel", "inclusive"];
    let word = plain(word);
    let (short, is_gateway) = word.strip_suffix("_gateway").map_or((word.as_str(), false), |short| (short, true));
    let is_symbol = matches!(short, "xor" | "and" | "or" | "fork");
    let named = TYPES.into_iter().find(|name| *name == short);
    named.or_else(|| word_meant(&TYPES, short).filter(|_| is_gateway || is_symbol))
}

/// A whole entry of a step, written the way it is here: `retries: 3` becomes `retry: {max_attempts: 4}`. Comes with the
/// key that it becomes.
pub(crate) fn entry_meant(word: &str, value: &Node<'_>) -> Option<(&'static str, String)> {
    let Kind::Scalar(scalar) = &value.kind else { return None };
    let number = || scalar.text.parse::<u32>().ok().filter(|_| scalar.resolved == Resolved::Integer);
    let written = match plain(word).as_str() {
        "retries" | "max_retries" | "retry_count" => {
            ("retry", format!("retry: {{max_attempts: {}}}", number().filter(|count| *count < 100)? + 1))
        }
        "attempts" | "max_attempts" | "max_tries" => {
            ("retry", format!("retry: {{max_attempts: {}}}", number().filter(|count| (1..=100).contains(count))?))
        }
        "continue_on_error" | "allow_failure" | "ignore_errors" | "ignore_failure" | "continue_on_fail" => {
            (scalar.resolved == Resolved::Bool(true)).then(|| ("on_error", "on_error: skip_step".to_owned()))?
        }
        "on_failure" => {
            let action = word_meant(&["skip_step", "fail_process"], &scalar.text)?;
            ("on_error", format!("on_error: {action}"))
        }
        "timeout_minutes" => ("timeout", format!("timeout: {}m", number().filter(|count| *count > 0)?)),
        "timeout_seconds" | "timeout_sec" => ("timeout", format!("timeout: {}s", number().filter(|count| *count > 0)?)),
        _ => return None,
    };
    Some(written)
}

/// Whether a value can be what a key of this shape takes, by its kind alone.
pub(crate) const fn fits(shape: Shape, value: &Node<'_>) -> bool {
    let (scalar, list, map) = match shape {
        Shape::Text
        | Shape::Template
        | Shape::Condition
        | Shape::Boolean
        | Shape::Integer { .. }
        | Shape::Number { .. }
        | Shape::Duration
        | Shape::Money
        | Shape::Version
        | Shape::StepId
        | Shape::Word { .. } => (true, false, false),
        Shape::Texts | Shape::Templates | Shape::StepIds | Shape::ErrorCodes => (true, true, false),
        Shape::AnyMap | Shape::TextMap | Shape::TemplateMap | Shape::JsonSchema | Shape::Map(_) => (false, false, true),
        Shape::Any | Shape::Outputs | Shape::TextsOr(_) => (true, true, true),
        Shape::AnyList | Shape::Steps | Shape::ListOf(_) => (false, true, false),
        Shape::MapOf(_) => (false, true, true),
        Shape::TextOr(_) | Shape::MoneyOr(_) => (true, false, true),
    };
    match &value.kind {
        Kind::Scalar(_) => scalar,
        Kind::List(_) => list,
        Kind::Map(_) => map,
        Kind::Broken => false,
    }
}

fn plain(word: &str) -> String {
    word.trim().to_lowercase().replace(['-', ' '], "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{PLACES, STEP, of_type};
    use procession_domain::definition::StepType;

    #[test]
    fn foreign_keys_are_unknown_where_they_stand_and_what_they_mean_is_known() {
        for (name, keys) in KEYS {
            let place = PLACES.iter().find(|place| place.name == *name).unwrap_or_else(|| panic!("no place {name}"));
            let is_step_type = StepType::ALL.into_iter().any(|step_type| std::ptr::eq(of_type(step_type), *place));
            for (foreign, meant) in *keys {
                let is_known = |key: &str| place.find(key).is_some() || (is_step_type && STEP.find(key).is_some());
                assert!(!is_known(foreign), "{foreign} is a key of {name}");
                assert!(is_known(meant), "{meant} is not a key of {name}");
            }
        }
    }
}
