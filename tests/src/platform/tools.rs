//! The tools: an MCP server that answers as the platform does.

use std::{borrow::Cow, sync::Arc, time::Duration};

use axum::http::request::Parts;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorCode, Implementation,
        ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig,
    },
    service::RequestContext,
};
use serde_json::{Map, Value, json};

use super::{
    calls::{CallLog, Outcome},
    chat::{Chat, api_error},
    plan::Fault,
    schemas,
    store::Store,
};

/// What a tool answers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// JSON, pretty-printed as text.
    Json(Value),
    /// A text with `isError`.
    Failed(String),
    /// A JSON-RPC error.
    Rpc(i32),
}

/// A fault that the gate has let through, for the tool to act on.
#[derive(Debug, Clone)]
pub(super) struct PassedFault(pub(super) Option<Fault>);

/// The server.
#[derive(Debug, Clone)]
pub(super) struct Tools {
    pub(super) store: Arc<Store>,
    pub(super) log: Arc<CallLog>,
}

impl Answer {
    /// `Tool '…' execution failed: …`.
    pub(super) fn failed(tool: &str, text: &str) -> Self {
        Self::Failed(format!("Tool '{tool}' execution failed: {text}"))
    }

    fn into_result(self) -> Result<CallToolResponse, ErrorData> {
        let mut result = CallToolResult::default();
        match self {
            Self::Json(value) => {
                let text = serde_json::to_string_pretty(&value).unwrap_or_default();
                result.content = vec![ContentBlock::text(text)];
            }
            Self::Failed(text) => {
                result.content = vec![ContentBlock::text(text)];
                result.is_error = Some(true);
            }
            Self::Rpc(code) => return Err(ErrorData::new(ErrorCode(code), "refused by plan", None)),
        }
        Ok(result.into())
    }
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        let mut info = ServerConfig::new(capabilities);
        info.server_info = Implementation::new("trinity-orchestrator", "1.0.0");
        info
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        let newest = self.store.plan().protocol;
        let newest = newest.as_deref().unwrap_or(ProtocolVersion::V_2025_11_25.as_str());
        let versions = ProtocolVersion::KNOWN_VERSIONS.iter();
        Cow::Owned(versions.filter(|version| version.as_str() <= newest).cloned().collect())
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let missing = self.store.plan().missing_tools;
        let is_offered = |tool: &rmcp::model::Tool| !missing.iter().any(|name| tool.name == name.as_str());
        Ok(ListToolsResult::with_all_items(schemas::tools().into_iter().filter(is_offered).collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let parts = context.extensions.get::<Parts>();
        let passed = parts.and_then(|parts| parts.extensions.get::<PassedFault>());
        let fault = passed.and_then(|passed| passed.0.clone());
        let arguments = request.arguments.unwrap_or_default();
        for name in schemas::required(&request.name) {
            if !arguments.contains_key(&name) {
                return Err(ErrorData::invalid_params(format!("missing argument: {name}"), None));
            }
        }
        self.answer(&request.name, &arguments, fault).await.into_result()
    }
}

impl Tools {
    async fn answer(&self, tool: &str, arguments: &Map<String, Value>, fault: Option<Fault>) -> Answer {
        match fault {
            Some(Fault::Delay(millis)) => tokio::time::sleep(Duration::from_millis(millis)).await,
            Some(Fault::Gather(calls)) => {
                self.store.gathering(calls).wait().await;
            }
            _ => {}
        }
        if tool == "chat_with_agent" {
            return self.chat(arguments, fault.filter(|fault| !is_only_about_the_way(fault))).await;
        }
        let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
        let agent = text("agent_name");
        let named_agent = (!agent.is_empty()).then_some(agent);
        if let Some(failure) = fault.as_ref().and_then(|fault| Chat::of(arguments).refusal(fault)) {
            self.log.add(tool, named_agent, None, None, Outcome::Faulty);
            return match failure {
                Answer::Failed(text) => Answer::Failed(text.replace("chat_with_agent", tool)),
                other => other,
            };
        }
        let execution_id = text("execution_id");
        let named_execution = (!execution_id.is_empty()).then_some(execution_id);
        self.log.add(tool, named_agent, None, named_execution, Outcome::Answered);
        match tool {
            "list_agents" => Answer::Json(self.agents()),
            "get_agent_health" => self.health(agent),
            "get_execution_result" => {
                let with_log = arguments.get("include_log").and_then(Value::as_bool).unwrap_or(false);
                self.result(agent, execution_id, with_log)
            }
            "list_recent_executions" => {
                let limit = arguments.get("limit").and_then(Value::as_u64).unwrap_or(20).clamp(1, 100);
                self.recent(agent, usize::try_from(limit).unwrap_or(100))
            }
            _ => Answer::Rpc(-32_601),
        }
    }

    async fn chat(&self, arguments: &Map<String, Value>, fault: Option<Fault>) -> Answer {
        let chat = Chat::of(arguments);
        let (fault, execution) = chat.take_in(&self.store, &self.log, fault);
        if let Some(Fault::Delay(millis)) = fault {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
        if fault == Some(Fault::Hang) {
            std::future::pending::<()>().await;
        }
        if let Some(refusal) = fault.as_ref().and_then(|fault| chat.refusal(fault)) {
            return refusal;
        }
        match execution {
            Some(execution) => chat.answer(&execution).await,
            None => Answer::failed("chat_with_agent", &format!("nothing begun for {}", chat.agent())),
        }
    }

    fn agents(&self) -> Value {
        let plan = self.store.plan();
        let row = |(name, agent): (&String, &super::AgentPlan)| {
            json!({
                "name": name, "type": "business-assistant", "status": agent.status, "port": 2290,
                "created": "2026-01-01T00:00:00Z", "resources": {"cpu": "2", "memory": "4g"}, "container_id": "c0ffee",
                "template": null, "runtime": "claude-code", "base_image_version": "1", "owner": "service",
                "is_owner": true, "is_shared": false, "is_system": false, "autonomy_enabled": false,
                "read_only_enabled": false, "tags": [],
            })
        };
        plan.agents.iter().map(row).collect()
    }

    fn health(&self, agent: &str) -> Answer {
        match self.store.agent(agent) {
            Some(plan) => {
                let is_up = plan.status == "running";
                Answer::Json(json!({
                    "success": true, "aggregate_status": if is_up { "healthy" } else { "unhealthy" },
                    "docker": {"container_status": plan.status}, "network": {"reachable": is_up},
                    "business": {"runtime_available": is_up, "active_execution_count": self.store.running(agent),
                        "context_percent": 0},
                    "issues": [],
                }))
            }
            None => Answer::Json(json!({"success": false, "error": "API error (404): Agent not found"})),
        }
    }

    fn result(&self, agent: &str, id: &str, with_log: bool) -> Answer {
        let tool = "get_execution_result";
        match self.store.look(agent, id) {
            Some(execution) if with_log && execution.log_fails() => Answer::failed(tool, "fetch failed"),
            Some(execution) => Answer::Json(execution.result(with_log)),
            None => Answer::failed(tool, &api_error(404, "Execution not found")),
        }
    }

    fn recent(&self, agent: &str, limit: usize) -> Answer {
        if self.store.agent(agent).is_none() {
            return Answer::failed("list_recent_executions", &api_error(404, "Agent not found"));
        }
        let rows: Vec<Value> = self.store.recent(agent, limit).iter().map(super::store::Execution::row).collect();
        Answer::Json(json!({"agent_name": agent, "execution_count": rows.len(), "executions": rows}))
    }
}

/// Whether a fault only delays or breaks the way of the answer, and the tool does its work.
const fn is_only_about_the_way(fault: &Fault) -> bool {
    matches!(fault, Fault::Delay(_) | Fault::Gather(_) | Fault::CutStream)
}
