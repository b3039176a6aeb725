//! The stores in one SQLite file, and large values in files beside it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use procession_application::ports::{BlobError, Stores};
use procession_store_sqlite::{FileBlobs, SqliteStore};
pub use procession_store_sqlite::{OpenError, Options as SqliteOptions, Synchronous};
use tempfile::TempDir;

use crate::Store;

/// An SQLite database. One process at a time has it open.
#[derive(Debug, Clone)]
pub struct Sqlite {
    store: SqliteStore,
    blobs: FileBlobs,
    /// The folder of a database that nobody keeps.
    _folder: Option<Arc<TempDir>>,
}

/// Why a database can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    /// The database itself.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The folder of large values.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// There is no room for a database that nobody keeps.
    #[error("no temporary folder can be made: {0}")]
    Temporary(#[from] std::io::Error),
}

impl Sqlite {
    /// Opens a database, which is made where it is missing. Large values live in a folder beside it, `FILE-values`.
    ///
    /// # Errors
    /// If another process has it open, or it can't be read or written.
    pub async fn open(file: impl AsRef<Path>) -> Result<Self, SqliteError> {
        let file = file.as_ref();
        let mut values = file.as_os_str().to_owned();
        values.push("-values");
        Self::open_with(SqliteOptions::new(file), values).await
    }

    /// Opens a database in its own way, with large values in this folder.
    ///
    /// # Errors
    /// If another process has it open, or it can't be read or written.
    pub async fn open_with(options: SqliteOptions, values: impl Into<PathBuf>) -> Result<Self, SqliteError> {
        let store = SqliteStore::open(options).await?;
        let blobs = FileBlobs::open(values).await?;
        Ok(Self { store, blobs, _folder: None })
    }

    /// A database that nobody keeps, for tests and trials: it is gone with the engine. It lies among the machine's
    /// temporary files, since all readers and the writer share it, and never waits for the disk.
    ///
    /// # Errors
    /// If there is no room for it.
    pub async fn in_memory() -> Result<Self, SqliteError> {
        let folder = tempfile::Builder::new().prefix("procession-").tempdir()?;
        let file = folder.path().join("procession.db");
        let options = SqliteOptions { synchronous: Synchronous::Normal, ..SqliteOptions::new(file) };
        let opened = Self::open_with(options, folder.path().join("values")).await?;
        Ok(Self { _folder: Some(Arc::new(folder)), ..opened })
    }

    /// The store itself, for what only SQLite can do, such as backups.
    pub const fn store(&self) -> &SqliteStore {
        &self.store
    }
}

#[async_trait]
impl Store for Sqlite {
    fn stores(&self) -> Stores {
        Stores::of(&Arc::new(self.store.clone()), Arc::new(self.blobs.clone()))
    }

    async fn close(&self) {
        self.store.close().await;
    }
}
