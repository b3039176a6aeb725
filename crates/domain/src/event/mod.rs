//! What happened: the events of definitions and executions (spec 3.11).
//!
//! An execution's state is the fold of its events, so every field that the state keeps stands in one of them. The names
//! of types and fields are those of the API.

mod common;
mod definition;
mod execution;
mod parts;

pub use definition::{DefinitionEvent, DefinitionSubject};
pub use execution::{Event, Recorded};
pub use parts::{
    AttemptStart, Cancellation, Creation, Decision, ExecutionError, GatewayDecision, ParentLink, PauseReason,
    ProcessRef, ReusedEnd, RollBackCause, RouteEvaluation, Shown, SkipReason, StepError, TriggerContext, Usage,
    ValueRef, Verdict, Wait,
};
