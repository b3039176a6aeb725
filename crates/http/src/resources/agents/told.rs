//! What an agent was told of steps that it is informed of or watches over (spec 5.4, 4c).

use axum::Json;
use procession_application::{access::UseCase, deliveries::MOST_AGENT_EVENTS, ports::AgentEvent};
use procession_domain::value::Json as AnyJson;
use serde::Serialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    HttpState,
    extract::{NamePath, Parameters, Query, ReadParameters},
    problem::Problem,
    session::Session,
    state::App,
};

/// How many events are told where the client does not say.
const DEFAULT: u32 = 100;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(agent_events))
}

/// What an agent was told.
#[derive(Debug, Serialize, ToSchema)]
struct AgentEventsResponse {
    /// The oldest first: the messages, each with its `id`.
    #[schema(value_type = Vec<Object>, example = json!([{
        "id": 7, "event_id": 42, "type": "informed_notification", "event_type": "step_completed",
        "process_name": "report", "execution_id": "0199a6f0-7a11-7c55-b0a4-5f0c2d9e8b71", "step_id": "draft",
        "step_name": "Write the draft", "output_summary": "The figures are good", "metadata": {},
    }]))]
    events: Vec<AnyJson>,
    /// What to give as `after` next.
    #[schema(example = 7)]
    next_after: u64,
}

/// Which events are asked for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct AgentEventsParameters {
    /// Behind this one: the `next_after` of the last answer.
    #[param(minimum = 0, example = 0)]
    after: Option<u64>,
    /// How many at most.
    #[param(minimum = 1, maximum = 1000, example = 100)]
    limit: Option<u32>,
}

/// Tells what an agent was told, of executions that the session may see; the agent itself sees all of it.
#[utoipa::path(
    get, path = "/api/agents/{name}/events", tag = "agents",
    params(("name" = String, Path, description = "The agent", example = "writer"), AgentEventsParameters),
    responses(
        (status = 200, description = "The events", body = AgentEventsResponse),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn agent_events(
    app: App,
    session: Session,
    NamePath(name): NamePath,
    Query(parameters): Query<AgentEventsParameters>,
) -> Result<Json<AgentEventsResponse>, Problem> {
    session.check(UseCase::ReadAgentEvents)?;
    let after = parameters.after.unwrap_or(0);
    let limit = parameters.limit.unwrap_or(DEFAULT);
    let told = app.deliveries.agent_events(&session.principal, &name, after, limit).await?;
    let next_after = told.last().map_or(after, |last| last.number);
    Ok(Json(AgentEventsResponse { events: told.into_iter().map(shown).collect(), next_after }))
}

fn shown(event: AgentEvent) -> AnyJson {
    let mut message = event.message;
    message["id"] = json!(event.number);
    message["event_id"] = json!(event.event_id);
    message
}

impl ReadParameters for AgentEventsParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self {
            after: parameters.number("after", 0..=i64::MAX.unsigned_abs()),
            limit: parameters.number("limit", 1..=MOST_AGENT_EVENTS),
        }
    }
}
