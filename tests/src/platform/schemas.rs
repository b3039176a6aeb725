//! The tools as the platform lists them: draft-07 schemas, no output schemas, no annotations (spec 6, 1.5 to 1.8).

use std::sync::Arc;

use rmcp::model::Tool;
use serde_json::{Map, Value, json};

/// The tools that are imitated.
pub(super) fn tools() -> Vec<Tool> {
    let text = || json!({"type": "string"});
    let chat = json!({
        "agent_name": text(), "message": text(),
        "parallel": {"type": "boolean", "default": false},
        "model": text(),
        "allowed_tools": {"type": "array", "items": {"type": "string"}},
        "system_prompt": text(),
        "timeout_seconds": {"type": "number", "default": 600},
        "async": {"type": "boolean", "default": false},
    });
    let result =
        json!({"agent_name": text(), "execution_id": text(), "include_log": {"type": "boolean", "default": false}});
    let recent = json!({
        "agent_name": text(),
        "limit": {"type": "number", "minimum": 1, "maximum": 100, "default": 20},
        "status": text(),
    });
    vec![
        tool("list_agents", "Lists the agents.", json!({}), &[]),
        tool("chat_with_agent", "Sends a message to an agent.", chat, &["agent_name", "message"]),
        tool("get_execution_result", "Tells how an execution ended.", result, &["agent_name", "execution_id"]),
        tool("list_recent_executions", "Lists an agent's executions.", recent, &["agent_name"]),
        tool("get_agent_health", "Tells how an agent is.", json!({"agent_name": text()}), &["agent_name"]),
    ]
}

/// The arguments that a tool can't do without.
pub(super) fn required(tool: &str) -> Vec<String> {
    let found = tools().into_iter().find(|known| known.name == tool);
    let required = found.and_then(|tool| tool.input_schema.get("required").cloned());
    required.and_then(|names| serde_json::from_value(names).ok()).unwrap_or_default()
}

fn tool(name: &'static str, description: &'static str, properties: Value, required: &[&str]) -> Tool {
    let mut schema = Map::new();
    schema.insert("$schema".into(), json!("http://json-schema.org/draft-07/schema#"));
    schema.insert("type".into(), json!("object"));
    schema.insert("properties".into(), properties);
    schema.insert("required".into(), json!(required));
    schema.insert("additionalProperties".into(), json!(false));
    Tool::new(name, description, Arc::new(schema))
}
