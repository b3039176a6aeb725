//! The machine's clock and ids.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use procession_domain::value::Timestamp;
use uuid::Uuid;

use crate::ports::{Clock, IdGenerator};

/// The machine's clock, which never goes back within a process (spec 3.4).
#[derive(Debug, Default)]
pub struct SystemClock {
    latest: AtomicI64,
}

/// No sleep is longer without another look at the clock, since machines suspend.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

impl SystemClock {
    /// A clock that starts no earlier than `floor`: the newest stored event's time.
    pub fn starting_at(floor: Option<Timestamp>) -> Self {
        Self { latest: AtomicI64::new(floor.map_or(i64::MIN, Timestamp::as_micros)) }
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let wall = i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX);
        let before = self.latest.fetch_max(wall, Ordering::Relaxed);
        Timestamp::from_micros(before.max(wall))
    }

    async fn sleep_until(&self, until: Timestamp) {
        loop {
            let left = until.as_micros().saturating_sub(self.now().as_micros());
            let Ok(left @ 1..) = u64::try_from(left) else { return };
            tokio::time::sleep(Duration::from_micros(left).min(LONGEST_SLEEP)).await;
        }
    }
}

/// UUIDs of version 7, rising within a process.
#[derive(Debug, Clone, Copy, Default)]
pub struct UuidGenerator;

impl IdGenerator for UuidGenerator {
    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}
