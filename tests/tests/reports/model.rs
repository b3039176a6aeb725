//! A model's endpoint that answers as a report says.

use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
};

use crate::report::Answer;

/// Starts it; its address. It ends with the runtime.
pub async fn listen(answers: Vec<Answer>) -> anyhow::Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let mut answers = answers;
    answers.reverse();
    let router = Router::new().fallback(answer).with_state(Arc::new(Mutex::new(answers)));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn answer(State(answers): State<Arc<Mutex<Vec<Answer>>>>) -> (StatusCode, HeaderMap, String) {
    let answer = {
        let mut answers = answers.lock().unwrap();
        if answers.len() > 1 { answers.pop() } else { answers.last().cloned() }
    };
    answer
        .context("no answer is left")
        .and_then(rendered)
        .unwrap_or_else(|error| (StatusCode::NOT_IMPLEMENTED, HeaderMap::new(), format!("{error:#}")))
}

fn rendered(answer: Answer) -> anyhow::Result<(StatusCode, HeaderMap, String)> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    for (name, value) in &answer.headers {
        headers.insert(HeaderName::try_from(name)?, HeaderValue::from_str(value)?);
    }
    Ok((StatusCode::from_u16(answer.status.unwrap_or(200))?, headers, answer.body))
}
