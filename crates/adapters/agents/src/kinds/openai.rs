//! Kind `openai`: any OpenAI-compatible chat endpoint, with exact costs from prices per million tokens (spec 5.2).

use std::{sync::Arc, time::Duration as StdDuration};

use async_trait::async_trait;
use procession_application::ports::{AgentFailure, AgentReply, AgentStatus, AgentTask, Clock};
use procession_domain::{
    event::Usage,
    value::{Currency, Duration, ErrorCode, Money, Timestamp, TokenUsage},
};
use reqwest::{Response, StatusCode, header::RETRY_AFTER};
use secrecy::ExposeSecret;
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

use super::openai_wire::{ChatMessage, ChatRequest, ChatResponse, ChatUsage, error_message};
use crate::{
    failure::{failed, failed_for},
    file::{Node, Section},
    http_client::{describe, http_client},
    local::LocalAgent,
    secret::{Environment, Secret, SecretSource},
};

/// How long a call may take when neither the step nor the agent says so.
const LONGEST_CALL: StdDuration = StdDuration::from_hours(1);
/// The largest answer, in bytes.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;
const TOKENS_PER_PRICE: i128 = 1_000_000;

/// Which endpoint and model.
#[derive(Debug, Clone)]
pub(crate) struct OpenAiSettings {
    base_url: String,
    model: String,
    system: Option<String>,
    temperature: Option<f64>,
    max_tokens: Option<u64>,
    api_key: Option<SecretSource>,
    price: Option<Price>,
}

/// What a million tokens cost.
#[derive(Debug, Clone, Copy)]
struct Price {
    input: Money,
    output: Money,
}

impl OpenAiSettings {
    /// Reads the keys of this kind.
    pub(crate) fn read(section: &mut Section<'_>) -> Option<Self> {
        let base_url = section.required_url("base_url");
        let model = section.required_text("model");
        let system = section.text("system");
        let temperature = section.value("temperature", |text| match text.parse::<f64>() {
            Ok(value) if (0.0..=2.0).contains(&value) => Ok(value),
            Ok(_) | Err(_) => Err(format!("`{text}` is not a number from 0 to 2")),
        });
        let max_tokens = section.count("max_tokens", 1);
        let api_key = section.secret("api_key");
        let price = section.node("price").and_then(|node| read_price(node, section));
        Some(Self { base_url: base_url?, model: model?, system, temperature, max_tokens, api_key, price })
    }
}

fn read_price(node: &Node, section: &mut Section<'_>) -> Option<Price> {
    let mut price = Section::of(node, "`price`", section.problems())?;
    let input = price.required("input", str::parse::<Money>);
    let output = price.required("output", str::parse::<Money>);
    let place = price.place();
    price.finish();
    let found = Price { input: input?, output: output? };
    if found.input.checked_add(found.output).is_err() {
        section.refuse(place, "`price` mixes two currencies");
        return None;
    }
    Some(found)
}

impl Price {
    /// The exact cost, rounded half to even to 10⁻⁹; `None` if it is too large to be true.
    fn cost(self, usage: &ChatUsage) -> Option<Money> {
        let input = i128::from(self.input.nanos()) * i128::from(usage.prompt);
        let output = i128::from(self.output.nanos()) * i128::from(usage.completion);
        let sum = input + output;
        let (whole, rest) = (sum.div_euclid(TOKENS_PER_PRICE), sum.rem_euclid(TOKENS_PER_PRICE));
        let rounds_up = rest * 2 > TOKENS_PER_PRICE || (rest * 2 == TOKENS_PER_PRICE && whole % 2 == 1);
        let nanos = i64::try_from(whole + i128::from(rounds_up)).ok()?;
        Some(Money::from_nanos(nanos, self.currency()))
    }

    const fn currency(self) -> Currency {
        if self.input.is_zero() { self.output.currency() } else { self.input.currency() }
    }
}

/// An agent that is a model behind an endpoint.
pub(crate) struct OpenAiAgent {
    name: String,
    settings: OpenAiSettings,
    key: Option<Secret>,
    clock: Arc<dyn Clock>,
    http: Result<reqwest::Client, String>,
}

impl OpenAiAgent {
    /// An agent of this name.
    pub(crate) fn new(name: &str, settings: OpenAiSettings, environment: &Environment, clock: Arc<dyn Clock>) -> Self {
        Self {
            name: name.to_owned(),
            key: settings.api_key.as_ref().map(|source| source.resolve(environment)),
            settings,
            clock,
            http: http_client().map_err(describe),
        }
    }

    fn masked(&self, text: String) -> String {
        match &self.key {
            Some(key) => key.masked(text),
            None => text,
        }
    }

    fn failure(&self, code: ErrorCode, what: &str, retry_after: Option<Duration>) -> AgentFailure {
        let message = self.masked(format!("the agent `{}`: {what}", self.name));
        failed_for(code, message, retry_after)
    }

    async fn post(&self, task: &AgentTask) -> Result<Response, AgentFailure> {
        let http = self.http.as_ref().map_err(|error| self.failure(ErrorCode::AgentUnavailable, error, None))?;
        let system = self.settings.system.as_deref().map(|content| ChatMessage { role: "system", content });
        let user = ChatMessage { role: "user", content: &task.message };
        let body = ChatRequest {
            model: task.model.as_deref().unwrap_or(&self.settings.model),
            messages: system.into_iter().chain([user]).collect(),
            temperature: task.temperature.or(self.settings.temperature),
            max_tokens: self.settings.max_tokens,
        };
        let url = format!("{}/chat/completions", self.settings.base_url);
        let longest = task.timeout.map_or(LONGEST_CALL, Duration::to_std);
        let mut request = http.post(url).timeout(longest).header("Idempotency-Key", &task.key).json(&body);
        match &self.key {
            Some(Secret::Known(key)) => request = request.bearer_auth(key.expose_secret()),
            Some(Secret::Missing(variable)) => {
                let what = format!("the environment variable {variable} is not set; set it and start the server again");
                return Err(self.failure(ErrorCode::Unauthorized, &what, None));
            }
            None => {}
        }
        request.send().await.map_err(|error| self.broken(error))
    }

    fn broken(&self, error: reqwest::Error) -> AgentFailure {
        let code =
            if error.is_timeout() && !error.is_connect() { ErrorCode::Timeout } else { ErrorCode::AgentUnavailable };
        let what = format!("the endpoint can't be reached: {}", describe(error));
        self.failure(code, &what, None)
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, AgentFailure> {
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| self.broken(error))? {
            if body.len() + part.len() > LARGEST_ANSWER {
                let what = "the endpoint's answer is larger than 32 MiB";
                return Err(self.failure(ErrorCode::AgentError, what, None));
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    /// What a status other than success means (spec 5.1).
    fn refused(&self, status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> AgentFailure {
        let said = error_message(body);
        let (code, what) = match status.as_u16() {
            // An endpoint repeats a part of the key here, so its words are left out.
            401 | 403 => {
                (ErrorCode::Unauthorized, format!("the endpoint refuses the key (HTTP {status}); check `api_key`"))
            }
            404 => (
                ErrorCode::AgentNotFound,
                format!("the endpoint does not know this address or model (HTTP 404): {said}"),
            ),
            408 | 504 => (ErrorCode::Timeout, format!("the endpoint gave up waiting (HTTP {status}): {said}")),
            429 => (ErrorCode::RateLimited, format!("the endpoint limits calls (HTTP 429): {said}")),
            300..=399 => (
                ErrorCode::AgentError,
                format!("the endpoint redirects (HTTP {status}), which is not followed; write the final `base_url`"),
            ),
            500.. => (ErrorCode::AgentUnavailable, format!("the endpoint is in trouble (HTTP {status}): {said}")),
            _ => (ErrorCode::AgentError, format!("the endpoint refuses the call (HTTP {status}): {said}")),
        };
        self.failure(code, &what, retry_after)
    }

    fn usage(&self, task: &AgentTask, response: &ChatResponse) -> Usage {
        let Some(counted) = &response.usage else {
            return Usage::default();
        };
        let model = response.model.clone().or_else(|| Some(self.settings.model.clone()));
        // The price is that of the model in the file; what another model costs is not known.
        let is_priced = task.model.as_ref().is_none_or(|model| *model == self.settings.model);
        Usage {
            cost: self.settings.price.filter(|_| is_priced).and_then(|price| price.cost(counted)),
            token_usage: Some(TokenUsage {
                input_tokens: counted.prompt,
                output_tokens: counted.completion,
                total_tokens: counted.total.unwrap_or_else(|| counted.prompt.saturating_add(counted.completion)),
                model,
            }),
        }
    }
}

#[async_trait]
impl LocalAgent for OpenAiAgent {
    async fn answer(&self, task: &AgentTask) -> Result<AgentReply, AgentFailure> {
        let response = self.post(task).await?;
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|text| read_retry_after(text, self.clock.now()));
        let body = self.body(response).await?;
        if !status.is_success() {
            return Err(self.refused(status, retry_after, &body));
        }
        let answer: ChatResponse = serde_json::from_slice(&body).map_err(|error| {
            let what = format!("the endpoint's answer is not a chat completion ({error})");
            self.failure(ErrorCode::AgentError, &what, None)
        })?;
        let usage = self.usage(task, &answer);
        match answer.text() {
            Ok(text) => Ok(AgentReply { text, usage }),
            // The call is paid for all the same.
            Err(what) => Err(AgentFailure::Failed {
                code: ErrorCode::AgentError,
                message: self.masked(format!("the agent `{}`: {what}", self.name)),
                retry_after: None,
                usage,
            }),
        }
    }

    fn status(&self) -> AgentStatus {
        match &self.key {
            Some(Secret::Missing(_)) => AgentStatus::Stopped,
            Some(Secret::Known(_)) | None => AgentStatus::Running,
        }
    }

    async fn health(&self) -> Result<AgentStatus, AgentFailure> {
        match &self.key {
            Some(Secret::Missing(variable)) => {
                let message = format!("the agent `{}` needs the environment variable {variable}", self.name);
                Err(failed(ErrorCode::Unauthorized, message))
            }
            Some(Secret::Known(_)) | None => Ok(AgentStatus::Running),
        }
    }
}

/// `Retry-After` in either of its forms: seconds, or a date.
fn read_retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    Some(Timestamp::from(date).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_exact_and_rounded_half_to_even() {
        let price =
            |input: &str, output: &str| Price { input: input.parse().unwrap(), output: output.parse().unwrap() };
        let usage = |prompt, completion| ChatUsage { prompt, completion, total: None };
        for (price, usage, expected) in [
            (price("0.15", "0.60"), usage(1_000, 200), "0.00027"),
            (price("0.15", "0.60"), usage(1, 0), "0.00000015"),
            (price("0.0005", "0"), usage(1, 0), "0"),
            (price("0.0015", "0"), usage(1, 0), "0.000000002"),
            (price("0", "0"), usage(5, 5), "0"),
        ] {
            assert_eq!(price.cost(&usage).unwrap().amount(), expected);
        }
        assert_eq!(price("9000000000", "0").cost(&usage(u64::MAX, 0)), None);
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now: Timestamp = "2026-11-21T10:00:00+00:00".parse().unwrap();
        for (text, expected) in [
            ("30", Some(Duration::from_secs(30))),
            ("Sat, 21 Nov 2026 10:01:30 GMT", Some(Duration::from_secs(90))),
            ("Sat, 21 Nov 2026 09:00:00 GMT", Some(Duration::ZERO)),
            ("soon", None),
        ] {
            assert_eq!(read_retry_after(text, now), expected, "{text}");
        }
    }
}
