//! What the gateway needs of the server's tools (spec 6, 9). Another server behind the same address is refused clearly.

use rmcp::model::Tool;

/// Each tool that is used, with the arguments that are sent.
const NEEDED: [(&str, &[&str]); 4] = [
    ("chat_with_agent", &["agent_name", "message", "parallel", "async", "timeout_seconds"]),
    ("get_execution_result", &["agent_name", "execution_id", "include_log"]),
    ("list_recent_executions", &["agent_name", "limit"]),
    ("list_agents", &[]),
];

/// Whether the tools are those of the platform; the error lists what is missing.
pub(super) fn check(tools: &[Tool]) -> Result<(), String> {
    let mut missing = Vec::new();
    for (name, arguments) in NEEDED {
        let Some(tool) = tools.iter().find(|tool| tool.name == name) else {
            missing.push(format!("the tool `{name}`"));
            continue;
        };
        let properties = tool.input_schema.get("properties");
        for argument in arguments {
            if properties.and_then(|properties| properties.get(argument)).is_none() {
                missing.push(format!("the argument `{argument}` of `{name}`"));
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the MCP server is not a Trinity platform's, or its version is not supported; it lacks {}",
        missing.join(", ")
    ))
}
