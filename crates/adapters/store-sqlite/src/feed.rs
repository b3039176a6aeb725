//! The port of events: stored ones, and those that the writer has just committed.

use std::sync::Arc;

use async_trait::async_trait;
use procession_application::ports::{EventFeed, StoreError, StoredEvent};
use procession_domain::value::ExecutionId;
use tokio::sync::broadcast;

use crate::{
    SqliteStore,
    codec::{column, stored_event},
    error::Failure,
};

#[async_trait]
impl EventFeed for SqliteStore {
    async fn after(&self, id: u64, execution: Option<ExecutionId>, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        let events = match execution {
            None => self.events_of_all(id, limit).await,
            Some(execution) => self.events_of_one(id, execution, limit).await,
        };
        Ok(events?)
    }

    async fn newest(&self) -> Result<u64, StoreError> {
        const READ: &str = "SELECT coalesce(max(id), 0) FROM execution_events";
        let newest: i64 = sqlx::query_scalar(READ).fetch_one(&self.readers).await.map_err(Failure::from)?;
        Ok(newest.unsigned_abs())
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<[StoredEvent]>> {
        self.feed.subscribe()
    }
}

impl SqliteStore {
    async fn events_of_all(&self, after: u64, limit: u32) -> Result<Vec<StoredEvent>, Failure> {
        const READ: &str = "
            SELECT event.id, event.execution_id, event.sequence, event.at, event.event_type, event.payload,
                   execution.process_id, execution.process_name
            FROM execution_events AS event
            JOIN process_executions AS execution ON execution.id = event.execution_id
            WHERE event.id > ?1
            ORDER BY event.id
            LIMIT ?2";
        let rows = sqlx::query(READ).bind(column(after)).bind(limit).fetch_all(&self.readers).await?;
        rows.iter().map(stored_event).collect()
    }

    /// Within an execution the order of numbers is that of sequences, by which its events are found.
    async fn events_of_one(&self, after: u64, execution: ExecutionId, limit: u32) -> Result<Vec<StoredEvent>, Failure> {
        const READ: &str = "
            SELECT event.id, event.execution_id, event.sequence, event.at, event.event_type, event.payload,
                   execution.process_id, execution.process_name
            FROM execution_events AS event
            JOIN process_executions AS execution ON execution.id = event.execution_id
            WHERE event.execution_id = ?1 AND event.id > ?2
            ORDER BY event.sequence
            LIMIT ?3";
        let rows = sqlx::query(READ)
            .bind(execution.to_string())
            .bind(column(after))
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(stored_event).collect()
    }
}
