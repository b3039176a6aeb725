//! The only writer (architecture: group commit). It owns the only connection that writes, takes everything that waits, and
//! writes it in one transaction: so a flush to the disk is paid once for many, and there is one order of commits.
//!
//! It is a thread of its own, since SQLite's calls block: a statement costs no hop between threads, only a batch does.
//!
//! * `batch`: one transaction; `starts` and `commits`: deciding about a start or a commit, and writing it;
//! * `rows`: new rows of executions, which starts and commits both write;
//! * `bookings`: what a commit adds to the costs of its day, and the alerts that raises;
//! * `figures`: what a commit ends, added up for analytics;
//! * `audited`: the entry of the audit trail that goes with what someone has asked for;
//! * `change`: every other write, one after the other in the same transaction;
//! * `thread`: taking batches, answering, and what happens when the database fails;
//! * `checkpoints`: moving the log into the database.

mod audited;
mod batch;
pub(crate) mod bookings;
mod change;
mod checkpoints;
mod commits;
mod figures;
mod rows;
mod starts;
mod thread;

use std::sync::Arc;

use procession_application::ports::{Commit, CommitError, Committed, Start, StartError, Started, StoreError};
use tokio::sync::{mpsc, oneshot};

use audited::Audited;
pub(crate) use batch::EventNumbers;
pub(crate) use change::Change;
use change::{PendingChange, PendingChangeOf};
pub(crate) use figures::count_copy;
pub(crate) use rows::{
    Belongs, Telling, definition_key, execution_key, insert_delivery, insert_ended_steps, insert_execution,
    insert_values, node_key, put_approval, put_signal, stored_approval,
};
pub(crate) use thread::WriterThread;

use crate::error::Failure;

/// How many writes wait before who writes has to.
const QUEUE: usize = 1_024;

/// How many writes go into one transaction at most.
const BATCH: usize = 128;

/// The writer's front: what is given to it is written in the order given, and answered when it is durable.
#[derive(Debug, Clone)]
pub(crate) struct Writer(mpsc::Sender<Item>);

/// What waits to be written.
enum Item {
    Start(Box<Pending<Start, Started, StartError>>),
    Commit(Box<Pending<Arc<Commit>, Committed, CommitError>>),
    Change(Box<dyn PendingChange>),
    /// Write what was given before, and close the database.
    Close(oneshot::Sender<()>),
}

/// Something to write, and who waits for it.
struct Pending<T, A, E> {
    item: T,
    audited: Audited,
    reply: oneshot::Sender<Result<A, E>>,
}

impl Writer {
    /// A writer, and what is given to it.
    fn channel() -> (Self, mpsc::Receiver<Item>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self(sender), receiver)
    }

    /// A writer that is closed from the beginning, for who only reads.
    pub fn closed() -> Self {
        Self::channel().0
    }

    /// Writes a start.
    pub async fn start(&self, start: Start) -> Result<Started, StartError> {
        self.give(start, |pending| Item::Start(Box::new(pending))).await?
    }

    /// Writes a commit.
    pub async fn commit(&self, commit: Arc<Commit>) -> Result<Committed, CommitError> {
        self.give(commit, |pending| Item::Commit(Box::new(pending))).await?
    }

    /// Writes something else.
    pub async fn change<C: Change>(&self, change: C) -> Result<C::Outcome, StoreError> {
        let (reply, answer) = oneshot::channel();
        let pending = PendingChangeOf::new(change, reply);
        self.send(Item::Change(Box::new(pending)), answer).await?
    }

    /// Closes the database after all that was given before.
    pub async fn close(&self) {
        let (reply, answer) = oneshot::channel();
        // An error says that it is closed already.
        let _ = self.send(Item::Close(reply), answer).await;
    }

    async fn give<T, A, E>(
        &self,
        item: T,
        to_item: impl FnOnce(Pending<T, A, E>) -> Item,
    ) -> Result<Result<A, E>, Failure> {
        let (reply, answer) = oneshot::channel();
        Ok(self.send(to_item(Pending { item, audited: Audited::current(), reply }), answer).await?)
    }

    async fn send<T>(&self, item: Item, answer: oneshot::Receiver<T>) -> Result<T, StoreError> {
        let closed = || StoreError::Unavailable("the database has been closed".to_owned());
        self.0.send(item).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())
    }
}
