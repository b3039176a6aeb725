//! The task that writes: batch after batch, until it is closed.

use std::sync::Arc;

use procession_application::ports::{StoreError, StoredEvent};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    task::JoinHandle,
};

use super::{
    BATCH, Item, Writer,
    batch::{Batch, EventNumbers, Failed},
    checkpoints::Checkpoints,
};
use crate::{codec::stored_event, error::Failure, lock::DatabaseLock, options::Options};

/// The writer's inside.
pub(crate) struct WriterTask {
    options: Options,
    /// `None` after a failure that leaves it unknown what the connection is good for.
    connection: Option<SqliteConnection>,
    queue: mpsc::Receiver<Item>,
    feed: broadcast::Sender<Arc<[StoredEvent]>>,
    numbers: EventNumbers,
    /// The number of the last event that the feed was told.
    last_told: i64,
    checkpoints: Checkpoints,
    /// Released when everything is written and the connection is closed.
    lock: DatabaseLock,
}

impl WriterTask {
    /// Starts a writer on a connection of its own.
    pub async fn start(
        options: Options,
        mut connection: SqliteConnection,
        feed: broadcast::Sender<Arc<[StoredEvent]>>,
        lock: DatabaseLock,
    ) -> Result<(Writer, JoinHandle<()>), Failure> {
        let last = last_event_number(&mut connection).await?;
        let (writer, queue) = Writer::channel();
        let task = Self {
            options,
            connection: Some(connection),
            queue,
            feed,
            numbers: EventNumbers::after(last),
            last_told: last,
            checkpoints: Checkpoints::default(),
            lock,
        };
        Ok((writer, tokio::spawn(task.run())))
    }

    async fn run(mut self) {
        let mut items = Vec::with_capacity(BATCH);
        let mut closing: Vec<oneshot::Sender<()>> = Vec::new();
        while self.queue.recv_many(&mut items, BATCH).await > 0 {
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
                self.write(batch).await;
            }
        }
        self.close().await;
        for closed in closing {
            let _ = closed.send(());
        }
    }

    /// Writes a batch. If it fails for another reason than that one write is refused, its writes are tried one by one, so
    /// that one that can't be written does not harm the others.
    async fn write(&mut self, batch: Batch) {
        if let Err((batch, failure)) = self.attempt(batch).await {
            if batch.len() == 1 {
                batch.fail(&failure);
                return;
            }
            tracing::debug!(error = %failure, writes = batch.len(), "a transaction failed; its writes are tried one by one");
            for single in batch.into_single() {
                if let Err((single, failure)) = self.attempt(single).await {
                    single.fail(&failure);
                }
            }
        }
    }

    /// Writes and answers a batch. It comes back, unanswered, if a statement failed.
    async fn attempt(&mut self, mut batch: Batch) -> Result<(), (Batch, StoreError)> {
        let writes = batch.len();
        let connection = match self.connection.take() {
            Some(connection) => Ok(connection),
            None => self.connect_again().await,
        };
        let connection = match connection {
            Ok(connection) => self.connection.insert(connection),
            Err(failure) => {
                self.answer_failure(batch, failure);
                return Ok(());
            }
        };
        let written = batch.write(connection, &mut self.numbers).await;
        match written {
            Ok(decided) => {
                batch.succeed(decided, |told| self.tell(told));
                self.look_at_log(writes).await;
                Ok(())
            }
            Err(Failed::Statement(failure)) => Err((batch, failure.into())),
            Err(Failed::Begin(failure)) => {
                self.answer_failure(batch, failure);
                Ok(())
            }
            Err(Failed::Commit(failure)) => {
                // What became of the transaction is found out by whoever asks again.
                self.answer_failure(batch, failure);
                self.give_up_connection().await;
                Ok(())
            }
        }
    }

    fn answer_failure(&self, batch: Batch, failure: Failure) {
        let error: StoreError = failure.into();
        tracing::error!(%error, writes = batch.len(), path = %self.options.path.display(), "could not write to the database");
        let error = match error {
            StoreError::Unavailable(why) | StoreError::Corrupt(why) => StoreError::Unavailable(why),
            other @ StoreError::UnknownCursor(_) => other,
        };
        batch.fail(&error);
    }

    fn tell(&mut self, told: Vec<Arc<[StoredEvent]>>) {
        for events in told {
            if let Some(last) = events.last() {
                self.last_told = i64::try_from(last.id).unwrap_or(i64::MAX);
            }
            // Without subscribers nobody needs to be told.
            let _ = self.feed.send(events);
        }
    }

    async fn look_at_log(&mut self, writes: usize) {
        let Some(connection) = &mut self.connection else { return };
        if let Err(failure) = self.checkpoints.after_transaction(writes, connection).await {
            let error: StoreError = failure.into();
            tracing::warn!(%error, "could not move the database's log; it stays, and grows");
        }
    }

    /// Opens a new connection, and tells the feed what was written after all.
    async fn connect_again(&mut self) -> Result<SqliteConnection, Failure> {
        let mut connection = self.options.writing().connect().await?;
        let last = last_event_number(&mut connection).await?;
        let untold = events_after(self.last_told, &mut connection).await?;
        let skipped = self.numbers.take(0).max(last + 1);
        self.numbers = EventNumbers::after(skipped - 1);
        self.tell(untold);
        Ok(connection)
    }

    async fn give_up_connection(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::debug!(%error, "a connection that had failed could not be closed in order");
        }
    }

    async fn close(mut self) {
        if let Some(connection) = &mut self.connection
            && let Err(failure) = Checkpoints::finish(connection).await
        {
            let error: StoreError = failure.into();
            tracing::debug!(%error, "the log is moved at the next start");
        }
        self.give_up_connection().await;
        drop(self.lock);
    }
}

/// The number of the newest event that was ever written.
async fn last_event_number(connection: &mut SqliteConnection) -> Result<i64, Failure> {
    const LAST: &str = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'execution_events'";
    Ok(sqlx::query_scalar(LAST).fetch_one(connection).await?)
}

/// The events behind a number, those of one execution that follow each other together.
async fn events_after(number: i64, connection: &mut SqliteConnection) -> Result<Vec<Arc<[StoredEvent]>>, Failure> {
    const READ: &str = "
        SELECT event.id, event.execution_id, event.sequence, event.at, event.event_type, event.payload,
               execution.process_id, execution.process_name
        FROM execution_events AS event
        JOIN process_executions AS execution ON execution.id = event.execution_id
        WHERE event.id > ?1
        ORDER BY event.id";
    let rows = sqlx::query(READ).bind(number).fetch_all(connection).await?;
    let events: Vec<StoredEvent> = rows.iter().map(stored_event).collect::<Result<_, _>>()?;
    let together = events.chunk_by(|before, after| before.execution_id == after.execution_id);
    Ok(together.map(Arc::from).collect())
}
