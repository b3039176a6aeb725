//! The aggregate of one run of a process (spec 3).
//!
//! [`Execution::handle`] takes commands and answers with a [`Transition`]: the events that happened, and what is to be
//! done in the world once they are committed. The state changes only by applying those events ([`apply`](self)), so
//! replaying them gives the same state. One file per concern:
//!
//! * `routing`: which steps may run (spec 3.2); `advance`: running them, as far as limits allow;
//! * `agent_task`, `gateway`, `human_approval`, `timer`, `notification`, `sub_process`: what starting and ending a step
//!   of each type means;
//! * `failure`, `compensation`, `rerun`, `reuse`, `recovery`, `budget`, `time`, `commands`, `finish`: the rest of spec 3;
//! * `waiting`: for what an execution waits, in words for people.

mod advance;
mod agent_task;
mod apply;
mod apply_step;
mod boundary;
mod budget;
mod commands;
mod compensation;
mod failure;
mod finish;
mod gateway;
mod human_approval;
mod index;
mod notification;
mod recovery;
mod rerun;
mod reuse;
mod routing;
mod scope;
mod state;
mod sub_process;
mod time;
mod timer;
mod turn;
mod waiting;

use std::{collections::BTreeSet, sync::Arc};

pub use agent_task::json_reply;
pub use apply::ReplayError;
pub use boundary::{
    Call, CallId, ChildEnd, ChildOutcome, ChildPlan, ChildVersion, Command, Context, Effect, Ledger, Need, Recovery,
    Reply, Settings, Slot, Slots, TooLarge, Transition, ValueKey, Values, Write,
};
pub use commands::{CommandError, Signal};
use index::Index;
pub use reuse::RetryError;
pub use state::{
    Attempt, BudgetQuestion, BudgetState, CompensationLife, CompensationState, Completion, ExecutionState,
    ExecutionStatus, Life, StepLife, StepState, StepStatus,
};
pub use waiting::{WaitingFor, WaitingKind};

use crate::{
    definition::{Definition, Step, StepIndex},
    event::{Creation, Event, Recorded},
    value::{Cost, ExecutionId, StepId, Timestamp, TokenUsage},
};

/// One run of a process.
#[derive(Debug, Clone)]
pub struct Execution {
    definition: Arc<Definition>,
    creation: Arc<Creation>,
    state: ExecutionState,
    steps: Vec<StepState>,
    index: Index,
    changed: BTreeSet<StepIndex>,
}

/// Two executions are equal when their events could be the same; what is derived from the state does not count.
impl PartialEq for Execution {
    fn eq(&self, other: &Self) -> bool {
        self.creation == other.creation && self.state == other.state && self.steps == other.steps
    }
}

impl Execution {
    /// A new execution that waits to be admitted, and its first event.
    pub fn create(
        id: ExecutionId,
        definition: Arc<Definition>,
        creation: Creation,
        now: Timestamp,
    ) -> (Self, Recorded) {
        let recorded = Recorded { sequence: 1, at: now, event: Event::ExecutionCreated(Box::new(creation.clone())) };
        let state = ExecutionState {
            id,
            created_at: now,
            sequence: 1,
            updated_at: now,
            life: Life::Pending,
            started_at: None,
            completed_at: None,
            deadline: None,
            failure: None,
            cost: Cost::ZERO,
            tokens: TokenUsage::default(),
            warnings: creation.warnings.clone(),
            budget: BudgetState::default(),
        };
        (Self::restore(definition, Arc::new(creation), state, []), recorded)
    }

    /// An execution as it was stored: its state, and the states of its steps, of which those that never changed may be
    /// left out. A step that the definition does not have is passed over.
    pub fn restore(
        definition: Arc<Definition>,
        creation: Arc<Creation>,
        state: ExecutionState,
        changed: impl IntoIterator<Item = (StepId, StepState)>,
    ) -> Self {
        let mut steps = vec![StepState::pending(); definition.steps().len()];
        for (id, step) in changed {
            if let Some(position) = definition.position(&id) {
                steps[position] = step;
            }
        }
        let index = Index::of(&definition, &state, &steps);
        Self { definition, creation, state, steps, index, changed: BTreeSet::new() }
    }

    /// The execution that these events add up to.
    pub fn replay(id: ExecutionId, definition: Arc<Definition>, events: &[Recorded]) -> Result<Self, ReplayError> {
        let Some((Recorded { sequence: 1, at, event: Event::ExecutionCreated(creation) }, rest)) = events.split_first()
        else {
            return Err(ReplayError::NoCreation);
        };
        let (mut execution, _) = Self::create(id, definition, (**creation).clone(), *at);
        let mut steps_were_reset = false;
        for recorded in rest {
            let resets = matches!(recorded.event, Event::StepReset { .. });
            if steps_were_reset && !resets {
                execution.rebuild_index();
            }
            steps_were_reset = resets;
            execution.apply(recorded)?;
        }
        execution.rebuild_index();
        Ok(execution)
    }

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

    /// The steps that have changed since this was last asked; for the store, which writes only those.
    pub fn take_changed(&mut self) -> Vec<(&Step, &StepState)> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|step| (self.definition.step(step), &self.steps[step])).collect()
    }

    /// When something can be done next without news from outside (architecture: one time of attention); `None` while it
    /// only waits for people, calls, slots or an operator.
    pub fn attention_at(&self) -> Option<Timestamp> {
        self.index.next_due(self.may_start())
    }

    /// Whether calls are in flight or something waits for a slot in memory, so that it must stay there.
    pub fn is_under_way(&self) -> bool {
        !self.status().is_ended() && (self.index.calls > 0 || (self.may_start() && self.index.is_busy()))
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
