//! Agents that are functions of the program: what they are given, what they answer, and how they are found by name.

mod function;
mod gateway;
mod reply;
mod state;
mod task;

pub use function::AgentFunction;
pub(crate) use gateway::OwnAgents;
pub use reply::{AgentError, Reply};
pub use state::State;
pub(crate) use state::States;
pub use task::Task;
