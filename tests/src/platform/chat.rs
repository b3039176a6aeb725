//! `chat_with_agent` in its three modes (spec 6, 1.5 to 1.7).

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    calls::{CallLog, Outcome, Reference},
    plan::{Fault, Rule},
    store::{Execution, Store, capacity_text, now},
    tools::Answer,
};

const TOOL: &str = "chat_with_agent";

/// How a message is to be handled.
#[derive(Debug, Clone)]
pub(super) struct Chat {
    agent: String,
    message: String,
    is_parallel: bool,
    is_async: bool,
}

impl Chat {
    /// The call's arguments, which have been checked.
    pub(super) fn of(arguments: &Map<String, Value>) -> Self {
        let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_set = |name: &str| arguments.get(name).and_then(Value::as_bool).unwrap_or(false);
        let is_parallel = is_set("parallel");
        Self {
            agent: text("agent_name"),
            message: text("message"),
            is_parallel,
            // Ignored without `parallel`.
            is_async: is_parallel && is_set("async"),
        }
    }

    pub(super) fn agent(&self) -> &str {
        &self.agent
    }

    /// Takes the message in: the fault of the plan, if any, and the task that began, if any.
    pub(super) fn take_in(
        &self,
        store: &Store,
        log: &CallLog,
        planned: Option<Fault>,
    ) -> (Option<Fault>, Option<Execution>) {
        let reference = Reference::of_message(&self.message);
        let refuse = |fault: Fault, outcome| {
            log.add(TOOL, Some(&self.agent), reference.clone(), None, outcome);
            (Some(fault), None)
        };
        let Some(agent) = store.agent(&self.agent) else {
            return refuse(Fault::NoSuchAgent, Outcome::Refused);
        };
        if let Some(fault) = planned {
            return refuse(fault, Outcome::Faulty);
        }
        if agent.status != "running" {
            return refuse(Fault::Api(503, "Agent is not running".into()), Outcome::Refused);
        }
        let is_full = self.is_parallel && store.running(&self.agent) >= agent.capacity;
        let rule = if is_full { Rule::default() } else { store.take_rule(&self.agent, &self.message) };
        let fault = if is_full { Some(Fault::AtCapacity) } else { rule.submit.clone() };
        match fault {
            Some(Fault::AtCapacity) => {
                store.begin(&self.agent, &self.message, rule, true);
                refuse(Fault::AtCapacity, Outcome::Refused)
            }
            Some(fault) if !rule.runs => refuse(fault, Outcome::Refused),
            fault => {
                let execution = store.begin(&self.agent, &self.message, rule, false);
                log.add(TOOL, Some(&self.agent), reference, Some(&execution.id), Outcome::Began);
                (fault, Some(execution))
            }
        }
    }

    /// The answer for a task that began.
    pub(super) async fn answer(&self, execution: &Execution) -> Answer {
        if self.is_async {
            return Answer::Json(json!({
                "status": "accepted", "execution_id": execution.id, "agent_name": self.agent,
                "message": "Task accepted", "async_mode": true,
            }));
        }
        while !execution.is_done() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let answer = json!({
            "response": execution.reply(), "execution_log": execution.transcript(), "metadata": execution.metadata(),
            "timestamp": now(),
        });
        let extra = if self.is_parallel {
            json!({"session_id": execution.id, "task_execution_id": execution.id})
        } else {
            json!({
                "execution_log_simplified": [],
                "session": {"total_cost_usd": 99.9, "context_tokens": 1, "context_window": 200_000,
                    "message_count": 2, "model": "sonnet"},
                "execution": {"id": "queue-1", "task_execution_id": execution.id, "queue_status": "running",
                    "was_queued": false},
            })
        };
        Answer::Json(merged(answer, extra))
    }

    /// The answer of a refusal, or of a fault that looks like one.
    pub(super) fn refusal(&self, fault: &Fault) -> Option<Answer> {
        let agent = &self.agent;
        let denied = |reason: String| {
            Answer::Json(json!({"error": "Access denied", "reason": reason, "caller": "service", "target": agent}))
        };
        let busy = |details: Value| {
            Answer::Json(json!({"status": "agent_busy", "agent": agent, "queue_status": "queue_full",
                "retry_after_seconds": 30, "message": "The agent is busy", "details": details}))
        };
        Some(match fault {
            Fault::Denied => denied(format!("User 'service' does not have access to agent '{agent}'")),
            Fault::NoSuchAgent => denied(format!("Target agent '{agent}' not found")),
            Fault::AgentBusy => busy(json!({"detail": {"error": "Agent queue is full", "agent": agent,
                "queue_length": 3, "retry_after": 30, "message": "try again later"}})),
            Fault::ProviderBusy => busy(json!({"detail": "Rate limited by the model's provider"})),
            Fault::AtCapacity => Answer::failed(TOOL, &api_error(429, &capacity_text(agent))),
            Fault::FetchFailed => Answer::failed(TOOL, "fetch failed"),
            Fault::Aborted => Answer::failed(TOOL, "This operation was aborted"),
            Fault::Api(status, detail) => Answer::failed(TOOL, &api_error(*status, detail)),
            Fault::Rpc(code) => Answer::Rpc(*code),
            Fault::Unauthorized
            | Fault::Http503
            | Fault::SessionLost
            | Fault::Disconnect
            | Fault::CutStream
            | Fault::Hang
            | Fault::Delay(_)
            | Fault::Gather(_) => return None,
        })
    }
}

/// The text of a backend's error.
pub(super) fn api_error(status: u16, detail: &str) -> String {
    format!("API error ({status}): {}", json!({"detail": detail}))
}

fn merged(mut first: Value, second: Value) -> Value {
    if let (Some(fields), Value::Object(more)) = (first.as_object_mut(), second) {
        fields.extend(more);
    }
    first
}
