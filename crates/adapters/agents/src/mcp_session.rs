//! One shared session with an MCP server over Streamable HTTP, opened when it is first needed and again after a loss.

use std::{collections::BTreeMap, error::Error, sync::Arc, time::Duration as StdDuration};

use procession_application::ports::Clock;
use procession_domain::value::{Duration, Timestamp};
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
        streamable_http_client::{AuthRequiredError, StreamableHttpClientTransportConfig, StreamableHttpError},
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::{sync::Mutex, time::timeout};

use crate::http_client::{describe, http_client};

/// How long opening a session may take.
const OPENING: StdDuration = StdDuration::from_secs(20);
/// Requests in flight at once; the library's own 16 would hold back long calls (dependencies, section 6).
const CONCURRENT_REQUESTS: usize = 256;
/// How long after a failed opening the next one is tried: doubled from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// Which server, and how to speak to it.
pub(crate) struct Endpoint {
    pub(crate) url: String,
    pub(crate) api_key: Option<SecretString>,
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
    /// HTTP 429 or 5xx.
    Http { status: u16, retry_after: Option<Duration> },
    /// A JSON-RPC error.
    Rpc { code: i32, message: String },
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
        let client = self.client().await?;
        let arguments: JsonObject = arguments.into_iter().collect();
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        match timeout(longest, client.call_tool_once(params)).await {
            Ok(Ok(CallToolResponse::Complete(result))) => Ok(result),
            Ok(Ok(_)) => Err(CallFailure::Rpc {
                code: -32_600,
                message: "the tool asks for something in between, which an agent's call can't give".to_owned(),
            }),
            Ok(Err(error)) => Err(self.lost(&client, error).await),
            Err(_) => Err(CallFailure::TimedOut(format!("no answer within {} s", longest.as_secs()))),
        }
    }

    /// The server's tools.
    pub(crate) async fn tools(&self, longest: StdDuration) -> Result<Vec<Tool>, CallFailure> {
        let client = self.client().await?;
        match timeout(longest, client.list_all_tools()).await {
            Ok(Ok(tools)) => Ok(tools),
            Ok(Err(error)) => Err(self.lost(&client, error).await),
            Err(_) => Err(CallFailure::TimedOut(format!("no answer within {} s", longest.as_secs()))),
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
        let http = http_client().map_err(|error| CallFailure::NotSent(describe(error)))?;
        let mut config = StreamableHttpClientTransportConfig::with_uri(self.endpoint.url.as_str())
            .max_concurrent_requests(CONCURRENT_REQUESTS)
            .max_sse_event_size(self.endpoint.largest_event)
            .reinit_on_expired_session(true);
        let mut backoff = ExponentialBackoff::default();
        backoff.max_times = Some(6);
        backoff.base_duration = FIRST_PAUSE.to_std();
        backoff.max_delay = Some(LAST_PAUSE.to_std());
        config.retry_config = Arc::new(backoff);
        if let Some(key) = &self.endpoint.api_key {
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
            let client = config.serve_with_lifecycle(transport, lifecycle).await.map_err(not_opened)?;
            let tools = client.list_all_tools().await.map_err(explained).map_err(before_any_call)?;
            (self.endpoint.expectation)(&tools).map_err(CallFailure::Unexpected)?;
            Ok(client)
        };
        let failure = || CallFailure::NotSent("the server does not answer".to_owned());
        timeout(OPENING, opening).await.unwrap_or_else(|_| Err(failure()))
    }

    /// What an error means; a session that is gone is forgotten.
    async fn lost(&self, client: &Arc<Client>, error: ServiceError) -> CallFailure {
        if client.is_closed() || matches!(error, ServiceError::TransportClosed) {
            let mut state = self.state.lock().await;
            if state.client.as_ref().is_some_and(|current| Arc::ptr_eq(current, client)) {
                state.client = None;
            }
        }
        explained(error)
    }
}

/// The text parts of an answer, if there are any.
pub(crate) fn text_of(answer: &CallToolResult) -> Option<String> {
    let parts: Vec<&str> =
        answer.content.iter().filter_map(|part| part.as_text().map(|text| text.text.as_str())).collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}

fn not_opened(error: ClientInitializeError) -> CallFailure {
    let failure = match error {
        ClientInitializeError::TransportError { error, .. } => transport_failure(&error),
        ClientInitializeError::JsonRpcError(error) => {
            CallFailure::Rpc { code: error.code.0, message: error.message.into_owned() }
        }
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => return not_opened(*fallback),
        other => CallFailure::Lost(other.to_string()),
    };
    before_any_call(failure)
}

/// While the session is opened, nothing that matters has been sent.
fn before_any_call(failure: CallFailure) -> CallFailure {
    match failure {
        CallFailure::Lost(text) | CallFailure::TimedOut(text) => CallFailure::NotSent(text),
        other @ (CallFailure::NotSent(_)
        | CallFailure::Unauthorized(_)
        | CallFailure::NoSuchServer(_)
        | CallFailure::Unexpected(_)
        | CallFailure::Http { .. }
        | CallFailure::Rpc { .. }) => other,
    }
}

fn explained(error: ServiceError) -> CallFailure {
    match error {
        ServiceError::McpError(error) => CallFailure::Rpc { code: error.code.0, message: error.message.into_owned() },
        ServiceError::TransportSend(error) => transport_failure(&error),
        ServiceError::Timeout { timeout } => CallFailure::TimedOut(format!("no answer within {} s", timeout.as_secs())),
        other => CallFailure::Lost(other.to_string()),
    }
}

/// Finds, among the causes of an error, the one that decides.
fn transport_failure(error: &(dyn Error + 'static)) -> CallFailure {
    let mut current = Some(error);
    let mut last = error.to_string();
    while let Some(cause) = current {
        if cause.is::<AuthRequiredError>() {
            return CallFailure::Unauthorized("the server refuses the key (HTTP 401)".to_owned());
        }
        if let Some(http) = cause.downcast_ref::<StreamableHttpError<reqwest::Error>>() {
            match http {
                StreamableHttpError::HttpStatus(status) => {
                    return CallFailure::Http {
                        status: status.status,
                        retry_after: status.retry_after.as_deref().and_then(|text| text.trim().parse().ok()),
                    };
                }
                StreamableHttpError::InsufficientScope(_) => {
                    return CallFailure::Unauthorized("the server refuses the key (HTTP 403)".to_owned());
                }
                StreamableHttpError::UnexpectedServerResponse(text) => return http_answer(text),
                StreamableHttpError::Client(error) if error.is_connect() => {
                    let cause = innermost(error);
                    return CallFailure::NotSent(format!("the server can't be reached ({cause})"));
                }
                StreamableHttpError::Client(error) => {
                    return CallFailure::Lost(format!("the connection broke ({})", innermost(error)));
                }
                _ => {}
            }
        }
        last = cause.to_string();
        current = cause.source();
    }
    CallFailure::Lost(last)
}

/// The library tells the other HTTP statuses only in words: `HTTP 401 Unauthorized: …`.
fn http_answer(text: &str) -> CallFailure {
    let status: Option<u16> = text
        .strip_prefix("HTTP ")
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|status| status.trim_end_matches(':').parse().ok());
    match status {
        Some(status @ (401 | 403)) => CallFailure::Unauthorized(format!("the server refuses the key (HTTP {status})")),
        Some(404 | 405) => CallFailure::NoSuchServer("no MCP server answers at this address".to_owned()),
        Some(_) | None => CallFailure::Lost(crate::failure::shortened(text, 300)),
    }
}

/// The last cause of an error: the only one that does not show the address.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
