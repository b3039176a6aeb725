//! The port that carries executions from one store to another.

use async_trait::async_trait;
use procession_application::ports::{
    Content, CopyOutcome, ExecutionCopy, Spending, StoreError, TransferStore, working_time,
};
use procession_domain::value::{ContentHash, ExecutionId};

use super::{MemoryStore, StoredExecution};

#[async_trait]
impl TransferStore for MemoryStore {
    async fn values_of(&self, execution: ExecutionId) -> Result<Vec<(ContentHash, Content)>, StoreError> {
        let tables = self.tables();
        let stored = tables.executions.get(&execution);
        let values = stored.into_iter().flat_map(|stored| stored.values.clone());
        let mut values: Vec<(ContentHash, Content)> = values.collect();
        values.sort_by_key(|(hash, _)| *hash.as_bytes());
        Ok(values)
    }

    async fn put_copy(&self, copy: ExecutionCopy) -> Result<CopyOutcome, StoreError> {
        let mut tables = self.tables();
        let (id, creation) = (copy.execution.id(), copy.execution.creation());
        if tables.executions.contains_key(&id) {
            return Ok(CopyOutcome::Known);
        }
        if !tables.definitions.contains_key(&creation.process.id) {
            return Ok(CopyOutcome::ProcessGone);
        }
        if copy.approvals.iter().any(|approval| tables.approvals.contains_key(&approval.id())) {
            return Ok(CopyOutcome::ApprovalTaken);
        }
        let events = copy.events.iter().map(|recorded| &**recorded);
        let stored = StoredExecution {
            snapshot: copy.state,
            dismissed_at: copy.dismissed_at,
            spending: Spending::of(events, copy.execution.standing().cost.amount.currency()),
            working: working_time(&copy.execution),
            ..StoredExecution::created(&copy.execution, &copy.values)
        };
        tables.executions.insert(id, stored);
        // Nobody is told: it has happened elsewhere.
        tables.append(id, creation, &copy.events);
        // One that was removed has been counted.
        let count = tables.removed.len();
        tables.removed.retain(|removed| removed.id != id);
        if tables.removed.len() == count {
            tables.ended_steps.extend(copy.ended_steps.into_iter().map(|step| (id, step)));
        }
        tables.approvals.extend(copy.approvals.into_iter().map(|approval| (approval.id(), approval)));
        Ok(CopyOutcome::Written)
    }
}
