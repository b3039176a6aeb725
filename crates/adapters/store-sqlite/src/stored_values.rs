//! Whether the large values that a database names are there, and are what was written.

use std::{fs, path::Path};

use sqlx::{Connection, Row, SqliteConnection};

use crate::{
    blobs::if_there,
    open::{OpenError, open_for_reading},
};

const NAMED: &str = "SELECT blob, hash FROM execution_values WHERE blob IS NOT NULL ORDER BY blob";

/// Reads every large value that a database names from the folder `values`, and says which are missing or are not what was
/// written: nothing if all is well. The database itself must be sound (see [`check`](crate::check)). Safe beside a running
/// server.
pub async fn check_values(database: &Path, values: &Path) -> Result<Vec<String>, OpenError> {
    const TABLE: &str = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'execution_values'";
    let failed = |error: sqlx::Error| OpenError::database(database, error);
    let mut connection = open_for_reading(database).await?;
    let tables: i64 = sqlx::query_scalar(TABLE).fetch_one(&mut connection).await.map_err(failed)?;
    let mut problems = Vec::new();
    if tables > 0 {
        let rows = sqlx::query(NAMED).fetch_all(&mut connection).await.map_err(failed)?;
        for row in rows {
            let (key, hash): (String, Vec<u8>) = (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
            let file = values.join(&key);
            let what = match if_there(fs::read(&file)) {
                Ok(Some(content)) if blake3::hash(&content).as_bytes().as_slice() == hash.as_slice() => continue,
                Ok(Some(_)) => "is damaged".to_owned(),
                Ok(None) => "is missing".to_owned(),
                Err(error) => format!("can't be read ({error})"),
            };
            // A server may have removed it together with its execution since the rows were read.
            if is_named(&key, &mut connection).await.map_err(failed)? {
                problems.push(format!("the large value {} {what}", file.display()));
            }
        }
    }
    connection.close().await.map_err(failed)?;
    Ok(problems)
}

async fn is_named(key: &str, connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    const READ: &str = "SELECT EXISTS (SELECT 1 FROM execution_values WHERE blob = ?1)";
    sqlx::query_scalar(READ).bind(key).fetch_one(connection).await
}
