//! What the frame around the process pages asks for (spec 4b 2.1, 13, 17), as far as there is a true answer.
//!
//! This server has no saved views, no tags and no collector of a platform; so it says. What belongs to other parts of a
//! platform is not here: such paths are 404.

use axum::Json;
use procession_application::{access::UseCase, agents::AgentsFailure};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::agents::status_name;
use crate::{HttpState, problem::Problem, session::Session, state::App, wire::Time};

/// The agent that existing clients talk to about processes.
pub(super) const SYSTEM_AGENT: &str = "trinity-system";

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(system_agent))
        .routes(routes!(system_views))
        .routes(routes!(tags))
        .routes(routes!(observability))
}

/// The server lives.
#[derive(Debug, Serialize, ToSchema)]
struct AliveResponse {
    /// Always `healthy`.
    #[schema(example = "healthy")]
    status: &'static str,
    timestamp: Time,
}

/// The agent that helps to write processes.
#[derive(Debug, Serialize, ToSchema)]
struct SystemAgentResponse {
    /// Whether there is one.
    #[schema(example = false)]
    exists: bool,
    /// `running`, `stopped` or `not_found`.
    #[schema(example = "not_found")]
    status: &'static str,
    /// What that means, where it does not run.
    #[schema(example = "this server has no agent `trinity-system`; name one so to have help with writing processes")]
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// The name under which it is looked for.
    #[schema(example = "trinity-system")]
    name: &'static str,
}

/// Saved views of the landing page.
#[derive(Debug, Serialize, ToSchema)]
struct SystemViewsResponse {
    /// The views.
    #[schema(value_type = Vec<Object>, example = json!([]))]
    views: [(); 0],
}

/// Tags of agents.
#[derive(Debug, Serialize, ToSchema)]
struct TagsResponse {
    /// The tags.
    #[schema(value_type = Vec<Object>, example = json!([]))]
    tags: [(); 0],
}

/// The platform's collector of traces.
#[derive(Debug, Serialize, ToSchema)]
struct ObservabilityResponse {
    /// Whether there is one.
    #[schema(example = false)]
    enabled: bool,
    /// Whether it answers.
    #[schema(example = false)]
    collector_reachable: bool,
}

/// Whether the server lives, as existing clients ask.
#[utoipa::path(
    get, path = "/health", tag = "server", security(()),
    responses((status = 200, description = "It lives", body = AliveResponse)),
)]
async fn health(app: App) -> Json<AliveResponse> {
    Json(AliveResponse { status: "healthy", timestamp: app.now().into() })
}

/// Whether there is an agent that helps to write processes: any agent of that name.
#[utoipa::path(
    get, path = "/api/system-agent/status", tag = "server",
    responses((status = 200, description = "Whether there is one", body = SystemAgentResponse)),
)]
async fn system_agent(app: App, session: Session) -> Result<Json<SystemAgentResponse>, Problem> {
    session.check(UseCase::ReadFrame)?;
    let name = SYSTEM_AGENT;
    Ok(Json(match app.agents.get(&session.principal, name).await {
        Ok(agent) => {
            SystemAgentResponse { exists: true, status: status_name(agent.status), message: agent.reason, name }
        }
        Err(AgentsFailure::NotFound) => {
            let message = format!("this server has no agent `{name}`; name one so to have help with writing processes");
            SystemAgentResponse { exists: false, status: "not_found", message: Some(message), name }
        }
        Err(failure) => return Err(failure.into()),
    }))
}

/// Saved views of the landing page: there are none.
#[utoipa::path(
    get, path = "/api/system-views", tag = "server",
    responses((status = 200, description = "There are none", body = SystemViewsResponse)),
)]
async fn system_views(session: Session) -> Result<Json<SystemViewsResponse>, Problem> {
    session.check(UseCase::ReadFrame)?;
    Ok(Json(SystemViewsResponse { views: [] }))
}

/// Tags of agents: there are none.
#[utoipa::path(
    get, path = "/api/tags", tag = "server",
    responses((status = 200, description = "There are none", body = TagsResponse)),
)]
async fn tags(session: Session) -> Result<Json<TagsResponse>, Problem> {
    session.check(UseCase::ReadFrame)?;
    Ok(Json(TagsResponse { tags: [] }))
}

/// The platform's collector of traces: there is none.
#[utoipa::path(
    get, path = "/api/observability/status", tag = "server",
    responses((status = 200, description = "There is none", body = ObservabilityResponse)),
)]
async fn observability(session: Session) -> Result<Json<ObservabilityResponse>, Problem> {
    session.check(UseCase::ReadFrame)?;
    Ok(Json(ObservabilityResponse { enabled: false, collector_reachable: false }))
}
