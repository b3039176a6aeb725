//! The thread that writes: batch after batch, until it is closed.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Instant,
};

use procession_application::ports::{StoreError, StoredEvent};
use rusqlite::{Connection, OptionalExtension};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::{
    BATCH, Item, Writer,
    batch::{Batch, EventNumbers, Failed},
    checkpoints::Checkpoints,
};
use crate::{error::Failure, lock::DatabaseLock, options::Options};

/// The writer's inside.
pub(crate) struct WriterThread {
    options: Options,
    /// `None` after a failure that leaves it unknown what the connection is good for.
    connection: Option<Connection>,
    queue: mpsc::Receiver<Item>,
    feed: broadcast::Sender<Arc<[StoredEvent]>>,
    numbers: EventNumbers,
    /// What a transaction of which it is not known whether it is written has to tell, if it is.
    in_doubt: Vec<Arc<[StoredEvent]>>,
    checkpoints: Checkpoints,
    /// Released when everything is written and the connection is closed.
    lock: DatabaseLock,
}

impl WriterThread {
    /// Starts a writer on a connection of its own.
    pub fn start(
        options: Options,
        feed: broadcast::Sender<Arc<[StoredEvent]>>,
        lock: DatabaseLock,
    ) -> Result<Writer, Failure> {
        let connection = options.open_writer()?;
        let (writer, queue) = Writer::channel();
        let writing = Self {
            numbers: EventNumbers::after(last_event_number(&connection)?),
            options,
            connection: Some(connection),
            queue,
            feed,
            in_doubt: Vec::new(),
            checkpoints: Checkpoints::default(),
            lock,
        };
        let thread = thread::Builder::new().name("sqlite-writer".to_owned());
        let refused = |error: io::Error| StoreError::Unavailable(format!("no thread can be started: {error}"));
        thread.spawn(move || writing.run()).map_err(refused)?;
        Ok(writer)
    }

    fn run(mut self) {
        let mut items = Vec::with_capacity(BATCH);
        let mut closing: Vec<oneshot::Sender<()>> = Vec::new();
        while self.queue.blocking_recv_many(&mut items, BATCH) > 0 {
            let mut batch = Batch::default();
            for item in items.drain(..) {
                if let Item::Close(closed) = item {
                    closing.push(closed);
                    // What was given meanwhile is still written.
                    self.queue.close();
                } else {
                    batch.add(item);
                }
            }
            if batch.len() > 0 {
                self.write(batch);
            }
        }
        self.close();
        for closed in closing {
            let _ = closed.send(());
        }
    }

    /// Writes a batch. If it fails for another reason than that one write is refused, its writes are tried one by one, so
    /// that one that can't be written does not harm the others.
    fn write(&mut self, batch: Batch) {
        if let Err((batch, failure)) = self.attempt(batch) {
            if batch.len() == 1 {
                batch.fail(&failure);
                return;
            }
            tracing::debug!(error = %failure, writes = batch.len(), "a transaction failed; trying its writes one by one");
            for single in batch.into_single() {
                if let Err((single, failure)) = self.attempt(single) {
                    single.fail(&failure);
                }
            }
        }
    }

    /// Writes and answers a batch. It comes back, unanswered, if a statement failed.
    fn attempt(&mut self, mut batch: Batch) -> Result<(), (Batch, StoreError)> {
        let writes = batch.len();
        if let Err(failure) = self.ensure_connected() {
            self.answer_failure(batch, failure);
            return Ok(());
        }
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let numbers = &mut self.numbers;
        let begun = Instant::now();
        // A panic is a mistake of ours, which one write must not make all later ones pay for.
        let written = catch_unwind(AssertUnwindSafe(|| batch.write(connection, numbers)));
        let panicked =
            |_| Err(Failed::Unknown(StoreError::Unavailable("the write panicked".to_owned()).into(), Vec::new()));
        match written.unwrap_or_else(panicked) {
            Ok(decided) => {
                if let Some(meter) = &self.options.meter {
                    meter.committed(writes, begun.elapsed());
                }
                let feed = &self.feed;
                batch.succeed(decided, |told| tell(feed, told));
                self.look_at_log(writes);
                Ok(())
            }
            Err(Failed::Statement(failure)) => Err((batch, failure.into())),
            Err(Failed::Begin(failure)) => {
                self.answer_failure(batch, failure);
                Ok(())
            }
            Err(Failed::Unknown(failure, told)) => {
                // What became of the transaction is found out by whoever asks again.
                self.answer_failure(batch, failure);
                self.in_doubt = told;
                self.give_up_connection();
                Ok(())
            }
        }
    }

    fn answer_failure(&self, batch: Batch, failure: Failure) {
        let error: StoreError = failure.into();
        // Who asked for the writes says so, once for all of them.
        tracing::debug!(%error, writes = batch.len(), path = %self.options.path.display(), "could not write to the database");
        let error = match error {
            StoreError::Unavailable(why) | StoreError::Corrupt(why) => StoreError::Unavailable(why),
            other @ StoreError::UnknownCursor(_) => other,
        };
        batch.fail(&error);
    }

    fn look_at_log(&mut self, writes: usize) {
        let Some(connection) = &self.connection else { return };
        if let Err(failure) = self.checkpoints.after_transaction(writes, connection) {
            let error: StoreError = failure.into();
            tracing::warn!(%error, "could not checkpoint the database; its write-ahead log keeps growing");
        }
    }

    /// Opens a new connection if the last one is gone, and tells the feed what was written after all.
    fn ensure_connected(&mut self) -> Result<(), Failure> {
        if self.connection.is_some() {
            return Ok(());
        }
        let connection = self.options.open_writer()?;
        let first = self.in_doubt.first().and_then(|events| events.first());
        if let Some(first) = first
            && is_written(first, &connection)?
        {
            tell(&self.feed, std::mem::take(&mut self.in_doubt));
        }
        self.in_doubt.clear();
        self.connection = Some(connection);
        Ok(())
    }

    fn give_up_connection(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Err((_, error)) = connection.close()
        {
            tracing::debug!(%error, "a failed connection could not be closed cleanly");
        }
    }

    fn close(mut self) {
        if let Some(connection) = &self.connection
            && let Err(failure) = Checkpoints::finish(connection)
        {
            let error: StoreError = failure.into();
            tracing::debug!(%error, "the write-ahead log is checkpointed at the next start");
        }
        self.give_up_connection();
        drop(self.lock);
    }
}

fn tell(feed: &broadcast::Sender<Arc<[StoredEvent]>>, told: Vec<Arc<[StoredEvent]>>) {
    for events in told {
        // Without subscribers nobody needs to be told.
        let _ = feed.send(events);
    }
}

/// The number of the newest event that was ever written.
fn last_event_number(connection: &Connection) -> Result<i64, Failure> {
    const LAST: &str = "
        SELECT max(coalesce((SELECT max(id) FROM execution_events), 0), (SELECT max(id) FROM last_purged_event))";
    Ok(connection.query_row(LAST, (), |row| row.get(0))?)
}

fn is_written(event: &StoredEvent, connection: &Connection) -> Result<bool, Failure> {
    const LOOK: &str = "SELECT 1 FROM execution_events WHERE id = ?1";
    let number = i64::try_from(event.id).unwrap_or(i64::MAX);
    let found: Option<i64> = connection.query_row(LOOK, [number], |row| row.get(0)).optional()?;
    Ok(found.is_some())
}
