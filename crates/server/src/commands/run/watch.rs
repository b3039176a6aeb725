//! The events of one execution and of all its sub-processes, stored and live, each once and in order.

use std::collections::HashMap;

use procession_application::{
    access::Principal,
    events::{Events, EventsFailure, Subscription},
    ports::{FeedError, StoreError, StoredEvent},
};
use procession_domain::{
    event::{ChildEvent, Event},
    value::ExecutionId,
};

/// How many stored events are read at a time.
const PAGE: u32 = 500;

/// What is known of one execution of the tree.
struct Place {
    /// The steps that lead to it, such as `report/`; empty for the root.
    path: String,
    /// The number of the last event seen, over all executions.
    last: u64,
    /// Whether it has ended.
    ended: bool,
}

/// Follows an execution and its sub-processes.
pub(super) struct Watch {
    events: Events,
    person: Principal,
    live: Subscription,
    root: ExecutionId,
    places: HashMap<ExecutionId, Place>,
    has_caught_up: bool,
}

/// An event with the place of its execution in the tree.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// The steps that lead to the execution, such as `report/`.
    pub path: String,
    /// The event.
    pub stored: StoredEvent,
}

impl Watch {
    /// Follows an execution; `live` was subscribed before it could go on.
    pub fn new(events: Events, person: Principal, live: Subscription, root: ExecutionId) -> Self {
        let place = Place { path: String::new(), last: 0, ended: false };
        Self { events, person, live, root, places: HashMap::from([(root, place)]), has_caught_up: false }
    }

    /// The next events, at least one. When this is dropped while it waits, events may be lost.
    pub async fn next(&mut self) -> Result<Vec<Seen>, EventsFailure> {
        let mut seen = Vec::new();
        if !self.has_caught_up {
            self.catch_up(&mut seen).await?;
            self.has_caught_up = true;
        }
        while seen.is_empty() {
            match self.live.next().await {
                Ok(told) => {
                    let events = self.events.clone();
                    for stored in events.visible(&self.person, &told, |_| true) {
                        self.take(stored, &mut seen).await?;
                    }
                }
                Err(FeedError::Lagged(_)) => self.catch_up(&mut seen).await?,
                Err(FeedError::Closed) => {
                    return Err(StoreError::Unavailable("the store has closed".to_owned()).into());
                }
            }
        }
        Ok(seen)
    }

    /// Whether the root has ended.
    pub fn has_ended(&self) -> bool {
        self.places.get(&self.root).is_some_and(|place| place.ended)
    }

    /// The executions of the tree that have not ended.
    pub fn alive(&self) -> Vec<ExecutionId> {
        self.places.iter().filter(|(_, place)| !place.ended).map(|(id, _)| *id).collect()
    }

    /// Reads what is stored of every execution of the tree and was not seen.
    async fn catch_up(&mut self, seen: &mut Vec<Seen>) -> Result<(), EventsFailure> {
        let known: Vec<ExecutionId> = self.places.keys().copied().collect();
        for id in known {
            self.read_stored(id, seen).await?;
        }
        Ok(())
    }

    async fn read_stored(&mut self, id: ExecutionId, seen: &mut Vec<Seen>) -> Result<(), EventsFailure> {
        loop {
            let last = self.places.get(&id).map_or(0, |place| place.last);
            let page = self.events.after(&self.person, last, Some(id), PAGE).await?;
            for stored in &page.events {
                self.take(stored, seen).await?;
            }
            if page.is_last {
                return Ok(());
            }
        }
    }

    /// Takes an event if it belongs to the tree and was not seen; a sub-process is followed from its beginning.
    async fn take(&mut self, stored: &StoredEvent, seen: &mut Vec<Seen>) -> Result<(), EventsFailure> {
        let Some(place) = self.places.get_mut(&stored.execution_id).filter(|place| place.last < stored.id) else {
            return Ok(());
        };
        place.last = stored.id;
        if stored.event().ends_execution() {
            place.ended = true;
        }
        let path = place.path.clone();
        seen.push(Seen { path: path.clone(), stored: stored.clone() });
        if let Event::Child(step, child, ChildEvent::Started { .. }) = stored.event() {
            self.places.insert(*child, Place { path: format!("{path}{step}/"), last: 0, ended: false });
            Box::pin(self.read_stored(*child, seen)).await?;
        }
        Ok(())
    }
}
