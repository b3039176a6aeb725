//! A watchdog of the runtime: how long what is ready has to wait until it goes on. Whatever blocks the threads that answer
//! requests shows here, in `/readyz` and in the log.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// How often it is measured.
const BEAT: Duration = Duration::from_millis(50);

/// The worst of so long, and of as long before, is told.
const WINDOW: Duration = Duration::from_secs(10);

/// From here on it is worth a line in the log.
const WORRYING: Duration = Duration::from_millis(500);

/// The worst lags of the last two windows.
#[derive(Debug, Default)]
pub(crate) struct Pulse(Mutex<Lags>);

#[derive(Debug, Default)]
struct Lags {
    begun: Option<Instant>,
    worst: Duration,
    before: Duration,
}

impl Pulse {
    /// Measures without end.
    pub async fn beat(&self) {
        loop {
            let due = Instant::now() + BEAT;
            sleep_until(due).await;
            self.note(Instant::now(), due);
        }
    }

    /// The worst of the last seconds.
    pub fn lag(&self) -> Duration {
        let lags = self.lags();
        lags.worst.max(lags.before)
    }

    fn note(&self, now: Instant, due: Instant) {
        let lag = now.saturating_duration_since(due);
        let mut lags = self.lags();
        let begun = *lags.begun.get_or_insert(now);
        if now.saturating_duration_since(begun) >= WINDOW {
            *lags = Lags { begun: Some(now), worst: Duration::ZERO, before: lags.worst };
        }
        let is_news = lag > lags.worst;
        lags.worst = lags.worst.max(lag);
        drop(lags);
        if is_news && lag >= WORRYING {
            tracing::warn!(
                lag_ms = lag.as_millis(),
                "everything stood still: the machine or this program is overloaded"
            );
        }
    }

    fn lags(&self) -> MutexGuard<'_, Lags> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_the_last_two_windows_is_told() {
        let (pulse, start) = (Pulse::default(), Instant::now());
        let note = |second: u64, lag_ms: u64| {
            let due = start + Duration::from_secs(second);
            pulse.note(due + Duration::from_millis(lag_ms), due);
            pulse.lag().as_millis()
        };
        assert_eq!(note(0, 2), 2);
        assert_eq!(note(1, 80), 80);
        assert_eq!(note(2, 3), 80);
        assert_eq!(note(11, 4), 80);
        assert_eq!(note(22, 5), 5);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_thread_that_is_held_up_shows() {
        let pulse = std::sync::Arc::new(Pulse::default());
        let beating = tokio::spawn({
            let pulse = std::sync::Arc::clone(&pulse);
            async move { pulse.beat().await }
        });
        tokio::task::yield_now().await;
        std::thread::sleep(Duration::from_millis(250));
        // The beat is due by now, and its timer is first looked at when this waits.
        while pulse.lag() < Duration::from_millis(150) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        beating.abort();
    }
}
