//! The gateway to agents (spec 5.1).

use async_trait::async_trait;
use procession_domain::{
    event::Usage,
    value::{Duration, ErrorCode, ExecutionId, StepId, TraceContext},
};

/// Work for an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentTask {
    /// The agent.
    pub agent: String,
    /// The message to send.
    pub message: String,
    /// The model, where the agent offers a choice.
    pub model: Option<String>,
    /// The model's temperature.
    pub temperature: Option<f64>,
    /// How long it may take; the engine gives up after that.
    pub timeout: Option<Duration>,
    /// The idempotency key of the attempt, `execution/step/attempt`: the same for every repetition of the same attempt.
    pub key: String,
    /// The execution.
    pub execution_id: ExecutionId,
    /// The step.
    pub step_id: StepId,
    /// The attempt.
    pub attempt: u32,
    /// Its place in the execution's trace, for an agent that goes on with it; `None` where nobody records one.
    pub trace: Option<TraceContext>,
}

/// What an agent answered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentReply {
    /// Its text.
    pub text: String,
    /// What it cost, as far as known.
    pub usage: Usage,
}

/// Where a submitted task is.
#[derive(Debug, Clone, PartialEq)]
pub enum Submitted {
    /// It is done.
    Done(AgentReply),
    /// It is being done under this name; the engine commits the name before it waits.
    Accepted(String),
}

/// What became of an interrupted task (spec 3.8).
#[derive(Debug, PartialEq)]
pub enum Recovered {
    /// It has ended.
    Finished(Result<AgentReply, AgentFailure>),
    /// It is being done under this name.
    Running(String),
    /// Nobody knows it: it is sent again under the same key.
    Unknown,
}

/// Why a task failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AgentFailure {
    /// The agent takes no more work now; the same attempt is tried again later.
    #[error("the agent is busy: {reason}")]
    Busy {
        /// How long it asks to be left alone.
        retry_after: Duration,
        /// Why, in its own words where it has some; without secrets.
        reason: String,
    },
    /// The task failed.
    #[error("{code}: {message}")]
    Failed {
        /// The code.
        code: ErrorCode,
        /// What happened, without secrets.
        message: String,
        /// How long the agent asks to be left alone, at most a year ([`RetryAfter::LONGEST`]). A longer time that was
        /// asked for is told by the message.
        ///
        /// [`RetryAfter::LONGEST`]: procession_domain::value::RetryAfter::LONGEST
        retry_after: Option<Duration>,
        /// What it cost all the same.
        usage: Usage,
    },
}

/// An agent as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentListing {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its kind: `mcp` for agents of the platform, else the kind in `agents.yaml`.
    pub kind: String,
    /// Whether it takes work.
    pub status: AgentStatus,
    /// Why it does not, when it is stopped and the reason is known: a sentence that says what to do.
    pub reason: Option<String>,
    /// How many calls it takes at once.
    pub concurrency: usize,
}

/// Whether an agent takes work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentStatus {
    /// It does.
    Running,
    /// It exists, and does not.
    Stopped,
}

/// Speaks to agents.
///
/// Promises:
/// * a method may be dropped at any await: what was sent is then found by [`recover`](Self::recover), or sent again;
/// * `submit` under a key that was submitted before does not do the work twice where the agent can tell;
/// * error messages hold no secrets.
#[async_trait]
pub trait AgentGateway: Send + Sync {
    /// Gives an agent a task.
    async fn submit(&self, task: &AgentTask) -> Result<Submitted, AgentFailure>;

    /// Waits for a task that was accepted under `call_ref`.
    async fn wait(&self, task: &AgentTask, call_ref: &str) -> Result<AgentReply, AgentFailure>;

    /// Finds out what became of a task that was under way when the server stopped; `call_ref` if its name is known.
    async fn recover(&self, task: &AgentTask, call_ref: Option<&str>) -> Result<Recovered, AgentFailure>;

    /// Gives a task up: tells the agent where that is possible. Resolves to its late cost when the agent reports one.
    async fn abandon(&self, agent: &str, key: &str, call_ref: Option<&str>) -> Option<Usage>;

    /// Tells an agent something: a task whose reply nobody waits for. A gateway that takes it has told it.
    async fn tell(&self, task: &AgentTask) -> Result<(), AgentFailure> {
        self.submit(task).await.map(|_| ())
    }

    /// The agents that there are.
    async fn list(&self) -> Result<Vec<AgentListing>, AgentFailure>;

    /// Whether an agent is up.
    async fn health(&self, agent: &str) -> Result<AgentStatus, AgentFailure>;

    /// How many calls this agent takes at once (spec 5.3).
    fn concurrency(&self, agent: &str) -> usize;
}
