//! Use cases of events: read what has happened, hear what happens (spec 3.11). A principal gets what it may know of, and
//! nothing tells it that there is more.

use std::sync::Arc;

use procession_domain::value::ExecutionId;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{
    access::{Forbidden, Principal, UseCase},
    ports::{EventFeed, FeedError, StoreError, StoredEvent},
};

/// The service for events.
#[derive(Clone)]
pub struct Events {
    feed: Arc<dyn EventFeed>,
}

/// Why events can't be read.
#[derive(Debug, thiserror::Error)]
pub enum EventsFailure {
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Events from now on, of everything: what a principal may know of them, [`Events::visible`] says.
pub struct Subscription(Receiver<Arc<[StoredEvent]>>);

/// Events that were committed together, and not looked through yet.
#[derive(Debug, Clone)]
pub struct Unsorted(Arc<[StoredEvent]>);

/// A part of what has happened.
#[derive(Debug, Clone)]
pub struct Excerpt {
    /// What the principal may know of, oldest first.
    pub events: Vec<StoredEvent>,
    /// Up to this event the part was read.
    pub until: u64,
    /// Whether there was nothing behind it.
    pub is_last: bool,
}

impl Events {
    /// The service.
    pub(crate) const fn new(feed: Arc<dyn EventFeed>) -> Self {
        Self { feed }
    }

    /// The number of the newest event. It says nothing about any execution.
    pub async fn newest(&self) -> Result<u64, StoreError> {
        self.feed.newest().await
    }

    /// Listens from now on.
    pub fn subscribe(&self) -> Subscription {
        Subscription(self.feed.subscribe())
    }

    /// Of events that are wanted, those that this principal may know of.
    pub fn visible<'e>(
        &self,
        by: &Principal,
        told: &'e Unsorted,
        wanted: impl Fn(&StoredEvent) -> bool,
    ) -> Vec<&'e StoredEvent> {
        told.0.iter().filter(|event| wanted(event) && shows(by, event)).collect()
    }

    /// What has happened behind an event, of one execution if given: `limit` events are read at most.
    pub async fn after(
        &self,
        by: &Principal,
        id: u64,
        execution: Option<ExecutionId>,
        limit: u32,
    ) -> Result<Excerpt, EventsFailure> {
        by.check(UseCase::FollowEvents)?;
        let read = self.feed.after(id, execution, limit).await?;
        let until = read.last().map_or(id, |event| event.id);
        let is_last = read.len() < limit as usize;
        let events = read.into_iter().filter(|event| shows(by, event)).collect();
        Ok(Excerpt { events, until, is_last })
    }
}

/// Whether this principal may know of an event.
fn shows(by: &Principal, event: &StoredEvent) -> bool {
    by.sees_execution_of(event.creation.user.as_deref())
}

impl From<Receiver<Arc<[StoredEvent]>>> for Subscription {
    fn from(feed: Receiver<Arc<[StoredEvent]>>) -> Self {
        Self(feed)
    }
}

impl Subscription {
    /// The next events. Nothing is lost when this is dropped while it waits.
    pub async fn next(&mut self) -> Result<Unsorted, FeedError> {
        self.0.recv().await.map(Unsorted).map_err(|error| match error {
            RecvError::Lagged(count) => FeedError::Lagged(count),
            RecvError::Closed => FeedError::Closed,
        })
    }
}

impl Unsorted {
    /// The number of the last one.
    pub fn last(&self) -> Option<u64> {
        self.0.last().map(|event| event.id)
    }
}
