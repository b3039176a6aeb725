//! The use case of agents: list those that steps can name.

use std::sync::Arc;

use crate::{
    access::{Forbidden, Principal, UseCase},
    ports::{AgentFailure, AgentGateway, AgentListing},
};

/// The service for agents.
#[derive(Clone)]
pub struct Agents {
    gateway: Arc<dyn AgentGateway>,
}

/// Why agents can't be listed.
#[derive(Debug, thiserror::Error)]
pub enum AgentsFailure {
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The gateway can't say.
    #[error(transparent)]
    Gateway(#[from] AgentFailure),
}

impl Agents {
    /// The service.
    pub(crate) const fn new(gateway: Arc<dyn AgentGateway>) -> Self {
        Self { gateway }
    }

    /// The agents that steps can name, by name.
    pub async fn list(&self, by: &Principal) -> Result<Vec<AgentListing>, AgentsFailure> {
        by.check(UseCase::ListAgents)?;
        let mut agents = self.gateway.list().await?;
        agents.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(agents)
    }
}
