//! Kind `mcp`: one tool of any MCP server (spec 5.2). The platform's own server is no such agent; see `platform`.

use std::{collections::BTreeMap, sync::Arc, time::Duration as StdDuration};

use async_trait::async_trait;
use procession_application::ports::{AgentFailure, AgentReply, AgentStatus, AgentTask, Clock};
use procession_domain::{
    event::Usage,
    value::{Duration, ErrorCode, Money},
};
use rmcp::model::CallToolResult;
use serde_json::Value;

use crate::{
    address::Address,
    failure::{failed, failed_for},
    file::Section,
    http_client::{Proxies, http_client},
    local::LocalAgent,
    mcp_failure::CallFailure,
    mcp_session::{Endpoint, Protocol, Session, text_of},
    secret::{Environment, Masks, Secret, SecretSource, missing},
};

/// How long a call may take when neither the step nor the agent says so.
const LONGEST_CALL: StdDuration = StdDuration::from_hours(1);
const LONGEST_LOOK: StdDuration = StdDuration::from_secs(30);

/// Which tool of which server.
#[derive(Debug, Clone)]
pub(crate) struct McpSettings {
    url: Address,
    api_key: Option<SecretSource>,
    tool: String,
    argument: String,
    cost: Option<Money>,
}

impl McpSettings {
    /// Reads the keys of this kind.
    pub(crate) fn read(section: &mut Section<'_>) -> Option<Self> {
        let url = section.required_address("url");
        let api_key = section.secret("api_key");
        let tool = section.required_text("tool");
        let argument = section.text("argument").unwrap_or_else(|| "message".to_owned());
        let cost = section.money("cost");
        Some(Self { url: url?, api_key, tool: tool?, argument, cost })
    }
}

/// An agent that is a tool.
pub(crate) struct McpAgent {
    name: String,
    settings: McpSettings,
    key: Option<Secret>,
    masks: Masks,
    http: Result<reqwest::Client, String>,
    session: Session,
}

impl McpAgent {
    /// An agent of this name.
    pub(crate) fn new(
        name: &str,
        settings: McpSettings,
        environment: &Environment,
        proxies: &Proxies,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let key = settings.api_key.as_ref().map(|source| source.resolve(environment));
        let known_key = key.as_ref().and_then(Secret::known);
        let http = http_client(proxies);
        let endpoint = Endpoint {
            address: settings.url.clone(),
            api_key: known_key.cloned(),
            http: http.clone(),
            protocol: Protocol::Any,
            largest_event: 16 * 1024 * 1024,
            expectation: |_| Ok(()),
        };
        Self {
            name: name.to_owned(),
            masks: Masks::new(known_key, &settings.url),
            settings,
            key,
            http,
            session: Session::new(endpoint, clock),
        }
    }

    fn check_key(&self) -> Result<(), AgentFailure> {
        match &self.key {
            Some(Secret::Missing(variable)) => {
                Err(failed(ErrorCode::Unauthorized, format!("the agent `{}`: {}", self.name, missing(variable))))
            }
            Some(Secret::Known(_)) | None => Ok(()),
        }
    }

    fn explained(&self, failure: CallFailure) -> AgentFailure {
        let (name, tool) = (&self.name, &self.settings.tool);
        let mut pause = None;
        let (code, text) = match failure {
            CallFailure::NotSent(text) | CallFailure::Lost(text) => (ErrorCode::AgentUnavailable, text),
            CallFailure::TimedOut(text) => (ErrorCode::Timeout, text),
            CallFailure::Unauthorized(text) => (ErrorCode::Unauthorized, text),
            CallFailure::NoSuchServer(text) | CallFailure::Unexpected(text) => (ErrorCode::AgentNotFound, text),
            CallFailure::SessionLost { text, .. } => (
                ErrorCode::AgentError,
                format!("the server refused the session, and the next call opens a new one: {text}"),
            ),
            CallFailure::Http { status, rpc_code, text, retry_after } => {
                pause = retry_after;
                (code_of_status(status, rpc_code), format!("the server refused the call: {text}"))
            }
            CallFailure::Rpc { code, message } => (code_of_rpc(code), format!("{message} (JSON-RPC {code})")),
        };
        let message = self.masks.masked(&format!("the tool `{tool}` of the agent `{name}`: {text}"));
        failed_for(code, message, pause.as_ref())
    }
}

/// What a status other than success means for a call.
const fn code_of_status(status: u16, rpc_code: Option<i32>) -> ErrorCode {
    match (status, rpc_code) {
        (429, _) => ErrorCode::RateLimited,
        // From 502 on it is a gateway that speaks, whatever the body; below, a server that says what is wrong.
        (502..=504, _) | (500.., None) => ErrorCode::AgentUnavailable,
        (_, Some(code)) => code_of_rpc(code),
        (_, None) => ErrorCode::AgentError,
    }
}

const fn code_of_rpc(code: i32) -> ErrorCode {
    match code {
        -32_602 | -32_601 => ErrorCode::InvalidConfig,
        _ => ErrorCode::AgentError,
    }
}

#[async_trait]
impl LocalAgent for McpAgent {
    async fn answer(&self, task: &AgentTask) -> Result<AgentReply, AgentFailure> {
        self.check_key()?;
        let arguments = BTreeMap::from([(self.settings.argument.clone(), Value::from(task.message.as_str()))]);
        let longest = task.timeout.map_or(LONGEST_CALL, Duration::to_std);
        let answer = self.session.call(&self.settings.tool, arguments, longest, task.trace).await;
        let answer = answer.map_err(|failure| self.explained(failure))?;
        let text = reply_text(&answer);
        if answer.is_error == Some(true) {
            let said = text.unwrap_or_else(|| "it gave no reason".to_owned());
            let message = format!("the tool `{}` of the agent `{}` failed: {said}", self.settings.tool, self.name);
            return Err(failed(ErrorCode::AgentError, self.masks.masked(&message)));
        }
        let Some(text) = text else {
            let message = format!("the tool `{}` of `{}` answered without text", self.settings.tool, self.name);
            return Err(failed(ErrorCode::AgentError, message));
        };
        Ok(AgentReply { text, usage: Usage::of_cost(self.settings.cost) })
    }

    fn obstacle(&self) -> Option<String> {
        match (&self.key, &self.http) {
            (Some(Secret::Missing(variable)), _) => Some(missing(variable)),
            (_, Err(error)) => Some(error.clone()),
            (Some(Secret::Known(_)) | None, Ok(_)) => None,
        }
    }

    async fn health(&self) -> Result<AgentStatus, AgentFailure> {
        self.check_key()?;
        let tools = self.session.tools(LONGEST_LOOK).await.map_err(|failure| self.explained(failure))?;
        Ok(if tools.iter().any(|tool| tool.name == self.settings.tool) {
            AgentStatus::Running
        } else {
            AgentStatus::Stopped
        })
    }
}

/// The text parts of an answer; without any, its structured content as JSON.
fn reply_text(answer: &CallToolResult) -> Option<String> {
    text_of(answer).or_else(|| match &answer.structured_content {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Null) | None => None,
        Some(value) => Some(value.to_string()),
    })
}
