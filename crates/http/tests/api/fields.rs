//! Fields that the existing frontend reads, also those that its old API never sent (spec 4b 16).

use procession_domain::value::{ErrorCode, ExecutionId, Json};
use procession_testing::Line;
use serde_json::json;

use crate::support::Server;

const CHOICES: &str = "
name: choices
input: {score: {type: integer}}
steps:
  - id: pick
    type: gateway
    routes:
      - {condition: 'input.score >= 90', target: best}
      - {condition: 'input.score >= 50', target: good}
      - {condition: 'input.score >= 10', target: fair}
    default_route: fair
  - {id: best, agent: writer, message: best}
  - {id: after-best, agent: writer, message: more, depends_on: [best]}
  - {id: good, agent: writer, message: good}
  - {id: fair, agent: writer, message: fair}
  - {id: rare, agent: writer, message: x, depends_on: [good], condition: 'input.score > 70'}
  - {id: nap, type: timer, duration: 90m}
";

/// A step that fails twice with an error that is passed over, and one that helps if there is an error of another.
const FRAIL: &str = "
name: frail
steps:
  - {id: weak, agent: frail, message: x, on_error: skip_step, retry: {max_attempts: 2, initial_delay: 1s}}
  - {id: strong, agent: writer, message: x, on_error: {action: goto_step, target_step: help}}
  - {id: help, agent: writer, message: x}
";

async fn shown(server: &Server, id: ExecutionId, part: &str) -> Json {
    let ann = server.user("ann", "operator").await;
    server.get(format!("/api/executions/{id}{part}")).by(&ann).send().await.ok(200)
}

/// A step of an execution by its id.
fn step<'a>(execution: &'a Json, id: &str) -> &'a Json {
    execution["steps"].as_array().unwrap().iter().find(|step| step["step_id"] == id).unwrap()
}

async fn ended(server: &Server, yaml: &str, input: Json) -> ExecutionId {
    let process = server.stage.publish(yaml).await;
    let id = server.stage.start(process, input).await;
    server.stage.until_ended(id).await;
    id
}

#[tokio::test(start_paused = true)]
async fn a_step_that_did_not_run_says_why_in_words() {
    let server = Server::start().await;
    let id = ended(&server, CHOICES, json!({"score": 60})).await;
    let execution = shown(&server, id, "").await;
    let why = |name: &str| step(&execution, name)["output"]["skipped_reason"].as_str().unwrap().to_owned();
    assert_eq!(why("rare"), "Condition not met: input.score > 70 (input.score = 60)");
    let elsewhere = "The gateway `pick` went to `good` instead";
    assert_eq!(why("best"), format!("{elsewhere}; condition not met: input.score >= 90 (input.score = 60)"));
    // The gateway had stopped looking before it came to this one.
    assert_eq!(why("fair"), elsewhere);
    assert_eq!(why("after-best"), "No step that leads to it ran");
    assert_eq!(step(&execution, "rare")["skip_reason"], "condition_false");
    assert_eq!(step(&execution, "good")["output"], Json::Null);
    let output = shown(&server, id, "/steps/rare/output").await;
    assert_eq!(output["output"], step(&execution, "rare")["output"]);
}

#[tokio::test(start_paused = true)]
async fn what_failed_and_was_passed_over_says_so() {
    let fails = vec![Line::fail(ErrorCode::AgentError); 2];
    let server = Server::with(vec![("writer", vec![]), ("frail", fails)], Server::settings()).await;
    let execution = shown(&server, ended(&server, FRAIL, json!({})).await, "").await;
    let why = step(&execution, "weak")["output"]["skipped_reason"].as_str().unwrap();
    assert!(why.starts_with("It failed and was passed over (on_error: skip_step): "), "{why}");
    assert_eq!(step(&execution, "help")["output"]["skipped_reason"], "There was no error for it to handle");
}

#[tokio::test(start_paused = true)]
async fn steps_that_an_end_kept_from_running_say_whose_end() {
    let fails = vec![Line::fail(ErrorCode::AgentError)];
    let server = Server::with(vec![("frail", fails)], Server::settings()).await;
    let yaml = "{name: p, steps: [{id: a, agent: frail, message: x, retry: {max_attempts: 1}}, {id: nap, type: timer, duration: 1h}, {id: b, agent: frail, message: x, depends_on: [a]}]}";
    let execution = shown(&server, ended(&server, yaml, json!({})).await, "").await;
    assert_eq!(step(&execution, "b")["output"]["skipped_reason"], "`a` failed before it could run");
    assert_eq!(step(&execution, "nap")["output"]["skipped_reason"], "It was ended because the execution failed");
    let ann = server.user("ann", "operator").await;
    let id = server.execution_of("{name: q, steps: [{id: nap, type: timer, duration: 1h}]}", "ann").await;
    server.post(format!("/api/executions/{id}/cancel")).by(&ann).send().await.ok(200);
    let execution = shown(&server, id, "").await;
    assert_eq!(step(&execution, "nap")["output"]["skipped_reason"], "The execution was cancelled by ann");
}

#[tokio::test(start_paused = true)]
async fn beside_every_attempt_stands_how_many_there_are_at_most() {
    let fails = vec![Line::fail(ErrorCode::AgentError); 2];
    let server = Server::with(vec![("writer", vec![]), ("frail", fails)], Server::settings()).await;
    let id = ended(&server, FRAIL, json!({})).await;
    let mut told = 0;
    for event in shown(&server, id, "/events").await.as_array().unwrap() {
        if event.get("attempt").is_some() {
            let most = if event["step_id"] == "weak" { 2 } else { 3 };
            assert_eq!(event["max_attempts"], most, "{event}");
            told += 1;
        }
    }
    assert!(told >= 4, "{told}");
    let execution = shown(&server, id, "").await;
    assert_eq!(step(&execution, "weak")["max_attempts"], 2);
    let detail = shown(&server, id, "/steps/weak").await;
    let attempt = &detail["attempts"][0];
    assert_eq!((&attempt["max_attempts"], &attempt["error"]["max_attempts"]), (&json!(2), &json!(2)));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_tells_the_condition_of_its_route_and_a_timer_its_delay() {
    let server = Server::start().await;
    let id = ended(&server, CHOICES, json!({"score": 60})).await;
    let output = shown(&server, id, "/steps/pick/output").await;
    assert_eq!(
        (&output["output"]["route"], &output["output"]["condition"]),
        (&json!("good"), &json!("input.score >= 50"))
    );
    assert_eq!(shown(&server, id, "/steps/nap/output").await["output"]["delay_formatted"], "1h30m");
    let process = shown(&server, id, "").await["process_id"].as_str().unwrap().parse().unwrap();
    let by_default = server.stage.start(process, json!({"score": 1})).await;
    server.stage.until_ended(by_default).await;
    let output = shown(&server, by_default, "/steps/pick/output").await;
    assert_eq!((&output["output"]["is_default"], &output["output"]["condition"]), (&json!(true), &Json::Null));
}

#[tokio::test(start_paused = true)]
async fn the_version_has_the_fields_that_existing_clients_ask_for() {
    let server = Server::start().await;
    let version = server.get("/api/version").send().await.ok(200);
    let number = version["version"].as_str().unwrap();
    assert_eq!(version["platform"], "procession");
    assert_eq!(version["components"], json!({"backend": number, "agent_server": null, "base_image": null}));
    assert_eq!((&version["runtimes"], &version["voice_enabled"]), (&json!([]), &json!(false)));
    assert!(version["build_date"].is_string() || version["build_date"].is_null());
}
