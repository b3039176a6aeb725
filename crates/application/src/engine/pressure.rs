//! How much the engine has to do at the moment. While it is behind, a start waits a little: what is under way comes to its
//! end, instead of more and more executions lying half done in memory.

use std::sync::atomic::{AtomicUsize, Ordering};

use procession_domain::value::Duration;
use tokio::sync::Notify;

use crate::ports::Clock;

/// The engine is behind when so many turns are being decided and committed at once: several full groups of the store.
const MOST_TURNS: usize = 64;

/// The longest that a start waits for that, so that a store that hangs is told as what it is.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// The turns under way on this node.
#[derive(Default)]
pub(super) struct Pressure {
    turns: AtomicUsize,
    relieved: Notify,
}

/// A turn under way, for as long as this lives.
pub(super) struct TurnUnderWay<'a>(&'a Pressure);

impl Pressure {
    /// Counts a turn.
    pub fn turn(&self) -> TurnUnderWay<'_> {
        self.turns.fetch_add(1, Ordering::Relaxed);
        TurnUnderWay(self)
    }

    /// Waits until the engine has caught up, or long enough.
    pub async fn relief(&self, clock: &dyn Clock) {
        if !self.is_high() {
            return;
        }
        let caught_up = async {
            while self.is_high() {
                self.relieved.notified().await;
            }
        };
        tokio::select! {
            biased;
            () = caught_up => {}
            () = clock.sleep_until(clock.now().saturating_add(LONGEST_WAIT)) => {}
        }
    }

    fn is_high(&self) -> bool {
        self.turns.load(Ordering::Relaxed) >= MOST_TURNS
    }
}

impl Drop for TurnUnderWay<'_> {
    fn drop(&mut self) {
        // Every turn that ends lets one start look again; one that ends between a look and its wait leaves a permit.
        if self.0.turns.fetch_sub(1, Ordering::Relaxed) <= MOST_TURNS {
            self.0.relieved.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use procession_domain::value::Timestamp;

    use super::*;

    struct StandingClock;

    #[async_trait::async_trait]
    impl Clock for StandingClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(0)
        }

        async fn sleep_until(&self, _: Timestamp) {
            std::future::pending::<()>().await;
        }
    }

    #[test]
    fn a_start_waits_only_while_the_engine_is_behind() {
        let pressure = Pressure::default();
        let mut turns: Vec<_> = (1..MOST_TURNS).map(|_| pressure.turn()).collect();
        assert!(pressure.relief(&StandingClock).now_or_never().is_some(), "there is room for one more");
        turns.push(pressure.turn());
        let mut first = Box::pin(pressure.relief(&StandingClock));
        let mut second = Box::pin(pressure.relief(&StandingClock));
        assert!(first.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        turns.pop();
        assert!(first.as_mut().now_or_never().is_some());
        turns.pop();
        assert!(second.as_mut().now_or_never().is_some());
    }
}
