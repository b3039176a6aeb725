//! The machine's clock and ids.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use procession_domain::value::Timestamp;
use uuid::Uuid;

use crate::ports::{Clock, IdGenerator};

/// The machine's clock, which never goes back within a process, whatever happens to the wall clock (spec 3.4).
///
/// Time goes on by the monotonic clock. When the wall clock is ahead of that, it is followed; when it is set back, nothing
/// waits for it to catch up.
#[derive(Debug)]
pub struct SystemClock {
    began: Instant,
    /// How far the wall clock was ahead of the monotonic one at most, in microseconds.
    ahead: AtomicI64,
}

/// No sleep is longer without another look at the clock, since machines suspend.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// A start so far ahead of the wall clock is told, in microseconds: one of the two is wrong.
const FAR_AHEAD: i64 = 24 * 3_600 * 1_000_000;

impl Default for SystemClock {
    fn default() -> Self {
        Self::starting_at(None)
    }
}

impl SystemClock {
    /// A clock that starts no earlier than `floor`: the newest stored event's time.
    pub fn starting_at(floor: Option<Timestamp>) -> Self {
        if let Some(days) = floor.and_then(|floor| days_ahead(floor.as_micros(), wall())) {
            tracing::warn!(
                days,
                "the newest event is days ahead of this machine's clock, and time goes on from there; set the clock right"
            );
        }
        let ahead = AtomicI64::new(floor.map_or(i64::MIN, Timestamp::as_micros));
        Self { began: Instant::now(), ahead }
    }

    /// The time when the wall clock says this, and so much has passed since the clock was made.
    fn reading(&self, wall: i64, passed: i64) -> Timestamp {
        let ahead = wall.saturating_sub(passed);
        let most = self.ahead.fetch_max(ahead, Ordering::Relaxed).max(ahead);
        Timestamp::from_micros(most.saturating_add(passed))
    }
}

/// The wall clock in microseconds since 1970.
fn wall() -> i64 {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    micros(since_1970)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// How many whole days a start is ahead of the wall clock, if so far that it must be told.
const fn days_ahead(start: i64, wall: i64) -> Option<i64> {
    let ahead = start.saturating_sub(wall);
    if ahead > FAR_AHEAD { Some(ahead / FAR_AHEAD) } else { None }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.reading(wall(), micros(self.began.elapsed()))
    }

    async fn sleep_until(&self, until: Timestamp) {
        loop {
            let left = until.as_micros().saturating_sub(self.now().as_micros());
            let Ok(left @ 1..) = u64::try_from(left) else { return };
            tokio::time::sleep(Duration::from_micros(left).min(LONGEST_SLEEP)).await;
        }
    }
}

/// UUIDs of version 8: 32 random bits first, then the time in milliseconds, then random bits again.
///
/// People see the first eight characters, by which they must tell ids apart (spec 4b 16); those of version 7 are the same
/// for a minute. Lists are ordered by a time and only then by id, so nothing depends on rising ids.
#[derive(Debug, Clone, Copy, Default)]
pub struct UuidGenerator;

impl IdGenerator for UuidGenerator {
    fn new_id(&self) -> Uuid {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        uuid_of(since_1970.as_millis(), Uuid::new_v4().as_u128())
    }
}

/// The id of a millisecond, and of random bits of which version and variant of a UUID are none.
const fn uuid_of(millisecond: u128, random: u128) -> Uuid {
    const RANDOM_HEAD: u128 = 0xFFFF_FFFF << 96;
    const RANDOM_TAIL: u128 = (1 << 42) - 1;
    const VERSION: u128 = 8 << 76;
    const VARIANT: u128 = 2 << 62;
    // The 48 bits of the time stand around version and variant, the highest first.
    let (high, middle, low) = ((millisecond >> 32) & 0xFFFF, (millisecond >> 20) & 0xFFF, millisecond & 0xF_FFFF);
    let time = (high << 80) | (middle << 64) | (low << 42);
    Uuid::from_u128((random & (RANDOM_HEAD | RANDOM_TAIL)) | VERSION | VARIANT | time)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const SECOND: i64 = 1_000_000;
    const HOUR: i64 = 3_600 * SECOND;

    fn at(floor: Option<i64>, readings: &[(i64, i64)]) -> Vec<i64> {
        let clock = SystemClock::starting_at(floor.map(Timestamp::from_micros));
        readings.iter().map(|(wall, passed)| clock.reading(*wall, *passed).as_micros()).collect()
    }

    #[test]
    fn time_goes_on_whatever_happens_to_the_wall_clock() {
        let noon = 12 * HOUR;
        for (what, floor, readings, times) in [
            ("it is right", None, vec![(noon, 0), (noon + 5, 5)], vec![noon, noon + 5]),
            (
                "it is set back an hour",
                None,
                vec![(noon, 0), (noon - HOUR, SECOND), (noon - HOUR + SECOND, 2 * SECOND)],
                vec![noon, noon + SECOND, noon + 2 * SECOND],
            ),
            (
                "it is ahead for a second",
                None,
                vec![(noon, 0), (noon + HOUR, SECOND), (noon + 2 * SECOND, 2 * SECOND)],
                vec![noon, noon + HOUR, noon + HOUR + SECOND],
            ),
            (
                "it is behind the newest event",
                Some(noon + HOUR),
                vec![(noon, 0), (noon + SECOND, SECOND)],
                vec![noon + HOUR, noon + HOUR + SECOND],
            ),
            (
                "the machine was suspended",
                None,
                vec![(noon, SECOND), (noon + HOUR, 2 * SECOND)],
                vec![noon, noon + HOUR],
            ),
        ] {
            assert_eq!(at(floor, &readings), times, "{what}");
        }
    }

    #[test]
    fn a_start_more_than_a_day_ahead_is_told() {
        assert_eq!(days_ahead(23 * HOUR, 0), None);
        assert_eq!(days_ahead(24 * HOUR + 1, 0), Some(1));
        assert_eq!(days_ahead(240 * HOUR + 1, 0), Some(10));
        assert_eq!(days_ahead(0, 240 * HOUR), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleep_until_a_time_that_has_come_is_none() {
        let clock = SystemClock::default();
        let before = tokio::time::Instant::now();
        clock.sleep_until(clock.now()).await;
        assert_eq!(before.elapsed(), Duration::ZERO);
    }

    #[test]
    fn ids_made_at_the_same_time_differ_in_their_first_eight_characters() {
        let made: Vec<String> = (0..200).map(|_| UuidGenerator.new_id().to_string()).collect();
        let heads: HashSet<&str> = made.iter().map(|id| &id[..8]).collect();
        // Of 200 ids two have the same head once in 200,000 runs; three pairs never.
        assert!(heads.len() > 197, "{}", heads.len());
        assert_eq!(made.iter().collect::<HashSet<_>>().len(), 200);
    }

    #[test]
    fn an_id_is_a_uuid_of_version_8_that_holds_its_time() {
        let id = uuid_of(0x1234_5678_9ABC, u128::MAX);
        assert_eq!(id.to_string(), "ffffffff-1234-8567-a26a-f3ffffffffff");
        assert_eq!((id.get_version_num(), id.get_variant()), (8, uuid::Variant::RFC4122));
        assert_eq!(uuid_of(0, 0).to_string(), "00000000-0000-8000-8000-000000000000");
    }
}
