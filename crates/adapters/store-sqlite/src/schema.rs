//! Whether the schema of a database is what this program makes.

use std::{collections::BTreeMap, path::Path};

use sqlx::{Connection, Row, SqliteConnection, migrate::Migrate};

use crate::{error::Failure, migrations::MIGRATOR, open::OpenError};

/// The parts of a schema: the statement that made each, by kind and name.
type Parts = BTreeMap<(String, String), String>;

/// What is not as this program makes it, in words. The rest is only looked at once all migrations are applied.
pub(crate) async fn differences(path: &Path, connection: &mut SqliteConnection) -> Result<Vec<String>, OpenError> {
    let failed = |error: sqlx::Error| OpenError::database(path, error);
    let found = parts(connection).await.map_err(failed)?;
    let table = MIGRATOR.table_name.as_ref();
    if !found.keys().any(|(_, name)| name == table) {
        return Ok(Vec::new());
    }
    let applied = connection.list_applied_migrations(table).await;
    let applied = applied.map_err(|error| OpenError::database(path, Failure::corrupt(error.to_string())))?;
    let known = |version: i64| MIGRATOR.iter().find(|migration| migration.version == version);
    let changed = applied.iter().filter(|row| known(row.version).is_none_or(|known| known.checksum != row.checksum));
    let mut problems: Vec<String> =
        changed.map(|row| format!("migration {} is not the one that this program knows", row.version)).collect();
    if applied.len() == MIGRATOR.iter().count() {
        problems.extend(compare(&expected().await.map_err(failed)?, &found));
    }
    Ok(problems)
}

/// The schema of a new database.
async fn expected() -> Result<Parts, sqlx::Error> {
    let mut fresh = SqliteConnection::connect("sqlite::memory:").await?;
    MIGRATOR.run_direct(None, &mut fresh, false).await.map_err(|error| sqlx::Error::Migrate(Box::new(error)))?;
    let parts = parts(&mut fresh).await?;
    fresh.close().await?;
    Ok(parts)
}

async fn parts(connection: &mut SqliteConnection) -> Result<Parts, sqlx::Error> {
    // What SQLite makes by itself has no statement.
    const READ: &str =
        "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let rows = sqlx::query(READ).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?))).collect()
}

fn compare(expected: &Parts, found: &Parts) -> Vec<String> {
    let mut problems = Vec::new();
    for (part @ (kind, name), statement) in expected {
        match found.get(part) {
            None => problems.push(format!("the {kind} {name} is missing")),
            Some(other) if other != statement => problems.push(format!("the {kind} {name} was changed")),
            Some(_) => {}
        }
    }
    let foreign = found.keys().filter(|part| !expected.contains_key(*part));
    problems.extend(foreign.map(|(kind, name)| format!("the {kind} {name} is not procession's")));
    problems
}
