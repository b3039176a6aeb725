//! A stand-in for a hosted model: it answers as an OpenAI-compatible endpoint does, and asks for a key.

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A model that runs until the test ends.
pub struct Model(String);

impl Model {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let app = Router::new().route("/v1/chat/completions", post(complete));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self(url)
    }

    /// Its `base_url`.
    pub fn url(&self) -> &str {
        &self.0
    }
}

async fn complete(headers: HeaderMap, Json(request): Json<Value>) -> (StatusCode, Json<Value>) {
    let key = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if key.strip_prefix("Bearer ").is_none_or(str::is_empty) {
        let error = json!({"error": {"message": "no key was sent", "code": "invalid_api_key"}});
        return (StatusCode::UNAUTHORIZED, Json(error));
    }
    let asked = request["messages"].as_array().and_then(|messages| messages.last()).map(|last| last["content"].clone());
    let answer = format!("A poem, as asked: {}", asked.as_ref().and_then(Value::as_str).unwrap_or_default());
    let reply = json!({
        "model": request["model"],
        "choices": [{"message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 40, "completion_tokens": 60},
    });
    (StatusCode::OK, Json(reply))
}
