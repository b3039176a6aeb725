//! The platform's tools as functions.

use std::{collections::BTreeMap, sync::Arc, time::Duration as StdDuration};

use procession_application::ports::{AgentReply, AgentTask, Clock};
use procession_domain::value::{Duration, TraceContext, reply::read_json};
use rmcp::model::CallToolResult;
use serde_json::{Value, json};

use super::{
    PlatformSettings,
    answers::{AgentRow, ExecutionResult, ExecutionRow, RecentExecutions, synchronous_reply},
    classify::{Trouble, lost_call, refusal, tool_error},
    contract,
};
use crate::{
    failure::shortened,
    http_client::http_client,
    mcp_session::{Endpoint, Protocol, Session, text_of},
};

/// The most rows that the platform gives.
const RECENT: u64 = 100;

/// What became of a submission.
#[derive(Debug)]
pub(super) enum Accepted {
    /// The task runs under this id.
    Execution(String),
    /// The server has done it already.
    Done(AgentReply),
}

/// The tools.
pub(super) struct Calls {
    session: Session,
    longest: StdDuration,
    default_timeout: Duration,
}

impl Calls {
    pub(super) fn new(settings: &PlatformSettings, clock: Arc<dyn Clock>) -> Self {
        let endpoint = Endpoint {
            address: settings.address.clone(),
            api_key: settings.api_key.clone(),
            http: http_client(&settings.proxies),
            protocol: Protocol::Sessions,
            largest_event: settings.largest_answer,
            expectation: contract::check,
        };
        Self {
            session: Session::new(endpoint, clock),
            longest: settings.request_timeout.to_std(),
            default_timeout: settings.default_timeout,
        }
    }

    /// Opens the session, which looks at the tools.
    pub(super) async fn check(&self) -> Result<(), Trouble> {
        self.session.tools(self.longest).await.map(|_| ()).map_err(lost_call)
    }

    /// `chat_with_agent`, to be done in the background.
    pub(super) async fn chat(&self, task: &AgentTask) -> Result<Accepted, Trouble> {
        let timeout = task.timeout.unwrap_or(self.default_timeout);
        let mut arguments = BTreeMap::from([
            ("agent_name".to_owned(), json!(task.agent)),
            ("message".to_owned(), json!(format!("{}\n\n{}", task.message, correlation_line(&task.key)))),
            ("parallel".to_owned(), json!(true)),
            ("async".to_owned(), json!(true)),
            ("timeout_seconds".to_owned(), json!(timeout.as_millis().div_ceil(1_000).max(1))),
        ]);
        if let Some(model) = &task.model {
            arguments.insert("model".to_owned(), json!(model));
        }
        let body = self.call("chat_with_agent", arguments, task.trace).await?;
        let is_accepted = body.get("status").and_then(Value::as_str) == Some("accepted");
        if let Some(id) = body.get("execution_id").and_then(Value::as_str).filter(|_| is_accepted) {
            return Ok(Accepted::Execution(id.to_owned()));
        }
        synchronous_reply(&body).map(Accepted::Done).ok_or_else(|| not_understood("chat_with_agent", &body.to_string()))
    }

    /// `get_execution_result`.
    pub(super) async fn result(&self, agent: &str, id: &str, with_log: bool) -> Result<ExecutionResult, Trouble> {
        let arguments = BTreeMap::from([
            ("agent_name".to_owned(), json!(agent)),
            ("execution_id".to_owned(), json!(id)),
            ("include_log".to_owned(), json!(with_log)),
        ]);
        let body = self.call("get_execution_result", arguments, None).await?;
        serde_json::from_value(body).map_err(|error| not_understood("get_execution_result", &error.to_string()))
    }

    /// `list_recent_executions`.
    pub(super) async fn recent(&self, agent: &str) -> Result<Vec<ExecutionRow>, Trouble> {
        let arguments = BTreeMap::from([("agent_name".to_owned(), json!(agent)), ("limit".to_owned(), json!(RECENT))]);
        let body = self.call("list_recent_executions", arguments, None).await?;
        let recent: RecentExecutions = serde_json::from_value(body)
            .map_err(|error| not_understood("list_recent_executions", &error.to_string()))?;
        Ok(recent.executions)
    }

    /// `list_agents`.
    pub(super) async fn agents(&self) -> Result<Vec<AgentRow>, Trouble> {
        let body = self.call("list_agents", BTreeMap::new(), None).await?;
        serde_json::from_value(body).map_err(|error| not_understood("list_agents", &error.to_string()))
    }

    /// The JSON body of a tool's answer, if it is no refusal.
    async fn call(
        &self,
        tool: &str,
        arguments: BTreeMap<String, Value>,
        trace: Option<TraceContext>,
    ) -> Result<Value, Trouble> {
        let answer = self.session.call(tool, arguments, self.longest, trace).await.map_err(lost_call)?;
        let body = body_of(tool, &answer)?;
        match refusal(&body) {
            Some(trouble) => Err(trouble),
            None => Ok(body),
        }
    }
}

/// The line by which a task is found again.
pub(super) fn correlation_line(key: &str) -> String {
    format!("[ref: {key}]")
}

fn body_of(tool: &str, answer: &CallToolResult) -> Result<Value, Trouble> {
    let text = text_of(answer).unwrap_or_default();
    if answer.is_error == Some(true) {
        return Err(tool_error(&text));
    }
    read_json(&text).ok_or_else(|| not_understood(tool, &text))
}

fn not_understood(tool: &str, what: &str) -> Trouble {
    Trouble::AgentError(format!("the platform's answer to {tool} can't be understood: {}", shortened(what, 200)))
}
