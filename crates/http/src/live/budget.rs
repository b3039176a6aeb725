//! How fast one connection may have earlier events read: a client that asks for them over and over waits longer and longer,
//! and costs the others nothing.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// One page of events for each.
const INTERVAL: Duration = Duration::from_millis(100);

/// So many pages may be read at once.
const AT_ONCE: u32 = 100;

/// The pages that a connection may have read.
pub(super) struct PageBudget {
    /// When all that was read is paid for.
    paid: Instant,
}

impl PageBudget {
    pub fn new() -> Self {
        Self { paid: Instant::now() }
    }

    /// Returns when another page may be read.
    pub async fn has_left(&self) {
        if let Some(due) = self.paid.checked_sub(INTERVAL * AT_ONCE) {
            sleep_until(due).await;
        }
    }

    /// A page was read.
    pub fn spend(&mut self) {
        self.paid = self.paid.max(Instant::now()) + INTERVAL;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_pages_are_read_at_once_and_then_one_after_the_other() {
        // A clock that began only now has nothing to subtract from.
        tokio::time::advance(Duration::from_hours(1)).await;
        let (mut budget, start) = (PageBudget::new(), Instant::now());
        for _ in 0..AT_ONCE {
            budget.has_left().await;
            budget.spend();
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..10 {
            budget.spend();
            budget.has_left().await;
        }
        assert!((900..=1_100).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    }
}
