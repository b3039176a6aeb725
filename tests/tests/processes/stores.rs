//! The stores on which every case is played.

use std::sync::Arc;

use procession_application::testing::{MemoryStore, SequentialIds, contract::Stores};
use procession_store_sqlite::{FileBlobs, Options, SqliteStore, Synchronous};

pub fn in_memory() -> Stores {
    let store = Arc::new(MemoryStore::new());
    Stores {
        definitions: store.clone(),
        executions: store.clone(),
        approvals: store.clone(),
        access: store.clone(),
        queries: store.clone(),
        feed: store.clone(),
        blobs: store,
        ids: Arc::new(SequentialIds::new()),
        keep: Box::new(()),
    }
}

/// A database in a folder of its own. What it does to disks is tested elsewhere, so that it need not flush here.
pub async fn on_sqlite() -> Stores {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { synchronous: Synchronous::Normal, ..Options::new(folder.path().join("procession.db")) };
    let store = Arc::new(SqliteStore::open(options).await.unwrap());
    let blobs = FileBlobs::open(folder.path().join("blobs")).await.unwrap();
    Stores {
        definitions: store.clone(),
        executions: store.clone(),
        approvals: store.clone(),
        access: store.clone(),
        queries: store.clone(),
        feed: store,
        blobs: Arc::new(blobs),
        ids: Arc::new(SequentialIds::new()),
        keep: Box::new(folder),
    }
}
