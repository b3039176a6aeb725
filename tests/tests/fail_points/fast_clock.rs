//! A clock that runs faster than the machine's, so that seconds of a process take milliseconds.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use procession_application::ports::Clock;
use procession_domain::value::Timestamp;

/// How much faster.
const SPEED: u32 = 200;

pub struct FastClock {
    start: Timestamp,
    began: Instant,
}

impl FastClock {
    /// A clock that shows this time now.
    pub fn starting_at(start: Timestamp) -> Self {
        Self { start, began: Instant::now() }
    }
}

#[async_trait]
impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from((self.began.elapsed() * SPEED).as_micros()).unwrap();
        Timestamp::from_micros(self.start.as_micros() + passed)
    }

    async fn sleep_until(&self, until: Timestamp) {
        loop {
            let left = until.as_micros().saturating_sub(self.now().as_micros());
            let Ok(left @ 1..) = u64::try_from(left) else { return };
            tokio::time::sleep(Duration::from_micros(left) / SPEED).await;
        }
    }
}
