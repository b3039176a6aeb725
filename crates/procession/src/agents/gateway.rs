//! Finds agents by name: the program's own functions first, then whatever other gateway there is.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc};

use async_trait::async_trait;
use futures::{FutureExt as _, future::BoxFuture};
use procession_application::ports::{
    AgentFailure, AgentGateway, AgentListing, AgentReply, AgentStatus, AgentTask, Recovered, Submitted,
};
use procession_domain::{event::Usage, value::ErrorCode};

use super::{
    AgentError, Reply, States, Task,
    function::{AgentFunction, Given},
};

/// How many calls of one function run at once.
const AT_ONCE: usize = 64;

type Call = Box<dyn Fn(Task, &States) -> BoxFuture<'static, Result<Reply, AgentError>> + Send + Sync>;
type Missing = Box<dyn Fn(&States) -> Option<&'static str> + Send + Sync>;

/// The program's own agents, before those of another gateway.
#[derive(Default)]
pub(crate) struct OwnAgents {
    functions: BTreeMap<String, Function>,
    states: States,
    others: Option<Arc<dyn AgentGateway>>,
}

struct Function {
    call: Call,
    missing: Missing,
}

impl OwnAgents {
    /// Adds a function; the last one of a name counts.
    pub fn add<A: 'static>(&mut self, name: String, function: impl AgentFunction<A>) {
        let function = Arc::new(function);
        let other = Arc::clone(&function);
        self.functions.insert(
            name,
            Function {
                call: Box::new(move |task, states| function.call(task, &Given(states))),
                missing: Box::new(move |states| other.missing(&Given(states))),
            },
        );
    }

    /// Adds a state.
    pub fn give<T: Clone + Send + Sync + 'static>(&mut self, state: T) {
        self.states.put(state);
    }

    /// Whoever has a name that no function has.
    pub fn or(self, others: Option<Arc<dyn AgentGateway>>) -> Self {
        Self { others, ..self }
    }

    /// A function that needs a state of a type that is not there, with that type.
    pub fn lacking(&self) -> Option<(&str, &'static str)> {
        let mut lacking = self
            .functions
            .iter()
            .filter_map(|(name, function)| Some((name.as_str(), (function.missing)(&self.states)?)));
        lacking.next()
    }

    fn others(&self, agent: &str) -> Result<&dyn AgentGateway, AgentFailure> {
        self.others.as_deref().ok_or_else(|| self.unknown(agent))
    }

    fn unknown(&self, agent: &str) -> AgentFailure {
        let names: Vec<&str> = self.functions.keys().map(String::as_str).collect();
        let advice = match names.as_slice() {
            [] => "there are no agents; add some with `.agent(…)`".to_owned(),
            names => format!("there are: {}", names.join(", ")),
        };
        AgentError::with_code(ErrorCode::AgentNotFound, format!("there is no agent `{agent}`; {advice}")).into_inner()
    }
}

#[async_trait]
impl AgentGateway for OwnAgents {
    async fn submit(&self, task: &AgentTask) -> Result<Submitted, AgentFailure> {
        let Some(function) = self.functions.get(&task.agent) else {
            return self.others(&task.agent)?.submit(task).await;
        };
        // A defect of one agent is a failure of its step, and of nothing else.
        let call = AssertUnwindSafe(async { (function.call)(Task::new(task.clone()), &self.states).await });
        match call.catch_unwind().await {
            Ok(Ok(reply)) => Ok(Submitted::Done(reply.into_inner())),
            Ok(Err(error)) => Err(error.into_inner()),
            Err(_) => Err(AgentError::failed(format!("the agent `{}` panicked", task.agent)).into_inner()),
        }
    }

    async fn wait(&self, task: &AgentTask, call_ref: &str) -> Result<AgentReply, AgentFailure> {
        // A function answers at once, so that what was accepted under a name is another's.
        self.others(&task.agent)?.wait(task, call_ref).await
    }

    async fn recover(&self, task: &AgentTask, call_ref: Option<&str>) -> Result<Recovered, AgentFailure> {
        match (&self.others, self.functions.contains_key(&task.agent)) {
            (Some(others), false) => others.recover(task, call_ref).await,
            (Some(others), true) if call_ref.is_some() => others.recover(task, call_ref).await,
            // What a function was doing ended with the program; it is asked again, under the same key.
            (Some(_), true) | (None, _) => Ok(Recovered::Unknown),
        }
    }

    async fn abandon(&self, agent: &str, key: &str, call_ref: Option<&str>) -> Option<Usage> {
        // A function's future is dropped, which ends it.
        self.others.as_ref()?.abandon(agent, key, call_ref).await
    }

    async fn list(&self) -> Result<Vec<AgentListing>, AgentFailure> {
        let own = self.functions.keys().map(|name| AgentListing {
            name: name.clone(),
            description: None,
            kind: "function".to_owned(),
            status: AgentStatus::Running,
            reason: None,
            concurrency: AT_ONCE,
        });
        let mut agents: Vec<AgentListing> = own.collect();
        if let Some(others) = &self.others {
            let listed = others.list().await?;
            agents.extend(listed.into_iter().filter(|agent| !self.functions.contains_key(&agent.name)));
        }
        Ok(agents)
    }

    async fn health(&self, agent: &str) -> Result<AgentStatus, AgentFailure> {
        if self.functions.contains_key(agent) {
            return Ok(AgentStatus::Running);
        }
        self.others(agent)?.health(agent).await
    }

    fn concurrency(&self, agent: &str) -> usize {
        match &self.others {
            Some(others) if !self.functions.contains_key(agent) => others.concurrency(agent),
            Some(_) | None => AT_ONCE,
        }
    }
}
