//! All six step types: back-off, an approval, a timer, a child with its own approval, a notification, and, for every
//! second execution, a failure that rolls back.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::State, http::HeaderMap, routing::post};
use procession_tests::client::Client;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{history, rounds::World};

/// Agents of so many names, since an agent of the platform takes three tasks at a time.
const VARIANTS: usize = 6;

const PROCESS: &str = r#"
name: everything-VARIANT
version: 1
steps:
  - id: prepare
    type: agent_task
    agent: clerk-VARIANT
    message: "prepare {{input.number}}"
    retry: {max_attempts: 3, initial_delay: 300ms, backoff: fixed}
    compensation: {type: agent_task, agent: clerk-VARIANT, message: "undo {{input.number}}"}
  - id: ask
    type: human_approval
    title: "May {{input.number}} go on?"
    assignees: [admin]
    depends_on: [prepare]
  - id: pause
    type: timer
    duration: 700ms
    depends_on: [prepare]
  - id: choose
    type: gateway
    depends_on: [ask, pause]
    routes:
      - {condition: "input.number % 2 == 0", target: delegate}
    default_route: doomed
  - id: delegate
    type: sub_process
    process_name: part-of-everything-VARIANT
    input_mapping: {number: "{{input.number}}"}
  - id: tell
    type: notification
    channel: webhook
    url: "RECEIVER"
    message: "done: {{input.number}}"
    depends_on: [delegate]
  - id: doomed
    type: agent_task
    agent: doomed-VARIANT
    message: "fail {{input.number}}"
    retry: {max_attempts: 1}
outputs:
  - {name: part, source: "{{steps.delegate.output.result.answer}}"}
"#;

const PART: &str = r#"
name: part-of-everything-VARIANT
version: 1
steps:
  - {id: work, type: agent_task, agent: worker-VARIANT, message: "work on {{input.number}}"}
  - {id: sign, type: human_approval, title: Sign, assignees: [admin], depends_on: [work]}
outputs:
  - {name: answer, source: "{{steps.work.output.response}}"}
"#;

/// The agents: the first attempt of each `prepare` fails, and `doomed` always does.
fn plan() -> String {
    let mut plan = "agents:\n".to_owned();
    for variant in 0..VARIANTS {
        let agents = [
            ("clerk", "[{when: '/prepare/1]', ends: failed, error: not yet, delay: 10}, {delay: 30}]"),
            ("worker", "[{delay: 30}]"),
            ("doomed", "[{ends: failed, error: never}]"),
        ];
        for (name, rules) in agents {
            let _ = writeln!(plan, "  {name}-{variant}: {{capacity: 100, rules: {rules}}}");
        }
    }
    plan
}

/// The delivery ids that a receiver of webhooks has seen, and how often.
type Deliveries = Arc<Mutex<BTreeMap<String, usize>>>;

async fn receiver() -> (String, Deliveries) {
    async fn receive(State(deliveries): State<Deliveries>, headers: HeaderMap) {
        let id = headers.get("webhook-id").map_or("", |id| id.to_str().unwrap()).to_owned();
        *deliveries.lock().unwrap().entry(id).or_default() += 1;
    }
    let deliveries = Deliveries::default();
    let router = Router::new().route("/hook", post(receive)).with_state(Arc::clone(&deliveries));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
    (url, deliveries)
}

/// Approves whatever is asked. The server may be gone at any moment: then it is asked again.
async fn approve_all(client: Client) {
    loop {
        if let Ok((_, Value::Array(pending))) = client.send(Method::GET, "/api/approvals?status=pending", None).await {
            for approval in pending {
                let path = format!("/api/approvals/{}/approve", approval["id"].as_str().unwrap());
                // Refused if the vote that got no answer was counted after all.
                let _ = client.send(Method::POST, &path, Some(&json!({"comment": ""}))).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_type_survives_kill_9() {
    let (receiver, deliveries) = receiver().await;
    let mut world = World::new(&plan(), |options| options.with("outgoing.allow", "127.0.0.1")).await;
    let mut processes = Vec::new();
    for variant in 0..VARIANTS {
        let settle = |yaml: &str| yaml.replace("VARIANT", &variant.to_string()).replace("RECEIVER", &receiver);
        world.client().publish(&settle(PART)).await.unwrap();
        processes.push(world.client().publish(&settle(PROCESS)).await.unwrap());
    }
    world.random().shuffle(&mut processes);
    let (even, odd) = (BTreeMap::from([("prepare", 2)]), BTreeMap::from([("prepare", 3), ("doomed", 1)]));
    let check = |detail: &Value, events: &[Value], calls: &[procession_tests::platform::Call]| {
        history::is_sound(events);
        let id = detail["id"].as_str().unwrap();
        let number = detail["input_data"]["number"].as_u64().unwrap();
        let count = |name: &str| events.iter().filter(|event| event["event_type"] == name).count();
        assert_eq!(count("ApprovalDecided"), 1, "{events:#?}");
        if number.is_multiple_of(2) {
            assert_eq!(detail["status"], "completed", "{detail:#}");
            assert_eq!(detail["output_data"], json!({"part": format!("work on {number}")}));
            assert_eq!((count("ChildStarted"), count("ChildCompleted"), count("CompensationStarted")), (1, 1, 0));
            history::asked_once_each(id, events, calls, &even);
        } else {
            assert_eq!(detail["status"], "failed", "{detail:#}");
            assert_eq!(detail["error"]["step_id"], "doomed", "{detail:#}");
            assert_eq!((count("CompensationStarted"), count("CompensationCompleted")), (1, 1), "{events:#?}");
            history::asked_once_each(id, events, calls, &odd);
        }
    };
    world.play(&processes, approve_all, check).await;
    // A delivery that was under way at a kill may come twice, under the same id; none may be missing.
    let deliveries = deliveries.lock().unwrap();
    assert!(!deliveries.is_empty() && !deliveries.contains_key(""), "{deliveries:?}");
}
