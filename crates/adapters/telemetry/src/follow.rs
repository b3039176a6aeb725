//! Events as they are committed, one after the other. Who is too slow for the live feed reads on from the store.

use std::time::Duration;

use procession_application::{
    access::Principal,
    events::{Events, Subscription},
    ports::{FeedError, StoredEvent},
};

/// How many events are read from the store at a time.
const AT_ONCE: u32 = 1_000;

/// How long it rests when the store can't be read.
const REST: Duration = Duration::from_secs(1);

/// Brings every event behind a known one, once and in order.
pub struct Follower {
    events: Events,
    live: Subscription,
    /// The last event that was brought.
    seen: u64,
    /// Whether events were missed that the store still has.
    is_behind: bool,
    by: Principal,
}

impl Follower {
    /// Follows what comes behind the event of this number. `live` must have begun before that number was asked for.
    pub fn new(events: Events, live: Subscription, seen: u64) -> Self {
        Self { events, live, seen, is_behind: false, by: Principal::system() }
    }

    /// The same, where what has come since may not be on the feed any more: the store is read first.
    pub fn resuming(events: Events, live: Subscription, seen: u64) -> Self {
        Self { is_behind: true, ..Self::new(events, live, seen) }
    }

    /// The number of the last event that was brought.
    pub const fn seen(&self) -> u64 {
        self.seen
    }

    /// The next events, committed together or read together; `None` once the store is closed.
    pub async fn next(&mut self) -> Option<Vec<StoredEvent>> {
        loop {
            let next = if self.is_behind { self.read_on().await } else { self.listen().await? };
            if let Some(last) = next.last() {
                self.seen = last.id;
                return Some(next);
            }
        }
    }

    /// What the live feed brings next; nothing if that was read already, or if the feed was too fast.
    async fn listen(&mut self) -> Option<Vec<StoredEvent>> {
        match self.live.next().await {
            Ok(told) => {
                let new = |event: &StoredEvent| event.id > self.seen;
                Some(self.events.visible(&self.by, &told, new).into_iter().cloned().collect())
            }
            Err(FeedError::Lagged(_)) => {
                self.is_behind = true;
                Some(Vec::new())
            }
            Err(FeedError::Closed) => None,
        }
    }

    /// What the store has behind the last event; nothing if it can't be read now.
    async fn read_on(&mut self) -> Vec<StoredEvent> {
        match self.events.after(&self.by, self.seen, None, AT_ONCE).await {
            Ok(read) => {
                self.is_behind = !read.is_last;
                read.events
            }
            Err(error) => {
                tracing::debug!(%error, "events that were missed can't be read yet");
                tokio::time::sleep(REST).await;
                Vec::new()
            }
        }
    }
}
