//! The local agents in force: built from an [`AgentsFile`], each with its time-out, each call endable from outside.

use std::{
    collections::HashMap,
    ffi::OsString,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use indexmap::IndexMap;
use procession_application::ports::{AgentFailure, AgentListing, AgentReply, AgentStatus, AgentTask, Clock};
use procession_domain::value::{Duration, ErrorCode};
use tokio_util::sync::CancellationToken;

use crate::{
    failure::failed,
    file::{AgentsFile, Kind, LocalAgentSettings},
    http_client::Proxies,
    kinds::{
        command::{CommandAgent, Programs},
        echo::EchoAgent,
        mcp::McpAgent,
        openai::OpenAiAgent,
        script::ScriptAgent,
    },
    secret::Environment,
};

/// How many calls a local agent takes at once when its settings don't say (spec 5.3).
pub(crate) const LOCAL_CONCURRENCY: usize = 64;

/// What local agents need of the program around them.
#[derive(Clone)]
pub struct Surroundings {
    /// The time, for delays and time-outs.
    pub clock: Arc<dyn Clock>,
    /// The look-up behind `${ENV:NAME}`.
    pub environment: Environment,
    /// Whether agents of kind `command` may run (spec 8.2, `agents.allow_commands`).
    pub allow_commands: bool,
    /// Whether models without a price cost what the price list says (`agents.price_list`).
    pub price_list: bool,
}

/// How one kind of agent answers. A call is one future: dropping it ends the call and everything it started.
#[async_trait]
pub(crate) trait LocalAgent: Send + Sync {
    /// Does the task.
    async fn answer(&self, task: &AgentTask) -> Result<AgentReply, AgentFailure>;

    /// Why it can't take work, as far as that is known without asking anybody: a sentence that says what to do.
    fn obstacle(&self) -> Option<String> {
        None
    }

    /// Whether it could take work, as far as that is known without asking anybody.
    fn status(&self) -> AgentStatus {
        if self.obstacle().is_none() { AgentStatus::Running } else { AgentStatus::Stopped }
    }

    /// Whether it is up.
    async fn health(&self) -> Result<AgentStatus, AgentFailure> {
        Ok(self.status())
    }
}

/// The agents of one reading of the file.
#[derive(Default)]
pub(crate) struct LocalAgents {
    agents: IndexMap<String, InForce>,
}

struct InForce {
    settings: LocalAgentSettings,
    agent: Box<dyn LocalAgent>,
}

impl LocalAgents {
    /// Builds the agents of a file; `folder` is that of the file, `mark` that of their programs.
    pub(crate) fn of(file: AgentsFile, folder: &Path, surroundings: &Surroundings, mark: Option<OsString>) -> Self {
        let proxies = Proxies::from_environment(&surroundings.environment);
        let programs = Programs { are_allowed: surroundings.allow_commands, mark };
        let in_force = |(name, settings): (String, LocalAgentSettings)| {
            let agent = build(&name, settings.kind.clone(), folder, surroundings, &proxies, &programs);
            (name, InForce { settings, agent })
        };
        Self { agents: file.agents.into_iter().map(in_force).collect() }
    }

    /// Whether there is an agent of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.agents.contains_key(name)
    }

    /// The names, in the order of the file.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.agents.keys().map(String::as_str)
    }

    /// How many calls an agent takes at once.
    pub(crate) fn concurrency(&self, name: &str) -> Option<usize> {
        let agent = self.agents.get(name)?;
        Some(agent.settings.concurrency.unwrap_or(LOCAL_CONCURRENCY))
    }

    /// The agents, as lists show them.
    pub(crate) fn list(&self) -> Vec<AgentListing> {
        let listing = |(name, agent): (&String, &InForce)| AgentListing {
            name: name.clone(),
            description: agent.settings.description.clone(),
            kind: agent.settings.kind.name().to_owned(),
            status: agent.agent.status(),
            reason: agent.agent.obstacle(),
            concurrency: agent.settings.concurrency.unwrap_or(LOCAL_CONCURRENCY),
        };
        self.agents.iter().map(listing).collect()
    }

    /// Whether an agent is up; `None` if there is none of this name.
    pub(crate) async fn health(&self, name: &str) -> Option<Result<AgentStatus, AgentFailure>> {
        let agent = self.agents.get(name)?;
        Some(agent.agent.health().await)
    }

    /// Has an agent do a task within its time and the step's; `None` if there is none of this name.
    pub(crate) async fn answer(&self, task: &AgentTask, clock: &dyn Clock) -> Option<Result<AgentReply, AgentFailure>> {
        let agent = self.agents.get(&task.agent)?;
        let limit = match (task.timeout, agent.settings.timeout) {
            (Some(step), Some(own)) => Some(step.min(own)),
            (step, own) => step.or(own),
        };
        let Some(limit) = limit else {
            return Some(agent.agent.answer(task).await);
        };
        let task = AgentTask { timeout: Some(limit), ..task.clone() };
        tokio::select! {
            biased;
            answer = agent.agent.answer(&task) => Some(answer),
            () = clock.sleep_until(clock.now().saturating_add(limit)) => Some(Err(took_too_long(&task.agent, limit))),
        }
    }
}

fn took_too_long(agent: &str, limit: Duration) -> AgentFailure {
    failed(ErrorCode::Timeout, format!("the agent `{agent}` has not answered within {limit}"))
}

fn build(
    name: &str,
    kind: Kind,
    folder: &Path,
    surroundings: &Surroundings,
    proxies: &Proxies,
    programs: &Programs,
) -> Box<dyn LocalAgent> {
    let clock = Arc::clone(&surroundings.clock);
    let environment = &surroundings.environment;
    match kind {
        Kind::Echo => Box::new(EchoAgent),
        Kind::Script(script) => Box::new(ScriptAgent::new(name, script, clock)),
        Kind::Command(settings) => Box::new(CommandAgent::new(name, settings, folder, environment, programs)),
        Kind::OpenAi(settings) => Box::new(OpenAiAgent::new(name, settings, surroundings, proxies)),
        Kind::Mcp(settings) => Box::new(McpAgent::new(name, settings, environment, proxies, clock)),
    }
}

/// The calls of local agents under way, by key, so that they can be given up.
#[derive(Default)]
pub(crate) struct CallsUnderWay {
    calls: Mutex<HashMap<String, CancellationToken>>,
}

impl CallsUnderWay {
    /// Runs a call until it ends or is given up; then it is dropped, and with it what it started.
    pub(crate) async fn run<T>(&self, key: &str, call: impl Future<Output = T>) -> Option<T> {
        let token = CancellationToken::new();
        self.calls().insert(key.to_owned(), token.clone());
        let _entry = Entry { calls: self, key };
        tokio::select! {
            biased;
            () = token.cancelled() => None,
            outcome = call => Some(outcome),
        }
    }

    /// Gives the call of this key up, if there is one.
    pub(crate) fn abandon(&self, key: &str) {
        if let Some(token) = self.calls().get(key) {
            token.cancel();
        }
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes its call off the list when the call ends, also when its future is dropped.
struct Entry<'a> {
    calls: &'a CallsUnderWay,
    key: &'a str,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.calls.calls().remove(self.key);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use procession_domain::value::{ExecutionId, StepId};
    use uuid::Uuid;

    use super::*;

    /// A task for an agent, first attempt of step `draft`.
    pub(crate) fn task(agent: &str, message: &str) -> AgentTask {
        let execution_id = ExecutionId::new(Uuid::from_u128(7));
        AgentTask {
            agent: agent.to_owned(),
            message: message.to_owned(),
            model: None,
            temperature: None,
            timeout: None,
            key: format!("{execution_id}/draft/1"),
            execution_id,
            step_id: StepId::new("draft").unwrap(),
            attempt: 1,
            trace: None,
        }
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_ends_and_is_forgotten() {
        let calls = CallsUnderWay::default();
        let endless = calls.run("key", std::future::pending::<()>());
        let give_up = async {
            tokio::task::yield_now().await;
            calls.abandon("other");
            calls.abandon("key");
        };
        let (outcome, ()) = tokio::join!(endless, give_up);
        assert_eq!(outcome, None);
        assert!(calls.calls().is_empty());
    }
}
