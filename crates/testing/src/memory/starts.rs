//! Starts: idempotent, and limited by the length of the queue (spec 3.7, 3.9).

use std::collections::HashMap;

use std::sync::Arc;

use procession_application::ports::{
    Admission, Content, NewValue, Spending, Start, StartError, Started, StoredEvent, root_of_tree,
};
use procession_domain::{
    event::Recorded,
    execution::{Execution, ExecutionStatus, Ledger},
    value::{ContentHash, Duration, Timestamp},
};

use super::{KeptKey, KeptLedger, MemoryStore, StoredExecution, Tables};

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
        let owner =
            start.admit.filter(|admission| tables.may_admit(&start, admission)).map(|admission| admission.lease);
        let pending = tables.pending_roots();
        if owner.is_none() && pending >= u64::from(start.queue_length) {
            return Err(StartError::QueueFull { pending });
        }
        let id = start.execution.id();
        if let Some(change) = &start.schedule {
            if !tables.stand(change) {
                return Err(StartError::Outrun);
            }
            tables.schedule_runs.push((change.id, id));
        }
        if let Some(noted) = &start.call {
            tables.note_call(&noted.call, noted.kept);
        }
        for key in start.idempotency.into_iter().chain(start.message) {
            let scope = key.scope.clone();
            tables.idempotency_keys.insert(scope, KeptKey { key, execution: id });
        }
        if let Some(budget) = &start.budget {
            let kept = KeptLedger { ledger: Ledger::of(budget), waits: false };
            tables.ledgers.insert(root_of_tree(id, creation), kept);
        }
        let mut stored = StoredExecution::created(&start.execution, &start.values);
        stored.owner = owner;
        stored.instance_limit = start.instance_limit;
        let events = tables.insert(stored, &start.events);
        tables.insert_deliveries(&start.deliveries, &events);
        self.publish(&tables, events);
        Ok(Started::Created { admitted: owner.is_some() })
    }
}

impl Tables {
    /// The execution that the same start created before; the same id counts as the same start.
    fn started_before(&self, start: &Start) -> Result<Option<Started>, StartError> {
        let now = start.execution.state().created_at;
        let mut kept = start.idempotency.iter().chain(&start.message).filter_map(|key| {
            let kept = self.idempotency_keys.get(&key.scope)?;
            (kept.key.expires_at > now).then_some((key, kept))
        });
        if let Some((key, kept)) = kept.next() {
            if kept.key.digest != key.digest {
                return Err(StartError::KeyReused);
            }
            return Ok(Some(Started::Before(kept.execution)));
        }
        let id = start.execution.id();
        Ok(self.executions.contains_key(&id).then_some(Started::Before(id)))
    }

    /// Whether an execution may begin at once: nobody waits before it, and all limits leave room.
    fn may_admit(&self, start: &Start, admission: &Admission) -> bool {
        let in_work: Vec<&StoredExecution> = self.executions.values().filter(|stored| stored.is_in_work()).collect();
        let name = &start.execution.creation().process.name;
        let of_process = in_work.iter().filter(|stored| stored.creation.process.name == *name).count();
        self.is_live(admission.lease)
            && self.pending_roots() == 0
            && in_work.len() < admission.most_running as usize
            && start.instance_limit.is_none_or(|limit| of_process < limit as usize)
    }

    fn pending_roots(&self) -> u64 {
        let waits = |execution: &&StoredExecution| execution.is_in_queue();
        self.executions.values().filter(waits).count() as u64
    }

    /// Adds an execution with its first events.
    pub(super) fn insert(&mut self, execution: StoredExecution, events: &[Arc<Recorded>]) -> Vec<StoredEvent> {
        let (id, creation) = (execution.id, Arc::clone(&execution.creation));
        self.executions.insert(id, execution);
        self.append(id, &creation, events)
    }
}

impl StoredExecution {
    /// A new execution that nobody owns.
    pub(super) fn created(execution: &Execution, values: &[NewValue]) -> Self {
        Self {
            id: execution.id(),
            creation: Arc::clone(execution.creation()),
            created_at: execution.state().created_at,
            standing: execution.standing(),
            snapshot: None,
            values: contents(values),
            inbox: Vec::new(),
            root_of_tree: root_of_tree(execution.id(), execution.creation()),
            instance_limit: None,
            owner: None,
            attention_at: None,
            dismissed_at: None,
            spending: Spending::default(),
            working: Duration::ZERO,
            is_without_events: false,
            is_without_values: false,
            is_archived: false,
        }
    }

    /// A child, which needs attention at once.
    pub(super) fn child(execution: &Execution, values: &[NewValue], now: Timestamp) -> Self {
        Self { attention_at: Some(now), ..Self::created(execution, values) }
    }

    /// Whether it waits to be admitted.
    pub(super) fn is_in_queue(&self) -> bool {
        self.standing.status == ExecutionStatus::Pending && self.is_root() && self.owner.is_none()
    }

    /// Whether it counts against the limits of executions at once.
    pub(super) fn is_in_work(&self) -> bool {
        self.owner.is_some() && self.is_root() && !self.is_ended()
    }
}

/// Values by their hash.
pub(super) fn contents(values: &[NewValue]) -> HashMap<ContentHash, Content> {
    values.iter().map(|value| (value.value.hash, value.content.clone())).collect()
}
