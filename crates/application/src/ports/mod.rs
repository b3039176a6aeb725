//! The ports: what the application asks of the world, as traits that adapters implement.
//!
//! A repository method is one unit of work; no transaction crosses a port. The docs of each trait state the promises an
//! implementation must keep, and the contract suite (feature `testing`) tests each of them by name.

mod access;
mod agents;
mod approvals;
mod blobs;
mod clock;
mod definitions;
mod executions;
mod feed;
mod notifier;
mod queries;

pub use access::{AccessError, AccessStore, ApiKey, NewUser, Role, Setting, User};
pub use agents::{AgentFailure, AgentGateway, AgentListing, AgentReply, AgentStatus, AgentTask, Recovered, Submitted};
pub use approvals::{ApprovalChange, ApprovalFilter, ApprovalRow, ApprovalStore, ApprovalStoreError};
pub use blobs::{BlobError, BlobStore};
pub use clock::{Clock, IdGenerator};
pub use definitions::{DefinitionStore, DefinitionStoreError, ProcessFilter, ProcessRow, PublishedVersion};
pub use executions::{
    ApprovalWrite, Claim, ClaimKind, ClaimRequest, Commit, CommitError, Committed, Content, ExecutionStore,
    IdempotencyKey, InboxRow, Lease, Loaded, NewChild, NewSignal, NewValue, SignalError, Start, StartError, Started,
};
pub use feed::{EventFeed, FeedError, StoredEvent};
pub use notifier::{DeliveryFailure, Message, Notifier};
pub use queries::{EventPage, ExecutionFilter, ExecutionRow, Page, PageStart, Paging, Queries, Sort};

/// Why a store could not do what it was asked, whatever that was.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It can't be reached, its disk is full, or it is too slow. Trying again may help.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// It holds something that can't be read.
    #[error("the store holds something that can't be read: {0}")]
    Corrupt(String),
}
