//! An execution as it was after one of its events (spec 4).

use axum::Json;
use procession_application::{access::UseCase, executions::PastExecution};
use procession_domain::value::ExecutionId;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::detail::ExecutionResponse;
use crate::{
    extract::{IdPath, Parameters, Query, ReadParameters},
    problem::{Code, FieldError, Problem},
    session::Session,
    state::App,
    wire::Time,
};

/// An execution as it was.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReplayResponse {
    /// After which of its events, from 1.
    at: u64,
    /// The type of that event.
    event_type: &'static str,
    /// When it happened.
    timestamp: Time,
    /// The number of the last event there is.
    last: u64,
    execution: ExecutionResponse,
}

/// The query of a replay.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReplayParameters {
    /// After which of its events: the `sequence` of that.
    #[param(minimum = 1, required = true, example = 3)]
    at: Option<u64>,
}

/// Shows an execution as it was after one of its events.
#[utoipa::path(
    get, path = "/api/executions/{execution_id}/replay", tag = "executions",
    params(("execution_id" = Uuid, Path, description = "The execution"), ReplayParameters),
    responses(
        (status = 200, description = "The execution as it was", body = ReplayResponse),
        (status = 400, description = "Ill-formed id"),
        (status = 404, description = "No such execution, or it has no such event"),
        (status = 409, description = "Its events were purged"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
pub(super) async fn replay_execution(
    app: App,
    session: Session,
    Query(parameters): Query<ReplayParameters>,
    path: IdPath<ExecutionId>,
) -> Result<Json<ReplayResponse>, Problem> {
    session.check(UseCase::ReadExecution)?;
    let id = path.id()?;
    let at = parameters.at.ok_or_else(|| {
        let error = FieldError::new("at", "is missing: send the `sequence` of an event");
        Problem::fields(Code::InvalidQuery, "the query does not fit", &[error])
    })?;
    let PastExecution { execution, event, last } = app.executions.at(&session.principal, id, at).await?;
    Ok(Json(ReplayResponse {
        at,
        event_type: event.event.event_type(),
        timestamp: event.at.into(),
        last,
        execution: ExecutionResponse::of(&app, &execution, None).await?,
    }))
}

impl ReadParameters for ReplayParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self { at: parameters.number("at", 1..=i64::MAX.unsigned_abs()) }
    }
}
