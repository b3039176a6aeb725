//! One shared session with an MCP server over Streamable HTTP, opened when it is first needed and again after a loss.

use std::{collections::BTreeMap, sync::Arc, time::Duration as StdDuration};

use procession_application::ports::Clock;
use procession_domain::value::{Duration, Timestamp, TraceContext};
use rmcp::{
    RoleClient, ServiceError,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ClientConfig, Implementation,
        JsonObject, ProtocolVersion, RequestParamsMeta as _, Tool,
    },
    service::{ClientLifecycleMode, ClientServiceExt, RunningService},
    transport::{
        StreamableHttpClientTransport, common::client_side_sse::ExponentialBackoff,
        streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::{sync::Mutex, time::timeout};

use crate::{
    address::Address,
    mcp_failure::{CallFailure, speaks_of_session},
    mcp_http::McpHttp,
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
        trace: Option<TraceContext>,
    ) -> Result<CallToolResult, CallFailure> {
        let arguments: JsonObject = arguments.into_iter().collect();
        let mut params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        if let Some(trace) = trace {
            params.set_traceparent(&trace.to_string());
        }
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
            Ok(Ok(CallToolResponse::Complete(result))) => {
                self.look_for_lost_session(&client, &result).await;
                Ok(result)
            }
            Ok(Ok(_)) => Err(CallFailure::Rpc {
                code: -32_600,
                message: "the tool asks for more input while it runs, which an agent's call can't provide".to_owned(),
            }),
            Ok(Err(error)) => Err(self.lost(&client, error).await),
            Err(_) => Err(CallFailure::too_late(longest)),
        }
    }

    /// The server's tools.
    pub(crate) async fn tools(&self, longest: StdDuration) -> Result<Vec<Tool>, CallFailure> {
        let client = self.client().await?;
        match timeout(longest, client.list_all_tools()).await {
            Ok(Ok(tools)) => Ok(tools),
            Ok(Err(error)) => Err(self.lost(&client, error).await),
            Err(_) => Err(CallFailure::too_late(longest)),
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
            let client = config
                .serve_with_lifecycle(transport, lifecycle)
                .await
                .map_err(|error| CallFailure::of_opening(error, now))?;
            let tools =
                client.list_all_tools().await.map_err(|error| CallFailure::of_call(error, now).before_any_call())?;
            (self.endpoint.expectation)(&tools).map_err(CallFailure::Unexpected)?;
            Ok(client)
        };
        let failure = || CallFailure::NotSent("the server does not answer".to_owned());
        timeout(OPENING, opening).await.unwrap_or_else(|_| Err(failure()))
    }

    /// What an error means. A session that is gone, or that the server may have refused, is forgotten.
    async fn lost(&self, client: &Arc<Client>, error: ServiceError) -> CallFailure {
        let is_closed = client.is_closed() || matches!(error, ServiceError::TransportClosed);
        let failure = CallFailure::of_call(error, self.clock.now());
        if is_closed || failure.refuses_session() {
            self.forget(client).await;
        }
        failure
    }

    /// Some servers say within a tool's own error that they do not know the session.
    async fn look_for_lost_session(&self, client: &Arc<Client>, result: &CallToolResult) {
        if result.is_error == Some(true) && text_of(result).is_some_and(|text| speaks_of_session(&text)) {
            self.forget(client).await;
        }
    }

    /// Has the next call open a new session; those under way in this one go on.
    async fn forget(&self, client: &Arc<Client>) {
        let mut state = self.state.lock().await;
        if state.client.as_ref().is_some_and(|current| Arc::ptr_eq(current, client)) {
            state.client = None;
        }
    }
}

/// The text parts of an answer, if there are any.
pub(crate) fn text_of(answer: &CallToolResult) -> Option<String> {
    let parts: Vec<&str> =
        answer.content.iter().filter_map(|part| part.as_text().map(|text| text.text.as_str())).collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}
