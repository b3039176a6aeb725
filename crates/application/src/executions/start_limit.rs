//! A limit of starts a minute for each user (spec 8.2, `limits.starts_per_minute`). It is counted on this node.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use procession_domain::value::{Duration, Timestamp};

const WINDOW: Duration = Duration::from_secs(60);

/// Counts the starts of the last minute.
pub(super) struct StartLimit {
    most: usize,
    starts: Mutex<HashMap<String, VecDeque<Timestamp>>>,
}

/// The user is starting too many executions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{user} may start {most} executions a minute (limits.starts_per_minute)")]
pub struct TooManyStarts {
    /// The user.
    pub user: String,
    /// How many a minute.
    pub most: usize,
    /// After how long there is room for another one.
    pub wait: Duration,
}

impl StartLimit {
    /// A limit of so many starts; 0 = none.
    pub fn new(most: u32) -> Self {
        Self { most: most as usize, starts: Mutex::default() }
    }

    /// Counts a start, or refuses it.
    pub fn take(&self, user: &str, now: Timestamp) -> Result<(), TooManyStarts> {
        if self.most == 0 {
            return Ok(());
        }
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        starts.retain(|_, times| times.back().is_some_and(|last| now.since(*last) < WINDOW));
        let times = starts.entry(user.to_owned()).or_default();
        times.retain(|at| now.since(*at) < WINDOW);
        if let Some(oldest) = times.front().filter(|_| times.len() >= self.most) {
            let wait = oldest.saturating_add(WINDOW).since(now);
            return Err(TooManyStarts { user: user.to_owned(), most: self.most, wait });
        }
        times.push_back(now);
        Ok(())
    }

    /// Takes back the count of a start at `at` that turned out to be none.
    pub fn give_back(&self, user: &str, at: Timestamp) {
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(times) = starts.get_mut(user)
            && let Some(place) = times.iter().rposition(|counted| *counted == at)
        {
            times.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_user_starts_so_many_a_minute_and_others_are_counted_apart() {
        let limit = StartLimit::new(2);
        assert!(limit.take("ann", at(0)).is_ok() && limit.take("ann", at(10)).is_ok());
        let refused = limit.take("ann", at(20)).unwrap_err();
        assert_eq!(refused.wait, Duration::from_secs(40));
        assert!(limit.take("ben", at(20)).is_ok());
        assert!(limit.take("ann", at(60)).is_ok());
        assert!(limit.take("ann", at(60)).is_err());
        assert!(StartLimit::new(0).take("ann", at(0)).is_ok());
    }

    #[test]
    fn what_was_no_start_is_not_counted() {
        let limit = StartLimit::new(2);
        assert!(limit.take("ann", at(0)).is_ok() && limit.take("ann", at(10)).is_ok());
        limit.give_back("ann", at(10));
        limit.give_back("ann", at(10));
        assert!(limit.take("ann", at(20)).is_ok());
        assert_eq!(limit.take("ann", at(20)).unwrap_err().wait, Duration::from_secs(40));
    }
}
