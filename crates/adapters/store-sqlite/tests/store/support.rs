//! Stores in a folder of their own, which goes with them.

use std::{path::Path, sync::Arc};

use procession_store_sqlite::{FileBlobs, Options, SqliteStore, Synchronous};
use procession_testing::{MemoryStore, contract::Stores};

/// Empty stores.
pub async fn empty_stores() -> Stores {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { synchronous: Synchronous::Normal, ..options_in(folder.path()) };
    let store = SqliteStore::open(options).await.unwrap();
    let blobs = FileBlobs::open(folder.path().join("blobs")).await.unwrap();
    Stores::of(&Arc::new(store), Arc::new(blobs), Box::new(folder))
}

/// The usual options for a database in this folder.
pub fn options_in(folder: &Path) -> Options {
    Options::new(folder.join("procession.db"))
}

/// A database with values in memory, for tests that look at the database alone.
pub fn stores_of(store: &SqliteStore) -> Stores {
    Stores::of(&Arc::new(store.clone()), Arc::new(MemoryStore::new()), Box::new(()))
}
