//! The platform's state: its plan, and the executions of its agents.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::sync::Barrier;

use super::plan::{AgentPlan, Ending, Fault, LogPlan, Plan, PlannedFault, Rule};

/// The most executions that are kept of each agent.
const KEPT: usize = 5_000;

/// What the sweeper writes (spec 6, 2.2).
const SWEPT: &str = "Silent launch failure: execution was marked running but never got a session id";

/// One task of an agent.
#[derive(Debug, Clone)]
pub(super) struct Execution {
    pub(super) id: String,
    agent: String,
    message: String,
    rule: Rule,
    began: Instant,
    started_at: String,
    looks: u64,
    /// It was refused for want of room, and never ran.
    is_refused: bool,
}

/// The state.
#[derive(Debug, Default)]
pub(super) struct Store {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    plan: Plan,
    faults: Vec<PlannedFault>,
    /// How often each rule was used, by agent and place.
    used: HashMap<(String, usize), u64>,
    /// Where calls wait for each other, by how many they are to be.
    gatherings: HashMap<usize, Arc<Barrier>>,
    /// Oldest first.
    executions: Vec<Execution>,
}

impl Store {
    pub(super) fn new(plan: Plan) -> Self {
        let store = Self::default();
        store.set_plan(plan);
        store
    }

    /// Puts a new plan in force; executions stay.
    pub(super) fn set_plan(&self, plan: Plan) {
        let mut inner = self.inner();
        inner.faults.clone_from(&plan.faults);
        inner.used.clear();
        inner.plan = plan;
    }

    pub(super) fn plan(&self) -> Plan {
        self.inner().plan.clone()
    }

    pub(super) fn add_fault(&self, fault: PlannedFault) {
        self.inner().faults.push(fault);
    }

    /// The fault due for this call of a tool.
    pub(super) fn take_fault(&self, tool: &str) -> Option<Fault> {
        let mut inner = self.inner();
        let planned = inner.faults.iter_mut().find(|fault| fault.tool == tool && fault.times > 0)?;
        if planned.after > 0 {
            planned.after -= 1;
            return None;
        }
        planned.times -= 1;
        Some(planned.fault.clone())
    }

    /// Where so many calls wait for each other.
    pub(super) fn gathering(&self, calls: usize) -> Arc<Barrier> {
        let mut inner = self.inner();
        let gathering = inner.gatherings.entry(calls).or_insert_with(|| Arc::new(Barrier::new(calls)));
        Arc::clone(gathering)
    }

    /// An agent, if there is one of this name.
    pub(super) fn agent(&self, name: &str) -> Option<AgentPlan> {
        let inner = self.inner();
        inner.plan.agents.get(name).or(inner.plan.any_agent.as_ref()).cloned()
    }

    /// The rule for a message; using it up is noted.
    pub(super) fn take_rule(&self, agent: &str, message: &str) -> Rule {
        let Some((place, rule)) = self.fitting_rule(agent, message) else {
            return Rule::default();
        };
        *self.inner().used.entry((agent.to_owned(), place)).or_default() += 1;
        rule
    }

    /// The rule that [`take_rule`](Self::take_rule) would give.
    pub(super) fn next_rule(&self, agent: &str, message: &str) -> Option<Rule> {
        self.fitting_rule(agent, message).map(|(_, rule)| rule)
    }

    fn fitting_rule(&self, agent: &str, message: &str) -> Option<(usize, Rule)> {
        let plan = self.agent(agent)?;
        let inner = self.inner();
        let fits = |(place, rule): &(usize, Rule)| {
            let used = inner.used.get(&(agent.to_owned(), *place)).copied().unwrap_or(0);
            rule.when.as_ref().is_none_or(|text| message.contains(text.as_str()))
                && rule.times.is_none_or(|times| used < times)
        };
        plan.rules.into_iter().enumerate().find(fits)
    }

    /// How many tasks of an agent run.
    pub(super) fn running(&self, agent: &str) -> usize {
        let inner = self.inner();
        inner.executions.iter().filter(|execution| execution.agent == agent && execution.status() == "running").count()
    }

    /// Begins a task; `is_refused` only writes the record of one that had no room.
    pub(super) fn begin(&self, agent: &str, message: &str, rule: Rule, is_refused: bool) -> Execution {
        let execution = Execution {
            id: uuid::Uuid::new_v4().to_string(),
            agent: agent.to_owned(),
            message: message.to_owned(),
            rule,
            began: Instant::now(),
            started_at: now(),
            looks: 0,
            is_refused,
        };
        let mut inner = self.inner();
        if inner.executions.len() >= KEPT {
            inner.executions.remove(0);
        }
        inner.executions.push(execution.clone());
        execution
    }

    /// Looks at an execution, which counts towards its `polls`.
    pub(super) fn look(&self, agent: &str, id: &str) -> Option<Execution> {
        let mut inner = self.inner();
        let found = |execution: &&mut Execution| execution.agent == agent && execution.id == id;
        let execution = inner.executions.iter_mut().find(found)?;
        execution.looks += 1;
        Some(execution.clone())
    }

    /// The newest executions of an agent, newest first.
    pub(super) fn recent(&self, agent: &str, limit: usize) -> Vec<Execution> {
        let inner = self.inner();
        let of_agent = inner.executions.iter().rev().filter(|execution| execution.agent == agent);
        of_agent.take(limit).cloned().collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Execution {
    /// Whether it has done its work, whatever the record says.
    pub(super) fn is_done(&self) -> bool {
        self.began.elapsed() >= self.rule.duration() && self.rule.ends != Ending::Never
    }

    /// The record's status.
    pub(super) fn status(&self) -> &'static str {
        if self.is_refused {
            return "failed";
        }
        if !self.is_done() || self.looks <= self.rule.polls {
            return "running";
        }
        if self.looks <= self.rule.polls + self.rule.false_failures {
            return "failed";
        }
        match self.rule.ends {
            Ending::Success => "success",
            Ending::Failed => "failed",
            Ending::Cancelled => "cancelled",
            Ending::Skipped => "skipped",
            Ending::Never => "running",
        }
    }

    /// What the agent answers.
    pub(super) fn reply(&self) -> String {
        let key = super::Reference::of_message(&self.message).map_or_else(String::new, |reference| reference.key);
        let line = format!("[ref: {key}]");
        let message = self.message.trim_end().strip_suffix(line.as_str()).unwrap_or(&self.message).trim_end();
        let reply = self.rule.reply.as_deref().unwrap_or("{message}");
        reply.replace("{message}", message).replace("{key}", &key)
    }

    /// The shape of `get_execution_result` (spec 6, 1.8).
    pub(super) fn result(&self, with_log: bool) -> Value {
        let status = self.status();
        let has_ended = status != "running";
        let error = match (status, self.is_refused) {
            ("failed", true) => Some(capacity_text(&self.agent)),
            ("failed", false) if self.is_swept() => Some(SWEPT.to_owned()),
            ("failed", false) => Some(self.rule.error.clone().unwrap_or_else(|| "the agent failed".to_owned())),
            _ => None,
        };
        let mut result = json!({
            "execution_id": self.id,
            "agent_name": self.agent,
            "status": status,
            "message": self.message,
            "response": (status == "success").then(|| self.reply()),
            "error": error,
            "started_at": self.started_at,
            // Filled while it runs: the update to "running" stamps them.
            "completed_at": now(),
            "duration_ms": 12,
            "triggered_by": "manual",
            "cost": self.rule.cost.filter(|cost| has_ended && status == "success" && *cost != 0.0),
            "context_used": self.rule.tokens.map(|tokens| tokens.input + tokens.output).filter(|_| has_ended),
            "context_max": 200_000,
            "model_used": "sonnet",
        });
        if with_log && let Some(fields) = result.as_object_mut() {
            if self.rule.log == LogPlan::Lost {
                fields.insert("execution_log".into(), Value::Null);
                fields.insert("log_error".into(), json!("the log is not there"));
            } else {
                fields.insert("execution_log".into(), self.transcript());
            }
        }
        result
    }

    /// The shape of a row of `list_recent_executions`: no response, no error.
    pub(super) fn row(&self) -> Value {
        let result = self.result(false);
        let field = |name: &str| result.get(name).cloned().unwrap_or(Value::Null);
        json!({
            "id": self.id, "status": field("status"), "started_at": field("started_at"),
            "completed_at": field("completed_at"), "duration_ms": field("duration_ms"), "message": field("message"),
            "triggered_by": "manual", "context_used": field("context_used"), "context_max": 200_000,
            "cost": field("cost"), "source_mcp_key_id": "key-1", "source_mcp_key_name": "procession",
            "source_agent_name": null, "claude_session_id": null, "model_used": "sonnet",
        })
    }

    /// Whether asking for the transcript fails.
    pub(super) fn log_fails(&self) -> bool {
        self.rule.log == LogPlan::Fails
    }

    /// The run's transcript: its last entry has cost and tokens (spec 6, 3).
    pub(super) fn transcript(&self) -> Value {
        let tokens = self.rule.tokens.unwrap_or_default();
        let filling = match self.rule.log {
            LogPlan::Filled(bytes) => "x".repeat(bytes),
            LogPlan::Kept | LogPlan::Lost | LogPlan::Fails => String::new(),
        };
        json!([
            {"type": "system", "subtype": "init"},
            {"type": "assistant", "message": {"content": [{"type": "text", "text": filling}]}},
            {"type": "result", "subtype": "success", "total_cost_usd": self.rule.cost, "usage": {
                "input_tokens": tokens.input, "output_tokens": tokens.output,
                "cache_creation_input_tokens": 0, "cache_read_input_tokens": tokens.cached}},
        ])
    }

    /// The `metadata` of a synchronous answer (spec 6, 2.3).
    pub(super) fn metadata(&self) -> Value {
        let tokens = self.rule.tokens.unwrap_or_default();
        json!({
            "cost_usd": self.rule.cost, "duration_ms": 12, "num_turns": 1, "tool_count": 0, "session_id": self.id,
            "execution_id": self.id, "input_tokens": tokens.input, "output_tokens": tokens.output,
            "cache_creation_tokens": 0, "cache_read_tokens": tokens.cached, "context_window": 200_000,
            "error_type": null, "error_message": null,
        })
    }

    fn is_swept(&self) -> bool {
        self.looks <= self.rule.polls + self.rule.false_failures && self.is_done()
    }
}

/// The refusal of an agent that has no room.
pub(super) fn capacity_text(agent: &str) -> String {
    format!("Agent '{agent}' is at capacity. All parallel execution slots are in use; try again later.")
}

/// The time as the platform writes it.
pub(super) fn now() -> String {
    OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default()
}
