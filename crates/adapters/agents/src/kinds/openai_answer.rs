//! What an OpenAI-compatible endpoint answers. Of a completion only its text is needed; whatever else is missing or
//! oddly written is unknown.

use procession_domain::value::{ErrorCode, FinishReason, TokenUsage};
use serde_json::Value;

use crate::{
    error_body::{SHOWN_OF_BODY, SHOWN_OF_ERROR, words},
    failure::shortened,
    lenient_json::first_value,
    usage,
};

/// The body of an answer, an object.
pub(super) struct ChatAnswer(Value);

/// An error that an endpoint tells in a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EndpointError {
    pub(super) code: ErrorCode,
    pub(super) words: String,
    /// What it says about coming back, as a `Retry-After` would.
    pub(super) retry_after: Option<String>,
}

impl ChatAnswer {
    /// Reads a body; `None` if it is no JSON object.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        first_value(body).filter(Value::is_object).map(Self)
    }

    /// The first choice.
    fn choice(&self) -> Option<&Value> {
        self.0.get("choices")?.as_array()?.iter().find(|choice| choice.is_object())
    }

    /// The text of the first choice, if there is any.
    pub(super) fn text(&self) -> Option<String> {
        let choice = self.choice()?;
        let content = choice.pointer("/message/content").filter(|content| !content.is_null());
        let text = content_text(content.or_else(|| choice.get("text"))?);
        (!text.is_empty()).then_some(text)
    }

    /// Why there is no text, as a sentence.
    pub(super) fn why_no_text(&self) -> String {
        let Some(choice) = self.choice() else {
            let body = shortened(&self.0.to_string(), SHOWN_OF_BODY);
            return format!("the endpoint's response has no choices: {body}");
        };
        let reason = self.finish_reason().map(|reason| format!(" ({reason})")).unwrap_or_default();
        match choice.pointer("/message/refusal").and_then(Value::as_str).filter(|refusal| !refusal.is_empty()) {
            Some(refusal) => format!("the model refused: {refusal}{reason}"),
            None => format!("the model answered without text{reason}"),
        }
    }

    /// Why the model stopped, where that is told in a word.
    pub(super) fn finish_reason(&self) -> Option<FinishReason> {
        let of_choice = self.choice().into_iter().flat_map(|choice| {
            ["/finish_reason", "/finish_reason/type", "/stop_reason"].into_iter().map(|place| choice.pointer(place))
        });
        let found = of_choice.chain([self.0.get("stop_reason")]).flatten().find_map(Value::as_str);
        found.and_then(FinishReason::new)
    }

    /// The tokens, with this model if the answer names none.
    pub(super) fn token_usage(&self, model: &str) -> Option<TokenUsage> {
        let named = self.0.get("model").and_then(Value::as_str).filter(|name| !name.trim().is_empty());
        usage::token_usage(self.0.get("usage")?, Some(named.unwrap_or(model).to_owned()))
    }

    /// Whether it was made at the usual price: nothing says that it was made sooner, or later, for another one.
    pub(super) fn is_of_standard_tier(&self) -> bool {
        let tier = [self.0.get("service_tier"), self.0.pointer("/usage/service_tier")].into_iter().flatten();
        tier.filter_map(Value::as_str).all(|tier| matches!(tier, "default" | "standard" | "auto"))
    }

    /// The error that stands in the answer: within the choice, or beside the choices. With a text, an `error` that
    /// tells nothing, or only that all is well, is none.
    pub(super) fn error(&self) -> Option<EndpointError> {
        let has_text = self.text().is_some();
        let places = [self.choice().and_then(|choice| choice.get("error")), self.0.get("error")];
        let told = places.into_iter().flatten().find(|error| says_something(error) && !(has_text && is_success(error)));
        if let Some(error) = told {
            return Some(EndpointError::of(error, &self.0));
        }
        // Some gateways answer with the members of the error alone.
        let is_bare = !has_text && self.choice().is_none() && self.0.get("usage").is_none_or(Value::is_null);
        (is_bare && words(&self.0).is_some() && !is_success(&self.0)).then(|| EndpointError::of(&self.0, &Value::Null))
    }
}

impl EndpointError {
    /// What an error says; `around` is the object in which it stands.
    fn of(error: &Value, around: &Value) -> Self {
        let said = words(error).or_else(|| words(around)).map_or_else(|| error.to_string(), str::to_owned);
        let asked = ["/retry_after", "/retry_after_seconds", "/metadata/retry_after", "/metadata/headers/Retry-After"];
        let retry_after = asked.iter().find_map(|place| match error.pointer(place)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        });
        Self { code: code_of(error, around), words: shortened(&said, SHOWN_OF_ERROR), retry_after }
    }
}

/// A message's content: a text, or parts of which each may have one.
fn content_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(content_text).collect(),
        Value::Object(part) => part.get("text").map_or_else(String::new, content_text),
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

/// Whether an `error` is more than an empty place for one.
fn says_something(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) => true,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(items) => items.iter().any(says_something),
        Value::Object(members) => members.values().any(says_something),
    }
}

/// Whether an error's own number says that it is none.
fn is_success(error: &Value) -> bool {
    error.get("code").and_then(usage::count).is_some_and(|code| code < 400)
}

/// What an error's number means, or its name where it has no number of HTTP.
fn code_of(error: &Value, around: &Value) -> ErrorCode {
    let places = ["/code", "/status", "/status_code", "/type", "/error/code", "/error/type"];
    let of_error = places.iter().filter_map(|place| error.pointer(place));
    let of_around = ["/code", "/status", "/status_code"].iter().filter_map(|place| around.pointer(place));
    let told: Vec<&Value> = std::iter::once(error).chain(of_error).chain(of_around).collect();
    let number = told.iter().filter_map(|value| usage::count(value)).find(|number| (400..600).contains(number));
    if let Some(number) = number {
        return match number {
            429 => ErrorCode::RateLimited,
            502 | 503 | 529 => ErrorCode::AgentUnavailable,
            401 | 403 => ErrorCode::Unauthorized,
            _ => ErrorCode::AgentError,
        };
    }
    // A name is a word; the error itself may be a sentence.
    let is_name = |text: &&str| error.as_str() != Some(*text) || !text.contains(' ');
    let mut names = told.iter().filter_map(|value| value.as_str()).filter(is_name);
    names.find_map(named).unwrap_or(ErrorCode::AgentError)
}

/// What the name of an error means, as several providers write it.
fn named(name: &str) -> Option<ErrorCode> {
    const NAMES: [(ErrorCode, &[&str]); 3] = [
        (ErrorCode::RateLimited, &["rate_limit", "ratelimit", "too_many_requests", "resource_exhausted", "quota"]),
        (ErrorCode::AgentUnavailable, &["overloaded", "unavailable", "bad_gateway"]),
        (ErrorCode::Unauthorized, &["api_key", "authentication", "unauthorized", "unauthenticated", "permission"]),
    ];
    let name = name.to_ascii_lowercase().replace([' ', '-'], "_");
    NAMES.iter().find(|(_, parts)| parts.iter().any(|part| name.contains(part))).map(|(code, _)| *code)
}

#[cfg(test)]
#[path = "openai_answer_tests.rs"]
mod tests;
