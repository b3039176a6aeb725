//! How the MCP library reaches a server: each HTTP answer is looked at here, so that a refusal is told at once whatever
//! id it carries, with its status and words, and so that no error holds an address.

use std::{collections::HashMap, fmt, sync::Arc};

use reqwest::{
    Client, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER},
};
use rmcp::{
    model::{ClientJsonRpcMessage, ClientRequest, RequestParamsMeta as _},
    transport::{
        common::http_header::{EVENT_STREAM_MIME_TYPE, HEADER_LAST_EVENT_ID, HEADER_SESSION_ID, JSON_MIME_TYPE},
        streamable_http_client::{StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse},
    },
};

use crate::{
    error_body::error_message,
    http_client::TRACEPARENT,
    mcp_events::{Events, Streams, event_data},
    mcp_message::{answer_to, error_of_body, refusal_message},
    secret::Masks,
};

/// How much of a refusal's body is read, in bytes.
const LARGEST_REFUSAL: usize = 64 * 1024;
/// The largest event of a stream when the caller does not say, in bytes.
const LARGEST_EVENT: usize = 16 * 1024 * 1024;

/// The HTTP client under a session.
#[derive(Clone)]
pub(crate) struct McpHttp {
    http: Client,
    masks: Masks,
    streams: Streams,
}

/// Why a request has no answer that the protocol knows. No variant holds an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireFailure {
    /// Nobody is there; the server has seen nothing.
    #[error("the server can't be reached ({0})")]
    Unreachable(String),
    /// The connection broke on the way.
    #[error("the connection broke ({0})")]
    Broken(String),
    /// The answer is beyond all bounds.
    #[error("the server's response is larger than {0} bytes")]
    TooLarge(usize),
    /// The answer is a success, and no message.
    #[error("the server's response is not an MCP message: {0}")]
    NoMessage(String),
    /// A status other than success.
    #[error(transparent)]
    Refused(Refusal),
}

/// An answer with a status other than success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// Whether the request named a session.
    pub(crate) in_session: bool,
    /// The code of the JSON-RPC error that the body is, if it is one.
    pub(crate) rpc_code: Option<i32>,
    /// The words of the body.
    pub(crate) said: String,
    pub(crate) retry_after: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        if !self.said.is_empty() {
            write!(f, ": {}", self.said)?;
        }
        match self.rpc_code {
            Some(code) => write!(f, " (JSON-RPC {code})"),
            None => Ok(()),
        }
    }
}

type Failure = StreamableHttpError<WireFailure>;

impl McpHttp {
    /// A client for a server whose secrets these masks know.
    pub(crate) fn new(http: Client, masks: Masks) -> Self {
        Self { http, masks, streams: Streams::default() }
    }

    async fn send(&self, request: RequestBuilder, headers: Headers) -> Result<Response, Failure> {
        let request = headers.put_on(request.header(ACCEPT, format!("{EVENT_STREAM_MIME_TYPE}, {JSON_MIME_TYPE}")));
        request.send().await.map_err(|error| StreamableHttpError::Client(broken(error)))
    }

    /// Reads what a refusal says.
    async fn refusal(&self, response: Response, in_session: bool) -> (Refusal, Vec<u8>) {
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let is_event = is_event_stream(&response);
        // A body that breaks or is too large says nothing; the status stands.
        let mut body = read(response, LARGEST_REFUSAL).await.unwrap_or_default();
        if is_event {
            body = event_data(&body);
        }
        let rpc_error = error_of_body(&body);
        let said = self.masks.masked(&match &rpc_error {
            Some(error) => error.message.to_string(),
            None => error_message(&body),
        });
        let rpc_code = rpc_error.map(|error| error.code.0);
        (Refusal { status, in_session, rpc_code, said, retry_after }, body)
    }

    async fn post(
        &self,
        uri: &str,
        message: &ClientJsonRpcMessage,
        headers: Headers,
        largest_event: usize,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let in_session = headers.session.is_some();
        let mut post = self.http.post(uri).json(message);
        if let Some(trace) = trace_of(message) {
            post = post.header(TRACEPARENT, trace);
        }
        let response = self.send(post, headers).await?;
        let status = response.status();
        let ClientJsonRpcMessage::Request(request) = message else {
            if status.is_success() {
                return Ok(StreamableHttpPostResponse::Accepted);
            }
            let (refusal, _) = self.refusal(response, in_session).await;
            return Err(refused(refusal));
        };
        if !status.is_success() {
            let (refusal, body) = self.refusal(response, in_session).await;
            if is_old_server(&request.request, &refusal) {
                let answer = refusal_message(&body, &refusal.to_string(), &request.id);
                return Ok(StreamableHttpPostResponse::Json(answer, None));
            }
            return Err(refused(refusal));
        }
        if matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        let session = response.headers().get(HEADER_SESSION_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
        if is_event_stream(&response) {
            let events = self.streams.answering(response, largest_event, request.id.clone());
            return Ok(StreamableHttpPostResponse::Sse(events, session));
        }
        let kind = content_type(&response);
        let body = read(response, largest_event).await.map_err(StreamableHttpError::Client)?;
        let Some(answer) = answer_to(&body, &request.id) else {
            let said = self.masks.masked(&format!("{kind}, {}", error_message(&body)));
            return Err(StreamableHttpError::Client(WireFailure::NoMessage(said)));
        };
        Ok(StreamableHttpPostResponse::Json(answer, session))
    }

    async fn get(&self, uri: &str, headers: Headers, largest_event: usize) -> Result<Events, Failure> {
        let (in_session, last_event) = (headers.session.is_some(), headers.last_event.clone());
        let response = self.send(self.http.get(uri), headers).await?;
        let status = response.status();
        if status.is_success() && is_event_stream(&response) {
            return Ok(self.streams.after(response, largest_event, last_event.as_deref()));
        }
        // Asking again changes nothing about these: such a stream can't be had here, or not any more.
        let is_final =
            status.is_client_error() && !matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        if status.is_success() || is_final {
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        }
        let (refusal, _) = self.refusal(response, in_session).await;
        Err(refused(refusal))
    }
}

/// What goes with every request.
struct Headers {
    session: Option<Arc<str>>,
    last_event: Option<String>,
    key: Option<String>,
    further: HashMap<HeaderName, HeaderValue>,
}

impl Headers {
    fn put_on(self, mut request: RequestBuilder) -> RequestBuilder {
        if let Some(key) = self.key {
            request = request.bearer_auth(key);
        }
        if let Some(session) = self.session {
            request = request.header(HEADER_SESSION_ID, session.as_ref());
        }
        if let Some(event) = self.last_event {
            request = request.header(HEADER_LAST_EVENT_ID, event);
        }
        self.further.into_iter().fold(request, |request, (name, value)| request.header(name, value))
    }
}

impl StreamableHttpClient for McpHttp {
    type Error = WireFailure;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        key: Option<String>,
        further: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        self.post_message_with_max_sse_event_size(uri, message, session, key, further, LARGEST_EVENT).await
    }

    async fn post_message_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        key: Option<String>,
        further: HashMap<HeaderName, HeaderValue>,
        largest_event: usize,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        self.post(&uri, &message, Headers { session, last_event: None, key, further }, largest_event).await
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        key: Option<String>,
        further: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Failure> {
        let headers = Headers { session: Some(session), last_event: None, key, further };
        // It is a courtesy: whatever comes of it, the session is not used any more.
        if let Err(error) = self.send(self.http.delete(uri.as_ref()), headers).await {
            tracing::debug!(%error, "could not end a session");
        }
        Ok(())
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        key: Option<String>,
        further: HashMap<HeaderName, HeaderValue>,
    ) -> Result<Events, Failure> {
        self.get_stream_with_max_sse_event_size(uri, session, last_event, key, further, LARGEST_EVENT).await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        key: Option<String>,
        further: HashMap<HeaderName, HeaderValue>,
        largest_event: usize,
    ) -> Result<Events, Failure> {
        self.get(&uri, Headers { session, last_event, key, further }, largest_event).await
    }
}

/// The place in a trace that a call tells, which what stands between us and the server reads in a header.
fn trace_of(message: &ClientJsonRpcMessage) -> Option<&str> {
    let ClientJsonRpcMessage::Request(request) = message else { return None };
    let ClientRequest::CallToolRequest(call) = &request.request else { return None };
    call.params.traceparent()
}

const fn refused(refusal: Refusal) -> Failure {
    StreamableHttpError::Client(WireFailure::Refused(refusal))
}

/// Whether a refusal says that the server is older than the question which generation it speaks. The library then goes
/// on with the older handshake.
const fn is_old_server(request: &ClientRequest, refusal: &Refusal) -> bool {
    matches!(request, ClientRequest::DiscoverRequest(_))
        && !refusal.in_session
        && matches!(refusal.status, 400..=499)
        && !matches!(refusal.status, 401 | 403 | 429)
}

fn content_type(response: &Response) -> String {
    let kind = response.headers().get(CONTENT_TYPE).map(|kind| String::from_utf8_lossy(kind.as_bytes()).into_owned());
    kind.unwrap_or_else(|| "without a content type".to_owned())
}

fn is_event_stream(response: &Response) -> bool {
    content_type(response).trim_start().to_ascii_lowercase().starts_with(EVENT_STREAM_MIME_TYPE)
}

/// Reads a body that is no larger than allowed.
async fn read(mut response: Response, largest: usize) -> Result<Vec<u8>, WireFailure> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(broken)? {
        if body.len() + part.len() > largest {
            return Err(WireFailure::TooLarge(largest));
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

/// What became of a request that got no answer, without its address.
pub(crate) fn broken(error: reqwest::Error) -> WireFailure {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let cause = cause.to_string();
    if error.is_connect() { WireFailure::Unreachable(cause) } else { WireFailure::Broken(cause) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_shows_its_status_words_and_code() {
        let refusal = Refusal { status: 400, in_session: true, rpc_code: None, said: String::new(), retry_after: None };
        assert_eq!(refusal.to_string(), "HTTP 400");
        let refusal = Refusal { said: "no session".into(), rpc_code: Some(-32_000), ..refusal };
        assert_eq!(refusal.to_string(), "HTTP 400: no session (JSON-RPC -32000)");
    }
}
