//! Playing a process through without doing anything (spec 4).

use std::{collections::BTreeMap, sync::Arc};

use axum::Json;
use procession_application::{
    access::UseCase,
    executions::{SimulatedApproval, SimulatedCall, SimulatedVerdict, Simulation, SimulationRequest},
};
use procession_domain::{
    definition::Step,
    event::Direction,
    execution::{CallInput, Life, StepState},
    value::{ErrorCode, Json as Value, ProcessId, StepId},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    skipped::SkippedOutput,
    summary::{ExecutionErrorResponse, skip_reason},
};
use crate::{
    extract::{IdPath, SentOrNothing},
    problem::{Code, FieldError, Problem},
    state::App,
    wire::ExactCost,
};

/// With what a process is played through.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({
    "input": {"topic": "tides"}, "replies": {"research": "three sources"}, "failures": {"publish": "TIMEOUT"},
    "decisions": {"review": ["request_changes", "approve"]},
}))]
pub(super) struct SimulateRequest {
    /// The input; `input_data` is the same.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    input: Option<Map<String, Value>>,
    /// The input under the name that existing clients use.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    input_data: Option<Map<String, Value>>,
    /// What agents reply, by step: a text, or a value that is put in as JSON. Without one, something stands in for it.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    replies: Option<BTreeMap<String, Value>>,
    /// Steps whose calls fail each time, and with which error code.
    #[serde(default)]
    failures: Option<BTreeMap<String, String>>,
    /// How people decide, by step, one after the other: `approve`, `reject`, `request_changes`, or `expire` to let the
    /// deadline pass. They approve where nothing is said.
    #[serde(default)]
    decisions: Option<BTreeMap<String, Vec<VerdictName>>>,
}

/// How people decide.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum VerdictName {
    Approve,
    Reject,
    RequestChanges,
    Expire,
}

/// What would have happened. Nothing has: no call was made, nobody was told, nothing is stored.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SimulationResponse {
    process_id: Uuid,
    #[schema(example = "article")]
    process_name: String,
    #[schema(example = "1")]
    process_version: String,
    /// How it would have ended: `completed`, `failed` or `cancelled`; `running` if it is too long to be played through.
    #[schema(example = "completed")]
    status: &'static str,
    /// Why it would have failed.
    error: Option<ExecutionErrorResponse>,
    /// The steps that began, in order.
    #[schema(example = json!(["research", "write"]))]
    path: Vec<String>,
    /// All steps, in definition order.
    steps: Vec<SimulatedStep>,
    /// What would have been sent to agents, people and systems, in order, and by sub-processes too.
    sent: Vec<SentResponse>,
    /// What people would have been asked.
    approvals: Vec<AskedResponse>,
    /// Its outputs by name; of a failed one `{error}`.
    #[schema(value_type = Object)]
    output_data: Arc<Value>,
    estimate: EstimateResponse,
    warnings: Vec<String>,
}

/// What it would take.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "duration_seconds": 93.5, "duration_complete": true, "calls_without_duration": 0, "total_cost": "$0.02",
    "exact_cost": {"amount": "0.0246", "currency": "USD", "complete": true}, "calls_without_cost": 0,
}))]
struct EstimateResponse {
    /// Timers, waits before further attempts, and calls, by the median of their last runs; people take no time here.
    duration_seconds: f64,
    /// Whether the time of every call is known.
    duration_complete: bool,
    /// Calls of which no earlier run tells how long they take; they are counted as taking none.
    calls_without_duration: u32,
    /// By the median of the last runs of each step, rounded.
    total_cost: String,
    exact_cost: ExactCost,
    /// Calls of agents of which no earlier run tells what they cost; they are counted as costing nothing.
    calls_without_cost: u32,
}

/// A step as it would have been.
#[derive(Debug, Serialize, ToSchema)]
struct SimulatedStep {
    step_id: String,
    name: String,
    step_type: &'static str,
    /// `pending`, `completed`, `failed`, `skipped`, `cancelled`, …
    state: &'static str,
    skip_reason: Option<String>,
    /// What it would have put out, from the replies that stand in; `{skipped_reason}` if it did not run.
    #[schema(value_type = Option<serde_json::Value>)]
    output: Option<Arc<Value>>,
    /// Why it would have failed.
    error: Option<String>,
    /// How many attempts there were.
    attempts: usize,
    /// When it began, in seconds after the beginning.
    started_after_seconds: Option<f64>,
    /// When it ended.
    completed_after_seconds: Option<f64>,
}

/// Something that would have been sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "step_id": "research", "within": [], "attempt": 1, "compensation": false, "kind": "agent", "agent": "researcher",
    "message": "Find three good sources about tides.", "model": null, "temperature": null, "after_seconds": 0.0,
    "takes_seconds": 41.2, "cost": {"amount": "0.0123", "currency": "USD", "complete": true},
}))]
struct SentResponse {
    step_id: String,
    /// The steps above whose sub-process sends it, the outermost first.
    within: Vec<String>,
    attempt: u32,
    /// Whether it undoes the step.
    compensation: bool,
    /// `agent` or `notification`.
    kind: &'static str,
    /// The agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    /// The message, expanded.
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    /// The channels of a notification.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    channels: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recipients: Vec<String>,
    /// When, in seconds after the beginning.
    after_seconds: f64,
    /// How long it would take; null if no earlier run tells.
    takes_seconds: Option<f64>,
    /// What it would cost; null if no earlier run tells.
    cost: Option<ExactCost>,
}

/// Something that people would have been asked.
#[derive(Debug, Serialize, ToSchema)]
struct AskedResponse {
    step_id: String,
    within: Vec<String>,
    #[schema(example = "Publish the article?")]
    title: String,
    description: String,
    assignees: Vec<String>,
    after_seconds: f64,
    /// How it was decided here.
    decision: VerdictName,
}

/// Plays a version through without doing anything: which way it goes, what would be sent, what it would take.
///
/// It takes versions of any status, drafts too. Agents reply what the request says or something that stands in for it, people
/// decide at once, timers fire as fast as they can.
#[utoipa::path(
    post, path = "/api/processes/{process_id}/simulate", tag = "processes", request_body = Option<SimulateRequest>,
    params(("process_id" = Uuid, Path, description = "The version")),
    responses(
        (status = 200, description = "What would have happened", body = SimulationResponse),
        (status = 400, description = "Ill-formed id"),
        (status = 404, description = "No such process"),
        (status = 422, description = "Malformed body, or the input does not fit: `errors` says which fields"),
    ),
)]
pub(super) async fn simulate_process(
    app: App,
    path: IdPath<ProcessId>,
    sent: SentOrNothing<SimulateRequest>,
) -> Result<Json<SimulationResponse>, Problem> {
    let SentOrNothing { session, body } = sent;
    session.check(UseCase::SimulateProcess)?;
    let simulation = app.executions.simulate(&session.principal, path.id()?, body.into_request()?).await?;
    Ok(Json(SimulationResponse::of(&simulation)))
}

impl SimulateRequest {
    fn into_request(self) -> Result<SimulationRequest, Problem> {
        let mut errors = Vec::new();
        if self.input.is_some() && self.input_data.as_ref().is_some_and(|other| Some(other) != self.input.as_ref()) {
            errors.push(FieldError::new("input_data", "says something else than `input`; send one of the two"));
        }
        let replies = by_step("replies", self.replies, &mut errors);
        let decisions = by_step("decisions", self.decisions, &mut errors);
        let mut failures = BTreeMap::new();
        for (step, code) in by_step("failures", self.failures, &mut errors) {
            match ErrorCode::ALL.iter().find(|known| known.as_str() == code) {
                Some(code) => drop(failures.insert(step, *code)),
                None => errors.push(FieldError::new(format!("failures.{step}"), "is no error code, such as `TIMEOUT`")),
            }
        }
        if !errors.is_empty() {
            return Err(Problem::fields(Code::InvalidBody, "the request body does not fit", &errors));
        }
        let verdicts = |names: Vec<VerdictName>| names.into_iter().map(Into::into).collect();
        Ok(SimulationRequest {
            input: Value::Object(self.input.or(self.input_data).unwrap_or_default()),
            replies,
            failures,
            decisions: decisions.into_iter().map(|(step, names)| (step, verdicts(names))).collect(),
        })
    }
}

fn by_step<T>(field: &str, given: Option<BTreeMap<String, T>>, errors: &mut Vec<FieldError>) -> BTreeMap<StepId, T> {
    let mut named = BTreeMap::new();
    for (step, value) in given.into_iter().flatten() {
        match StepId::new(&step) {
            Ok(step) => drop(named.insert(step, value)),
            Err(error) => errors.push(FieldError::new(field, error.to_string())),
        }
    }
    named
}

impl SimulationResponse {
    fn of(simulation: &Simulation) -> Self {
        let execution = &simulation.execution;
        let (creation, state) = (execution.creation(), execution.state());
        let steps = execution.steps().enumerate();
        let output_data = match &state.life {
            Life::Completed { outputs, .. } => simulation.value(outputs).unwrap_or_default(),
            Life::Failed(error) => Arc::new(json!({"error": error.message})),
            Life::Cancelled(_) | Life::Pending | Life::Running | Life::Paused(_) | Life::Compensating(_) => {
                Arc::new(json!({}))
            }
        };
        Self {
            process_id: creation.process.id.uuid(),
            process_name: creation.process.name.to_string(),
            process_version: creation.process.version.to_string(),
            status: execution.status().as_str(),
            error: execution.failure().as_ref().map(Into::into),
            path: simulation.path.iter().map(ToString::to_string).collect(),
            steps: steps.map(|(at, (step, state))| SimulatedStep::of(simulation, at, step, state)).collect(),
            sent: simulation.sent.iter().map(SentResponse::of).collect(),
            approvals: simulation.approvals.iter().map(AskedResponse::of).collect(),
            output_data,
            estimate: EstimateResponse::of(simulation),
            warnings: execution.warnings(),
        }
    }
}

impl EstimateResponse {
    fn of(simulation: &Simulation) -> Self {
        let cost = simulation.execution.state().cost;
        let complete = cost.complete && simulation.without_cost == 0;
        Self {
            duration_seconds: simulation.duration.as_secs_f64(),
            duration_complete: simulation.without_time == 0,
            calls_without_duration: simulation.without_time,
            total_cost: cost.amount.to_string(),
            exact_cost: ExactCost { complete, ..cost.into() },
            calls_without_cost: simulation.without_cost,
        }
    }
}

impl SimulatedStep {
    fn of(simulation: &Simulation, position: usize, step: &Step, state: &StepState) -> Self {
        let after = |at: procession_domain::value::Timestamp| at.since(simulation.begun_at).as_secs_f64();
        let skipped =
            || SkippedOutput::of(&simulation.execution, position, state).map(|skipped| Arc::new(json!(skipped)));
        Self {
            step_id: step.id.to_string(),
            name: step.name.clone(),
            step_type: step.step_type().as_str(),
            state: state.status().as_str(),
            skip_reason: skip_reason(state),
            output: state.output.as_ref().and_then(|output| simulation.value(output)).or_else(skipped),
            error: state.error.as_ref().map(|error| error.message.clone()),
            attempts: state.attempts.len(),
            started_after_seconds: state.started_at.map(after),
            completed_after_seconds: state.completed_at.map(after),
        }
    }
}

impl SentResponse {
    fn of(call: &SimulatedCall) -> Self {
        let bare = Self {
            step_id: call.step_id.to_string(),
            within: call.within.iter().map(ToString::to_string).collect(),
            attempt: call.attempt,
            compensation: call.direction == Direction::Undo,
            kind: "agent",
            agent: None,
            message: String::new(),
            model: None,
            temperature: None,
            channels: Vec::new(),
            subject: None,
            recipients: Vec::new(),
            after_seconds: call.after.as_secs_f64(),
            takes_seconds: call.takes.map(procession_domain::value::Duration::as_secs_f64),
            cost: call.cost.map(Into::into),
        };
        match &call.input {
            CallInput::Agent(task) => Self {
                agent: Some(task.agent.clone()),
                message: task.message.clone(),
                model: task.model.clone(),
                temperature: task.temperature,
                ..bare
            },
            // Where it would go is left out: addresses of webhooks are secrets.
            CallInput::Notification(notification) => Self {
                kind: "notification",
                message: notification.message.clone(),
                channels: notification.channels.clone(),
                subject: Some(notification.subject.clone()),
                recipients: notification.recipients.clone(),
                ..bare
            },
        }
    }
}

impl AskedResponse {
    fn of(asked: &SimulatedApproval) -> Self {
        let request = &asked.request;
        Self {
            step_id: request.step_id.to_string(),
            within: asked.within.iter().map(ToString::to_string).collect(),
            title: request.title.clone(),
            description: request.description.clone(),
            assignees: request.assignees.clone(),
            after_seconds: asked.after.as_secs_f64(),
            decision: asked.verdict.into(),
        }
    }
}

impl From<VerdictName> for SimulatedVerdict {
    fn from(name: VerdictName) -> Self {
        match name {
            VerdictName::Approve => Self::Approve,
            VerdictName::Reject => Self::Reject,
            VerdictName::RequestChanges => Self::RequestChanges,
            VerdictName::Expire => Self::Expire,
        }
    }
}

impl From<SimulatedVerdict> for VerdictName {
    fn from(verdict: SimulatedVerdict) -> Self {
        match verdict {
            SimulatedVerdict::Approve => Self::Approve,
            SimulatedVerdict::Reject => Self::Reject,
            SimulatedVerdict::RequestChanges => Self::RequestChanges,
            SimulatedVerdict::Expire => Self::Expire,
        }
    }
}
