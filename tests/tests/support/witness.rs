//! Who watches the live feed and remembers what it told.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use procession_application::ports::{EventFeed, StoredEvent};
use procession_domain::{event::Event, value::ExecutionId};
use tokio::sync::watch;

use crate::history::told;

/// What is seen of each execution.
type Seen = HashMap<ExecutionId, Vec<StoredEvent>>;

/// How long something may take before it counts as lost, on the slowest machine.
const PATIENCE: Duration = Duration::from_mins(3);

/// Waits until this is so. For what follows just after an event, and which no event tells.
pub async fn until(is_so: impl Fn() -> bool) {
    let in_time = tokio::time::timeout(PATIENCE, async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    });
    in_time.await.expect("it never came about");
}

/// Sees every event that the feed tells.
pub struct Witness {
    seen: Arc<Mutex<Seen>>,
    changes: watch::Receiver<()>,
}

impl Witness {
    /// Begins to watch.
    pub fn of(feed: &dyn EventFeed) -> Self {
        let mut feed = feed.subscribe();
        let seen = Arc::new(Mutex::new(Seen::new()));
        let (change, changes) = watch::channel(());
        let notes = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok(events) = feed.recv().await {
                let mut notes = notes.lock().unwrap();
                for event in events.iter() {
                    notes.entry(event.execution_id).or_default().push(event.clone());
                }
                drop(notes);
                let _ = change.send(());
            }
        });
        Self { seen, changes }
    }

    /// Waits until an event like this was seen of each of these executions.
    pub async fn until_each(&self, executions: &[ExecutionId], what: &str, is_it: impl Fn(&Event) -> bool) {
        let mut changes = self.changes.clone();
        let everyone = changes.wait_for(|()| self.without(executions, &is_it).is_none());
        let in_time = tokio::time::timeout(PATIENCE, everyone).await;
        if let Some(lost) = self.without(executions, &is_it) {
            let story: Vec<String> = self.of_execution(lost).iter().map(told).collect();
            panic!("{lost}: {what} was not seen, but {story:?} ({in_time:?})");
        }
    }

    /// What was seen of an execution.
    pub fn of_execution(&self, execution: ExecutionId) -> Vec<StoredEvent> {
        self.seen.lock().unwrap().get(&execution).cloned().unwrap_or_default()
    }

    fn without(&self, executions: &[ExecutionId], is_it: &impl Fn(&Event) -> bool) -> Option<ExecutionId> {
        let seen = self.seen.lock().unwrap();
        let has = |id: &ExecutionId| seen.get(id).is_some_and(|events| events.iter().any(|event| is_it(event.event())));
        executions.iter().find(|id| !has(id)).copied()
    }
}
