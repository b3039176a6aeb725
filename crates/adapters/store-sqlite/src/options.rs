//! How a database is opened.

use std::{path::PathBuf, time::Duration};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

/// Where the database is and how it is used.
#[derive(Debug, Clone)]
pub struct Options {
    /// The database's file; its folder is created when it is missing.
    pub path: PathBuf,
    /// When a commit is written to the disk.
    pub synchronous: Synchronous,
    /// How many connections read.
    pub readers: u32,
    /// How long to wait for another program that has the database locked, such as a backup.
    pub patience: Duration,
}

/// When a commit is written to the disk (spec 8.2, `database.synchronous`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// Before it is answered: it survives a power failure.
    #[default]
    Full,
    /// Soon after: a power failure may take the last ones, a crash of the server none.
    Normal,
}

impl Options {
    /// The usual ones.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), synchronous: Synchronous::default(), readers: 4, patience: Duration::from_secs(5) }
    }

    /// For the connection that writes.
    pub(crate) fn writing(&self) -> SqliteConnectOptions {
        let synchronous = match self.synchronous {
            Synchronous::Full => SqliteSynchronous::Full,
            Synchronous::Normal => SqliteSynchronous::Normal,
        };
        self.common()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            // The writer moves the log into the database itself, between batches.
            .pragma("wal_autocheckpoint", "0")
            // A log that readers once kept from being moved does not stay large.
            .pragma("journal_size_limit", "67108864")
    }

    /// For a connection that only reads.
    pub(crate) fn reading(&self) -> SqliteConnectOptions {
        // Large results come in few steps between SQLite's thread and ours.
        self.common().read_only(true).row_buffer_size(512)
    }

    fn common(&self) -> SqliteConnectOptions {
        use sqlx::ConnectOptions;
        SqliteConnectOptions::new()
            .filename(&self.path)
            .foreign_keys(true)
            .busy_timeout(self.patience)
            .pragma("cache_size", "-16384")
            .disable_statement_logging()
    }
}
