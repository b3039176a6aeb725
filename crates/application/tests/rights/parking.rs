//! A store that lets a certain number of calls through and parks the rest until it is opened.

use std::sync::Arc;

use procession_testing::Interpose;
use tokio::sync::{Notify, Semaphore};

/// Lets calls through as long as there is room. Each call passes twice: before its work and after it.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    room: Semaphore,
    parked: Notify,
}

impl Gate {
    /// Everything passes.
    pub fn open() -> Self {
        Self(Arc::new(Inner { room: Semaphore::new(Semaphore::MAX_PERMITS / 2), parked: Notify::new() }))
    }

    /// From now on only so many passages.
    pub fn only(&self, passages: usize) {
        self.0.room.forget_permits(usize::MAX);
        self.0.room.add_permits(passages);
    }

    /// From now on everything passes, whatever is parked too.
    pub fn open_again(&self) {
        self.0.room.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    /// Returns when something is parked.
    pub async fn parked(&self) {
        self.0.parked.notified().await;
    }

    async fn pass_once(&self) {
        if let Ok(place) = self.0.room.try_acquire() {
            place.forget();
            return;
        }
        self.0.parked.notify_one();
        if let Ok(place) = self.0.room.acquire().await {
            place.forget();
        }
    }
}

impl Interpose for Gate {
    async fn pass<T: Send>(&self, work: impl Future<Output = T> + Send) -> T {
        self.pass_once().await;
        let done = work.await;
        self.pass_once().await;
        done
    }
}
