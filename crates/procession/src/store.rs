//! Where an engine keeps what it must not lose.

use async_trait::async_trait;
use procession_application::ports::Stores;

/// A store for an engine: all ports of storage, and how they are closed. `Sqlite` is one; an own one
/// keeps the promises of [`ports`](crate::ports), which the contract suite of the feature `testing` tests.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The ports.
    fn stores(&self) -> Stores;

    /// Writes what waits and closes everything.
    async fn close(&self) {}
}

#[async_trait]
impl Store for Stores {
    fn stores(&self) -> Stores {
        self.clone()
    }
}
