//! The port of the audit trail.

use async_trait::async_trait;
use uuid::Uuid;

use super::{MemoryStore, Tables, paging::page};
use procession_application::ports::{
    AuditAnchor, AuditEntry, AuditFilter, AuditTrail, KeptAuditEntry, Page, Paging, RowPlace, StoreError,
};

#[async_trait]
impl AuditTrail for MemoryStore {
    async fn append(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.tables().append_audit(entry);
        Ok(())
    }

    async fn entries(&self, filter: &AuditFilter, paging: &Paging) -> Result<Page<KeptAuditEntry>, StoreError> {
        let tables = self.tables();
        let found = tables.audit.iter().filter(|kept| fits(&kept.entry, filter));
        let mut rows: Vec<(RowPlace, KeptAuditEntry)> =
            found.map(|kept| (RowPlace { at: kept.entry.at, id: kept.entry.id }, kept.clone())).collect();
        rows.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
        page(rows, paging, |place, after| place < after)
    }

    async fn entry(&self, id: Uuid) -> Result<Option<KeptAuditEntry>, StoreError> {
        Ok(self.tables().audit.iter().find(|kept| kept.entry.id == id).cloned())
    }

    async fn after(&self, number: u64, limit: u32) -> Result<Vec<KeptAuditEntry>, StoreError> {
        let tables = self.tables();
        Ok(tables.audit.iter().filter(|kept| kept.number > number).take(limit as usize).cloned().collect())
    }

    async fn ever(&self) -> Result<u64, StoreError> {
        Ok(self.tables().audit.last().map_or(0, |last| last.number))
    }

    async fn anchor(&self) -> Result<AuditAnchor, StoreError> {
        Ok(self.tables().audit_anchor)
    }
}

impl Tables {
    /// Appends an entry behind the newest one, which is never purged.
    pub(super) fn append_audit(&mut self, entry: &AuditEntry) {
        let last = self.audit.last().map(|last| (last.number, last.hash));
        let (number, previous) = last.unwrap_or((0, AuditEntry::BEGINNING));
        self.audit.push(entry.clone().kept(number + 1, previous));
    }
}

fn fits(entry: &AuditEntry, filter: &AuditFilter) -> bool {
    let AuditFilter { actor, action, resource_kind, resource, outcome, since, until } = filter;
    let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
    let named =
        |wanted: &str| [&entry.resource.id, &entry.resource.name].iter().any(|name| name.as_deref() == Some(wanted));
    is(actor, &entry.actor)
        && is(action, &entry.action)
        && is(resource_kind, &entry.resource.kind)
        && resource.as_deref().is_none_or(named)
        && outcome.is_none_or(|outcome| outcome == entry.outcome)
        && since.is_none_or(|since| entry.at >= since)
        && until.is_none_or(|until| entry.at <= until)
}
