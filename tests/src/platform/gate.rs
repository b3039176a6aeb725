//! What happens to a request before and after the MCP server: keys, lost sessions, broken connections, old protocols.

use std::{sync::Arc, time::Duration};

use anyhow::anyhow;
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use rmcp::transport::streamable_http_server::session::{SessionManager, local::LocalSessionManager};
use serde_json::{Value, json};

use super::{
    calls::Outcome,
    chat::Chat,
    plan::Fault,
    tools::{PassedFault, Tools},
};

/// The largest request.
const LARGEST_REQUEST: usize = 64 * 1024 * 1024;
/// From this version on streams begin with a priming event, and can be resumed.
const RESUMABLE: &str = "2025-11-25";

/// What the gate knows.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) tools: Tools,
    pub(super) sessions: Arc<LocalSessionManager>,
}

/// The middleware.
pub(super) async fn gate(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    // Listening to a session, and ending it, needs no key.
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    if let Some(key) = gate.tools.store.plan().key
        && let Some(message) = refused_key(request.headers(), &key)
    {
        return unauthorized(message);
    }
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_REQUEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let called = called_tool(&body);
    let fault = called.as_ref().and_then(|(tool, _)| gate.tools.store.take_fault(tool));
    match (&called, fault.clone()) {
        (Some((tool, arguments)), Some(fault)) if is_of_the_way(&fault) => {
            gate.note_fault(tool, arguments);
            if let Some(response) = gate.broken(&fault).await {
                return response;
            }
        }
        _ => {}
    }
    if let Some(response) = called.as_ref().and_then(|(tool, arguments)| gate.planned_break(tool, arguments)) {
        return response;
    }
    parts.extensions.insert(PassedFault(fault.clone().filter(|fault| !is_of_the_way(fault))));
    let is_old =
        parts.headers.get("mcp-protocol-version").is_some_and(|version| version.as_bytes() < RESUMABLE.as_bytes());
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if fault == Some(Fault::CutStream) {
        return cut(response);
    }
    if is_old && called.is_some() { in_one_piece(response).await } else { response }
}

impl Gate {
    /// Forgets all sessions.
    pub(super) async fn lose_sessions(&self) {
        let ids: Vec<_> = self.sessions.sessions.read().await.keys().cloned().collect();
        for id in ids {
            // One that has ended meanwhile is lost as well.
            let _ = self.sessions.close_session(&id).await;
        }
    }

    fn note_fault(&self, tool: &str, arguments: &Value) {
        let agent = arguments.get("agent_name").and_then(Value::as_str);
        let message = arguments.get("message").and_then(Value::as_str).unwrap_or_default();
        let reference = super::Reference::of_message(message);
        self.tools.log.add(tool, agent, reference, None, Outcome::Faulty);
    }

    /// The response of a fault on the way; `None` lets the request through.
    async fn broken(&self, fault: &Fault) -> Option<Response> {
        match fault {
            Fault::Unauthorized => Some(unauthorized("Invalid API key")),
            Fault::Http503 => Some(StatusCode::SERVICE_UNAVAILABLE.into_response()),
            Fault::Disconnect => Some(disconnected()),
            Fault::Hang => std::future::pending().await,
            Fault::SessionLost => {
                self.lose_sessions().await;
                None
            }
            Fault::CutStream
            | Fault::Delay(_)
            | Fault::Gather(_)
            | Fault::FetchFailed
            | Fault::Aborted
            | Fault::Api(..)
            | Fault::AgentBusy
            | Fault::ProviderBusy
            | Fault::AtCapacity
            | Fault::Denied
            | Fault::NoSuchAgent
            | Fault::Rpc(_) => None,
        }
    }

    /// A rule whose submission breaks on the way is carried out here, since its answer never gets to the client.
    fn planned_break(&self, tool: &str, arguments: &Value) -> Option<Response> {
        let arguments = arguments.as_object().filter(|_| tool == "chat_with_agent")?;
        let chat = Chat::of(arguments);
        let message = arguments.get("message").and_then(Value::as_str)?;
        let store = &self.tools.store;
        let fault = store.next_rule(chat.agent(), message)?.submit?;
        let response = match fault {
            Fault::Unauthorized => unauthorized("Invalid API key"),
            Fault::Http503 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            Fault::Disconnect => disconnected(),
            _ => return None,
        };
        chat.take_in(store, &self.tools.log, None);
        Some(response)
    }
}

/// Whether a fault never gets as far as the tool.
const fn is_of_the_way(fault: &Fault) -> bool {
    matches!(fault, Fault::Unauthorized | Fault::Http503 | Fault::Disconnect | Fault::SessionLost | Fault::Hang)
}

/// The tool that a request calls, with its arguments.
fn called_tool(body: &Bytes) -> Option<(String, Value)> {
    let message: Value = serde_json::from_slice(body).ok()?;
    if message.get("method")?.as_str()? != "tools/call" {
        return None;
    }
    let params = message.get("params")?;
    let arguments = params.get("arguments").cloned().unwrap_or(Value::Null);
    Some((params.get("name")?.as_str()?.to_owned(), arguments))
}

fn refused_key(headers: &HeaderMap, key: &str) -> Option<&'static str> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match given.and_then(|value| value.strip_prefix("Bearer ")) {
        None => Some("Missing or invalid Authorization header"),
        Some(given) if given != key => Some("Invalid API key"),
        Some(_) => None,
    }
}

fn unauthorized(message: &str) -> Response {
    let body = json!({"error": {"code": -32_000, "message": message}});
    (StatusCode::UNAUTHORIZED, axum::Json(body)).into_response()
}

/// A response whose body breaks before its first byte: the connection is closed.
fn disconnected() -> Response {
    let broken = futures::stream::once(async { Err::<Bytes, _>(anyhow!("cut by plan")) });
    let mut response = Response::new(Body::from_stream(broken));
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// The response up to its first event; then the connection breaks.
fn cut(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let first = body.into_data_stream().take(1).map(|part| part.map_err(|error| anyhow!(error)));
    let broken = first.chain(futures::stream::once(async {
        // The first event must have left the machine's buffers before the connection breaks.
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(anyhow!("cut by plan"))
    }));
    Response::from_parts(parts, Body::from_stream(broken))
}

/// The response of an old protocol: nothing before the tool is done, no priming event, no event ids.
async fn in_one_piece(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let text = String::from_utf8_lossy(&bytes);
    let data = text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim);
    let events: Vec<&str> = data.filter(|data| !data.is_empty()).flat_map(|data| ["data: ", data, "\n\n"]).collect();
    let events = events.concat();
    Response::from_parts(parts, Body::from(events))
}
