//! The events of all streams, so that one that broke can be resumed, also later and repeatedly (spec 6, 1.2).

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use rmcp::transport::streamable_http_server::session::{EventStore, EventStoreError, EventStream, ServerSseMessage};

/// The most events that are kept.
const KEPT: usize = 2_000;

/// The events.
#[derive(Default)]
pub(super) struct Events {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    next_number: u64,
    /// Each with its stream, oldest first.
    kept: VecDeque<(String, ServerSseMessage)>,
}

impl Events {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EventStore for Events {
    async fn store_event(&self, stream_id: &str, event: &ServerSseMessage) -> Result<String, EventStoreError> {
        let mut inner = self.inner();
        let id = format!("event-{}", inner.next_number);
        inner.next_number += 1;
        let mut event = event.clone();
        event.event_id = Some(id.clone());
        if inner.kept.len() >= KEPT {
            inner.kept.pop_front();
        }
        inner.kept.push_back((stream_id.to_owned(), event));
        Ok(id)
    }

    async fn replay_events_after(&self, last_event_id: &str) -> Result<EventStream, EventStoreError> {
        let inner = self.inner();
        let mut later = inner.kept.iter().skip_while(|(_, event)| event.event_id.as_deref() != Some(last_event_id));
        let (stream, _) = later.next().ok_or("the event is not known")?;
        let events: Vec<ServerSseMessage> =
            later.filter(|(of_stream, _)| of_stream == stream).map(|(_, event)| event.clone()).collect();
        Ok(Box::pin(futures::stream::iter(events)))
    }
}
