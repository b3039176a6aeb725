//! What was: executions at an earlier event, whole executions as files, what versions have cost, active versions.

use procession_domain::value::Json;
use procession_testing::{Answer, Line};
use serde_json::json;

use crate::support::Server;

const CHAIN: &str = "
name: chain
input: {topic: {type: string, default: tides}}
steps:
  - {id: write, agent: writer, message: 'About {{input.topic}}'}
  - {id: review, type: human_approval, title: Well?, assignees: [ann], depends_on: [write]}
  - {id: send, agent: writer, message: '{{steps.write.output}}', depends_on: [review]}
outputs:
  - {name: text, source: '{{steps.send.response}}'}
";

const UNKNOWN: &str = "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33";

/// A server whose writer takes money.
async fn server() -> Server {
    let cost = Answer::Reply { text: "<{message}>".into(), cost: Some("0.0123".parse().unwrap()), tokens: None };
    Server::with(vec![("writer", vec![Line::new(cost)])], Server::settings()).await
}

/// An ended execution of the chain, started by ann: its path.
async fn run(server: &Server) -> String {
    let ann = server.user("ann", "operator").await;
    let id = server.execution_of(CHAIN, "ann").await;
    let approval = server.stage.open_approval(id, "review").await.id();
    let approve = server.post(format!("/api/approvals/{approval}/approve")).json(&json!({"comment": "fine"}));
    approve.by(&ann).send().await.ok(200);
    server.stage.until_ended(id).await;
    format!("/api/executions/{id}")
}

fn statuses(execution: &Json) -> Vec<&str> {
    execution["steps"].as_array().unwrap().iter().map(|step| step["status"].as_str().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_execution_is_shown_as_it_was_after_each_of_its_events() {
    let server = server().await;
    let path = run(&server).await;
    let ann = server.user("ann", "operator").await;
    let events = server.get(format!("{path}/events")).by(&ann).send().await.ok(200);
    let events = events.as_array().unwrap();
    let replay = async |at: &str| server.get(format!("{path}/replay{at}")).by(&ann).send().await;
    for event in events {
        let sequence = event["sequence"].as_u64().unwrap();
        let then = replay(&format!("?at={sequence}")).await.ok(200);
        assert_eq!((&then["at"], &then["last"]), (&json!(sequence), &json!(events.len())));
        assert_eq!((&then["event_type"], &then["timestamp"]), (&event["event_type"], &event["timestamp"]));
        let status = match event["event_type"].as_str().unwrap() {
            "ExecutionCreated" => "pending",
            "ProcessPaused" => "paused",
            "ProcessCompleted" => "completed",
            _ => continue,
        };
        assert_eq!(then["execution"]["status"], status, "{event}");
    }
    let waiting = events.iter().find(|event| event["event_type"] == "StepWaitingApproval").unwrap();
    let then = replay(&format!("?at={}", waiting["sequence"])).await.ok(200);
    assert_eq!(statuses(&then["execution"]), ["completed", "waiting_approval", "pending"]);
    let last = replay(&format!("?at={}", events.len())).await.ok(200);
    assert_eq!(last["execution"], server.get(&path).by(&ann).send().await.ok(200));

    let beyond = format!("?at={}", events.len() + 1);
    let detail = replay(&beyond).await.problem(404, "not_found");
    assert!(detail.contains(&format!("numbered from 1 to {}", events.len())), "{detail}");
    for bad in ["", "?at=", "?at=0", "?at=x"] {
        replay(bad).await.problem(422, "invalid_query");
    }
    let get = async |path: String| server.get(path).by(&ann).send().await;
    let unknown = get(format!("/api/executions/{UNKNOWN}/replay?at=1")).await;
    assert_eq!(unknown.problem(404, "not_found"), "Execution not found");
    get("/api/executions/x/replay?at=1".into()).await.problem(400, "bad_id");
    let vic = server.user("vic", "viewer").await;
    server.get(format!("{path}/replay?at=1")).by(&vic).send().await.problem(404, "not_found");
}

#[tokio::test(start_paused = true)]
async fn an_export_holds_everything_that_belongs_to_an_execution() {
    let server = server().await;
    let path = run(&server).await;
    let ann = server.user("ann", "operator").await;
    let reply = server.get(format!("{path}/export")).by(&ann).send().await;
    let name = format!("attachment; filename=\"execution-{}.json\"", path.rsplit('/').next().unwrap());
    assert_eq!(reply.header("content-disposition"), Some(name.as_str()));
    let export = reply.ok(200);
    let get = async |part: &str| server.get(format!("{path}{part}")).by(&ann).send().await.ok(200);
    assert_eq!(export["format"], "procession.execution/1");
    assert!(export["exported_at"].is_string() && export["server_version"].is_string());
    assert_eq!(export["execution"], get("").await);
    assert_eq!(export["events"], get("/events").await);
    assert_eq!(export["definition"]["yaml_content"], CHAIN);
    assert_eq!((&export["definition"]["name"], &export["definition"]["version"]), (&json!("chain"), &json!("1")));
    assert_eq!(export["definition"]["id"], export["execution"]["process_id"]);
    for (at, step) in ["write", "review", "send"].into_iter().enumerate() {
        assert_eq!(export["steps"][at], get(&format!("/steps/{step}")).await, "{step}");
        assert_eq!(export["outputs"][step], get(&format!("/steps/{step}/output")).await["output"], "{step}");
    }
    let approvals = export["approvals"].as_array().unwrap();
    assert_eq!(approvals.len(), 1);
    assert_eq!((&approvals[0]["status"], &approvals[0]["decided_by"]), (&json!("approved"), &json!("ann")));

    server.get(format!("/api/executions/{UNKNOWN}/export")).by(&ann).send().await.problem(404, "not_found");
    server.get("/api/executions/x/export").by(&ann).send().await.problem(400, "bad_id");
    let vic = server.user("vic", "viewer").await;
    server.get(format!("{path}/export")).by(&vic).send().await.problem(404, "not_found");
}

#[tokio::test(start_paused = true)]
async fn a_version_tells_what_its_executions_have_cost() {
    let server = server().await;
    let (ann, vic) = (server.user("ann", "operator").await, server.user("vic", "viewer").await);
    let process = server.stage.publish("{name: p, steps: [{id: a, agent: writer, message: x}]}").await;
    let path = format!("/api/processes/{process}/cost-stats");
    let none = server.get(&path).by(&ann).send().await.ok(200);
    let zero = json!({"amount": "0", "currency": "USD", "complete": true});
    assert_eq!(
        none,
        json!({
            "process_id": process, "process_name": "p", "execution_count": 0, "completed_count": 0,
            "executions_with_cost": 0, "total_cost": "$0.00", "average_cost": "$0.00", "min_cost": "$0.00",
            "max_cost": "$0.00", "exact_total_cost": zero, "exact_average_cost": zero, "exact_min_cost": zero,
            "exact_max_cost": zero,
        })
    );
    for user in ["ann", "vic"] {
        let by = procession_application::access::Principal::at_terminal(user);
        let id = server.stage.start_by(&by, process, json!({})).await;
        server.stage.until_ended(id).await;
    }
    let costs = server.get(&path).by(&ann).send().await.ok(200);
    assert_eq!((&costs["execution_count"], &costs["completed_count"]), (&json!(2), &json!(2)));
    assert_eq!((&costs["total_cost"], &costs["average_cost"]), (&json!("$0.02"), &json!("$0.01")));
    assert_eq!(costs["exact_total_cost"], json!({"amount": "0.0246", "currency": "USD", "complete": true}));
    assert_eq!(costs["exact_average_cost"]["amount"], "0.0123");
    assert_eq!(
        (&costs["min_cost"], &costs["max_cost"], &costs["executions_with_cost"]),
        (&json!("$0.01"), &json!("$0.01"), &json!(2))
    );
    // A viewer learns of their own executions only.
    assert_eq!(server.get(&path).by(&vic).send().await.ok(200)["execution_count"], 1);
    let unknown = server.get(format!("/api/processes/{UNKNOWN}/cost-stats")).by(&ann).send().await;
    assert_eq!(unknown.problem(404, "not_found"), "Process definition not found");
    server.get("/api/processes/x/cost-stats").by(&ann).send().await.problem(400, "bad_id");
}

#[tokio::test(start_paused = true)]
async fn triggers_belong_to_the_version_published_or_activated_last() {
    let server = server().await;
    let dora = server.user("dora", "designer").await;
    let yaml = |version: u32| format!("{{name: p, version: {version}, steps: [{{id: a, agent: writer, message: x}}]}}");
    let (first, second) = (server.stage.publish(&yaml(1)).await, server.stage.publish(&yaml(2)).await);
    let active = async |id| server.get(format!("/api/processes/{id}")).by(&dora).send().await.ok(200)["active"].clone();
    assert_eq!((active(first).await, active(second).await), (json!(false), json!(true)));
    let activate = async |id: &str| server.post(format!("/api/processes/{id}/activate")).by(&dora).send().await;
    let activated = activate(&first.to_string()).await;
    assert_eq!(activated.ok(200)["active"], true);
    assert!(activated.header("etag").is_some());
    assert_eq!((active(first).await, active(second).await), (json!(true), json!(false)));
    server.post(format!("/api/processes/{first}/archive")).json(&json!({})).by(&dora).send().await.ok(200);
    assert_eq!((active(first).await, active(second).await), (json!(false), json!(false)));
    let refused = activate(&first.to_string()).await.problem(409, "conflict");
    assert_eq!(refused, "Cannot activate process in 'archived' status. Only PUBLISHED processes can be activated.");
    assert_eq!(activate(UNKNOWN).await.problem(404, "not_found"), "Process not found");
    assert_eq!(activate("x").await.problem(400, "bad_id"), "Invalid process ID format");
}
