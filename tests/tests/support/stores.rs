//! Stores on SQLite, for what is played on the real ones.

use std::sync::Arc;

use procession_store_sqlite::{FileBlobs, Options, SqliteStore, Synchronous};
use procession_testing::contract::Stores;

/// A database in a folder of its own. What it does to disks is tested elsewhere, so that it need not flush here.
pub async fn on_sqlite() -> Stores {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { synchronous: Synchronous::Normal, ..Options::new(folder.path().join("procession.db")) };
    let store = Arc::new(SqliteStore::open(options).await.unwrap());
    let blobs = FileBlobs::open(folder.path().join("blobs")).await.unwrap();
    Stores::of(&store, Arc::new(blobs), Box::new(folder))
}
