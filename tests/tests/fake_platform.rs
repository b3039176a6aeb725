//! The platform's look-alike itself: that it looks like the platform (spec 6), also as a process of its own.
#![cfg(test)]

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use procession_tests::platform::{AgentPlan, CallLog, FakePlatform, Outcome, Plan};
use rmcp::{
    RoleClient, ServiceExt,
    model::{CallToolRequestParams, CallToolResult, JsonObject},
    service::RunningService,
    transport::{StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig},
};
use serde_json::{Value, json};

type Client = RunningService<RoleClient, ()>;

async fn client(url: &str, key: Option<&str>) -> Result<Client, String> {
    procession_agents::install_tls();
    let mut config = StreamableHttpClientTransportConfig::with_uri(url);
    if let Some(key) = key {
        config = config.auth_header(key);
    }
    ().serve(StreamableHttpClientTransport::from_config(config)).await.map_err(|error| error.to_string())
}

async fn call(client: &Client, tool: &'static str, arguments: Value) -> CallToolResult {
    let arguments: JsonObject = serde_json::from_value(arguments).unwrap();
    client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await.unwrap()
}

fn text(result: &CallToolResult) -> &str {
    &result.content[0].as_text().unwrap().text
}

/// The JSON of an answer, which is pretty-printed text without `isError` and structured content.
fn body(result: &CallToolResult) -> Value {
    assert_eq!((result.is_error, &result.structured_content), (None, &None));
    let body: Value = serde_json::from_str(text(result)).unwrap();
    assert_eq!(text(result), serde_json::to_string_pretty(&body).unwrap());
    body
}

fn start(plan: &str) -> FakePlatform {
    FakePlatform::start(Plan::parse(plan).unwrap()).unwrap()
}

#[tokio::test]
async fn the_three_modes_of_a_chat_name_the_execution_differently() {
    let platform = start(r#"{"agents": {"a": {"rules": [{"cost": 0.5, "tokens": {"input": 3, "output": 4}}]}}}"#);
    let client = client(&platform.url(), None).await.unwrap();
    let arguments = |more: Value| {
        let mut arguments = json!({"agent_name": "a", "message": "hi"});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };

    // `async` is ignored without `parallel`.
    let chat = body(&call(&client, "chat_with_agent", arguments(json!({"async": true}))).await);
    assert_eq!(chat["response"], "hi");
    assert_eq!((&chat["metadata"]["cost_usd"], &chat["metadata"]["output_tokens"]), (&json!(0.5), &json!(4)));
    let sequential_id = chat["execution"]["task_execution_id"].as_str().unwrap();

    let task = body(&call(&client, "chat_with_agent", arguments(json!({"parallel": true}))).await);
    let parallel_id = task["task_execution_id"].as_str().unwrap();

    let accepted = body(&call(&client, "chat_with_agent", arguments(json!({"parallel": true, "async": true}))).await);
    assert_eq!((&accepted["status"], &accepted["async_mode"]), (&json!("accepted"), &json!(true)));
    let async_id = accepted["execution_id"].as_str().unwrap();

    for id in [sequential_id, parallel_id, async_id] {
        let arguments = json!({"agent_name": "a", "execution_id": id, "include_log": true});
        let result = body(&call(&client, "get_execution_result", arguments).await);
        assert_eq!((&result["status"], &result["cost"]), (&json!("success"), &json!(0.5)));
        let log = result["execution_log"].as_array().unwrap();
        assert_eq!(log.last().unwrap()["usage"]["input_tokens"], 3);
    }
    let recent = body(&call(&client, "list_recent_executions", json!({"agent_name": "a", "limit": 2})).await);
    assert_eq!(recent["execution_count"], 2);
    assert_eq!(recent["executions"][0]["id"], async_id);
    assert!(recent["executions"][0].get("response").is_none());
}

#[tokio::test]
async fn a_running_execution_seems_completed_but_for_its_status() {
    let platform = start(r#"{"agents": {"a": {"rules": [{"polls": 1}]}}}"#);
    let client = client(&platform.url(), None).await.unwrap();
    let arguments = json!({"agent_name": "a", "message": "hi", "parallel": true, "async": true});
    let accepted = body(&call(&client, "chat_with_agent", arguments).await);
    let arguments = json!({"agent_name": "a", "execution_id": accepted["execution_id"]});
    let first = body(&call(&client, "get_execution_result", arguments.clone()).await);
    assert_eq!(first["status"], "running");
    assert!(first["completed_at"].is_string() && first["duration_ms"].is_number());
    let second = body(&call(&client, "get_execution_result", arguments).await);
    assert_eq!(second["status"], "success");
}

#[tokio::test]
async fn denials_are_ordinary_answers_and_failures_are_texts() {
    let platform =
        start(r#"{"agents": {"a": {"rules": [{"submit": "agent_busy", "times": 1}, {"submit": "fetch_failed"}]}}}"#);
    let client = client(&platform.url(), None).await.unwrap();
    let denied = body(&call(&client, "chat_with_agent", json!({"agent_name": "x", "message": "hi"})).await);
    assert_eq!((&denied["error"], &denied["reason"]), (&json!("Access denied"), &json!("Target agent 'x' not found")));
    let busy = body(&call(&client, "chat_with_agent", json!({"agent_name": "a", "message": "hi"})).await);
    assert_eq!((&busy["status"], &busy["retry_after_seconds"]), (&json!("agent_busy"), &json!(30)));
    let failed = call(&client, "chat_with_agent", json!({"agent_name": "a", "message": "hi"})).await;
    assert_eq!(failed.is_error, Some(true));
    assert_eq!(text(&failed), "Tool 'chat_with_agent' execution failed: fetch failed");
    let missing = call(&client, "get_execution_result", json!({"agent_name": "a", "execution_id": "?"})).await;
    let expected = r#"Tool 'get_execution_result' execution failed: API error (404): {"detail":"Execution not found"}"#;
    assert_eq!(text(&missing), expected);
    let health = body(&call(&client, "get_agent_health", json!({"agent_name": "a"})).await);
    assert_eq!(health["aggregate_status"], "healthy");

    let incomplete = client.call_tool(CallToolRequestParams::new("chat_with_agent")).await.unwrap_err();
    assert!(incomplete.to_string().contains("-32602"), "{incomplete}");
    let unknown = client.call_tool(CallToolRequestParams::new("start_process")).await.unwrap_err();
    assert!(unknown.to_string().contains("-32601"), "{unknown}");
}

#[tokio::test]
async fn keys_are_checked_on_every_post() {
    let platform = start(r#"{"key": "right", "agents": {"a": {}}}"#);
    assert!(client(&platform.url(), Some("right")).await.is_ok());
    for wrong in [Some("wrong"), None] {
        let error = client(&platform.url(), wrong).await.unwrap_err();
        assert!(error.contains("401"), "{error}");
    }
}

/// The look-alike as a process; killed when dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn as_a_process_it_tells_its_address_and_writes_down_every_call() {
    let folder = tempfile::tempdir().unwrap();
    let (plan, calls) = (folder.path().join("plan.yaml"), folder.path().join("calls.jsonl"));
    std::fs::write(&plan, "agents: {a: {rules: [{reply: 'yes: {message}'}]}}").unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_procession-fake-platform"))
        .args([std::ffi::OsStr::new("--plan"), plan.as_os_str(), std::ffi::OsStr::new("--calls"), calls.as_os_str()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.stdout.take().unwrap();
    let _process = Process(child);
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ").unwrap();

    let client = client(url, None).await.unwrap();
    let arguments = json!({"agent_name": "a", "message": "go\n\n[ref: e1/draft/1]", "parallel": true});
    let answer = body(&call(&client, "chat_with_agent", arguments).await);
    assert_eq!(answer["response"], "yes: go");
    let calls = CallLog::read_file(&calls).unwrap();
    assert_eq!(calls.len(), 1);
    let reference = calls[0].reference.as_ref().unwrap();
    assert_eq!((reference.key.as_str(), reference.step.as_str()), ("e1/draft/1", "draft"));
    assert_eq!(calls[0].outcome, Outcome::Began);
}

#[test]
fn a_plan_for_any_agent_needs_no_names() {
    let plan = Plan { any_agent: Some(AgentPlan::default()), ..Plan::default() };
    assert!(FakePlatform::start(plan).unwrap().url().ends_with("/mcp"));
}
