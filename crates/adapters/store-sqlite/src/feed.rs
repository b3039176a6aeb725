//! The port of events: stored ones, and those that the writer has just committed.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use procession_application::ports::{EventFeed, StoreError, StoredEvent, preview};
use procession_domain::{
    event::Creation,
    value::{ContentHash, ExecutionId},
};
use sqlx::{Row, sqlite::SqliteRow};
use tokio::sync::broadcast;

use crate::{
    SqliteStore,
    codec::{blob, column, count, json, to_json, uuid},
    error::Failure,
    executions::recorded,
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
            SELECT event.id, sequence, at, event, execution, execution.id AS execution_id, creation
            FROM execution_events AS event
            JOIN process_executions AS execution ON execution.key = event.execution
            WHERE event.id > ?1
            ORDER BY event.id
            LIMIT ?2";
        let rows = sqlx::query(READ).bind(column(after)).bind(limit).fetch_all(&self.readers).await?;
        self.stored_events(&rows).await
    }

    /// Within an execution the order of numbers is that of sequences, by which its events are found.
    async fn events_of_one(&self, after: u64, execution: ExecutionId, limit: u32) -> Result<Vec<StoredEvent>, Failure> {
        const READ: &str = "
            SELECT event.id, sequence, at, event, execution, execution.id AS execution_id, creation
            FROM process_executions AS execution
            JOIN execution_events AS event ON event.execution = execution.key
            WHERE execution.id = ?1 AND event.id > ?2
            ORDER BY sequence
            LIMIT ?3";
        let query = sqlx::query(READ).bind(blob(execution.uuid())).bind(column(after)).bind(limit);
        self.stored_events(&query.fetch_all(&self.readers).await?).await
    }

    /// Events as they are told, from rows with the columns `id`, `sequence`, `at`, `event`, `execution`, `execution_id` and
    /// `creation`; with the previews of the values that they show.
    pub(crate) async fn stored_events(&self, rows: &[SqliteRow]) -> Result<Vec<StoredEvent>, Failure> {
        let mut creations: HashMap<i64, Arc<Creation>> = HashMap::new();
        let mut events = Vec::with_capacity(rows.len());
        let mut shown = Vec::new();
        for row in rows {
            let execution: i64 = row.try_get("execution")?;
            let creation = match creations.get(&execution) {
                Some(creation) => Arc::clone(creation),
                None => Arc::new(json(row, "creation")?),
            };
            creations.insert(execution, Arc::clone(&creation));
            let recorded = recorded(row, &creation)?;
            shown.extend(recorded.event.shown().map(|shown| (execution, shown.value.hash)));
            events.push((execution, uuid(row, "execution_id")?, count(row, "id")?, creation, recorded));
        }
        let beginnings = self.beginnings(&shown).await?;
        let mut stored = Vec::with_capacity(events.len());
        for (execution, execution_id, id, creation, mut recorded) in events {
            if let Some(shown) = recorded.event.shown_mut()
                && let Some(beginning) = beginnings.get(&(execution, shown.value.hash))
            {
                shown.preview = Some(preview(&shown.value, beginning)?);
            }
            let execution_id = ExecutionId::new(execution_id);
            stored.push(StoredEvent { id, execution_id, creation, recorded: Arc::new(recorded) });
        }
        Ok(stored)
    }

    /// The beginnings of values, as far as they are stored.
    async fn beginnings(&self, values: &[(i64, ContentHash)]) -> Result<HashMap<(i64, ContentHash), String>, Failure> {
        // A preview has no more bytes than this has characters.
        const READ: &str = "
            SELECT value.execution, value.hash, substr(value.content, 1, 4096) AS beginning
            FROM json_each(?1) AS asked
            JOIN execution_values AS value
              ON value.execution = asked.value ->> 0 AND value.hash = unhex(asked.value ->> 1)";
        if values.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = sqlx::query(READ).bind(to_json(&values)?).fetch_all(&self.readers).await?;
        let beginning = |row: &SqliteRow| {
            let hash: &[u8] = row.try_get("hash")?;
            let hash = hash.try_into().map_err(|_| Failure::corrupt("column hash: no hash"))?;
            Ok(((row.try_get("execution")?, ContentHash::new(hash)), row.try_get("beginning")?))
        };
        rows.iter().map(beginning).collect()
    }
}
