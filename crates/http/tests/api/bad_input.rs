//! Bad input, whatever it is: the exact status, a sentence to show, and nothing written.

use axum::http::Method;
use serde_json::{Value as Json, json};

use crate::support::Server;

const PROCESS: &str = "{name: hello, steps: [{id: nap, type: timer, duration: 1h}]}";

/// A request that is refused: method, path, body, status, code, and what the sentence must hold.
type Case<'a> = (Method, String, Vec<u8>, u16, &'a str, &'a str);

fn text(yaml: &str) -> Vec<u8> {
    json!({"yaml_content": yaml}).to_string().into_bytes()
}

/// Texts that parsers choke on.
fn hostile_texts() -> Vec<(&'static str, String)> {
    let alias = |n: u32| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}, *a{0}]\n", n - 1);
    let aliases = (1..40).map(alias).collect::<Vec<_>>().concat();
    let blocks: Vec<String> = (0..1_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    vec![
        ("deep flow", format!("name: x\nsteps: {}{}", "[".repeat(20_000), "]".repeat(20_000))),
        ("deep blocks", blocks.concat()),
        ("alias bomb", format!("name: x\na0: &a0 [x, x, x, x]\n{aliases}steps: *a39\n")),
        ("no mapping", "- just\n- a list\n".to_owned()),
        ("broken", "name: [unclosed\n".to_owned()),
        ("nothing", String::new()),
        ("control characters", "name: \u{0}\u{1}\n".to_owned()),
        ("many documents", "name: a\n---\nname: b\n".to_owned()),
        (
            "a long expression",
            format!(
                "name: x\nsteps: [{{id: a, agent: writer, message: hi, condition: \"{}1\"}}]",
                "1 + ".repeat(2_500)
            ),
        ),
        (
            "a long template",
            format!("name: x\nsteps: [{{id: a, agent: writer, message: \"{}\"}}]", "{{ input.a | ".repeat(1_000)),
        ),
    ]
}

async fn refuse(server: &Server, token: &str, case: Case<'_>) {
    let (method, path, body, status, code, holds) = case;
    let reply = server.call(method.clone(), &path).body("application/json", body).by(token).send().await;
    let about = format!("{method} {path}: {}", reply.text);
    assert_eq!(reply.status.as_u16(), status, "{about}");
    let detail = reply.problem(status, code);
    assert!(detail.contains(holds), "{about}");
    assert!(!detail.is_empty() && detail.len() < 2_000, "{about}");
    assert!(reply.ok(status)["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{about}");
}

#[tokio::test(start_paused = true)]
async fn bad_requests_get_their_exact_answer_and_write_nothing() {
    let server = Server::start().await;
    let root = server.user("root", "admin").await;
    let published = server.stage.publish(PROCESS).await;
    let running = server.stage.start(published, json!({})).await;
    server.stage.until(running, |execution| execution.status().as_str() == "running").await;
    let before = written(&server, &root).await;

    let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
    let process = format!("/api/processes/{published}");
    let execution = format!("/api/executions/{running}");
    let unknown = "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33";
    let json = |body: &str| body.as_bytes().to_vec();
    let create = || "/api/processes".to_owned();
    let cases: Vec<Case<'_>> = vec![
        (post.clone(), create(), json("{\"yaml_content\": "), 422, "malformed_json", "not JSON"),
        (post.clone(), create(), json("yaml_content"), 422, "malformed_json", "not JSON"),
        (post.clone(), create(), vec![0xff, 0xfe], 422, "malformed_json", "not JSON"),
        (post.clone(), create(), json("{\"yaml_content\": \"\\ud800\"}"), 422, "malformed_json", "not JSON"),
        (post.clone(), create(), "[".repeat(100_000).into_bytes(), 422, "malformed_json", "not JSON"),
        (post.clone(), create(), json(""), 422, "invalid_body", "body is empty"),
        (post.clone(), create(), json("[]"), 422, "invalid_body", "JSON object"),
        (post.clone(), create(), json("{}"), 422, "invalid_body", "yaml_content"),
        (post.clone(), create(), json("{\"yaml_content\": 7}"), 422, "invalid_body", "`yaml_content`"),
        (post.clone(), create(), vec![b' '; 2 * 1024 * 1024 + 1], 413, "too_large", "limits.body"),
        (post.clone(), create(), text(&"#".repeat(1024 * 1024 + 1)), 413, "too_large", "limits.definition"),
        (put.clone(), process.clone(), text(PROCESS), 409, "conflict", "published"),
        (
            put.clone(),
            process.clone(),
            json("{\"yaml_content\": \"x\", \"revision\": -1}"),
            422,
            "invalid_body",
            "`revision`",
        ),
        (put, format!("/api/processes/{unknown}"), text(PROCESS), 404, "not_found", "Process not found"),
        (get.clone(), format!("/api/processes/{unknown}"), vec![], 404, "not_found", "Process not found"),
        (get.clone(), "/api/processes/7".into(), vec![], 400, "bad_id", "Invalid process ID format"),
        (get.clone(), "/api/processes/%FF".into(), vec![], 400, "bad_id", "UTF-8"),
        (delete, process.clone(), vec![], 409, "conflict", "Archive"),
        (get.clone(), "/api/processes?status=open".into(), vec![], 400, "bad_filter", "Invalid status: open"),
        (get.clone(), "/api/processes?limit=0".into(), vec![], 422, "invalid_query", "`limit` must be"),
        (get.clone(), "/api/processes?limit=x&offset=-1".into(), vec![], 422, "invalid_query", "`offset` must be"),
        (get.clone(), "/api/processes?cursor=nonsense".into(), vec![], 422, "invalid_query", "cursor"),
        (post.clone(), format!("{process}/execute"), json("{\"input\": []}"), 422, "invalid_body", "`input`"),
        (
            post.clone(),
            format!("{process}/execute"),
            json("{\"labels\": {\"\": \"x\"}}"),
            422,
            "invalid_body",
            "`labels",
        ),
        (post.clone(), format!("/api/processes/{unknown}/execute"), json("{}"), 404, "not_found", "not found"),
        (post.clone(), "/api/executions/processes/x/execute".into(), json("{}"), 400, "bad_id", "Invalid process ID"),
        (get.clone(), "/api/executions/x".into(), vec![], 400, "bad_id", "Invalid execution ID format"),
        (get.clone(), format!("/api/executions/{unknown}"), vec![], 404, "not_found", "Execution not found"),
        (get.clone(), "/api/executions?status=x".into(), vec![], 400, "bad_filter", "Invalid status: x"),
        (get.clone(), "/api/executions?process_id=x".into(), vec![], 400, "bad_id", "Invalid process ID format"),
        (get.clone(), "/api/executions?started_after=soon".into(), vec![], 422, "invalid_query", "`started_after`"),
        (get.clone(), "/api/executions?sort=up&limit=101".into(), vec![], 422, "invalid_query", "`sort` must be"),
        (get.clone(), "/api/executions?cursor=1".into(), vec![], 422, "invalid_query", "cursor"),
        (get, "/api/executions/x/stream".into(), vec![], 400, "bad_id", "Invalid execution ID format"),
        (post.clone(), format!("{execution}/retry"), vec![], 409, "conflict", "Can only retry failed"),
        (post.clone(), format!("{execution}/resume"), vec![], 409, "conflict", "not paused"),
        (post.clone(), format!("{execution}/dismiss"), vec![], 409, "conflict", "Can only dismiss failed"),
        (post.clone(), format!("/api/executions/{unknown}/cancel"), vec![], 404, "not_found", "Execution not found"),
        (post, format!("{execution}/pause"), json("[1]"), 422, "invalid_body", "does not fit"),
    ];
    for case in cases {
        refuse(&server, &root, case).await;
    }
    assert_eq!(written(&server, &root).await, before);
}

#[tokio::test(start_paused = true)]
async fn hostile_definitions_are_refused_with_what_is_wrong() {
    let server = Server::start().await;
    let root = server.user("root", "admin").await;
    for (name, yaml) in hostile_texts() {
        let created = server.post("/api/processes").body("application/json", text(&yaml)).by(&root).send().await;
        assert_eq!(created.status.as_u16(), 422, "{name}: {}", created.text);
        assert!(!created.problem(422, "invalid_definition").is_empty(), "{name}");
        let checked =
            server.post("/api/processes/validate").body("application/json", text(&yaml)).by(&root).send().await;
        assert_eq!(checked.ok(200)["is_valid"], false, "{name}");
    }
    assert_eq!(server.get("/api/processes").by(&root).send().await.ok(200)["total"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_refused_in_the_order_of_the_checks() {
    let server = Server::start().await;
    let vic = server.user("vic", "viewer").await;
    let call = async |token: Option<&str>, path: &str, body: &str| {
        let call = server.post(path).body("application/json", body);
        match token {
            Some(token) => call.by(token).send().await,
            None => call.send().await,
        }
    };
    let bad_id = "/api/processes/x/execute";
    call(None, bad_id, "{").await.problem(422, "malformed_json");
    let nobody = call(None, bad_id, "{\"input\": 1}").await;
    assert_eq!(nobody.problem(401, "not_authenticated"), "Not authenticated");
    assert_eq!(nobody.header("www-authenticate"), Some("Bearer"));
    call(Some("nonsense"), bad_id, "{\"input\": 1}").await.problem(401, "not_authenticated");
    call(Some(&vic), bad_id, "{\"input\": 1}").await.problem(422, "invalid_body");
    call(Some(&vic), bad_id, "{}").await.problem(403, "forbidden");
    let root = server.user("root", "admin").await;
    call(Some(&root), bad_id, "{}").await.problem(400, "bad_id");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_starts_or_stops_says_so() {
    let server = Server::start().await;
    let root = server.user("root", "admin").await;
    assert_eq!(server.get("/healthz").send().await.ok(200), json!({"status": "ok"}));
    assert_eq!(server.get("/readyz").send().await.ok(200)["status"], "ready");
    server.state.drain();
    let drained = server.get("/readyz").send().await;
    drained.problem(503, "draining");
    assert!(drained.header("retry-after").is_some());
    server.get("/healthz").send().await.ok(200);
    server.get("/api/processes").by(&root).send().await.ok(200);
    server
        .post("/api/processes")
        .body("application/json", text(PROCESS))
        .by(&root)
        .send()
        .await
        .problem(503, "draining");
}

/// Everything that a request could have written.
async fn written(server: &Server, token: &str) -> (Json, Json) {
    let processes = server.get("/api/processes").by(token).send().await.ok(200);
    let executions = server.get("/api/executions").by(token).send().await.ok(200);
    (processes, executions)
}
