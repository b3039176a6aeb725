//! A store of executions at whose commits the server can be killed.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use procession_application::ports::{
    Claim, ClaimRequest, Commit, CommitError, Committed, Content, ExecutionStore, InboxRow, Lease, Loaded, SignalError,
    Start, StartError, Started, StoreError,
};
use procession_domain::{
    execution::{Ledger, Signal},
    value::{ContentHash, ExecutionId, Money, ProcessName, StepId, Timestamp},
};
use tokio::sync::Notify;
use uuid::Uuid;

/// Where the server is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// At which commit from now on, counted from 1.
    pub commit: u64,
    /// Whether the commit is written.
    pub is_written: bool,
}

/// A store that holds one commit for ever and says so; whoever hears it kills the server.
pub struct Interrupting {
    store: Arc<dyn ExecutionStore>,
    state: Mutex<State>,
    pub reached: Notify,
}

#[derive(Default)]
struct State {
    commits: u64,
    next: Option<Kill>,
    is_reached: bool,
}

impl Interrupting {
    pub fn before(store: Arc<dyn ExecutionStore>) -> Self {
        Self { store, state: Mutex::default(), reached: Notify::new() }
    }

    /// Counts anew, and says where the server is killed next. How many commits there were before.
    pub fn kill_at(&self, next: Option<Kill>) -> u64 {
        let mut state = self.state.lock().unwrap();
        std::mem::replace(&mut *state, State { next, ..State::default() }).commits
    }

    /// Whether the server is to be killed now, or will be when the commit has been written.
    pub fn is_reached(&self) -> bool {
        self.state.lock().unwrap().is_reached
    }

    /// Whether this commit is the one, and whether it is written.
    fn count(&self) -> Option<Kill> {
        let mut state = self.state.lock().unwrap();
        state.commits += 1;
        let kill = state.next.filter(|kill| kill.commit == state.commits);
        state.is_reached |= kill.is_some();
        kill
    }
}

#[async_trait]
impl ExecutionStore for Interrupting {
    async fn commit(&self, commit: Arc<Commit>) -> Result<Committed, CommitError> {
        let Some(kill) = self.count() else { return self.store.commit(commit).await };
        if kill.is_written {
            let _ = self.store.commit(commit).await;
        }
        self.reached.notify_one();
        std::future::pending().await
    }

    async fn start(&self, start: Start) -> Result<Started, StartError> {
        self.store.start(start).await
    }

    async fn load(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        self.store.load(id).await
    }

    async fn inbox(&self, id: ExecutionId, after: i64) -> Result<Vec<InboxRow>, StoreError> {
        self.store.inbox(id, after).await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, StoreError> {
        self.store.claim(request).await
    }

    async fn claim_one(&self, lease: Lease, id: ExecutionId, now: Timestamp) -> Result<bool, StoreError> {
        self.store.claim_one(lease, id, now).await
    }

    async fn owned_and_due(&self, lease: Lease, now: Timestamp) -> Result<Vec<ExecutionId>, StoreError> {
        self.store.owned_and_due(lease, now).await
    }

    async fn next_attention(&self) -> Result<Option<Timestamp>, StoreError> {
        self.store.next_attention().await
    }

    async fn signal(&self, to: ExecutionId, signal: Signal, now: Timestamp) -> Result<(), SignalError> {
        self.store.signal(to, signal, now).await
    }

    async fn value(&self, id: ExecutionId, hash: ContentHash) -> Result<Option<Content>, StoreError> {
        self.store.value(id, hash).await
    }

    async fn owned(&self, lease: Lease) -> Result<Vec<ExecutionId>, StoreError> {
        self.store.owned(lease).await
    }

    async fn ledger(&self, id: ExecutionId) -> Result<Option<Ledger>, StoreError> {
        self.store.ledger(id).await
    }

    async fn step_costs(&self, process: &ProcessName, step: &StepId, limit: u32) -> Result<Vec<Money>, StoreError> {
        self.store.step_costs(process, step, limit).await
    }

    async fn join(&self, node: Uuid, now: Timestamp, until: Timestamp) -> Result<Lease, StoreError> {
        self.store.join(node, now, until).await
    }

    async fn renew(&self, lease: Lease, until: Timestamp) -> Result<bool, StoreError> {
        self.store.renew(lease, until).await
    }

    async fn leave(&self, lease: Lease) -> Result<(), StoreError> {
        self.store.leave(lease).await
    }

    async fn newest_event_time(&self) -> Result<Option<Timestamp>, StoreError> {
        self.store.newest_event_time().await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.store.sweep(now).await
    }
}
