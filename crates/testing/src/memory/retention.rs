//! The port of retention.

use async_trait::async_trait;
use procession_application::ports::{
    AuditAnchor, AuditEntry, DeliveryRow, KeptPart, Overdue, PurgeStep, Purged, Removal, RetentionStore, StoreError,
};
use procession_domain::value::{ExecutionId, Timestamp};

use super::{MemoryStore, StoredExecution, Tables};

/// How many executions a step takes, so that whoever uses the port has to take several.
const STEP: usize = 2;

#[async_trait]
impl RetentionStore for MemoryStore {
    async fn overdue(&self, part: KeptPart, before: Timestamp, limit: u32) -> Result<Vec<Overdue>, StoreError> {
        let tables = self.tables();
        let mut found: Vec<&StoredExecution> = tables.overdue(part, before).collect();
        found.sort_by_key(|stored| (stored.standing.completed_at, stored.id));
        let overdue = |stored: &StoredExecution| Overdue { id: stored.id, is_archived: stored.is_archived };
        Ok(found.into_iter().take(limit as usize).map(overdue).collect())
    }

    async fn count_overdue(&self, part: KeptPart, before: Timestamp) -> Result<u64, StoreError> {
        let tables = self.tables();
        let found = tables.overdue(part, before);
        Ok(match part {
            KeptPart::Whole => found.count(),
            KeptPart::Values => found.map(|stored| stored.values.len()).sum(),
            KeptPart::Events => found.map(|stored| tables.count_events(stored.id)).sum(),
        } as u64)
    }

    async fn purge(&self, part: KeptPart, removals: Vec<Removal>) -> Result<PurgeStep, StoreError> {
        let mut tables = self.tables();
        let mut step = PurgeStep::default();
        for removal in removals.into_iter().take(STEP) {
            step.purged = step.purged.plus(tables.purge(part, removal));
            step.settled += 1;
        }
        Ok(step)
    }

    async fn mark_archived(&self, executions: &[ExecutionId]) -> Result<(), StoreError> {
        let mut tables = self.tables();
        for id in executions {
            if let Some(stored) = tables.executions.get_mut(id) {
                stored.is_archived = true;
            }
        }
        Ok(())
    }

    async fn count_old_deliveries(&self, before: Timestamp) -> Result<u64, StoreError> {
        let tables = self.tables();
        let old = |row: &DeliveryRow| row.created_at < before && row.next_attempt_at.is_none();
        Ok(tables.deliveries.iter().filter(|kept| old(&kept.row)).count() as u64)
    }

    async fn purge_deliveries(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let mut left = STEP;
        let count = tables.deliveries.len();
        tables.deliveries.retain(|kept| {
            let is_old = kept.row.created_at < before && kept.row.next_attempt_at.is_none();
            let goes = is_old && left > 0;
            left -= usize::from(goes);
            !goes
        });
        Ok((count - tables.deliveries.len()) as u64)
    }

    async fn audit_before(&self, before: Timestamp) -> Result<Option<AuditAnchor>, StoreError> {
        let tables = self.tables();
        let anchor = tables.audit_anchor.number;
        let Some((_, older)) = tables.audit.split_last() else { return Ok(None) };
        let last = older.iter().take_while(|kept| kept.entry.at < before).last();
        let anchor = last.filter(|last| last.number > anchor);
        Ok(anchor.map(|last| AuditAnchor { number: last.number, hash: last.hash }))
    }

    async fn move_audit_anchor(&self, to: AuditAnchor, entry: &AuditEntry) -> Result<(), StoreError> {
        let mut tables = self.tables();
        if to.number > tables.audit_anchor.number {
            tables.audit_anchor = to;
        }
        tables.append_audit(entry);
        Ok(())
    }

    async fn purge_audit(&self) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let anchor = tables.audit_anchor.number;
        let gone = tables.audit.iter().take(STEP).take_while(|kept| kept.number <= anchor).count();
        tables.audit.drain(..gone);
        Ok(gone as u64)
    }
}

impl Tables {
    fn overdue(&self, part: KeptPart, before: Timestamp) -> impl Iterator<Item = &StoredExecution> {
        self.executions.values().filter(move |stored| {
            let is_there = match part {
                KeptPart::Whole => true,
                KeptPart::Events => !stored.is_without_events,
                KeptPart::Values => !stored.is_without_values,
            };
            let parent = stored.creation.parent.as_ref().map(|link| link.execution_id);
            let above = [Some(stored.id), parent, Some(stored.root_of_tree)].into_iter().flatten();
            let mut above = above.filter_map(|id| self.executions.get(&id));
            is_there && above.all(|above| above.ended_before(before))
        })
    }

    fn count_events(&self, id: ExecutionId) -> usize {
        self.events.iter().filter(|event| event.execution_id == id).count()
    }

    fn purge(&mut self, part: KeptPart, removal: Removal) -> Purged {
        let id = removal.id;
        let events = self.count_events(id) as u64;
        let Some(stored) = self.executions.get_mut(&id).filter(|stored| stored.is_ended()) else {
            return Purged::default();
        };
        match part {
            KeptPart::Events => {
                let state = removal.state.filter(|state| state.state.sequence == stored.standing.sequence);
                let Some(state) = state else { return Purged::default() };
                stored.snapshot = Some(*state);
                stored.is_without_events = true;
                self.events.retain(|event| event.execution_id != id);
                Purged { events, ..Purged::default() }
            }
            KeptPart::Values => {
                stored.is_without_values = true;
                let values = std::mem::take(&mut stored.values).len() as u64;
                Purged { values, ..Purged::default() }
            }
            KeptPart::Whole => {
                let values = stored.values.len() as u64;
                self.removed.extend(self.executions.remove(&id));
                self.events.retain(|event| event.execution_id != id);
                self.approvals.retain(|_, approval| approval.request().execution_id != id);
                self.ledgers.remove(&id);
                self.deliveries.retain(|kept| kept.row.execution_id != Some(id));
                Purged { executions: 1, events, values }
            }
        }
    }
}

impl StoredExecution {
    fn ended_before(&self, before: Timestamp) -> bool {
        self.is_ended() && self.standing.completed_at.is_some_and(|ended| ended < before)
    }
}
