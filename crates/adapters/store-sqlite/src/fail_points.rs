//! Points at which a test has the process end as if it were killed: before or after a transaction becomes durable
//! (spec 3.8). Only with the feature `fail-points`, and only once a test has armed one.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// On which side of a commit the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Everything is written but the commit itself: all of it is undone.
    Before,
    /// It has committed, and nobody has been told.
    After,
}

/// Where the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailPoint {
    /// On which side.
    pub moment: Moment,
    /// Of which commit, counted from 1 since the point was armed.
    pub commit: u64,
}

struct Counter {
    commits: u64,
    armed: Option<FailPoint>,
}

static COUNTER: Mutex<Counter> = Mutex::new(Counter { commits: 0, armed: None });

/// Has this process end at this point, whichever database it writes to then.
pub fn arm(point: FailPoint) {
    *counter() = Counter { commits: 0, armed: Some(point) };
}

/// How many transactions have reached their commit since this was last asked or a point was armed.
pub fn commits() -> u64 {
    std::mem::take(&mut counter().commits)
}

/// Where a transaction is about to commit.
pub(crate) fn before_commit() {
    let mut counter = counter();
    counter.commits += 1;
    counter.end_at(Moment::Before);
}

/// Where a transaction has committed.
pub(crate) fn after_commit() {
    counter().end_at(Moment::After);
}

impl Counter {
    fn end_at(&self, moment: Moment) {
        if self.armed == Some(FailPoint { moment, commit: self.commits }) {
            std::process::abort();
        }
    }
}

fn counter() -> MutexGuard<'static, Counter> {
    COUNTER.lock().unwrap_or_else(PoisonError::into_inner)
}
