//! How a database is opened.

use std::{path::PathBuf, sync::Arc, time::Duration};

use procession_application::ports::Meter;
use rusqlite::OpenFlags;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

use crate::error::Failure;

/// The log's file does not stay larger than this once a reader that kept it from being used anew is gone, in bytes.
const LARGEST_LOG: i64 = 64 * 1024 * 1024;

/// What the writer keeps of the database in memory, as SQLite counts it: kibibytes, negative. What it touches again are
/// the inner pages of its indexes and the executions under way.
const WRITER_CACHE: i64 = -8 * 1024;

/// What each reader keeps; what it lacks is in the system's cache of the file.
const READER_CACHE: i64 = -1024;

/// How many statements the writer keeps prepared: all that it has.
const STATEMENTS: usize = 128;

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
    /// What is told how long transactions take.
    pub meter: Option<Arc<dyn Meter>>,
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
        Self {
            path: path.into(),
            synchronous: Synchronous::default(),
            readers: 4,
            patience: Duration::from_secs(5),
            meter: None,
        }
    }

    /// Opens the connection of the writer, to a database whose schema is up to date.
    pub(crate) fn open_writer(&self) -> Result<rusqlite::Connection, Failure> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = rusqlite::Connection::open_with_flags(&self.path, flags)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.busy_timeout(self.patience)?;
        let synchronous = match self.synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "cache_size", WRITER_CACHE)?;
        // The writer moves the log into the database itself, between batches.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.pragma_update(None, "journal_size_limit", LARGEST_LOG)?;
        Ok(connection)
    }

    /// For a connection that brings the schema up to date or looks after the file.
    pub(crate) fn maintaining(&self) -> SqliteConnectOptions {
        self.common().journal_mode(SqliteJournalMode::Wal)
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
            .pragma("cache_size", READER_CACHE.to_string())
            .disable_statement_logging()
    }
}
