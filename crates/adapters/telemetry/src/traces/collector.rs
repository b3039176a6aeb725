//! The collector: one request with OTLP over HTTP, and what its answer means.

use std::time::Duration;

use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceResponse, trace::v1::Span};
use prost::Message as _;
use reqwest::{
    Client, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{TraceSettings, otlp};

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How much of an answer is read, in bytes.
const LARGEST_ANSWER: usize = 64 * 1024;

/// The path at which collectors take traces.
const PATH: &str = "/v1/traces";

/// A header for the collector, whose value is a secret.
#[derive(Debug, Clone)]
pub struct OtlpHeader {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: SecretString,
}

/// Why traces can't be exported.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The endpoint is no address.
    #[error("telemetry.otlp.endpoint is not a URL with http:// or https://")]
    Endpoint,
    /// A header can't be sent.
    #[error("telemetry.otlp.headers: the header `{0}` can't be sent; names and values are printable ASCII")]
    Header(String),
    /// There is no HTTP client.
    #[error("traces can't be exported: {0}")]
    Client(#[from] reqwest::Error),
}

/// What the collector says to spans.
pub(super) enum Answer {
    /// It has taken them, but for so many.
    Taken { rejected: u64 },
    /// It does not take them, now or later.
    Refused(String),
    /// It can't take them now.
    NotNow {
        why: String,
        /// How long it asks to be left alone.
        pause: Option<Duration>,
    },
}

/// A collector.
pub(super) struct Collector {
    http: Client,
    address: reqwest::Url,
    headers: HeaderMap,
    version: String,
}

impl Collector {
    pub fn new(settings: &TraceSettings) -> Result<Self, TraceError> {
        // An error means that the program has chosen its implementation of TLS already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let base = settings.endpoint.trim_end_matches('/');
        let address = if base.ends_with(PATH) { base.to_owned() } else { format!("{base}{PATH}") };
        let mut headers = HeaderMap::new();
        for OtlpHeader { name, value } in &settings.headers {
            let refused = || TraceError::Header(name.clone());
            let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| refused())?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?, value);
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let user_agent = format!("procession/{}", settings.version);
        let http = Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(user_agent)
            .build()?;
        let address = address.parse().map_err(|_| TraceError::Endpoint)?;
        Ok(Self { http, address, headers, version: settings.version.clone() })
    }

    /// Brings spans to the collector.
    pub async fn send(&self, spans: Vec<Span>) -> Answer {
        let body = otlp::request(&self.version, spans).encode_to_vec();
        let sent = self.http.post(self.address.clone()).headers(self.headers.clone()).body(body).send().await;
        let response = match sent {
            Ok(response) => response,
            Err(error) => return Answer::NotNow { why: error.without_url().to_string(), pause: None },
        };
        let status = response.status();
        if status.is_success() {
            return Answer::Taken { rejected: rejected_of(response).await };
        }
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let why = format!("HTTP {status}");
        match status {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Answer::NotNow { why, pause: asked.map(Duration::from_secs) },
            _ => Answer::Refused(why),
        }
    }
}

/// How many spans the collector says that it did not take.
async fn rejected_of(mut response: reqwest::Response) -> u64 {
    let mut body = Vec::new();
    while let Ok(Some(part)) = response.chunk().await {
        if body.len() + part.len() > LARGEST_ANSWER {
            return 0;
        }
        body.extend_from_slice(&part);
    }
    let answer = ExportTraceServiceResponse::decode(body.as_slice()).unwrap_or_default();
    let Some(partial) = answer.partial_success else { return 0 };
    if partial.rejected_spans > 0 {
        tracing::warn!(rejected = partial.rejected_spans, why = partial.error_message, "the collector rejects spans");
    }
    u64::try_from(partial.rejected_spans).unwrap_or(0)
}
