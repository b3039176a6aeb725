//! What an agent answers.

use std::time::Duration as StdDuration;

use procession_application::ports::{AgentFailure, AgentReply};
use procession_domain::{
    event::Usage,
    value::{Duration, ErrorCode, Money, TokenUsage},
};
use serde::Serialize;

/// An agent's answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reply(AgentReply);

/// Why an agent can't answer. Every error becomes one with `?`: then the attempt has failed with the error's sentence, and
/// the step's retry policy says what follows.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentError(AgentFailure);

impl Reply {
    /// An answer in words.
    pub fn text(text: impl Into<String>) -> Self {
        Self(AgentReply { text: text.into(), usage: Usage::default() })
    }

    /// An answer as JSON, whose fields later steps can read.
    ///
    /// # Errors
    /// If the value can't be written as JSON.
    pub fn json(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(Self::text(serde_json::to_string(value)?))
    }

    /// What it cost. An answer that does not say so makes the cost of its execution incomplete.
    #[must_use]
    pub fn cost(mut self, cost: Money) -> Self {
        self.0.usage.cost = Some(cost);
        self
    }

    /// How many tokens a model read and wrote for it.
    #[must_use]
    pub fn tokens(mut self, input: u64, output: u64) -> Self {
        self.0.usage.token_usage = Some(Box::new(TokenUsage::new(input, output)));
        self
    }

    pub(crate) fn into_inner(self) -> AgentReply {
        self.0
    }
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl AgentError {
    /// The task failed, by the agent's own account.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::with_code(ErrorCode::AgentError, message)
    }

    /// The agent can't be reached at the moment. Several of these in a row, and it is left alone for a while.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::with_code(ErrorCode::AgentUnavailable, message)
    }

    /// The task failed with this code.
    pub fn with_code(code: ErrorCode, message: impl Into<String>) -> Self {
        let (message, usage) = (message.into(), Usage::default());
        Self(AgentFailure::Failed { code, message, retry_after: None, usage })
    }

    /// The agent takes no more work now: the same attempt is made again after this time, and counts as none.
    /// Its reason is shown to whoever looks what the step waits for.
    pub fn busy(retry_after: StdDuration, reason: impl Into<String>) -> Self {
        Self(AgentFailure::Busy { retry_after: to_ours(retry_after), reason: reason.into() })
    }

    /// What the failed task cost all the same.
    #[must_use]
    pub fn cost(mut self, cost: Money) -> Self {
        match &mut self.0 {
            AgentFailure::Failed { usage, .. } => usage.cost = Some(cost),
            AgentFailure::Busy { .. } => {}
        }
        self
    }

    pub(crate) fn into_inner(self) -> AgentFailure {
        self.0
    }
}

impl<E: std::error::Error> From<E> for AgentError {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Self::failed(message)
    }
}

fn to_ours(duration: StdDuration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_becomes_a_failure_with_its_causes() {
        #[derive(Debug, thiserror::Error)]
        #[error("the model did not answer")]
        struct Outer(#[source] std::fmt::Error);

        let AgentFailure::Failed { code, message, .. } = AgentError::from(Outer(std::fmt::Error)).into_inner() else {
            panic!("it has failed");
        };
        assert_eq!(code, ErrorCode::AgentError);
        assert!(message.starts_with("the model did not answer: an error occurred"), "{message}");
    }
}
