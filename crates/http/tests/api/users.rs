//! Users, for administrators.

use insta::assert_json_snapshot;
use serde_json::json;

use crate::support::{Server, lasting};

#[tokio::test(start_paused = true)]
async fn a_user_is_created_shown_changed_and_removed() {
    let server = Server::start().await;
    let root = server.user("root", "admin").await;
    let body =
        json!({"username": "ann+é", "role": "designer", "email": "ann@example.com", "password": "correct horse"});
    let created = server.post("/api/users").json(&body).by(&root).send().await;
    let path = created.header("location").unwrap().to_owned();
    assert_eq!(path, "/api/users/ann%2B%C3%A9");
    assert_json_snapshot!("created", lasting(&created.ok(201)));
    assert_eq!(server.get(&path).by(&root).send().await.ok(200), created.ok(201));
    assert_json_snapshot!("listed", lasting(&server.get("/api/users").by(&root).send().await.ok(200)));

    let session = server.post("/token").form("username=ann%2B%C3%A9&password=correct+horse").send().await.ok(200);
    let ann = session["access_token"].as_str().unwrap().to_owned();
    let yaml = json!({"yaml_content": "nonsense"});
    let write = || server.post("/api/processes").json(&yaml).by(&ann);
    write().send().await.problem(422, "invalid_definition");
    let role = server.put(format!("{path}/role")).json(&json!({"role": "viewer"})).by(&root).send().await.ok(200);
    assert_eq!((role["role"].as_str(), role["process_role"].as_str()), (Some("viewer"), Some("process_viewer")));
    // Another role ends the sessions.
    write().send().await.problem(401, "not_authenticated");

    let password = server.put(format!("{path}/password")).json(&json!({"password": "another horse"})).by(&root);
    password.send().await.ok(204);
    let log_in = |password: &str| server.post("/token").form(&format!("username=ann%2B%C3%A9&password={password}"));
    log_in("correct+horse").send().await.problem(401, "wrong_password");
    let ann = log_in("another+horse").send().await.ok(200)["access_token"].as_str().unwrap().to_owned();
    server.post("/api/processes").json(&yaml).by(&ann).send().await.problem(403, "forbidden");

    server.delete(&path).by(&root).send().await.ok(204);
    server.get("/api/users/me").by(&ann).send().await.problem(401, "not_authenticated");
    assert_eq!(server.get(&path).by(&root).send().await.problem(404, "not_found"), "There is no such user or key");
    server.delete(&path).by(&root).send().await.problem(404, "not_found");
}

#[tokio::test(start_paused = true)]
async fn bad_users_are_refused_with_what_is_wrong() {
    let server = Server::start().await;
    let root = server.user("root", "admin").await;
    for (body, status, code, part) in [
        (json!({"username": "ann"}), 422, "invalid_body", "role"),
        (json!({"username": "", "role": "viewer"}), 422, "invalid_value", "1 to 128 letters"),
        (json!({"username": " ann", "role": "viewer"}), 422, "invalid_value", "1 to 128 letters"),
        (json!({"username": "ann", "role": "king"}), 422, "invalid_value", "`king` is not a role"),
        (
            json!({"username": "ann", "role": "viewer", "email": "ann"}),
            422,
            "invalid_value",
            "not a valid email address",
        ),
        (json!({"username": "ann", "role": "viewer", "password": "short"}), 422, "invalid_value", "at least 8"),
        (json!({"username": "viewer", "role": "viewer"}), 422, "invalid_value", "names a role"),
        (json!({"username": "r00t", "role": "viewer"}), 409, "name_taken", "looks like the user `root`"),
        (json!({"username": "ann", "role": "viewer", "password": "password"}), 422, "invalid_value", "too easy"),
        (json!({"username": "ROOT", "role": "viewer"}), 409, "name_taken", "already exists"),
        (json!({"username": ["ann"], "role": "viewer"}), 422, "invalid_body", "`username`"),
    ] {
        let detail = server.post("/api/users").json(&body).by(&root).send().await.problem(status, code);
        assert!(detail.contains(part), "{body}: {detail}");
    }
    let path = "/api/users/nobody";
    server
        .put(format!("{path}/role"))
        .json(&json!({"role": "viewer"}))
        .by(&root)
        .send()
        .await
        .problem(404, "not_found");
    let password = server.put(format!("{path}/password")).json(&json!({"password": "correct horse"})).by(&root);
    password.send().await.problem(404, "not_found");
    assert_eq!(server.get("/api/users").by(&root).send().await.ok(200)["total"], 1, "nothing was written");
}

#[tokio::test(start_paused = true)]
async fn the_last_administrator_stays_one() {
    let server = Server::start().await;
    let root = server.user("root", "admin").await;
    let demote = |name: &str| server.put(format!("/api/users/{name}/role")).json(&json!({"role": "viewer"})).by(&root);
    let detail = demote("Root").send().await.problem(409, "conflict");
    assert_eq!(detail, "root is the only administrator; make someone else an administrator first");
    server.delete("/api/users/root").by(&root).send().await.problem(409, "conflict");
    let second = server.user("second", "process_admin").await;
    demote("root").send().await.ok(200);
    demote("second").send().await.problem(403, "forbidden");
    server.delete("/api/users/second").by(&second).send().await.problem(409, "conflict");
}
