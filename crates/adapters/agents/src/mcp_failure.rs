//! What went wrong with a call of a tool, in terms of what follows from it.

use std::{error::Error, time::Duration as StdDuration};

use procession_domain::value::{RetryAfter, Timestamp};
use rmcp::{ServiceError, service::ClientInitializeError, transport::streamable_http_client::StreamableHttpError};

use crate::{
    failure::shortened,
    mcp_http::{Refusal, WireFailure},
};

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
    pub(crate) fn refuses_session(&self) -> bool {
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

    /// A call took longer than it may.
    pub(crate) fn too_late(longest: StdDuration) -> Self {
        Self::TimedOut(format!("no answer within {} s", longest.as_secs_f64()))
    }

    /// Why a session was not opened.
    pub(crate) fn of_opening(error: ClientInitializeError, now: Timestamp) -> Self {
        let failure = match error {
            ClientInitializeError::TransportError { error, .. } => transport_failure(&error, now),
            ClientInitializeError::JsonRpcError(error) => {
                Self::Rpc { code: error.code.0, message: error.message.into_owned() }
            }
            ClientInitializeError::LegacyFallbackFailed { fallback, .. } => return Self::of_opening(*fallback, now),
            other => Self::Lost(other.to_string()),
        };
        failure.before_any_call()
    }

    /// Why a request in a session has no answer.
    pub(crate) fn of_call(error: ServiceError, now: Timestamp) -> Self {
        match error {
            ServiceError::McpError(error) if speaks_of_session(&error.message) => {
                let text = format!("{} (JSON-RPC {})", error.message, error.code.0);
                Self::SessionLost { text, by_status: false }
            }
            ServiceError::McpError(error) => Self::Rpc { code: error.code.0, message: error.message.into_owned() },
            ServiceError::TransportSend(error) => transport_failure(&error, now),
            ServiceError::Timeout { timeout } => Self::too_late(timeout),
            other => Self::Lost(other.to_string()),
        }
    }

    /// The same while the session is opened, when nothing that matters has been sent.
    pub(crate) fn before_any_call(self) -> Self {
        match self {
            Self::Lost(text) | Self::TimedOut(text) | Self::SessionLost { text, .. } => Self::NotSent(text),
            other @ (Self::NotSent(_)
            | Self::Unauthorized(_)
            | Self::NoSuchServer(_)
            | Self::Unexpected(_)
            | Self::Http { .. }
            | Self::Rpc { .. }) => other,
        }
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
        401 | 403 => CallFailure::Unauthorized(format!("the server rejected the key ({refusal})")),
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
pub(crate) fn speaks_of_session(text: &str) -> bool {
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
