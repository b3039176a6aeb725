//! People, and what they do from outside.

use std::time::{Duration, Instant};

use procession_tests::{client::Client, server::Server};
use reqwest::{Method, StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};

/// A password that nobody guesses.
pub const PASSWORD: &str = "seven-green-bicycles";

/// A user of this name and role, who is logged in.
pub async fn person(admin: &Client, name: &str, role: &str) -> Client {
    let body = json!({"username": name, "role": role, "password": PASSWORD});
    admin.post("/api/users", &body).await.unwrap();
    Client::log_in_as(admin.url(), name, PASSWORD).await.unwrap()
}

/// Tries to log in, as a proxy says from this address; the status.
pub async fn guess(http: &reqwest::Client, url: &str, name: &str, password: &str, claimed_address: &str) -> StatusCode {
    let request = http
        .post(format!("{url}/api/token"))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("x-forwarded-for", claimed_address)
        .body(format!("username={name}&password={password}"));
    request.send().await.unwrap().status()
}

/// How long the server takes to say that it lives.
pub async fn time_of_health(http: &reqwest::Client, url: &str) -> Duration {
    let begun = Instant::now();
    let response = http.get(format!("{url}/healthz")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    begun.elapsed()
}

/// The memory that the server has resident, in MiB.
pub fn resident_mib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// The status and body of an answer.
pub async fn answer(client: &Client, method: Method, path: &str, body: Value) -> (u16, Value) {
    let body = (!body.is_null()).then_some(body);
    let (status, answer) = client.send(method, path, body.as_ref()).await.unwrap();
    (status.as_u16(), answer)
}
