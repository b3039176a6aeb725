//! The live feed: events as they are committed (spec 3.11).

use std::sync::Arc;

use async_trait::async_trait;
use procession_domain::{
    event::Event,
    value::{ExecutionId, ProcessId, ProcessName, Timestamp},
};
use tokio::sync::broadcast;

use super::StoreError;

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Its number over all executions, rising in the order of commits.
    pub id: u64,
    /// The execution.
    pub execution_id: ExecutionId,
    /// Its number within the execution, from 1, without gaps.
    pub sequence: u64,
    /// When it happened.
    pub at: Timestamp,
    /// The version that the execution runs.
    pub process_id: ProcessId,
    /// The process's name.
    pub process_name: ProcessName,
    /// What happened.
    pub event: Event,
}

/// Why a feed ended.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The reader was too slow; read on from the store after the last event seen.
    #[error("the reader is too slow; {0} events were passed over")]
    Lagged(u64),
    /// The store has closed.
    #[error("the store has closed")]
    Closed,
}

/// Events, stored and live.
///
/// Promises:
/// * [`subscribe`](Self::subscribe) brings every event committed after the call, in the order of commits, after its
///   commit;
/// * so reading [`after`](Self::after) from a known id and then the subscription (skipping ids seen) misses nothing.
#[async_trait]
pub trait EventFeed: Send + Sync {
    /// The events behind a number, oldest first, at most `limit`; of one execution if given.
    async fn after(&self, id: u64, execution: Option<ExecutionId>, limit: u32) -> Result<Vec<StoredEvent>, StoreError>;

    /// The number of the newest event, 0 if there is none.
    async fn newest(&self) -> Result<u64, StoreError>;

    /// Events as they are committed, a commit's events together.
    fn subscribe(&self) -> broadcast::Receiver<Arc<[StoredEvent]>>;
}
