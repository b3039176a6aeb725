//! Commands to executions (spec 3.7): each is written at once and answered with its effect, or with 202 while it is still
//! to be carried out.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use procession_application::{access::UseCase, executions::Command};
use procession_domain::value::ExecutionId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::detail::ExecutionResponse;
use crate::{
    extract::{IdPath, SentOrNothing},
    problem::{Code, FieldError, Problem},
    session::Session,
    state::App,
};

/// How an execution is cancelled.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"reason": "no longer needed", "compensate": false}))]
pub(super) struct CancelRequest {
    /// Why; shown with the execution.
    #[serde(default)]
    reason: Option<String>,
    /// Whether completed steps are undone first.
    #[serde(default)]
    compensate: bool,
}

/// A command that says nothing but its name.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(super) struct PlainRequest {}

/// What becomes of a failure in lists.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"dismissed": true}))]
pub(super) struct DismissRequest {
    /// `false` brings it back; `true` if absent.
    #[serde(default)]
    dismissed: Option<bool>,
}

/// The longest reason, in characters.
const LONGEST_REASON: usize = 2_000;

/// Cancels an execution: what runs is ended, what waits does not start.
#[utoipa::path(
    post, path = "/api/executions/{execution_id}/cancel", tag = "executions", request_body = Option<CancelRequest>,
    params(("execution_id" = Uuid, Path, description = "The execution")),
    responses(
        (status = 200, description = "It is cancelled", body = ExecutionResponse),
        (status = 202, description = "The command is taken: see `pending_command`", body = ExecutionResponse),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such execution"),
        (status = 409, description = "It has ended, rolls back, or is being cancelled already"),
        (status = 422, description = "Malformed body"),
    ),
)]
pub(super) async fn cancel_execution(
    app: App,
    path: IdPath<ExecutionId>,
    sent: SentOrNothing<CancelRequest>,
) -> Result<Response, Problem> {
    let SentOrNothing { session, body } = sent;
    session.check(UseCase::CancelExecution)?;
    let id = path.id()?;
    let reason = body.reason.filter(|reason| !reason.trim().is_empty());
    if reason.as_ref().is_some_and(|reason| reason.chars().count() > LONGEST_REASON) {
        let error = FieldError::new("reason", format!("has more than {LONGEST_REASON} characters"));
        return Err(Problem::fields(Code::InvalidBody, "the request body does not fit", &[error]));
    }
    command(&app, &session, id, Command::Cancel { reason, compensate: body.compensate }).await
}

/// Pauses an execution: what runs goes on to its end, nothing new starts.
#[utoipa::path(
    post, path = "/api/executions/{execution_id}/pause", tag = "executions", request_body = Option<PlainRequest>,
    params(("execution_id" = Uuid, Path, description = "The execution")),
    responses(
        (status = 200, description = "It is paused", body = ExecutionResponse),
        (status = 202, description = "The command is taken: see `pending_command`", body = ExecutionResponse),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such execution"),
        (status = 409, description = "It has not begun, has ended, or is paused already"),
        (status = 422, description = "Malformed body"),
    ),
)]
pub(super) async fn pause_execution(
    app: App,
    path: IdPath<ExecutionId>,
    sent: SentOrNothing<PlainRequest>,
) -> Result<Response, Problem> {
    sent.session.check(UseCase::PauseExecution)?;
    command(&app, &sent.session, path.id()?, Command::Pause).await
}

/// Lets a paused execution go on.
#[utoipa::path(
    post, path = "/api/executions/{execution_id}/resume", tag = "executions", request_body = Option<PlainRequest>,
    params(("execution_id" = Uuid, Path, description = "The execution")),
    responses(
        (status = 200, description = "It goes on", body = ExecutionResponse),
        (status = 202, description = "The command is taken: see `pending_command`", body = ExecutionResponse),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such execution"),
        (status = 409, description = "No operator has paused it"),
        (status = 422, description = "Malformed body"),
    ),
)]
pub(super) async fn resume_execution(
    app: App,
    path: IdPath<ExecutionId>,
    sent: SentOrNothing<PlainRequest>,
) -> Result<Response, Problem> {
    sent.session.check(UseCase::ResumeExecution)?;
    command(&app, &sent.session, path.id()?, Command::Resume).await
}

/// Dismisses a failure that someone has looked at, or takes that back.
#[utoipa::path(
    post, path = "/api/executions/{execution_id}/dismiss", tag = "executions", request_body = Option<DismissRequest>,
    params(("execution_id" = Uuid, Path, description = "The execution")),
    responses(
        (status = 200, description = "The execution", body = ExecutionResponse),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such execution"),
        (status = 409, description = "It has not failed"),
        (status = 422, description = "Malformed body"),
    ),
)]
pub(super) async fn dismiss_execution(
    app: App,
    path: IdPath<ExecutionId>,
    sent: SentOrNothing<DismissRequest>,
) -> Result<Json<ExecutionResponse>, Problem> {
    let SentOrNothing { session, body } = sent;
    session.check(UseCase::DismissExecution)?;
    let is_dismissed = body.dismissed.unwrap_or(true);
    let execution = app.executions.dismiss(&session.principal, path.id()?, is_dismissed).await?;
    Ok(Json(ExecutionResponse::of(&app, &execution, None).await?))
}

async fn command(app: &App, session: &Session, id: ExecutionId, command: Command) -> Result<Response, Problem> {
    let outcome = app.executions.command(&session.principal, id, command).await?;
    let status = if outcome.pending.is_some() { StatusCode::ACCEPTED } else { StatusCode::OK };
    let response = ExecutionResponse::of(app, &outcome.execution, None).await?;
    Ok((status, Json(response.with_pending(outcome.pending))).into_response())
}
