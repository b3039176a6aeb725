//! One shared session with an MCP server over Streamable HTTP, opened when it is first needed and again after a loss.

use std::{collections::BTreeMap, error::Error, sync::Arc, time::Duration as StdDuration};

use procession_application::ports::Clock;
use procession_domain::value::{Duration, RetryAfter, Timestamp};
use rmcp::{
    RoleClient, ServiceError,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ClientConfig, Implementation,
        JsonObject, ProtocolVersion, Tool,
    },
    service::{ClientInitializeError, ClientLifecycleMode, ClientServiceExt, RunningService},
    transport::{
        StreamableHttpClientTransport,
        common::client_side_sse::ExponentialBackoff,
        streamable_http_client::{StreamableHttpClientTransportConfig, StreamableHttpError},
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::{sync::Mutex, time::timeout};

use crate::{
    address::Address,
    failure::shortened,
    mcp_http::{McpHttp, Refusal, WireFailure},
    secret::Masks,
};

/// How long opening a session may take.
const OPENING: StdDuration = StdDuration::from_secs(20);
/// Requests in flight at once; the library's own 16 would hold back long calls (dependencies, section 6).
const CONCURRENT_REQUESTS: usize = 256;
/// How long after a failed opening the next one is tried: doubled from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// Which server, and how to speak to it.
pub(crate) struct Endpoint {
    pub(crate) address: Address,
    pub(crate) api_key: Option<SecretString>,
    /// The HTTP client, or why there is none.
    pub(crate) http: Result<reqwest::Client, String>,
    pub(crate) protocol: Protocol,
    /// The largest single event of a stream, in bytes.
    pub(crate) largest_event: usize,
    /// Looks at the tools of a session that was just opened; the error says what is missing.
    pub(crate) expectation: fn(&[Tool]) -> Result<(), String>,
}

/// Which generation of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// With `initialize`, as the platform speaks it: 2025-11-25, so that broken streams can be resumed (spec 6, 0.6).
    Sessions,
    /// The newest that the server knows.
    Any,
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallFailure {
    /// The server has seen nothing of it.
    NotSent(String),
    /// It may have been done, and its answer is lost.
    Lost(String),
    /// The same, after waiting long enough.
    TimedOut(String),
    /// HTTP 401 or 403.
    Unauthorized(String),
    /// Nothing that speaks the protocol answers there.
    NoSuchServer(String),
    /// The server lacks what is expected of it.
    Unexpected(String),
    /// The server does not know the session any more, and has not done the call.
    SessionLost {
        text: String,
        /// Whether it says so by HTTP 404, which has no other meaning in a session.
        by_status: bool,
    },
    /// Any other status that is no success.
    Http {
        status: u16,
        /// The code of the JSON-RPC error in the body, if there is one.
        rpc_code: Option<i32>,
        /// The status, and what the server says about it.
        text: String,
        retry_after: Option<RetryAfter>,
    },
    /// A JSON-RPC error in an answer with success.
    Rpc { code: i32, message: String },
}

impl CallFailure {
    /// Whether it may be the session that the server refuses, so that the next call must have a new one. A new one too
    /// many costs little; a dead one is kept for ever.
    fn refuses_session(&self) -> bool {
        match self {
            // Of the errors within a success, an invalid request and those that servers may define.
            Self::SessionLost { .. }
            | Self::Unauthorized(_)
            | Self::NoSuchServer(_)
            | Self::Unexpected(_)
            | Self::Rpc { code: -32_600 | -32_099..=-32_000, .. } => true,
            // Too slow, too large, too often: the session has nothing to do with these.
            Self::Http { status: status @ 400..=499, .. } => !matches!(status, 408 | 413 | 429),
            Self::Http { text, .. } | Self::Rpc { message: text, .. } => speaks_of_session(text),
            Self::NotSent(_) | Self::Lost(_) | Self::TimedOut(_) => false,
        }
    }
}

/// A session that is opened when needed.
pub(crate) struct Session {
    endpoint: Endpoint,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

type Client = RunningService<RoleClient, ClientConfig>;

#[derive(Default)]
struct State {
    client: Option<Arc<Client>>,
    failures_in_a_row: u32,
    /// Until when the last failure stands for all further calls, so that a server that is down is not hammered.
    refused_until: Option<(Timestamp, CallFailure)>,
}

impl Session {
    /// A session that is not open yet.
    pub(crate) fn new(endpoint: Endpoint, clock: Arc<dyn Clock>) -> Self {
        Self { endpoint, clock, state: Mutex::default() }
    }

    /// Calls a tool.
    pub(crate) async fn call(
        &self,
        tool: &str,
        arguments: BTreeMap<String, Value>,
        longest: StdDuration,
    ) -> Result<CallToolResult, CallFailure> {
        let arguments: JsonObject = arguments.into_iter().collect();
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        match self.call_once(params.clone(), longest).await {
            Err(CallFailure::SessionLost { by_status: true, .. }) => self.call_once(params, longest).await,
            other => other,
        }
    }

    async fn call_once(
        &self,
        params: CallToolRequestParams,
        longest: StdDuration,
    ) -> Result<CallToolResult, CallFailure> {
        let client = self.client().await?;
        match timeout(longest, client.call_tool_once(params)).await {
            Ok(Ok(CallToolResponse::Complete(result))) => Ok(result),
            Ok(Ok(_)) => Err(CallFailure::Rpc {
                code: -32_600,
                message: "the tool asks for something in between, which an agent's call can't give".to_owned(),
            }),
            Ok(Err(error)) => Err(self.lost(&client, error).await),
            Err(_) => Err(too_late(longest)),
        }
    }

    /// The server's tools.
    pub(crate) async fn tools(&self, longest: StdDuration) -> Result<Vec<Tool>, CallFailure> {
        let client = self.client().await?;
        match timeout(longest, client.list_all_tools()).await {
            Ok(Ok(tools)) => Ok(tools),
            Ok(Err(error)) => Err(self.lost(&client, error).await),
            Err(_) => Err(too_late(longest)),
        }
    }

    /// The open session. Only one task opens it; the others wait for that.
    async fn client(&self) -> Result<Arc<Client>, CallFailure> {
        let mut state = self.state.lock().await;
        if let Some(client) = state.client.as_ref().filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        if let Some((until, failure)) = &state.refused_until
            && self.clock.now() < *until
        {
            return Err(failure.clone());
        }
        state.client = None;
        match self.open().await {
            Ok(client) => {
                let client = Arc::new(client);
                *state = State { client: Some(Arc::clone(&client)), ..State::default() };
                Ok(client)
            }
            Err(failure) => {
                let doublings = state.failures_in_a_row.min(8);
                let pause = FIRST_PAUSE.scale(f64::from(1_u32 << doublings)).min(LAST_PAUSE);
                state.failures_in_a_row = doublings + 1;
                state.refused_until = Some((self.clock.now().saturating_add(pause), failure.clone()));
                Err(failure)
            }
        }
    }

    async fn open(&self) -> Result<Client, CallFailure> {
        let Endpoint { address, api_key, http, .. } = &self.endpoint;
        let http = http.clone().map_err(CallFailure::NotSent)?;
        let http = McpHttp::new(http, Masks::new(api_key.as_ref(), address));
        // What makes a session anew is here, so that every kind of refusal is told and the tools are looked at again.
        let mut config = StreamableHttpClientTransportConfig::with_uri(address.url().as_str())
            .max_concurrent_requests(CONCURRENT_REQUESTS)
            .max_sse_event_size(self.endpoint.largest_event)
            .reinit_on_expired_session(false);
        let mut backoff = ExponentialBackoff::default();
        backoff.max_times = Some(6);
        backoff.base_duration = FIRST_PAUSE.to_std();
        backoff.max_delay = Some(LAST_PAUSE.to_std());
        config.retry_config = Arc::new(backoff);
        if let Some(key) = api_key {
            config = config.auth_header(key.expose_secret());
        }
        let transport = StreamableHttpClientTransport::with_client(http, config);
        let lifecycle = match self.endpoint.protocol {
            Protocol::Sessions => ClientLifecycleMode::Initialize,
            Protocol::Any => ClientLifecycleMode::Auto {
                preferred_versions: vec![ProtocolVersion::V_2026_07_28],
                legacy_version: None,
            },
        };
        let opening = async {
            let identity = Implementation::new("procession", env!("CARGO_PKG_VERSION"));
            let config = ClientConfig::new(ClientCapabilities::default(), identity);
            let now = self.clock.now();
            let client =
                config.serve_with_lifecycle(transport, lifecycle).await.map_err(|error| not_opened(error, now))?;
            let tools = client.list_all_tools().await.map_err(|error| before_any_call(explained(error, now)))?;
            (self.endpoint.expectation)(&tools).map_err(CallFailure::Unexpected)?;
            Ok(client)
        };
        let failure = || CallFailure::NotSent("the server does not answer".to_owned());
        timeout(OPENING, opening).await.unwrap_or_else(|_| Err(failure()))
    }

    /// What an error means. A session that is gone, or that the server may have refused, is forgotten: calls under way in
    /// it go on, the next call opens a new one.
    async fn lost(&self, client: &Arc<Client>, error: ServiceError) -> CallFailure {
        let is_closed = client.is_closed() || matches!(error, ServiceError::TransportClosed);
        let failure = explained(error, self.clock.now());
        if is_closed || failure.refuses_session() {
            let mut state = self.state.lock().await;
            if state.client.as_ref().is_some_and(|current| Arc::ptr_eq(current, client)) {
                state.client = None;
            }
        }
        failure
    }
}

/// The text parts of an answer, if there are any.
pub(crate) fn text_of(answer: &CallToolResult) -> Option<String> {
    let parts: Vec<&str> =
        answer.content.iter().filter_map(|part| part.as_text().map(|text| text.text.as_str())).collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}

fn too_late(longest: StdDuration) -> CallFailure {
    CallFailure::TimedOut(format!("no answer within {} s", longest.as_secs_f64()))
}

fn not_opened(error: ClientInitializeError, now: Timestamp) -> CallFailure {
    let failure = match error {
        ClientInitializeError::TransportError { error, .. } => transport_failure(&error, now),
        ClientInitializeError::JsonRpcError(error) => {
            CallFailure::Rpc { code: error.code.0, message: error.message.into_owned() }
        }
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => return not_opened(*fallback, now),
        other => CallFailure::Lost(other.to_string()),
    };
    before_any_call(failure)
}

/// While the session is opened, nothing that matters has been sent.
fn before_any_call(failure: CallFailure) -> CallFailure {
    match failure {
        CallFailure::Lost(text) | CallFailure::TimedOut(text) | CallFailure::SessionLost { text, .. } => {
            CallFailure::NotSent(text)
        }
        other @ (CallFailure::NotSent(_)
        | CallFailure::Unauthorized(_)
        | CallFailure::NoSuchServer(_)
        | CallFailure::Unexpected(_)
        | CallFailure::Http { .. }
        | CallFailure::Rpc { .. }) => other,
    }
}

fn explained(error: ServiceError, now: Timestamp) -> CallFailure {
    match error {
        ServiceError::McpError(error) if speaks_of_session(&error.message) => {
            let text = format!("{} (JSON-RPC {})", error.message, error.code.0);
            CallFailure::SessionLost { text, by_status: false }
        }
        ServiceError::McpError(error) => CallFailure::Rpc { code: error.code.0, message: error.message.into_owned() },
        ServiceError::TransportSend(error) => transport_failure(&error, now),
        ServiceError::Timeout { timeout } => too_late(timeout),
        other => CallFailure::Lost(other.to_string()),
    }
}

/// Finds, among the causes of an error, the one that decides.
fn transport_failure(error: &(dyn Error + 'static), now: Timestamp) -> CallFailure {
    let mut current = Some(error);
    let mut last = error.to_string();
    while let Some(cause) = current {
        if let Some(StreamableHttpError::Client(failure)) = cause.downcast_ref::<StreamableHttpError<WireFailure>>() {
            return match failure {
                WireFailure::Unreachable(_) => CallFailure::NotSent(failure.to_string()),
                WireFailure::Broken(_) | WireFailure::TooLarge(_) | WireFailure::NoMessage(_) => {
                    CallFailure::Lost(failure.to_string())
                }
                WireFailure::Refused(refusal) => refused_with(refusal, now),
            };
        }
        last = cause.to_string();
        current = cause.source();
    }
    CallFailure::Lost(shortened(&last, 300))
}

/// What a status other than success means.
fn refused_with(refusal: &Refusal, now: Timestamp) -> CallFailure {
    let Refusal { status, in_session, rpc_code, said, retry_after } = refusal;
    match status {
        401 | 403 => CallFailure::Unauthorized(format!("the server refuses the key ({refusal})")),
        404 if *in_session => CallFailure::SessionLost { text: refusal.to_string(), by_status: true },
        404 | 405 if !in_session && rpc_code.is_none() => {
            CallFailure::NoSuchServer(format!("no MCP server answers at this address ({refusal})"))
        }
        400..=499 if *in_session && speaks_of_session(said) => {
            CallFailure::SessionLost { text: refusal.to_string(), by_status: false }
        }
        _ => CallFailure::Http {
            status: *status,
            rpc_code: *rpc_code,
            text: refusal.to_string(),
            retry_after: retry_after.as_deref().and_then(|text| RetryAfter::read(text, now)),
        },
    }
}

/// Whether a server's words are about the session, or the handshake that makes one.
fn speaks_of_session(text: &str) -> bool {
    let text = text.to_lowercase();
    ["session", "initializ", "initialis"].iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(status: u16, text: &str) -> CallFailure {
        CallFailure::Http { status, rpc_code: None, text: text.to_owned(), retry_after: None }
    }

    fn rpc(code: i32, message: &str) -> CallFailure {
        CallFailure::Rpc { code, message: message.to_owned() }
    }

    #[test]
    fn whatever_may_refuse_the_session_asks_for_a_new_one() {
        for failure in [
            http(400, "HTTP 400"),
            http(410, "HTTP 410"),
            http(422, "HTTP 422"),
            http(500, "HTTP 500: unknown session"),
            rpc(-32_600, "Invalid request"),
            rpc(-32_001, "gone"),
            rpc(-32_602, "Received request before initialization was complete"),
            CallFailure::SessionLost { text: "HTTP 404".into(), by_status: true },
            CallFailure::Unauthorized("HTTP 401".into()),
        ] {
            assert!(failure.refuses_session(), "{failure:?}");
        }
        for failure in [
            http(429, "HTTP 429"),
            http(503, "HTTP 503: come back later"),
            rpc(-32_602, "Unknown tool: ask"),
            rpc(-32_603, "broken inside"),
            rpc(7, "out of cheese"),
            CallFailure::Lost("reset".into()),
        ] {
            assert!(!failure.refuses_session(), "{failure:?}");
        }
    }

    #[test]
    fn statuses_are_told_with_their_words() {
        let now: Timestamp = "2026-11-21T10:00:00+00:00".parse().unwrap();
        let refusal = |status, in_session, said: &str| {
            let refusal =
                Refusal { status, in_session, rpc_code: None, said: said.into(), retry_after: Some("7".into()) };
            refused_with(&refusal, now)
        };
        let retry_after = RetryAfter::read("7", now);
        let text = "HTTP 503: down".to_owned();
        assert_eq!(refusal(503, true, "down"), CallFailure::Http { status: 503, rpc_code: None, text, retry_after });
        let lost = |text: &str, by_status| CallFailure::SessionLost { text: text.to_owned(), by_status };
        assert_eq!(refusal(400, true, "Bad session"), lost("HTTP 400: Bad session", false));
        assert_eq!(refusal(404, true, ""), lost("HTTP 404", true));
        assert!(matches!(refusal(404, false, ""), CallFailure::NoSuchServer(_)));
        assert!(matches!(refusal(401, true, ""), CallFailure::Unauthorized(_)));
    }
}
