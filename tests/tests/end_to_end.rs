//! The main job from outside: the real program, a real MCP connection to the agents, the HTTP API and the WebSocket.

use std::{path::Path, time::Duration};

use futures::{SinkExt as _, StreamExt as _};
use procession_tests::{
    client::Client,
    platform::PlatformProcess,
    server::{Log, Server, ServerOptions},
};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

const PROCESS: &str = r#"
name: report-on-a-topic
version: 1
steps:
  - id: research
    type: agent_task
    agent: researcher
    message: "Find facts about {{input.topic}}."
  - id: write
    type: agent_task
    depends_on: [research]
    agent: writer
    message: "Write about {{input.topic}} from: {{steps.research.output.response}}"
  - id: judge
    type: agent_task
    depends_on: [write]
    agent: critic
    message: "Judge: {{steps.write.output.response}}"
outputs:
  - name: report
    source: "{{steps.write.output.response}}"
  - name: score
    source: "{{steps.judge.output.score}}"
"#;

const PLAN: &str = r#"
key: key-of-the-test
agents:
  researcher:
    rules: [{reply: "three facts", cost: 0.012, polls: 1, tokens: {input: 100, output: 20}}]
  writer:
    rules: [{when: "from: three facts", reply: "a text of three facts", cost: 0.018, tokens: {input: 50, output: 30}}]
  critic:
    rules: [{when: "a text of three facts", reply: '{"score": 91}', cost: 0.004}]
"#;

struct World {
    platform: PlatformProcess,
    server: Server,
    client: Client,
    _folder: tempfile::TempDir,
}

async fn world() -> anyhow::Result<World> {
    let folder = tempfile::tempdir()?;
    let binary = Path::new(env!("CARGO_BIN_EXE_procession-fake-platform"));
    let platform = PlatformProcess::start(binary, folder.path(), PLAN)?;
    let server = ServerOptions::on(&folder.path().join("data"))
        .with("agents.mcp.url", platform.url())
        .with("agents.mcp.api_key", "key-of-the-test")
        .start()?;
    let client = Client::log_in(server.url()).await?;
    Ok(World { platform, server, client, _folder: folder })
}

#[tokio::test(flavor = "multi_thread")]
async fn three_steps_run_to_their_end_with_agents_behind_a_real_mcp_connection() {
    let world = world().await.unwrap();
    let client = &world.client;

    let created = client.post("/api/processes", &json!({"yaml_content": PROCESS})).await.unwrap();
    assert_eq!(created["status"], "draft");
    let process = created["id"].as_str().unwrap();
    client.post(&format!("/api/processes/{process}/publish"), &json!({})).await.unwrap();
    let execution = client.execute(process, &json!({"topic": "ants"})).await.unwrap();
    let detail = client.ended(&execution).await.unwrap();

    assert_eq!(detail["status"], "completed", "{detail:#}");
    assert_eq!(detail["output_data"], json!({"report": "a text of three facts", "score": 91}));
    assert_eq!(detail["exact_cost"], json!({"amount": "0.034", "currency": "USD", "complete": true}));
    let steps: Vec<Value> = detail["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| json!([step["step_id"], step["status"], step["exact_cost"]["amount"]]))
        .collect();
    assert_eq!(
        json!(steps),
        json!([["research", "completed", "0.012"], ["write", "completed", "0.018"], ["judge", "completed", "0.004"]])
    );
    let calls = world.platform.calls().unwrap();
    let begun: Vec<_> = calls.iter().filter(|call| call.tool == "chat_with_agent").collect();
    assert_eq!(begun.len(), 3, "each step was asked once: {begun:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_over_the_websocket_in_order_and_without_gaps() {
    let world = world().await.unwrap();
    let client = &world.client;
    let process = client.publish(PROCESS).await.unwrap();
    let address = world.server.url().replace("http://", "ws://");
    let (mut socket, _) =
        tokio_tungstenite::connect_async(format!("{address}/ws?token={}", client.token())).await.unwrap();

    let execution = client.execute(&process, &json!({"topic": "bees"})).await.unwrap();
    let subscribe = json!({"type": "subscribe", "execution_id": execution, "after": 0});
    socket.send(Message::text(subscribe.to_string())).await.unwrap();
    let mut heard: Vec<Value> = Vec::new();
    let listening = async {
        while let Some(message) = socket.next().await {
            let Message::Text(text) = message.unwrap() else { continue };
            let message: Value = serde_json::from_str(&text).unwrap();
            if message["type"] == "process_event" && message["execution_id"] == json!(execution) {
                let is_last = message["event_type"] == "process_completed";
                heard.push(message);
                if is_last {
                    return;
                }
            }
        }
        panic!("the socket was closed");
    };
    tokio::time::timeout(Duration::from_mins(1), listening).await.expect("the end was not heard of");

    let stored = client.events(&execution).await.unwrap();
    let sequences: Vec<u64> = heard.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (1..=stored.len() as u64).collect::<Vec<_>>(), "{heard:#?}");
    let ids = |events: &[Value], name: &str| events.iter().map(|event| event[name].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&heard, "event_id"), ids(&stored, "id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_ends_well_and_its_successor_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_procession-fake-platform"));
    let plan = "any_agent: {rules: [{delay: 1500}]}";
    let platform = PlatformProcess::start(binary, folder.path(), plan).unwrap();
    let options = ServerOptions::on(&folder.path().join("data")).with("agents.mcp.url", platform.url());
    let first = options.start().unwrap();
    let client = Client::log_in(first.url()).await.unwrap();
    let process = client.publish(PROCESS).await.unwrap();
    let execution = client.execute(&process, &json!({"topic": "wasps"})).await.unwrap();

    assert!(first.stop().unwrap().success());
    let second = options.start().unwrap();
    let detail = client.at(second.url()).ended(&execution).await.unwrap();
    assert_eq!(detail["status"], "completed", "{detail:#}");
    let calls = platform.calls().unwrap();
    let begun = calls.iter().filter(|call| call.tool == "chat_with_agent").count();
    assert_eq!(begun, 3, "nothing was asked twice: {calls:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_cannot_be_written_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let agents = folder.path().join("agents.yaml");
    std::fs::write(&agents, "agents: {researcher: {kind: echo}, writer: {kind: echo}, critic: {kind: echo}}").unwrap();
    for log in [Log::Full, Log::Unread] {
        let server = ServerOptions::on(&folder.path().join(format!("{log:?}")))
            .with("agents.file", agents.to_str().unwrap())
            // As much as there can be to say.
            .with("log.filter", "debug")
            .logging_to(log)
            .start()
            .unwrap();
        let client = Client::log_in(server.url()).await.unwrap();
        let process = client.publish(PROCESS).await.unwrap();
        for _ in 0..5 {
            let execution = client.execute(&process, &json!({"topic": "moths"})).await.unwrap();
            let detail = client.ended(&execution).await.unwrap();
            assert_eq!(detail["status"], "completed", "{log:?}: {detail:#}");
        }
        assert_eq!(client.get("/readyz").await.unwrap()["status"], "ready", "{log:?}");
        assert!(server.stop().unwrap().success(), "{log:?}");
    }
}
