//! Agents: which there are, how they stand, and what they did (spec 4b 12, 17; 4c).
//!
//! What belongs to a platform's containers is null here: this server knows of agents what their gateway says and what it
//! has asked them.

mod chat;
mod standing;
mod timeline;
mod told;

use axum::Json;
use procession_application::{agents::AgentOverview, engine::BreakerState, ports::AgentStatus};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    HttpState,
    problem::Problem,
    session::Session,
    state::App,
    wire::{ExactCost, Time},
};

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(list_agents))
        .merge(standing::routes())
        .merge(chat::routes())
        .merge(timeline::routes())
        .merge(told::routes())
}

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "name": "writer", "type": "openai", "status": "stopped", "description": "Writes drafts",
    "reason": "the environment variable OPENAI_API_KEY is not set; set it and start the server again", "concurrency": 4,
    "in_flight": 0, "queued": 0, "breaker": {"state": "closed", "until": null},
    "calls_24h": 12, "failures_24h": 1, "cost_24h": "$0.25",
    "exact_cost_24h": {"amount": "0.2512", "currency": "USD", "complete": true},
    "port": null, "created": null, "resources": {"cpu": null, "memory": null}, "container_id": null, "template": null,
    "runtime": null, "base_image_version": null, "owner": null, "is_owner": false, "is_shared": true,
    "is_system": false, "autonomy_enabled": false, "read_only_enabled": false, "github_repo": null,
    "memory_limit": null, "cpu_limit": null, "avatar_url": null, "tags": [],
}))]
#[expect(clippy::struct_excessive_bools, reason = "existing clients read each of them")]
struct AgentResponse {
    name: String,
    /// `mcp` for agents of the platform; for others, their kind in the file of agents.
    #[serde(rename = "type")]
    kind: String,
    /// `running` if it takes work, or `stopped`.
    status: &'static str,
    description: Option<String>,
    /// Why it is stopped, where that is known.
    reason: Option<String>,
    /// How many calls it takes at once.
    concurrency: usize,
    /// Calls in flight on this node.
    in_flight: usize,
    /// Steps that wait for it on this node.
    queued: usize,
    breaker: BreakerResponse,
    /// Calls for steps that ended in the last 24 hours, in executions that the session may see.
    calls_24h: u64,
    /// How many of them failed.
    failures_24h: u64,
    /// What they cost, rounded; null if there were none.
    cost_24h: Option<String>,
    exact_cost_24h: Option<ExactCost>,
    /// Null, as all that belongs to a container.
    port: Option<u16>,
    /// Null.
    created: Option<Time>,
    resources: AgentResources,
    /// Null.
    container_id: Option<String>,
    /// Null.
    template: Option<String>,
    /// Null.
    runtime: Option<String>,
    /// Null.
    base_image_version: Option<String>,
    /// Null: agents belong to no user of this server.
    owner: Option<String>,
    /// False.
    is_owner: bool,
    /// True: every process may name every agent.
    is_shared: bool,
    /// Whether it is the agent that helps to write processes.
    is_system: bool,
    /// False: an agent works here only when it is asked.
    autonomy_enabled: bool,
    /// False.
    read_only_enabled: bool,
    /// Null.
    github_repo: Option<String>,
    /// Null.
    memory_limit: Option<String>,
    /// Null.
    cpu_limit: Option<String>,
    /// Null.
    avatar_url: Option<String>,
    /// Empty: agents have no tags here.
    tags: Vec<String>,
}

/// What an agent's container uses: nothing is known of it.
#[derive(Debug, Default, Serialize, ToSchema)]
struct AgentResources {
    /// Null.
    cpu: Option<String>,
    /// Null.
    memory: Option<String>,
}

/// What an agent's breaker lets through.
#[derive(Debug, Serialize, ToSchema)]
struct BreakerResponse {
    /// `closed` if it lets everything through, `open` if nothing, `probing` if a few calls to see.
    #[schema(example = "closed")]
    state: &'static str,
    /// Until when it is open.
    until: Option<Time>,
}

/// Lists the agents that steps can name.
#[utoipa::path(
    get, path = "/api/agents", tag = "agents",
    responses((status = 200, description = "The agents", body = Vec<AgentResponse>)),
)]
async fn list_agents(app: App, session: Session) -> Result<Json<Vec<AgentResponse>>, Problem> {
    let agents = app.agents.overview(&session.principal).await?;
    Ok(Json(agents.into_iter().map(AgentResponse::of).collect()))
}

/// The status of an agent as existing clients know it.
pub(super) const fn status_name(status: AgentStatus) -> &'static str {
    match status {
        AgentStatus::Running => "running",
        AgentStatus::Stopped => "stopped",
    }
}

impl AgentResponse {
    fn of(overview: AgentOverview) -> Self {
        let AgentOverview { listing, load, last_day } = overview;
        let breaker = match load.breaker {
            BreakerState::Closed => BreakerResponse { state: "closed", until: None },
            BreakerState::Open { until } => BreakerResponse { state: "open", until: Some(until.into()) },
            BreakerState::Probing => BreakerResponse { state: "probing", until: None },
        };
        Self {
            status: status_name(listing.status),
            is_system: listing.name == super::shell::SYSTEM_AGENT,
            name: listing.name,
            kind: listing.kind,
            description: listing.description,
            reason: listing.reason,
            concurrency: listing.concurrency,
            in_flight: load.in_flight,
            queued: load.queued,
            breaker,
            calls_24h: last_day.as_ref().map_or(0, |figures| figures.calls),
            failures_24h: last_day.as_ref().map_or(0, |figures| figures.failed_calls),
            cost_24h: last_day.as_ref().map(|figures| figures.cost.amount.to_string()),
            exact_cost_24h: last_day.map(|figures| figures.cost.into()),
            port: None,
            created: None,
            resources: AgentResources::default(),
            container_id: None,
            template: None,
            runtime: None,
            base_image_version: None,
            owner: None,
            is_owner: false,
            is_shared: true,
            autonomy_enabled: false,
            read_only_enabled: false,
            github_repo: None,
            memory_limit: None,
            cpu_limit: None,
            avatar_url: None,
            tags: Vec::new(),
        }
    }
}
