//! What the command line does with a database (spec 8.1, `db`): what only reads is safe beside a running server, and what
//! writes is refused while one has the database.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use sqlx::{Connection, Row};

use crate::{
    blobs::sync_folder,
    migrations,
    open::{OpenError, open_for_maintenance, open_for_reading},
    options::Options,
    private, schema,
};

/// Brings a database's schema up to date, creating the database when it is missing. What was applied; refused while a
/// server has it open.
pub async fn migrate(options: &Options) -> Result<Vec<String>, OpenError> {
    let (lock, mut connection) = open_for_maintenance(options).await?;
    let lacking = migrations::pending(&options.path, &mut connection).await?;
    migrations::run(&options.path, &mut connection).await?;
    let closed = connection.close().await;
    drop(lock);
    closed.map_err(|error| OpenError::database(&options.path, error))?;
    Ok(lacking)
}

/// Reads the whole database and says what is wrong with it: nothing if all is well. Safe beside a running server.
pub async fn check(path: &Path) -> Result<Vec<String>, OpenError> {
    const REFERENCES: &str = "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check";
    let failed = |error: sqlx::Error| OpenError::database(path, error);
    let mut connection = open_for_reading(path).await?;
    migrations::refuse_unknown(path, &mut connection).await?;
    let said = sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&mut connection).await;
    let said: Vec<String> = said.map_err(failed)?;
    let mut problems: Vec<String> = said.into_iter().filter(|line| line != "ok").collect();
    let dangling = sqlx::query(REFERENCES).fetch_all(&mut connection).await.map_err(failed)?;
    for row in &dangling {
        let (table, parent): (String, String) = (row.try_get(0).map_err(failed)?, row.try_get(2).map_err(failed)?);
        let number: Option<i64> = row.try_get(1).map_err(failed)?;
        let number = number.unwrap_or_default();
        problems.push(format!("row {number} of {table} refers to a row of {parent} that does not exist"));
    }
    problems.extend(schema::differences(path, &mut connection).await?);
    connection.close().await.map_err(failed)?;
    Ok(problems)
}

/// Writes a copy of a database, as it is at one moment, to a file that does not exist yet. Safe beside a running server.
/// Blobs are not in it.
pub async fn backup(path: &Path, target: &Path) -> Result<(), OpenError> {
    let unusable = |error: io::Error| OpenError::folder(target, error);
    let mut connection = open_for_reading(path).await?;
    if target.exists() {
        return Err(unusable(io::Error::new(io::ErrorKind::AlreadyExists, "the file already exists")));
    }
    private::create_folder(folder_of(target)).map_err(unusable)?;
    // Under its own name only when it is whole.
    let unfinished = with_suffix(target, ".unfinished");
    remove_if_there(&unfinished).map_err(unusable)?;
    private::create_file(&unfinished).map_err(unusable)?;
    let copied =
        sqlx::query("VACUUM INTO ?1").bind(unfinished.to_string_lossy().into_owned()).execute(&mut connection).await;
    let finished = copied
        .map_err(|error| OpenError::database(path, error))
        .and_then(|_| give_name(&unfinished, target).map_err(unusable));
    let removed = remove_if_there(&unfinished).map_err(unusable);
    let closed = connection.close().await.map_err(|error| OpenError::database(path, error));
    finished.and(removed).and(closed)
}

/// Makes a copy that is whole survive a crash, under its name, which nobody else has taken meanwhile.
pub(crate) fn give_name(unfinished: &Path, target: &Path) -> io::Result<()> {
    File::open(unfinished)?.sync_all()?;
    fs::hard_link(unfinished, target)?;
    sync_folder(folder_of(target))
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Rewrites the database without its unused pages. Refused while a server has it open.
pub async fn vacuum(options: &Options) -> Result<(), OpenError> {
    let failed = |error: sqlx::Error| OpenError::database(&options.path, error);
    if !options.path.is_file() {
        return Err(OpenError::Missing(options.path.clone()));
    }
    let (lock, mut connection) = open_for_maintenance(options).await?;
    sqlx::query("VACUUM").execute(&mut connection).await.map_err(failed)?;
    let moved = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await;
    moved.map_err(failed)?;
    let closed = connection.close().await;
    drop(lock);
    closed.map_err(failed)
}

pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
