//! The audit trail: every change that was asked for, done or refused, by whom, by what and from where (spec 4, audit).
//!
//! * `note`: the entry of the change under way, which the store writes with the change where it can;
//! * here: reading the trail, and finding out whether it is whole.

mod note;

use std::sync::Arc;

use uuid::Uuid;

pub use note::AuditNote;
pub(crate) use note::{Auditor, about, about_named};

use crate::{
    access::{Forbidden, Principal, UseCase},
    ports::{AuditEntry, AuditFilter, AuditTrail, KeptAuditEntry, Page, Paging, StoreError},
};

/// How many entries are checked at a time.
const CHECKED_AT_ONCE: u32 = 1_000;

/// The service for the audit trail.
#[derive(Clone)]
pub struct Audit {
    trail: Arc<dyn AuditTrail>,
}

/// Whether the trail is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditVerdict {
    /// How many entries there are.
    pub entries: u64,
    /// The number of the first entry that is not what was written, or is missing; `None` if the trail is whole.
    pub first_broken: Option<u64>,
}

/// Why the trail can't be read.
#[derive(Debug, thiserror::Error)]
pub enum AuditFailure {
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no entry with this id.
    #[error("Audit entry not found")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Audit {
    /// The service.
    pub fn new(trail: Arc<dyn AuditTrail>) -> Self {
        Self { trail }
    }

    /// A page of entries, the newest first.
    pub async fn list(
        &self,
        by: &Principal,
        filter: &AuditFilter,
        paging: &Paging,
    ) -> Result<Page<KeptAuditEntry>, AuditFailure> {
        by.check(UseCase::ReadAudit)?;
        Ok(self.trail.entries(filter, paging).await?)
    }

    /// An entry; a text that is no id leads to none.
    pub async fn get(&self, by: &Principal, id: &str) -> Result<KeptAuditEntry, AuditFailure> {
        by.check(UseCase::ReadAudit)?;
        let id = Uuid::parse_str(id).map_err(|_| AuditFailure::NotFound)?;
        self.trail.entry(id).await?.ok_or(AuditFailure::NotFound)
    }

    /// Whether every entry is there and is what was written.
    pub async fn verify(&self, by: &Principal) -> Result<AuditVerdict, AuditFailure> {
        by.check(UseCase::ReadAudit)?;
        // What is appended meanwhile is not looked for.
        let ever = self.trail.ever().await?;
        let (mut number, mut previous) = (0, AuditEntry::BEGINNING);
        let mut entries = 0;
        let mut first_broken = None;
        loop {
            let read = self.trail.after(number, CHECKED_AT_ONCE).await?;
            let Some(last) = read.last().map(|kept| kept.number) else { break };
            for kept in &read {
                entries += 1;
                let is_next = kept.number == number + 1 && kept.previous == previous;
                if first_broken.is_none() && !(is_next && kept.hash == kept.entry.hash(kept.number, &previous)) {
                    // The missing one, where one is missing.
                    first_broken = Some(kept.number.min(number + 1));
                }
                (number, previous) = (kept.number, kept.hash);
            }
            number = last;
        }
        let is_cut_off = number < ever;
        Ok(AuditVerdict { entries, first_broken: first_broken.or_else(|| is_cut_off.then_some(number + 1)) })
    }
}
