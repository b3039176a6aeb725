//! One action for many executions, and what a retry would do (spec 4c).

use procession_domain::value::ErrorCode;
use procession_testing::{Answer, Line};
use serde_json::{Value as Json, json};

use crate::support::Server;

const REPORT: &str = "{name: report, steps: [
    {id: write, agent: writer, message: x},
    {id: send, agent: broken, message: x, depends_on: [write]}]}";

const ASKING: &str = "{name: asking, steps: [{id: review, type: human_approval, title: Well?}]}";

async fn server() -> Server {
    let reply = Answer::Reply { text: "done".into(), cost: Some("0.125".parse().unwrap()), tokens: None };
    let agents = vec![("writer", vec![Line::new(reply)]), ("broken", vec![Line::fail(ErrorCode::AccessDenied)])];
    Server::with(agents, Server::settings()).await
}

#[tokio::test(start_paused = true)]
async fn each_execution_is_acted_on_by_itself() {
    let server = server().await;
    let otto = server.user("otto", "user").await;
    let failed = server.execution_of(REPORT, "ann").await;
    server.stage.until_ended(failed).await;
    let open = server.execution_of(ASKING, "ann").await;
    server.stage.open_approval(open, "review").await;
    let unknown = "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33";
    let ids = json!([failed, open, unknown]);
    let bulk = async |body: Json| server.post("/api/executions/bulk").json(&body).by(&otto).send().await.ok(200);
    let ok = |answer: &Json| -> Vec<bool> {
        answer["results"].as_array().unwrap().iter().map(|result| result["ok"].as_bool().unwrap()).collect()
    };

    let dry = bulk(json!({"action": "cancel", "ids": ids, "dry_run": true})).await;
    assert_eq!((&dry["matched"], ok(&dry)), (&json!(3), vec![false, true, false]));
    assert_eq!(dry["results"][1], json!({"id": open, "ok": true, "detail": "It would be cancelled"}));
    assert_eq!(dry["results"][2]["detail"], "Execution not found");
    assert_eq!(server.stage.execution(open).await.status().as_str(), "paused");

    let cancelled = bulk(json!({"action": "cancel", "filter": {"status": "running,paused"}})).await;
    assert_eq!((&cancelled["matched"], ok(&cancelled)), (&json!(1), vec![true]));
    assert_eq!(server.stage.execution(open).await.status().as_str(), "cancelled");

    let retried = bulk(json!({"action": "retry", "filter": {"process_name": "report"}})).await;
    assert_eq!(ok(&retried), [true]);
    let aside = bulk(json!({"action": "dismiss", "ids": [failed]})).await;
    assert_eq!(ok(&aside), [true]);
    let row = server.get("/api/executions?process_name=report&sort=oldest").by(&otto).send().await.ok(200);
    assert!(row["executions"][0]["dismissed_at"].is_string());

    for body in [
        json!({"action": "cancel"}),
        json!({"action": "cancel", "ids": [], "filter": {}}),
        json!({"action": "cancel", "filter": {"proces_name": "report"}}),
        json!({"action": "remove", "ids": []}),
        json!({"action": "cancel", "filter": {"started_after": "yesterday"}}),
    ] {
        server.post("/api/executions/bulk").json(&body).by(&otto).send().await.problem(422, "invalid_body");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_tells_before_what_it_saves() {
    let server = server().await;
    let otto = server.user("otto", "user").await;
    let failed = server.execution_of(REPORT, "ann").await;
    server.stage.until_ended(failed).await;
    let preview =
        async |from: &str| server.get(format!("/api/executions/{failed}/retry{from}")).by(&otto).send().await.ok(200);
    let saving = preview("?from=failed").await;
    assert_eq!((&saving["reused"][0]["step_id"], &saving["again"]), (&json!("write"), &json!(["send"])));
    assert_eq!(saving["exact_cost_saved"], json!({"amount": "0.125", "currency": "USD", "complete": true}));
    assert_eq!(saving["exact_cost_estimated"]["complete"], false, "`send` has never run to its end");
    let whole = preview("").await;
    assert_eq!((&whole["reused"], &whole["again"]), (&json!([]), &json!(["write", "send"])));
    server.get(format!("/api/executions/{failed}/retry?from=x")).by(&otto).send().await.problem(422, "invalid_query");
    let open = server.execution_of(ASKING, "ann").await;
    server.stage.open_approval(open, "review").await;
    server.get(format!("/api/executions/{open}/retry")).by(&otto).send().await.problem(409, "conflict");
}
