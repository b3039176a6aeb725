//! What the frame around the process pages asks for (spec 4b 2.1, 13, 17), as far as there is a true answer.
//!
//! This server has no system agent, and no notifications, questions or alerts of agents; so it says. What belongs to
//! other parts of a platform is not here: such paths are 404.

use axum::Json;
use procession_application::access::UseCase;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    HttpState,
    extract::{Parameters, Query, ReadParameters},
    problem::{Code, Problem},
    session::Session,
    state::App,
    wire::Time,
};

/// The agent that existing clients talk to about processes.
const SYSTEM_AGENT: &str = "trinity-system";

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(system_agent))
        .routes(routes!(agent_notifications))
        .routes(routes!(operator_queue))
        .routes(routes!(alert_count))
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
    /// `not_found`.
    #[schema(example = "not_found")]
    status: &'static str,
    /// What that means.
    #[schema(example = "This server has no system agent")]
    message: &'static str,
    /// The name under which it is looked for.
    #[schema(example = "trinity-system")]
    name: &'static str,
}

/// Notifications of agents.
#[derive(Debug, Serialize, ToSchema)]
struct AgentNotificationsResponse {
    /// How many.
    #[schema(example = 0)]
    count: u32,
    /// The newest first.
    #[schema(value_type = Vec<Object>, example = json!([]))]
    notifications: [(); 0],
}

/// Questions of agents to people.
#[derive(Debug, Serialize, ToSchema)]
struct OperatorQueueResponse {
    /// The questions.
    #[schema(value_type = Vec<Object>, example = json!([]))]
    items: [(); 0],
    /// How many.
    #[schema(example = 0)]
    count: u32,
}

/// Alerts that nobody has looked at.
#[derive(Debug, Serialize, ToSchema)]
struct AlertCountResponse {
    /// How many.
    #[schema(example = 0)]
    active_count: u32,
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

/// Which notifications are asked for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the filter is checked, and there is nothing to filter")]
struct AgentNotificationParameters {
    /// Of this agent.
    agent_name: Option<String>,
    /// `pending`, `acknowledged` or `dismissed`.
    #[param(example = "pending")]
    status: Option<String>,
    /// Some of `low`, `normal`, `high`, `urgent`, with commas.
    #[param(example = "high,urgent")]
    priority: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// Whether the server lives, as existing clients ask.
#[utoipa::path(
    get, path = "/health", tag = "server", security(()),
    responses((status = 200, description = "It lives", body = AliveResponse)),
)]
async fn health(app: App) -> Json<AliveResponse> {
    Json(AliveResponse { status: "healthy", timestamp: app.now().into() })
}

/// Whether there is an agent that helps to write processes: there is none.
#[utoipa::path(
    get, path = "/api/system-agent/status", tag = "server",
    responses((status = 200, description = "There is none", body = SystemAgentResponse)),
)]
async fn system_agent(session: Session) -> Result<Json<SystemAgentResponse>, Problem> {
    session.check(UseCase::ReadFrame)?;
    Ok(Json(SystemAgentResponse {
        exists: false,
        status: "not_found",
        message: "This server has no system agent",
        name: SYSTEM_AGENT,
    }))
}

/// Notifications of agents: there are none.
#[utoipa::path(
    get, path = "/api/notifications", tag = "server", params(AgentNotificationParameters),
    responses(
        (status = 200, description = "There are none", body = AgentNotificationsResponse),
        (status = 400, description = "No such status or priority"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn agent_notifications(
    session: Session,
    Query(parameters): Query<AgentNotificationParameters>,
) -> Result<Json<AgentNotificationsResponse>, Problem> {
    session.check(UseCase::ReadFrame)?;
    parameters.check()?;
    Ok(Json(AgentNotificationsResponse { count: 0, notifications: [] }))
}

/// Questions of agents to people: there are none. Questions of processes are approvals.
#[utoipa::path(
    get, path = "/api/operator-queue", tag = "server",
    responses((status = 200, description = "There are none", body = OperatorQueueResponse)),
)]
async fn operator_queue(session: Session) -> Result<Json<OperatorQueueResponse>, Problem> {
    session.check(UseCase::ReadFrame)?;
    Ok(Json(OperatorQueueResponse { items: [], count: 0 }))
}

/// Alerts that nobody has looked at: there are none.
#[utoipa::path(
    get, path = "/api/alerts/count", tag = "server",
    responses((status = 200, description = "How many", body = AlertCountResponse)),
)]
async fn alert_count(session: Session) -> Result<Json<AlertCountResponse>, Problem> {
    session.check(UseCase::ReadFrame)?;
    Ok(Json(AlertCountResponse { active_count: 0 }))
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

impl ReadParameters for AgentNotificationParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self {
            agent_name: parameters.text("agent_name"),
            status: parameters.text("status"),
            priority: parameters.text("priority"),
            limit: parameters.number("limit", 1..=500),
        }
    }
}

impl AgentNotificationParameters {
    fn check(&self) -> Result<(), Problem> {
        let refuse =
            |name: &str, value: &str| Problem::bad_request(Code::BadFilter, format!("Invalid {name}: {value}"));
        if let Some(status) = &self.status
            && !["pending", "acknowledged", "dismissed"].contains(&status.as_str())
        {
            return Err(refuse("status", status));
        }
        let mut priorities = self.priority.iter().flat_map(|list| list.split(',')).map(str::trim);
        match priorities.find(|priority| !["low", "normal", "high", "urgent"].contains(priority)) {
            Some(priority) => Err(refuse("priority", priority)),
            None => Ok(()),
        }
    }
}
