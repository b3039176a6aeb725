//! What the tests of local agents share: clocks under control, tasks, and a router over a text.

use std::{collections::HashMap, path::Path, sync::Arc};

use async_trait::async_trait;
use procession_agents::{AgentsFile, Router, Surroundings};
use procession_application::ports::{AgentFailure, AgentGateway, AgentReply, AgentTask, Clock, Submitted};
use procession_domain::value::{Duration, ErrorCode, ExecutionId, StepId, Timestamp};
use tokio::sync::watch;
use uuid::Uuid;

/// A clock that stands still until it is moved.
pub struct ManualClock(watch::Sender<Timestamp>);

impl ManualClock {
    pub fn new() -> Arc<Self> {
        let start: Timestamp = "2026-11-21T10:00:00+00:00".parse().unwrap();
        Arc::new(Self(watch::Sender::new(start)))
    }

    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now = now.saturating_add(by));
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    async fn sleep_until(&self, until: Timestamp) {
        let mut moved = self.0.subscribe();
        moved.wait_for(|now| *now >= until).await.unwrap();
    }
}

/// A router with the agents of a text, a clock by hand, and these variables.
pub fn router(clock: &Arc<ManualClock>, folder: &Path, text: &str, variables: &[(&str, &str)]) -> Router {
    let variables: HashMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let surroundings = Surroundings {
        clock: clock.clone(),
        environment: Arc::new(move |name| variables.get(name).cloned()),
        allow_commands: true,
        price_list: true,
    };
    let router = Router::new(surroundings, None);
    router.put_in_force(AgentsFile::parse(text).unwrap(), folder);
    router
}

/// The first attempt of step `draft`.
pub fn task(agent: &str, message: &str) -> AgentTask {
    attempt(agent, message, 1)
}

/// An attempt of step `draft`.
pub fn attempt(agent: &str, message: &str, attempt: u32) -> AgentTask {
    let execution_id = ExecutionId::new(Uuid::from_u128(7));
    AgentTask {
        agent: agent.to_owned(),
        message: message.to_owned(),
        model: None,
        temperature: None,
        timeout: None,
        key: format!("{execution_id}/draft/{attempt}"),
        execution_id,
        step_id: StepId::new("draft").unwrap(),
        attempt,
        trace: None,
    }
}

/// The same task as part of a trace.
pub fn traced(task: AgentTask) -> AgentTask {
    AgentTask { trace: Some(TRACE.parse().unwrap()), ..task }
}

/// The place in the trace of [`traced`].
pub const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The reply of an agent that answers at once.
pub async fn ask(router: &Router, task: &AgentTask) -> Result<AgentReply, AgentFailure> {
    match router.submit(task).await? {
        Submitted::Done(reply) => Ok(reply),
        Submitted::Accepted(call_ref) => panic!("a local agent answers at once, not under {call_ref}"),
    }
}

/// A failure's code and message.
pub fn failure(outcome: Result<AgentReply, AgentFailure>) -> (ErrorCode, String) {
    match outcome.unwrap_err() {
        AgentFailure::Failed { code, message, .. } => (code, message),
        AgentFailure::Busy { .. } => panic!("the agent is busy"),
    }
}
