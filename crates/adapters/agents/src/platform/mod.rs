//! The Trinity platform's agents, through its MCP server (spec 6).
//!
//! A task is submitted asynchronously and then polled, since a synchronous call dies after 300 s. Its message ends in a
//! correlation line, by which it is found again when the answer to its submission is lost: it is looked up before it is
//! sent again. [`classify`] is the table of what the platform's answers mean.

mod answers;
mod calls;
mod classify;
mod contract;
mod lookup;
mod polling;
mod settings;
mod submission;

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use moka::sync::Cache;
use procession_application::ports::{
    AgentFailure, AgentGateway, AgentListing, AgentReply, AgentStatus, AgentTask, Clock, Recovered, Submitted,
};
use procession_domain::{event::Usage, value::ErrorCode};

pub use self::settings::PlatformSettings;
use self::{
    calls::Calls,
    classify::Trouble,
    lookup::{Found, Lookup},
    polling::Look,
    submission::Sent,
};
use crate::failure::failed;

/// How many submissions are remembered, so that the same key is not sent twice by this process.
const REMEMBERED: u64 = 20_000;

/// The gateway to the platform's agents.
pub struct Platform {
    settings: PlatformSettings,
    clock: Arc<dyn Clock>,
    calls: Calls,
    sent: Cache<String, Sent>,
    /// The agents of the last list, for suggestions.
    last_names: Mutex<Vec<String>>,
    /// Whether the key was ever accepted: tells a bad key from a backend that is down, as far as that can be told.
    key_has_worked: AtomicBool,
}

impl Platform {
    /// A gateway; it connects when it is first used.
    pub fn new(settings: PlatformSettings, clock: Arc<dyn Clock>) -> Self {
        Self {
            calls: Calls::new(&settings, Arc::clone(&clock)),
            settings,
            clock,
            sent: Cache::new(REMEMBERED),
            last_names: Mutex::default(),
            key_has_worked: AtomicBool::new(false),
        }
    }

    /// The check at start-up (spec 6, 9): whether the server can be reached and has the tools that this gateway uses.
    ///
    /// # Errors
    /// Why not; `INVALID_CONFIG` when something else than the platform answers.
    pub async fn check(&self) -> Result<(), AgentFailure> {
        match self.calls.check().await {
            Ok(()) => {
                self.key_works();
                Ok(())
            }
            Err(trouble) => Err(self.failure(trouble)),
        }
    }

    /// The names of the last list.
    pub(crate) fn last_names(&self) -> Vec<String> {
        self.last_names.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn key_works(&self) {
        self.key_has_worked.store(true, Ordering::Relaxed);
    }

    /// What a trouble is for the engine, once nothing more can be done about it here.
    fn failure(&self, trouble: Trouble) -> AgentFailure {
        trouble.into_failure(self.key_has_worked.load(Ordering::Relaxed))
    }

    /// The result of an execution that may have ended already.
    async fn recover_known(&self, task: &AgentTask, call_ref: &str) -> Recovered {
        match self.look_at(&task.agent, &task.key, call_ref).await {
            Look::Ended(outcome) => Recovered::Finished(outcome),
            // Whatever keeps the platform from answering now, the task was accepted: polling goes on with it.
            Look::Runs(_) | Look::Unclear(_) => Recovered::Running(call_ref.to_owned()),
        }
    }
}

#[async_trait]
impl AgentGateway for Platform {
    async fn submit(&self, task: &AgentTask) -> Result<Submitted, AgentFailure> {
        self.submit_once(task).await
    }

    async fn wait(&self, task: &AgentTask, call_ref: &str) -> Result<AgentReply, AgentFailure> {
        self.poll(task, call_ref).await
    }

    async fn recover(&self, task: &AgentTask, call_ref: Option<&str>) -> Result<Recovered, AgentFailure> {
        if let Some(call_ref) = call_ref {
            return Ok(self.recover_known(task, call_ref).await);
        }
        match self.look_up(&Lookup::of(task), self.patience(task)).await? {
            Found::Execution(id) => {
                self.sent.insert(task.key.clone(), Sent::Accepted(id.clone()));
                Ok(self.recover_known(task, &id).await)
            }
            Found::Nothing => Ok(Recovered::Unknown),
        }
    }

    async fn abandon(&self, agent: &str, key: &str, call_ref: Option<&str>) -> Option<Usage> {
        // No tool stops an execution (spec 6, 8): all that can be done is to learn what it will have cost.
        self.late_usage(agent, key, call_ref).await
    }

    async fn list(&self) -> Result<Vec<AgentListing>, AgentFailure> {
        let agents = self.calls.agents().await.map_err(|trouble| self.failure(trouble))?;
        self.key_works();
        let names = agents.iter().map(|agent| agent.name.clone()).collect();
        *self.last_names.lock().unwrap_or_else(PoisonError::into_inner) = names;
        let listing = |agent: answers::AgentRow| AgentListing {
            status: agent.status(),
            reason: agent.reason(),
            description: agent.description(),
            name: agent.name,
            kind: "mcp".to_owned(),
            concurrency: self.settings.concurrency,
        };
        Ok(agents.into_iter().map(listing).collect())
    }

    async fn health(&self, agent: &str) -> Result<AgentStatus, AgentFailure> {
        let agents = self.list().await?;
        match agents.into_iter().find(|listing| listing.name == agent) {
            Some(listing) => Ok(listing.status),
            None => Err(failed(ErrorCode::AgentNotFound, format!("the platform shows no agent `{agent}`"))),
        }
    }

    fn concurrency(&self, _agent: &str) -> usize {
        self.settings.concurrency
    }
}
