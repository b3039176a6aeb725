//! One transaction for everything that waits.

use std::sync::Arc;

use procession_application::ports::{
    Commit, CommitError, Committed, Start, StartError, Started, StoreError, StoredEvent,
};
use rusqlite::{Connection, TransactionBehavior};

use super::{Item, Pending, PendingChange, commits, starts};
use crate::error::{Failure, again};

/// The numbers of events over all executions: they rise, and none is used twice, also if its transaction is undone.
#[derive(Debug)]
pub(crate) struct EventNumbers {
    next: i64,
}

/// Everything that is written together.
#[derive(Default)]
pub(super) struct Batch {
    starts: Vec<Pending<Start, Started, StartError>>,
    commits: Vec<Pending<Arc<Commit>, Committed, CommitError>>,
    changes: Vec<Box<dyn PendingChange>>,
}

/// What was written of one start or commit: the answer, and the events that are told then, those of one write together.
pub(super) struct Written<A> {
    pub answer: A,
    pub told: Vec<StoredEvent>,
}

/// What was decided about a batch; true once its transaction has committed.
pub(super) struct Decided {
    starts: Vec<Written<Result<Started, StartError>>>,
    commits: Vec<Written<Result<Committed, CommitError>>>,
}

/// Where a transaction failed.
pub(super) enum Failed {
    /// It could not begin.
    Begin(Failure),
    /// A statement failed; nothing is written.
    Statement(Failure),
    /// It is not known whether it is written; what is to be told if it is.
    Unknown(Failure, Vec<Arc<[StoredEvent]>>),
}

impl EventNumbers {
    /// Numbers after this one.
    pub const fn after(last: i64) -> Self {
        Self { next: last + 1 }
    }

    /// Takes the next one.
    pub const fn take(&mut self) -> i64 {
        let number = self.next;
        self.next += 1;
        number
    }
}

impl Decided {
    /// What is to be told, a write's events together, in the order of their numbers.
    fn told(&self) -> Vec<Arc<[StoredEvent]>> {
        let told = self.starts.iter().map(|written| &written.told);
        let told = told.chain(self.commits.iter().map(|written| &written.told));
        told.filter(|events| !events.is_empty()).map(|events| Arc::from(events.as_slice())).collect()
    }
}

impl<A> Written<A> {
    /// An answer to which nothing is written.
    pub const fn nothing(answer: A) -> Self {
        Self { answer, told: Vec::new() }
    }
}

impl Batch {
    /// Adds what waits.
    pub fn add(&mut self, item: Item) {
        match item {
            Item::Start(start) => self.starts.push(*start),
            Item::Commit(commit) => self.commits.push(*commit),
            Item::Change(change) => self.changes.push(change),
            Item::Close(closed) => drop(closed),
        }
    }

    /// How many writes it has.
    pub const fn len(&self) -> usize {
        self.starts.len() + self.commits.len() + self.changes.len()
    }

    /// Each write as a batch of its own, in an order in which they could have come.
    pub fn into_single(self) -> impl Iterator<Item = Self> {
        let starts = self.starts.into_iter().map(|start| Self { starts: vec![start], ..Self::default() });
        let commits = self.commits.into_iter().map(|commit| Self { commits: vec![commit], ..Self::default() });
        let changes = self.changes.into_iter().map(|change| Self { changes: vec![change], ..Self::default() });
        starts.chain(commits).chain(changes)
    }

    /// Writes everything in one transaction. Starts come first, then commits, then the rest: none of them knew of another
    /// when it was given, so that any order is right that keeps commits of one execution in theirs.
    pub fn write(&mut self, connection: &mut Connection, numbers: &mut EventNumbers) -> Result<Decided, Failed> {
        let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = begun.map_err(|error| Failed::Begin(error.into()))?;
        match self.write_all(&transaction, numbers) {
            Ok(decided) => {
                #[cfg(feature = "fail-points")]
                crate::fail_points::before_commit();
                let committed = transaction.commit();
                #[cfg(feature = "fail-points")]
                crate::fail_points::after_commit();
                match committed {
                    Ok(()) => Ok(decided),
                    Err(error) => Err(Failed::Unknown(error.into(), decided.told())),
                }
            }
            Err(failure) => match transaction.rollback() {
                Ok(()) => Err(Failed::Statement(failure)),
                // A transaction that can't be undone is undone with its connection.
                Err(error) => Err(Failed::Unknown(error.into(), Vec::new())),
            },
        }
    }

    fn write_all(&mut self, connection: &Connection, numbers: &mut EventNumbers) -> Result<Decided, Failure> {
        let mut decided =
            Decided { starts: Vec::with_capacity(self.starts.len()), commits: Vec::with_capacity(self.commits.len()) };
        for start in &mut self.starts {
            let written = starts::write(&start.item, connection, numbers)?;
            start.audited.append_if(matches!(written.answer, Ok(Started::Created { .. })), connection)?;
            decided.starts.push(written);
        }
        for commit in &self.commits {
            decided.commits.push(commits::write(&commit.item, connection, numbers)?);
        }
        for change in &mut self.changes {
            change.attempt(connection, numbers)?;
        }
        Ok(decided)
    }

    /// Says which events are to be told, and answers everyone.
    pub fn succeed(self, decided: Decided, tell: impl FnOnce(Vec<Arc<[StoredEvent]>>)) {
        // Who is answered may look at the feed at once. Whoever does not wait any more does not need the answer.
        tell(decided.told());
        for (pending, written) in self.starts.into_iter().zip(decided.starts) {
            pending.audited.committed();
            let _ = pending.reply.send(written.answer);
        }
        for (pending, written) in self.commits.into_iter().zip(decided.commits) {
            let _ = pending.reply.send(written.answer);
        }
        for change in self.changes {
            change.answer(Ok(()));
        }
    }

    /// Tells everyone that nothing came of it, or that it is not known what did.
    pub fn fail(self, error: &StoreError) {
        for pending in self.starts {
            let _ = pending.reply.send(Err(again(error).into()));
        }
        for pending in self.commits {
            let _ = pending.reply.send(Err(again(error).into()));
        }
        for change in self.changes {
            change.answer(Err(again(error)));
        }
    }
}
