//! The live feed: events as they are committed (spec 3.11).

use std::sync::Arc;

use async_trait::async_trait;
use procession_domain::{
    event::{Creation, Event, Recorded},
    value::{ExecutionId, ProcessId, ProcessName, Timestamp},
};
use tokio::sync::broadcast;

use super::StoreError;

/// An event as it is stored. Cheap to clone: all who hear of it share it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Its number over all executions, rising in the order of commits.
    pub id: u64,
    /// The execution.
    pub execution_id: ExecutionId,
    /// What was fixed when the execution was created.
    pub creation: Arc<Creation>,
    /// What happened, when, and its number within the execution.
    pub recorded: Arc<Recorded>,
}

/// Why a feed ended.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The reader was too slow; read on from the store after the last event seen.
    #[error("the reader is too slow; {0} events were skipped")]
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
/// * so reading [`after`](Self::after) from a known id and then the subscription (skipping ids seen) misses nothing;
/// * events that show a value bring its preview, as long as the value is stored.
#[async_trait]
pub trait EventFeed: Send + Sync {
    /// The events behind a number, oldest first, at most `limit`; of one execution if given.
    async fn after(&self, id: u64, execution: Option<ExecutionId>, limit: u32) -> Result<Vec<StoredEvent>, StoreError>;

    /// The number of the newest event, 0 if there is none.
    async fn newest(&self) -> Result<u64, StoreError>;

    /// Events as they are committed, a commit's events together.
    fn subscribe(&self) -> broadcast::Receiver<Arc<[StoredEvent]>>;
}

impl StoredEvent {
    /// What happened.
    pub fn event(&self) -> &Event {
        &self.recorded.event
    }

    /// Its number within the execution, from 1, without gaps.
    pub fn sequence(&self) -> u64 {
        self.recorded.sequence
    }

    /// When it happened.
    pub fn at(&self) -> Timestamp {
        self.recorded.at
    }

    /// The version that the execution runs.
    pub fn process_id(&self) -> ProcessId {
        self.creation.process.id
    }

    /// The name of the process.
    pub fn process_name(&self) -> &ProcessName {
        &self.creation.process.name
    }
}
