//! A clock that stands still until a test moves it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use procession_domain::value::{Duration, Timestamp};
use tokio::sync::oneshot;

use procession_application::ports::Clock;

/// A clock that a test moves by hand. Sleepers wake in the order of the times they sleep until, and, for the same time,
/// in the order in which they fell asleep; when they look, it is the time that the clock was moved to.
#[derive(Debug)]
pub struct ManualClock(Mutex<State>);

#[derive(Debug)]
struct State {
    now: Timestamp,
    sleepers: BTreeMap<(Timestamp, u64), oneshot::Sender<()>>,
    fell_asleep: u64,
}

impl ManualClock {
    /// A clock that stands at this time.
    pub const fn new(now: Timestamp) -> Self {
        Self(Mutex::new(State { now, sleepers: BTreeMap::new(), fell_asleep: 0 }))
    }

    /// Moves the clock forward and wakes all who sleep until then. The time after it.
    pub fn advance(&self, by: Duration) -> Timestamp {
        let until = self.now().saturating_add(by);
        self.advance_to(until);
        until
    }

    /// Moves the clock to a time and wakes all who sleep until then; never back.
    pub fn advance_to(&self, time: Timestamp) {
        let mut state = self.state();
        state.now = state.now.max(time);
        let now = state.now;
        while let Some(sleeper) = state.sleepers.first_entry().filter(|sleeper| sleeper.key().0 <= now) {
            // Whoever stopped waiting meanwhile is not there any more to be woken.
            let _ = sleeper.remove().send(());
        }
    }

    /// Moves the clock to the time at which the next sleeper wakes. That time; `None` if nobody sleeps.
    pub fn advance_to_next_sleeper(&self) -> Option<Timestamp> {
        let next = self.next_sleeper()?;
        self.advance_to(next);
        Some(next)
    }

    /// The time at which the next sleeper wakes; `None` if nobody sleeps.
    pub fn next_sleeper(&self) -> Option<Timestamp> {
        let mut state = self.state();
        state.sleepers.retain(|_, waker| !waker.is_closed());
        state.sleepers.first_key_value().map(|((until, _), _)| *until)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a sleeper to bed; `None` if its time has come already.
    fn sleeper(&self, until: Timestamp) -> Option<oneshot::Receiver<()>> {
        let mut state = self.state();
        if until <= state.now {
            return None;
        }
        let (waker, sleeper) = oneshot::channel();
        state.fell_asleep += 1;
        let place = (until, state.fell_asleep);
        state.sleepers.insert(place, waker);
        Some(sleeper)
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.state().now
    }

    async fn sleep_until(&self, until: Timestamp) {
        if let Some(sleeper) = self.sleeper(until) {
            // The sender goes with the clock; then nobody is left to tell the time.
            let _ = sleeper.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[tokio::test]
    async fn sleepers_wake_in_the_order_of_their_times() {
        let clock = Arc::new(ManualClock::new(at(0)));
        let woken = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for until in [30, 10, 20, 10] {
            let (clock, woken) = (Arc::clone(&clock), Arc::clone(&woken));
            tasks.push(tokio::spawn(async move {
                clock.sleep_until(at(until)).await;
                woken.lock().unwrap().push((until, clock.now()));
            }));
        }
        while clock.state().sleepers.len() < 4 {
            tokio::task::yield_now().await;
        }
        assert_eq!(clock.next_sleeper(), Some(at(10)));
        clock.advance(Duration::from_secs(25));
        assert_eq!(clock.next_sleeper(), Some(at(30)));
        assert_eq!(clock.advance_to_next_sleeper(), Some(at(30)));
        for task in tasks {
            task.await.unwrap();
        }
        let order: Vec<i64> = woken.lock().unwrap().iter().map(|(until, _)| *until).collect();
        assert_eq!(order, [10, 10, 20, 30]);
    }

    #[tokio::test]
    async fn a_time_that_has_come_is_not_waited_for_and_the_clock_never_goes_back() {
        let clock = ManualClock::new(at(10));
        clock.sleep_until(at(10)).await;
        clock.advance_to(at(5));
        assert_eq!(clock.now(), at(10));
        assert_eq!(clock.advance_to_next_sleeper(), None);
    }
}
