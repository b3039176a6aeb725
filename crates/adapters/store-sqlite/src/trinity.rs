//! The databases of a Trinity platform, to take over what they hold (spec 4c, import of Trinity's data). Nothing in them is
//! changed, and no file is made beside them: where SQLite would have to, a copy is read.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::Duration,
};

use procession_application::transfer::TrinityRow;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Row, types::ValueRef};
use serde_json::Value as Json;

use crate::maintenance::with_suffix;

/// How long another program may hold the database before it counts as locked.
const PATIENCE: Duration = Duration::from_secs(5);

/// A database of a Trinity platform, open to read.
#[derive(Debug)]
pub struct TrinityFile {
    path: PathBuf,
    connection: Connection,
}

/// Why such a database can't be read.
#[derive(Debug, thiserror::Error)]
pub enum TrinityFileError {
    /// There is none, or it can't be opened.
    #[error("{} can't be read: {error}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another program holds it.
    #[error("{} is locked by another program; stop that one for the import, or import a copy of the file", .0.display())]
    Locked(PathBuf),
    /// It is none.
    #[error("{} is no SQLite database", .0.display())]
    NoDatabase(PathBuf),
    /// It holds something else.
    #[error("{} has no table `{table}` that can be read ({detail})", .path.display())]
    NoTable {
        /// The file.
        path: PathBuf,
        /// The table.
        table: &'static str,
        /// What SQLite says.
        detail: String,
    },
    /// It is damaged, or its disk is.
    #[error("{} can't be read: {detail}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
}

/// The rows of a table by their numbers, as far as they can be found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FoundRows {
    /// Their numbers, in the order that was asked for.
    pub numbers: Vec<i64>,
    /// What is wrong with the table, if not all can be found.
    pub damage: Option<String>,
}

impl TrinityFile {
    /// Opens a file. `scratch` is a folder for a copy, should one be needed; it must outlive this.
    pub fn open(path: &Path, scratch: &Path) -> Result<Self, TrinityFileError> {
        let unreadable = |error| TrinityFileError::Unreadable { path: path.to_owned(), error };
        if has_log(path).map_err(unreadable)? && !with_suffix(path, "-shm").exists() {
            return Self::of_copy(path, scratch);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        match connect(path, flags) {
            Ok(connection) => Ok(Self { path: path.to_owned(), connection }),
            // A transaction that a crash has cut off is to be rolled back first.
            Err(error) if matches!(code(&error), Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen)) => {
                Self::of_copy(path, scratch)
            }
            Err(error) => Err(failure(path, &error)),
        }
    }

    fn of_copy(path: &Path, scratch: &Path) -> Result<Self, TrinityFileError> {
        let unreadable = |error| TrinityFileError::Unreadable { path: path.to_owned(), error };
        let copy = scratch.join("copy.db");
        for suffix in ["", "-wal", "-journal"] {
            let from = with_suffix(path, suffix);
            let to = with_suffix(&copy, suffix);
            if from.exists() {
                fs::copy(from, to).map_err(unreadable)?;
            } else if to.exists() {
                fs::remove_file(to).map_err(unreadable)?;
            }
        }
        let connection = connect(&copy, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX);
        let connection = connection.map_err(|error| failure(path, &error))?;
        Ok(Self { path: path.to_owned(), connection })
    }

    /// Whether it has a table.
    pub fn has_table(&self, table: &str) -> Result<bool, TrinityFileError> {
        const FIND: &str = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        let found = self.connection.query_row(FIND, [table], |_| Ok(())).optional();
        Ok(found.map_err(|error| failure(&self.path, &error))?.is_some())
    }

    /// The rows of a table, those first that come first by the first of these columns that it has.
    pub fn rows(&self, table: &'static str, by: &[&str]) -> Result<FoundRows, TrinityFileError> {
        let no_table = |detail: String| TrinityFileError::NoTable { path: self.path.clone(), table, detail };
        if !self.has_table(table)? {
            return Err(no_table("is it the right file?".to_owned()));
        }
        let columns = self.columns(table).map_err(|error| failure(&self.path, &error))?;
        let order = by.iter().find(|wanted| columns.iter().any(|column| column == *wanted));
        // Without a time they come last: nothing that has begun is behind them.
        let order = order.map(|column| format!("{column} IS NULL, {column}, ")).unwrap_or_default();
        let (numbers, error) = self.numbers(&format!("SELECT rowid FROM {table} ORDER BY {order}rowid"));
        match error {
            None => Ok(FoundRows { numbers, damage: None }),
            Some(error) if is_damage(&error) => Ok(self.rows_around_damage(table, &error)),
            Some(error) if code(&error) == Some(ErrorCode::DatabaseBusy) => Err(failure(&self.path, &error)),
            Some(error) => Err(no_table(error.to_string())),
        }
    }

    /// Those before the damage, and those behind it.
    fn rows_around_damage(&self, table: &str, error: &rusqlite::Error) -> FoundRows {
        let (mut numbers, _) = self.numbers(&format!("SELECT rowid FROM {table} NOT INDEXED ORDER BY rowid"));
        let (behind, _) = self.numbers(&format!("SELECT rowid FROM {table} NOT INDEXED ORDER BY rowid DESC"));
        let last = numbers.last().copied();
        numbers.extend(behind.into_iter().rev().filter(|number| last.is_none_or(|last| *number > last)));
        FoundRows { numbers, damage: Some(error.to_string()) }
    }

    /// One row; `None` if it is not there any more.
    pub fn row(&self, table: &str, number: i64) -> Result<Option<TrinityRow>, TrinityFileError> {
        let read = self.read(&format!("SELECT * FROM {table} WHERE rowid = ?1"), number);
        Ok(read.map_err(|error| failure(&self.path, &error))?.into_iter().next())
    }

    /// The rows in which a column has this text, in the order in which they were written.
    pub fn rows_of(&self, table: &str, column: &str, text: &str) -> Result<Vec<TrinityRow>, TrinityFileError> {
        let read = self.read(&format!("SELECT * FROM {table} WHERE {column} = ?1 ORDER BY rowid"), text);
        read.map_err(|error| failure(&self.path, &error))
    }

    fn columns(&self, table: &str) -> Result<Vec<String>, rusqlite::Error> {
        let mut list = self.connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
        list.query_map([table], |row| row.get(0))?.collect()
    }

    /// Numbers up to where an error ends them.
    fn numbers(&self, select: &str) -> (Vec<i64>, Option<rusqlite::Error>) {
        let mut numbers = Vec::new();
        let mut read = || {
            let mut select = self.connection.prepare(select)?;
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                numbers.push(row.get(0)?);
            }
            Ok(())
        };
        let error = read().err();
        (numbers, error)
    }

    fn read(&self, select: &str, of: impl rusqlite::ToSql) -> Result<Vec<TrinityRow>, rusqlite::Error> {
        let mut select = self.connection.prepare_cached(select)?;
        let names: Vec<String> = select.column_names().into_iter().map(str::to_owned).collect();
        select.query_map([of], |row| cells(row, &names))?.collect()
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// Whether a database keeps its changes in a log beside it, which readers have an index of.
fn has_log(path: &Path) -> io::Result<bool> {
    const VERSIONS: std::ops::Range<usize> = 18..20;
    let mut header = Vec::with_capacity(VERSIONS.end);
    File::open(path)?.take(VERSIONS.end as u64).read_to_end(&mut header)?;
    Ok(header.get(VERSIONS) == Some(&[2, 2]))
}

fn cells(row: &Row<'_>, names: &[String]) -> Result<TrinityRow, rusqlite::Error> {
    let mut cells = TrinityRow::new();
    for (index, name) in names.iter().enumerate() {
        let cell = match row.get_ref(index)? {
            ValueRef::Null => Json::Null,
            ValueRef::Integer(number) => number.into(),
            ValueRef::Real(number) => number.into(),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned().into(),
        };
        cells.insert(name.clone(), cell);
    }
    Ok(cells)
}

fn code(error: &rusqlite::Error) -> Option<ErrorCode> {
    error.sqlite_error_code()
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(code(error), Some(ErrorCode::DatabaseCorrupt | ErrorCode::SystemIoFailure))
}

fn failure(path: &Path, error: &rusqlite::Error) -> TrinityFileError {
    let path = path.to_owned();
    match code(error) {
        Some(ErrorCode::NotADatabase) => TrinityFileError::NoDatabase(path),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => TrinityFileError::Locked(path),
        _ => TrinityFileError::Damaged { path, detail: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path, journal: &str) -> PathBuf {
        let path = folder.join("there.db");
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "journal_mode", journal).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE process_definitions (id TEXT, created_at TEXT, size REAL, odd BLOB);
                 INSERT INTO process_definitions VALUES ('b', '2026-02-01', 1.5, x'ff'), ('a', '2026-01-01', NULL, NULL),
                     ('c', NULL, 2, 'c');",
            )
            .unwrap();
        path
    }

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn ids(file: &TrinityFile) -> Vec<String> {
        let found = file.rows("process_definitions", &["started_at", "created_at"]).unwrap();
        let row = |number| file.row("process_definitions", number).unwrap().unwrap();
        found.numbers.into_iter().map(|number| row(number)["id"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn rows_come_by_their_times_and_nothing_changes_in_their_folder() {
        for journal in ["delete", "wal"] {
            let (folder, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let path = file(folder.path(), journal);
            let (bytes, names) = (fs::read(&path).unwrap(), names_in(folder.path()));
            let opened = TrinityFile::open(&path, scratch.path()).unwrap();
            assert_eq!(ids(&opened), ["a", "b", "c"]);
            let b = &opened.rows_of("process_definitions", "id", "b").unwrap()[0];
            assert_eq!((&b["size"], &b["odd"]), (&Json::from(1.5), &Json::from("\u{fffd}")));
            drop(opened);
            assert_eq!((fs::read(&path).unwrap(), names_in(folder.path())), (bytes, names), "{journal}");
        }
    }

    #[test]
    fn what_a_log_still_holds_is_read_beside_its_writer_and_without_it() {
        let (folder, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = file(folder.path(), "wal");
        let writer = Connection::open(&path).unwrap();
        writer.execute_batch("INSERT INTO process_definitions VALUES ('d', '2026-03-01', 0, NULL)").unwrap();
        assert_eq!(ids(&TrinityFile::open(&path, scratch.path()).unwrap()), ["a", "b", "d", "c"]);

        // As it is found when its files were copied while it was open.
        let left = tempfile::tempdir().unwrap();
        let copied = left.path().join("there.db");
        for suffix in ["", "-wal"] {
            fs::copy(with_suffix(&path, suffix), with_suffix(&copied, suffix)).unwrap();
        }
        let names = names_in(left.path());
        assert_eq!(ids(&TrinityFile::open(&copied, scratch.path()).unwrap()), ["a", "b", "d", "c"]);
        assert_eq!(names_in(left.path()), names);
    }

    #[test]
    fn files_that_cannot_be_read_say_why() {
        let (folder, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let open = |path: &Path| TrinityFile::open(path, scratch.path());
        let missing = open(&folder.path().join("none.db")).unwrap_err();
        assert!(matches!(missing, TrinityFileError::Unreadable { .. }), "{missing}");
        let text = folder.path().join("text.db");
        fs::write(&text, "no database at all, but long enough to have a header of one hundred bytes ".repeat(20))
            .unwrap();
        let no_database = open(&text).unwrap_err();
        assert!(matches!(no_database, TrinityFileError::NoDatabase(_)), "{no_database}");
        let path = file(folder.path(), "delete");
        let other = open(&path).unwrap().rows("process_executions", &[]).unwrap_err();
        assert!(other.to_string().contains("no table `process_executions`"), "{other}");
    }

    #[test]
    fn rows_before_and_behind_damage_are_found() {
        let (folder, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = folder.path().join("damaged.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "PRAGMA page_size = 512;
                 CREATE TABLE process_definitions (id TEXT, created_at TEXT);
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
                 INSERT INTO process_definitions SELECT printf('%0100d', i), 'x' FROM n;",
            )
            .unwrap();
        drop(connection);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2 / 512 * 512;
        bytes[middle..middle + 512].fill(0xff);
        fs::write(&path, bytes).unwrap();
        let found = TrinityFile::open(&path, scratch.path()).unwrap();
        let found = found.rows("process_definitions", &["created_at"]).unwrap();
        assert!(found.damage.is_some());
        assert!((150..200).contains(&found.numbers.len()), "{}", found.numbers.len());
        assert_eq!((found.numbers.first(), found.numbers.last()), (Some(&1), Some(&200)));
    }
}
