//! Counting failed logins: five from one address within ten minutes, then that address waits (spec 4b 2.2).

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use procession_domain::value::{Duration, Timestamp};

const MOST_FAILURES: usize = 5;
const WINDOW: Duration = Duration::from_secs(600);

/// More addresses than this are not remembered one by one; the oldest go first.
const MOST_ADDRESSES: usize = 10_000;

#[derive(Clone, Default)]
pub(super) struct Throttle(Arc<Mutex<HashMap<String, VecDeque<Timestamp>>>>);

impl Throttle {
    /// How long an address has to wait, if it has.
    pub fn wait(&self, address: &str, now: Timestamp) -> Option<Duration> {
        let mut failures = self.lock();
        let recent = failures.get_mut(address)?;
        recent.retain(|at| now.since(*at) < WINDOW);
        let oldest = recent.front().filter(|_| recent.len() >= MOST_FAILURES)?;
        Some(oldest.saturating_add(WINDOW).since(now))
    }

    pub fn failed(&self, address: &str, now: Timestamp) {
        let mut failures = self.lock();
        if failures.len() >= MOST_ADDRESSES {
            failures.retain(|_, recent| recent.back().is_some_and(|last| now.since(*last) < WINDOW));
        }
        let recent = failures.entry(address.to_owned()).or_default();
        recent.push_back(now);
        if recent.len() > MOST_FAILURES {
            recent.pop_front();
        }
    }

    pub fn clear(&self, address: &str) {
        self.lock().remove(address);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, VecDeque<Timestamp>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_attempt_waits_until_the_first_is_ten_minutes_old() {
        let throttle = Throttle::default();
        let at = |secs: i64| Timestamp::from_micros(secs * 1_000_000);
        for secs in 0..5 {
            assert_eq!(throttle.wait("1.2.3.4", at(secs)), None);
            throttle.failed("1.2.3.4", at(secs));
        }
        assert_eq!(throttle.wait("1.2.3.4", at(10)), Some(Duration::from_secs(590)));
        assert_eq!(throttle.wait("5.6.7.8", at(10)), None);
        assert_eq!(throttle.wait("1.2.3.4", at(600)), None);
        throttle.failed("1.2.3.4", at(600));
        throttle.clear("1.2.3.4");
        assert_eq!(throttle.wait("1.2.3.4", at(600)), None);
    }
}
