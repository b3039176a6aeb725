//! Ids that rise one by one, the same in every run of a test.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::{Builder, Uuid};

use procession_application::ports::IdGenerator;

/// Ids of the form of UUIDs of version 7: each is larger than the one before, and they are the same in every run.
#[derive(Debug, Default)]
pub struct SequentialIds(AtomicU64);

/// The time in the first id, in milliseconds since 1970, so that ids look like those of real servers.
const FIRST_MILLISECOND: u64 = 1_795_000_000_000;

impl SequentialIds {
    /// Ids from the first one on.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }
}

impl IdGenerator for SequentialIds {
    fn new_id(&self) -> Uuid {
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        Builder::from_unix_timestamp_millis(FIRST_MILLISECOND + count, &[0; 10]).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_of_version_7_and_rise() {
        let ids = SequentialIds::new();
        let made: Vec<Uuid> = (0..10_000).map(|_| ids.new_id()).collect();
        assert!(made.is_sorted_by(|before, after| before < after));
        assert!(made.iter().all(|id| id.get_version_num() == 7));
        assert_eq!(made[0], SequentialIds::new().new_id());
    }
}
