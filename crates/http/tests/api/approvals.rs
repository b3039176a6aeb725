//! Questions to people.

use insta::assert_json_snapshot;
use procession_domain::value::{Duration, ExecutionId};
use serde_json::{Value as Json, json};

use crate::support::{ORIGIN, Reply, Server, lasting, token_of};

/// A process that asks about its draft; `{}` is more about the question.
fn publishing(question: &str) -> String {
    format!(
        "name: publishing
steps:
  - {{id: draft, type: agent_task, agent: writer, message: 'a draft'}}
  - {{id: review, type: human_approval, depends_on: draft, title: 'Publish {{{{steps.draft.output.response}}}}?',
      description: 'Please read it.', {question}}}
  - {{id: publish, type: agent_task, agent: writer, depends_on: review, message: 'by {{{{steps.review.output.decided_by}}}}'}}
"
    )
}

/// A server with people, and an execution that asks.
async fn asking(question: &str) -> (Server, ExecutionId, String) {
    let server = Server::start().await;
    for (name, role) in
        [("ann", "viewer"), ("ben", "viewer"), ("cid", "approver"), ("root", "admin"), ("opa", "operator")]
    {
        server.user(name, role).await;
    }
    let id = server.execution_of(&publishing(question), "ben").await;
    let path = format!("/api/approvals/{}", server.stage.open_approval(id, "review").await.id());
    (server, id, path)
}

async fn decide(server: &Server, path: &str, name: &str, command: &str, body: &Json) -> Reply {
    let token = token_of(name);
    server.post(format!("{path}/{command}")).json(body).by(&token).send().await
}

fn comment(text: &str) -> Json {
    json!({"comment": text})
}

#[tokio::test(start_paused = true)]
async fn a_question_is_listed_shown_and_answered_by_who_is_asked() {
    let (server, id, path) = asking("assignees: [ann], artifacts: ['https://example.com/draft']").await;
    let ann = token_of("ann");
    let listed = server.get("/api/approvals?status=pending").by(&ann).send().await;
    assert_eq!(listed.header("x-total-count"), Some("1"));
    assert_json_snapshot!("listed", lasting(&listed.ok(200)));
    let of_step = server.get(format!("/api/approvals/execution/{id}/step/review")).by(&ann).send().await.ok(200);
    assert_eq!(of_step, server.get(&path).by(&ann).send().await.ok(200));
    assert_json_snapshot!("shown", lasting(&of_step));

    let approved = decide(&server, &path, "ann", "approve", &comment("")).await.ok(200);
    assert_json_snapshot!("approved", lasting(&approved));
    let execution = server.stage.until_ended(id).await;
    assert_eq!(
        procession_testing::statuses(&execution),
        "completed: draft=completed review=completed publish=completed"
    );
    assert_eq!(server.get(&path).by(&ann).send().await.ok(200), approved);
    let rest = server.get("/api/approvals?status=pending").by(&ann).send().await.ok(200);
    assert_eq!(rest, json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_decision_is_refused_with_a_reason_and_changes_nothing() {
    let (server, _, path) = asking("assignees: [ann]").await;
    let unknown = "/api/approvals/0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33";
    for (who, path, command, body, status, code, detail) in [
        ("cid", path.as_str(), "approve", json!({}), 403, "forbidden", "cid is not asked to decide this approval"),
        ("opa", &path, "reject", comment("no"), 403, "forbidden", "opa is not asked to decide this approval"),
        ("ben", &path, "delegate", json!({"to": "cid"}), 403, "forbidden", "ben is not asked to decide this approval"),
        ("ann", &path, "reject", comment(""), 422, "invalid_value", "A comment is required"),
        ("ann", &path, "reject", json!({}), 422, "invalid_value", "A comment is required"),
        ("ann", &path, "request-changes", comment(" "), 422, "invalid_value", "A comment is required"),
        ("ann", &path, "delegate", json!({"to": "zed"}), 422, "invalid_value", "there is no user `zed` to delegate to"),
        ("ann", &path, "delegate", json!({"to": "ann"}), 409, "conflict", "ann is already assigned to this approval"),
        ("ann", unknown, "approve", json!({}), 404, "not_found", "Approval not found"),
        ("ann", "/api/approvals/nonsense", "approve", json!({}), 404, "not_found", "Approval not found"),
    ] {
        let reply = decide(&server, path, who, command, &body).await;
        assert_eq!(reply.problem(status, code), detail, "{who} {command}");
    }
    for (command, body) in [
        ("approve", json!({"comment": 1})),
        ("approve", json!([])),
        ("approve", json!(["fine"])),
        ("approve", json!(null)),
        ("request-changes", json!({})),
        ("delegate", json!({"comment": "you"})),
    ] {
        decide(&server, &path, "ann", command, &body).await.problem(422, "invalid_body");
    }
    decide(&server, &path, "ann", "approve", &comment(&"x".repeat(10_001))).await.problem(422, "invalid_value");
    let ann = token_of("ann");
    server.post(format!("{path}/approve")).by(&ann).send().await.problem(422, "invalid_body");
    server.post(format!("{path}/approve")).json(&json!({})).send().await.problem(401, "not_authenticated");
    let detail = server.get(&path).by(&ann).send().await.ok(200);
    assert_eq!((&detail["status"], &detail["votes"]), (&json!("pending"), &json!([])));
}

#[tokio::test(start_paused = true)]
async fn of_two_decisions_the_first_counts() {
    let (server, id, path) = asking("assignees: [ann, ben]").await;
    let rejected = decide(&server, &path, "ben", "reject", &comment("too long")).await.ok(200);
    assert_eq!((&rejected["status"], &rejected["decision_comment"]), (&json!("rejected"), &json!("too long")));
    let late = decide(&server, &path, "ann", "approve", &json!({})).await;
    assert_eq!(late.problem(409, "already_decided"), "Approval already decided: rejected");
    let execution = server.stage.until_ended(id).await;
    assert_eq!(execution.status().as_str(), "failed");
}

#[tokio::test(start_paused = true)]
async fn no_reason_is_needed_where_the_step_says_so() {
    let (server, _, path) = asking("assignees: [ann], require_reason_on_reject: false").await;
    let rejected = decide(&server, &path, "ann", "reject", &comment("")).await.ok(200);
    assert_eq!(rejected["status"], "rejected");
}

#[tokio::test(start_paused = true)]
async fn enough_different_people_must_approve() {
    let (server, id, path) = asking("assignees: [ann, ben, 'role:approver'], required_approvals: 2").await;
    let first = decide(&server, &path, "ann", "approve", &comment("fine")).await.ok(200);
    assert_eq!(
        (&first["status"], &first["approvals"], &first["can_decide"]),
        (&json!("pending"), &json!(1), &json!(false))
    );
    let again = decide(&server, &path, "ann", "approve", &json!({})).await;
    assert_eq!(again.problem(409, "already_decided"), "ann has already voted on this approval");
    let second = decide(&server, &path, "cid", "approve", &json!({})).await.ok(200);
    assert_eq!((&second["status"], &second["decided_by"]), (&json!("approved"), &json!("cid")));
    assert_eq!(second["approved_by"], json!(["ann", "cid"]));
    server.stage.until_ended(id).await;
}

#[tokio::test(start_paused = true)]
async fn changes_are_made_and_asked_about_anew() {
    let (server, id, path) = asking("assignees: [ann], on_changes_requested: {rerun: draft, max: 2}").await;
    let asked = decide(&server, &path, "ann", "request-changes", &comment("add figures")).await.ok(200);
    assert_eq!((&asked["status"], &asked["decision"]), (&json!("changes_requested"), &json!("changes_requested")));
    let ann = token_of("ann");
    let newest = format!("/api/approvals/{}", server.stage.open_approval(id, "review").await.id());
    assert_ne!(newest, path);
    let of_step = server.get(format!("/api/approvals/execution/{id}/step/review")).by(&ann).send().await.ok(200);
    assert!(newest.ends_with(of_step["id"].as_str().unwrap()), "the newest is shown");
    decide(&server, &newest, "ann", "approve", &json!({})).await.ok(200);
    assert_eq!(server.stage.until_ended(id).await.status().as_str(), "completed");
}

#[tokio::test(start_paused = true)]
async fn a_question_is_passed_on() {
    let (server, id, path) = asking("assignees: [ann]").await;
    let to_a_viewer = decide(&server, &path, "ann", "delegate", &json!({"to": "ben"})).await;
    assert_eq!(to_a_viewer.problem(422, "invalid_value"), "ben may not decide approvals");
    let passed =
        decide(&server, &path, "ann", "delegate", &json!({"to": "CID", "comment": "you know more"})).await.ok(200);
    assert_eq!((&passed["assignees"], &passed["can_decide"]), (&json!(["cid"]), &json!(false)));
    let gone = decide(&server, &path, "ann", "approve", &json!({})).await;
    assert_eq!(gone.problem(404, "not_found"), "Approval not found", "who is not asked any more knows of nothing");
    decide(&server, &path, "cid", "approve", &json!({})).await.ok(200);
    assert_eq!(server.stage.until_ended(id).await.status().as_str(), "completed");
}

#[tokio::test(start_paused = true)]
async fn who_asked_for_an_execution_does_not_decide_it_where_the_step_says_so() {
    // Ben has started it.
    let (server, id, path) = asking("assignees: [ben, cid], self_approval: false").await;
    let shown = server.get(&path).by(&token_of("ben")).send().await.ok(200);
    assert_eq!((&shown["can_decide"], &shown["barred"]), (&json!(false), &json!(["ben"])));
    let own = decide(&server, &path, "ben", "approve", &json!({})).await.problem(403, "forbidden");
    assert_eq!(
        own,
        "ben has a part in what is judged here, so that somebody else must decide it (`self_approval: false`)"
    );
    let queue = server.get("/api/operator-queue").by(&token_of("ben")).send().await.ok(200);
    assert!(!queue.to_string().contains("Publish a draft?"), "{queue}");
    let back = decide(&server, &path, "root", "delegate", &json!({"to": "ben"})).await;
    assert_eq!(back.problem(409, "conflict"), "ben is already assigned to this approval");
    decide(&server, &path, "cid", "approve", &json!({})).await.ok(200);
    assert_eq!(server.stage.until_ended(id).await.status().as_str(), "completed");
}

#[tokio::test(start_paused = true)]
async fn nobody_passes_a_decision_to_whom_it_is_about() {
    let (server, _, path) = asking("assignees: [ann], self_approval: false").await;
    server.stage.access.set_role(&server.stage.system, "ben", "approver").await.unwrap();
    let back = decide(&server, &path, "ann", "delegate", &json!({"to": "ben"})).await.problem(422, "invalid_value");
    assert!(back.starts_with("ben has a part in what is judged here and may not decide it"), "{back}");
}

#[tokio::test(start_paused = true)]
async fn an_administrator_may_always_and_nobody_named_means_those_who_decide() {
    let (server, _, path) = asking("assignees: [ann]").await;
    decide(&server, &path, "root", "approve", &json!({})).await.ok(200);
    let (server, _, path) = asking("timeout: 1h").await;
    decide(&server, &path, "ann", "approve", &json!({})).await.problem(404, "not_found");
    decide(&server, &path, "ben", "approve", &json!({})).await.problem(403, "forbidden");
    decide(&server, &path, "cid", "approve", &json!({})).await.ok(200);
}

#[tokio::test(start_paused = true)]
async fn after_its_deadline_a_question_can_not_be_answered() {
    let (server, id, path) = asking("assignees: [ann], timeout: 1h").await;
    server.stage.pass(Duration::from_secs(3_600)).await;
    let late = decide(&server, &path, "ann", "approve", &json!({})).await;
    late.problem(409, "already_decided");
    assert_eq!(server.stage.until_ended(id).await.status().as_str(), "failed");
    let shown = server.get(&path).by(&token_of("ann")).send().await.ok(200);
    assert_eq!((&shown["status"], &shown["decision"]), (&json!("expired"), &json!("expired")));
}

#[tokio::test(start_paused = true)]
async fn pages_of_the_server_answer_by_the_cookie_and_others_do_not() {
    let (server, _, path) = asking("assignees: [ann]").await;
    let ann = token_of("ann");
    let approve = || server.post(format!("{path}/approve")).json(&json!({"comment": ""})).by_cookie(&ann);
    approve().origin("http://evil.test").send().await.problem(403, "cross_origin");
    let listed = server.get("/api/approvals").by_cookie(&ann).send().await;
    assert_eq!(listed.ok(200)[0]["status"], "pending");
    assert!(listed.header("set-cookie").unwrap().starts_with("token="), "the cookie is renewed");
    let approved = approve().origin(ORIGIN).send().await.ok(200);
    assert_eq!(approved["decided_by"], "ann");
}

#[tokio::test(start_paused = true)]
async fn everyone_sees_what_they_may_see() {
    let (server, id, path) = asking("assignees: [ann]").await;
    let of_step = format!("/api/approvals/execution/{id}/step/review");
    server.user("vic", "viewer").await;
    for (name, in_list, status) in
        [("ann", 1, 200), ("ben", 0, 200), ("vic", 0, 404), ("cid", 1, 200), ("opa", 1, 200), ("root", 1, 200)]
    {
        let token = token_of(name);
        let listed = server.get("/api/approvals").by(&token).send().await.ok(200);
        assert_eq!(listed.as_array().unwrap().len(), in_list, "{name}");
        for path in [&path, &of_step] {
            assert_eq!(server.get(path).by(&token).send().await.status.as_u16(), status, "{name} {path}");
        }
    }
    let root = token_of("root");
    for path in [
        format!("/api/approvals/execution/{id}/step/draft"),
        format!("/api/approvals/execution/{id}/step/No Step").replace(' ', "%20"),
        "/api/approvals/execution/nonsense/step/review".into(),
    ] {
        let nothing = server.get(path).by(&root).send().await;
        assert_eq!(nothing.problem(404, "not_found"), "Approval not found for this step");
    }
}

#[tokio::test(start_paused = true)]
async fn the_list_is_filtered_and_paged() {
    let (server, first, _) = asking("assignees: [ann]").await;
    let process = server.stage.execution(first).await.creation().process.id;
    for _ in 0..2 {
        let id = server.stage.start(process, json!({})).await;
        server.stage.open_approval(id, "review").await;
    }
    let cid = token_of("cid");
    let list = |query: &str| {
        let call = server.get(format!("/api/approvals?{query}")).by(&cid);
        async move { call.send().await }
    };
    for (query, count) in [
        ("status=", 3),
        ("status=pending&user=", 3),
        ("status=approved", 0),
        ("status=nonsense", 0),
        ("user=ann", 3),
        ("user=ben", 0),
        ("user=nobody", 0),
        (&format!("execution_id={first}"), 1),
    ] {
        let reply = list(query).await;
        assert_eq!(reply.ok(200).as_array().unwrap().len(), count, "{query}");
        assert_eq!(reply.header("x-total-count"), Some(count.to_string().as_str()), "{query}");
    }
    let page = list("limit=2").await;
    assert_eq!(page.ok(200).as_array().unwrap().len(), 2);
    assert_eq!(page.header("x-total-count"), Some("3"));
    let rest = list(&format!("limit=2&cursor={}", page.header("x-next-cursor").unwrap())).await;
    assert_eq!(rest.header("x-next-cursor"), None);
    assert_eq!(rest.ok(200), json!([list("offset=2").await.ok(200)[0]]));
    list("limit=0").await.problem(422, "invalid_query");
    list("cursor=nonsense").await.problem(422, "invalid_query");
    list("execution_id=nonsense").await.problem(400, "bad_id");
}

#[tokio::test(start_paused = true)]
async fn a_key_limited_to_other_things_neither_sees_nor_answers() {
    let (server, _, path) = asking("assignees: [root]").await;
    let root = token_of("root");
    let key = |scope: &'static str| {
        let call = server.post("/api/keys").json(&json!({"name": "x", "scopes": [scope]})).by(&root);
        async move { call.send().await.ok(201)["key"].as_str().unwrap().to_owned() }
    };
    let (reads, decides) = (key("process:read").await, key("approval:decide").await);
    for call in
        [server.get("/api/approvals"), server.get(&path), server.post(format!("{path}/approve")).json(&json!({}))]
    {
        call.by(&reads).send().await.problem(403, "forbidden");
    }
    server.get(&path).by(&decides).send().await.ok(200);
    server.post(format!("{path}/approve")).json(&json!({})).by(&decides).send().await.ok(200);
}
