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
    failure::{failed, failed_for},
    file::Section,
    local::LocalAgent,
    mcp_session::{CallFailure, Endpoint, Protocol, Session, text_of},
    secret::{Environment, Secret, SecretSource},
};

/// How long a call may take when neither the step nor the agent says so.
const LONGEST_CALL: StdDuration = StdDuration::from_hours(1);
const LONGEST_LOOK: StdDuration = StdDuration::from_secs(30);

/// Which tool of which server.
#[derive(Debug, Clone)]
pub(crate) struct McpSettings {
    url: String,
    api_key: Option<SecretSource>,
    tool: String,
    argument: String,
    cost: Option<Money>,
}

impl McpSettings {
    /// Reads the keys of this kind.
    pub(crate) fn read(section: &mut Section<'_>) -> Option<Self> {
        let url = section.required_url("url");
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
    session: Session,
}

impl McpAgent {
    /// An agent of this name.
    pub(crate) fn new(name: &str, settings: McpSettings, environment: &Environment, clock: Arc<dyn Clock>) -> Self {
        let key = settings.api_key.as_ref().map(|source| source.resolve(environment));
        let known_key = match &key {
            Some(Secret::Known(key)) => Some(key.clone()),
            Some(Secret::Missing(_)) | None => None,
        };
        let endpoint = Endpoint {
            url: settings.url.clone(),
            api_key: known_key,
            protocol: Protocol::Any,
            largest_event: 16 * 1024 * 1024,
            expectation: |_| Ok(()),
        };
        Self { name: name.to_owned(), settings, key, session: Session::new(endpoint, clock) }
    }

    fn check_key(&self) -> Result<(), AgentFailure> {
        match &self.key {
            Some(Secret::Missing(variable)) => {
                let name = &self.name;
                let message = format!("the agent `{name}` needs the environment variable {variable}, which is not set");
                Err(failed(ErrorCode::Unauthorized, message))
            }
            Some(Secret::Known(_)) | None => Ok(()),
        }
    }

    fn masked(&self, text: String) -> String {
        match &self.key {
            Some(key) => key.masked(text),
            None => text,
        }
    }

    fn explained(&self, failure: CallFailure) -> AgentFailure {
        let (name, tool) = (&self.name, &self.settings.tool);
        let (code, text, retry_after) = match failure {
            CallFailure::NotSent(text) | CallFailure::Lost(text) => (ErrorCode::AgentUnavailable, text, None),
            CallFailure::TimedOut(text) => (ErrorCode::Timeout, text, None),
            CallFailure::Unauthorized(text) => (ErrorCode::Unauthorized, text, None),
            CallFailure::NoSuchServer(text) | CallFailure::Unexpected(text) => (ErrorCode::AgentNotFound, text, None),
            CallFailure::Http { status, retry_after } => {
                let code = if status == 429 { ErrorCode::RateLimited } else { ErrorCode::AgentUnavailable };
                (code, format!("the server answered with HTTP {status}"), retry_after)
            }
            CallFailure::Rpc { code, message } => {
                let kind = match code {
                    -32_602 | -32_601 => ErrorCode::InvalidConfig,
                    _ => ErrorCode::AgentError,
                };
                (kind, format!("{message} (JSON-RPC {code})"), None)
            }
        };
        let message = self.masked(format!("the tool `{tool}` of the agent `{name}`: {text}"));
        failed_for(code, message, retry_after)
    }
}

#[async_trait]
impl LocalAgent for McpAgent {
    async fn answer(&self, task: &AgentTask) -> Result<AgentReply, AgentFailure> {
        self.check_key()?;
        let arguments = BTreeMap::from([(self.settings.argument.clone(), Value::from(task.message.as_str()))]);
        let longest = task.timeout.map_or(LONGEST_CALL, Duration::to_std);
        let answer = self.session.call(&self.settings.tool, arguments, longest).await;
        let answer = answer.map_err(|failure| self.explained(failure))?;
        let text = reply_text(&answer);
        if answer.is_error == Some(true) {
            let said = text.unwrap_or_else(|| "it gives no reason".to_owned());
            let message = format!("the tool `{}` of the agent `{}` failed: {said}", self.settings.tool, self.name);
            return Err(failed(ErrorCode::AgentError, self.masked(message)));
        }
        let Some(text) = text else {
            let message = format!("the tool `{}` of `{}` answered without text", self.settings.tool, self.name);
            return Err(failed(ErrorCode::AgentError, message));
        };
        Ok(AgentReply { text, usage: Usage { cost: self.settings.cost, token_usage: None } })
    }

    fn status(&self) -> AgentStatus {
        match self.check_key() {
            Ok(()) => AgentStatus::Running,
            Err(_) => AgentStatus::Stopped,
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
