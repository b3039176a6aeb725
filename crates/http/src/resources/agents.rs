//! Agents that steps can name.

use axum::Json;
use procession_application::ports::{AgentListing, AgentStatus};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{HttpState, problem::Problem, session::Session, state::App};

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(list_agents))
}

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "name": "writer", "type": "openai", "status": "stopped", "description": "Writes drafts",
    "reason": "the environment variable OPENAI_API_KEY is not set; set it and start the server again", "concurrency": 4,
}))]
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
}

/// Lists the agents that steps can name.
#[utoipa::path(
    get, path = "/api/agents", tag = "agents",
    responses((status = 200, description = "The agents", body = Vec<AgentResponse>)),
)]
async fn list_agents(app: App, session: Session) -> Result<Json<Vec<AgentResponse>>, Problem> {
    let agents = app.agents.list(&session.principal).await?;
    Ok(Json(agents.into_iter().map(AgentResponse::of).collect()))
}

impl AgentResponse {
    fn of(agent: AgentListing) -> Self {
        let status = match agent.status {
            AgentStatus::Running => "running",
            AgentStatus::Stopped => "stopped",
        };
        Self {
            name: agent.name,
            kind: agent.kind,
            status,
            description: agent.description,
            reason: agent.reason,
            concurrency: agent.concurrency,
        }
    }
}
