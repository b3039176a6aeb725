//! The port of executions; each unit of work is in a file of its own.

use async_trait::async_trait;
use procession_domain::{
    execution::Signal,
    value::{ExecutionId, Timestamp},
};
use uuid::Uuid;

use super::MemoryStore;
use procession_application::ports::{
    Claim, ClaimRequest, Commit, CommitError, Committed, Content, ExecutionStore, InboxRow, Lease, Loaded, SignalError,
    Start, StartError, Started, StoreError,
};

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
            creation: std::sync::Arc::clone(&stored.creation),
            state: stored.state.clone(),
            steps: stored.steps.iter().map(|(step, state)| (step.clone(), state.clone())).collect(),
            inbox: stored.inbox.clone(),
            ledger: tables.ledgers.get(&stored.root_of_tree).copied(),
        }))
    }

    async fn inbox(&self, id: ExecutionId, after: i64) -> Result<Vec<InboxRow>, StoreError> {
        let tables = self.tables();
        let rows = tables.executions.get(&id).into_iter().flat_map(|stored| &stored.inbox);
        Ok(rows.filter(|row| row.number > after).cloned().collect())
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        self.commit_now(commit)
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

    async fn next_attention(&self) -> Result<Option<Timestamp>, StoreError> {
        let tables = self.tables();
        let unowned = tables.executions.values().filter(|stored| stored.owner.is_none());
        Ok(unowned.filter_map(|stored| stored.attention_at).min())
    }

    async fn signal(&self, to: ExecutionId, signal: Signal, now: Timestamp) -> Result<(), SignalError> {
        self.signal_now(to, signal, now)
    }

    async fn value(&self, id: ExecutionId, key: &str) -> Result<Option<Content>, StoreError> {
        let tables = self.tables();
        let stored = tables.executions.get(&id);
        Ok(stored.and_then(|stored| stored.values.get(key)).cloned())
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
        Ok(self.tables().events.iter().map(|stored| stored.at).max())
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let before = tables.idempotency_keys.len();
        tables.idempotency_keys.retain(|_, kept| kept.key.expires_at > now);
        Ok((before - tables.idempotency_keys.len()) as u64)
    }
}
