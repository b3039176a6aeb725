//! Use cases of agents: which there are, how they stand, what they did, and talking to one.

use std::{collections::BTreeMap, sync::Arc, time::Duration as StdDuration};

use procession_domain::{
    event::Usage,
    value::{Duration, ErrorCode, ExecutionId, StepId, Timestamp},
};

use crate::{
    access::{Forbidden, Principal, UseCase},
    audit,
    door::Door,
    engine::{AgentLoad, Engine},
    figures::visible_user,
    ports::{
        AgentActivity, AgentFailure, AgentFigures, AgentGateway, AgentListing, AgentReply, AgentStatus, AgentTask,
        Clock, FigureStore, IdGenerator, StoreError, Submitted,
    },
};

/// How long an agent may think about what a person says to it.
const CHAT_TIMEOUT: StdDuration = StdDuration::from_secs(28);

/// The most activities that are told at once.
pub const MOST_ACTIVITIES: u32 = 1_000;

/// The service for agents.
#[derive(Clone)]
pub struct Agents {
    gateway: Arc<dyn AgentGateway>,
    analytics: Arc<dyn FigureStore>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    engine: Engine,
    door: Door,
}

/// An agent and how it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentOverview {
    /// The agent.
    pub listing: AgentListing,
    /// Its queue on this node.
    pub load: AgentLoad,
    /// What it did in the last 24 hours, in executions that the principal may see; `None` = nothing.
    pub last_day: Option<AgentFigures>,
}

/// Why agents can't be shown.
#[derive(Debug, thiserror::Error)]
pub enum AgentsFailure {
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no agent of this name.
    #[error("Agent not found")]
    NotFound,
    /// The agent takes no work.
    #[error("Agent is not running{}", .0.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    Stopped(Option<String>),
    /// The agent did not answer.
    #[error("Failed to communicate with agent: {0}")]
    Chat(AgentFailure),
    /// The agent takes nothing more for now.
    #[error("the agent is busy; try again in {} seconds", .0.as_secs().max(1))]
    Busy(Duration),
    /// The gateway can't say.
    #[error(transparent)]
    Gateway(#[from] AgentFailure),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Agents {
    /// The service.
    pub(crate) const fn new(
        gateway: Arc<dyn AgentGateway>,
        analytics: Arc<dyn FigureStore>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
        engine: Engine,
        door: Door,
    ) -> Self {
        Self { gateway, analytics, clock, ids, engine, door }
    }

    /// The agents that steps can name, by name.
    pub async fn list(&self, by: &Principal) -> Result<Vec<AgentListing>, AgentsFailure> {
        by.check(UseCase::ListAgents)?;
        Ok(self.listed().await?)
    }

    /// The agents with how they stand, by name.
    pub async fn overview(&self, by: &Principal) -> Result<Vec<AgentOverview>, AgentsFailure> {
        let listed = self.list(by).await?;
        let loads = self.engine.agent_loads();
        let mut last_day = self.figures(by, Duration::from_secs(86_400)).await?;
        let overview = |listing: AgentListing| AgentOverview {
            load: loads.get(&listing.name).copied().unwrap_or_default(),
            last_day: last_day.remove(&listing.name),
            listing,
        };
        Ok(listed.into_iter().map(overview).collect())
    }

    /// An agent.
    pub async fn get(&self, by: &Principal, name: &str) -> Result<AgentListing, AgentsFailure> {
        by.check(UseCase::ListAgents)?;
        self.named(name).await
    }

    /// What agents did in the last so much time, in executions that the principal may see, by agent.
    pub async fn figures(
        &self,
        by: &Principal,
        back: Duration,
    ) -> Result<BTreeMap<String, AgentFigures>, AgentsFailure> {
        by.check(UseCase::ListAgents)?;
        let figures = self.analytics.agent_figures(self.ago(back), visible_user(by).as_deref()).await?;
        Ok(figures.into_iter().map(|figures| (figures.agent.clone(), figures)).collect())
    }

    /// The newest work of agents that ended since a time, in executions that the principal may see, the newest first.
    pub async fn activities(
        &self,
        by: &Principal,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<AgentActivity>, AgentsFailure> {
        by.check(UseCase::ListAgents)?;
        let limit = limit.min(MOST_ACTIVITIES);
        Ok(self.analytics.agent_activities(since, visible_user(by).as_deref(), limit).await?)
    }

    /// Says something to an agent and waits for its answer. It belongs to no execution.
    pub async fn chat(
        &self,
        by: &Principal,
        name: &str,
        message: String,
        model: Option<String>,
    ) -> Result<AgentReply, AgentsFailure> {
        let (this, name) = (self.clone(), name.to_owned());
        let chat = async move {
            audit::about(&name);
            let agent = this.named(&name).await?;
            if agent.status == AgentStatus::Stopped {
                return Err(AgentsFailure::Stopped(agent.reason));
            }
            this.say(name, message, model).await
        };
        self.door.change(by, UseCase::ChatWithAgent, chat).await
    }

    async fn say(&self, agent: String, message: String, model: Option<String>) -> Result<AgentReply, AgentsFailure> {
        let id = ExecutionId::new(self.ids.new_id());
        let task = AgentTask {
            key: format!("chat/{id}"),
            agent,
            message,
            model,
            temperature: None,
            timeout: Some(Duration::from_secs(CHAT_TIMEOUT.as_secs())),
            execution_id: id,
            step_id: chat_step(),
            attempt: 1,
            trace: None,
        };
        let answer = async {
            match self.gateway.submit(&task).await? {
                Submitted::Done(reply) => Ok(reply),
                Submitted::Accepted(call_ref) => self.gateway.wait(&task, &call_ref).await,
            }
        };
        let answered = tokio::time::timeout(CHAT_TIMEOUT, answer).await;
        match answered.unwrap_or_else(|_| Err(took_too_long())) {
            Ok(reply) => Ok(reply),
            Err(AgentFailure::Busy { retry_after, .. }) => Err(AgentsFailure::Busy(retry_after)),
            Err(AgentFailure::Failed { code: ErrorCode::AgentNotFound, .. }) => Err(AgentsFailure::NotFound),
            Err(failure @ AgentFailure::Failed { .. }) => Err(AgentsFailure::Chat(failure)),
        }
    }

    async fn listed(&self) -> Result<Vec<AgentListing>, AgentFailure> {
        let mut agents = self.gateway.list().await?;
        agents.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(agents)
    }

    async fn named(&self, name: &str) -> Result<AgentListing, AgentsFailure> {
        let listed = self.listed().await?;
        listed.into_iter().find(|agent| agent.name == name).ok_or(AgentsFailure::NotFound)
    }

    fn ago(&self, back: Duration) -> Timestamp {
        let micros = i64::try_from(back.as_millis()).unwrap_or(i64::MAX).saturating_mul(1_000);
        Timestamp::from_micros(self.clock.now().as_micros().saturating_sub(micros))
    }
}

fn took_too_long() -> AgentFailure {
    let message = format!("it did not answer within {} seconds", CHAT_TIMEOUT.as_secs());
    AgentFailure::Failed { code: ErrorCode::Timeout, message, retry_after: None, usage: Usage::default() }
}

/// The step that a chat is named by; it is in no definition.
#[expect(clippy::expect_used, reason = "a constant that fits the rules of names")]
fn chat_step() -> StepId {
    StepId::new("chat").expect("the id of a step")
}
