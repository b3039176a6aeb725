//! When a delivery that failed is tried again.

use procession_domain::value::Duration;

/// The most that jitter adds to a delay, as a part of it.
const JITTER: f64 = 0.2;

/// How often and when a delivery is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrySettings {
    /// How often at most, from 1 (`deliveries.attempts`).
    pub attempts: u32,
    /// How long after each failure; the last one counts for all that follow (`deliveries.delays`).
    pub delays: Vec<Duration>,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self { attempts: 3, delays: vec![Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120)] }
    }
}

impl RetrySettings {
    /// How long a delivery waits after so many failures; `None` when it is given up. `chance` is any number, from which
    /// the jitter comes. A receiver that asks for more time gets it.
    pub(super) fn pause_after(&self, failures: u32, chance: u64, asked: Option<Duration>) -> Option<Duration> {
        if failures >= self.attempts {
            return None;
        }
        let index = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
        let delay = self.delays.get(index).or(self.delays.last()).copied().unwrap_or(Duration::ZERO);
        let thousandths = u16::try_from(chance % 1_001).unwrap_or(0);
        let delay = delay.scale(1.0 + JITTER * f64::from(thousandths) / 1_000.0);
        Some(asked.map_or(delay, |asked| delay.max(asked)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_waits_longer_and_the_last_one_gives_up() {
        let pause = |failures, chance| RetrySettings::default().pause_after(failures, chance, None);
        assert_eq!(pause(1, 0), Some(Duration::from_secs(5)));
        assert_eq!(pause(1, 1_000), Some(Duration::from_secs(6)));
        assert_eq!(pause(2, 0), Some(Duration::from_secs(30)));
        assert_eq!(pause(3, 0), None);
    }

    #[test]
    fn the_last_delay_counts_for_all_that_follow() {
        let patient = RetrySettings { attempts: 9, ..RetrySettings::default() };
        assert_eq!(patient.pause_after(3, 0, None), Some(Duration::from_secs(120)));
        assert_eq!(patient.pause_after(8, 0, None), Some(Duration::from_secs(120)));
    }

    #[test]
    fn a_receiver_that_asks_for_more_time_gets_it() {
        let pause = |asked| RetrySettings::default().pause_after(1, 0, Some(Duration::from_secs(asked)));
        assert_eq!(pause(60), Some(Duration::from_secs(60)));
        assert_eq!(pause(1), Some(Duration::from_secs(5)));
    }
}
