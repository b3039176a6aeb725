//! The WebSocket `/ws/events`, on which programs outside wait for news of agents (spec 4b 14.3).
//!
//! Only API keys are let in. It carries no events of processes; those are told on `/ws`.

use axum::{
    extract::{
        FromRequestParts, WebSocketUpgrade,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket},
    },
    http::request::Parts,
    response::Response,
};
use serde_json::json;
use tokio::time::timeout;

use super::socket::NOT_AUTHENTICATED;
use crate::{
    HttpState,
    auth::{Admitted, bearer},
    extract::{Parameters, Query, ReadParameters},
    problem::{Code, Problem},
    state::App,
};

/// The query of `/ws/events`.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AgentEventsParameters {
    /// An API key.
    token: Option<String>,
}

/// A client that asks to be let in.
pub(crate) struct Listener {
    admitted: Result<Admitted, &'static str>,
    upgrade: WebSocketUpgrade,
}

/// The largest message that a client may send, in bytes.
const LARGEST_MESSAGE: usize = 4 * 1024;

const NO_KEY: &str = "API key required (use ?token=procession_xxx)";
const BAD_KEY: &str = "Invalid or inactive API key";

/// News of agents, for programs with an API key; `ping` is answered by `pong`, `refresh` by the agents anew.
#[utoipa::path(
    get, path = "/ws/events", tag = "live", operation_id = "open_agent_events", params(AgentEventsParameters), security(()),
    responses(
        (status = 101, description = "The connection is a WebSocket now; without a good key it is closed with 4001"),
        (status = 400, description = "The request is no upgrade to a WebSocket"),
        (status = 426, description = "The connection can't be upgraded"),
    ),
)]
pub(crate) async fn open_agent_events(app: App, listener: Listener) -> Response {
    let Listener { admitted, upgrade } = listener;
    let upgrade = upgrade.max_message_size(LARGEST_MESSAGE).max_frame_size(LARGEST_MESSAGE);
    upgrade.on_upgrade(move |socket| serve(app, socket, admitted))
}

async fn serve(app: App, mut socket: WebSocket, admitted: Result<Admitted, &'static str>) {
    let (code, reason) = match admitted {
        Err(reason) => (NOT_AUTHENTICATED, reason),
        Ok(admitted) => {
            let state = app.state.clone();
            tokio::select! {
                is_lost = listen(&app, &mut socket, admitted) => match is_lost {
                    Some(()) => return,
                    None => (NOT_AUTHENTICATED, BAD_KEY),
                },
                () = state.drained() => (axum::extract::ws::close_code::AWAY, "the server is about to stop"),
            }
        }
    };
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    // Whoever does not take it in time is gone.
    let _ = timeout(app.shell().settings.time_limits.send, socket.send(Message::Close(Some(frame)))).await;
}

/// Answers the client until it is gone, or its key is no longer good or may not list agents any more (`None`).
async fn listen(app: &App, socket: &mut WebSocket, mut caller: Admitted) -> Option<()> {
    let mut rights = app.access.revisions();
    let names = agents(app, &caller).await?;
    let welcome = json!({
        "type": "connected",
        "user": caller.known.principal.name(),
        "accessible_agents": names,
        "message": format!("Connected. Listening to {} agents.", names.len()),
    });
    if say(app, socket, welcome.to_string()).await.is_none() {
        return Some(());
    }
    loop {
        let received = tokio::select! {
            received = socket.recv() => received,
            Ok(()) = rights.changed() => {
                if caller.renew(&app.shell().sessions, app).await {
                    continue;
                }
                return None;
            }
        };
        let text = match received {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_))) => continue,
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Some(()),
        };
        let answer = match text.trim() {
            "ping" => "pong".to_owned(),
            "refresh" => json!({"type": "refreshed", "accessible_agents": agents(app, &caller).await?}).to_string(),
            _ => continue,
        };
        if say(app, socket, answer).await.is_none() {
            return Some(());
        }
    }
}

/// The agents that steps can name; none while they can't be listed, `None` for who may not list them.
async fn agents(app: &App, caller: &Admitted) -> Option<Vec<String>> {
    use procession_application::agents::AgentsFailure;
    match app.agents.list(&caller.known.principal).await {
        Ok(agents) => Some(agents.into_iter().map(|agent| agent.name).collect()),
        Err(
            AgentsFailure::Gateway(_)
            | AgentsFailure::Store(_)
            | AgentsFailure::NotFound
            | AgentsFailure::Stopped(_)
            | AgentsFailure::Chat(_)
            | AgentsFailure::Busy(_),
        ) => Some(Vec::new()),
        Err(AgentsFailure::Forbidden(_)) => None,
    }
}

/// Says something in time; a client that does not take it is gone.
async fn say(app: &App, socket: &mut WebSocket, text: String) -> Option<()> {
    timeout(app.shell().settings.time_limits.send, socket.send(Message::Text(text.into()))).await.ok()?.ok()
}

impl ReadParameters for AgentEventsParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self { token: parameters.text("token") }
    }
}

impl FromRequestParts<HttpState> for Listener {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let app = App::of(state)?;
        let Query(query) = Query::<AgentEventsParameters>::from_request_parts(parts, state).await?;
        let in_head = bearer(&parts.headers).token();
        let admitted = match query.token.as_deref().or(in_head) {
            None => Err(NO_KEY),
            Some(key) => {
                let found = app.shell().sessions.find(&app, key).await?;
                let by_key = found.filter(|known| known.token.is_none());
                by_key.map(|known| Admitted::new(known, key)).ok_or(BAD_KEY)
            }
        };
        let upgrade = WebSocketUpgrade::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Problem::new(rejection.status(), Code::BadRequest, rejection.body_text()))?;
        Ok(Self { admitted, upgrade })
    }
}
