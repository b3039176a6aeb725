//! Agents of kind `openai`, against a server on this machine that speaks the protocol.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use crate::support::{ManualClock, TRACE, ask, failure, router, task, traced};
use axum::{
    Json, Router as Routes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use procession_agents::Router;
use procession_application::ports::{AgentFailure, AgentGateway, AgentStatus, AgentTask};
use procession_domain::value::{Duration, ErrorCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// What the endpoint answers, and what it was asked.
#[derive(Clone)]
struct Endpoint {
    answer: Arc<dyn Fn() -> Response + Send + Sync>,
    asked: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
}

async fn completions(State(endpoint): State<Endpoint>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    endpoint.asked.lock().unwrap().push((headers, body));
    (endpoint.answer)()
}

/// An endpoint with this answer, and a router with the agent `gpt` on it.
async fn gpt(answer: impl Fn() -> Response + Send + Sync + 'static) -> (Router, Endpoint) {
    gpt_with(r#"price: {input: "0.15", output: "0.60"}"#, &[("KEY", "sk-secret")], answer).await
}

async fn gpt_with(
    settings: &str,
    variables: &[(&str, &str)],
    answer: impl Fn() -> Response + Send + Sync + 'static,
) -> (Router, Endpoint) {
    let endpoint = Endpoint { answer: Arc::new(answer), asked: Arc::default() };
    let routes = Routes::new().route("/v1/chat/completions", post(completions)).with_state(endpoint.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let text = format!(
        "agents: {{gpt: {{kind: openai, base_url: 'http://{address}/v1/', model: small, system: Be brief, \
         temperature: 0.5, api_key: '${{ENV:KEY}}', {settings}}}}}"
    );
    (router(&ManualClock::new(), Path::new("."), &text, variables), endpoint)
}

fn completion() -> Response {
    Json(json!({
        "id": "1", "object": "chat.completion", "model": "small-2026",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello!"}}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 201, "total_tokens": 1201},
    }))
    .into_response()
}

#[tokio::test]
async fn a_chat_is_sent_and_its_answer_is_priced_exactly() {
    let (router, endpoint) = gpt(completion).await;
    let reply = ask(&router, &task("gpt", "Hi")).await.unwrap();
    assert_eq!(reply.text, "Hello!");
    assert_eq!(reply.usage.cost.unwrap().amount(), "0.0002706");
    let tokens = reply.usage.token_usage.unwrap();
    assert_eq!((tokens.input_tokens, tokens.output_tokens, tokens.total_tokens), (Some(1_000), Some(201), Some(1_201)));
    assert_eq!(tokens.model.as_deref(), Some("small-2026"));

    let asked = endpoint.asked.lock().unwrap();
    let (headers, body) = &asked[0];
    assert_eq!(headers["authorization"], "Bearer sk-secret");
    assert_eq!(headers["idempotency-key"], task("gpt", "Hi").key.as_str());
    let expected = json!({"model": "small", "temperature": 0.5, "messages": [
        {"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi"}]});
    assert_eq!(*body, expected);
}

#[tokio::test]
async fn the_endpoint_goes_on_with_the_trace() {
    let (router, endpoint) = gpt(completion).await;
    ask(&router, &task("gpt", "Hi")).await.unwrap();
    ask(&router, &traced(task("gpt", "Hi"))).await.unwrap();
    let asked = endpoint.asked.lock().unwrap();
    assert!(!asked[0].0.contains_key("traceparent"), "nobody records it");
    assert_eq!(asked[1].0["traceparent"], TRACE);
}

#[tokio::test]
async fn the_steps_model_and_temperature_win_and_another_model_has_no_known_price() {
    let (router, endpoint) = gpt(completion).await;
    let mut task = task("gpt", "Hi");
    task.model = Some("large".into());
    task.temperature = Some(0.0);
    let reply = ask(&router, &task).await.unwrap();
    assert_eq!(reply.usage.cost, None);
    assert!(reply.usage.token_usage.is_some());
    let asked = endpoint.asked.lock().unwrap();
    assert_eq!((&asked[0].1["model"], &asked[0].1["temperature"]), (&json!("large"), &json!(0.0)));
}

#[tokio::test]
async fn without_a_price_the_cost_is_unknown() {
    let (router, _) = gpt_with("description: free?", &[("KEY", "k")], completion).await;
    assert_eq!(ask(&router, &task("gpt", "Hi")).await.unwrap().usage.cost, None);
}

#[tokio::test]
async fn statuses_become_codes() {
    let cases = [
        (401, ErrorCode::Unauthorized),
        (403, ErrorCode::Unauthorized),
        (404, ErrorCode::AgentNotFound),
        (408, ErrorCode::Timeout),
        (429, ErrorCode::RateLimited),
        (400, ErrorCode::AgentError),
        (302, ErrorCode::AgentError),
        (500, ErrorCode::AgentUnavailable),
        (503, ErrorCode::AgentUnavailable),
        (504, ErrorCode::Timeout),
    ];
    for (status, expected) in cases {
        let (router, endpoint) = gpt(move || {
            let headers = [(header::RETRY_AFTER, "7"), (header::LOCATION, "/v1/chat/completions")];
            let body = json!({"error": {"message": "Incorrect API key provided: sk-secret"}});
            (StatusCode::from_u16(status).unwrap(), headers, Json(body)).into_response()
        })
        .await;
        let outcome = ask(&router, &task("gpt", "Hi")).await;
        let Err(AgentFailure::Failed { code, message, retry_after, .. }) = outcome else {
            panic!("{status}: {outcome:?}");
        };
        assert_eq!(code, expected, "{status}: {message}");
        assert_eq!(retry_after, Some(Duration::from_secs(7)), "{status}");
        assert!(!message.contains("sk-secret"), "{status}: {message}");
        assert_eq!(endpoint.asked.lock().unwrap().len(), 1, "{status}: nothing is sent twice");
    }
}

/// A part of the message to expect, and the answer.
type Malformed = (&'static str, fn() -> Response);

#[tokio::test]
async fn what_is_no_completion_is_an_agents_error() {
    let malformed: [Malformed; 4] = [
        ("not a chat completion", || "<html>".into_response()),
        ("has no choices", || Json(json!({"choices": []})).into_response()),
        ("without text", || Json(json!({"choices": [{"message": {"content": null}}]})).into_response()),
        ("refused: never", || {
            Json(json!({"choices": [{"message": {"content": null, "refusal": "never"}}]})).into_response()
        }),
    ];
    for (expected, answer) in malformed {
        let (router, _) = gpt(answer).await;
        let (code, message) = failure(ask(&router, &task("gpt", "Hi")).await);
        assert_eq!(code, ErrorCode::AgentError, "{message}");
        assert!(message.contains(expected), "{message}");
    }
}

#[tokio::test]
async fn an_answer_without_text_is_paid_for_all_the_same() {
    let (router, _) = gpt(|| {
        let usage = json!({"prompt_tokens": 1_000_000, "completion_tokens": 0});
        Json(json!({"choices": [{"message": {"content": ""}}], "usage": usage})).into_response()
    })
    .await;
    let Err(AgentFailure::Failed { usage, .. }) = ask(&router, &task("gpt", "Hi")).await else {
        panic!("a failure");
    };
    assert_eq!(usage.cost.unwrap().amount(), "0.15");
}

#[tokio::test]
async fn an_answer_in_parts_is_put_together() {
    let (router, _) = gpt(|| {
        let parts = json!([{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]);
        Json(json!({"choices": [{"message": {"content": parts}}]})).into_response()
    })
    .await;
    assert_eq!(ask(&router, &task("gpt", "Hi")).await.unwrap().text, "Hello");
}

#[tokio::test]
async fn an_answer_beyond_all_bounds_is_refused() {
    let (router, _) = gpt(|| "x".repeat(33 * 1024 * 1024).into_response()).await;
    let (code, message) = failure(ask(&router, &task("gpt", "Hi")).await);
    assert_eq!(code, ErrorCode::AgentError);
    assert!(message.contains("larger than 32 MiB"), "{message}");
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let text = format!("agents: {{gpt: {{kind: openai, base_url: 'http://{address}/v1', model: m}}}}");
    let router = router(&ManualClock::new(), Path::new("."), &text, &[]);
    let (code, message) = failure(ask(&router, &task("gpt", "Hi")).await);
    assert_eq!(code, ErrorCode::AgentUnavailable, "{message}");
}

#[tokio::test]
async fn an_endpoint_that_never_answers_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let text = format!("agents: {{gpt: {{kind: openai, base_url: 'http://{address}/v1', model: m}}}}");
    let router = router(&ManualClock::new(), Path::new("."), &text, &[]);
    let hurried = AgentTask { timeout: Some(Duration::from_millis(100)), ..task("gpt", "Hi") };
    let (code, message) = failure(ask(&router, &hurried).await);
    assert_eq!(code, ErrorCode::Timeout, "{message}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_availability_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{\"choices\":").await.unwrap();
    });
    let text = format!("agents: {{gpt: {{kind: openai, base_url: 'http://{address}/v1', model: m}}}}");
    let router = router(&ManualClock::new(), Path::new("."), &text, &[]);
    let (code, message) = failure(ask(&router, &task("gpt", "Hi")).await);
    assert_eq!(code, ErrorCode::AgentUnavailable, "{message}");
}

#[tokio::test]
async fn a_key_that_is_not_set_is_told_by_its_name() {
    let (router, endpoint) = gpt_with("description: x", &[], completion).await;
    let (code, message) = failure(ask(&router, &task("gpt", "Hi")).await);
    assert_eq!(code, ErrorCode::Unauthorized);
    assert!(message.contains("environment variable KEY is not set"), "{message}");
    assert_eq!(router.list().await.unwrap()[0].status, AgentStatus::Stopped);
    assert!(endpoint.asked.lock().unwrap().is_empty());
}
