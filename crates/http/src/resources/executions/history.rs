//! The events of an execution (spec 4b 4.3).

use axum::{
    http::{HeaderName, HeaderValue, header::CONTENT_TYPE},
    response::IntoResponse,
};
use procession_application::ports::EventPage;
use procession_domain::value::ExecutionId;
use utoipa::IntoParams;

use crate::{
    events::{Naming, text_of},
    extract::{IdPath, Parameters, Query, ReadParameters},
    problem::Problem,
    session::Session,
    state::App,
};

/// The most events in one answer, and as many as there are without `limit`: existing clients never ask for more.
const MOST: u32 = 1_000;

/// The query of the events.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventParameters {
    /// How many at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// After so many.
    #[param(minimum = 0)]
    offset: Option<u64>,
}

/// What has happened to an execution, oldest first: flat objects whose fields depend on `event_type`.
#[utoipa::path(
    get, path = "/api/executions/{execution_id}/events", tag = "executions",
    params(("execution_id" = Uuid, Path, description = "The execution"), EventParameters),
    responses(
        (status = 200, description = "Its events", body = Vec<Object>,
            headers(("X-Total-Count" = u64, description = "How many there are in all")), example = json!([{
            "id": 17, "sequence": 3, "event_type": "StepStarted", "timestamp": "2026-11-21T03:05:00.012000+00:00",
            "execution_id": "0199a6f0-7a11-7c55-b0a4-5f0c2d9e8b71",
            "process_id": "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33", "process_name": "hello", "step_id": "greet",
            "step_name": "greet", "step_type": "agent_task", "attempt": 1, "agent": "echo-bot",
        }])),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such execution"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
pub(super) async fn list_events(
    app: App,
    session: Session,
    Query(parameters): Query<EventParameters>,
    path: IdPath<ExecutionId>,
) -> Result<impl IntoResponse, Problem> {
    let execution = app.executions.get(&session.principal, path.id()?).await?;
    let page = EventPage { offset: parameters.offset.unwrap_or(0), limit: parameters.limit.unwrap_or(MOST) };
    let events = app.executions.events(&execution, page).await?;
    let texts: Vec<String> =
        events.iter().map(|event| text_of(event, execution.definition(), Naming::History)).collect();
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (HeaderName::from_static("x-total-count"), execution.state().sequence.into()),
    ];
    Ok((headers, format!("[{}]", texts.join(","))))
}

impl ReadParameters for EventParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self {
            limit: parameters.number("limit", 1..=MOST),
            offset: parameters.number("offset", 0..=i64::MAX.unsigned_abs()),
        }
    }
}
