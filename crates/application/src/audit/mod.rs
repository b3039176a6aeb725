//! The audit trail: every change that was asked for, done or refused, by whom, by what and from where (spec 4, audit).
//!
//! * `chain`: whether it is whole;
//! * `note`: the entry of the change under way, which the store writes with the change where it can;
//! * here: reading the trail.

mod chain;
mod note;

use std::sync::Arc;

use uuid::Uuid;

pub use chain::AuditVerdict;
pub(crate) use chain::PURGE;
pub use note::AuditNote;
pub(crate) use note::{Auditor, Unprincipled, about, about_named};

use crate::{
    access::{Forbidden, Principal, UseCase},
    ports::{AuditFilter, AuditTrail, KeptAuditEntry, Page, Paging, StoreError},
};

/// The service for the audit trail.
#[derive(Clone)]
pub struct Audit {
    trail: Arc<dyn AuditTrail>,
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
        Ok(chain::verify(self.trail.as_ref()).await?)
    }
}
