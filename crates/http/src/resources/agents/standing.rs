//! How agents stand, as the landing page of existing clients asks every few seconds (spec 4b 17).

use std::collections::BTreeMap;

use axum::Json;
use procession_application::{
    agents::AgentOverview,
    ports::{AgentFigures, AgentStatus},
};
use procession_domain::value::Duration;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::status_name;
use crate::{
    HttpState,
    extract::{NamePath, Parameters, Query, ReadParameters},
    problem::Problem,
    session::Session,
    state::App,
    wire::{Time, dollars},
};

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(context_statistics))
        .routes(routes!(execution_statistics))
        .routes(routes!(slots))
        .routes(routes!(permissions))
}

/// What agents do at the moment.
#[derive(Debug, Serialize, ToSchema)]
struct ContextStatisticsResponse {
    agents: Vec<ContextStatistics>,
}

/// What an agent does at the moment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ContextStatistics {
    #[schema(example = "writer")]
    name: String,
    /// `running` or `stopped`.
    #[schema(example = "running")]
    status: &'static str,
    /// `active` while a call is in flight, `idle`, or `offline` if it takes no work.
    #[schema(example = "idle")]
    activity_state: &'static str,
    /// Null: agents do not say how full their model's context is.
    context_percent: Option<f64>,
    /// Null.
    context_used: Option<u64>,
    /// Null.
    context_max: Option<u64>,
    /// When a step ended on which it worked, within the last 24 hours.
    last_activity_time: Option<Time>,
}

/// What agents did lately.
#[derive(Debug, Serialize, ToSchema)]
struct ExecutionStatisticsResponse {
    agents: Vec<ExecutionStatistics>,
}

/// What an agent did lately, in executions that the session may see. Steps count once they have ended.
#[derive(Debug, Serialize, ToSchema)]
struct ExecutionStatistics {
    #[schema(example = "writer")]
    name: String,
    /// Steps in the last 24 hours.
    #[schema(example = 12)]
    task_count_24h: u64,
    #[schema(example = 11)]
    success_count: u64,
    #[schema(example = 1)]
    failed_count: u64,
    /// Calls in flight on this node.
    #[schema(example = 0)]
    running_count: usize,
    /// How many of a hundred ended well; 0 if there are none.
    #[schema(example = 91.7)]
    success_rate: f64,
    /// What they cost.
    #[schema(example = 0.25)]
    total_cost: f64,
    last_execution_at: Option<Time>,
    #[serde(flatten)]
    week: WeekStatistics,
}

/// What an agent did in the last seven days, if that was asked for.
#[derive(Debug, Default, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "existing clients read these names (spec 4b)")]
struct WeekStatistics {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 40)]
    task_count_7d: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 38)]
    success_count_7d: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 2)]
    failed_count_7d: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 95.0)]
    success_rate_7d: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1.25)]
    total_cost_7d: Option<f64>,
}

/// How many calls agents take and have.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "agents": {"writer": {"max": 64, "active": 1, "queued": 0}},
    "timestamp": "2026-11-21T02:57:59.880423+00:00",
}))]
struct SlotsResponse {
    /// By the agents' names.
    agents: BTreeMap<String, AgentSlots>,
    timestamp: Time,
}

/// How many calls an agent takes and has.
#[derive(Debug, Serialize, ToSchema)]
struct AgentSlots {
    /// How many it takes at once.
    max: usize,
    /// How many are in flight on this node.
    active: usize,
    /// Steps that wait for a place on this node.
    queued: usize,
}

/// Which agents an agent may call.
#[derive(Debug, Serialize, ToSchema)]
struct PermissionsResponse {
    #[schema(example = "writer")]
    source_agent: String,
    /// None: here processes call agents, and agents do not call each other.
    #[schema(example = json!([]))]
    permitted_agents: Vec<String>,
}

/// How far back is looked.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct StatisticsParameters {
    /// `true` for the last seven days too.
    #[param(example = "true")]
    include_7d: Option<String>,
}

/// What agents do at the moment.
#[utoipa::path(
    get, path = "/api/agents/context-stats", tag = "agents",
    responses((status = 200, description = "What they do", body = ContextStatisticsResponse)),
)]
async fn context_statistics(app: App, session: Session) -> Result<Json<ContextStatisticsResponse>, Problem> {
    let agents = app.agents.overview(&session.principal).await?;
    Ok(Json(ContextStatisticsResponse { agents: agents.into_iter().map(ContextStatistics::of).collect() }))
}

/// What agents did lately.
#[utoipa::path(
    get, path = "/api/agents/execution-stats", tag = "agents", params(StatisticsParameters),
    responses(
        (status = 200, description = "What they did", body = ExecutionStatisticsResponse),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn execution_statistics(
    app: App,
    session: Session,
    Query(parameters): Query<StatisticsParameters>,
) -> Result<Json<ExecutionStatisticsResponse>, Problem> {
    let agents = app.agents.overview(&session.principal).await?;
    let week = if parameters.include_7d.is_some_and(|text| text.eq_ignore_ascii_case("true") || text == "1") {
        Some(app.agents.figures(&session.principal, Duration::from_secs(7 * 86_400)).await?)
    } else {
        None
    };
    let statistics = |overview: AgentOverview| {
        let of_week =
            week.as_ref().map(|week| WeekStatistics::of(week.get(&overview.listing.name))).unwrap_or_default();
        ExecutionStatistics::of(overview, of_week)
    };
    Ok(Json(ExecutionStatisticsResponse { agents: agents.into_iter().map(statistics).collect() }))
}

/// How many calls agents take and have.
#[utoipa::path(
    get, path = "/api/agents/slots", tag = "agents",
    responses((status = 200, description = "The places at each agent", body = SlotsResponse)),
)]
async fn slots(app: App, session: Session) -> Result<Json<SlotsResponse>, Problem> {
    let agents = app.agents.overview(&session.principal).await?;
    let places = |overview: AgentOverview| {
        let AgentOverview { listing, load, last_day: _ } = overview;
        (listing.name, AgentSlots { max: listing.concurrency, active: load.in_flight, queued: load.queued })
    };
    Ok(Json(SlotsResponse { agents: agents.into_iter().map(places).collect(), timestamp: app.now().into() }))
}

/// Which agents an agent may call.
#[utoipa::path(
    get, path = "/api/agents/{name}/permissions", tag = "agents",
    params(("name" = String, Path, description = "The agent", example = "writer")),
    responses(
        (status = 200, description = "The agents", body = PermissionsResponse),
        (status = 404, description = "No such agent"),
    ),
)]
async fn permissions(app: App, session: Session, path: NamePath) -> Result<Json<PermissionsResponse>, Problem> {
    let agent = app.agents.get(&session.principal, &path.0).await?;
    Ok(Json(PermissionsResponse { source_agent: agent.name, permitted_agents: Vec::new() }))
}

impl ContextStatistics {
    fn of(overview: AgentOverview) -> Self {
        let AgentOverview { listing, load, last_day } = overview;
        let activity_state = match listing.status {
            AgentStatus::Stopped => "offline",
            AgentStatus::Running if load.in_flight > 0 => "active",
            AgentStatus::Running => "idle",
        };
        Self {
            status: status_name(listing.status),
            name: listing.name,
            activity_state,
            context_percent: None,
            context_used: None,
            context_max: None,
            last_activity_time: last_day.map(|figures| figures.last_ended_at.into()),
        }
    }
}

impl ExecutionStatistics {
    fn of(overview: AgentOverview, week: WeekStatistics) -> Self {
        let day = overview.last_day.as_ref();
        Self {
            task_count_24h: day.map_or(0, |figures| figures.ended),
            success_count: day.map_or(0, |figures| figures.ended - figures.failed),
            failed_count: day.map_or(0, |figures| figures.failed),
            running_count: overview.load.in_flight,
            success_rate: success_rate(day),
            total_cost: day.map_or(0.0, |figures| dollars(figures.cost.amount)),
            last_execution_at: day.map(|figures| figures.last_ended_at.into()),
            week,
            name: overview.listing.name,
        }
    }
}

impl WeekStatistics {
    fn of(figures: Option<&AgentFigures>) -> Self {
        Self {
            task_count_7d: Some(figures.map_or(0, |figures| figures.ended)),
            success_count_7d: Some(figures.map_or(0, |figures| figures.ended - figures.failed)),
            failed_count_7d: Some(figures.map_or(0, |figures| figures.failed)),
            success_rate_7d: Some(success_rate(figures)),
            total_cost_7d: Some(figures.map_or(0.0, |figures| dollars(figures.cost.amount))),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share to one decimal")]
fn success_rate(figures: Option<&AgentFigures>) -> f64 {
    let rate = |figures: &AgentFigures| (figures.ended - figures.failed) as f64 / figures.ended.max(1) as f64;
    (figures.map_or(0.0, rate) * 1_000.0).round() / 10.0
}

impl ReadParameters for StatisticsParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self { include_7d: parameters.text("include_7d") }
    }
}
