//! Agents whose calls a test answers when it wants to.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use procession_application::ports::{
    AgentFailure, AgentGateway, AgentListing, AgentReply, AgentStatus, AgentTask, Recovered, Submitted,
};
use procession_domain::{
    event::Usage,
    value::{ErrorCode, ExecutionId, Money},
};
use tokio::sync::Notify;

/// How many calls an agent takes at once: more than any test makes.
const CONCURRENCY: usize = 10_000;

/// Four agents: `quick` answers at once; `dear` does, too, and costs 0.60; `held` answers when it is released; `shaky` fails the first attempt of a step,
/// and is held from the second on.
#[derive(Default)]
pub struct HeldAgents {
    releases: Mutex<HashMap<(ExecutionId, String), Arc<Notify>>>,
    /// The keys of the calls, in order.
    calls: Mutex<Vec<String>>,
    abandoned: Mutex<Vec<String>>,
}

impl HeldAgents {
    /// Lets the call of a step be answered: the one that waits, or the next one.
    pub fn release(&self, execution: ExecutionId, step: &str) {
        self.gate(execution, step).notify_one();
    }

    /// The attempts of an execution's steps that were called, as `step/attempt`.
    pub fn calls_of(&self, execution: ExecutionId) -> Vec<String> {
        of(&self.calls.lock().unwrap(), execution)
    }

    /// The attempts of an execution's steps that were given up, as `step/attempt`.
    pub fn abandoned_of(&self, execution: ExecutionId) -> Vec<String> {
        of(&self.abandoned.lock().unwrap(), execution)
    }

    fn gate(&self, execution: ExecutionId, step: &str) -> Arc<Notify> {
        Arc::clone(self.releases.lock().unwrap().entry((execution, step.to_owned())).or_default())
    }
}

fn of(keys: &[String], execution: ExecutionId) -> Vec<String> {
    let prefix = format!("{execution}/");
    keys.iter().filter_map(|key| key.strip_prefix(&prefix)).map(str::to_owned).collect()
}

#[async_trait]
impl AgentGateway for HeldAgents {
    async fn submit(&self, task: &AgentTask) -> Result<Submitted, AgentFailure> {
        self.calls.lock().unwrap().push(task.key.clone());
        match task.agent.as_str() {
            "quick" | "dear" => {}
            "shaky" if task.attempt == 1 => {
                let (code, message) = (ErrorCode::AgentError, "the first attempt fails".to_owned());
                return Err(AgentFailure::Failed { code, message, retry_after: None, usage: Usage::default() });
            }
            "held" | "shaky" => self.gate(task.execution_id, task.step_id.as_str()).notified().await,
            other => panic!("there is no agent `{other}`"),
        }
        let cost = (task.agent == "dear").then(|| "0.60".parse::<Money>().unwrap());
        Ok(Submitted::Done(AgentReply { text: task.message.clone(), usage: Usage { cost, ..Usage::default() } }))
    }

    async fn wait(&self, _: &AgentTask, _: &str) -> Result<AgentReply, AgentFailure> {
        unreachable!("no call is accepted under a name")
    }

    async fn recover(&self, _: &AgentTask, _: Option<&str>) -> Result<Recovered, AgentFailure> {
        Ok(Recovered::Unknown)
    }

    async fn abandon(&self, _: &str, key: &str, _: Option<&str>) -> Option<Usage> {
        self.abandoned.lock().unwrap().push(key.to_owned());
        None
    }

    async fn list(&self) -> Result<Vec<AgentListing>, AgentFailure> {
        Ok(Vec::new())
    }

    async fn health(&self, _: &str) -> Result<AgentStatus, AgentFailure> {
        Ok(AgentStatus::Running)
    }

    fn concurrency(&self, _: &str) -> usize {
        CONCURRENCY
    }
}
