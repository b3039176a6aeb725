//! Figures, over what one may see (spec 4b 9).

use procession_domain::value::{Duration, ErrorCode};
use procession_testing::{Answer, Line};
use serde_json::{Value as Json, json};

use crate::{shapes::has_shape, support::Server};

const TRENDS: &str =
    "days: integer, timezone: text, daily_trends: list, total_executions: integer, total_completed: integer,
    total_failed: integer, overall_success_rate: number, total_cost: money, exact_cost: object,
    average: number|null, p50: number|null, p95: number|null,
    waiting_seconds: number|null, working_seconds: number|null, cancelled_count: integer, input_tokens: integer,
    output_tokens: integer";

const DAY: &str = "date: text, execution_count: integer, completed_count: integer, failed_count: integer,
    total_cost: number, exact_cost: object, success_rate: number, average: number|null, p50: number|null, p95: number|null,
    waiting_seconds: number|null, working_seconds: number|null, cancelled_count: integer, input_tokens: integer,
    output_tokens: integer";

const METRICS: &str =
    "process_id: id, process_name: text, version: text, execution_count: integer, completed_count: integer,
    failed_count: integer, running_count: integer, success_rate: number, average_duration_seconds: number|null,
    average_cost: money|null, total_cost: money, exact_cost: object, min_duration_seconds: number|null,
    max_duration_seconds: number|null, min_cost: money|null, max_cost: money|null,
    average: number|null, p50: number|null, p95: number|null,
    waiting_seconds: number|null, working_seconds: number|null, cancelled_count: integer, input_tokens: integer,
    output_tokens: integer";

const STEP: &str = "step_id: text, step_name: text, process_name: text, execution_count: integer,
    average_duration_seconds: number|null, working_seconds: number, waiting_seconds: number, total_cost: money,
    exact_cost: object, average_cost: money|null, failure_rate: number";

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

#[tokio::test(start_paused = true)]
async fn durations_tell_work_from_waiting() {
    let (server, _, [_, root]) = busy().await;
    let asking = "{name: patient, steps: [
        {id: write, agent: writer, message: x},
        {id: nap, type: timer, duration: 30s, depends_on: [write]}]}";
    server.stage.until_ended(server.execution_of(asking, "ann").await).await;
    let path = "/api/processes/analytics/all?process_name=patient";
    let one = &server.get(path).by(&root).send().await.ok(200)["processes"][0];
    assert_eq!((&one["average"], &one["working_seconds"]), (&json!(40.0), &json!(10.0)));
    assert_eq!(one["waiting_seconds"], 30.0);
    for part in ["p50", "p95"] {
        let told = one[part].as_f64().unwrap();
        assert!((told - 40.0).abs() < 40.0 / 60.0, "{part} {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_is_asked_for_by_dates_of_a_zone() {
    let (server, _, [_, root]) = busy().await;
    let trends = async |query: &str| {
        let path = format!("/api/processes/analytics/trends?{query}");
        server.get(path).by(&root).send().await.ok(200)
    };
    let one = trends("from=2027-01-15&to=2027-01-15").await;
    assert_eq!((&one["days"], one["daily_trends"].as_array().unwrap().len()), (&json!(1), 1));
    assert_eq!(one["total_executions"], 3);
    let before = trends("from=2027-01-10&to=2027-01-14").await;
    assert_eq!((&before["total_executions"], before["daily_trends"].as_array().unwrap().len()), (&json!(0), 5));
    let far = trends("from=2027-01-14&timezone=Pacific/Auckland&process_name=report&version=1").await;
    assert_eq!((&far["timezone"], &far["total_executions"]), (&json!("Pacific/Auckland"), &json!(1)));
    for (query, status) in [
        ("timezone=Mars/Olympus", 422),
        ("from=yesterday", 422),
        ("from=2027-01-15&to=2027-01-14", 422),
        ("version=1", 422),
        ("process_name=nothing", 404),
        ("process_name=report&version=9", 404),
    ] {
        let path = format!("/api/processes/analytics/trends?{query}");
        assert_eq!(server.get(path).by(&root).status().await.as_u16(), status, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn figures_are_exported_as_a_table() {
    let (server, _, [vic, root]) = busy().await;
    let reply = server.get("/api/analytics/export.csv?days=7").by(&root).send().await;
    assert_eq!(reply.header("content-type"), Some("text/csv; charset=utf-8"));
    let text = reply.text.as_str();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert!(lines[0].starts_with("date,process_name,version,executions,"), "{}", lines[0]);
    assert_eq!(lines.len(), 4);
    assert!(
        lines.contains(&"2027-01-15,report,1,1,1,0,0,0,100.0,10.000,10.000,10.000,0.000,10.000,0.125,USD,true,0,0"),
        "{text}"
    );
    let own = server.get("/api/analytics/export.csv").by(&vic).send().await.text;
    assert_eq!(own.lines().count(), 3, "a viewer's own");
}

#[tokio::test(start_paused = true)]
async fn the_dashboard_is_each_persons_own() {
    let (server, _, [vic, root]) = busy().await;
    let shown = server.get("/api/dashboard").by(&root).send().await.ok(200);
    let shape = "active: integer, pending: integer, waiting_for_people: integer, approvals_for_me: integer,
        failed_24h: integer, runs_24h: integer, success_24h: number|null, cost_24h: money|null, exact_cost_24h: object,
        next_runs: list, needs_attention: list, health: list";
    has_shape(&shown, shape);
    assert_eq!((&shown["active"], &shown["runs_24h"], &shown["failed_24h"]), (&json!(1), &json!(3), &json!(1)));
    assert_eq!((&shown["success_24h"], &shown["waiting_for_people"]), (&json!(50.0), &json!(1)));
    let kinds: Vec<&Json> =
        shown["needs_attention"].as_array().unwrap().iter().map(|attention| &attention["kind"]).collect();
    assert_eq!(kinds, ["failed"]);
    let names: Vec<&Json> = shown["health"].as_array().unwrap().iter().map(|health| &health["process_name"]).collect();
    assert_eq!(names.len(), 3);
    let broken = shown["health"].as_array().unwrap().iter().find(|health| health["process_name"] == "broken").unwrap();
    assert_eq!((&broken["success"], &broken["cost"]), (&json!(0.0), &Json::Null), "nothing known is not $0");
    let own = server.get("/api/dashboard").by(&vic).send().await.ok(200);
    assert_eq!((&own["active"], &own["runs_24h"]), (&json!(0), &json!(2)));
}
