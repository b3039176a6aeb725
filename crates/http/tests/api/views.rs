//! Saved views (spec 4c).

use serde_json::json;

use crate::{shapes::has_shape, support::Server};

#[tokio::test(start_paused = true)]
async fn a_view_is_its_users_own() {
    let server = Server::start().await;
    let (ann, bea) = (server.user("ann", "user").await, server.user("bea", "viewer").await);
    let body = json!({"name": "Late", "filters": {"status": "failed"}});
    let saved = server.post("/api/views").json(&body).by(&ann).send().await.ok(201);
    has_shape(&saved, "id: id, name: text, page: text, filters: object, query: text|null, created_at: time");
    assert_eq!((&saved["page"], &saved["filters"]), (&json!("runs"), &json!({"status": "failed"})));
    let body = json!({"name": "Late", "query": "status=paused"});
    let again = server.post("/api/views").json(&body).by(&ann).send().await.ok(201);
    assert_eq!((&again["id"], &again["query"]), (&saved["id"], &json!("status=paused")));
    let listed = server.get("/api/views").by(&ann).send().await.ok(200);
    assert_eq!(listed, json!({"views": [again]}));
    assert_eq!(server.get("/api/views").by(&bea).send().await.ok(200), json!({"views": []}));
    let path = format!("/api/views/{}", saved["id"].as_str().unwrap());
    server.delete(&path).by(&bea).send().await.problem(404, "not_found");
    assert_eq!(server.delete(&path).by(&ann).status().await.as_u16(), 204);
    server.delete(&path).by(&ann).send().await.problem(404, "not_found");
    server.delete("/api/views/x").by(&ann).send().await.problem(404, "not_found");
    for body in
        [json!({"name": " "}), json!({"name": "x".repeat(101)}), json!({"name": "x", "query": "x".repeat(9_000)})]
    {
        server.post("/api/views").json(&body).by(&ann).send().await.problem(422, "invalid_value");
    }
}

#[tokio::test(start_paused = true)]
async fn filters_are_texts_as_in_a_link() {
    let server = Server::start().await;
    let ann = server.user("ann", "viewer").await;
    let body = json!({"name": "Late", "filters": {"status": ["failed"]}});
    server.post("/api/views").json(&body).by(&ann).send().await.problem(422, "invalid_body");
}
