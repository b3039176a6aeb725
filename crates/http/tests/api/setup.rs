//! The one-time set-up.

use futures::future::join;
use serde_json::json;

use crate::support::Server;

const PATH: &str = "/api/setup/admin-password";

#[tokio::test(start_paused = true)]
async fn the_first_administrator_is_set_up_once() {
    let server = Server::start().await;
    let status = || server.get("/api/setup/status");
    assert_eq!(status().send().await.ok(200), json!({"setup_completed": false}));
    let set = |password: &str, again: &str| {
        let call = server.post(PATH).json(&json!({"password": password, "confirm_password": again}));
        async move { call.send().await }
    };
    let short = set("short", "short").await;
    assert_eq!(short.problem(400, "invalid_value"), "Password must be at least 8 characters");
    let different = set("correct horse", "correct house").await;
    assert_eq!(different.problem(400, "invalid_value"), "Passwords do not match");
    set(&"x".repeat(1_025), &"x".repeat(1_025)).await.problem(400, "invalid_value");
    server.post(PATH).json(&json!({"password": "correct horse"})).send().await.problem(422, "invalid_body");
    assert_eq!(status().send().await.ok(200), json!({"setup_completed": false}), "nothing is written so far");

    assert_eq!(set("correct horse", "correct horse").await.ok(200), json!({"success": true}));
    assert_eq!(status().send().await.ok(200), json!({"setup_completed": true}));
    server.post("/api/token").form("username=admin&password=correct+horse").send().await.ok(200);

    let again = set("another horse", "another horse").await;
    let detail = "Setup already completed. Password cannot be changed through this endpoint.";
    assert_eq!(again.problem(403, "setup_done"), detail);
    assert_eq!(set("short", "x").await.problem(403, "setup_done"), detail);
    server.post("/api/token").form("username=admin&password=another+horse").send().await.problem(401, "wrong_password");
}

#[tokio::test(start_paused = true)]
async fn of_two_who_set_up_at_once_one_wins() {
    let server = Server::start().await;
    let set = |password: &str| {
        let call = server.post(PATH).json(&json!({"password": password, "confirm_password": password}));
        async move { call.send().await.status.as_u16() }
    };
    let (one, other) = join(set("correct horse"), set("another horse")).await;
    let mut statuses = [one, other];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403]);
}
