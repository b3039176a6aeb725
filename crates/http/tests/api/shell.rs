//! What the frame around the process pages asks for.

use std::sync::Arc;

use procession_http::{Fill, HostMeter, HostReading, HttpSettings};
use serde_json::json;

use crate::support::Server;

#[tokio::test(start_paused = true)]
async fn the_frame_of_the_pages_gets_what_it_asks_for() {
    let server = Server::start().await;
    let vic = server.user("vic", "viewer").await;
    for (path, body) in [
        ("/api/alerts/count", json!({"active_count": 0})),
        ("/api/notifications?status=pending&limit=1", json!({"count": 0, "notifications": []})),
        ("/api/operator-queue?limit=200", json!({"items": [], "count": 0})),
        ("/api/ops/schedules?enabled_only=true", json!({"schedules": [], "total": 0})),
        ("/api/activities/timeline?limit=500", json!({"activities": [], "count": 0})),
        ("/api/system-views", json!({"views": []})),
        ("/api/tags", json!({"tags": []})),
        ("/api/observability/status", json!({"enabled": false, "collector_reachable": false})),
        (
            "/api/system-agent/status",
            json!({
                "exists": false, "status": "not_found", "name": "trinity-system",
                "message":
                    "this server has no agent `trinity-system`; name one so to have help with writing processes",
            }),
        ),
    ] {
        assert_eq!(server.get(path).by(&vic).send().await.ok(200), body, "{path}");
        server.get(path).send().await.problem(401, "not_authenticated");
    }
    assert_eq!(server.get("/health").send().await.ok(200)["status"], "healthy");
}

#[tokio::test(start_paused = true)]
async fn filters_that_make_no_sense_are_refused() {
    let server = Server::start().await;
    let vic = server.user("vic", "viewer").await;
    for (query, status, code) in [
        ("status=new", 400, "bad_filter"),
        ("priority=high,extreme", 400, "bad_filter"),
        ("limit=501", 422, "invalid_query"),
        ("limit=many", 422, "invalid_query"),
    ] {
        server.get(format!("/api/notifications?{query}")).by(&vic).send().await.problem(status, code);
    }
    server.get("/api/notifications?status=&priority=").by(&vic).send().await.ok(200);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_said_to_be_not_there() {
    let server = Server::start().await;
    let root = server.user("root", "admin").await;
    for path in ["/api/agents/writer/files", "/api/process-templates/a/b/c", "/api/telemetry"] {
        assert_eq!(server.get(path).by(&root).send().await.problem(404, "not_found"), "Not Found", "{path}");
    }
    let detail = server.get("/api/telemetry/host").send().await.problem(404, "not_found");
    assert_eq!(detail, "this server does not tell how its machine stands");
}

/// A machine that stands as it was told.
#[derive(Debug)]
struct Told(HostReading);

impl HostMeter for Told {
    fn read(&self) -> HostReading {
        self.0
    }
}

#[tokio::test(start_paused = true)]
async fn how_the_machine_stands_is_told_to_everyone() {
    let disk = Some(Fill { used: 1 << 30, total: 4 << 30 });
    let reading = HostReading { cpu_percent: Some(12.345), cpus: 8, memory: Fill { used: 0, total: 0 }, disk };
    let settings = HttpSettings { host_meter: Some(Arc::new(Told(reading))), ..Server::settings() };
    let server = Server::with(Vec::new(), settings).await;
    let told = server.get("/api/telemetry/host").send().await.ok(200);
    assert_eq!(told["cpu"]["count"], 8);
    assert!((told["cpu"]["percent"].as_f64().unwrap() - 12.3).abs() < 0.01, "{told}");
    assert_eq!(told["memory"], json!({"percent": 0.0, "used_gb": 0.0, "total_gb": 0.0}));
    assert_eq!(told["disk"], json!({"percent": 25.0, "used_gb": 1.0, "total_gb": 4.0}));
    assert!(told["timestamp"].is_string());
}

#[tokio::test(start_paused = true)]
async fn an_agent_of_the_right_name_helps_to_write_processes() {
    let server = Server::with(vec![("trinity-system", vec![])], Server::settings()).await;
    let vic = server.user("vic", "viewer").await;
    let status = server.get("/api/system-agent/status").by(&vic).send().await.ok(200);
    assert_eq!(status, json!({"exists": true, "status": "running", "name": "trinity-system"}));
}
