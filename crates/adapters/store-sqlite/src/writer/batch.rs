//! One transaction for everything that waits.

use std::{collections::HashSet, sync::Arc};

use procession_application::ports::{
    Commit, CommitError, Committed, Start, StartError, Started, StoreError, StoredEvent,
};
use procession_domain::{
    event::{Creation, Recorded},
    value::{ExecutionId, ProcessId, ProcessName},
};
use sqlx::{Connection, SqliteConnection};

use super::{
    Item, Pending, PendingChange,
    commits::{self, CommitVerdict},
    starts::{self, StartVerdict},
};
use crate::{
    error::{Failure, again},
    rows::Rows,
};

/// The numbers of events over all executions: they rise, and none is used twice, also if its transaction is undone.
#[derive(Debug)]
pub(super) struct EventNumbers {
    next: i64,
}

/// Everything that is written together.
#[derive(Default)]
pub(super) struct Batch {
    starts: Vec<Pending<Start, Started, StartError>>,
    commits: Vec<Pending<Commit, Committed, CommitError>>,
    changes: Vec<Box<dyn PendingChange>>,
}

/// What was decided about a batch; true once its transaction has committed.
pub(super) struct Decided {
    starts: Vec<StartVerdict>,
    commits: Vec<CommitVerdict>,
}

/// Where a transaction failed.
pub(super) enum Failed {
    /// It could not begin.
    Begin(Failure),
    /// A statement failed; nothing is written.
    Statement(Failure),
    /// It is not known whether it is written.
    Commit(Failure),
}

impl EventNumbers {
    /// Numbers after this one.
    pub const fn after(last: i64) -> Self {
        Self { next: last + 1 }
    }

    /// Takes so many; the first of them.
    pub fn take(&mut self, count: usize) -> i64 {
        let first = self.next;
        self.next += i64::try_from(count).unwrap_or(i64::MAX);
        first
    }
}

impl Batch {
    /// Adds what waits.
    pub fn add(&mut self, item: Item) {
        match item {
            Item::Start(start) => self.starts.push(start),
            Item::Commit(commit) => self.commits.push(commit),
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
        let starts = self.starts.into_iter().map(Item::Start);
        let commits = self.commits.into_iter().map(Item::Commit);
        let changes = self.changes.into_iter().map(Item::Change);
        starts.chain(commits).chain(changes).map(|item| {
            let mut single = Self::default();
            single.add(item);
            single
        })
    }

    /// Writes everything in one transaction. Starts come first, then commits, then the rest: none of them knew of another
    /// when it was given, so that any order is right that keeps commits of one execution in theirs.
    pub async fn write(
        &mut self,
        connection: &mut SqliteConnection,
        numbers: &mut EventNumbers,
    ) -> Result<Decided, Failed> {
        let begun = connection.begin_with("BEGIN IMMEDIATE").await;
        let mut transaction = begun.map_err(|error| Failed::Begin(error.into()))?;
        match self.write_all(&mut transaction, numbers).await {
            Ok(decided) => {
                #[cfg(feature = "fail-points")]
                crate::fail_points::before_commit();
                let committed = transaction.commit().await;
                #[cfg(feature = "fail-points")]
                crate::fail_points::after_commit();
                match committed {
                    Ok(()) => Ok(decided),
                    Err(error) => Err(Failed::Commit(error.into())),
                }
            }
            Err(failure) => match transaction.rollback().await {
                Ok(()) => Err(Failed::Statement(failure)),
                // A transaction that can't be undone is undone with its connection.
                Err(error) => Err(Failed::Commit(error.into())),
            },
        }
    }

    async fn write_all(
        &mut self,
        connection: &mut SqliteConnection,
        numbers: &mut EventNumbers,
    ) -> Result<Decided, Failure> {
        let mut rows = Rows::default();
        let mut starts = Vec::new();
        if !self.starts.is_empty() {
            let new = self.starts.iter().map(|pending| &*pending.item);
            starts = starts::decide(new, connection, numbers, &mut rows).await?;
        }
        let mut verdicts: Vec<Option<CommitVerdict>> = self.commits.iter().map(|_| None).collect();
        let mut waiting: Vec<usize> = (0..self.commits.len()).collect();
        loop {
            let (round, later) = self.split_round(waiting);
            let commits: Vec<&Commit> = round.iter().map(|place| &*self.commits[*place].item).collect();
            if !commits.is_empty() {
                let decided = commits::decide(&commits, connection, numbers, &mut rows).await?;
                for (place, verdict) in round.into_iter().zip(decided) {
                    verdicts[place] = Some(verdict);
                }
            }
            rows.write(connection).await?;
            if later.is_empty() {
                break;
            }
            rows = Rows::default();
            waiting = later;
        }
        drop(rows);
        for change in &mut self.changes {
            change.attempt(connection).await?;
        }
        let undecided = || CommitVerdict::Refused(CommitError::Conflict);
        let commits = verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(undecided)).collect();
        Ok(Decided { starts, commits })
    }

    /// The commits among these that are decided together: the first of each execution, unless an earlier one has a signal
    /// for it, which it must find in its inbox if it ends the execution. And those that come after them.
    fn split_round(&self, waiting: Vec<usize>) -> (Vec<usize>, Vec<usize>) {
        let mut touched: HashSet<ExecutionId> = HashSet::with_capacity(waiting.len());
        waiting.into_iter().partition(|place| {
            let commit = &self.commits[*place].item;
            let is_first = touched.insert(commit.execution_id);
            touched.extend(commit.signals.iter().map(|signal| signal.to));
            is_first
        })
    }

    /// Answers everyone, and says which events are to be told, a write's events together, in the order of their numbers.
    pub fn succeed(self, decided: Decided, tell: impl FnOnce(Vec<Arc<[StoredEvent]>>)) {
        let mut told = Vec::new();
        let mut answers: Vec<Box<dyn FnOnce() + Send>> = Vec::with_capacity(self.len());
        for (Pending { item, reply }, verdict) in self.starts.into_iter().zip(decided.starts) {
            let answer = match verdict {
                StartVerdict::Created(first) => {
                    told.push(events_of_start(*item, first));
                    Ok(Started::Created)
                }
                StartVerdict::Before(execution) => Ok(Started::Before(execution)),
                StartVerdict::Refused(error) => Err(error),
            };
            answers.push(Box::new(move || drop(reply.send(answer))));
        }
        for (Pending { item, reply }, verdict) in self.commits.into_iter().zip(decided.commits) {
            let answer = match verdict {
                CommitVerdict::Written { committed, first_event, process_name } => {
                    told.push(events_of_commit(*item, first_event, process_name));
                    Ok(committed)
                }
                CommitVerdict::Refused(error) => Err(error),
            };
            answers.push(Box::new(move || drop(reply.send(answer))));
        }
        told.retain(|events| !events.is_empty());
        told.sort_by_key(|events| events.first().map(|event| event.id));
        // Who is answered may look at the feed at once.
        tell(told);
        for answer in answers {
            answer();
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

/// Whose events they are.
struct Subject {
    execution: ExecutionId,
    process: ProcessId,
    name: ProcessName,
}

impl Subject {
    fn of(execution: ExecutionId, creation: &Creation) -> Self {
        Self { execution, process: creation.process.id, name: creation.process.name.clone() }
    }

    fn told(&self, number: i64, recorded: Recorded) -> StoredEvent {
        StoredEvent {
            id: number.unsigned_abs(),
            execution_id: self.execution,
            sequence: recorded.sequence,
            at: recorded.at,
            process_id: self.process,
            process_name: self.name.clone(),
            event: recorded.event,
        }
    }
}

fn events_of_start(start: Start, first: i64) -> Arc<[StoredEvent]> {
    let subject = Subject::of(start.execution.id(), start.execution.creation());
    let numbered = (first..).zip(start.events);
    numbered.map(|(number, event)| subject.told(number, event)).collect()
}

/// The execution's own events come first, then one for each child, as they were numbered.
fn events_of_commit(commit: Commit, first: i64, name: ProcessName) -> Arc<[StoredEvent]> {
    let own = Subject { execution: commit.execution_id, process: commit.process_id, name };
    let mut numbers = first..;
    let mut told: Vec<StoredEvent> =
        numbers.by_ref().zip(commit.events).map(|(number, event)| own.told(number, event)).collect();
    for (number, child) in numbers.zip(commit.children) {
        let subject = Subject::of(child.execution.id(), child.execution.creation());
        told.push(subject.told(number, child.created));
    }
    told.into()
}
