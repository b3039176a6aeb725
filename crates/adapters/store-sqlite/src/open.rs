//! Opening a database: making sure that it is this process's alone, of a version that is known, and safe to use.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use procession_application::ports::{StoreError, StoredEvent};
use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool, migrate::MigrateError, sqlite::SqlitePoolOptions,
};
use tokio::sync::broadcast;

use crate::{
    error::Failure,
    lock::DatabaseLock,
    migrations,
    options::Options,
    private,
    sealing::Seal,
    writer::{Writer, WriterThread},
};

/// How many commits a slow reader of the feed may lag behind.
const FEED_CAPACITY: usize = 4_096;

/// The first version of SQLite without the bug that can damage a database in WAL mode with several connections.
const OLDEST_SQLITE: [u32; 3] = [3, 51, 3];

/// All stores but that of large values, in one SQLite file. Cheap to clone; all clones are one store.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    pub(crate) options: Arc<Options>,
    pub(crate) writer: Writer,
    pub(crate) readers: SqlitePool,
    pub(crate) feed: broadcast::Sender<Arc<[StoredEvent]>>,
    /// Seals settings that hold secrets, as soon as it is given its key.
    pub(crate) seal: Arc<OnceLock<Seal>>,
}

/// Why a database can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error(
        "the database {} is in use by another process{}; stop that one first, or use another data folder",
        .path.display(),
        process(.holder)
    )]
    InUse {
        /// The database.
        path: PathBuf,
        /// The number of the process, or nothing if it is not known.
        holder: String,
    },
    /// A newer version of the program has written it.
    #[error(
        "the database {} was written by a newer version of procession (it has migration {found}, this version knows \
         {known}); use that version, or restore a backup from before the upgrade",
        .path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// The newest migration in it.
        found: i64,
        /// The newest one that this program knows.
        known: i64,
    },
    /// An older version has written it, and it is not brought up to date by who only reads.
    #[error(
        "the database {} was written by an older version of procession; `procession db migrate` brings it up to date",
        .0.display()
    )]
    Older(PathBuf),
    /// It is from before the first release, whose form can't be brought up to date.
    #[error(
        "the database {} was written by a version from before the first release, which stored executions differently; let \
         that version finish what is running, and start with a new data folder",
        .0.display()
    )]
    FirstForm(PathBuf),
    /// Its schema is not what this program once made.
    #[error("the schema of the database {} was changed by something else ({reason}); restore a backup", .path.display())]
    Schema {
        /// The database.
        path: PathBuf,
        /// What is wrong with it.
        reason: MigrateError,
    },
    /// A folder or file can't be made or used.
    #[error("{} can't be used: {reason}", .path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// There is no such database.
    #[error("there is no database {}", .0.display())]
    Missing(PathBuf),
    /// The SQLite built into this program is too old to be safe.
    #[error("SQLite {found} can damage databases in WAL mode; build with 3.51.3 or newer")]
    UnsafeSqlite {
        /// The version.
        found: String,
    },
    /// SQLite can't open it: it is no database, is damaged, or its disk fails.
    #[error("{}", told(.path, .reason))]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        reason: StoreError,
    },
}

fn told(path: &Path, reason: &StoreError) -> String {
    let path = path.display();
    match reason {
        StoreError::Corrupt(what) => format!("the database {path} is damaged, or is none: {what}"),
        StoreError::Unavailable(_) | StoreError::UnknownCursor(_) => {
            format!("the database {path} can't be opened: {reason}")
        }
    }
}

fn process(holder: &str) -> String {
    if holder.is_empty() { String::new() } else { format!(" (process {holder})") }
}

impl OpenError {
    /// Whether the file is damaged, or no database, so that only a backup helps.
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Database { reason: StoreError::Corrupt(_), .. })
    }

    /// An error of the file system.
    pub(crate) fn folder(path: &Path, reason: io::Error) -> Self {
        Self::Folder { path: path.to_owned(), reason }
    }

    /// An error of the database.
    pub(crate) fn database(path: &Path, reason: impl Into<Failure>) -> Self {
        Self::Database { path: path.to_owned(), reason: reason.into().into() }
    }
}

impl SqliteStore {
    /// Opens a database for this process alone: creates it when it is missing, and brings its schema up to date.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        let path = options.path.clone();
        let failed = |error: sqlx::Error| OpenError::database(&path, error);
        let (lock, mut connection) = open_for_maintenance(&options).await?;
        migrations::run(&path, &mut connection).await?;
        connection.close().await.map_err(failed)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(options.readers.max(1))
            .min_connections(1)
            // A connection to a file does not go away.
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.reading())
            .await
            .map_err(failed)?;
        let feed = broadcast::Sender::new(FEED_CAPACITY);
        let started = WriterThread::start(options.clone(), feed.clone(), lock);
        let writer = started.map_err(|failure| OpenError::database(&path, failure))?;
        Ok(Self { options: Arc::new(options), writer, readers, feed, seal: Arc::default() })
    }

    /// Opens a database to read it only, beside a server that may have it open: every method that writes fails.
    pub async fn open_to_read(options: Options) -> Result<Self, OpenError> {
        let path = options.path.clone();
        let failed = |error: sqlx::Error| OpenError::database(&path, error);
        let mut connection = open_for_reading(&path).await?;
        migrations::refuse_unknown(&path, &mut connection).await?;
        let lacking = migrations::pending(&path, &mut connection).await?;
        connection.close().await.map_err(failed)?;
        if !lacking.is_empty() {
            return Err(OpenError::Older(path));
        }
        let readers = SqlitePoolOptions::new().max_connections(options.readers.max(1));
        let readers = readers.connect_with(options.reading()).await.map_err(failed)?;
        let feed = broadcast::Sender::new(1);
        Ok(Self { options: Arc::new(options), writer: Writer::closed(), readers, feed, seal: Arc::default() })
    }

    /// Writes what waits and closes the database; every method fails afterwards. Without it the database closes by itself
    /// a little after the last clone is dropped.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// The database's file.
    pub fn path(&self) -> &Path {
        &self.options.path
    }

    /// Writes a copy of the database, as it is at one moment, to a file that does not exist yet.
    pub async fn backup_to(&self, target: &Path) -> Result<(), OpenError> {
        crate::maintenance::backup(self.path(), target).await
    }
}

/// Takes the lock and opens a connection that may change the schema. That may be an old one, but none from the future.
pub(crate) async fn open_for_maintenance(options: &Options) -> Result<(DatabaseLock, SqliteConnection), OpenError> {
    let path = &options.path;
    let folder = path.parent().unwrap_or(Path::new(""));
    private::create_folder(folder).map_err(|error| OpenError::folder(folder, error))?;
    let lock = DatabaseLock::take(path)?;
    private::create_file(path).map_err(|error| OpenError::folder(path, error))?;
    let connected = options.maintaining().connect().await;
    let mut connection = connected.map_err(|error| OpenError::database(path, error))?;
    check_sqlite(path, &mut connection).await?;
    migrations::refuse_unknown(path, &mut connection).await?;
    Ok((lock, connection))
}

/// Opens a connection that only reads, to a database that exists. Another process may have it open.
pub(crate) async fn open_for_reading(path: &Path) -> Result<SqliteConnection, OpenError> {
    if !path.is_file() {
        return Err(OpenError::Missing(path.to_owned()));
    }
    let options = Options::new(path);
    let connected = options.reading().connect().await;
    let mut connection = connected.map_err(|error| OpenError::database(path, error))?;
    check_sqlite(path, &mut connection).await?;
    Ok(connection)
}

async fn check_sqlite(path: &Path, connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let version = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut *connection).await;
    let found: String = version.map_err(|error| OpenError::database(path, error))?;
    if !is_safe(&found) {
        return Err(OpenError::UnsafeSqlite { found });
    }
    // Only now is the file looked at: it may be no database at all.
    let pinged = connection.ping().await;
    pinged.map_err(|error| OpenError::database(path, error))
}

fn is_safe(version: &str) -> bool {
    let parts: Vec<u32> = version.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    parts.as_slice() >= OLDEST_SQLITE.as_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_before_3_51_3_is_not_safe() {
        for old in ["3.7.0", "3.46.0", "3.50.9", "3.51", "3.51.2", "nonsense"] {
            assert!(!is_safe(old), "{old}");
        }
        for new in ["3.51.3", "3.51.10", "3.52.0", "4.0.0"] {
            assert!(is_safe(new), "{new}");
        }
    }
}
