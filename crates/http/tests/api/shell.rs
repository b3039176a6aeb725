//! What the frame around the process pages asks for.

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
        ("/api/system-views", json!({"views": []})),
        ("/api/tags", json!({"tags": []})),
        ("/api/observability/status", json!({"enabled": false, "collector_reachable": false})),
        (
            "/api/system-agent/status",
            json!({
                "exists": false, "status": "not_found", "message": "This server has no system agent",
                "name": "trinity-system",
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
    for path in ["/api/alerts", "/api/process-templates", "/api/agents/slots", "/api/telemetry/host"] {
        assert_eq!(server.get(path).by(&root).send().await.problem(404, "not_found"), "Not Found", "{path}");
    }
}
