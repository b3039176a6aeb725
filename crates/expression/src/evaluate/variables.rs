//! The variables of a text (spec 2.1), looked up by name in the scope.

use minijinja::Value;
use procession_domain::{
    definition::StepType,
    expressions::{ErrorView, Scope, StepView},
    value::{Json, Timestamp},
};
use serde_json::json;

use super::value::{Shown, Val};

/// What a variable holds, as far as names were followed.
pub enum Found<'a> {
    /// A value, and how many of the names lead to it.
    Value(Val<'a>, usize),
    /// A mapping as a whole, made for the purpose, and how many of the names lead to it.
    Whole(Json, usize),
    /// There is no such name; these are known there.
    Missing {
        /// How many of the names do exist.
        known: usize,
        available: Vec<&'a str>,
    },
}

/// The names that every step has.
const STEP_FIELDS: &[&str] =
    &["output", "status", "error", "started_at", "completed_at", "duration", "cost", "attempt"];

/// Shorthands for the output of an approval.
const APPROVAL_FIELDS: &[&str] = &["decision", "comment", "feedback"];

const TRIGGER_FIELDS: &[&str] = &["type", "id", "payload", "fired_at", "schedule_id", "due_at", "actual_at"];
const EXECUTION_FIELDS: &[&str] = &["id", "started_at", "retry_of", "parent_id"];
const PROCESS_FIELDS: &[&str] = &["id", "name", "version"];
const ERROR_FIELDS: &[&str] = &["code", "message", "step_id"];

/// Looks up a variable that is no step: `None` if there is no such root.
pub fn variable<'a>(scope: &'a Scope, root: &str, name: Option<&str>) -> Option<Found<'a>> {
    let found = match root {
        "input" => Found::Value(Val::Json(&scope.input, Shown::Plain), 0),
        "trigger" => trigger(scope, name),
        "execution" => execution(scope, name),
        "process" => process(scope, name),
        "error" => error(scope.errors.first(), name, 0),
        "errors" => Found::Whole(Json::Array(scope.errors.iter().map(error_json).collect()), 0),
        _ => return None,
    };
    Some(found)
}

/// Looks up what follows a step's id: its field, and the name below that.
pub fn step<'a>(step: &'a StepView, field: Option<&str>, below: Option<&str>) -> Found<'a> {
    let Some(field) = field else {
        return Found::Whole(step_json(step), 0);
    };
    let value = match field {
        "output" => return output(step, below),
        "status" => text(step.status),
        "error" => return error(step.error.as_ref(), below, 1),
        "started_at" => time(step.started_at),
        "completed_at" => time(step.completed_at),
        "duration" => duration(step).map_or(Val::Absent, |seconds| Val::Made(Value::from(seconds))),
        "cost" => cost(step).map_or(Val::Absent, |cost| Val::Made(Value::from(minijinja::value::Serde(cost)))),
        "attempt" => Val::Made(Value::from(step.attempt)),
        name => return shorthand(step, name),
    };
    Found::Value(value, 1)
}

/// `steps.ID.output`, and how the whole of it or its comments are shown.
fn output<'a>(step: &'a StepView, name: Option<&str>) -> Found<'a> {
    let Some(output) = &step.output else {
        return Found::Value(Val::Absent, 1);
    };
    let comments = output.get("comments").filter(|_| step.step_type == StepType::HumanApproval);
    if let (Some("comments"), Some(comments)) = (name, comments) {
        return Found::Value(Val::Json(comments, Shown::Lines), 2);
    }
    let shown = if step.step_type == StepType::AgentTask { Shown::Reply } else { Shown::Plain };
    Found::Value(Val::Json(output, shown), 1)
}

/// `steps.ID.NAME` for a field of the output (spec 1.3, 2.1).
fn shorthand<'a>(step: &'a StepView, name: &str) -> Found<'a> {
    let is_approval = step.step_type == StepType::HumanApproval;
    let field = step.output.as_ref().and_then(|output| output.get(name));
    match (field, &step.output) {
        (Some(field), _) if is_approval && name == "comments" => Found::Value(Val::Json(field, Shown::Lines), 1),
        (Some(field), _) => Found::Value(Val::Json(field, Shown::Plain), 1),
        (None, None) => Found::Value(Val::Absent, 1),
        (None, Some(_)) if is_approval && APPROVAL_FIELDS.contains(&name) => Found::Value(Val::Absent, 1),
        (None, Some(output)) => {
            let fields = output.as_object().into_iter().flat_map(|fields| fields.keys());
            let shorthands = if is_approval { APPROVAL_FIELDS } else { &[] };
            let mut available = [STEP_FIELDS, shorthands].concat();
            for field in fields {
                if !available.contains(&field.as_str()) {
                    available.push(field);
                }
            }
            Found::Missing { known: 0, available }
        }
    }
}

fn trigger<'a>(scope: &'a Scope, name: Option<&str>) -> Found<'a> {
    let trigger = &scope.trigger;
    let value = match name {
        None => {
            let whole = json!({
                "type": trigger.trigger_type,
                "id": trigger.id,
                "payload": trigger.payload.as_deref(),
                "fired_at": trigger.fired_at,
                "schedule_id": trigger.schedule_id,
                "due_at": trigger.due_at,
                "actual_at": trigger.actual_at,
            });
            return Found::Whole(whole, 0);
        }
        Some("type") => text(&trigger.trigger_type),
        Some("id") => trigger.id.as_deref().map_or(Val::Absent, text),
        Some("payload") => match trigger.payload.as_deref() {
            Some(payload) => Val::Json(payload, Shown::Plain),
            None => Val::Made(Value::from(())),
        },
        Some("fired_at") => time(trigger.fired_at),
        Some("schedule_id") => trigger.schedule_id.map_or(Val::Absent, |id| Val::Made(Value::from(id.to_string()))),
        Some("due_at") => time(trigger.due_at),
        Some("actual_at") => time(trigger.actual_at),
        Some(_) => return missing(TRIGGER_FIELDS),
    };
    Found::Value(value, 1)
}

fn execution<'a>(scope: &'a Scope, name: Option<&str>) -> Found<'a> {
    let execution = &scope.execution;
    let value = match name {
        None => {
            let whole = json!({
                "id": execution.id,
                "started_at": execution.started_at,
                "retry_of": execution.retry_of,
                "parent_id": execution.parent_id,
            });
            return Found::Whole(whole, 0);
        }
        Some("id") => text(&execution.id.to_string()),
        Some("started_at") => time(execution.started_at),
        Some("retry_of") => execution.retry_of.map_or(Val::Absent, |id| text(&id.to_string())),
        Some("parent_id") => execution.parent_id.map_or(Val::Absent, |id| text(&id.to_string())),
        Some(_) => return missing(EXECUTION_FIELDS),
    };
    Found::Value(value, 1)
}

fn process<'a>(scope: &'a Scope, name: Option<&str>) -> Found<'a> {
    let process = &scope.process;
    let value = match name {
        None => {
            let whole = json!({
                "id": process.id,
                "name": process.name,
                "version": process.version.to_string(),
            });
            return Found::Whole(whole, 0);
        }
        Some("id") => text(&process.id.to_string()),
        Some("name") => text(&process.name),
        Some("version") => text(&process.version.to_string()),
        Some(_) => return missing(PROCESS_FIELDS),
    };
    Found::Value(value, 1)
}

/// An error whose names start behind `before` others. Where there is none, it is absent: a handler may also be reached
/// by a gateway.
fn error<'a>(error: Option<&'a ErrorView>, name: Option<&str>, before: usize) -> Found<'a> {
    let Some(error) = error else {
        return Found::Value(Val::Absent, before);
    };
    let value = match name {
        None => return Found::Whole(error_json(error), before),
        Some("code") => text(error.code.as_str()),
        Some("message") => text(&error.message),
        Some("step_id") => text(&error.step_id),
        Some(_) => {
            return Found::Missing { known: before, available: ERROR_FIELDS.to_vec() };
        }
    };
    Found::Value(value, before + 1)
}

fn missing<'a>(available: &'static [&'static str]) -> Found<'a> {
    Found::Missing { known: 0, available: available.to_vec() }
}

/// A step as a mapping.
pub fn step_json(step: &StepView) -> Json {
    json!({
        "output": step.output.as_deref(),
        "status": step.status,
        "error": step.error.as_ref().map(error_json),
        "started_at": step.started_at,
        "completed_at": step.completed_at,
        "duration": duration(step),
        "cost": cost(step),
        "attempt": step.attempt,
    })
}

fn error_json(error: &ErrorView) -> Json {
    json!({"code": error.code.as_str(), "message": error.message, "step_id": error.step_id})
}

/// Seconds from the first attempt's start to the end.
fn duration(step: &StepView) -> Option<f64> {
    let (started, completed) = (step.started_at?, step.completed_at?);
    Some(completed.since(started).as_secs_f64())
}

/// The amount of the cost as a JSON number.
fn cost(step: &StepView) -> Option<Json> {
    serde_json::from_str(&step.cost?.amount()).ok()
}

fn text<'a>(text: &str) -> Val<'a> {
    Val::Made(Value::from(text))
}

fn time<'a>(time: Option<Timestamp>) -> Val<'a> {
    time.map_or(Val::Absent, |time| text(&time.to_string()))
}
