//! Stores that stop the clock while they work.
//!
//! The runtime's paused time jumps when every task waits; a database works in threads of its own, so that it seems to
//! wait while it does. A blocking task beside each call keeps the time from jumping.

use std::sync::Arc;

use async_trait::async_trait;
use procession_application::ports::{
    AccessError, AccessStore, ApiKey, ApprovalChange, ApprovalFilter, ApprovalRow, ApprovalStore, ApprovalStoreError,
    BlobError, BlobStore, Claim, ClaimRequest, Commit, CommitError, Committed, Content, DefinitionStore,
    DefinitionStoreError, EventFeed, EventPage, ExecutionFilter, ExecutionRow, ExecutionStore, InboxRow, Lease, Loaded,
    NewUser, Page, Paging, ProcessFilter, ProcessRow, PublishedVersion, Queries, Setting, SignalError, Start,
    StartError, Started, StoreError, StoredEvent, User,
};
use procession_domain::{
    definition::Process,
    event::DefinitionEvent,
    execution::{ExecutionStatus, Ledger, Signal},
    value::{ApprovalId, ContentHash, ExecutionId, Money, ProcessId, ProcessName, StepId, Timestamp, UserId, Version},
};
use procession_testing::contract::Stores;
use tokio::sync::broadcast;
use uuid::Uuid;

/// Stores behind a stopped clock.
pub struct Held(pub Arc<Stores>);

async fn hold<T>(work: impl Future<Output = T>) -> T {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let watch = tokio::task::spawn_blocking(move || {
        let _ = wait.recv();
    });
    let result = work.await;
    drop(done);
    let _ = watch.await;
    result
}

macro_rules! held {
    ($port:ident as $field:ident { $(fn $name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)* }) => {
        #[async_trait]
        impl $port for Held {
            $(async fn $name(&self, $($arg: $type),*) -> $answer {
                hold(self.0.$field.$name($($arg),*)).await
            })*
        }
    };
}

held!(DefinitionStore as definitions {
    fn create(process: &Process, event: &DefinitionEvent) -> Result<(), DefinitionStoreError>;
    fn load(id: ProcessId) -> Result<Option<Process>, StoreError>;
    fn update(process: &Process, before: u32, event: &DefinitionEvent) -> Result<(), DefinitionStoreError>;
    fn delete(id: ProcessId) -> Result<bool, DefinitionStoreError>;
    fn events(id: ProcessId) -> Result<Vec<DefinitionEvent>, StoreError>;
    fn list(filter: &ProcessFilter, paging: &Paging) -> Result<Page<ProcessRow>, StoreError>;
    fn published(name: &ProcessName, version: Option<Version>) -> Result<Option<PublishedVersion>, StoreError>;
    fn exists(name: &ProcessName, version: Option<Version>) -> Result<bool, StoreError>;
    fn highest_version(name: &ProcessName) -> Result<Option<Version>, StoreError>;
});

held!(ExecutionStore as executions {
    fn start(start: Start) -> Result<Started, StartError>;
    fn load(id: ExecutionId) -> Result<Option<Loaded>, StoreError>;
    fn inbox(id: ExecutionId, after: i64) -> Result<Vec<InboxRow>, StoreError>;
    fn commit(commit: Arc<Commit>) -> Result<Committed, CommitError>;
    fn claim(request: ClaimRequest) -> Result<Vec<Claim>, StoreError>;
    fn claim_one(lease: Lease, id: ExecutionId, now: Timestamp) -> Result<bool, StoreError>;
    fn owned_and_due(lease: Lease, now: Timestamp) -> Result<Vec<ExecutionId>, StoreError>;
    fn owned(lease: Lease) -> Result<Vec<ExecutionId>, StoreError>;
    fn ledger(id: ExecutionId) -> Result<Option<Ledger>, StoreError>;
    fn step_costs(process: &ProcessName, step: &StepId, limit: u32) -> Result<Vec<Money>, StoreError>;
    fn next_attention() -> Result<Option<Timestamp>, StoreError>;
    fn signal(to: ExecutionId, signal: Signal, now: Timestamp) -> Result<(), SignalError>;
    fn value(id: ExecutionId, hash: ContentHash) -> Result<Option<Content>, StoreError>;
    fn join(node: Uuid, now: Timestamp, until: Timestamp) -> Result<Lease, StoreError>;
    fn renew(lease: Lease, until: Timestamp) -> Result<bool, StoreError>;
    fn leave(lease: Lease) -> Result<(), StoreError>;
    fn newest_event_time() -> Result<Option<Timestamp>, StoreError>;
    fn sweep(now: Timestamp) -> Result<u64, StoreError>;
});

held!(ApprovalStore as approvals {
    fn approval(id: ApprovalId) -> Result<Option<ApprovalRow>, StoreError>;
    fn of_step(execution: ExecutionId, step: &StepId) -> Result<Option<ApprovalRow>, StoreError>;
    fn approvals(filter: &ApprovalFilter, paging: &Paging) -> Result<Page<ApprovalRow>, StoreError>;
    fn change(change: ApprovalChange) -> Result<(), ApprovalStoreError>;
});

held!(Queries as queries {
    fn executions(filter: &ExecutionFilter, paging: &Paging) -> Result<Page<ExecutionRow>, StoreError>;
    fn children(parent: ExecutionId) -> Result<Vec<ExecutionId>, StoreError>;
    fn events(execution: ExecutionId, page: EventPage) -> Result<Vec<StoredEvent>, StoreError>;
    fn execution_counts() -> Result<Vec<(ExecutionStatus, u64)>, StoreError>;
    fn dismissed_at(execution: ExecutionId) -> Result<Option<Timestamp>, StoreError>;
    fn dismiss(execution: ExecutionId, at: Option<Timestamp>) -> Result<bool, StoreError>;
});

held!(BlobStore as blobs {
    fn put(key: &str, content: &[u8]) -> Result<(), BlobError>;
    fn get(key: &str) -> Result<Vec<u8>, BlobError>;
    fn list(prefix: &str) -> Result<Vec<(String, i64)>, BlobError>;
    fn delete(key: &str) -> Result<(), BlobError>;
});

held!(AccessStore as access {
    fn create_user(user: &NewUser) -> Result<(), AccessError>;
    fn user(name: &str) -> Result<Option<User>, StoreError>;
    fn users() -> Result<Vec<User>, StoreError>;
    fn set_role(name: &str, role: &str) -> Result<(), AccessError>;
    fn set_password(name: &str, hash: &str) -> Result<(), AccessError>;
    fn logged_in(name: &str, at: Timestamp) -> Result<(), StoreError>;
    fn remove_user(name: &str) -> Result<(), AccessError>;
    fn create_key(key: &ApiKey) -> Result<(), AccessError>;
    fn key(hash: &str) -> Result<Option<ApiKey>, StoreError>;
    fn keys() -> Result<Vec<ApiKey>, StoreError>;
    fn revoke_key(id: UserId, at: Timestamp) -> Result<(), AccessError>;
    fn key_used(id: UserId, at: Timestamp) -> Result<(), StoreError>;
    fn setting(setting: Setting) -> Result<Option<String>, StoreError>;
    fn set_setting(setting: Setting, value: &str) -> Result<(), StoreError>;
    fn complete_setup(admin: &NewUser) -> Result<bool, StoreError>;
});

#[async_trait]
impl EventFeed for Held {
    async fn after(&self, id: u64, execution: Option<ExecutionId>, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        hold(self.0.feed.after(id, execution, limit)).await
    }

    async fn newest(&self) -> Result<u64, StoreError> {
        hold(self.0.feed.newest()).await
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<[StoredEvent]>> {
        self.0.feed.subscribe()
    }
}
