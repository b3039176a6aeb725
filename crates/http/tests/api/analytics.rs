//! Figures, over what one may see (spec 4b 9).

use procession_domain::value::{Duration, ErrorCode};
use procession_testing::{Answer, Line};
use serde_json::{Value as Json, json};

use crate::{shapes::has_shape, support::Server};

const TRENDS: &str = "days: integer, daily_trends: list, total_executions: integer, total_completed: integer,
    total_failed: integer, overall_success_rate: number, total_cost: money, exact_cost: object";

const DAY: &str = "date: text, execution_count: integer, completed_count: integer, failed_count: integer,
    total_cost: number, exact_cost: object, success_rate: number";

const METRICS: &str = "process_id: id, process_name: text, execution_count: integer, completed_count: integer,
    failed_count: integer, running_count: integer, success_rate: number, average_duration_seconds: number|null,
    average_cost: money|null, total_cost: money, exact_cost: object, min_duration_seconds: number|null,
    max_duration_seconds: number|null, min_cost: money|null, max_cost: money|null";

const STEP: &str = "step_id: text, step_name: text, process_name: text, execution_count: integer,
    average_duration_seconds: number|null, total_cost: money, exact_cost: object, average_cost: money|null,
    failure_rate: number";

/// A server on which `report` ran twice for `vic`, well and badly, and once for `ann`, who still waits.
async fn busy() -> (Server, String, [String; 2]) {
    let reply = Answer::Reply { text: "done".into(), cost: Some("0.125".parse().unwrap()), tokens: None };
    let agents = vec![
        ("writer", vec![Line::new(reply).after(Duration::from_secs(10))]),
        ("broken", vec![Line::fail(ErrorCode::AccessDenied)]),
    ];
    let server = Server::with(agents, Server::settings()).await;
    let tokens = [server.user("vic", "viewer").await, server.user("root", "admin").await];
    let report = "{name: report, steps: [{id: write, agent: writer, message: x}]}";
    let id = server.execution_of(report, "vic").await;
    server.stage.until_ended(id).await;
    let process = server.stage.execution(id).await.creation().process.id.to_string();
    let broken = "{name: broken, steps: [{id: try, agent: broken, message: x}]}";
    server.stage.until_ended(server.execution_of(broken, "vic").await).await;
    let asking = "{name: asking, steps: [{id: review, type: human_approval, title: Well?}]}";
    let asks = server.execution_of(asking, "ann").await;
    server.stage.open_approval(asks, "review").await;
    (server, process, tokens)
}

#[tokio::test(start_paused = true)]
async fn trends_are_told_day_by_day() {
    let (server, process, [vic, root]) = busy().await;
    let trends = server.get("/api/processes/analytics/trends?days=7").by(&root).send().await.ok(200);
    has_shape(&trends, TRENDS);
    let days = trends["daily_trends"].as_array().unwrap();
    assert_eq!((days.len(), &days[0]["date"], &days[7]["date"]), (8, &json!("2027-01-08"), &json!("2027-01-15")));
    for day in days {
        has_shape(day, DAY);
    }
    assert_eq!(days[7]["execution_count"], 3);
    assert_eq!(
        (&trends["total_executions"], &trends["total_completed"], &trends["total_failed"]),
        (&json!(3), &json!(1), &json!(1))
    );
    assert_eq!((&trends["overall_success_rate"], &trends["total_cost"]), (&json!(50.0), &json!("$0.12")));
    // The failed call may have cost something too.
    assert_eq!(trends["exact_cost"], json!({"amount": "0.125", "currency": "USD", "complete": false}));
    let own = server.get("/api/processes/analytics/trends").by(&vic).send().await.ok(200);
    assert_eq!((&own["days"], &own["total_executions"]), (&json!(30), &json!(2)), "a viewer's own");
    let one = format!("/api/processes/analytics/trends?process_id={process}");
    assert_eq!(server.get(one).by(&root).send().await.ok(200)["total_executions"], 1);
    let named = "/api/processes/analytics/trends?process_name=asking";
    assert_eq!(server.get(named).by(&root).send().await.ok(200)["total_executions"], 1);
    for (query, status, code) in
        [("process_id=x", 400, "bad_id"), ("days=0", 422, "invalid_query"), ("days=366", 422, "invalid_query")]
    {
        server.get(format!("/api/processes/analytics/trends?{query}")).by(&root).send().await.problem(status, code);
    }
}

#[tokio::test(start_paused = true)]
async fn processes_have_their_figures() {
    let (server, process, [vic, root]) = busy().await;
    let all = server.get("/api/processes/analytics/all?days=90").by(&root).send().await.ok(200);
    let processes = all["processes"].as_array().unwrap();
    let names: Vec<&Json> = processes.iter().map(|metrics| &metrics["process_name"]).collect();
    assert_eq!(names, ["asking", "broken", "report"], "the last changed first");
    for metrics in processes {
        has_shape(metrics, METRICS);
    }
    assert_eq!((&processes[0]["running_count"], &processes[0]["average_duration_seconds"]), (&json!(1), &Json::Null));
    assert_eq!((&processes[1]["success_rate"], &processes[1]["average_cost"]), (&json!(0.0), &Json::Null));
    let one = server.get(format!("/api/processes/{process}/analytics")).by(&vic).send().await.ok(200);
    assert_eq!(one, processes[2]);
    assert_eq!((&one["average_duration_seconds"], &one["max_cost"]), (&json!(10.0), &json!("$0.12")));
    let of_others = server.get("/api/processes/analytics/all").by(&vic).send().await.ok(200);
    assert_eq!(of_others["processes"][0]["execution_count"], 0, "others' executions are not counted");
    let unknown = "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33";
    server.get(format!("/api/processes/{unknown}/analytics")).by(&vic).send().await.problem(404, "not_found");
    let ill = server.get("/api/processes/x/analytics").by(&vic).send().await.problem(400, "bad_id");
    assert_eq!(ill, "Invalid process ID format");
}

#[tokio::test(start_paused = true)]
async fn steps_are_told_by_time_and_cost() {
    let (server, _, [vic, root]) = busy().await;
    let steps = server.get("/api/executions/analytics/steps").by(&vic).send().await.ok(200);
    let slowest = steps["slowest_steps"].as_array().unwrap();
    assert_eq!(slowest.len(), 1);
    has_shape(&slowest[0], STEP);
    assert_eq!((&slowest[0]["step_id"], &slowest[0]["average_duration_seconds"]), (&json!("write"), &json!(10.0)));
    assert_eq!(steps["most_expensive_steps"], json!([slowest[0]]));
    assert_eq!((&slowest[0]["total_cost"], &slowest[0]["failure_rate"]), (&json!("$0.12"), &json!(0.0)));
    for query in ["limit=0", "limit=51", "days=x"] {
        let path = format!("/api/executions/analytics/steps?{query}");
        server.get(path).by(&root).send().await.problem(422, "invalid_query");
    }
}
