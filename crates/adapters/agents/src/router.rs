//! Finds the gateway of an agent by its name: local agents first, then the platform's (spec 5.2).

use std::{
    ffi::OsString,
    io,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use async_trait::async_trait;
use procession_application::ports::{
    AgentFailure, AgentGateway, AgentListing, AgentReply, AgentStatus, AgentTask, Recovered, Submitted,
};
use procession_domain::{event::Usage, value::ErrorCode};

use crate::{
    failure::failed,
    file::{AgentsFile, AgentsFileError},
    leftovers,
    local::{CallsUnderWay, LocalAgents, Surroundings},
    platform::Platform,
    suggest::did_you_mean,
};

/// All agents that there are.
pub struct Router {
    surroundings: Surroundings,
    local: RwLock<Arc<LocalAgents>>,
    calls: CallsUnderWay,
    platform: Option<Arc<Platform>>,
    /// What tells the programs of this server from others.
    mark: Option<OsString>,
}

impl Router {
    /// A router without local agents; [`reload`](Self::reload) reads them. `platform` is there when one is configured.
    pub fn new(surroundings: Surroundings, platform: Option<Arc<Platform>>) -> Self {
        Self { surroundings, local: RwLock::default(), calls: CallsUnderWay::default(), platform, mark: None }
    }

    /// The same for the server of a data folder: its programs can be told from others, so that a successor can end those
    /// that outlive it.
    #[must_use]
    pub fn of_data_folder(self, data_folder: &Path) -> Self {
        Self { mark: Some(leftovers::mark_of(data_folder)), ..self }
    }

    /// Ends the programs that an earlier server of the data folder has left behind: how many they were. Only who has
    /// the folder to itself may call it, and before any agent is called.
    pub fn end_leftovers(&self) -> usize {
        self.mark.as_deref().map_or(0, leftovers::end_all)
    }

    /// Reads `agents.yaml` and puts its agents in force: how many they are. Calls under way end with the agents with
    /// which they began.
    ///
    /// # Errors
    /// What is wrong with the file; the agents in force stay.
    pub async fn reload(&self, path: &Path) -> Result<usize, AgentsFileError> {
        let shown = path.display().to_string();
        let text = tokio::fs::read_to_string(path).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => AgentsFileError::Missing(shown.clone()),
            _ => AgentsFileError::Unreadable { path: shown.clone(), reason: error.to_string() },
        })?;
        let file = AgentsFile::parse(&text)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        Ok(self.put_in_force(file, folder.unwrap_or(Path::new("."))))
    }

    /// Puts the agents of a checked file in force: how many they are. Commands with relative paths are looked for in
    /// `folder`.
    pub fn put_in_force(&self, file: AgentsFile, folder: &Path) -> usize {
        let count = file.agents.len();
        let agents = Arc::new(LocalAgents::of(file, folder, &self.surroundings, self.mark.clone()));
        *self.local.write().unwrap_or_else(PoisonError::into_inner) = agents;
        count
    }

    fn local(&self) -> Arc<LocalAgents> {
        Arc::clone(&self.local.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The platform, for a name that is not local; an error when there is none.
    fn platform(&self, agent: &str, local: &LocalAgents) -> Result<&Platform, AgentFailure> {
        self.platform.as_deref().ok_or_else(|| self.unknown(agent, local))
    }

    fn unknown(&self, agent: &str, local: &LocalAgents) -> AgentFailure {
        let of_platform = self.platform.as_ref().map(|platform| platform.last_names()).unwrap_or_default();
        let names: Vec<&str> = local.names().chain(of_platform.iter().map(String::as_str)).collect();
        let advice = match (did_you_mean(agent, names.iter().copied()), names.is_empty()) {
            (_, true) => "; there are no agents: add some to agents.yaml, or configure agents.mcp.url".to_owned(),
            (hint, false) if hint.is_empty() => format!("; there are: {}", shown(&names)),
            (hint, false) => hint,
        };
        failed(ErrorCode::AgentNotFound, format!("there is no agent `{agent}`{advice}"))
    }

    /// The platform does not know what else there is; the router does.
    fn with_suggestion(&self, agent: &str, local: &LocalAgents, failure: AgentFailure) -> AgentFailure {
        match failure {
            AgentFailure::Failed { code: ErrorCode::AgentNotFound, .. } => self.unknown(agent, local),
            other => other,
        }
    }
}

/// The first names of a long list.
fn shown(names: &[&str]) -> String {
    const MOST: usize = 12;
    let more = if names.len() > MOST { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(MOST)].join(", "))
}

#[async_trait]
impl AgentGateway for Router {
    async fn submit(&self, task: &AgentTask) -> Result<Submitted, AgentFailure> {
        let local = self.local();
        if !local.has(&task.agent) {
            let platform = self.platform(&task.agent, &local)?;
            let submitted = platform.submit(task).await;
            return submitted.map_err(|failure| self.with_suggestion(&task.agent, &local, failure));
        }
        let answer = local.answer(task, self.surroundings.clock.as_ref());
        match self.calls.run(&task.key, answer).await {
            Some(Some(answer)) => answer.map(Submitted::Done),
            Some(None) => Err(self.unknown(&task.agent, &local)),
            None => Err(failed(ErrorCode::Cancelled, format!("the call to `{}` was abandoned", task.agent))),
        }
    }

    async fn wait(&self, task: &AgentTask, call_ref: &str) -> Result<AgentReply, AgentFailure> {
        // Only the platform accepts tasks under a name, so one that was accepted belongs to it even if a local agent
        // has taken its agent's name meanwhile.
        self.platform(&task.agent, &self.local())?.wait(task, call_ref).await
    }

    async fn recover(&self, task: &AgentTask, call_ref: Option<&str>) -> Result<Recovered, AgentFailure> {
        let local = self.local();
        match (&self.platform, call_ref) {
            (Some(platform), Some(_)) => platform.recover(task, call_ref).await,
            (Some(platform), None) if !local.has(&task.agent) => platform.recover(task, None).await,
            // What a local agent was doing ended with the server; sending it again does no harm it did not do before.
            (Some(_), None) | (None, _) => Ok(Recovered::Unknown),
        }
    }

    async fn abandon(&self, agent: &str, key: &str, call_ref: Option<&str>) -> Option<Usage> {
        self.calls.abandon(key);
        let platform = self.platform.as_ref()?;
        if call_ref.is_none() && self.local().has(agent) {
            return None;
        }
        platform.abandon(agent, key, call_ref).await
    }

    async fn list(&self) -> Result<Vec<AgentListing>, AgentFailure> {
        let local = self.local();
        let mut agents = local.list();
        let Some(platform) = &self.platform else {
            return Ok(agents);
        };
        match platform.list().await {
            Ok(of_platform) => agents.extend(of_platform.into_iter().filter(|agent| !local.has(&agent.name))),
            Err(failure) if agents.is_empty() => return Err(failure),
            Err(failure) => tracing::warn!(%failure, "the platform's agents can't be listed; only local ones are"),
        }
        Ok(agents)
    }

    async fn health(&self, agent: &str) -> Result<AgentStatus, AgentFailure> {
        let local = self.local();
        if let Some(health) = local.health(agent).await {
            return health;
        }
        let health = self.platform(agent, &local)?.health(agent).await;
        health.map_err(|failure| self.with_suggestion(agent, &local, failure))
    }

    fn concurrency(&self, agent: &str) -> usize {
        let local = self.local().concurrency(agent);
        local.unwrap_or_else(|| match &self.platform {
            Some(platform) => platform.concurrency(agent),
            // No such agent: its failure needs no queue.
            None => crate::local::LOCAL_CONCURRENCY,
        })
    }
}
