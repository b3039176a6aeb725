//! The measurements, and who may read them.

use procession_http::HttpSettings;
use serde_json::json;

use crate::support::Server;

async fn server(public_metrics: bool) -> Server {
    let settings = HttpSettings { public_metrics, ..Server::settings() };
    Server::with(Vec::new(), settings).await
}

#[tokio::test(start_paused = true)]
async fn measurements_are_for_administrators_and_keys_with_their_scope() {
    let server = server(false).await;
    let root = server.user("root", "admin").await;
    let otto = server.user("otto", "operator").await;
    server.get("/metrics").send().await.problem(401, "not_authenticated");
    server.get("/metrics").by(&otto).send().await.problem(403, "forbidden");
    let read = server.get("/metrics").by(&root).send().await;
    assert_eq!((read.status.as_u16(), read.text.as_str()), (200, "up 1\npending 0\n"));
    assert_eq!(read.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");

    let key = async |scope: &str| {
        let body = json!({"name": "monitoring", "scopes": [scope]});
        let made = server.post("/api/keys").json(&body).by(&root).send().await.ok(201);
        made["key"].as_str().unwrap().to_owned()
    };
    let (monitoring, other) = (key("metrics:read").await, key("process:read").await);
    assert_eq!(server.get("/metrics").by(&monitoring).send().await.status.as_u16(), 200);
    server.get("/api/audit").by(&monitoring).send().await.problem(403, "forbidden");
    server.get("/metrics").by(&other).send().await.problem(403, "forbidden");
}

#[tokio::test(start_paused = true)]
async fn public_measurements_are_for_everyone() {
    let read = server(true).await.get("/metrics").send().await;
    assert_eq!(read.status.as_u16(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_server_without_a_meter_has_no_measurements() {
    let settings = HttpSettings { meter: None, ..Server::settings() };
    let server = Server::with(Vec::new(), settings).await;
    let root = server.user("root", "admin").await;
    server.get("/metrics").by(&root).send().await.problem(404, "not_found");
}
