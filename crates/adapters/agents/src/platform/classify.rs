//! The table of spec 6: what each answer of the platform means. Success is decided by the body, never by `isError` alone.

use std::sync::LazyLock;

use procession_application::ports::AgentFailure;
use procession_domain::value::{Duration, ErrorCode, RetryAfter, reply::read_json};
use regex::Regex;
use serde_json::Value;

use crate::{
    failure::{failed, failed_for},
    mcp_failure::CallFailure,
};

/// Why a call has not given what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The agent has no room; the same attempt is tried again.
    Busy(String),
    /// The model's provider limits calls.
    RateLimited { message: String, pause: Option<RetryAfter> },
    /// The agent is not running.
    Unavailable(String),
    /// There is no such agent, or no such execution.
    NotFound(String),
    /// The key may not use this agent.
    Denied(String),
    /// The agent or the backend failed.
    AgentError(String),
    /// The agent's own time was up.
    TimedOut(String),
    /// Somebody ended the execution.
    Cancelled(String),
    /// Nobody knows whether the call was done.
    UnknownOutcome(String),
    /// The call never left.
    NotSent(String),
    /// HTTP 401: a bad key, or a backend that is down.
    KeyOrBackend(String),
    /// The server does not understand the call: a wrong server, or a version that changed.
    ContractBroken(String),
    /// The sweeper has marked a running execution as failed; it may still succeed.
    FalselyFailed(String),
}

impl Trouble {
    /// Whether asking again can't help.
    pub(super) const fn is_permanent(&self) -> bool {
        match self {
            Self::NotFound(_) | Self::Denied(_) | Self::ContractBroken(_) => true,
            Self::Busy(_)
            | Self::RateLimited { .. }
            | Self::Unavailable(_)
            | Self::AgentError(_)
            | Self::TimedOut(_)
            | Self::Cancelled(_)
            | Self::UnknownOutcome(_)
            | Self::NotSent(_)
            | Self::KeyOrBackend(_)
            | Self::FalselyFailed(_) => false,
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Busy(message)
            | Self::RateLimited { message, .. }
            | Self::Unavailable(message)
            | Self::NotFound(message)
            | Self::Denied(message)
            | Self::AgentError(message)
            | Self::TimedOut(message)
            | Self::Cancelled(message)
            | Self::UnknownOutcome(message)
            | Self::NotSent(message)
            | Self::KeyOrBackend(message)
            | Self::ContractBroken(message)
            | Self::FalselyFailed(message) => f.write_str(message),
        }
    }
}

/// `Tool '…' execution failed: …`, with the status and body of the backend's answer where there was one.
static TOOL_FAILURE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^Tool '([^']+)' execution failed: (?:API error \((\d{3})\): ([\s\S]*)|([\s\S]*))$").ok()
});

impl Trouble {
    /// What it is for the engine; `key_has_worked` tells the two meanings of a 401 apart as far as possible.
    pub(super) fn into_failure(self, key_has_worked: bool) -> AgentFailure {
        match self {
            Self::Busy(reason) => AgentFailure::Busy { retry_after: Duration::from_secs(30), reason },
            Self::RateLimited { message, pause } => failed_for(ErrorCode::RateLimited, message, pause.as_ref()),
            Self::Unavailable(message) | Self::NotSent(message) => failed(ErrorCode::AgentUnavailable, message),
            Self::UnknownOutcome(message) => failed(
                ErrorCode::AgentUnavailable,
                format!("the platform has not answered, and whether it took the task is not known: {message}"),
            ),
            Self::NotFound(message) => failed(ErrorCode::AgentNotFound, message),
            Self::Denied(message) => failed(ErrorCode::AccessDenied, message),
            Self::AgentError(message) => failed(ErrorCode::AgentError, message),
            Self::TimedOut(message) | Self::FalselyFailed(message) => failed(ErrorCode::Timeout, message),
            Self::Cancelled(message) => failed(ErrorCode::Cancelled, message),
            Self::ContractBroken(message) => failed(ErrorCode::InvalidConfig, message),
            Self::KeyOrBackend(message) if key_has_worked => failed(
                ErrorCode::AgentUnavailable,
                format!("{message}; the key has worked before, so the platform's backend seems to be down"),
            ),
            Self::KeyOrBackend(message) => failed(
                ErrorCode::Unauthorized,
                format!("{message}; check agents.mcp.api_key, and whether the platform's backend is up"),
            ),
        }
    }
}

/// A text with `isError`.
pub(super) fn tool_error(text: &str) -> Trouble {
    let captures = TOOL_FAILURE.as_ref().and_then(|pattern| pattern.captures(text));
    let Some(captures) = captures else {
        return Trouble::AgentError(text.to_owned());
    };
    let status = captures.get(2).and_then(|status| status.as_str().parse::<u16>().ok());
    match status {
        Some(status) => api_error(status, &detail(captures.get(3).map_or("", |body| body.as_str()))),
        // `fetch failed`, `This operation was aborted`, and whatever else broke after the call had left.
        None => Trouble::UnknownOutcome(captures.get(4).map_or(text, |rest| rest.as_str()).to_owned()),
    }
}

/// A status of the backend with the detail of its body.
fn api_error(status: u16, detail: &str) -> Trouble {
    let message = format!("the platform says: {detail} (HTTP {status})");
    if is_usage_limit(detail) {
        return Trouble::RateLimited { message, pause: None };
    }
    match status {
        429 if detail.contains("at capacity") => Trouble::Busy(message),
        429 => Trouble::RateLimited { message, pause: None },
        503 if detail.contains("not running") => Trouble::Unavailable(message),
        504 => Trouble::TimedOut(message),
        404 => Trouble::NotFound(message),
        403 => Trouble::Denied(message),
        401 => Trouble::KeyOrBackend(message),
        _ => Trouble::AgentError(message),
    }
}

/// An ordinary answer that is a refusal all the same: denied, or busy. `None` for any other body.
pub(super) fn refusal(body: &Value) -> Option<Trouble> {
    if body.get("error").and_then(Value::as_str) == Some("Access denied") {
        let reason = body.get("reason").and_then(Value::as_str).unwrap_or("Access denied");
        let message = format!("the platform says: {reason}");
        return Some(if reason.contains("not found") { Trouble::NotFound(message) } else { Trouble::Denied(message) });
    }
    if body.get("status").and_then(Value::as_str) == Some("agent_busy") {
        let details = body.get("details").unwrap_or(&Value::Null);
        let text = details.to_string();
        let detail = details.get("detail").unwrap_or(&Value::Null);
        let is_full_queue = detail.get("queue_length").is_some();
        let is_provider = detail.is_string() || detail.get("auto_switch").is_some() || is_usage_limit(&text);
        return Some(if is_provider && !is_full_queue {
            let said = detail.as_str().map_or_else(|| detail.to_string(), str::to_owned);
            Trouble::RateLimited { message: format!("the platform says: {said}"), pause: None }
        } else {
            let said = [body.get("message"), detail.get("message"), detail.get("error")];
            let said = said.into_iter().flatten().find_map(Value::as_str).unwrap_or("its queue is full");
            Trouble::Busy(format!("the platform says: {said}"))
        });
    }
    None
}

/// The error of an execution whose status is `failed`.
pub(super) fn failed_execution(error: &str) -> Trouble {
    let lower = error.to_lowercase();
    let is_sweep = lower.contains("silent launch failure")
        || lower.split_once("exceeded").is_some_and(|(_, rest)| rest.contains("timeout"));
    let message = if error.trim().is_empty() {
        "the agent failed without saying why".to_owned()
    } else {
        format!("the agent failed: {error}")
    };
    if is_usage_limit(error) {
        Trouble::RateLimited { message, pause: None }
    } else if is_sweep {
        Trouble::FalselyFailed(message)
    } else if lower.contains("timed out after") || error.contains("API error (504)") {
        Trouble::TimedOut(message)
    } else if lower.contains("at capacity") {
        Trouble::Busy(message)
    } else {
        Trouble::AgentError(message)
    }
}

/// What a call that has no answer means.
pub(super) fn lost_call(failure: CallFailure) -> Trouble {
    match failure {
        CallFailure::NotSent(text) => Trouble::NotSent(format!("the platform's MCP server: {text}")),
        CallFailure::Lost(text) | CallFailure::TimedOut(text) => Trouble::UnknownOutcome(text),
        CallFailure::Unauthorized(text) => Trouble::KeyOrBackend(format!("the platform's MCP server: {text}")),
        CallFailure::NoSuchServer(text) | CallFailure::Unexpected(text) => Trouble::ContractBroken(text),
        CallFailure::SessionLost { text, .. } => {
            Trouble::UnknownOutcome(format!("the platform's MCP server has lost the session: {text}"))
        }
        CallFailure::Http { status: 429, text, retry_after, .. } => Trouble::RateLimited {
            message: format!("the platform's MCP server is limiting calls: {text}"),
            pause: retry_after,
        },
        CallFailure::Http { rpc_code: Some(-32_601 | -32_602), text, .. } => {
            Trouble::ContractBroken(format!("the platform's MCP server does not understand the call: {text}"))
        }
        CallFailure::Http { text, .. } => {
            Trouble::UnknownOutcome(format!("the platform's MCP server refused the call: {text}"))
        }
        CallFailure::Rpc { code: code @ (-32_601 | -32_602), message } => Trouble::ContractBroken(format!(
            "the platform's MCP server does not understand the call: {message} ({code})"
        )),
        CallFailure::Rpc { code, message } => Trouble::UnknownOutcome(format!("{message} (JSON-RPC {code})")),
    }
}

fn is_usage_limit(text: &str) -> bool {
    text.contains("Subscription usage limit")
}

/// The `detail` of a body, as text; the body itself when it has none.
fn detail(body: &str) -> String {
    let parsed = read_json(body).unwrap_or(Value::Null);
    match parsed.get("detail") {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => body.trim().to_owned(),
    }
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
