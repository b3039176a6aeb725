//! The time of the async runtime, which a test can pause so that it jumps whenever nothing else can be done.

use async_trait::async_trait;
use procession_domain::value::Timestamp;
use tokio::time::Instant;

use procession_application::ports::Clock;

/// A clock that follows the runtime's time. Under `#[tokio::test(start_paused = true)]` hours pass at once, in order, and
/// only while every task waits.
#[derive(Debug)]
pub struct VirtualClock {
    start: Timestamp,
    began: Instant,
}

impl VirtualClock {
    /// A clock that shows this time now.
    pub fn starting_at(start: Timestamp) -> Self {
        Self { start, began: Instant::now() }
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(self.start.as_micros().saturating_add(passed))
    }

    async fn sleep_until(&self, until: Timestamp) {
        loop {
            let left = until.as_micros().saturating_sub(self.now().as_micros());
            let Ok(left @ 1..) = u64::try_from(left) else { return };
            // The runtime's timer counts whole milliseconds, and rounds up.
            tokio::time::sleep(std::time::Duration::from_micros(left)).await;
        }
    }
}
