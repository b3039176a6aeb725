//! A scope with something of everything in it, and short ways to evaluate texts against it.

use std::{collections::BTreeMap, sync::Arc};

use procession_domain::{
    definition::{Condition, StepType, Template, UndefinedRule},
    expressions::{
        ErrorView, Evaluation, ExecutionView, Expanded, ExpressionError, Expressions, ProcessView, Scope, StepView,
        TriggerView,
    },
    value::{ErrorCode, ExecutionId, Json, ProcessId, ProcessName, StepId, Timestamp, Version},
};
use procession_expression::{Evaluator, Names};
use serde_json::json;
use uuid::Uuid;

/// 2026-11-21T09:30:00Z
pub fn now() -> Timestamp {
    "2026-11-21T09:30:00Z".parse().unwrap()
}

/// The names of the definition: the steps of [`scope`], and no input schema.
pub fn names() -> Names {
    let steps = scope().steps.keys().map(|id| id.as_str().to_owned()).collect();
    Names { steps, inputs: None }
}

/// The names of a definition with these steps and declared inputs.
pub fn names_of(steps: &[&str], inputs: &[&str]) -> Names {
    Names {
        steps: steps.iter().map(ToString::to_string).collect(),
        inputs: Some(inputs.iter().map(ToString::to_string).collect()),
    }
}

pub fn step(step_type: StepType, status: &'static str, output: Option<Json>) -> StepView {
    StepView {
        step_type,
        status,
        output: output.map(Arc::new),
        error: None,
        started_at: None,
        completed_at: None,
        cost: None,
        attempt: 1,
    }
}

fn input() -> Json {
    json!({
        "topic": "tides",
        "count": 3,
        "zero": 0,
        "price": 2.5,
        "digits": "85",
        "empty": "",
        "nothing": null,
        "yes": true,
        "no": false,
        "text_true": "true",
        "text_false": "False",
        "list": [1, 2, 3],
        "none_in_list": [],
        "no_fields": {},
        "items": [{"name": "pear", "price": 2, "tags": ["x"]}, {"name": "apple", "price": 3, "tags": []}],
        "max-count": 7,
        "nested": {"deep": {"x": 1}, "first-name": "Ada"},
        "key": "score",
        "step_name": "analyze",
    })
}

fn steps() -> BTreeMap<StepId, StepView> {
    let analysis = json!({
        "score": 85, "verdict": "good", "flag": false, "issues": ["a", "b"],
        "json": {"score": 85, "verdict": "good", "flag": false, "issues": ["a", "b"]},
        "response": "{\"score\": 85, \"verdict\": \"good\"}", "agent": "analyst", "cost": "$0.05",
    });
    let mut analyze = step(StepType::AgentTask, "completed", Some(analysis));
    analyze.started_at = Some("2026-11-21T09:00:00Z".parse().unwrap());
    analyze.completed_at = Some("2026-11-21T09:01:30.5Z".parse().unwrap());
    analyze.cost = Some("0.0123".parse().unwrap());
    analyze.attempt = 2;
    let words = json!({"response": "Looks fine to me.", "agent": "writer", "summary": "Looks fine to me."});
    let quality = json!({"response": "{}", "agent": "qa", "score": 9, "decision": "approve", "json": {"score": 9}});
    let decided = json!({
        "approval_id": Uuid::nil(), "decision": "approved", "decided_by": "ann", "approved_by": ["ann"],
        "comment": "second", "comments": ["first", "second"], "feedback": "", "decided_at": "2026-11-21T09:10:00+00:00",
    });
    let changes =
        json!({"decision": "changes_requested", "comment": "shorter", "comments": ["shorter"], "feedback": "shorter"});
    let mut failed = step(StepType::AgentTask, "failed", None);
    failed.error = Some(ErrorView {
        code: ErrorCode::Timeout,
        message: "took too long".into(),
        step_id: StepId::new("broken").unwrap(),
    });
    let route = json!({"route": "publish", "gateway_type": "exclusive", "is_default": false});
    let all = [
        ("analyze", analyze),
        ("write", step(StepType::AgentTask, "completed", Some(words))),
        ("quality-review", step(StepType::AgentTask, "completed", Some(quality))),
        ("approve", step(StepType::HumanApproval, "completed", Some(decided))),
        ("rework", step(StepType::HumanApproval, "pending", Some(changes))),
        ("ask-later", step(StepType::HumanApproval, "pending", None)),
        ("skipped", step(StepType::AgentTask, "skipped", None)),
        ("broken", failed),
        ("choose", step(StepType::Gateway, "completed", Some(route))),
        ("notify", step(StepType::Notification, "completed", Some(json!({"status": "Sent", "channel": "slack"})))),
    ];
    all.map(|(id, view)| (StepId::new(id).unwrap(), view)).into_iter().collect()
}

/// A scope in which every kind of variable holds something.
pub fn scope() -> Scope {
    Scope {
        input: Arc::new(input()),
        steps: steps(),
        trigger: TriggerView {
            trigger_type: "webhook".into(),
            id: Some("hook".into()),
            payload: Some(Arc::new(json!({"ref": "main", "pull": {"number": 7}}))),
            fired_at: Some("2026-11-21T08:59:59Z".parse().unwrap()),
            ..TriggerView::default()
        },
        execution: ExecutionView {
            id: ExecutionId::new(Uuid::from_u128(1)),
            started_at: Some("2026-11-21T09:00:00Z".parse().unwrap()),
            retry_of: None,
            parent_id: Some(ExecutionId::new(Uuid::from_u128(2))),
        },
        process: ProcessView {
            id: ProcessId::new(Uuid::from_u128(3)),
            name: ProcessName::new("weekly-report").unwrap(),
            version: Version::new(1, 2).unwrap(),
        },
        errors: vec![ErrorView {
            code: ErrorCode::Timeout,
            message: "took too long".into(),
            step_id: StepId::new("broken").unwrap(),
        }],
        now: now(),
    }
}

/// A scope with this input and nothing else.
pub fn scope_with(input: Json) -> Scope {
    Scope { input: Arc::new(input), steps: BTreeMap::new(), errors: Vec::new(), ..scope() }
}

fn template(text: &str) -> Template {
    Template { text: text.into(), line: 10 }
}

pub fn evaluator() -> Evaluator {
    Evaluator::new(names())
}

pub fn text_under(text: &str, rule: UndefinedRule) -> Result<Expanded<String>, ExpressionError> {
    evaluator().text(&template(text), &scope(), rule)
}

/// The text that a template expands to.
pub fn text(source: &str) -> String {
    text_under(source, UndefinedRule::Error).unwrap_or_else(|error| panic!("{source}: {error}")).value
}

/// The text that a template expands to, or the message with which it fails.
pub fn text_or_error(source: &str) -> String {
    text_under(source, UndefinedRule::Error).map_or_else(|error| error.to_string(), |expanded| expanded.value)
}

/// The message with which a template fails.
pub fn error(source: &str) -> String {
    match text_under(source, UndefinedRule::Error) {
        Ok(expanded) => panic!("{source} gave {}", expanded.value),
        Err(error) => error.to_string(),
    }
}

pub fn value_under(text: &str, rule: UndefinedRule) -> Result<Expanded<Json>, ExpressionError> {
    evaluator().value(&template(text), &scope(), rule)
}

/// The JSON that a template expands to.
pub fn value(source: &str) -> Json {
    value_under(source, UndefinedRule::Error).unwrap_or_else(|error| panic!("{source}: {error}")).value
}

pub fn handed_over(source: &str) -> Json {
    let expanded = evaluator().handed_over(&template(source), &scope(), UndefinedRule::Error);
    expanded.unwrap_or_else(|error| panic!("{source}: {error}")).value
}

pub fn try_condition(source: &str) -> Result<Evaluation, ExpressionError> {
    let condition = Condition { text: source.into(), line: 10 };
    evaluator().condition(&condition, &scope())
}

pub fn evaluation(source: &str) -> Evaluation {
    try_condition(source).unwrap_or_else(|error| panic!("{source}: {error}"))
}

/// Whether a condition holds.
pub fn holds(source: &str) -> bool {
    evaluation(source).result
}

/// The message with which a condition fails.
pub fn condition_error(source: &str) -> String {
    match try_condition(source) {
        Ok(evaluation) => panic!("{source} gave {}", evaluation.result),
        Err(error) => error.to_string(),
    }
}
