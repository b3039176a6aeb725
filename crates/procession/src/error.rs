//! What can go wrong, one type for each thing that can be asked for.

use procession_application::{
    definitions::DefinitionFailure, engine::EngineError, events::EventsFailure, executions::ExecutionFailure,
    executions::StartFailure, ports::StoreError,
};
use procession_domain::{execution::ExecutionStatus, value::NameError};

use crate::Diagnostics;

/// Why an engine can't be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// It was given no store.
    #[error("the engine has no store: give it one with `.store(…)`")]
    NoStore,
    /// An agent can't have this name.
    #[error("`{name}` can't be the name of an agent: {reason}")]
    AgentName {
        /// The name.
        name: String,
        /// Why.
        reason: NameError,
    },
    /// An agent asks for a state that nobody has given.
    #[error("the agent `{agent}` needs a state of the type {state}: give it with `.state(…)`")]
    MissingState {
        /// The agent.
        agent: String,
        /// The type.
        state: &'static str,
    },
    /// Processes have errors. Printed, it shows each with its line, as `procession validate` does.
    #[error("{}", drawn(.0))]
    Definitions(Vec<Diagnostics>),
    /// A process can't be published.
    #[error("{name} can't be published: {reason}")]
    Publish {
        /// Which process.
        name: String,
        /// Why.
        reason: Box<DefinitionFailure>,
    },
    /// The file of agents is refused.
    #[cfg(feature = "agents")]
    #[error(transparent)]
    Agents(#[from] crate::AgentSourceError),
    /// Nothing can be sent.
    #[cfg(feature = "notifications")]
    #[error(transparent)]
    Notifications(#[from] procession_notifications::ClientError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine can't start.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Why a process can't be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartRunError {
    /// No version of this process is published, or not this one.
    #[error("no such version of the process `{0}` is published: give it to the engine with `.process(…)`")]
    NotPublished(String),
    /// The name or the number can't be one of a process.
    #[error("`{0}` is not a process: {1}")]
    NoName(String, String),
    /// It is refused: the input does not fit, too many wait, or this principal may not.
    #[error(transparent)]
    Refused(#[from] StartFailure),
    /// Definitions can't be read.
    #[error(transparent)]
    Definitions(#[from] DefinitionFailure),
}

/// Why a run can't be looked at, waited for or told something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// It is refused: its state does not allow it, this principal may not, or there is no such execution.
    #[error(transparent)]
    Refused(#[from] ExecutionFailure),
    /// Its events can't be read.
    #[error(transparent)]
    Events(#[from] EventsFailure),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine has stopped. What is stored goes on with the next one on the same store.
    #[error("the engine has stopped; the run goes on with the next one on the same store")]
    Stopped,
}

/// Why an output can't be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The run has not completed.
    #[error("the run has no outputs, since it is {}{}", .status.as_str(), because(.message.as_deref()))]
    NotCompleted {
        /// How it ended.
        status: ExecutionStatus,
        /// What it says about that.
        message: Option<String>,
    },
    /// It has no output of this name.
    #[error("the run has no output `{name}`; it has: {}", .known.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// It is of another type.
    #[error("the output `{name}` is not as expected: {reason}")]
    Type {
        /// The name.
        name: String,
        /// What does not fit.
        reason: serde_json::Error,
    },
}

fn drawn(all: &[Diagnostics]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
}

fn because(message: Option<&str>) -> String {
    message.map(|message| format!(": {message}")).unwrap_or_default()
}
