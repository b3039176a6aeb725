//! API keys.

use insta::assert_json_snapshot;
use serde_json::json;

use crate::support::{ORIGIN, Server, lasting};

#[tokio::test(start_paused = true)]
async fn a_key_is_shown_once_works_within_its_scopes_and_ends_when_it_is_revoked() {
    let server = Server::start().await;
    let root = server.user("root", "admin").await;
    server.user("ann", "operator").await;
    let body = json!({"name": "nightly import", "user": "ann", "scopes": ["execution:view", "process:create"]});
    let created = server.post("/api/keys").json(&body).by(&root).send().await.ok(201);
    assert_json_snapshot!("created", lasting(&created));
    let key = created["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("procession_") && key.len() > 60, "{key}");

    let listed = server.get("/api/keys").by(&root).send().await;
    assert!(!listed.text.contains(&key));
    assert_json_snapshot!("listed", lasting(&listed.ok(200)));

    let me = server.get("/api/users/me").by(&key).send().await.ok(200);
    assert_eq!((&me["username"], &me["permissions"]), (&json!("ann"), &json!(["execution:view"])));
    let read = server.get("/api/processes").by(&key).send().await;
    assert_eq!(read.problem(403, "forbidden"), "the API key is limited to scopes without process:read");
    // What its user may not do, no scope gives.
    let write = server.post("/api/processes").json(&json!({"yaml_content": "x"})).by(&key).send().await;
    assert_eq!(write.problem(403, "forbidden"), "Role process_operator does not have process:create permission");

    let path = format!("/api/keys/{}", created["id"].as_str().unwrap());
    server.delete(&path).by(&root).send().await.ok(204);
    server.get("/api/users/me").by(&key).send().await.problem(401, "not_authenticated");
    server.delete(&path).by(&root).send().await.ok(204);
    let listed = server.get("/api/keys").by(&root).send().await.ok(200);
    assert!(listed["keys"][0]["revoked_at"].is_string(), "{listed}");
}

#[tokio::test(start_paused = true)]
async fn a_limited_key_of_an_administrator_makes_no_keys_and_users() {
    let server = Server::start().await;
    let root = server.user("root", "admin").await;
    let scopes = json!(["admin:view_all", "admin:manage_limits", "approval:decide"]);
    let made =
        server.post("/api/keys").json(&json!({"name": "limited", "scopes": scopes})).by(&root).send().await.ok(201);
    assert_eq!(made["user"], "root", "by default it is for who asks");
    let limited = made["key"].as_str().unwrap();
    server.get("/api/keys").by(limited).send().await.problem(403, "forbidden");
    server.post("/api/keys").json(&json!({"name": "more"})).by(limited).send().await.problem(403, "forbidden");
    let user = json!({"username": "eve", "role": "admin"});
    server.post("/api/users").json(&user).by(limited).send().await.problem(403, "forbidden");
    let all = server.post("/api/keys").json(&json!({"name": "all"})).by(&root).send().await.ok(201);
    server.get("/api/keys").by(all["key"].as_str().unwrap()).send().await.ok(200);
}

#[tokio::test(start_paused = true)]
async fn a_key_in_the_cookie_is_never_renewed() {
    let server = Server::start().await;
    let root = server.user("root", "admin").await;
    let made = server.post("/api/keys").json(&json!({"name": "page"})).by(&root).send().await.ok(201);
    let key = made["key"].as_str().unwrap();
    let reply = server.get("/api/keys").by_cookie(key).origin(ORIGIN).send().await;
    reply.ok(200);
    assert_eq!(reply.header("set-cookie"), None);
}

#[tokio::test(start_paused = true)]
async fn bad_keys_are_refused_with_what_is_wrong() {
    let server = Server::start().await;
    let root = server.user("root", "admin").await;
    for (body, status, code, part) in [
        (json!({}), 422, "invalid_body", "name"),
        (json!({"name": " "}), 422, "invalid_value", "1 to 128 characters"),
        (json!({"name": "x", "scopes": ["everything"]}), 422, "invalid_value", "`everything` is not a permission"),
        (json!({"name": "x", "scopes": "process:read"}), 422, "invalid_body", "`scopes`"),
        (json!({"name": "x", "user": "nobody"}), 404, "not_found", "no such user"),
    ] {
        let detail = server.post("/api/keys").json(&body).by(&root).send().await.problem(status, code);
        assert!(detail.contains(part), "{body}: {detail}");
    }
    server.delete("/api/keys/nonsense").by(&root).send().await.problem(400, "bad_id");
    let unknown = "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33";
    server.delete(format!("/api/keys/{unknown}")).by(&root).send().await.problem(404, "not_found");
    assert_eq!(server.get("/api/keys").by(&root).send().await.ok(200)["total"], 0, "nothing was written");
}
