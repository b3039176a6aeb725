//! The aggregate of one run of a process (spec 3).
//!
//! [`Execution::handle`] takes commands and answers with a [`Transition`]: the events that happened, and what is to be
//! done in the world once they are committed. The state changes only by applying those events ([`apply`](self)), so
//! replaying them gives the same state. One file per concern:
//!
//! * `routing`: which steps may run (spec 3.2); `advance`: running them, as far as limits allow;
//! * `agent_task`, `gateway`, `human_approval`, `timer`, `notification`, `sub_process`: what starting and ending a step
//!   of each type means;
//! * `attempt`: the machine that every attempt goes through, of a step or of its undoing; `call`: what a call is asked;
//! * `failure`, `compensation`, `rerun`, `reuse`, `budget`, `time`, `commands`, `finish`: the rest of spec 3;
//! * `history`: making an execution, new or from what was stored of it;
//! * `waiting`: for what an execution waits, in words for people.

mod advance;
mod agent_task;
mod apply;
mod apply_step;
mod attempt;
mod boundary;
mod budget;
mod call;
mod commands;
mod compensation;
mod failure;
mod finish;
mod gateway;
mod history;
mod human_approval;
mod index;
mod notification;
mod rerun;
mod reuse;
mod routing;
mod scope;
mod standing;
mod state;
mod sub_process;
mod time;
mod timer;
mod turn;
mod waiting;

use std::sync::Arc;

pub use apply::ReplayError;
pub use boundary::{
    Call, CallId, ChildEnd, ChildOutcome, ChildPlan, ChildVersion, Command, Context, Effect, Estimate, Failure, Hold,
    Ledger, Need, Recovery, Refusal, RefusalKind, Reply, Settings, Slot, Slots, TooLarge, Transition, ValueKey, Values,
    Write,
};
pub use call::{AgentInput, CallInput, NotificationInput};
pub use commands::{CommandError, Signal};
pub use history::Snapshot;
use index::Index;
pub use reuse::RetryError;
pub use standing::{Phase, Standing};
pub use state::{
    Attempt, BudgetQuestion, BudgetState, CompensationLife, CompensationState, Completion, ExecutionState,
    ExecutionStatus, Life, StepLife, StepState, StepStatus,
};
pub use waiting::{WaitingFor, WaitingKind};

use crate::{
    definition::{Definition, Step},
    event::Creation,
    value::{ExecutionId, Money, Timestamp},
};

/// One run of a process.
#[derive(Debug, Clone)]
pub struct Execution {
    definition: Arc<Definition>,
    creation: Arc<Creation>,
    state: ExecutionState,
    steps: Vec<StepState>,
    index: Index,
}

/// Two executions are equal when their events could be the same; what is derived from the state does not count.
impl PartialEq for Execution {
    fn eq(&self, other: &Self) -> bool {
        self.creation == other.creation && self.state == other.state && self.steps == other.steps
    }
}

impl Execution {
    /// Its id.
    pub const fn id(&self) -> ExecutionId {
        self.state.id
    }

    /// The definition it runs.
    pub const fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// What was fixed when it was created.
    pub const fn creation(&self) -> &Arc<Creation> {
        &self.creation
    }

    /// Its state without its steps.
    pub const fn state(&self) -> &ExecutionState {
        &self.state
    }

    /// Its status.
    pub const fn status(&self) -> ExecutionStatus {
        self.state.life.status()
    }

    /// Its steps with their states, in definition order.
    pub fn steps(&self) -> impl Iterator<Item = (&Step, &StepState)> {
        self.definition.steps().iter().zip(&self.steps)
    }

    /// One step's state.
    pub fn step(&self, id: &str) -> Option<(&Step, &StepState)> {
        let position = self.definition.position(id)?;
        Some((self.definition.step(position), &self.steps[position]))
    }

    /// What was odd about its input, undefined in its texts and let pass, and not there for its conditions.
    pub fn warnings(&self) -> Vec<String> {
        let of_steps = self
            .steps()
            .flat_map(|(step, state)| state.all_warnings().map(|warning| format!("step `{}`: {warning}", step.id)));
        self.state.warnings.iter().cloned().chain(of_steps).collect()
    }

    /// When something can be done next without news from outside (architecture: one time of attention); `None` while it
    /// only waits for people, calls, slots or an operator.
    pub fn attention_at(&self) -> Option<Timestamp> {
        self.index.next_due(self.may_start())
    }

    /// What is set aside of the budget for its calls in flight.
    pub fn reserved(&self) -> Money {
        Money::from_nanos(self.index.reserved, self.creation.currency)
    }

    /// Whether calls are in flight or something waits for a slot in memory, so that it must stay there.
    pub fn is_under_way(&self) -> bool {
        !self.status().is_ended() && (!self.index.running.is_empty() || (self.may_start() && self.index.is_busy()))
    }

    /// Whether the rules allow anything new to start: it runs forward, nobody paused it, and no question about its budget
    /// is open.
    fn may_start(&self) -> bool {
        if self.index.held_by_budget {
            return false;
        }
        match &self.state.life {
            Life::Running | Life::Paused(crate::event::PauseReason::People) => self.state.budget.question.is_none(),
            Life::Compensating(_) => true,
            Life::Pending
            | Life::Paused(crate::event::PauseReason::Operator { .. })
            | Life::Completed { .. }
            | Life::Failed(_)
            | Life::Cancelled(_) => false,
        }
    }

    /// Builds the index anew, after steps were reset.
    fn rebuild_index(&mut self) {
        let before = std::mem::take(&mut self.index);
        self.index = Index::of(&self.definition, &self.state, &self.steps);
        self.index.recovering = before.recovering;
        self.index.recovering.retain(|step| !self.steps[*step].is_terminal());
    }
}
