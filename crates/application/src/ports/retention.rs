//! Removing what is old, in small steps (spec 3.11 and 4c, retention).

use async_trait::async_trait;
use procession_domain::{
    execution::Snapshot,
    value::{ContentHash, ExecutionId, Timestamp},
};

use super::{AuditEntry, StoreError};

/// A part of an ended execution that is kept for a time of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeptPart {
    /// The execution itself, with all that belongs to it.
    Whole,
    /// Its events; its state stays.
    Events,
    /// Its values: input, outputs, messages.
    Values,
}

/// An ended execution of which a part has been kept for long enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overdue {
    /// The execution.
    pub id: ExecutionId,
    /// Whether it is in the archive.
    pub is_archived: bool,
}

/// A part to remove.
#[derive(Debug, Clone)]
pub struct Removal {
    /// The execution.
    pub id: ExecutionId,
    /// Its state, which must stay when its events go. If it is not that of its last event, nothing is removed.
    pub state: Option<Box<Snapshot>>,
}

/// What was removed, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purged {
    /// Executions.
    pub executions: u64,
    /// Events.
    pub events: u64,
    /// Values.
    pub values: u64,
}

/// What a step has removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PurgeStep {
    /// What.
    pub purged: Purged,
    /// How many of the removals, from the first, need no further step.
    pub settled: usize,
}

/// The last entry of the audit trail that was purged, or is about to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditAnchor {
    /// Its number; 0 = nothing was ever purged.
    pub number: u64,
    /// Its hash, to which the entry behind it is chained.
    pub hash: ContentHash,
}

/// Removes what is old.
///
/// Promises:
/// * a live execution is never touched, nor one whose parent, or the top of whose tree, has not ended before the same time;
/// * what stays is whole: without its events an execution has its state, without its values it says that they are gone;
/// * a step is short: a store that writes one after the other never holds up the others for more than 50 ms;
/// * of the audit trail only entries up to the anchor go, and [`AuditEntry::hash`] of the anchor's is the `previous` of the
///   first one behind it.
#[async_trait]
pub trait RetentionStore: Send + Sync {
    /// Executions that have ended before a time and still have this part, those that ended first, at most `limit`.
    async fn overdue(&self, part: KeptPart, before: Timestamp, limit: u32) -> Result<Vec<Overdue>, StoreError>;

    /// What would be removed with this part of all that have ended before a time. Events and values are counted for their
    /// own parts only.
    async fn count_overdue(&self, part: KeptPart, before: Timestamp) -> Result<u64, StoreError>;

    /// Removes this part of executions, as many as are done in a short time.
    async fn purge(&self, part: KeptPart, removals: Vec<Removal>) -> Result<PurgeStep, StoreError>;

    /// Notes that these executions are in the archive.
    async fn mark_archived(&self, executions: &[ExecutionId]) -> Result<(), StoreError>;

    /// How many deliveries were written before a time, of which nothing more is tried.
    async fn count_old_deliveries(&self, before: Timestamp) -> Result<u64, StoreError>;

    /// Removes such deliveries, the oldest first, as many as are done in a short time. How many; 0 at the end.
    async fn purge_deliveries(&self, before: Timestamp) -> Result<u64, StoreError>;

    /// The last entry of the audit trail such that it and all before it are older than a time; never the newest of all.
    /// `None` if there is none behind the anchor.
    async fn audit_before(&self, before: Timestamp) -> Result<Option<AuditAnchor>, StoreError>;

    /// Moves the anchor forward, and appends the entry that tells so, in one transaction.
    async fn move_audit_anchor(&self, to: AuditAnchor, entry: &AuditEntry) -> Result<(), StoreError>;

    /// Removes entries up to the anchor, the oldest first, as many as are done in a short time. How many; 0 at the end.
    async fn purge_audit(&self) -> Result<u64, StoreError>;
}

impl AuditAnchor {
    /// The anchor of a trail of which nothing was purged.
    pub const NONE: Self = Self { number: 0, hash: AuditEntry::BEGINNING };
}

impl Default for AuditAnchor {
    fn default() -> Self {
        Self::NONE
    }
}

impl Purged {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            executions: self.executions + other.executions,
            events: self.events + other.events,
            values: self.values + other.values,
        }
    }
}
