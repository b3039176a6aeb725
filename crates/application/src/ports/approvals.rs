//! The store of approvals: changed by the API and by executions, each by one conditional write.

use async_trait::async_trait;
use procession_domain::{
    approval::{Approval, ApprovalStatus},
    execution::Signal,
    value::{ApprovalId, ExecutionId, ProcessName, StepId},
};

use super::{Page, Paging, StoreError};

/// Which approvals a list shows; conditions add up.
#[derive(Debug, Clone, Default)]
pub struct ApprovalFilter {
    /// In this status.
    pub status: Option<ApprovalStatus>,
    /// Of this execution.
    pub execution_id: Option<ExecutionId>,
    /// Asking this person.
    pub asking: Option<Asked>,
}

/// A person as lists of approvals look for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What the person is called: user name, e-mail address, roles (bare and as `role:NAME`).
    pub names: Vec<String>,
    /// Whether approvals that name nobody ask this person too.
    pub may_decide: bool,
}

/// An approval with what lists show beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct ApprovalRow {
    /// The approval.
    pub approval: Approval,
    /// The process whose execution asks.
    pub process_name: ProcessName,
}

/// A change made through the API, with the signal that tells the execution.
#[derive(Debug, Clone)]
pub struct ApprovalChange {
    /// The approval after the change.
    pub approval: Approval,
    /// The revision that the change was made on.
    pub before: u32,
    /// What the execution is told.
    pub signal: Signal,
}

/// Why a change can't be written.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalStoreError {
    /// It was changed since it was read: read it again and decide anew.
    #[error("the approval was changed at the same time")]
    Stale,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores approvals.
///
/// Promises:
/// * [`change`](Self::change) writes approval and signal together, and only while the stored approval is pending and of
///   the revision the change was made on: of two changes at once, one gets [`ApprovalStoreError::Stale`];
/// * the signal makes its execution need attention at once.
#[async_trait]
pub trait ApprovalStore: Send + Sync {
    /// An approval.
    async fn approval(&self, id: ApprovalId) -> Result<Option<ApprovalRow>, StoreError>;

    /// The newest approval of a step.
    async fn of_step(&self, execution: ExecutionId, step: &StepId) -> Result<Option<ApprovalRow>, StoreError>;

    /// A page of approvals, oldest first.
    async fn approvals(&self, filter: &ApprovalFilter, paging: &Paging) -> Result<Page<ApprovalRow>, StoreError>;

    /// Writes a change made through the API.
    async fn change(&self, change: ApprovalChange) -> Result<(), ApprovalStoreError>;
}
