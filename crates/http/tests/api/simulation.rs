//! Playing a process through: what would happen is told, and nothing does.

use procession_application::ports::{ApprovalFilter, PageStart, Paging};
use procession_domain::value::{Duration, Json};
use procession_testing::{Answer, Line};
use serde_json::json;

use crate::support::{Reply, Server};

const ARTICLE: &str = "
name: article
input: {topic: {type: string, required: true}}
steps:
  - id: research
    agent: writer
    message: 'Sources about {{input.topic}}'
    output_schema: {type: object, required: [score], properties: {score: {type: integer, minimum: 1}}}
  - id: choose
    type: gateway
    depends_on: [research]
    routes: [{condition: 'steps.research.output.score >= 8', target: write}]
    default_route: give-up
  - {id: write, agent: writer, message: 'Write with {{steps.research.output.score}}'}
  - {id: give-up, type: notification, channel: slack, message: 'No luck with {{input.topic}}', webhook_url: 'https://hooks.example.org/secret'}
  - {id: review, type: human_approval, title: 'Publish {{input.topic}}?', assignees: [ann], depends_on: [write], on_changes_requested: {rerun: write, max: 2}}
  - {id: nap, type: timer, duration: 2h, depends_on: [review]}
  - {id: call, type: sub_process, process_name: inner, depends_on: [nap], input_mapping: {word: '{{input.topic}}'}}
outputs:
  - {name: text, source: '{{steps.write.response}}'}
";

const INNER: &str = "
name: inner
input: {word: {type: string}}
steps: [{id: shout, agent: writer, message: '{{input.word}}!'}]
outputs: [{name: loud, source: '{{steps.shout.response}}'}]
";

/// A server with a writer that takes half a minute and some money.
async fn server() -> Server {
    let answer = Answer::Reply { text: "{\"score\": 9}".into(), cost: Some("0.01".parse().unwrap()), tokens: None };
    let line = Line { after: Duration::from_secs(30), ..Line::new(answer) };
    Server::with(vec![("writer", vec![line])], Server::settings()).await
}

async fn simulate(server: &Server, process: &str, body: &Json) -> Reply {
    let dora = server.user("dora", "designer").await;
    server.post(format!("/api/processes/{process}/simulate")).json(body).by(&dora).send().await
}

/// A draft of the article; what it calls is published.
async fn draft(server: &Server) -> String {
    server.stage.publish(INNER).await;
    let made = server.stage.definitions.create(&server.stage.system, ARTICLE.to_owned()).await.unwrap();
    made.process.id().to_string()
}

fn step<'a>(simulated: &'a Json, id: &str) -> &'a Json {
    simulated["steps"].as_array().unwrap().iter().find(|step| step["step_id"] == id).unwrap()
}

fn messages(simulated: &Json) -> Vec<&str> {
    simulated["sent"].as_array().unwrap().iter().map(|sent| sent["message"].as_str().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_simulation_tells_the_way_the_messages_and_the_outputs() {
    let server = server().await;
    let process = draft(&server).await;
    let body = json!({"input": {"topic": "tides"}, "replies": {"research": {"score": 9}, "write": "An article."}});
    let simulated = simulate(&server, &process, &body).await.ok(200);
    assert_eq!((&simulated["status"], &simulated["error"]), (&json!("completed"), &Json::Null));
    assert_eq!(simulated["path"], json!(["research", "choose", "write", "review", "nap", "call"]));
    assert_eq!(messages(&simulated), ["Sources about tides", "Write with 9", "tides!"]);
    let inner = &simulated["sent"][2];
    assert_eq!(
        (&inner["within"], &inner["step_id"], &inner["agent"]),
        (&json!(["call"]), &json!("shout"), &json!("writer"))
    );
    assert_eq!(simulated["output_data"], json!({"text": "An article."}));
    assert_eq!(step(&simulated, "give-up")["state"], "skipped");
    let why = step(&simulated, "give-up")["output"]["skipped_reason"].as_str().unwrap();
    assert!(why.starts_with("The gateway `choose` went to `write` instead"), "{why}");
    let asked = &simulated["approvals"][0];
    assert_eq!((&asked["title"], &asked["assignees"]), (&json!("Publish tides?"), &json!(["ann"])));
    assert_eq!(asked["decision"], "approve");
    assert_eq!(step(&simulated, "nap")["completed_after_seconds"], 7200.0);
    // Nothing ran before, so that only the timer's time is known.
    let estimate = &simulated["estimate"];
    assert_eq!((&estimate["duration_seconds"], &estimate["duration_complete"]), (&json!(7200.0), &json!(false)));
    assert_eq!((&estimate["calls_without_cost"], &estimate["exact_cost"]["complete"]), (&json!(3), &json!(false)));
}

#[tokio::test(start_paused = true)]
async fn nothing_leaves_the_server() {
    let server = server().await;
    let process = draft(&server).await;
    let newest = server.stage.ports.stores.feed.newest().await.unwrap();
    let audit = server.stage.ports.stores.audit.ever().await.unwrap();
    server.user("dora", "designer").await;
    let before = server.stage.ports.stores.audit.ever().await.unwrap();
    for body in
        [json!({"input": {"topic": "x"}}), json!({"input": {"topic": "x"}, "replies": {"research": {"score": 1}}})]
    {
        let simulated = simulate(&server, &process, &body).await.ok(200);
        assert_eq!(simulated["status"], "completed", "{simulated}");
        assert!(!simulated["sent"].as_array().unwrap().is_empty());
    }
    server.stage.pass(Duration::from_secs(86_400)).await;
    assert!(before >= audit && server.stage.ports.stores.audit.ever().await.unwrap() == before);
    assert_eq!(server.stage.agents.calls().len(), 0, "no call");
    assert_eq!(server.stage.messages.sent().len(), 0, "no message");
    assert_eq!(server.stage.ports.stores.feed.newest().await.unwrap(), newest, "no event");
    let ann = server.user("ann", "operator").await;
    assert_eq!(server.get("/api/executions").by(&ann).send().await.ok(200)["total"], 0, "no row");
    let all = Paging { limit: 10, start: PageStart::Offset(0) };
    let approvals = server.stage.ports.stores.approvals.approvals(&ApprovalFilter::default(), &all).await.unwrap();
    assert_eq!(approvals.total, 0, "no question");
    let blobs = server.stage.ports.stores.blobs.list("executions/").await.unwrap();
    assert!(blobs.is_empty(), "no value: {blobs:?}");
}

#[tokio::test(start_paused = true)]
async fn earlier_runs_tell_what_it_would_take() {
    let server = server().await;
    let yaml =
        "{name: two, steps: [{id: a, agent: writer, message: x}, {id: b, agent: writer, message: y, depends_on: [a]}]}";
    let process = server.stage.publish(yaml).await;
    let id = server.stage.start(process, json!({})).await;
    server.stage.until_ended(id).await;
    let simulated = simulate(&server, &process.to_string(), &json!({})).await.ok(200);
    assert_eq!(
        simulated["estimate"],
        json!({
            "duration_seconds": 60.0, "duration_complete": true, "calls_without_duration": 0, "total_cost": "$0.02",
            "exact_cost": {"amount": "0.02", "currency": "USD", "complete": true}, "calls_without_cost": 0,
        })
    );
    let second = &simulated["sent"][1];
    assert_eq!((&second["after_seconds"], &second["takes_seconds"]), (&json!(30.0), &json!(30.0)));
    assert_eq!(second["cost"]["amount"], "0.01");
}

#[tokio::test(start_paused = true)]
async fn people_and_agents_do_what_the_request_says() {
    let server = server().await;
    let process = draft(&server).await;
    let given = |more: Json| {
        let mut body = json!({"input": {"topic": "x"}, "replies": {"research": {"score": 9}}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let run = async |more: Json| simulate(&server, &process, &given(more)).await.ok(200);
    let again = run(json!({"decisions": {"review": ["request_changes", "approve"]}})).await;
    assert_eq!((&again["status"], again["approvals"].as_array().unwrap().len()), (&json!("completed"), 2));
    assert_eq!(messages(&again).iter().filter(|message| message.starts_with("Write")).count(), 2);

    let rejected = run(json!({"decisions": {"review": ["reject"]}})).await;
    assert_eq!((&rejected["status"], &rejected["error"]["code"]), (&json!("failed"), &json!("APPROVAL_REJECTED")));
    let expired = run(json!({"decisions": {"review": ["expire"]}})).await;
    assert_eq!(expired["status"], "failed");
    assert_eq!(expired["estimate"]["duration_seconds"], 86_400.0);

    let failed = run(json!({"failures": {"write": "AGENT_ERROR"}})).await;
    assert_eq!((&failed["status"], &failed["error"]["step_id"]), (&json!("failed"), &json!("write")));
    assert_eq!(step(&failed, "write")["attempts"], 3);
    let misfit = run(json!({"replies": {"research": "no JSON"}})).await;
    assert_eq!(misfit["error"]["code"], "OUTPUT_SCHEMA_MISMATCH");
    // What stands in for a reply fits the schema; its score is too low for the first route.
    let bare = simulate(&server, &process, &json!({"input_data": {"topic": "x"}})).await.ok(200);
    assert_eq!(messages(&bare), ["Sources about x", "No luck with x"]);
    let sent = &bare["sent"][1];
    assert_eq!((&sent["kind"], &sent["channels"]), (&json!("notification"), &json!(["slack"])));
    assert!(!bare.to_string().contains("hooks.example.org"), "where it would go is a secret");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_refused() {
    let server = server().await;
    let process = draft(&server).await;
    let refused = async |body: Json| simulate(&server, &process, &body).await;
    let empty = refused(json!({})).await;
    assert!(empty.problem(422, "invalid_input").contains("`topic`"));
    let input = json!({"topic": "x"});
    refused(json!({"input": input, "replies": {"nobody": "x"}})).await.problem(422, "invalid_value");
    refused(json!({"input": input, "replies": {"No Body": "x"}})).await.problem(422, "invalid_body");
    refused(json!({"input": input, "failures": {"write": "NONSENSE"}})).await.problem(422, "invalid_body");
    refused(json!({"input": input, "decisions": {"review": ["perhaps"]}})).await.problem(422, "invalid_body");
    refused(json!({"input": input, "input_data": {}})).await.problem(422, "invalid_body");
    let dora = server.user("dora", "designer").await;
    let post = async |path: &str| server.post(path).by(&dora).send().await;
    let unknown = post("/api/processes/0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33/simulate").await;
    assert_eq!(unknown.problem(404, "not_found"), "Process definition not found");
    post("/api/processes/x/simulate").await.problem(400, "bad_id");
    let otto = server.user("otto", "user").await;
    let forbidden = server.post(format!("/api/processes/{process}/simulate")).by(&otto).send().await;
    assert_eq!(forbidden.problem(403, "forbidden"), "Role process_operator does not have process:create permission");
}
