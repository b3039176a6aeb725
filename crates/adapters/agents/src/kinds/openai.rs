//! Kind `openai`: any OpenAI-compatible chat endpoint, with exact costs from prices per million tokens (spec 5.2).

use std::{sync::Arc, time::Duration as StdDuration};

use async_trait::async_trait;
use procession_application::ports::{AgentFailure, AgentReply, AgentStatus, AgentTask, Clock};
use procession_domain::{
    event::Usage,
    value::{Currency, Duration, ErrorCode, Money, RetryAfter, TokenUsage},
};
use reqwest::{Response, StatusCode, header::RETRY_AFTER};
use secrecy::ExposeSecret;

use super::{
    openai_answer::ChatAnswer,
    openai_wire::{ChatMessage, ChatRequest},
    price_list::listed_price,
};
use crate::{
    address::Address,
    error_body::error_message,
    failure::{failed, failed_for, paid},
    file::{Node, Section},
    http_client::{Proxies, TRACEPARENT, describe, http_client},
    local::{LocalAgent, Surroundings},
    secret::{Masks, Secret, SecretSource, missing},
};

/// How long a call may take when neither the step nor the agent says so.
const LONGEST_CALL: StdDuration = StdDuration::from_hours(1);
/// The largest answer, in bytes.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;
const TOKENS_PER_PRICE: i128 = 1_000_000;

/// Which endpoint and model.
#[derive(Debug, Clone)]
pub(crate) struct OpenAiSettings {
    base_url: Address,
    model: String,
    system: Option<String>,
    temperature: Option<f64>,
    max_tokens: Option<u64>,
    api_key: Option<SecretSource>,
    price: Option<Price>,
}

/// What a million tokens cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Price {
    pub(super) input: Money,
    pub(super) cached_input: Money,
    pub(super) cache_write: Money,
    pub(super) output: Money,
}

impl OpenAiSettings {
    /// Reads the keys of this kind.
    pub(crate) fn read(section: &mut Section<'_>) -> Option<Self> {
        let base_url = section.required_address("base_url");
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
    let cached_input = price.money("cached_input");
    let cache_write = price.money("cache_write");
    let output = price.required("output", str::parse::<Money>);
    let place = price.place();
    price.finish();
    let (input, output) = (input?, output?);
    let found =
        Price { input, cached_input: cached_input.unwrap_or(input), cache_write: cache_write.unwrap_or(input), output };
    if found.parts().into_iter().try_fold(Money::ZERO, Money::checked_add).is_err() {
        section.refuse(place, "`price` mixes two currencies");
        return None;
    }
    Some(found)
}

impl Price {
    const fn parts(self) -> [Money; 4] {
        [self.input, self.cached_input, self.cache_write, self.output]
    }

    /// The exact cost, rounded half to even to 10⁻⁹; `None` if the tokens are unknown, or too many to be true.
    pub(super) fn cost(self, tokens: &TokenUsage) -> Option<Money> {
        // Where the cache is not mentioned, nothing came from it.
        let of_cache = [tokens.cached_input_tokens, tokens.cache_write_tokens].map(Option::unwrap_or_default);
        let counts = [tokens.input_tokens?, of_cache[0], of_cache[1], tokens.output_tokens?];
        let mut priced = self.parts().into_iter().zip(counts);
        let sum = priced
            .try_fold(0_i128, |sum, (price, count)| sum.checked_add(i128::from(price.nanos()) * i128::from(count)))?;
        let (whole, rest) = (sum.div_euclid(TOKENS_PER_PRICE), sum.rem_euclid(TOKENS_PER_PRICE));
        let rounds_up = rest * 2 > TOKENS_PER_PRICE || (rest * 2 == TOKENS_PER_PRICE && whole % 2 == 1);
        let nanos = i64::try_from(whole + i128::from(rounds_up)).ok()?;
        Some(Money::from_nanos(nanos, self.currency()))
    }

    fn currency(self) -> Currency {
        let priced = self.parts().into_iter().find(|price| !price.is_zero());
        priced.unwrap_or(self.input).currency()
    }
}

/// An agent that is a model behind an endpoint.
pub(crate) struct OpenAiAgent {
    name: String,
    settings: OpenAiSettings,
    key: Option<Secret>,
    masks: Masks,
    clock: Arc<dyn Clock>,
    lists_prices: bool,
    http: Result<reqwest::Client, String>,
}

impl OpenAiAgent {
    /// An agent of this name.
    pub(crate) fn new(name: &str, settings: OpenAiSettings, surroundings: &Surroundings, proxies: &Proxies) -> Self {
        let key = settings.api_key.as_ref().map(|source| source.resolve(&surroundings.environment));
        Self {
            name: name.to_owned(),
            masks: Masks::new(key.as_ref().and_then(Secret::known), &settings.base_url),
            key,
            settings,
            clock: Arc::clone(&surroundings.clock),
            lists_prices: surroundings.price_list,
            http: http_client(proxies),
        }
    }

    fn failure(&self, code: ErrorCode, what: &str, pause: Option<&RetryAfter>) -> AgentFailure {
        failed_for(code, self.masks.masked(&format!("the agent `{}`: {what}", self.name)), pause)
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
        let url = self.settings.base_url.ending_in("chat/completions");
        let longest = task.timeout.map_or(LONGEST_CALL, Duration::to_std);
        let mut request = http.post(url).timeout(longest).header("Idempotency-Key", &task.key).json(&body);
        if let Some(trace) = task.trace {
            request = request.header(TRACEPARENT, trace.to_string());
        }
        match &self.key {
            Some(Secret::Known(key)) => request = request.bearer_auth(key.expose_secret()),
            Some(Secret::Missing(variable)) => {
                return Err(self.failure(ErrorCode::Unauthorized, &missing(variable), None));
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
                let what = "the endpoint's response is larger than 32 MiB";
                return Err(self.failure(ErrorCode::AgentError, what, None));
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    /// What a status other than success means (spec 5.1).
    fn refused(&self, status: StatusCode, pause: Option<&RetryAfter>, body: &[u8]) -> AgentFailure {
        let said = error_message(body);
        let (code, what) = match status.as_u16() {
            // An endpoint repeats a part of the key here, so its words are left out.
            401 | 403 => {
                (ErrorCode::Unauthorized, format!("the endpoint rejected the key (HTTP {status}); check `api_key`"))
            }
            404 => (
                ErrorCode::AgentNotFound,
                format!("the endpoint does not know this address or model (HTTP 404): {said}"),
            ),
            408 | 504 => (ErrorCode::Timeout, format!("the endpoint gave up waiting (HTTP {status}): {said}")),
            429 => (ErrorCode::RateLimited, format!("the endpoint is limiting calls (HTTP 429): {said}")),
            300..=399 => (
                ErrorCode::AgentError,
                format!(
                    "the endpoint redirects (HTTP {status}), and redirects are not followed; set `base_url` to the final URL"
                ),
            ),
            500.. => (ErrorCode::AgentUnavailable, format!("the endpoint failed (HTTP {status}): {said}")),
            _ => (ErrorCode::AgentError, format!("the endpoint rejected the call (HTTP {status}): {said}")),
        };
        self.failure(code, &what, pause)
    }

    /// What an answer with success says: a text, or why there is none. The call is paid for in any case.
    fn answered(
        &self,
        task: &AgentTask,
        answer: &ChatAnswer,
        pause: Option<RetryAfter>,
    ) -> Result<AgentReply, AgentFailure> {
        let usage = self.usage(task, answer);
        if let Some(error) = answer.error() {
            let told = error.retry_after.and_then(|text| RetryAfter::read(&text, self.clock.now()));
            let what = format!("the endpoint answered with an error: {}", error.words);
            return Err(paid(self.failure(error.code, &what, pause.or(told).as_ref()), usage));
        }
        match answer.text() {
            Some(text) => Ok(AgentReply { text, usage }),
            None => Err(paid(self.failure(ErrorCode::AgentError, &answer.why_no_text(), None), usage)),
        }
    }

    fn usage(&self, task: &AgentTask, answer: &ChatAnswer) -> Usage {
        let model = task.model.as_ref().unwrap_or(&self.settings.model);
        let token_usage = answer.token_usage(model);
        Usage {
            cost: token_usage.as_ref().and_then(|tokens| self.price(model, tokens, answer)?.cost(tokens)),
            token_usage: token_usage.map(Box::new),
            finish_reason: answer.finish_reason(),
        }
    }

    /// What this model costs: as the file says of its own, or by the list, where that is wanted.
    fn price(&self, model: &str, tokens: &TokenUsage, answer: &ChatAnswer) -> Option<Price> {
        let own = self.settings.price.filter(|_| model == self.settings.model);
        let is_listed = self.lists_prices && answer.is_of_standard_tier();
        own.or_else(|| is_listed.then(|| listed_price(model, tokens)).flatten())
    }
}

#[async_trait]
impl LocalAgent for OpenAiAgent {
    async fn answer(&self, task: &AgentTask) -> Result<AgentReply, AgentFailure> {
        let response = self.post(task).await?;
        let status = response.status();
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let pause = asked.and_then(|text| RetryAfter::read(text, self.clock.now()));
        let body = self.body(response).await?;
        if !status.is_success() {
            return Err(self.refused(status, pause.as_ref(), &body));
        }
        let Some(answer) = ChatAnswer::read(&body) else {
            let what = format!("the endpoint's response is not a chat completion: {}", error_message(&body));
            return Err(self.failure(ErrorCode::AgentError, &what, None));
        };
        self.answered(task, &answer, pause)
    }

    fn obstacle(&self) -> Option<String> {
        match (&self.key, &self.http) {
            (Some(Secret::Missing(variable)), _) => Some(missing(variable)),
            (_, Err(error)) => Some(error.clone()),
            (Some(Secret::Known(_)) | None, Ok(_)) => None,
        }
    }

    async fn health(&self) -> Result<AgentStatus, AgentFailure> {
        match &self.key {
            Some(Secret::Missing(variable)) => {
                Err(failed(ErrorCode::Unauthorized, format!("the agent `{}`: {}", self.name, missing(variable))))
            }
            Some(Secret::Known(_)) | None => Ok(self.status()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(input: &str, cached_input: &str, cache_write: &str, output: &str) -> Price {
        let [input, cached_input, cache_write, output] =
            [input, cached_input, cache_write, output].map(|price| price.parse().unwrap());
        Price { input, cached_input, cache_write, output }
    }

    #[test]
    fn costs_are_exact_and_rounded_half_to_even() {
        for (input, output, tokens, expected) in [
            ("0.15", "0.60", TokenUsage::new(1_000, 200), "0.00027"),
            ("0.15", "0.60", TokenUsage::new(1, 0), "0.00000015"),
            ("0.0005", "0", TokenUsage::new(1, 0), "0"),
            ("0.0015", "0", TokenUsage::new(1, 0), "0.000000002"),
            ("0", "0", TokenUsage::new(5, 5), "0"),
        ] {
            assert_eq!(price(input, input, input, output).cost(&tokens).unwrap().amount(), expected);
        }
        let dear = price("9000000000", "0", "0", "0");
        assert_eq!(dear.cost(&TokenUsage::new(u64::MAX, 0)), None);
    }

    #[test]
    fn the_cache_has_prices_of_its_own() {
        let tokens = TokenUsage {
            cached_input_tokens: Some(600_000),
            cache_write_tokens: Some(200_000),
            ..TokenUsage::new(1_000_000, 100_000)
        };
        let cost = price("3", "0.30", "3.75", "15").cost(&tokens).unwrap();
        assert_eq!(cost.amount(), "5.43");
        assert_eq!(price("0", "0", "0", "1 EUR").currency().as_str(), "EUR");
    }

    #[test]
    fn without_both_numbers_of_tokens_there_is_no_cost() {
        let price = price("1", "1", "1", "1");
        for tokens in [
            TokenUsage { total_tokens: Some(9), ..TokenUsage::default() },
            TokenUsage { output_tokens: None, ..TokenUsage::new(1, 1) },
            TokenUsage { input_tokens: None, ..TokenUsage::new(1, 1) },
        ] {
            assert_eq!(price.cost(&tokens), None);
        }
    }
}
