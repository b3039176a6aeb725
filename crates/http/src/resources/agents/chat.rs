//! Talking to an agent: the assistant beside the editor of processes (spec 4b 12).

use axum::Json;
use procession_application::access::UseCase;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    HttpState,
    extract::{NamePath, Sent},
    problem::{Code, FieldError, Problem},
    session::Session,
    state::App,
    wire::ExactCost,
};

/// The most bytes of a message.
const LONGEST_MESSAGE: usize = 256 * 1024;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(chat))
}

/// What is said to an agent.
#[derive(Debug, Deserialize, ToSchema)]
struct ChatRequest {
    #[schema(example = "Write a process with two steps")]
    message: String,
    /// The model, where the agent offers a choice.
    #[serde(default)]
    #[schema(example = json!(null))]
    model: Option<String>,
}

/// What an agent answers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "response": "name: two-steps …", "agent": "trinity-system", "cost": "$0.01",
    "exact_cost": {"amount": "0.0123", "currency": "USD", "complete": true},
}))]
struct ChatResponse {
    /// Its text.
    response: String,
    agent: String,
    /// What it cost, rounded; null where it did not say.
    cost: Option<String>,
    exact_cost: Option<ExactCost>,
}

/// Says something to an agent and waits up to 28 seconds for its answer. It belongs to no execution.
#[utoipa::path(
    post, path = "/api/agents/{name}/chat", tag = "agents", request_body = ChatRequest,
    params(("name" = String, Path, description = "The agent", example = "trinity-system")),
    responses(
        (status = 200, description = "Its answer", body = ChatResponse),
        (status = 404, description = "No such agent"),
        (status = 413, description = "The message is too long"),
        (status = 422, description = "Malformed body, or an empty message"),
        (status = 429, description = "The agent is busy"),
        (status = 503, description = "The agent does not run, or does not answer"),
    ),
)]
async fn chat(app: App, path: NamePath, sent: Sent<ChatRequest>) -> Result<Json<ChatResponse>, Problem> {
    let Sent { session, body } = sent;
    check(&session, &body)?;
    let reply = app.agents.chat(&session.principal, &path.0, body.message, body.model).await?;
    Ok(Json(ChatResponse {
        response: reply.text,
        agent: path.0,
        cost: reply.usage.cost.map(|cost| cost.to_string()),
        exact_cost: reply.usage.cost.map(ExactCost::from),
    }))
}

fn check(session: &Session, body: &ChatRequest) -> Result<(), Problem> {
    session.check(UseCase::ChatWithAgent)?;
    if body.message.trim().is_empty() {
        let errors = [FieldError::new("message", "must not be empty")];
        return Err(Problem::fields(Code::InvalidValue, "the message does not fit", &errors));
    }
    if body.message.len() > LONGEST_MESSAGE {
        return Err(Problem::too_large(format!("the message is longer than {LONGEST_MESSAGE} bytes")));
    }
    Ok(())
}
