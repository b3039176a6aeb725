//! The port of events.

use std::sync::Arc;

use async_trait::async_trait;
use procession_domain::value::ExecutionId;
use tokio::sync::broadcast;

use super::MemoryStore;
use procession_application::ports::{EventFeed, StoreError, StoredEvent};

#[async_trait]
impl EventFeed for MemoryStore {
    async fn after(&self, id: u64, execution: Option<ExecutionId>, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        let tables = self.tables();
        let newer = tables.events.iter().skip_while(|stored| stored.id <= id);
        let wanted = newer.filter(|stored| execution.is_none_or(|execution| execution == stored.execution_id));
        Ok(wanted.take(limit as usize).cloned().collect())
    }

    async fn newest(&self) -> Result<u64, StoreError> {
        Ok(self.tables().last_event)
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<[StoredEvent]>> {
        self.feed.subscribe()
    }
}
