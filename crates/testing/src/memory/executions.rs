//! The port of executions; each unit of work is in a file of its own.

use std::sync::Arc;

use async_trait::async_trait;
use procession_application::ports::{
    Claim, ClaimRequest, Commit, CommitError, Committed, Content, ExecutionStore, InboxRow, Lease, Loaded, SignalError,
    Start, StartError, Started, StoreError, StoredEvent, WorkScope,
};
use procession_domain::{
    execution::{Ledger, Signal},
    value::{ContentHash, ExecutionId, Money, ProcessName, StepId, Timestamp},
};
use uuid::Uuid;

use super::MemoryStore;

#[async_trait]
impl ExecutionStore for MemoryStore {
    async fn start(&self, start: Start) -> Result<Started, StartError> {
        self.start_now(start)
    }

    async fn load(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        let tables = self.tables();
        let Some(stored) = tables.executions.get(&id) else {
            return Ok(None);
        };
        Ok(Some(Loaded {
            id,
            creation: Arc::clone(&stored.creation),
            standing: stored.standing,
            events: {
                let known = stored.snapshot.as_ref().map_or(0, |snapshot| snapshot.state.sequence);
                let own = tables.events.iter().filter(|event| event.execution_id == id && event.sequence() > known);
                own.map(|event| (*event.recorded).clone()).collect()
            },
            snapshot: stored.snapshot.clone(),
            inbox: stored.inbox.clone(),
            ledger: tables.ledgers.get(&stored.root_of_tree).map(|kept| kept.ledger),
        }))
    }

    async fn inbox(&self, id: ExecutionId, after: i64) -> Result<Vec<InboxRow>, StoreError> {
        let tables = self.tables();
        let rows = tables.executions.get(&id).into_iter().flat_map(|stored| &stored.inbox);
        Ok(rows.filter(|row| row.number > after).cloned().collect())
    }

    async fn commit(&self, commit: Arc<Commit>) -> Result<Committed, CommitError> {
        self.commit_now(&commit)
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, StoreError> {
        Ok(self.claim_now(&request))
    }

    async fn claim_one(&self, lease: Lease, id: ExecutionId, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.claim_one_now(lease, id, now))
    }

    async fn owned_and_due(&self, lease: Lease, now: Timestamp) -> Result<Vec<ExecutionId>, StoreError> {
        let tables = self.tables();
        let due = tables.executions.iter().filter(|(_, stored)| {
            let is_due = stored.attention_at.is_some_and(|at| at <= now);
            stored.owner == Some(lease) && is_due
        });
        Ok(due.map(|(id, _)| *id).collect())
    }

    async fn owned(&self, lease: Lease) -> Result<Vec<ExecutionId>, StoreError> {
        let tables = self.tables();
        let owned = tables.executions.values().filter(|stored| stored.owner == Some(lease));
        Ok(owned.map(|stored| stored.id).collect())
    }

    async fn ledger(&self, id: ExecutionId) -> Result<Option<Ledger>, StoreError> {
        let tables = self.tables();
        let kept = tables.executions.get(&id).and_then(|stored| tables.ledgers.get(&stored.root_of_tree));
        Ok(kept.map(|kept| kept.ledger))
    }

    async fn step_costs(&self, process: &ProcessName, step: &StepId, limit: u32) -> Result<Vec<Money>, StoreError> {
        let tables = self.tables();
        let of_step = tables.step_costs.iter().rev().filter(|(name, id, _)| name == process && id == step);
        Ok(of_step.map(|(_, _, cost)| *cost).take(limit as usize).collect())
    }

    async fn next_attention(&self, scope: &WorkScope) -> Result<Option<Timestamp>, StoreError> {
        let tables = self.tables();
        let unowned = tables.executions.values().filter(|stored| stored.owner.is_none());
        let unowned = unowned.filter(|stored| tables.is_in(scope, stored));
        Ok(unowned.filter_map(|stored| stored.attention_at).min())
    }

    async fn signal(&self, to: ExecutionId, signal: Signal, now: Timestamp) -> Result<(), SignalError> {
        self.signal_now(to, signal, now)
    }

    async fn value(&self, id: ExecutionId, hash: ContentHash) -> Result<Option<Content>, StoreError> {
        let tables = self.tables();
        let stored = tables.executions.get(&id);
        Ok(stored.and_then(|stored| stored.values.get(&hash)).cloned())
    }

    async fn join(&self, node: Uuid, now: Timestamp, until: Timestamp) -> Result<Lease, StoreError> {
        Ok(self.join_now(node, now, until))
    }

    async fn renew(&self, lease: Lease, until: Timestamp) -> Result<bool, StoreError> {
        Ok(self.renew_now(lease, until))
    }

    async fn leave(&self, lease: Lease) -> Result<(), StoreError> {
        self.leave_now(lease);
        Ok(())
    }

    async fn newest_event_time(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.tables().events.iter().map(StoredEvent::at).max())
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let before = tables.idempotency_keys.len();
        tables.idempotency_keys.retain(|_, kept| kept.key.expires_at > now);
        Ok((before - tables.idempotency_keys.len()) as u64)
    }
}
