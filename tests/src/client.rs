//! A client of the HTTP API, with no knowledge of the server's types: what goes over the wire is all it sees.

use std::{
    sync::Once,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use reqwest::{Method, StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};

use crate::server::ADMIN_PASSWORD;

/// How long an execution may take; generous, since machines of tests are busy.
const PATIENCE: Duration = Duration::from_mins(2);

/// A client that is logged in.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Client {
    /// Logs in as `admin`.
    ///
    /// # Errors
    /// When the server does not let it.
    pub async fn log_in(url: &str) -> anyhow::Result<Self> {
        Self::log_in_as(url, "admin", ADMIN_PASSWORD).await
    }

    /// Logs in as anyone; name and password must need no escapes in a form.
    ///
    /// # Errors
    /// When the server does not let it.
    pub async fn log_in_as(url: &str, name: &str, password: &str) -> anyhow::Result<Self> {
        let http = http()?;
        let response = http
            .post(format!("{url}/api/token"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(format!("username={name}&password={password}"))
            .send()
            .await?;
        let status = response.status();
        let body: Value = response.json().await?;
        let token = body["access_token"].as_str().with_context(|| format!("{status}: {body}"))?.to_owned();
        Ok(Self { http, url: url.to_owned(), token })
    }

    /// The same session at another address: a server that was started again keeps its secret key.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    /// The server's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The session's token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Sends a request; the status and the body, which is `null` if it is no JSON.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<(StatusCode, Value)> {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    /// `GET`s what must be there.
    ///
    /// # Errors
    /// When it isn't.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let (status, body) = self.send(Method::GET, path, None).await?;
        if !status.is_success() {
            bail!("GET {path}: {status} {body}");
        }
        Ok(body)
    }

    /// `POST`s what must be accepted.
    ///
    /// # Errors
    /// When it isn't.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let (status, answer) = self.send(Method::POST, path, Some(body)).await?;
        if !status.is_success() {
            bail!("POST {path}: {status} {answer}");
        }
        Ok(answer)
    }

    /// Creates and publishes a process; its id.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn publish(&self, yaml: &str) -> anyhow::Result<String> {
        let created = self.post("/api/processes", &json!({"yaml_content": yaml})).await?;
        let id = created["id"].as_str().with_context(|| format!("no id: {created}"))?.to_owned();
        self.post(&format!("/api/processes/{id}/publish"), &json!({})).await?;
        Ok(id)
    }

    /// Starts an execution; its id.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn execute(&self, process: &str, input: &Value) -> anyhow::Result<String> {
        let started = self.post(&format!("/api/processes/{process}/execute"), &json!({"input": input})).await?;
        Ok(started["id"].as_str().with_context(|| format!("no id: {started}"))?.to_owned())
    }

    /// Starts an execution, hangs up after so long, whether an answer has come or not, and asks again under the same key;
    /// its id.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn execute_hanging_up(
        &self,
        process: &str,
        input: &Value,
        key: &str,
        after: Duration,
    ) -> anyhow::Result<String> {
        let start = || {
            let request = self.http.post(format!("{}/api/processes/{process}/execute", self.url));
            request.bearer_auth(&self.token).header("Idempotency-Key", key).json(&json!({"input": input})).send()
        };
        // Dropping the request closes its connection.
        let _ = tokio::time::timeout(after, start()).await;
        let response = start().await?;
        let status = response.status();
        let started: Value = response.json().await?;
        Ok(started["id"].as_str().with_context(|| format!("{status}: {started}"))?.to_owned())
    }

    /// Waits until an execution has ended; its detail.
    ///
    /// # Errors
    /// When it has not after two minutes.
    pub async fn ended(&self, execution: &str) -> anyhow::Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let detail = self.get(&format!("/api/executions/{execution}")).await?;
            let status = detail["status"].as_str().unwrap_or_default();
            if matches!(status, "completed" | "failed" | "cancelled") {
                return Ok(detail);
            }
            if Instant::now() > deadline {
                bail!("{execution} has not ended: {detail:#}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The whole history of an execution, in order.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn events(&self, execution: &str) -> anyhow::Result<Vec<Value>> {
        let mut all = Vec::new();
        loop {
            let page = self.get(&format!("/api/executions/{execution}/events?limit=1000&offset={}", all.len())).await?;
            let Value::Array(page) = page else { bail!("no list of events: {page}") };
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }
}

/// An HTTP client for this machine.
///
/// # Errors
/// When it can't be built.
pub fn http() -> anyhow::Result<reqwest::Client> {
    static TLS: Once = Once::new();
    TLS.call_once(|| {
        // Another part of the process may have chosen a provider already, which is as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    Ok(reqwest::Client::builder().no_proxy().timeout(Duration::from_mins(1)).build()?)
}
