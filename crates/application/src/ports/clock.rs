//! Time and ids, injected so that tests decide them.

use async_trait::async_trait;
use procession_domain::value::Timestamp;
use uuid::Uuid;

/// The only source of time (spec 3.4).
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time. It never goes back within a process.
    fn now(&self) -> Timestamp;

    /// Returns at `until`, or a little later. No implementation sleeps longer than a second without looking at the clock
    /// again, since machines suspend.
    async fn sleep_until(&self, until: Timestamp);
}

/// Makes ids.
pub trait IdGenerator: Send + Sync {
    /// A UUID that nothing else has. Nothing may depend on the order of ids; lists go by a time first.
    fn new_id(&self) -> Uuid;
}
