//! Executions: started, looked at, steered.

use std::time::Duration;

use axum::http::HeaderName;
use insta::assert_json_snapshot;
use procession_application::ApplicationSettings;
use procession_domain::value::{ErrorCode, ExecutionId, Json, ProcessId};
use procession_testing::{Answer, Line};
use serde_json::json;

use crate::support::{Reply, Server, lasting};

const HELLO: &str = "
name: hello
labels: {team: press}
input: {name: {type: string, required: true}, mood: {type: string, default: good}}
steps:
  - {id: greet, agent: writer, message: 'Hello {{input.name}} in {{input.mood}} mood'}
  - {id: loud, agent: writer, message: '{{steps.greet.output}}!', depends_on: [greet]}
  - {id: never, agent: writer, message: x, condition: '1 > 2'}
outputs:
  - {name: greeting, source: '{{steps.loud.response}}'}
";

const SLOW: &str = "{name: slow, steps: [{id: nap, type: timer, duration: 1h}, {id: after, agent: writer, message: x, depends_on: [nap]}]}";

const FRAIL: &str = "{name: frail, steps: [{id: first, agent: writer, message: one}, {id: second, agent: frail, message: two, depends_on: [first], retry: {max_attempts: 1}}]}";

/// A server with an agent that fails once and then answers.
async fn server() -> Server {
    let cost = Answer::Reply { text: "<{message}>".into(), cost: Some("0.0123".parse().unwrap()), tokens: None };
    let frail = vec![Line::fail(ErrorCode::AgentError), Line::reply("now it works")];
    Server::with(vec![("writer", vec![Line::new(cost)]), ("frail", frail)], Server::settings()).await
}

fn execute(process: ProcessId) -> String {
    format!("/api/processes/{process}/execute")
}

fn id_of(reply: &Json) -> ExecutionId {
    reply["id"].as_str().unwrap().parse().unwrap()
}

fn path(id: ExecutionId) -> String {
    format!("/api/executions/{id}")
}

#[tokio::test(start_paused = true)]
async fn a_process_is_started_by_either_path_and_runs_to_its_end() {
    let server = server().await;
    let ann = server.user("ann", "operator").await;
    let process = server.stage.publish(HELLO).await;
    for (start, body) in [
        (execute(process), json!({"input": {"name": "Ben"}, "labels": {"by": "test"}})),
        (format!("/api/executions/processes/{process}/execute"), json!({"input_data": {"name": "Ben"}})),
    ] {
        let reply = server.post(&start).json(&body).by(&ann).send().await;
        let started = reply.ok(201);
        assert_eq!((&started["status"], &started["triggered_by"]), (&json!("pending"), &json!("api")));
        assert_eq!(started["input_data"], json!({"name": "Ben", "mood": "good"}));
        assert_eq!(started["output_data"], json!({}));
        let id = id_of(&started);
        assert_eq!(reply.header("location"), Some(path(id).as_str()));
        server.stage.until_ended(id).await;
        let shown = server.get(path(id)).by(&ann).send().await.ok(200);
        assert_eq!(shown["output_data"], json!({"greeting": "<<Hello Ben in good mood>!>"}));
        if start.starts_with("/api/processes") {
            assert_json_snapshot!("completed", lasting(&shown));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_repeated_start_with_the_same_key_is_one_start() {
    let server = server().await;
    let ann = server.user("ann", "operator").await;
    let process = server.stage.publish(HELLO).await;
    let start = async |name: &str, key: &str| -> Reply {
        let key_header = HeaderName::from_static("idempotency-key");
        let body = json!({"input": {"name": name}});
        server.post(execute(process)).json(&body).header(key_header, key).by(&ann).send().await
    };
    let first = start("Ben", "k1").await.ok(201);
    let second = start("Ben", "k1").await.ok(200);
    assert_eq!(first["id"], second["id"]);
    start("Eve", "k1").await.problem(409, "idempotency_key_reused");
    assert_ne!(start("Ben", "k2").await.ok(201)["id"], first["id"]);
    start("Ben", &"k".repeat(256)).await.problem(422, "invalid_query");
    assert_eq!(server.get("/api/executions").by(&ann).send().await.ok(200)["total"], 2);
}

#[tokio::test(start_paused = true)]
async fn input_that_does_not_fit_is_refused_field_by_field() {
    let server = server().await;
    let ann = server.user("ann", "operator").await;
    let process = server.stage.publish(HELLO).await;
    let refused = server.post(execute(process)).json(&json!({"input": {"mood": 7}})).by(&ann).send().await;
    let detail = refused.problem(422, "invalid_input");
    assert!(detail.contains("`name`") && detail.contains("`mood`"), "{detail}");
    assert_eq!(refused.ok(422)["errors"].as_array().unwrap().len(), 2);
    let empty = server.post(execute(process)).by(&ann).send().await;
    empty.problem(422, "invalid_input");
    let both = json!({"input": {"name": "a"}, "input_data": {"name": "b"}});
    server.post(execute(process)).json(&both).by(&ann).send().await.problem(422, "invalid_body");
    assert_eq!(server.get("/api/executions").by(&ann).send().await.ok(200)["total"], 0);
}

#[tokio::test(start_paused = true)]
async fn members_that_a_start_does_not_have_are_refused_with_what_may_be_meant() {
    let server = server().await;
    let ann = server.user("ann", "operator").await;
    let process = server.stage.publish(HELLO).await;
    for (body, field, words) in [
        (json!({"inputs": {"name": "Ben"}}), "inputs", "did you mean `input`?"),
        (json!({"input": {"name": "Ben"}, "lables": {}}), "lables", "did you mean `labels`?"),
        (json!({"data": {"name": "Ben"}}), "data", "did you mean `input`?"),
        (json!({"name": "Ben"}), "name", "{\"input\": {\"name\": …}}"),
    ] {
        let refused = server.post(execute(process)).json(&body).by(&ann).send().await;
        refused.problem(422, "invalid_body");
        let errors = &refused.ok(422)["errors"];
        let message = errors[0]["message"].as_str().unwrap();
        assert!(errors[0]["field"] == field && message.contains(words), "{body}: {errors}");
    }
    assert_eq!(server.get("/api/executions").by(&ann).send().await.ok(200)["total"], 0);
}

#[tokio::test(start_paused = true)]
async fn whole_numbers_of_any_length_keep_their_digits() {
    let server = server().await;
    let ann = server.user("ann", "operator").await;
    let process = server
        .stage
        .publish("name: p\nsteps: [{id: w, type: agent_task, agent: writer, message: \"{{input.id}}\"}]\n")
        .await;
    let body = br#"{"input": {"id": 12345678901234567890123}}"#;
    let started = server.post(execute(process)).body("application/json", body).by(&ann).send().await.ok(201);
    assert_eq!(started["input_data"]["id"], "12345678901234567890123");
}

#[tokio::test(start_paused = true)]
async fn only_published_versions_start() {
    let server = server().await;
    let (ann, root) = (server.user("ann", "operator").await, server.user("root", "admin").await);
    let draft = server.post("/api/processes").json(&json!({"yaml_content": HELLO})).by(&root).send().await.ok(201);
    let start = format!("/api/processes/{}/execute", draft["id"].as_str().unwrap());
    let refused = server.post(&start).json(&json!({"input": {"name": "x"}})).by(&ann).send().await;
    assert_eq!(refused.problem(409, "conflict"), "Process is not published (status: draft)");
    let unknown = server.post("/api/processes/0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33/execute").by(&ann).send().await;
    assert_eq!(unknown.problem(404, "not_found"), "Process definition not found");
}

#[tokio::test(start_paused = true)]
async fn a_user_starts_so_many_a_minute() {
    let settings = ApplicationSettings { starts_per_minute: 1, ..ApplicationSettings::default() };
    let server = Server::with_application(vec![("writer", vec![])], Server::settings(), settings).await;
    let ann = server.user("ann", "operator").await;
    let process = server.stage.publish(SLOW).await;
    server.post(execute(process)).by(&ann).send().await.ok(201);
    let refused = server.post(execute(process)).by(&ann).send().await;
    refused.problem(429, "rate_limited");
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() <= 60);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_start_does_not_count_as_one() {
    let settings = ApplicationSettings { starts_per_minute: 2, ..ApplicationSettings::default() };
    let server = Server::with_application(vec![("writer", vec![])], Server::settings(), settings).await;
    let ann = server.user("ann", "operator").await;
    let process = server.stage.publish(SLOW).await;
    let key = HeaderName::from_static("idempotency-key");
    let start = |value: &str| server.post(execute(process)).header(key.clone(), value).by(&ann);
    let first = start("one").send().await.ok(201);
    for _ in 0..3 {
        assert_eq!(start("one").send().await.ok(200)["id"], first["id"]);
    }
    start("two").send().await.ok(201);
    // Where nothing new may start, what has started is still told.
    assert_eq!(start("one").send().await.ok(200)["id"], first["id"]);
    let other = start("one").json(&json!({"labels": {"a": "b"}})).send().await;
    other.problem(409, "idempotency_key_reused");
    start("three").send().await.problem(429, "rate_limited");
    server.post(execute(process)).by(&ann).send().await.problem(429, "rate_limited");
}

#[tokio::test(start_paused = true)]
async fn executions_are_listed_by_all_filters_together() {
    let server = server().await;
    let ann = server.user("ann", "operator").await;
    let (hello, slow) = (server.stage.publish(HELLO).await, server.stage.publish(SLOW).await);
    let body = json!({"input": {"name": "Ben"}, "triggered_by": "a script", "labels": {"case": "7"}});
    let done = id_of(&server.post(execute(hello)).json(&body).by(&ann).send().await.ok(201));
    server.stage.until_ended(done).await;
    let open = id_of(&server.post(execute(slow)).by(&ann).send().await.ok(201));
    server.stage.until(open, |execution| execution.status().as_str() == "running").await;
    let found = async |query: &str| -> Vec<ExecutionId> {
        let page = server.get(format!("/api/executions?{query}")).by(&ann).send().await.ok(200);
        assert_eq!(page["total"], page["executions"].as_array().unwrap().len(), "{query}");
        page["executions"].as_array().unwrap().iter().map(id_of).collect()
    };
    let (none, both): (&[ExecutionId], &[ExecutionId]) = (&[], &[open, done]);
    for (query, wanted) in [
        ("", both),
        ("status=&process_id=&limit=", both),
        ("sort=oldest", &[done, open]),
        ("status=completed", &[done]),
        ("status=completed,running", both),
        ("status=skipped", none),
        (&format!("process_id={slow}"), &[open]),
        (&format!("process_id={slow}&status=completed"), none),
        (&format!("process_id={}", slow.to_string().to_uppercase().replace('-', "")), none),
        ("process_name=hello", &[done]),
        ("triggered_by=a script", &[done]),
        ("label=case", &[done]),
        ("label=team=press", &[done]),
        ("label=team=other", none),
        ("q=slo", &[open]),
        (&format!("q={done}"), &[done]),
        (&format!("parent_id={done}"), none),
        ("started_after=2020-01-01T00:00:00Z&started_before=2020-01-02T00:00:00%2B00:00", none),
        ("started_after=2020-01-01T00:00:00Z", both),
        ("waiting_for=person", none),
    ] {
        assert_eq!(found(&query.replace(' ', "%20")).await, wanted, "{query}");
    }
    let page = server.get("/api/executions?limit=1").by(&ann).send().await.ok(200);
    assert_eq!((&page["total"], &page["limit"], &page["offset"]), (&json!(2), &json!(1), &json!(0)));
    let cursor = page["next_cursor"].as_str().unwrap();
    assert_eq!(
        server.get(format!("/api/executions?limit=1&cursor={cursor}")).by(&ann).send().await.ok(200)["total"],
        2
    );
    assert_json_snapshot!(
        "listed",
        lasting(&server.get("/api/executions?status=completed").by(&ann).send().await.ok(200))
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_tells_how_far_executions_are_and_for_what_they_wait_when_asked() {
    let server = server().await;
    let ann = server.user("ann", "operator").await;
    let (hello, slow) = (server.stage.publish(HELLO).await, server.stage.publish(SLOW).await);
    let done =
        id_of(&server.post(execute(hello)).json(&json!({"input": {"name": "Ben"}})).by(&ann).send().await.ok(201));
    server.stage.until_ended(done).await;
    let open = id_of(&server.post(execute(slow)).by(&ann).send().await.ok(201));
    server.stage.until(open, |execution| !execution.waiting_for(8).is_empty()).await;
    let rows = server.get("/api/executions?with=progress").by(&ann).send().await.ok(200)["executions"].clone();
    assert_eq!(rows[0]["progress"], json!({"ended": 0, "steps": 2}));
    assert_eq!(
        (&rows[0]["waiting_for"][0]["for"], &rows[0]["waiting_for"][0]["step_id"]),
        (&json!("timer"), &json!("nap"))
    );
    assert_eq!((rows[1].get("progress"), rows[1].get("waiting_for")), (None, None));
    let plain = server.get("/api/executions").by(&ann).send().await.ok(200);
    assert_eq!(plain["executions"][0].get("progress"), None);
    server.get("/api/executions?with=all").by(&ann).send().await.problem(422, "invalid_query");
    server.get("/api/executions?waiting_for=rain").by(&ann).send().await.problem(422, "invalid_query");
    let body = json!({"action": "cancel", "filter": {"waiting_for": "rain"}, "dry_run": true});
    server.post("/api/executions/bulk").json(&body).by(&ann).send().await.problem(422, "invalid_body");
}

#[tokio::test(start_paused = true)]
async fn viewers_see_their_own_executions_and_only_those() {
    let server = server().await;
    let (vic, ann) = (server.user("vic", "viewer").await, server.user("ann", "operator").await);
    let own = server.execution_of(SLOW, "vic").await;
    let process = server.stage.execution(own).await.creation().process.id;
    let other = id_of(&server.post(execute(process)).by(&ann).send().await.ok(201));
    let listed = server.get("/api/executions").by(&vic).send().await.ok(200);
    assert_eq!((&listed["total"], id_of(&listed["executions"][0])), (&json!(1), own));
    let unknown = server.get(path(process_as_execution(process))).by(&vic).send().await;
    for part in ["", "/events", "/costs", "/steps/nap", "/steps/nap/output", "/stream"] {
        if !part.ends_with("output") && !part.ends_with("stream") {
            server.get(path(own) + part).by(&vic).send().await.ok(200);
        }
        // As if it did not exist: nothing tells it from one that does not.
        let refused = server.get(path(other) + part).by(&vic).send().await;
        assert_eq!(refused.problem(404, "not_found"), unknown.problem(404, "not_found"), "{part}");
    }
    let mine = |query: &str| server.get(format!("/api/executions?{query}")).by(&vic);
    for query in [format!("process_id={process}"), format!("q={other}"), format!("parent_id={other}")] {
        let listed = mine(&query).send().await.ok(200);
        let executions = listed["executions"].as_array().unwrap();
        assert!(executions.iter().all(|row| id_of(row) == own), "{query}: {listed}");
        assert_eq!(listed["total"], executions.len(), "{query}");
    }
}

/// The id of nothing that runs.
fn process_as_execution(process: ProcessId) -> ExecutionId {
    ExecutionId::new(process.uuid())
}

#[tokio::test(start_paused = true)]
async fn a_key_of_a_viewer_shows_its_executions_only_with_the_scope_for_that() {
    let server = server().await;
    server.user("vic", "viewer").await;
    let own = server.execution_of(SLOW, "vic").await;
    let key = async |scope: &str| {
        let scopes = vec![scope.to_owned()];
        server.stage.access.create_key(&server.stage.system, "vic", "k", scopes).await.unwrap().0
    };
    let (views, reads) = (key("execution:view").await, key("process:read").await);
    server.get(path(own)).by(&views).send().await.ok(200);
    assert_eq!(server.get("/api/executions").by(&views).send().await.ok(200)["total"], 1);
    for hidden in [path(own), path(own) + "/events", "/api/executions".to_owned()] {
        let refused = server.get(hidden).by(&reads).send().await.problem(403, "forbidden");
        assert_eq!(refused, "the API key is limited to scopes without execution:view");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_execution_says_who_did_it_and_why() {
    let server = server().await;
    let ann = server.user("ann", "operator").await;
    let id = server.execution_of(SLOW, "ann").await;
    server.stage.until(id, |execution| execution.status().as_str() == "running").await;
    let cancel = json!({"reason": "no longer needed"});
    let cancelled = server.post(path(id) + "/cancel").json(&cancel).by(&ann).send().await.ok(200);
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(cancelled["output_data"], json!({"cancelled_reason": "Cancelled by ann: no longer needed"}));
    let nap = &cancelled["steps"][0];
    assert_eq!(
        (&nap["status"], &nap["state"], &nap["skip_reason"]),
        (&json!("skipped"), &json!("cancelled"), &json!("cancelled"))
    );
    let again = server.post(path(id) + "/cancel").by(&ann).send().await;
    assert_eq!(again.problem(409, "conflict"), "Cannot cancel execution in status: cancelled");
    server
        .post(path(id) + "/cancel")
        .json(&json!({"compensate": "yes"}))
        .by(&ann)
        .send()
        .await
        .problem(422, "invalid_body");
}

#[tokio::test(start_paused = true)]
async fn an_execution_is_paused_and_goes_on() {
    let server = server().await;
    let ann = server.user("ann", "operator").await;
    let id = server.execution_of(SLOW, "ann").await;
    server.stage.until(id, |execution| execution.status().as_str() == "running").await;
    let command = async |name: &str| server.post(format!("{}/{name}", path(id))).by(&ann).send().await;
    let shown = server.get(path(id)).by(&ann).send().await.ok(200);
    assert_eq!((&shown["steps"][0]["status"], &shown["steps"][0]["state"]), (&json!("running"), &json!("waiting")));
    assert_eq!(shown["steps"][0]["waiting_for"]["for"], "timer");
    command("resume").await.problem(409, "conflict");
    let paused = command("pause").await.ok(200);
    assert_eq!((&paused["status"], &paused["waiting_for"][0]["for"]), (&json!("paused"), &json!("operator")));
    command("pause").await.problem(409, "conflict");
    assert_eq!(command("resume").await.ok(200)["status"], "running");
    assert_eq!(server.stage.until_ended(id).await.status().as_str(), "completed");
    command("pause").await.problem(409, "conflict");
}

#[tokio::test(start_paused = true)]
async fn a_command_to_a_stopped_engine_is_taken_and_reported_as_pending() {
    let server = server().await;
    let ann = server.user("ann", "operator").await;
    let id = server.execution_of(SLOW, "ann").await;
    server.stage.until(id, |execution| execution.status().as_str() == "running").await;
    server.stage.engine.halt();
    let taken = server.post(path(id) + "/cancel").by(&ann).send().await.ok(202);
    assert_eq!((&taken["pending_command"], &taken["status"]), (&json!("cancel"), &json!("running")));
    server.post(path(id) + "/cancel").by(&ann).send().await.problem(409, "command_waiting");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shown_retried_and_put_aside() {
    let server = server().await;
    let ann = server.user("ann", "operator").await;
    let id = server.execution_of(FRAIL, "ann").await;
    server.stage.until_ended(id).await;
    let failed = server.get(path(id)).by(&ann).send().await.ok(200);
    assert_eq!(failed["status"], "failed");
    assert_eq!(
        failed["error"],
        json!({"code": "AGENT_ERROR", "message": failed["output_data"]["error"], "step_id": "second"})
    );
    assert_eq!((&failed["steps"][1]["error"]["attempt"], &failed["steps"][1]["retry_count"]), (&json!(1), &json!(1)));

    let put_aside = server.post(path(id) + "/dismiss").by(&ann).send().await.ok(200);
    assert!(put_aside["dismissed_at"].is_string());
    let back = server.post(path(id) + "/dismiss").json(&json!({"dismissed": false})).by(&ann).send().await.ok(200);
    assert!(back["dismissed_at"].is_null());

    let reply = server.post(path(id) + "/retry").json(&json!({"from": "failed"})).by(&ann).send().await;
    let retried = reply.ok(201);
    assert_eq!((&retried["retry_of"], &retried["triggered_by"]), (&json!(id), &json!("retry")));
    let new = id_of(&retried);
    assert_eq!(reply.header("location"), Some(path(new).as_str()));
    server.stage.until_ended(new).await;
    let calls = server.stage.agents.calls().len();
    server
        .post(path(id) + "/retry")
        .json(&json!({"from": "middle"}))
        .by(&ann)
        .send()
        .await
        .problem(422, "invalid_body");
    let whole = id_of(&server.post(path(id) + "/retry").by(&ann).send().await.ok(201));
    server.stage.until_ended(whole).await;
    assert_eq!(server.stage.agents.calls().len(), calls + 2, "a retry from the start runs both steps again");
}

#[tokio::test(start_paused = true)]
async fn what_has_not_failed_is_neither_retried_nor_put_aside() {
    let server = server().await;
    let ann = server.user("ann", "operator").await;
    let id = server.execution_of(SLOW, "ann").await;
    server.stage.until_ended(id).await;
    let retry = server.post(path(id) + "/retry").by(&ann).send().await;
    assert_eq!(retry.problem(409, "conflict"), "Can only retry failed or cancelled executions (status: completed)");
    let dismiss = server.post(path(id) + "/dismiss").by(&ann).send().await;
    assert_eq!(dismiss.problem(409, "conflict"), "Can only dismiss failed executions (status: completed)");
}

#[tokio::test(start_paused = true)]
async fn a_step_shows_its_attempts_what_it_was_asked_and_its_output() {
    let server = server().await;
    let ann = server.user("ann", "operator").await;
    let process = server.stage.publish(HELLO).await;
    let start = json!({"input": {"name": "Ben"}});
    let id = id_of(&server.post(execute(process)).json(&start).by(&ann).send().await.ok(201));
    server.stage.until_ended(id).await;
    let get = async |part: &str| server.get(path(id) + part).by(&ann).send().await;
    assert_json_snapshot!("step", lasting(&get("/steps/greet").await.ok(200)));
    let skipped = get("/steps/never").await.ok(200);
    assert_eq!((&skipped["skip_reason"], &skipped["condition"]["result"]), (&json!("condition_false"), &json!(false)));
    assert_eq!(get("/steps/greet?attempt=1").await.ok(200)["input"], get("/steps/greet").await.ok(200)["input"]);
    get("/steps/greet?attempt=2").await.problem(404, "not_found");
    get("/steps/greet?attempt=0").await.problem(422, "invalid_query");
    assert_eq!(get("/steps/nobody").await.problem(404, "not_found"), "Step not found");
    assert_eq!(get("/steps/No%20Body").await.problem(400, "bad_id"), "Invalid step ID format");

    let output = get("/steps/greet/output").await.ok(200);
    assert_eq!(output["output"]["response"], "<Hello Ben in good mood>");
    assert_eq!(
        get("/steps/never/output").await.ok(200),
        json!({"output": {"skipped_reason": "Condition not met: 1 > 2"}})
    );
    assert_eq!(get("/steps/nobody/output").await.problem(404, "not_found"), "Step output not found");
    assert_json_snapshot!("costs", lasting(&get("/costs").await.ok(200)));
}

#[tokio::test(start_paused = true)]
async fn events_are_told_from_the_first_in_order() {
    let server = server().await;
    let ann = server.user("ann", "operator").await;
    let process = server.stage.publish(HELLO).await;
    let start = json!({"input": {"name": "Ben"}});
    let id = id_of(&server.post(execute(process)).json(&start).by(&ann).send().await.ok(201));
    server.stage.until_ended(id).await;
    let events = server.get(path(id) + "/events").by(&ann).send().await.ok(200);
    let sequence: Vec<u64> =
        events.as_array().unwrap().iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequence, (1..=sequence.len() as u64).collect::<Vec<_>>());
    let names: Vec<&str> =
        events.as_array().unwrap().iter().map(|event| event["event_type"].as_str().unwrap()).collect();
    assert_eq!((names[0], *names.last().unwrap()), ("ExecutionCreated", "ProcessCompleted"));
    let completed = events.as_array().unwrap().iter().find(|event| event["event_type"] == "StepCompleted").unwrap();
    let mut completed = lasting(completed);
    completed["id"] = json!("[number]");
    completed["sequence"] = json!("[number]");
    assert_json_snapshot!("step_completed", completed);
    let part = server.get(path(id) + "/events?offset=1&limit=2").by(&ann).send().await.ok(200);
    assert_eq!(part.as_array().unwrap()[..], events.as_array().unwrap()[1..3]);
    server.get(path(id) + "/events?limit=1001").by(&ann).send().await.problem(422, "invalid_query");
    let unknown = "/api/executions/0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33/events";
    assert_eq!(server.get(unknown).by(&ann).send().await.problem(404, "not_found"), "Execution not found");
}

#[tokio::test(start_paused = true)]
async fn a_long_output_is_previewed_in_events_and_whole_by_its_path() {
    let long = "ä".repeat(5_000);
    let server = Server::with(vec![("writer", vec![Line::reply(long.clone())])], Server::settings()).await;
    let ann = server.user("ann", "operator").await;
    let id = server.execution_of("{name: long, steps: [{id: a, agent: writer, message: x}]}", "ann").await;
    server.stage.until_ended(id).await;
    let events = server.get(path(id) + "/events").by(&ann).send().await.ok(200);
    let completed = events.as_array().unwrap().iter().find(|event| event["event_type"] == "StepCompleted").unwrap();
    assert!(completed["output"].to_string().len() < 5_000, "{completed}");
    let url = completed["output_ref"]["url"].as_str().unwrap();
    assert_eq!(server.get(url).by(&ann).send().await.ok(200)["output"]["response"], long);
}

#[tokio::test(start_paused = true)]
async fn the_server_says_how_it_stands() {
    let server = server().await;
    let (ann, root) = (server.user("ann", "operator").await, server.user("root", "admin").await);
    server
        .stage
        .publish(
            "{name: one-at-a-time, config: {max_concurrent_instances: 1}, steps: [{id: a, agent: writer, message: x}]}",
        )
        .await;
    let recovery = server.get("/api/executions/recovery/status").by(&ann).send().await.ok(200);
    assert_eq!((&recovery["status"], &recovery["counts"]["total"]), (&json!("completed"), &json!(0)));
    let limits = server.get("/api/executions/limits/status").by(&root).send().await.ok(200);
    assert_eq!(limits["global"], json!({"current": 0, "limit": 1000}));
    assert_eq!(limits["process_overrides"], json!({"one-at-a-time": 1}));
    let refused = server.get("/api/executions/limits/status").by(&ann).send().await;
    assert_eq!(refused.problem(403, "forbidden"), "Admin access required");
    let agents = server.get("/api/agents").by(&ann).send().await.ok(200);
    assert_eq!(agents[1]["name"], "writer");
    assert_eq!(agents[1]["status"], "running");
    tokio::time::advance(Duration::from_secs(1)).await;
}
