//! Whether the engine can do its work, for whoever asks (`/readyz`), and what went wrong so far.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use procession_domain::value::{Duration, ExecutionId, Timestamp};

/// How long a store that has just failed is left alone.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// How long at most, so that work goes on soon after what was wrong was put right.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

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
    problems: Mutex<BTreeMap<Part, Problem>>,
    panics: AtomicU64,
}

/// A part of what an engine writes to; one may fail while the other does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// The store.
    Store,
    /// The store of large values.
    Values,
}

/// Why a part can't be written, and since when.
#[derive(Debug, Clone)]
struct Problem {
    since: Timestamp,
    error: String,
}

/// Executions that nobody takes up again before the next start.
#[derive(Default)]
pub(super) struct Broken(Mutex<HashSet<ExecutionId>>);

/// How often the runs of executions have ended by a defect.
#[derive(Default)]
pub(super) struct Panics(Mutex<HashMap<ExecutionId, u32>>);

impl Health {
    /// A part was written. Said in the log if it could not be written before.
    pub fn answered(&self, part: Part) {
        if lock(&self.problems).remove(&part).is_some() {
            tracing::info!("{part} can be written again; what has waited goes on");
        }
    }

    /// A part could not be written. Said in the log once, until it is written again: everything that is under way meets
    /// with the same failure, again and again.
    pub fn failed(&self, part: Part, now: Timestamp, error: &impl ToString) {
        let error = error.to_string();
        let mut problems = lock(&self.problems);
        if let Some(problem) = problems.get_mut(&part) {
            tracing::debug!(error, "{part} still fails");
            problem.error = error;
        } else {
            tracing::error!(error, "{part} failed; what is under way waits, and is tried again less and less often");
            problems.insert(part, Problem { since: now, error });
        }
    }

    /// How long to wait before what has failed is tried again: the longer, the longer it has failed.
    pub fn pause(&self, now: Timestamp) -> Duration {
        let since = lock(&self.problems).values().map(|problem| problem.since).min();
        let lasted = since.map_or(0, |since| now.since(since).as_millis());
        Duration::from_millis((lasted / 2).clamp(SHORTEST_PAUSE.as_millis(), LONGEST_PAUSE.as_millis()))
    }

    /// A task has ended by a defect.
    pub fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    /// All of it.
    pub fn report(&self) -> EngineHealth {
        let problem = lock(&self.problems).values().next().cloned();
        EngineHealth {
            since: problem.as_ref().map(|problem| problem.since),
            store_problem: problem.map(|problem| problem.error),
            panics: self.panics.load(Ordering::Relaxed),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Store => "the store",
            Self::Values => "the store of large values",
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    #[test]
    fn what_has_failed_is_left_alone_the_longer_the_longer_it_fails() {
        let health = Health::default();
        let pauses = [(0, 1_000), (1, 1_000), (6, 3_000), (30, 10_000), (3_600, 10_000)];
        for (at, pause) in pauses {
            health.failed(Part::Store, second(at), &"full");
            assert_eq!(health.pause(second(at)).as_millis(), pause, "after {at} s");
        }
        health.answered(Part::Store);
        health.failed(Part::Store, second(4_000), &"full");
        assert_eq!(health.pause(second(4_000)).as_millis(), 1_000);
    }

    #[test]
    fn a_part_that_works_does_not_hide_the_one_that_fails() {
        let health = Health::default();
        health.failed(Part::Values, second(1), &"full");
        health.answered(Part::Store);
        assert_eq!((health.report().store_problem.as_deref(), health.report().since), (Some("full"), Some(second(1))));
        health.answered(Part::Values);
        assert_eq!(health.report().store_problem, None);
    }
}
