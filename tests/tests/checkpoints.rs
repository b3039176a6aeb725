//! The checkpoints at which each phase of the platform is accepted, one test each, named after them: what people do by hand
//! there is done here from outside, with the real program. What pages show is asked of the API that they ask.

#![cfg(test)]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode};
use futures::{SinkExt as _, StreamExt as _};
use procession_tests::{
    client::{Client, http},
    server::{Server, ServerOptions},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

const AGENTS: &str = r#"
agents:
  researcher: {kind: script, replies: [{reply: "three facts", cost: "0.012", tokens: {input: 100, output: 20}}]}
  writer:
    kind: script
    replies:
      - {when: "from: three facts", reply: "a text of three facts", cost: "0.018", tokens: {input: 50, output: 30}}
      - {reply: "I got nothing"}
  critic: {kind: script, replies: [{reply: '{"score": 91}', cost: "0.004"}]}
  slow: {kind: script, replies: [{reply: done, delay: 1s}]}
  broken: {kind: script, replies: [{reply: never, fail: {code: AGENT_UNAVAILABLE}}]}
  observer: {kind: echo}
"#;

const THREE_STEPS: &str = r#"
name: three-steps
version: 1
description: Research, write, judge.
steps:
  - id: research
    type: agent_task
    agent: researcher
    message: "Find facts about {{input.topic}}."
  - id: write
    type: agent_task
    depends_on: [research]
    agent: writer
    message: "Write about {{input.topic}} from: {{steps.research.output}}"
  - id: judge
    type: agent_task
    depends_on: [write]
    agent: critic
    message: "Judge {{execution.id}}: {{steps.write.output.response}}"
outputs:
  - {name: report, source: "{{steps.write.output.response}}"}
  - {name: score, source: "{{steps.judge.output.score}}"}
"#;

struct World {
    _server: Server,
    client: Client,
    _folder: tempfile::TempDir,
}

/// A server with agents that answer at once.
async fn world() -> World {
    world_that_reaches("").await
}

/// The same, which may also reach this host.
async fn world_that_reaches(host: &str) -> World {
    let folder = tempfile::tempdir().unwrap();
    let agents = folder.path().join("agents.yaml");
    std::fs::write(&agents, AGENTS).unwrap();
    let options = ServerOptions::on(&folder.path().join("data")).with("agents.file", agents.to_str().unwrap());
    let options = if host.is_empty() { options } else { options.with("outgoing.allow", host) };
    let server = options.start().unwrap();
    let client = Client::log_in(server.url()).await.unwrap();
    World { _server: server, client, _folder: folder }
}

impl World {
    /// Publishes a process, runs it to its end; its detail.
    async fn run(&self, yaml: &str, input: &Value) -> Value {
        let process = self.client.publish(yaml).await.unwrap();
        let execution = self.client.execute(&process, input).await.unwrap();
        self.client.ended(&execution).await.unwrap()
    }

    /// Waits for something to be there.
    async fn until(&self, path: &str, is_there: impl Fn(&Value) -> bool) -> Value {
        self.within(Duration::from_mins(1), path, is_there).await
    }

    async fn within(&self, patience: Duration, path: &str, is_there: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + patience;
        loop {
            let answer = self.client.get(path).await.unwrap();
            if is_there(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{path}: {answer:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn step<'a>(detail: &'a Value, id: &str) -> &'a Value {
    let steps = detail["steps"].as_array().unwrap();
    steps.iter().find(|step| step["step_id"] == id).unwrap_or_else(|| panic!("no step {id}: {detail:#}"))
}

/// One that takes whatever is sent to it.
async fn receiver() -> (String, Arc<Mutex<Vec<Value>>>) {
    async fn take(State(taken): State<Arc<Mutex<Vec<Value>>>>, body: Bytes) -> StatusCode {
        taken.lock().unwrap().push(serde_json::from_slice(&body).unwrap_or_default());
        StatusCode::OK
    }
    let taken = Arc::new(Mutex::new(Vec::new()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let routes = Router::new().fallback(take).with_state(Arc::clone(&taken));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (address, taken)
}

mod mvp {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn can_create_process() {
        let world = world().await;
        let client = &world.client;
        let nobody = http().unwrap().get(format!("{}/api/processes", client.url())).send().await.unwrap();
        assert_eq!(nobody.status(), 401, "every endpoint asks who one is");

        // Each problem is told with its line, and nothing is saved.
        let wrong =
            THREE_STEPS.replace("depends_on: [research]", "depends_on: [reserch]").replace("id: judge", "id: write");
        let validation = client.post("/api/processes/validate", &json!({"yaml_content": wrong})).await.unwrap();
        let lines: Vec<_> =
            validation["errors"].as_array().unwrap().iter().map(|error| error["line"].as_u64()).collect();
        assert_eq!(
            (&validation["is_valid"], lines.contains(&Some(12)), lines.contains(&Some(15))),
            (&json!(false), true, true),
            "{validation:#}"
        );
        let circle = THREE_STEPS.replace("agent: researcher", "agent: researcher\n    depends_on: [judge]");
        let refused =
            client.send(Method::POST, "/api/processes", Some(&json!({"yaml_content": circle}))).await.unwrap();
        assert_eq!(refused.0, 422, "{}", refused.1);
        let unknown = THREE_STEPS.replace("agent: critic", "agent: cryptic");
        let validation = client.post("/api/processes/validate", &json!({"yaml_content": unknown})).await.unwrap();
        assert_eq!(validation["is_valid"], true, "an agent that is not there is a warning");
        assert_eq!(validation["warnings"].as_array().unwrap().len(), 1, "{validation:#}");

        let created = client.post("/api/processes", &json!({"yaml_content": THREE_STEPS})).await.unwrap();
        let path = format!("/api/processes/{}", created["id"].as_str().unwrap());
        assert_eq!(json!([created["status"], created["version"]]), json!(["draft", "1"]));
        let described = THREE_STEPS.replace("Research, write, judge.", "Ein Bericht.");
        let changed = client.send(Method::PUT, &path, Some(&json!({"yaml_content": described}))).await.unwrap();
        assert_eq!(changed.1["description"], "Ein Bericht.");
        client.post(&format!("{path}/publish"), &json!({})).await.unwrap();
        let stored = client.get(&path).await.unwrap();
        assert_eq!(json!([stored["status"], stored["yaml_content"]]), json!(["published", described]));
        let next = client.post(&format!("{path}/new-version"), &json!({})).await.unwrap();
        assert_eq!(json!([next["status"], next["version"]]), json!(["draft", "2"]));
        let listed = client.get("/api/processes").await.unwrap();
        assert_eq!(json!([listed["total"], listed["processes"][0]["step_count"]]), json!([2, 3]));
        let draft = format!("/api/processes/{}", next["id"].as_str().unwrap());
        assert_eq!(client.send(Method::DELETE, &draft, None).await.unwrap().0, 204);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn can_run_process() {
        let world = world().await;
        let detail = world.run(THREE_STEPS, &json!({"topic": "ants"})).await;
        assert_eq!(detail["status"], "completed", "{detail:#}");
        assert_eq!(detail["output_data"], json!({"report": "a text of three facts", "score": 91}));
        let ends: Vec<_> =
            ["research", "write", "judge"].map(|id| step(&detail, id)["completed_at"].as_str().unwrap()).into();
        assert!(ends.is_sorted(), "{ends:?}");

        // One can be cancelled, and one that failed repeated; a step has its time.
        let process = world
            .client
            .publish("{name: naps, steps: [{id: nap, type: agent_task, agent: slow, message: m}]}")
            .await
            .unwrap();
        let execution = world.client.execute(&process, &json!({})).await.unwrap();
        world.client.post(&format!("/api/executions/{execution}/cancel"), &json!({})).await.unwrap();
        assert_eq!(world.client.ended(&execution).await.unwrap()["status"], "cancelled");
        let late = world
            .run(
                "{name: late, steps: [{id: nap, type: agent_task, agent: slow, message: m, timeout: 50ms}]}",
                &json!({}),
            )
            .await;
        assert_eq!(json!([late["status"], step(&late, "nap")["error"]["code"]]), json!(["failed", "TIMEOUT"]));
        let retry = world
            .client
            .post(&format!("/api/executions/{}/retry", late["id"].as_str().unwrap()), &json!({}))
            .await
            .unwrap();
        assert_eq!(retry["retry_of"], late["id"]);
        let listed = world.client.get(&format!("/api/executions?status=cancelled&process_id={process}")).await.unwrap();
        assert_eq!(listed["total"], 1, "{listed:#}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn can_view_execution() {
        let world = world().await;
        let detail = world.run(THREE_STEPS, &json!({"topic": "ants"})).await;
        let id = detail["id"].as_str().unwrap();
        let listed = world.client.get("/api/executions").await.unwrap();
        let row = &listed["executions"][0];
        assert_eq!(
            json!([row["id"], row["process_name"], row["status"], row["total_cost"]]),
            json!([id, "three-steps", "completed", "$0.03"])
        );
        assert!(row["duration_seconds"].is_u64() && row["started_at"].is_string(), "{row:#}");
        for (level, name) in ["research", "write", "judge"].into_iter().enumerate() {
            let row = step(&detail, name);
            assert_eq!(
                json!([row["status"], row["step_type"], row["parallel_level"]]),
                json!(["completed", "agent_task", level])
            );
            assert!(
                row["started_at"].is_string() && row["completed_at"].is_string() && row["cost"].is_string(),
                "{row:#}"
            );
        }
        // Expanded: who was asked what, and what came back.
        let write = world.client.get(&format!("/api/executions/{id}/steps/write")).await.unwrap();
        let text = write.to_string();
        assert!(text.contains("Write about ants from: three facts") && text.contains("writer"), "{write:#}");
        let output = world.client.get(&format!("/api/executions/{id}/steps/write/output")).await.unwrap();
        assert_eq!(output["output"]["response"], "a text of three facts");

        let failing =
            "{name: fails, steps: [{id: a, type: agent_task, agent: broken, message: m, retry: {max_attempts: 1}}]}";
        let failed = world.run(failing, &json!({})).await;
        let error = &step(&failed, "a")["error"];
        assert_eq!(error["code"], "AGENT_UNAVAILABLE", "{failed:#}");
        assert!(!error["message"].as_str().unwrap().is_empty());
        let dashboard = world.client.get("/api/dashboard").await.unwrap();
        assert_eq!(json!([dashboard["active"], dashboard["failed_24h"]]), json!([0, 1]), "{dashboard:#}");
        assert_eq!(dashboard["needs_attention"][0]["kind"], "failed", "{dashboard:#}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn real_time_updates() {
        let world = world().await;
        let process = world.client.publish(THREE_STEPS).await.unwrap();
        let address = world.client.url().replace("http://", "ws://");
        let connect = || tokio_tungstenite::connect_async(format!("{address}/ws?token={}", world.client.token()));
        let (mut socket, _) = connect().await.unwrap();
        let execution = world.client.execute(&process, &json!({"topic": "bees"})).await.unwrap();
        let subscribe = |after: u64| {
            Message::text(json!({"type": "subscribe", "execution_id": execution, "after": after}).to_string())
        };
        socket.send(subscribe(0)).await.unwrap();
        let first = heard(&mut socket, &execution, "process_completed").await;
        let kinds: Vec<_> = first.iter().map(|event| event["event_type"].as_str().unwrap()).collect();
        assert_eq!(kinds.iter().filter(|kind| **kind == "step_started").count(), 3, "{kinds:?}");
        assert_eq!(kinds.iter().filter(|kind| **kind == "step_completed").count(), 3, "{kinds:?}");
        assert_eq!(kinds.last(), Some(&"process_completed"));
        drop(socket);

        // Who comes back goes on where they were.
        let (mut socket, _) = connect().await.unwrap();
        let seen = first[first.len() - 3]["sequence"].as_u64().unwrap();
        socket.send(subscribe(seen)).await.unwrap();
        let rest = heard(&mut socket, &execution, "process_completed").await;
        assert_eq!(rest.len(), 2, "{rest:#?}");
    }

    /// What is told of an execution, up to an event of this type.
    async fn heard<S>(socket: &mut S, execution: &str, last: &str) -> Vec<Value>
    where
        S: futures::Stream<Item = Result<Message, tokio_tungstenite::tungstenite::Error>> + Unpin,
    {
        let mut heard = Vec::new();
        let listening = async {
            while let Some(message) = socket.next().await {
                let Message::Text(text) = message.unwrap() else { continue };
                let message: Value = serde_json::from_str(&text).unwrap();
                if message["type"] == "process_event" && message["execution_id"] == execution {
                    let is_last = message["event_type"] == last;
                    heard.push(message);
                    if is_last {
                        return;
                    }
                }
            }
            panic!("the socket was closed");
        };
        tokio::time::timeout(Duration::from_mins(1), listening).await.expect("the end was not heard of");
        heard
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn data_flows_between_steps() {
        let world = world().await;
        let detail = world.run(THREE_STEPS, &json!({"topic": "ants"})).await;
        // The writer answers so only if the message holds what the researcher said.
        assert_eq!(detail["output_data"]["report"], "a text of three facts", "{detail:#}");
        let id = detail["id"].as_str().unwrap();
        let judge = world.client.get(&format!("/api/executions/{id}/steps/judge")).await.unwrap();
        assert!(judge.to_string().contains(&format!("Judge {id}: a text of three facts")), "{judge:#}");
        // A reference to nothing is an error, before the run or in it.
        let nowhere = THREE_STEPS.replace("{{steps.research.output}}", "{{steps.reserch.output}}");
        let refused =
            world.client.send(Method::POST, "/api/processes", Some(&json!({"yaml_content": nowhere}))).await.unwrap();
        assert_eq!(refused.0, 422);
        assert!(refused.1.to_string().contains("reserch"), "{}", refused.1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn event_audit_log() {
        let world = world().await;
        let detail = world.run(THREE_STEPS, &json!({"topic": "ants"})).await;
        let id = detail["id"].as_str().unwrap();
        let events = world.client.events(id).await.unwrap();
        for event in &events {
            let has = |key: &str| event[key].is_string();
            assert!(has("event_type") && has("timestamp") && event["execution_id"] == id, "{event:#}");
        }
        let kinds: Vec<_> = events.iter().map(|event| event["event_type"].as_str().unwrap()).collect();
        for kind in ["ProcessStarted", "StepStarted", "StepCompleted", "ProcessCompleted"] {
            assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
        }
        let retention = world.client.get("/api/settings/retention").await.unwrap();
        assert!(retention.to_string().contains("30d"), "events are kept for 30 days: {retention:#}");
    }
}

mod core {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn three_steps_run_in_parallel() {
        let world = world().await;
        let branch = |id: &str| format!("  - {{id: {id}, type: agent_task, agent: slow, message: m}}\n");
        let yaml = format!(
            "name: fan-out\nsteps:\n{}{}{}  - {{id: join, type: agent_task, agent: observer, message: all, depends_on: [a, b, c]}}\n",
            branch("a"),
            branch("b"),
            branch("c")
        );
        let detail = world.run(&yaml, &json!({})).await;
        assert_eq!(json!([detail["status"], detail["has_parallel_steps"]]), json!(["completed", true]), "{detail:#}");
        let time = |id: &str, key: &str| step(&detail, id)[key].as_str().unwrap().to_owned();
        let last_start = ["a", "b", "c"].map(|id| time(id, "started_at")).into_iter().max().unwrap();
        let first_end = ["a", "b", "c"].map(|id| time(id, "completed_at")).into_iter().min().unwrap();
        let last_end = ["a", "b", "c"].map(|id| time(id, "completed_at")).into_iter().max().unwrap();
        assert!(last_start < first_end, "all were at work at once: {detail:#}");
        assert!(time("join", "started_at") >= last_end, "the join waits for all: {detail:#}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_process_pauses_and_goes_on_when_approved() {
        let world = world().await;
        let yaml = r#"
name: asks
steps:
  - {id: draft, type: agent_task, agent: researcher, message: m}
  - {id: ask, type: human_approval, title: "Good?", description: "{{steps.draft.output}}", timeout: 3d, depends_on: [draft]}
  - {id: publish, type: agent_task, agent: observer, message: "{{steps.ask.output.comment}}", depends_on: [ask]}
"#;
        let process = world.client.publish(yaml).await.unwrap();
        for (decision, body, status) in
            [("approve", json!({"comment": "well done"}), "completed"), ("reject", json!({"comment": "no"}), "failed")]
        {
            let execution = world.client.execute(&process, &json!({})).await.unwrap();
            let paused =
                world.until(&format!("/api/executions/{execution}"), |detail| detail["status"] == "paused").await;
            assert_eq!(
                json!([step(&paused, "ask")["status"], step(&paused, "publish")["status"]]),
                json!(["waiting_approval", "pending"])
            );
            let asked = world.client.get(&format!("/api/approvals/execution/{execution}/step/ask")).await.unwrap();
            assert_eq!(
                json!([asked["title"], asked["description"], asked["status"]]),
                json!(["Good?", "three facts", "pending"]),
                "{asked:#}"
            );
            assert!(asked["deadline"].is_string());
            let open = world.client.get("/api/approvals?status=pending").await.unwrap();
            assert_eq!(open.as_array().unwrap().len(), 1);
            let path = format!("/api/approvals/{}/{decision}", asked["id"].as_str().unwrap());
            if decision == "reject" {
                let without = world.client.send(Method::POST, &path, Some(&json!({}))).await.unwrap();
                assert_eq!(without.0, 422, "a rejection needs a comment");
            }
            let decided = world.client.post(&path, &body).await.unwrap();
            assert_eq!(decided["decided_by"], "admin");
            let ended = world.client.ended(&execution).await.unwrap();
            assert_eq!(ended["status"], status, "{ended:#}");
            let again = world.client.send(Method::POST, &path, Some(&body)).await.unwrap();
            assert!(again.0.is_client_error(), "it is decided once");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_condition_routes_rightly() {
        let world = world().await;
        let yaml = r#"
name: routes
steps:
  - {id: judge, type: agent_task, agent: critic, message: "{{input.text}}"}
  - id: decide
    type: gateway
    depends_on: [judge]
    routes:
      - {condition: "steps.judge.output.score > 95", target: excellent}
      - {condition: "steps.judge.output.score >= 90 and input.text != 'secret'", target: good}
    default_route: poor
  - {id: excellent, type: agent_task, agent: observer, message: m, depends_on: [decide]}
  - {id: good, type: agent_task, agent: observer, message: m, depends_on: [decide]}
  - {id: poor, type: agent_task, agent: observer, message: m, depends_on: [decide]}
"#;
        let process = world.client.publish(yaml).await.unwrap();
        for (text, taken) in [("open", "good"), ("secret", "poor")] {
            let execution = world.client.execute(&process, &json!({"text": text})).await.unwrap();
            let detail = world.client.ended(&execution).await.unwrap();
            for id in ["excellent", "good", "poor"] {
                let wanted = if id == taken { "completed" } else { "skipped" };
                assert_eq!(step(&detail, id)["status"], wanted, "{text}, {id}: {detail:#}");
            }
            let decided = world.client.get(&format!("/api/executions/{execution}/steps/decide/output")).await.unwrap();
            assert_eq!(decided["output"]["route"], taken);
            assert_eq!(decided["output"]["evaluated_conditions"][0]["result"], false, "{decided:#}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_outside_post_starts_a_process() {
        let world = world().await;
        let yaml = r#"
name: hooked
triggers: [{id: orders, type: webhook, secret: a-secret-of-the-test}]
steps: [{id: a, type: agent_task, agent: observer, message: "{{trigger.payload.number}}"}]
outputs: [{name: got, source: "{{steps.a.output.response}}"}]
"#;
        world.client.publish(yaml).await.unwrap();
        let call = async |secret: &str| {
            let request = http().unwrap().post(format!("{}/api/triggers/webhook/orders", world.client.url()));
            let answer = request.header("x-webhook-secret", secret).json(&json!({"number": 42})).send().await.unwrap();
            (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
        };
        assert_eq!(call("guessed").await.0, 403);
        let (status, answer) = call("a-secret-of-the-test").await;
        assert!(status < 300, "{status} {answer}");
        let detail = world.client.ended(answer["execution_id"].as_str().unwrap()).await.unwrap();
        assert_eq!(
            json!([detail["triggered_by"], detail["output_data"]["got"]]),
            json!(["webhook", "42"]),
            "{detail:#}"
        );
        let triggers = world.client.get("/api/triggers").await.unwrap();
        assert!(triggers[0]["webhook_url"].as_str().unwrap().contains("/api/triggers/webhook/"), "{triggers:#}");
        let history = world.client.get("/api/triggers/orders/history").await.unwrap();
        assert!(history.to_string().contains("started") && history.to_string().contains("refused"), "{history:#}");
        world.client.post("/api/triggers/orders/disable", &json!({})).await.unwrap();
        assert_eq!(call("a-secret-of-the-test").await.0, 403);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_step_is_retried_three_times_then_fails() {
        let world = world().await;
        let yaml = "
name: tries
steps:
  - {id: a, type: agent_task, agent: broken, message: m, retry: {max_attempts: 3, initial_delay: 10ms, backoff: fixed}}
  - {id: b, type: agent_task, agent: observer, message: m, depends_on: [a]}
";
        let detail = world.run(yaml, &json!({})).await;
        assert_eq!(
            json!([detail["status"], step(&detail, "a")["status"], step(&detail, "b")["status"]]),
            json!(["failed", "failed", "skipped"])
        );
        let full =
            world.client.get(&format!("/api/executions/{}/steps/a", detail["id"].as_str().unwrap())).await.unwrap();
        let attempts = full["attempts"].as_array().unwrap();
        assert_eq!(attempts.len(), 3, "{full:#}");
        for attempt in attempts {
            assert_eq!(attempt["error"]["code"], "AGENT_UNAVAILABLE", "{attempt:#}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_slack_message_arrives() {
        let (host, taken) = receiver().await;
        let world = world_that_reaches(&host).await;
        let yaml = format!(
            "name: tells\nsteps:\n  - {{id: a, type: agent_task, agent: researcher, message: m}}\n  \
             - {{id: tell, type: notification, channel: slack, webhook_url: 'http://{host}/services/T0/B0/x', \
             message: 'Found: {{{{steps.a.output}}}}', depends_on: [a]}}\n"
        );
        let detail = world.run(&yaml, &json!({})).await;
        assert_eq!(detail["status"], "completed", "{detail:#}");
        let taken = taken.lock().unwrap();
        assert_eq!(taken.len(), 1, "{taken:?}");
        assert!(taken[0]["text"].as_str().unwrap().contains("Found: three facts"), "{taken:?}");
    }
}

mod advanced {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn scheduled_execution() {
        let world = world().await;
        let yaml = "
name: ticks
triggers: [{id: tick, type: schedule, cron: '* * * * *', timezone: Europe/Berlin}]
steps: [{id: a, type: agent_task, agent: observer, message: m}]
";
        let process = world.client.publish(yaml).await.unwrap();
        let schedules = world.client.get("/api/triggers/schedules").await.unwrap();
        let due = schedules[0]["next_run_at"].as_str().unwrap().to_owned();
        assert_eq!(json!([schedules[0]["timezone"], schedules[0]["process_id"]]), json!(["Europe/Berlin", process]));
        // The next minute is never further away than that, and nothing works meanwhile.
        let started = world
            .within(Duration::from_secs(90), "/api/executions?triggered_by=schedule", |listed| listed["total"] != 0)
            .await;
        let row = &started["executions"].as_array().unwrap().last().unwrap();
        let detail = world.client.ended(row["id"].as_str().unwrap()).await.unwrap();
        let minute = |time: &str| time.split(':').nth(1).unwrap().to_owned();
        assert_eq!(minute(detail["trigger"]["due_at"].as_str().unwrap()), minute(&due), "{detail:#}");
        assert_eq!(detail["status"], "completed");
        world.client.post(&format!("/api/processes/{process}/archive"), &json!({})).await.unwrap();
        assert_eq!(world.client.get("/api/triggers/schedules").await.unwrap(), json!([]));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn timer_delay() {
        let world = world().await;
        let yaml = "
name: waits
steps:
  - {id: wait, type: timer, duration: 700ms}
  - {id: after, type: agent_task, agent: observer, message: m, depends_on: [wait]}
";
        let began = Instant::now();
        let detail = world.run(yaml, &json!({})).await;
        assert_eq!(detail["status"], "completed", "{detail:#}");
        assert!(began.elapsed() >= Duration::from_millis(700));
        assert!(step(&detail, "after")["started_at"].as_str() >= step(&detail, "wait")["completed_at"].as_str());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn sub_process() {
        let world = world().await;
        world.client.publish(THREE_STEPS).await.unwrap();
        let yaml = r#"
name: calls
steps:
  - {id: sub, type: sub_process, process_name: three-steps, input_mapping: {topic: "{{input.about}}"}, output_key: made}
  - {id: use, type: agent_task, agent: observer, message: "{{steps.sub.output.made.report}}", depends_on: [sub]}
outputs: [{name: said, source: "{{steps.use.output.response}}"}]
"#;
        let parent = world.run(yaml, &json!({"about": "ants"})).await;
        assert_eq!(
            json!([parent["status"], parent["output_data"]["said"]]),
            json!(["completed", "a text of three facts"]),
            "{parent:#}"
        );
        let child = parent["child_execution_ids"][0].as_str().unwrap();
        let child = world.client.get(&format!("/api/executions/{child}")).await.unwrap();
        assert_eq!(json!([child["parent_execution_id"], child["parent_step_id"]]), json!([parent["id"], "sub"]));
        assert_eq!(json!([child["input_data"], child["triggered_by"]]), json!([{"topic": "ants"}, "sub_process"]));
        let output = world
            .client
            .get(&format!("/api/executions/{}/steps/sub/output", parent["id"].as_str().unwrap()))
            .await
            .unwrap();
        assert_eq!(output["output"]["child_execution_id"], child["id"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn cost_tracking() {
        let world = world().await;
        let detail = world.run(THREE_STEPS, &json!({"topic": "ants"})).await;
        let costs =
            world.client.get(&format!("/api/executions/{}/costs", detail["id"].as_str().unwrap())).await.unwrap();
        let steps: Vec<_> =
            costs["steps"].as_array().unwrap().iter().map(|step| json!([step["step_id"], step["cost"]])).collect();
        assert_eq!(json!(steps), json!([["research", "$0.01"], ["write", "$0.02"], ["judge", "$0.00"]]), "{costs:#}");
        assert_eq!(costs["steps"][0]["token_usage"]["input_tokens"], 100, "{costs:#}");
        assert_eq!(detail["exact_cost"], json!({"amount": "0.034", "currency": "USD", "complete": true}));

        // What an execution costs too much is told, and put aside once.
        let process = detail["process_id"].as_str().unwrap();
        let threshold = json!({"threshold_type": "per_execution", "amount": 0.01});
        world.client.send(Method::PUT, &format!("/api/alerts/thresholds/{process}"), Some(&threshold)).await.unwrap();
        let execution = world.client.execute(process, &json!({"topic": "bees"})).await.unwrap();
        world.client.ended(&execution).await.unwrap();
        let raised = world.until("/api/alerts", |alerts| alerts["active_count"] == 1).await;
        assert_eq!(raised["alerts"][0]["execution_id"], execution.as_str());
        let dismiss = format!("/api/alerts/{}/dismiss", raised["alerts"][0]["id"].as_str().unwrap());
        world.client.post(&dismiss, &json!({})).await.unwrap();
        assert_eq!(world.client.get("/api/alerts/count").await.unwrap()["active_count"], 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn analytics() {
        let world = world().await;
        let good = world.run(THREE_STEPS, &json!({"topic": "ants"})).await;
        let failing =
            "{name: fails, steps: [{id: a, type: agent_task, agent: broken, message: m, retry: {max_attempts: 1}}]}";
        world.run(failing, &json!({})).await;
        let trends = world.client.get("/api/processes/analytics/trends?days=7").await.unwrap();
        assert_eq!(
            json!([trends["total_executions"], trends["overall_success_rate"], trends["total_cost"]]),
            json!([2, 50.0, "$0.03"]),
            "{trends:#}"
        );
        assert!(trends["daily_trends"].as_array().unwrap().len() >= 7);
        let all = world.client.get("/api/processes/analytics/all?days=30").await.unwrap();
        let of = |id: &Value| {
            all["processes"].as_array().unwrap().iter().find(|process| process["process_id"] == *id).unwrap().clone()
        };
        let metrics = of(&good["process_id"]);
        assert_eq!(json!([metrics["success_rate"], metrics["average_cost"]]), json!([100.0, "$0.03"]), "{metrics:#}");
        let steps = world.client.get("/api/executions/analytics/steps?days=7").await.unwrap();
        assert_eq!(steps["most_expensive_steps"][0]["step_id"], "write", "{steps:#}");
        assert!(!steps["slowest_steps"].as_array().unwrap().is_empty());
        let dashboard = world.client.get("/api/dashboard").await.unwrap();
        assert_eq!(
            json!([dashboard["runs_24h"], dashboard["failed_24h"], dashboard["cost_24h"]]),
            json!([2, 1, "$0.03"]),
            "{dashboard:#}"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn templates() {
        let world = world().await;
        let client = &world.client;
        let listed = client.get("/api/process-templates").await.unwrap();
        assert!(listed["total"].as_u64().unwrap() >= 10, "{listed:#}");
        let preview = client.get("/api/process-templates/process:meeting-notes/preview").await.unwrap();
        assert!(preview["yaml_content"].as_str().unwrap().contains("steps:"), "{preview:#}");
        let used = client
            .post("/api/process-templates/process:meeting-notes/use", &json!({"name": "monday-notes"}))
            .await
            .unwrap();
        let draft = client.get(&format!("/api/processes/{}", used["process_id"].as_str().unwrap())).await.unwrap();
        assert_eq!(json!([draft["name"], draft["status"]]), json!(["monday-notes", "draft"]));

        // One's own, with a parameter, which comes back as it is given.
        let yaml = "name: '{{name}}'\nsteps: [{id: a, type: agent_task, agent: observer, message: 'About {{param.topic}}.'}]\n";
        let mine = json!({"name": "mine", "display_name": "Mine", "description": "About something", "tags": ["short"],
            "definition_yaml": yaml, "parameters": [{"name": "topic", "type": "string", "required": true}]});
        client.post("/api/process-templates", &mine).await.unwrap();
        let missing = client
            .send(Method::POST, "/api/process-templates/user%3Amine/use", Some(&json!({"name": "x"})))
            .await
            .unwrap();
        assert_eq!(missing.0, 422, "{}", missing.1);
        let topic = "ants' \"{{ input.x }}\"\n- id: evil";
        let used = client
            .post("/api/process-templates/user%3Amine/use", &json!({"name": "ants", "parameters": {"topic": topic}}))
            .await
            .unwrap();
        let process = used["process_id"].as_str().unwrap();
        client.post(&format!("/api/processes/{process}/publish"), &json!({})).await.unwrap();
        let execution = client.execute(process, &json!({})).await.unwrap();
        let detail = client.ended(&execution).await.unwrap();
        assert_eq!(detail["steps"].as_array().unwrap().len(), 1, "{detail:#}");
        let output = client.get(&format!("/api/executions/{execution}/steps/a/output")).await.unwrap();
        assert_eq!(output["output"]["response"], format!("About {topic}."));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn agent_roles() {
        let world = world().await;
        let yaml = "
name: roles
steps:
  - id: good
    type: agent_task
    message: m
    roles: {executor: researcher, informed: [observer], monitors: [critic]}
  - id: bad
    type: agent_task
    message: m
    retry: {max_attempts: 1}
    depends_on: [good]
    roles: {executor: broken, monitors: [critic], informed: [{agent: writer, events: [step_failed]}]}
";
        let detail = world.run(yaml, &json!({})).await;
        assert_eq!(step(&detail, "good")["status"], "completed", "{detail:#}");
        let told = async |agent: &str| {
            let path = format!("/api/agents/{agent}/events");
            world.until(&path, |told| told["events"].as_array().is_some_and(|events| !events.is_empty())).await
        };
        let observer = told("observer").await;
        let event = &observer["events"][0];
        assert_eq!(json!([event["type"], event["step_id"]]), json!(["informed_notification", "good"]), "{observer:#}");
        assert!(event.to_string().contains("three facts"), "with a summary of the output: {event:#}");
        let critic = told("critic").await;
        assert_eq!(
            json!([critic["events"][0]["type"], critic["events"][0]["step_id"]]),
            json!(["monitor_notification", "bad"]),
            "{critic:#}"
        );
        assert_eq!(told("writer").await["events"].as_array().unwrap().len(), 1);
        // Each step has one who does it.
        let without = "{name: w, steps: [{id: a, type: agent_task, message: m, roles: {informed: [observer]}}]}";
        let refused =
            world.client.send(Method::POST, "/api/processes", Some(&json!({"yaml_content": without}))).await.unwrap();
        assert_eq!(refused.0, 422, "{}", refused.1);
    }
}
