//! What happened: the events of definitions and executions (spec 3.11).
//!
//! An execution's state is the fold of its events, so every field that the state keeps stands in one of them. Events come
//! in families, so that a reader matches the family it cares for and the compiler names every place that a new event
//! concerns. How they read for clients is the HTTP shell's business; here they are as they are stored.

mod approval;
mod attempt;
mod child;
mod definition;
mod execution;
mod parts;
mod process;
mod step;

pub use approval::ApprovalEvent;
pub use attempt::{AttemptEvent, AttemptStart};
pub use child::ChildEvent;
pub use definition::{DefinitionEvent, DefinitionSubject};
pub use execution::{Direction, Event, Recorded};
pub(crate) use parts::SYSTEM;
pub use parts::{
    Cancellation, Creation, Decision, ExecutionError, GatewayDecision, ParentLink, PauseReason, ProcessRef, ReusedEnd,
    RollBackCause, RouteEvaluation, Shown, SkipReason, StepError, TriggerContext, Usage, ValueRef, Verdict, Wait,
};
pub use process::ProcessEvent;
pub use step::{Skipped, StepEvent};
