//! Whether the engine can do its work, for whoever asks (`/readyz`), and what went wrong so far.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use procession_domain::value::{ExecutionId, Timestamp};

/// Whether an engine can do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineHealth {
    /// Why the store can't be written, as far as the last try told; `None` if it can.
    pub store_problem: Option<String>,
    /// Since when that is so.
    pub since: Option<Timestamp>,
    /// How many of its tasks have ended by a defect since it started; each was begun anew.
    pub panics: u64,
}

/// What the engine's tasks note of themselves.
#[derive(Default)]
pub(super) struct Health {
    problem: Mutex<Option<(Timestamp, String)>>,
    panics: AtomicU64,
}

/// Executions that nobody takes up again before the next start.
#[derive(Default)]
pub(super) struct Broken(Mutex<HashSet<ExecutionId>>);

/// How often the runs of executions have ended by a defect.
#[derive(Default)]
pub(super) struct Panics(Mutex<HashMap<ExecutionId, u32>>);

impl Health {
    /// The store was written.
    pub fn store_answered(&self) {
        *lock(&self.problem) = None;
    }

    /// The store could not be written.
    pub fn store_failed(&self, now: Timestamp, error: &impl ToString) {
        let mut problem = lock(&self.problem);
        let since = problem.as_ref().map_or(now, |(since, _)| *since);
        *problem = Some((since, error.to_string()));
    }

    /// A task has ended by a defect.
    pub fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    /// All of it.
    pub fn report(&self) -> EngineHealth {
        let problem = lock(&self.problem).clone();
        EngineHealth {
            since: problem.as_ref().map(|(since, _)| *since),
            store_problem: problem.map(|(_, error)| error),
            panics: self.panics.load(Ordering::Relaxed),
        }
    }
}

impl Broken {
    pub fn insert(&self, id: ExecutionId) {
        lock(&self.0).insert(id);
    }

    pub fn contains(&self, id: ExecutionId) -> bool {
        lock(&self.0).contains(&id)
    }
}

impl Panics {
    /// Counts one more; how many there were.
    pub fn count(&self, id: ExecutionId) -> u32 {
        *lock(&self.0).entry(id).and_modify(|count| *count += 1).or_insert(1)
    }

    /// Its run has ended well.
    pub fn forget(&self, id: ExecutionId) {
        lock(&self.0).remove(&id);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
