//! Events of runs, as they happen and as they have happened.

use std::{collections::VecDeque, pin::Pin};

use futures::Stream;
use procession_application::{
    events::{EventsFailure, Subscription},
    ports::{FeedError, StoredEvent},
};
use procession_domain::value::ExecutionId;

use crate::Engine;

/// Which events are wanted. [`stream`](Self::stream) brings them.
#[derive(Debug, Clone)]
#[must_use = "events come by `stream`"]
pub struct EventQuery {
    engine: Engine,
    process: Option<String>,
    execution: Option<ExecutionId>,
    after: Option<u64>,
}

/// Events, one after the other, in the order in which they were stored. It ends when the engine stops.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<StoredEvent, EventsFailure>> + Send>>;

/// How many stored events are read at a time.
const PAGE: u32 = 500;

impl EventQuery {
    pub(crate) const fn new(engine: Engine) -> Self {
        Self { engine, process: None, execution: None, after: None }
    }

    /// Only of this process, of all its versions.
    pub fn of_process(mut self, name: &str) -> Self {
        self.process = Some(name.to_owned());
        self
    }

    /// Only of this run.
    pub fn of(mut self, run: ExecutionId) -> Self {
        self.execution = Some(run);
        self
    }

    /// What has happened behind this event comes first. A reader that keeps the `id` of the last event it has dealt with
    /// goes on where it was, also after a restart; 0 brings everything that is stored.
    pub fn after(mut self, event: u64) -> Self {
        self.after = Some(event);
        self
    }

    /// The events: those behind [`after`](Self::after), then what happens. Without it, what happens from now on.
    pub fn stream(self) -> EventStream {
        let live = self.engine.application().events.subscribe();
        let reader = Reader {
            is_behind: self.after.is_some(),
            position: self.after,
            newest: None,
            query: self,
            live,
            ready: VecDeque::new(),
        };
        Box::pin(futures::stream::unfold(reader, |mut reader| async move {
            let stopped = reader.query.engine.stopped().clone();
            tokio::select! {
                biased;
                () = stopped.cancelled() => None,
                event = reader.next() => event.map(|event| (event, reader)),
            }
        }))
    }

    fn wants(&self, event: &StoredEvent) -> bool {
        self.execution.is_none_or(|id| event.execution_id == id)
            && self.process.as_deref().is_none_or(|name| event.process_name().as_str() == name)
    }
}

struct Reader {
    query: EventQuery,
    live: Subscription,
    /// Up to this event all were told or passed over; `None` as long as there was none.
    position: Option<u64>,
    /// The newest event when the first one was asked for.
    newest: Option<u64>,
    /// Whether the store holds more than has been read.
    is_behind: bool,
    ready: VecDeque<StoredEvent>,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<StoredEvent, EventsFailure>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            if self.newest.is_none() {
                match self.query.engine.application().events.newest().await {
                    Ok(newest) => self.newest = Some(newest),
                    Err(error) => return Some(Err(error.into())),
                }
            }
            let read = if self.is_behind { self.read_stored().await } else { self.listen().await };
            match read {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }

    async fn read_stored(&mut self) -> Result<bool, EventsFailure> {
        let (events, by) = (&self.query.engine.application().events, self.query.engine.principal());
        let page = events.after(by, self.position.unwrap_or(0), self.query.execution, PAGE).await?;
        self.position = Some(page.until);
        self.is_behind = !page.is_last;
        self.ready.extend(page.events.into_iter().filter(|event| self.query.wants(event)));
        Ok(true)
    }

    /// `false` when there will be no more.
    async fn listen(&mut self) -> Result<bool, EventsFailure> {
        let told = match self.live.next().await {
            Ok(told) => told,
            Err(FeedError::Lagged(_)) => {
                // What was missed is stored.
                self.position = self.position.or(self.newest);
                self.is_behind = true;
                return Ok(true);
            }
            Err(FeedError::Closed) => return Ok(false),
        };
        let position = self.position.unwrap_or(0);
        let wanted = |event: &StoredEvent| event.id > position && self.query.wants(event);
        let (events, by) = (&self.query.engine.application().events, self.query.engine.principal());
        self.ready.extend(events.visible(by, &told, wanted).into_iter().cloned());
        self.position = told.last().map_or(self.position, |last| Some(last.max(position)));
        Ok(true)
    }
}
