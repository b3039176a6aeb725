//! Executions as a whole, to carry them from one store to another (spec 4c, export).

use std::sync::Arc;

use async_trait::async_trait;
use procession_domain::{
    approval::Approval,
    event::Recorded,
    execution::{Execution, Snapshot},
    value::{ContentHash, ExecutionId, Timestamp},
};

use super::{Content, EndedStep, NewValue, StoreError};

/// An ended execution of another store.
#[derive(Debug, Clone)]
pub struct ExecutionCopy {
    /// The execution at its end.
    pub execution: Execution,
    /// Its events, as far as they are kept.
    pub events: Vec<Arc<Recorded>>,
    /// Its state, if not all of its events are kept.
    pub state: Option<Snapshot>,
    /// Its values, as far as they are kept; large ones are in the blob store already.
    pub values: Vec<NewValue>,
    /// What people were asked.
    pub approvals: Vec<Approval>,
    /// Its steps, for figures.
    pub ended_steps: Vec<EndedStep>,
    /// When a person put its failure aside.
    pub dismissed_at: Option<Timestamp>,
}

/// What became of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyOutcome {
    /// It is there now.
    Written,
    /// An execution of this id is there already; nothing was written.
    Known,
    /// Its process is not there; nothing was written.
    ProcessGone,
    /// An approval of this store has the id of one of its own; nothing was written.
    ApprovalTaken,
}

/// Carries executions.
///
/// Promises: a copy is written whole or not at all, and nobody is told of it: what it tells has happened elsewhere. Its events
/// get numbers behind all others. It is counted in the figures once, also if it was here before and was removed after its
/// time.
#[async_trait]
pub trait TransferStore: Send + Sync {
    /// All values of an execution.
    async fn values_of(&self, execution: ExecutionId) -> Result<Vec<(ContentHash, Content)>, StoreError>;

    /// Writes an execution that has ended elsewhere.
    async fn put_copy(&self, copy: ExecutionCopy) -> Result<CopyOutcome, StoreError>;
}
