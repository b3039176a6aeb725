//! Making an execution: new, or from what was stored of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{BudgetState, Execution, ExecutionState, Life, ReplayError, StepState, index::Index};
use crate::{
    definition::Definition,
    event::{Creation, Event, ProcessEvent, Recorded},
    value::{Cost, ExecutionId, StepId, Timestamp, TokenUsage},
};

/// The state at some event, so that those before it need not be read again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The state without its steps.
    pub state: ExecutionState,
    /// The steps that are not as they were created.
    pub steps: Vec<(StepId, StepState)>,
}

impl Execution {
    /// A new execution that waits to be admitted, and its first event.
    pub fn create(
        id: ExecutionId,
        definition: Arc<Definition>,
        creation: Creation,
        now: Timestamp,
    ) -> (Self, Recorded) {
        let event = Event::Process(ProcessEvent::Created(Box::new(creation.clone())));
        let recorded = Recorded { sequence: 1, at: now, event };
        let mut execution = Self::begun(id, definition, Arc::new(creation), now);
        execution.rebuild_index();
        (execution, recorded)
    }

    /// The execution at a snapshot, and then at the end of the events that came after it. A step that the definition does
    /// not have is passed over in a snapshot.
    pub fn restore(
        definition: Arc<Definition>,
        creation: Arc<Creation>,
        snapshot: Snapshot,
        events: &[Recorded],
    ) -> Result<Self, ReplayError> {
        let Snapshot { state, steps: changed } = snapshot;
        let mut steps = vec![StepState::pending(); definition.steps().len()];
        for (id, step) in changed {
            if let Some(position) = definition.position(&id) {
                steps[position] = step;
            }
        }
        Self { definition, creation, state, steps, index: Index::default() }.followed_by(events)
    }

    /// The execution that these events add up to, the first of which is its creation.
    pub fn replay(
        id: ExecutionId,
        definition: Arc<Definition>,
        creation: Arc<Creation>,
        events: &[Recorded],
    ) -> Result<Self, ReplayError> {
        match events.split_first() {
            Some((Recorded { sequence: 1, at, event: Event::Process(ProcessEvent::Created(_)) }, rest)) => {
                Self::begun(id, definition, creation, *at).followed_by(rest)
            }
            Some(_) | None => Err(ReplayError::NoCreation),
        }
    }

    /// Its state now, to be stored.
    pub fn snapshot(&self) -> Snapshot {
        let untouched = StepState::pending();
        let changed = self.steps().filter(|(_, state)| **state != untouched);
        Snapshot {
            state: self.state.clone(),
            steps: changed.map(|(step, state)| (step.id.clone(), state.clone())).collect(),
        }
    }

    fn begun(id: ExecutionId, definition: Arc<Definition>, creation: Arc<Creation>, at: Timestamp) -> Self {
        let state = ExecutionState {
            id,
            created_at: at,
            sequence: 1,
            updated_at: at,
            life: Life::Pending,
            started_at: None,
            completed_at: None,
            deadline: None,
            cost: Cost::none(creation.currency),
            tokens: TokenUsage::default(),
            warnings: creation.warnings.clone(),
            budget: BudgetState::default(),
        };
        let steps = vec![StepState::pending(); definition.steps().len()];
        Self { definition, creation, state, steps, index: Index::default() }
    }

    /// What is derived from the state is built once, when all events are applied.
    fn followed_by(mut self, events: &[Recorded]) -> Result<Self, ReplayError> {
        for recorded in events {
            self.fold(recorded)?;
        }
        self.rebuild_index();
        Ok(self)
    }
}
