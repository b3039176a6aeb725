//! Kind `echo`: answers its message, at once and for nothing.

use async_trait::async_trait;
use procession_application::ports::{AgentFailure, AgentReply, AgentTask};
use procession_domain::{event::Usage, value::Money};

use crate::local::LocalAgent;

/// An agent that says what it is told.
pub(crate) struct EchoAgent;

#[async_trait]
impl LocalAgent for EchoAgent {
    async fn answer(&self, task: &AgentTask) -> Result<AgentReply, AgentFailure> {
        Ok(AgentReply { text: task.message.clone(), usage: Usage::of_cost(Some(Money::ZERO)) })
    }
}
