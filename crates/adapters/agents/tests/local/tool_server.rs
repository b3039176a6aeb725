//! A tool server by hand, which refuses as servers do that were not written with a library.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use axum::{
    Router as Routes,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::any,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify};

/// A server with sessions and the tool `ask`, which repeats its argument `prompt`; `wait` is repeated when it is told
/// to.
#[derive(Clone, Default)]
pub struct ToolServer(Arc<Mutex<Inside>>, Arc<Waiting>);

#[derive(Default)]
struct Waiting {
    arrived: Notify,
    released: Notify,
}

#[derive(Default)]
struct Inside {
    sessions: HashSet<String>,
    opened: usize,
    /// What a call in a session that is not known is answered with; `None` for 404 and nothing else.
    refusal: Option<Refusal>,
    /// Whether every call is refused.
    refuses_all: bool,
    /// What follows when a stream is resumed after its last event.
    resumed: Option<String>,
}

/// How a call is refused.
#[derive(Clone)]
pub struct Refusal {
    pub status: u16,
    pub content_type: &'static str,
    /// `$ID` in it stands for the call's id.
    pub body: String,
    pub retry_after: Option<&'static str>,
}

impl Refusal {
    /// A JSON-RPC error with this id, or without one.
    pub fn json(status: u16, id: Option<Value>) -> Self {
        Self { status, content_type: "application/json", body: error(id).to_string(), retry_after: None }
    }

    /// The same as an event of a stream.
    pub fn event(status: u16, id: Option<Value>) -> Self {
        let body = format!("event: message\ndata: {}\n\n", error(id));
        Self { status, content_type: "text/event-stream", body, retry_after: None }
    }

    /// A text.
    pub fn text(status: u16, body: &str) -> Self {
        Self { status, content_type: "text/plain", body: body.to_owned(), retry_after: None }
    }
}

/// The words of a refusal.
pub const WORDS: &str = "Bad Request: no such luck";

fn error(id: Option<Value>) -> Value {
    let mut error = json!({"jsonrpc": "2.0", "error": {"code": -32_000, "message": WORDS}});
    if let Some(id) = id {
        error["id"] = id;
    }
    error
}

impl ToolServer {
    /// Starts the server: its address.
    pub async fn start(&self) -> String {
        let routes = Routes::new().route("/mcp", any(serve)).with_state(self.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        format!("http://{address}/mcp")
    }

    /// Forgets all sessions, and refuses calls in them so from now on.
    pub fn forget_sessions(&self, refusal: Refusal) {
        let mut inside = self.0.lock().unwrap();
        inside.sessions.clear();
        inside.refusal = Some(refusal);
    }

    /// Refuses every call so from now on.
    pub fn refuse_calls(&self, refusal: Refusal) {
        let mut inside = self.0.lock().unwrap();
        inside.refuses_all = true;
        inside.refusal = Some(refusal);
    }

    /// Answers a stream that is resumed with these events.
    pub fn resume_streams_with(&self, events: String) {
        self.0.lock().unwrap().resumed = Some(events);
    }

    /// Until a call that waits has come in.
    pub async fn until_one_waits(&self) {
        self.1.arrived.notified().await;
    }

    /// Lets a call that waits be answered.
    pub fn release(&self) {
        self.1.released.notify_one();
    }

    /// How many sessions were opened.
    pub fn opened(&self) -> usize {
        self.0.lock().unwrap().opened
    }

    fn answer(&self, session: Option<&str>, message: &Value) -> Response {
        let mut inside = self.0.lock().unwrap();
        let id = &message["id"];
        let result = |result: Value| json!({"jsonrpc": "2.0", "id": id, "result": result});
        match message["method"].as_str().unwrap_or_default() {
            "server/discover" => {
                let unknown = json!({"code": -32_601, "message": "Method not found"});
                json_answer(&json!({"jsonrpc": "2.0", "id": id, "error": unknown}))
            }
            "initialize" => {
                inside.opened += 1;
                let session = format!("session-{}", inside.opened);
                inside.sessions.insert(session.clone());
                let version = &message["params"]["protocolVersion"];
                let body = result(json!({"protocolVersion": version, "capabilities": {"tools": {}},
                    "serverInfo": {"name": "by hand", "version": "1"}}));
                ([("mcp-session-id", session)], json_answer(&body)).into_response()
            }
            "notifications/initialized" => StatusCode::ACCEPTED.into_response(),
            "tools/list" => {
                json_answer(&result(json!({"tools": [{"name": "ask", "inputSchema": {"type": "object"}}]})))
            }
            _ if inside.refuses_all || session.is_none_or(|session| !inside.sessions.contains(session)) => {
                refused(inside.refusal.as_ref(), id)
            }
            _ => json_answer(&result(
                json!({"content": [{"type": "text", "text": message["params"]["arguments"]["prompt"]}]}),
            )),
        }
    }
}

async fn serve(State(server): State<ToolServer>, headers: HeaderMap, body: Bytes) -> Response {
    let session = headers.get("mcp-session-id").and_then(|session| session.to_str().ok());
    match serde_json::from_slice::<Value>(&body) {
        Ok(message) => {
            let answer = server.answer(session, &message);
            if message["params"]["arguments"]["prompt"] == "wait" {
                server.1.arrived.notify_one();
                server.1.released.notified().await;
            }
            answer
        }
        Err(_) => match server.0.lock().unwrap().resumed.clone().filter(|_| headers.contains_key("last-event-id")) {
            Some(events) => ([(header::CONTENT_TYPE, "text/event-stream")], events).into_response(),
            // Neither streams of its own, nor sessions that can be ended.
            None => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        },
    }
}

fn json_answer(body: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn refused(refusal: Option<&Refusal>, id: &Value) -> Response {
    let Some(refusal) = refusal else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let status = StatusCode::from_u16(refusal.status).unwrap();
    let body = refusal.body.replace("$ID", &id.to_string());
    let answer = (status, [(header::CONTENT_TYPE, refusal.content_type)], body);
    match refusal.retry_after {
        Some(retry_after) => ([(header::RETRY_AFTER, retry_after)], answer).into_response(),
        None => answer.into_response(),
    }
}
