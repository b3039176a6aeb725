//! Agents that are informed of a step, and those that watch over it.

use procession_application::{
    access::Principal,
    ports::{AgentTask, DeliveryKind, DeliveryState},
};
use procession_domain::value::{ErrorCode, Json};
use procession_testing::{Answer, Line};
use serde_json::json;

use crate::support::{House, settings};

fn process(roles: &str) -> String {
    format!(
        "{{name: report, steps: [{{id: write, name: Write it, agent: writer, message: x, roles: {roles}, \
         retry: {{max_attempts: 2, initial_delay: 1s}}}}]}}"
    )
}

/// What an agent was told, in order.
fn told(house: &House, agent: &str) -> Vec<Json> {
    let calls = house.stage.agents.calls().into_iter().map(|call| call.task);
    let tellings = calls.filter(|task: &AgentTask| task.agent == agent && task.key.starts_with("delivery/"));
    tellings.map(|task| serde_json::from_str(&task.message).unwrap()).collect()
}

fn event_types(told: &[Json]) -> Vec<&str> {
    told.iter().map(|message| message["event_type"].as_str().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_informed_agent_hears_once_that_a_step_completed() {
    let house = House::usual().await;
    let id = house.stage.publish(&process("{informed: [watcher]}")).await;
    let execution = house.stage.start(id, json!({})).await;
    let [row] = house.settled().await.try_into().unwrap();
    assert_eq!(
        (row.kind, row.state, row.target.as_str()),
        (DeliveryKind::Informed, DeliveryState::Delivered, "watcher")
    );
    let [message] = told(&house, "watcher").try_into().unwrap();
    assert_eq!((&message["type"], &message["event_type"]), (&json!("informed_notification"), &json!("step_completed")));
    assert_eq!((&message["process_name"], &message["execution_id"]), (&json!("report"), &json!(execution)));
    assert_eq!((&message["step_id"], &message["step_name"]), (&json!("write"), &json!("Write it")));
    assert_eq!((&message["output_summary"], &message["event_id"]), (&json!("All is well"), &json!(row.event_id)));
    assert_eq!(message["metadata"]["process_version"], "1");
}

#[tokio::test(start_paused = true)]
async fn a_summary_has_at_most_500_characters() {
    let long = "ä".repeat(3_000);
    let agents = [("writer", vec![Line::reply(&long)]), ("watcher", vec![Line::reply("seen")])];
    let house = House::with(&agents, settings()).await;
    let id = house.stage.publish(&process("{informed: [watcher]}")).await;
    house.stage.start(id, json!({})).await;
    house.settled().await;
    let message = &told(&house, "watcher")[0];
    let summary = message["output_summary"].as_str().unwrap();
    assert!(summary.chars().count() == 500 && summary.starts_with("äää"), "{summary}");
}

#[tokio::test(start_paused = true)]
async fn monitors_hear_of_retries_and_failures_and_the_informed_of_the_end() {
    let failing = vec![Line::fail(ErrorCode::AgentError)];
    let agents = [("writer", failing), ("watcher", vec![]), ("reader", vec![])];
    let house = House::with(&agents, settings()).await;
    let id = house.stage.publish(&process("{monitors: [watcher], informed: [reader]}")).await;
    house.stage.start(id, json!({})).await;
    house.settled().await;
    assert_eq!(event_types(&told(&house, "watcher")), ["step_retrying", "step_failed"]);
    assert_eq!(event_types(&told(&house, "reader")), ["step_failed"]);
    let message = &told(&house, "watcher")[0];
    assert_eq!(message["type"], "monitor_notification");
    assert_eq!((&message["metadata"]["attempt"], &message["metadata"]["will_retry"]), (&json!(1), &json!(true)));
    assert_eq!(message["metadata"]["error"]["code"], "AGENT_ERROR");
}

#[tokio::test(start_paused = true)]
async fn monitors_hear_of_a_time_out() {
    let house = House::with(&[("writer", vec![Line::new(Answer::Silence)]), ("watcher", vec![])], settings()).await;
    let yaml =
        "{name: report, steps: [{id: write, agent: writer, message: x, timeout: 5s, roles: {monitors: [watcher]}}]}";
    let id = house.stage.publish(yaml).await;
    house.stage.start(id, json!({})).await;
    house.settled().await;
    assert_eq!(event_types(&told(&house, "watcher")), ["step_timed_out", "step_failed"]);
}

#[tokio::test(start_paused = true)]
async fn monitors_hear_of_a_roll_back() {
    let agents = [
        ("writer", vec![Line::reply("done")]),
        ("broken", vec![Line::fail(ErrorCode::AccessDenied)]),
        ("watcher", vec![]),
    ];
    let house = House::with(&agents, settings()).await;
    let yaml = "
name: report
steps:
  - {id: write, agent: writer, message: x, roles: {monitors: [watcher]}, compensation: {agent: writer, message: undo}}
  - {id: send, agent: broken, message: x, depends_on: write}
";
    let id = house.stage.publish(yaml).await;
    house.stage.start(id, json!({})).await;
    house.settled().await;
    assert_eq!(event_types(&told(&house, "watcher")), ["compensation_completed"]);
}

#[tokio::test(start_paused = true)]
async fn a_filter_leaves_only_what_it_names() {
    let failing = vec![Line::fail(ErrorCode::AgentError), Line::reply("done")];
    let house = House::with(&[("writer", failing), ("watcher", vec![])], settings()).await;
    let id = house.stage.publish(&process("{informed: [{agent: watcher, events: [step_retrying]}]}")).await;
    house.stage.start(id, json!({})).await;
    house.settled().await;
    assert_eq!(event_types(&told(&house, "watcher")), ["step_retrying"]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_agent_is_undeliverable_and_never_touches_the_step() {
    let house = House::usual().await;
    let id = house.stage.publish(&process("{informed: [nobody]}")).await;
    let execution = house.stage.start(id, json!({})).await;
    let [row] = house.settled().await.try_into().unwrap();
    assert_eq!((row.state, row.attempts), (DeliveryState::Undeliverable, 1));
    assert!(row.last_error.is_some());
    assert_eq!(house.stage.until_ended(execution).await.status().as_str(), "completed");
}

#[tokio::test(start_paused = true)]
async fn a_busy_agent_is_told_when_it_has_time() {
    let busy = procession_domain::value::Duration::from_secs(60);
    let agents = [("writer", vec![Line::reply("done")]), ("watcher", vec![Line::new(Answer::Busy(busy))])];
    let house = House::with(&agents, settings()).await;
    let id = house.stage.publish(&process("{informed: [watcher]}")).await;
    house.stage.start(id, json!({})).await;
    house.stage.pass(procession_domain::value::Duration::from_secs(600)).await;
    let [row] = house.all().await.try_into().unwrap();
    assert!(row.state == DeliveryState::Retrying && row.attempts > 5, "being busy is no failure: {row:?}");
    house.stage.agents.rewrite([("watcher".to_owned(), vec![Line::reply("seen")])].into());
    assert_eq!(house.settled().await[0].state, DeliveryState::Delivered);
}

#[tokio::test(start_paused = true)]
async fn what_an_agent_was_told_can_be_asked_for() {
    let house = House::usual().await;
    let id = house.stage.publish(&process("{informed: [watcher]}")).await;
    let vic = house.stage.person("vic", "viewer").await;
    let of_vic = house.stage.start_by(&Principal::of_library("vic", ["operator"]), id, json!({})).await;
    let other = house.stage.start(id, json!({})).await;
    for execution in [of_vic, other] {
        house.stage.until_ended(execution).await;
    }
    let read = async |by: &Principal, after| {
        let events = house.stage.deliveries.agent_events(by, "watcher", after, 10).await.unwrap();
        let executions: Vec<Json> = events.iter().map(|event| event.message["execution_id"].clone()).collect();
        (executions, events.first().map(|event| event.number))
    };
    let (both, first) = read(&house.stage.system, 0).await;
    assert_eq!(both, [json!(of_vic), json!(other)]);
    assert_eq!(read(&house.stage.system, first.unwrap()).await.0, [json!(other)]);
    assert_eq!(read(&vic, 0).await.0, [json!(of_vic)]);
    let itself = house.stage.person("watcher", "viewer").await;
    assert_eq!(read(&itself, 0).await.0.len(), 2);
}
