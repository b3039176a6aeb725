//! The schema and its changes, numbered; they are part of the program (`migrations/sqlite`).

use std::path::Path;

use sqlx::{
    SqliteConnection,
    migrate::{Migrate, MigrateError, Migrator},
};

use crate::{
    error::Failure,
    open::{OpenError, open_for_reading},
};

pub(crate) static MIGRATOR: Migrator = sqlx::migrate!("../../../migrations/sqlite");

/// A table that only databases from before the first release have.
const OF_FIRST_FORM: &str = "step_executions";

/// What a database still lacks, in the order in which it will be applied: all, if there is no database yet.
pub async fn pending_migrations(path: &Path) -> Result<Vec<String>, OpenError> {
    if !path.is_file() {
        return Ok(MIGRATOR.iter().map(name).collect());
    }
    let mut connection = open_for_reading(path).await?;
    pending(path, &mut connection).await
}

/// What a database still lacks. A newer one than this program knows is refused.
pub(crate) async fn pending(path: &Path, connection: &mut SqliteConnection) -> Result<Vec<String>, OpenError> {
    let applied = applied(path, connection).await?;
    refuse_newer_than_known(path, &applied)?;
    let lacking = MIGRATOR.iter().filter(|migration| !applied.contains(&migration.version));
    Ok(lacking.map(name).collect())
}

/// Refuses a database that a newer version of the program has written, or one that is from before the first release.
pub(crate) async fn refuse_unknown(path: &Path, connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let applied = applied(path, connection).await?;
    refuse_newer_than_known(path, &applied)?;
    if has_table(OF_FIRST_FORM, path, connection).await? {
        return Err(OpenError::FirstForm(path.to_owned()));
    }
    Ok(())
}

/// Brings the schema up to date, each change in a transaction of its own.
pub(crate) async fn run(path: &Path, connection: &mut SqliteConnection) -> Result<(), OpenError> {
    MIGRATOR.run_direct(None, connection, false).await.map_err(|error| match error {
        MigrateError::Execute(error) => OpenError::database(path, error),
        reason => OpenError::Schema { path: path.to_owned(), reason },
    })
}

fn refuse_newer_than_known(path: &Path, applied: &[i64]) -> Result<(), OpenError> {
    let known = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
    match applied.iter().max() {
        Some(found) if *found > known => Err(OpenError::Newer { path: path.to_owned(), found: *found, known }),
        Some(_) | None => Ok(()),
    }
}

/// The numbers of the migrations that a database has; none if it is new.
async fn applied(path: &Path, connection: &mut SqliteConnection) -> Result<Vec<i64>, OpenError> {
    let table = &MIGRATOR.table_name;
    if !has_table(table, path, connection).await? {
        return Ok(Vec::new());
    }
    let listed = connection.list_applied_migrations(table).await;
    let listed = listed.map_err(|error| OpenError::database(path, Failure::corrupt(error.to_string())))?;
    Ok(listed.into_iter().map(|migration| migration.version).collect())
}

async fn has_table(table: &str, path: &Path, connection: &mut SqliteConnection) -> Result<bool, OpenError> {
    const EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)";
    let found = sqlx::query_scalar(EXISTS).bind(table.to_owned()).fetch_one(connection).await;
    found.map_err(|error| OpenError::database(path, error))
}

fn name(migration: &sqlx::migrate::Migration) -> String {
    format!("{:04} {}", migration.version, migration.description)
}
