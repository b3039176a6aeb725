//! What endpoints of kind `openai` really answer: a reply that was paid for counts, whatever its usage, model or end
//! look like, and an error keeps its code and words.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use axum::{
    Router as Routes,
    extract::State,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use procession_agents::Router;
use procession_application::ports::{AgentFailure, AgentGateway, AgentReply, AgentStatus, AgentTask};
use procession_domain::value::{Duration, ErrorCode, Money};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{ManualClock, ask, failure, router, task};

/// An endpoint at every address: what it answers, and where it was asked.
#[derive(Clone)]
struct Endpoint {
    answer: Arc<Mutex<Answer>>,
    asked: Arc<Mutex<Vec<String>>>,
}

struct Answer {
    status: u16,
    retry_after: Option<String>,
    body: Vec<u8>,
}

async fn serve(State(endpoint): State<Endpoint>, uri: Uri) -> Response {
    endpoint.asked.lock().unwrap().push(uri.to_string());
    let answer = endpoint.answer.lock().unwrap();
    let response = (StatusCode::from_u16(answer.status).unwrap(), answer.body.clone());
    match &answer.retry_after {
        Some(retry_after) => ([(header::RETRY_AFTER, retry_after.clone())], response).into_response(),
        None => response.into_response(),
    }
}

impl Endpoint {
    /// Starts the endpoint: it, and its address.
    async fn start() -> (Self, String) {
        let answer = Answer { status: 200, retry_after: None, body: Vec::new() };
        let endpoint = Self { answer: Arc::new(Mutex::new(answer)), asked: Arc::default() };
        let routes = Routes::new().fallback(serve).with_state(endpoint.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (endpoint, format!("http://{address}"))
    }

    fn answers(&self, body: impl Into<Vec<u8>>) {
        *self.answer.lock().unwrap() = Answer { status: 200, retry_after: None, body: body.into() };
    }

    fn refuses(&self, status: u16, retry_after: &str) {
        let body = br#"{"error": {"message": "slow down"}}"#.to_vec();
        *self.answer.lock().unwrap() = Answer { status, retry_after: Some(retry_after.to_owned()), body };
    }
}

/// An endpoint, and a router with the agent `gpt` on it, with prices of a dollar and two for a million tokens.
async fn gpt() -> (Endpoint, Router) {
    let (endpoint, url) = Endpoint::start().await;
    let prices = r#"{input: "1.00", cached_input: "0.10", cache_write: "1.25", output: "2.00"}"#;
    (endpoint, agent(&url, "/v1", &format!("price: {prices}"), &[]))
}

fn agent(url: &str, path: &str, settings: &str, variables: &[(&str, &str)]) -> Router {
    let text = format!("agents: {{gpt: {{kind: openai, base_url: '{url}{path}', model: m, {settings}}}}}");
    router(&ManualClock::new(), Path::new("."), &text, variables)
}

async fn call(router: &Router) -> Result<AgentReply, AgentFailure> {
    ask(router, &task("gpt", "Give a score.")).await
}

fn completion(rest: &Value) -> Value {
    let mut body = json!({"choices": [{"finish_reason": "stop", "message": {"content": "{\"score\": 85}"}}]});
    let members = rest.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(members);
    body
}

#[tokio::test]
async fn a_reply_counts_whatever_its_usage_and_model_look_like() {
    let (endpoint, router) = gpt().await;
    for rest in [
        json!({}),
        json!({"usage": null}),
        json!({"usage": {}}),
        json!({"usage": []}),
        json!({"usage": "none"}),
        json!({"usage": 12}),
        json!({"usage": {"total_tokens": 15}}),
        json!({"usage": {"prompt_tokens": null, "completion_tokens": null}}),
        json!({"usage": {"prompt_tokens": -1, "completion_tokens": "many"}}),
        json!({"usage": {"promptTokens": 12, "generated": 3}}),
        json!({"model": 7}),
        json!({"model": null, "id": 1, "created": "today", "object": []}),
        json!({"model": {"name": "m"}, "usage": {"prompt_tokens": 12}}),
        json!({"choices": [{"finish_reason": 5, "message": {"content": "{\"score\": 85}", "role": 1}, "index": "0"}]}),
    ] {
        endpoint.answers(completion(&rest).to_string());
        let reply = call(&router).await.unwrap_or_else(|error| panic!("{rest}: {error}"));
        assert_eq!(reply.text, "{\"score\": 85}", "{rest}");
        assert_eq!(reply.usage.cost, None, "{rest}");
        if let Some(tokens) = reply.usage.token_usage {
            assert_eq!(tokens.output_tokens, None, "{rest}");
        }
    }
}

#[tokio::test]
async fn a_reply_counts_whatever_stands_around_its_json() {
    let (endpoint, router) = gpt().await;
    let good = completion(&json!({"usage": {"prompt_tokens": 1_000_000, "completion_tokens": 0}})).to_string();
    for body in [
        format!("{good}\nServed by example"),
        format!("\u{feff}{good}"),
        format!("\n\n {good}\r\n"),
        format!("{good}{good}"),
        good.replace("\"score\"", "NaN").replace("\\NaN\\", "\\\"score\\\"").replace("0}}", "0, \"x\": NaN}}"),
        good.replace("\"usage\"", "\"logprobs\": [-Infinity, 1e999], \"usage\""),
    ] {
        endpoint.answers(body.clone());
        let reply = call(&router).await.unwrap_or_else(|error| panic!("{body}: {error}"));
        assert_eq!(reply.text, "{\"score\": 85}", "{body}");
        assert_eq!(reply.usage.cost.unwrap().amount(), "1", "{body}");
    }
    for (content, expected) in
        [(r"cut \ud83d", "cut \u{fffd}"), (r"\ud83d\ude00 whole", "\u{1f600} whole"), (r"\ude00", "\u{fffd}")]
    {
        endpoint.answers(format!(r#"{{"choices": [{{"message": {{"content": "{content}"}}}}]}}"#));
        assert_eq!(call(&router).await.unwrap().text, expected, "{content}");
    }
    endpoint.answers(&b"{\"choices\": [{\"message\": {\"content\": \"\xff\"}}]}"[..]);
    assert_eq!(call(&router).await.unwrap().text, "\u{fffd}");
}

#[tokio::test]
async fn tokens_are_priced_once_by_either_providers_names() {
    let (endpoint, router) = gpt().await;
    for (usage, cost) in [
        (json!({"prompt_tokens": 1_000_000, "completion_tokens": 1_000_000}), "3"),
        (json!({"prompt_tokens": "1000000", "completion_tokens": 1_000_000.0, "total_tokens": 2_000_000}), "3"),
        (json!({"input_tokens": 1_000_000, "output_tokens": 1_000_000}), "3"),
        (
            json!({"prompt_tokens": 1_000_000, "completion_tokens": 0, "prompt_tokens_details": {"cached_tokens": 500_000}}),
            "0.55",
        ),
        (
            json!({"input_tokens": 500_000, "output_tokens": 0, "cache_read_input_tokens": 500_000,
                "cache_creation_input_tokens": 1_000_000}),
            "1.8",
        ),
        (
            json!({"prompt_tokens": 1_000_000, "completion_tokens": 0, "prompt_tokens_details": {"cached_tokens": 500_000},
                "input_tokens": 1_000_000, "output_tokens": 0, "cache_read_input_tokens": 500_000}),
            "0.55",
        ),
    ] {
        endpoint.answers(completion(&json!({"usage": usage})).to_string());
        let reply = call(&router).await.unwrap();
        assert_eq!(reply.usage.cost.unwrap().amount(), cost, "{usage}");
    }
}

#[tokio::test]
async fn the_cache_costs_what_input_costs_unless_the_file_says_otherwise() {
    let (endpoint, url) = Endpoint::start().await;
    let router = agent(&url, "", r#"price: {input: "1", output: "2"}"#, &[]);
    let usage = json!({"input_tokens": 1_000_000, "output_tokens": 0, "cache_read_input_tokens": 1_000_000,
        "cache_creation_input_tokens": 1_000_000});
    endpoint.answers(completion(&json!({"usage": usage})).to_string());
    assert_eq!(call(&router).await.unwrap().usage.cost.unwrap().amount(), "3");
}

#[tokio::test]
async fn the_end_of_a_reply_is_told() {
    let (endpoint, router) = gpt().await;
    for (reason, is_cut) in [("stop", false), ("length", true), ("content_filter", true), ("tool_calls", false)] {
        let choice = json!({"finish_reason": reason, "message": {"content": "{\"sco"}});
        endpoint.answers(json!({"choices": [choice]}).to_string());
        let found = call(&router).await.unwrap().usage.finish_reason.unwrap();
        assert_eq!((found.as_str(), found.is_cut()), (reason, is_cut));
    }
}

#[tokio::test]
async fn an_answer_without_text_says_why_and_is_paid_for() {
    let (endpoint, router) = gpt().await;
    for (reason, words) in [
        (
            "length",
            "the agent `gpt`: the model answered without text (finish_reason: length, the limit of tokens was reached)",
        ),
        (
            "content_filter",
            "the agent `gpt`: the model answered without text (finish_reason: content_filter, a filter held text back)",
        ),
    ] {
        let usage = json!({"prompt_tokens": 1_000_000, "completion_tokens": 0});
        let choice = json!({"finish_reason": reason, "message": {"content": ""}});
        endpoint.answers(json!({"choices": [choice], "usage": usage}).to_string());
        let Err(AgentFailure::Failed { code, message, usage, .. }) = call(&router).await else {
            panic!("a failure");
        };
        assert_eq!((code, message.as_str()), (ErrorCode::AgentError, words));
        assert_eq!(usage.cost.unwrap().amount(), "1");
        assert_eq!(usage.finish_reason.unwrap().as_str(), reason);
    }
}

#[tokio::test]
async fn an_error_with_status_200_keeps_its_code_and_words() {
    let (endpoint, router) = gpt().await;
    for (code, expected) in [
        (json!(429), ErrorCode::RateLimited),
        (json!("429"), ErrorCode::RateLimited),
        (json!(502), ErrorCode::AgentUnavailable),
        (json!(503), ErrorCode::AgentUnavailable),
        (json!(401), ErrorCode::Unauthorized),
        (json!(403), ErrorCode::Unauthorized),
        (json!(400), ErrorCode::AgentError),
        (json!("unheard_of"), ErrorCode::AgentError),
        (json!(null), ErrorCode::AgentError),
    ] {
        let error = json!({"message": "the words of it", "code": code});
        for body in [
            json!({"error": error}),
            json!({"error": error, "choices": null, "usage": null}),
            json!({"choices": [{"error": error, "finish_reason": "error", "message": {"content": ""}}]}),
        ] {
            endpoint.answers(body.to_string());
            let (found, message) = failure(call(&router).await);
            assert_eq!(found, expected, "{body}: {message}");
            assert!(message.contains("the words of it"), "{body}: {message}");
        }
    }
}

#[tokio::test]
async fn a_key_that_an_error_repeats_is_masked() {
    let (endpoint, url) = Endpoint::start().await;
    let settings = "api_key: '${ENV:KEY}'";
    let router = agent(&url, "/v1?code=TOP%2DSECRET", settings, &[("KEY", "sk-secret")]);
    let words = "wrong key sk-secret (sk-***et) at /v1?code=TOP%2DSECRET, TOP-SECRET";
    endpoint.answers(json!({"error": {"message": words, "code": 401}}).to_string());
    let (code, message) = failure(call(&router).await);
    assert_eq!(code, ErrorCode::Unauthorized);
    assert!(!message.contains("secret\u{20}") && !message.contains("SECRET") && !message.contains("sk-"), "{message}");
    assert!(message.contains("wrong key [secret] [secret] at /v1?[secret], [secret]"), "{message}");
}

#[tokio::test]
async fn a_pause_is_read_in_every_form() {
    let (endpoint, router) = gpt().await;
    for (asked, expected) in [
        ("1", Some(Duration::from_secs(1))),
        ("1.5", Some(Duration::from_millis(1_500))),
        ("2s", Some(Duration::from_secs(2))),
        ("Sat, 21 Nov 2026 10:01:30 GMT", Some(Duration::from_secs(90))),
        ("Saturday, 21-Nov-26 10:01:30 GMT", Some(Duration::from_secs(90))),
        ("Sat Nov 21 10:01:30 2026", Some(Duration::from_secs(90))),
        // The clock of these tests stands at 2026-11-21 10:00.
        ("1795255210", Some(Duration::from_secs(10))),
        ("-5", Some(Duration::ZERO)),
        ("86400", Some(Duration::from_secs(86_400))),
        ("soon", None),
    ] {
        endpoint.refuses(429, asked);
        let Err(AgentFailure::Failed { code, message, retry_after, .. }) = call(&router).await else {
            panic!("{asked}: a failure");
        };
        assert_eq!((code, retry_after), (ErrorCode::RateLimited, expected), "{asked}");
        assert!(message.contains("slow down") && !message.contains("year"), "{message}");
    }
    for asked in ["99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "99999999999"] {
        endpoint.refuses(429, asked);
        let (_, message) = failure(call(&router).await);
        assert!(message.ends_with(&format!("longer than a year (Retry-After: {asked})")), "{message}");
    }
}

#[tokio::test]
async fn the_address_is_put_together_from_every_base() {
    let (endpoint, url) = Endpoint::start().await;
    endpoint.answers(completion(&json!({})).to_string());
    for (base, expected) in [
        ("", "/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        (
            "/openai/deployments/d?api-version=2024-06-01",
            "/openai/deployments/d/chat/completions?api-version=2024-06-01",
        ),
        ("/v1/?key=a%2Fb&x=/", "/v1/chat/completions?key=a%2Fb&x=/"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completions?a=1", "/v1/chat/completions?a=1"),
    ] {
        call(&agent(&url, base, "description: x", &[])).await.unwrap();
        assert_eq!(endpoint.asked.lock().unwrap().pop().as_deref(), Some(expected), "{base}");
    }
}

#[tokio::test]
async fn requests_go_through_the_proxy_of_the_environment() {
    // A proxy is asked for whole addresses; this one answers itself.
    let (proxy, proxy_url) = Endpoint::start().await;
    proxy.answers(completion(&json!({})).to_string());
    for variable in ["HTTP_PROXY", "http_proxy"] {
        let router = agent("http://models.invalid", "/v1", "description: x", &[(variable, &proxy_url)]);
        call(&router).await.unwrap();
        let asked = proxy.asked.lock().unwrap().pop();
        assert_eq!(asked.as_deref(), Some("http://models.invalid/v1/chat/completions"), "{variable}");
    }
    let (endpoint, url) = Endpoint::start().await;
    endpoint.answers(completion(&json!({})).to_string());
    for exceptions in ["127.0.0.1", "models.invalid,127.0.0.0/8", "*"] {
        let variables = [("HTTP_PROXY", proxy_url.as_str()), ("NO_PROXY", exceptions)];
        call(&agent(&url, "/v1", "description: x", &variables)).await.unwrap();
        assert!(proxy.asked.lock().unwrap().is_empty(), "{exceptions}");
    }
    // HTTPS goes through a tunnel, which this proxy does not make.
    let router = agent("https://models.invalid", "/v1", "description: x", &[("HTTPS_PROXY", &proxy_url)]);
    let (code, message) = failure(call(&router).await);
    assert_eq!(code, ErrorCode::AgentUnavailable, "{message}");
    assert_eq!(proxy.asked.lock().unwrap().len(), 1, "the tunnel is asked for");
}

#[tokio::test]
async fn a_proxy_that_can_not_be_used_stops_the_agent_and_says_so() {
    let variables = [("HTTP_PROXY", "socks5://user:s3cret@proxy")];
    let router = agent("http://models.invalid", "/v1", "description: x", &variables);
    let words = "the proxy in HTTP_PROXY can't be used: it must be an http:// or https:// URL";
    let listed = &router.list().await.unwrap()[0];
    assert_eq!((listed.status, listed.reason.as_deref()), (AgentStatus::Stopped, Some(words)));
    let (code, message) = failure(call(&router).await);
    assert_eq!((code, message.as_str()), (ErrorCode::AgentUnavailable, format!("the agent `gpt`: {words}").as_str()));
}

#[tokio::test]
async fn without_a_price_the_list_says_what_a_model_costs() {
    let (endpoint, url) = Endpoint::start().await;
    let text = format!("agents: {{gpt: {{kind: openai, base_url: '{url}/v1', model: gpt-4o-mini}}}}");
    let router = router(&ManualClock::new(), Path::new("."), &text, &[]);
    let usage = json!({"prompt_tokens": 1_000_000, "completion_tokens": 100_000, "prompt_tokens_details": {"cached_tokens": 400_000}});
    endpoint.answers(completion(&json!({"usage": usage})).to_string());
    let cost = async |model: Option<&str>| {
        let task = AgentTask { model: model.map(str::to_owned), ..task("gpt", "Give a score.") };
        ask(&router, &task).await.unwrap().usage.cost.map(Money::amount)
    };
    assert_eq!(cost(None).await.as_deref(), Some("0.18"));
    assert_eq!(cost(Some("gpt-4.1")).await.as_deref(), Some("2.2"));
    assert_eq!(cost(Some("my-own")).await, None, "what is not known is not free");
    endpoint.answers(completion(&json!({"usage": usage, "service_tier": "flex"})).to_string());
    assert_eq!(cost(None).await, None);
    endpoint.answers(completion(&json!({"usage": usage, "service_tier": "default"})).to_string());
    assert_eq!(cost(None).await.as_deref(), Some("0.18"));
}
