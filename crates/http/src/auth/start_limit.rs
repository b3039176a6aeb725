//! A limit of starts a minute for each user (spec 8.2, `limits.starts_per_minute`).

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use procession_domain::value::{Duration, Timestamp};

use crate::problem::{Code, Problem};

const WINDOW: Duration = Duration::from_secs(60);

/// Counts the starts of the last minute.
pub(crate) struct StartLimit {
    most: usize,
    starts: Mutex<HashMap<String, VecDeque<Timestamp>>>,
}

impl StartLimit {
    /// A limit of so many starts; 0 = none.
    pub fn new(most: u32) -> Self {
        Self { most: most as usize, starts: Mutex::default() }
    }

    /// Counts a start, or refuses it.
    pub fn take(&self, user: &str, now: Timestamp) -> Result<(), Problem> {
        if self.most == 0 {
            return Ok(());
        }
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        starts.retain(|_, times| times.back().is_some_and(|last| now.since(*last) < WINDOW));
        let times = starts.entry(user.to_owned()).or_default();
        times.retain(|at| now.since(*at) < WINDOW);
        if let Some(oldest) = times.front().filter(|_| times.len() >= self.most) {
            let wait = oldest.saturating_add(WINDOW).since(now).as_millis().div_ceil(1_000);
            let most = self.most;
            let detail = format!("{user} may start {most} executions a minute (limits.starts_per_minute)");
            return Err(Problem::too_many(Code::RateLimited, detail, wait));
        }
        times.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_starts_so_many_a_minute_and_others_are_counted_apart() {
        let limit = StartLimit::new(2);
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        assert!(limit.take("ann", at(0)).is_ok() && limit.take("ann", at(10)).is_ok());
        let refused = limit.take("ann", at(20)).unwrap_err();
        assert_eq!(refused.headers[0].1, "40");
        assert!(limit.take("ben", at(20)).is_ok());
        assert!(limit.take("ann", at(60)).is_ok());
        assert!(limit.take("ann", at(60)).is_err());
        assert!(StartLimit::new(0).take("ann", at(0)).is_ok());
    }
}
