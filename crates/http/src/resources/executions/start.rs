//! Starting and repeating executions.

use axum::{Json as Answer, http::StatusCode, response::Response};
use indexmap::IndexMap;
use procession_application::{
    access::UseCase,
    executions::{RetryFrom, StartRequest, StartTrigger},
};
use procession_domain::{
    suggest::closest,
    value::{ExecutionId, Json, ProcessId},
};
use serde::{Deserialize, Serialize};
use serde_json::Map;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::detail::ExecutionResponse;
use crate::{
    extract::{IdPath, IdempotencyHeader, Parameters, Query, ReadParameters, SentOrNothing},
    problem::{Code, FieldError, Problem},
    session::Session,
    state::App,
    wire::ExactCost,
};

/// What a process is started with.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"input": {"name": "Ben"}, "labels": {"team": "press"}}))]
pub(super) struct ExecuteRequest {
    /// The input; `input_data` is the same.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    input: Option<Map<String, Json>>,
    /// The input under the name that existing clients use.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    input_data: Option<Map<String, Json>>,
    /// Who or what starts it, in the caller's words; `api` where it does not say.
    #[serde(default)]
    triggered_by: Option<String>,
    /// Labels besides those of the definition.
    #[serde(default)]
    #[schema(value_type = Option<HashMap<String, String>>)]
    labels: Option<IndexMap<String, String>>,
    /// Members that a start does not have: refused, since whoever sends them means something by them.
    #[serde(flatten)]
    #[schema(ignore)]
    others: Map<String, Json>,
}

/// Where an execution is repeated from.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"from": "failed"}))]
pub(super) struct RetryRequest {
    /// `start` runs everything again; `failed` only what failed and what comes after that.
    #[serde(default)]
    from: Option<RetryStart>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RetryStart {
    Start,
    Failed,
}

/// The longest text that says who or what starts an execution, and the longest label, in characters.
const LONGEST_TEXT: usize = 256;

/// So many unknown members are told of.
const MOST_TOLD: usize = 10;

/// Members of a start by which the input may be meant.
const LIKE_INPUT: [&str; 6] = ["inputs", "inputs_data", "data", "params", "parameters", "variables"];

/// How many labels a start may bring.
const MOST_LABELS: usize = 50;

/// Starts a published version. With an `Idempotency-Key`, repeating the request does not start it again.
#[utoipa::path(
    post, path = "/api/processes/{process_id}/execute", tag = "executions", request_body = Option<ExecuteRequest>,
    params(
        ("process_id" = Uuid, Path, description = "The version"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeated requests one start, for 24 hours"),
    ),
    responses(
        (status = 201, description = "The new execution", body = ExecutionResponse,
            headers(("Location" = String, description = "Where it is"))),
        (status = 200, description = "The execution that the same request started before", body = ExecutionResponse),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such process"),
        (status = 409, description = "It is not published, or the key was used with another request"),
        (status = 422, description = "Malformed body, or the input does not fit: `errors` says which fields"),
        (status = 429, description = "The user is starting too many executions, or too many wait to begin"),
    ),
)]
pub(super) async fn execute_process(
    app: App,
    path: IdPath<ProcessId>,
    key: IdempotencyHeader,
    sent: SentOrNothing<ExecuteRequest>,
) -> Result<Response, Problem> {
    start(&app, &path, key, sent).await
}

/// Starts a published version: the same as `/api/processes/{process_id}/execute`.
#[utoipa::path(
    post, path = "/api/executions/processes/{process_id}/execute", tag = "executions",
    request_body = Option<ExecuteRequest>,
    params(
        ("process_id" = Uuid, Path, description = "The version"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes repeated requests one start, for 24 hours"),
    ),
    responses(
        (status = 201, description = "The new execution", body = ExecutionResponse,
            headers(("Location" = String, description = "Where it is"))),
        (status = 200, description = "The execution that the same request started before", body = ExecutionResponse),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such process"),
        (status = 409, description = "It is not published, or the key was used with another request"),
        (status = 422, description = "Malformed body, or the input does not fit: `errors` says which fields"),
        (status = 429, description = "The user is starting too many executions, or too many wait to begin"),
    ),
)]
pub(super) async fn execute_process_by_execution_path(
    app: App,
    path: IdPath<ProcessId>,
    key: IdempotencyHeader,
    sent: SentOrNothing<ExecuteRequest>,
) -> Result<Response, Problem> {
    start(&app, &path, key, sent).await
}

/// From where the retry is previewed.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PreviewParameters {
    /// `start`, or `failed`.
    #[param(example = "failed")]
    from: Option<String>,
}

impl ReadParameters for PreviewParameters {
    fn read(parameters: &mut Parameters) -> Self {
        let from = parameters.text("from");
        if from.as_deref().is_some_and(|from| !matches!(from, "start" | "failed")) {
            parameters.refuse("from", "must be `start` or `failed`");
        }
        Self { from }
    }
}

/// What a retry would do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "execution_id": "0199a6f0-7a11-7c55-b0a4-5f0c2d9e8b71", "from": "failed",
    "reused": [{"step_id": "draft", "cost": "$0.01",
        "exact_cost": {"amount": "0.0123", "currency": "USD", "complete": true}}],
    "again": ["publish"], "cost_saved": "$0.01",
    "exact_cost_saved": {"amount": "0.0123", "currency": "USD", "complete": true},
    "exact_cost_estimated": {"amount": "0.002", "currency": "USD", "complete": true},
}))]
pub(super) struct RetryPreviewResponse {
    execution_id: Uuid,
    /// `start`, or `failed`.
    from: &'static str,
    /// The steps whose ends are taken over.
    reused: Vec<ReusedStep>,
    /// The steps that run again, as far as the process gets to them.
    again: Vec<String>,
    /// What need not be paid for again, rounded.
    cost_saved: String,
    exact_cost_saved: ExactCost,
    /// What the steps that run again may cost, by the medians of their last runs.
    exact_cost_estimated: ExactCost,
}

/// A step whose end is taken over.
#[derive(Debug, Serialize, ToSchema)]
struct ReusedStep {
    step_id: String,
    /// Null where nothing was paid for.
    cost: Option<String>,
    exact_cost: Option<ExactCost>,
}

/// Says what a retry would take over, what it would run again, and what that saves.
#[utoipa::path(
    get, path = "/api/executions/{execution_id}/retry", tag = "executions",
    params(("execution_id" = Uuid, Path, description = "The execution to repeat"), PreviewParameters),
    responses(
        (status = 200, description = "What it would do", body = RetryPreviewResponse),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such execution"),
        (status = 409, description = "It has not failed, or what it left can't be gone on from"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
pub(super) async fn preview_retry(
    app: App,
    session: Session,
    path: IdPath<ExecutionId>,
    Query(parameters): Query<PreviewParameters>,
) -> Result<Answer<RetryPreviewResponse>, Problem> {
    session.check(UseCase::ReadExecution)?;
    let id = path.id()?;
    let (from, name) = match parameters.from.as_deref() {
        Some("failed") => (RetryFrom::Failed, "failed"),
        Some(_) | None => (RetryFrom::Start, "start"),
    };
    let preview = app.executions.retry_preview(&session.principal, id, from).await?;
    let reused = preview.reused.into_iter().map(|(step, cost)| ReusedStep {
        step_id: step.to_string(),
        cost: cost.map(|cost| cost.amount.to_string()),
        exact_cost: cost.map(Into::into),
    });
    Ok(Answer(RetryPreviewResponse {
        execution_id: id.uuid(),
        from: name,
        reused: reused.collect(),
        again: preview.again.iter().map(ToString::to_string).collect(),
        cost_saved: preview.saved.amount.to_string(),
        exact_cost_saved: preview.saved.into(),
        exact_cost_estimated: preview.estimated.into(),
    }))
}

/// Repeats a failed or cancelled execution as a new one, on the same version.
#[utoipa::path(
    post, path = "/api/executions/{execution_id}/retry", tag = "executions", request_body = Option<RetryRequest>,
    params(("execution_id" = Uuid, Path, description = "The execution to repeat")),
    responses(
        (status = 201, description = "The new execution", body = ExecutionResponse,
            headers(("Location" = String, description = "Where it is"))),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such execution"),
        (status = 409, description = "It has not failed, or what the repetition needs is gone"),
        (status = 422, description = "Malformed body"),
        (status = 429, description = "The user is starting too many executions, or too many wait to begin"),
    ),
)]
pub(super) async fn retry_execution(
    app: App,
    path: IdPath<ExecutionId>,
    sent: SentOrNothing<RetryRequest>,
) -> Result<Response, Problem> {
    let SentOrNothing { session, body } = sent;
    session.check(UseCase::RetryExecution)?;
    let id = path.id()?;
    let from = match body.from {
        None | Some(RetryStart::Start) => RetryFrom::Start,
        Some(RetryStart::Failed) => RetryFrom::Failed,
    };
    let outcome = app.executions.retry(&session.principal, id, from).await?;
    let response = ExecutionResponse::of(&app, &outcome.execution, outcome.input).await?;
    Ok(response.created(StatusCode::CREATED))
}

async fn start(
    app: &App,
    path: &IdPath<ProcessId>,
    IdempotencyHeader(idempotency_key): IdempotencyHeader,
    sent: SentOrNothing<ExecuteRequest>,
) -> Result<Response, Problem> {
    let SentOrNothing { session, body } = sent;
    session.check(UseCase::StartExecution)?;
    let process = path.id()?;
    let request = body.into_start(idempotency_key)?;
    let outcome = app.executions.start(&session.principal, process, request).await?;
    let status = if outcome.repeated { StatusCode::OK } else { StatusCode::CREATED };
    let response = ExecutionResponse::of(app, &outcome.execution, outcome.input).await?;
    Ok(response.created(status))
}

impl ExecuteRequest {
    fn into_start(self, idempotency_key: Option<String>) -> Result<StartRequest, Problem> {
        self.check()?;
        let triggered_by = self.triggered_by.filter(|text| !text.trim().is_empty());
        Ok(StartRequest {
            input: Json::Object(self.input.or(self.input_data).unwrap_or_default()),
            trigger: StartTrigger::default(),
            triggered_by: triggered_by.unwrap_or_else(|| "api".to_owned()),
            labels: self.labels.unwrap_or_default(),
            idempotency_key,
            message_key: None,
            schedule: None,
            call: None,
            trace: None,
        })
    }

    fn check(&self) -> Result<(), Problem> {
        let mut errors: Vec<FieldError> =
            self.others.keys().take(MOST_TOLD).map(|name| FieldError::new(shortened(name), no_member(name))).collect();
        if self.input.is_some() && self.input_data.as_ref().is_some_and(|other| Some(other) != self.input.as_ref()) {
            errors.push(FieldError::new("input_data", "differs from `input`; send only one of them"));
        }
        let is_long = |text: &str| text.chars().count() > LONGEST_TEXT;
        if self.triggered_by.as_deref().is_some_and(is_long) {
            errors.push(FieldError::new("triggered_by", format!("has more than {LONGEST_TEXT} characters")));
        }
        let labels = self.labels.iter().flatten();
        if labels.clone().count() > MOST_LABELS {
            errors.push(FieldError::new("labels", format!("are more than {MOST_LABELS}")));
        }
        for (name, _) in labels.filter(|(name, value)| name.is_empty() || is_long(name) || is_long(value)) {
            let message =
                format!("must have at most {LONGEST_TEXT} characters, and so must its name, which is not empty");
            errors.push(FieldError::new(format!("labels.{}", shortened(name)), message));
        }
        if errors.is_empty() {
            return Ok(());
        }
        Err(Problem::fields(Code::InvalidBody, "the request body does not fit", &errors))
    }
}

/// What is said of a member that a start does not have.
fn no_member(name: &str) -> String {
    const MEMBERS: [&str; 4] = ["input", "input_data", "triggered_by", "labels"];
    let meant = if LIKE_INPUT.contains(&name) { Some("input") } else { closest(name, MEMBERS) };
    if let Some(meant) = meant {
        return format!("is no member of a start; did you mean `{meant}`?");
    }
    let name = shortened(name);
    format!("is no member of a start; fields of the input stand in `input`: {{\"input\": {{\"{name}\": …}}}}")
}

/// The beginning of a name that anyone may have written.
fn shortened(name: &str) -> String {
    name.chars().take(32).collect()
}
