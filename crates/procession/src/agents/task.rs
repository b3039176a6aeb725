//! What an agent is asked to do.

use procession_application::ports::AgentTask;
use procession_domain::value::{Duration, ExecutionId, StepId};

/// One attempt of a step, for an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Task(AgentTask);

impl Task {
    pub(crate) const fn new(task: AgentTask) -> Self {
        Self(task)
    }

    /// What is asked.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The key of the attempt: the same when the attempt is repeated after a crash, so that work is not done twice.
    pub fn key(&self) -> &str {
        &self.0.key
    }

    /// The agent that is asked.
    pub fn agent(&self) -> &str {
        &self.0.agent
    }

    /// The model that the step wants, if it says so.
    pub fn model(&self) -> Option<&str> {
        self.0.model.as_deref()
    }

    /// The temperature that the step wants, if it says so.
    pub const fn temperature(&self) -> Option<f64> {
        self.0.temperature
    }

    /// How long the attempt may take; then the function is dropped where it waits.
    pub const fn timeout(&self) -> Option<Duration> {
        self.0.timeout
    }

    /// The execution.
    pub const fn execution(&self) -> ExecutionId {
        self.0.execution_id
    }

    /// The step.
    pub const fn step(&self) -> &StepId {
        &self.0.step_id
    }

    /// The number of the attempt, from 1.
    pub const fn attempt(&self) -> u32 {
        self.0.attempt
    }
}
