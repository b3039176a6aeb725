//! Starts: idempotent, and limited by the length of the queue (spec 3.7, 3.9).

use std::collections::HashMap;

use procession_domain::{
    event::Recorded,
    execution::{Execution, Ledger, StepState},
    value::{Money, Timestamp},
};

use super::{KeptKey, MemoryStore, StoredExecution, Tables};
use procession_application::ports::{Content, NewValue, Start, StartError, Started, root_of_tree};

impl MemoryStore {
    pub(super) fn start_now(&self, start: Start) -> Result<Started, StartError> {
        let mut tables = self.tables();
        if let Some(before) = tables.started_before(&start)? {
            return Ok(before);
        }
        let creation = start.execution.creation();
        if !tables.definitions.contains_key(&creation.process.id) {
            return Err(StartError::ProcessGone);
        }
        let owner = start.admit.filter(|lease| tables.is_live(*lease));
        let pending = tables.pending_roots();
        if owner.is_none() && pending >= u64::from(start.queue_length) {
            return Err(StartError::QueueFull { pending });
        }
        let id = start.execution.id();
        if let Some(key) = start.idempotency {
            let scope = key.scope.clone();
            tables.idempotency_keys.insert(scope, KeptKey { key, execution: id });
        }
        if let Some(budget) = &start.budget {
            let ledger = Ledger { spent: Money::ZERO, limit: budget.max_cost, action: budget.action };
            tables.ledgers.insert(root_of_tree(id, creation), ledger);
        }
        let mut stored = StoredExecution::created(&start.execution, start.values);
        stored.owner = owner;
        stored.instance_limit = start.instance_limit;
        let events = tables.insert(stored, start.events);
        self.publish(&tables, events);
        Ok(Started::Created)
    }
}

impl Tables {
    /// The execution that the same start created before; the same id counts as the same start.
    fn started_before(&self, start: &Start) -> Result<Option<Started>, StartError> {
        let now = start.execution.state().created_at;
        let kept = start.idempotency.as_ref().and_then(|key| {
            let kept = self.idempotency_keys.get(&key.scope)?;
            (kept.key.expires_at > now).then_some((key, kept))
        });
        if let Some((key, kept)) = kept {
            if kept.key.digest != key.digest {
                return Err(StartError::KeyReused);
            }
            return Ok(Some(Started::Before(kept.execution)));
        }
        let id = start.execution.id();
        Ok(self.executions.contains_key(&id).then_some(Started::Before(id)))
    }

    fn pending_roots(&self) -> u64 {
        let waits = |execution: &&StoredExecution| execution.is_in_queue();
        self.executions.values().filter(waits).count() as u64
    }

    /// Adds an execution with its first events.
    pub(super) fn insert(
        &mut self,
        execution: StoredExecution,
        events: Vec<Recorded>,
    ) -> Vec<procession_application::ports::StoredEvent> {
        let (id, creation) = (execution.state.id, std::sync::Arc::clone(&execution.creation));
        self.executions.insert(id, execution);
        self.append(id, &creation, events)
    }
}

impl StoredExecution {
    /// A new execution that nobody owns.
    pub(super) fn created(execution: &Execution, values: Vec<NewValue>) -> Self {
        let steps = execution
            .steps()
            .filter(|(_, state)| **state != StepState::pending())
            .map(|(step, state)| (step.id.clone(), state.clone()))
            .collect();
        Self {
            creation: std::sync::Arc::clone(execution.creation()),
            state: execution.state().clone(),
            steps,
            values: contents(values),
            inbox: Vec::new(),
            root_of_tree: root_of_tree(execution.id(), execution.creation()),
            instance_limit: None,
            owner: None,
            attention_at: None,
            dismissed_at: None,
        }
    }

    /// A child, which needs attention at once.
    pub(super) fn child(execution: &Execution, values: Vec<NewValue>, now: Timestamp) -> Self {
        Self { attention_at: Some(now), ..Self::created(execution, values) }
    }

    /// Whether it waits to be admitted.
    pub(super) fn is_in_queue(&self) -> bool {
        let pending = self.state.life == procession_domain::execution::Life::Pending;
        pending && self.is_root() && self.owner.is_none()
    }
}

/// Values by key.
pub(super) fn contents(values: Vec<NewValue>) -> HashMap<String, Content> {
    values.into_iter().map(|value| (value.key, value.content)).collect()
}
