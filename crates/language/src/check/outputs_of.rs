//! The fields that steps have (spec 2.1, 2.4), as far as they are known before anything has run.

use procession_domain::{
    definition::{AgentTask, GatewayType, Step, StepKind},
    value::Json,
};

/// The fields of every step.
pub(super) const STEP_FIELDS: [&str; 11] = [
    "output",
    "status",
    "error",
    "started_at",
    "completed_at",
    "duration",
    "cost",
    "attempt",
    "decision",
    "comment",
    "feedback",
];

/// Fields of every step that have no fields of their own.
const PLAIN_STEP_FIELDS: [(&str, &str); 6] = [
    ("status", "a text"),
    ("started_at", "a text"),
    ("completed_at", "a text"),
    ("duration", "a number"),
    ("cost", "a number"),
    ("attempt", "a number"),
];

const APPROVAL: &[&str] =
    &["approval_id", "decision", "decided_by", "approved_by", "comment", "comments", "feedback", "decided_at"];
const EXCLUSIVE_GATEWAY: &[&str] = &["route", "condition", "gateway_type", "is_default", "evaluated_conditions"];
const GATEWAY: &[&str] = &["routes", "condition", "gateway_type", "is_default", "evaluated_conditions"];
const TIMER: &[&str] = &["waited_seconds", "delay_formatted", "fired_at"];
const NOTIFICATION: &[&str] = &["channel", "status", "message_preview", "delivery_id", "status_code"];
/// What the output of an agent_task has beside the fields of the reply.
const AGENT_TASK: &[&str] =
    &["response", "agent", "cost", "token_usage", "model", "json", "finish_reason", "warnings", "tools", "session"];

/// The fields of the step's output, where they are all known: replies of agents and outputs of processes are open.
pub(super) const fn known_outputs(step: &Step) -> Option<&'static [&'static str]> {
    match &step.kind {
        StepKind::AgentTask(_) | StepKind::SubProcess(_) => None,
        StepKind::HumanApproval(_) => Some(APPROVAL),
        StepKind::Gateway(gateway) => Some(match gateway.gateway_type {
            GatewayType::Exclusive => EXCLUSIVE_GATEWAY,
            GatewayType::Parallel | GatewayType::Inclusive => GATEWAY,
        }),
        StepKind::Timer(_) => Some(TIMER),
        StepKind::Notification(_) => Some(NOTIFICATION),
    }
}

/// All that the output of an agent_task can have, if its schema allows nothing else.
pub(super) fn closed_reply(task: &AgentTask) -> Option<Vec<&str>> {
    let schema = task.output_schema.as_ref()?;
    let is_closed = schema.get("additionalProperties") == Some(&Json::Bool(false)) && schema.get("$ref").is_none();
    let properties = schema.get("properties").and_then(Json::as_object).filter(|_| is_closed)?;
    let names = properties.keys().map(String::as_str);
    Some(names.chain(AGENT_TASK.iter().copied()).chain(task.output_key.as_deref()).collect())
}

/// Whether a field may be in the reply of an agent because its schema names it.
pub(super) fn is_promised(step: &Step, field: &str) -> bool {
    match &step.kind {
        StepKind::AgentTask(task) => {
            let properties = task.output_schema.as_ref().and_then(|schema| schema.get("properties"));
            properties.is_some_and(|properties| properties.get(field).is_some())
                || task.output_key.as_deref() == Some(field)
        }
        StepKind::SubProcess(sub_process) => sub_process.output_key == field,
        StepKind::HumanApproval(_) | StepKind::Gateway(_) | StepKind::Timer(_) | StepKind::Notification(_) => false,
    }
}

/// What a field of a step is, if it is known to have no fields of its own; with how many names lead to it.
pub(super) fn plain_field(step: &Step, fields: &[&str]) -> Option<(usize, &'static str)> {
    let of_output = |field: &str| match &step.kind {
        StepKind::AgentTask(_) => matches!(field, "response" | "agent" | "model").then_some("a text"),
        StepKind::HumanApproval(_) => {
            (!matches!(field, "comments" | "approved_by") && APPROVAL.contains(&field)).then_some("a text")
        }
        StepKind::Gateway(_) => match field {
            "route" | "condition" | "gateway_type" => Some("a text"),
            "is_default" => Some("a boolean"),
            _ => None,
        },
        StepKind::Timer(_) => match field {
            "waited_seconds" => Some("a number"),
            "delay_formatted" | "fired_at" => Some("a text"),
            _ => None,
        },
        StepKind::Notification(_) => match field {
            "status_code" => Some("a number"),
            field => NOTIFICATION.contains(&field).then_some("a text"),
        },
        StepKind::SubProcess(_) => None,
    };
    match fields {
        ["output", field, ..] => of_output(field).map(|kind| (2, kind)),
        [field, ..] => {
            let own = PLAIN_STEP_FIELDS.iter().find(|(name, _)| name == field).map(|(_, kind)| *kind);
            own.or_else(|| of_output(field)).map(|kind| (1, kind))
        }
        [] => None,
    }
}
