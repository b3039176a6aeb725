//! The audit trail: who did what, by what, from where, and what came of it.

use axum::http::{HeaderName, header};
use procession_domain::value::Json;
use serde_json::json;

use crate::support::{Call, ORIGIN, Server};

const HELLO: &str = "name: hello\nsteps:\n  - {id: greet, agent: writer, message: Hello}\n";
const ASKS: &str = "{name: asks, steps: [{id: review, type: human_approval, title: Well?, assignees: [pia]}]}";

/// The entries that the trail shows to an administrator, the newest first.
async fn entries(server: &Server, query: &str) -> Vec<Json> {
    let root = server.user("root", "admin").await;
    let listed = server.get(format!("/api/audit?{query}")).by(&root).send().await.ok(200);
    let entries = listed["entries"].as_array().unwrap().clone();
    assert!(entries.len() as u64 <= listed["total"].as_u64().unwrap());
    entries
}

/// The one entry that fits.
async fn only(server: &Server, query: &str) -> Json {
    let found = entries(server, query).await;
    assert_eq!(found.len(), 1, "{query}: {found:#?}");
    found[0].clone()
}

fn create<'a>(server: &'a Server, yaml: &str) -> Call<'a> {
    server.post("/api/processes").json(&json!({"yaml_content": yaml}))
}

#[tokio::test(start_paused = true)]
async fn a_change_is_told_with_who_did_it_by_what_and_from_where() {
    let server = Server::start().await;
    let dora = server.user("dora", "designer").await;
    let call = create(&server, HELLO).by(&dora).from([192, 0, 2, 7]).header(header::USER_AGENT, "a browser");
    let made = call.header(HeaderName::from_static("x-request-id"), "request-1").send().await.ok(201);
    let entry = only(&server, "actor=dora").await;
    let zeros = "0".repeat(64);
    for (field, value) in [
        ("actor", json!("dora")),
        ("via", json!("session")),
        ("key_id", json!(null)),
        ("address", json!("192.0.2.7")),
        ("ip_address", json!("192.0.2.7")),
        ("user_agent", json!("a browser")),
        ("request_id", json!("request-1")),
        ("action", json!("process.create")),
        ("resource", json!({"kind": "process", "id": made["id"], "name": "hello"})),
        ("resource_type", json!("process")),
        ("resource_id", made["id"].clone()),
        ("outcome", json!("done")),
        ("reason", json!(null)),
        ("details", json!({"outcome": "done", "via": "session", "name": "hello"})),
    ] {
        assert_eq!(entry[field], value, "{field}");
    }
    assert!(entry["number"].is_u64() && entry["id"].is_string());
    assert_eq!(entry["at"], entry["timestamp"]);
    assert!(entry["timestamp"].as_str().unwrap().ends_with("+00:00"));
    assert!(entry["hash"].as_str().is_some_and(|hash| hash.len() == 64 && hash != zeros));
    let root = server.user("root", "admin").await;
    let path = format!("/api/audit/{}", entry["id"].as_str().unwrap());
    assert_eq!(server.get(path).by(&root).send().await.ok(200), entry);
    for unknown in ["nonsense", "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33"] {
        let refused = server.get(format!("/api/audit/{unknown}")).by(&root).send().await;
        assert_eq!(refused.problem(404, "not_found"), "Audit entry not found");
    }
}

#[tokio::test(start_paused = true)]
async fn the_way_in_is_told() {
    let server = Server::start().await;
    let dora = server.user("dora", "designer").await;
    create(&server, HELLO).by_cookie(&dora).origin(ORIGIN).send().await.ok(201);
    assert_eq!(only(&server, "actor=dora").await["via"], "cookie");
    let (key, stored) = server.stage.access.create_key(&server.stage.system, "dora", "ci", Vec::new()).await.unwrap();
    create(&server, &HELLO.replace("hello", "other")).by(&key).send().await.ok(201);
    let by_key = only(&server, "actor=dora&resource=other").await;
    assert_eq!((&by_key["via"], &by_key["key_id"]), (&json!("key"), &json!(stored.id)));
    // The stage made user and key itself.
    let made = only(&server, "action=key.create").await;
    assert_eq!((&made["actor"], &made["via"], &made["address"]), (&json!("system"), &json!("system"), &Json::Null));
    assert!(!made.to_string().contains(&key), "no trail holds a key");
}

#[tokio::test(start_paused = true)]
async fn refusals_are_told_with_their_reason() {
    let server = Server::start().await;
    let (vic, dora) = (server.user("vic", "viewer").await, server.user("dora", "designer").await);
    create(&server, HELLO).by(&vic).send().await.problem(403, "forbidden");
    let forbidden = only(&server, "actor=vic").await;
    assert_eq!((&forbidden["action"], &forbidden["outcome"]), (&json!("process.create"), &json!("refused")));
    assert_eq!(forbidden["reason"], "Role process_viewer does not have process:create permission");

    create(&server, HELLO).by(&dora).send().await.ok(201);
    create(&server, HELLO).by(&dora).send().await.problem(409, "name_taken");
    let taken = only(&server, "actor=dora&outcome=refused").await;
    assert!(taken["reason"].as_str().unwrap().contains("already exists"), "{taken}");
    create(&server, "nonsense").by(&dora).send().await.problem(422, "invalid_definition");
    assert_eq!(entries(&server, "actor=dora&outcome=refused").await.len(), 2);
    assert_eq!(entries(&server, "actor=dora&outcome=done").await.len(), 1);
    // Some are refused before it is looked at what they ask it of.
    server.post("/api/executions/nonsense/cancel").by(&vic).send().await.problem(403, "forbidden");
    server.stage.pass(procession_domain::value::Duration::from_millis(1)).await;
    assert_eq!(only(&server, "action=execution.cancel").await["outcome"], "refused");
    let unknown = "/api/processes/0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33";
    server.delete(unknown).by(&dora).send().await.problem(404, "not_found");
    let gone = only(&server, "action=process.delete").await;
    assert_eq!(gone["resource_id"], "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33");
}

#[tokio::test(start_paused = true)]
async fn every_change_has_its_entry() {
    let server = Server::start().await;
    let (dora, otto) = (server.user("dora", "designer").await, server.user("otto", "user").await);
    let (pia, root) = (server.user("pia", "approver").await, server.user("root", "admin").await);
    let asks = create(&server, ASKS).by(&dora).send().await.ok(201)["id"].as_str().unwrap().to_owned();
    let path = format!("/api/processes/{asks}");
    server.put(&path).json(&json!({"yaml_content": ASKS.replace("Well", "So")})).by(&dora).send().await.ok(200);
    server.post(format!("{path}/publish")).by(&dora).send().await.ok(200);
    server.post(format!("{path}/activate")).by(&dora).send().await.ok(200);
    let started = server.post(format!("{path}/execute")).by(&otto).send().await.ok(201);
    let id = started["id"].as_str().unwrap().parse().unwrap();
    let approval = server.stage.open_approval(id, "review").await.id();
    let approve = server.post(format!("/api/approvals/{approval}/approve")).json(&json!({}));
    approve.by(&pia).send().await.ok(200);
    server.stage.until_ended(id).await;
    server.post("/api/users").json(&json!({"username": "new", "role": "viewer"})).by(&root).send().await.ok(201);
    server.put("/api/users/new/role").json(&json!({"role": "operator"})).by(&root).send().await.ok(200);
    server.post(format!("{path}/archive")).by(&dora).send().await.ok(200);
    let told: Vec<(String, String)> = entries(&server, "outcome=done&limit=100")
        .await
        .iter()
        .rev()
        .filter(|entry| entry["actor"] != "system")
        .map(|entry| {
            let text = |field: &str| entry[field].as_str().unwrap().to_owned();
            (text("actor"), format!("{} {}", text("action"), entry["resource"]["name"].as_str().unwrap_or_default()))
        })
        .collect();
    let told: Vec<(&str, &str)> = told.iter().map(|(actor, what)| (actor.as_str(), what.trim())).collect();
    let expected = [
        ("dora", "process.create asks"),
        ("dora", "process.update asks"),
        ("dora", "process.publish asks"),
        ("dora", "process.activate asks"),
        ("otto", "execution.trigger asks"),
        ("pia", "approval.decide So?"),
        ("root", "user.create"),
        ("root", "user.role"),
        ("dora", "process.archive asks"),
    ];
    assert_eq!(told, expected);
    let start = only(&server, "action=execution.trigger").await;
    assert_eq!(start["resource_id"], started["id"]);
}

#[tokio::test(start_paused = true)]
async fn what_only_looks_leaves_no_entry() {
    let server = Server::start().await;
    let root = server.user("root", "admin").await;
    let before = entries(&server, "").await.len();
    for path in ["/api/processes", "/api/executions", "/api/users", "/api/audit", "/api/audit/verify"] {
        server.get(path).by(&root).send().await.ok(200);
    }
    server.post("/api/processes/validate").json(&json!({"yaml_content": HELLO})).by(&root).send().await.ok(200);
    assert_eq!(entries(&server, "").await.len(), before);
}

#[tokio::test(start_paused = true)]
async fn the_trail_is_filtered_paged_and_whole() {
    let server = Server::start().await;
    let (root, dora) = (server.user("root", "admin").await, server.user("dora", "designer").await);
    for number in 0..5 {
        create(&server, &HELLO.replace("hello", &format!("hello-{number}"))).by(&dora).send().await.ok(201);
    }
    let list = async |query: &str| server.get(format!("/api/audit?{query}")).by(&root).send().await;
    let page = list("actor=dora&limit=2&offset=1").await.ok(200);
    assert_eq!((&page["total"], &page["limit"], &page["offset"]), (&json!(5), &json!(2), &json!(1)));
    let rest = list(&format!("actor=dora&limit=4&cursor={}", page["next_cursor"].as_str().unwrap())).await.ok(200);
    assert_eq!((rest["entries"].as_array().unwrap().len(), &rest["next_cursor"]), (2, &Json::Null));
    assert_eq!(list("resource_type=process").await.ok(200)["total"], 5);
    assert_eq!(list("resource_type=").await.ok(200)["limit"], 50);
    assert_eq!(list("from_date=2020-01-01&to_date=2100-01-01&actor=dora").await.ok(200)["total"], 5);
    assert_eq!(list("to_date=2020-01-01").await.ok(200)["total"], 0);
    assert_eq!(list("from_date=nonsense").await.problem(400, "bad_filter"), "Invalid from_date format");
    assert_eq!(list("to_date=nonsense").await.problem(400, "bad_filter"), "Invalid to_date format");
    assert_eq!(list("outcome=nonsense").await.problem(400, "bad_filter"), "Invalid outcome: nonsense");
    list("limit=1001").await.problem(422, "invalid_query");
    list("cursor=nonsense").await.problem(422, "invalid_query");
    let verdict = server.get("/api/audit/verify").by(&root).send().await.ok(200);
    assert_eq!((&verdict["intact"], &verdict["first_broken"]), (&json!(true), &Json::Null));
    assert_eq!(verdict["entries"], list("").await.ok(200)["total"]);
}

#[tokio::test(start_paused = true)]
async fn the_trail_is_for_administrators() {
    let server = Server::start().await;
    for (name, role) in [("dora", "designer"), ("otto", "user"), ("pia", "approver"), ("vic", "viewer")] {
        let token = server.user(name, role).await;
        for path in ["/api/audit", "/api/audit/verify", "/api/audit/nonsense"] {
            let refused = server.get(path).by(&token).send().await;
            assert_eq!(refused.problem(403, "forbidden"), "Admin access required", "{path}");
        }
    }
    server.get("/api/audit").send().await.problem(401, "not_authenticated");
}

#[tokio::test(start_paused = true)]
async fn log_ins_their_failures_and_the_set_up_are_told() {
    let server = Server::start().await;
    server.stage.access.set_up("correct horse").await.unwrap();
    let done = only(&server, "action=setup.complete").await;
    assert_eq!((&done["actor"], &done["outcome"]), (&json!("admin"), &json!("done")));
    let log_in = async |form: &str| server.post("/api/token").form(form).from([192, 0, 2, 9]).send().await;
    let session = log_in("username=admin&password=correct+horse").await.ok(200);
    log_in("username=admin&password=guess").await.problem(401, "wrong_password");
    log_in("username=correct+horse&password=admin").await.problem(401, "wrong_password");
    let told = entries(&server, "action=session.begin").await;
    let told: Vec<_> =
        told.iter().rev().map(|entry| json!([entry["actor"], entry["outcome"], entry["address"]])).collect();
    // What was typed instead of a name may be a password.
    let expected = [
        json!(["admin", "done", "192.0.2.9"]),
        json!(["admin", "refused", "192.0.2.9"]),
        json!(["(nobody)", "refused", "192.0.2.9"]),
    ];
    assert_eq!(told, expected);
    server.post("/api/auth/logout").by(session["access_token"].as_str().unwrap()).send().await;
    let ended = only(&server, "action=session.end").await;
    assert_eq!((&ended["actor"], &ended["resource"]["id"]), (&json!("admin"), &json!("admin")));
}

#[tokio::test(start_paused = true)]
async fn who_must_wait_is_not_written_down_again_and_again() {
    let server = Server::start().await;
    server.stage.access.set_up("correct horse").await.unwrap();
    for _ in 0..12 {
        server.post("/api/token").form("username=admin&password=guess").send().await;
    }
    assert_eq!(entries(&server, "action=session.begin").await.len(), 5);
}
