//! What can go wrong, inwards: everything that SQLite and the decoding of rows say becomes a [`StoreError`] once, here.

use procession_application::ports::{
    AccessError, ApprovalStoreError, CommitError, DefinitionStoreError, SignalError, StartError, StoreError,
};
use sqlx::error::{DatabaseError, ErrorKind};

/// A failure of the database, as ports tell it.
#[derive(Debug)]
pub(crate) struct Failure(StoreError);

impl Failure {
    /// A row that can't be read.
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self(StoreError::Corrupt(what.into()))
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        let text = match &error {
            sqlx::Error::Database(database) => with_advice(primary_code(database.as_ref()), error.to_string()),
            _ => error.to_string(),
        };
        Self(match error {
            sqlx::Error::Database(database) if is_lasting(database.as_ref()) => StoreError::Corrupt(text),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
                StoreError::Corrupt(text)
            }
            _ => StoreError::Unavailable(text),
        })
    }
}

/// Whether an error stays when the same is tried again: a rule of the schema was broken, or the file is damaged.
fn is_lasting(error: &dyn DatabaseError) -> bool {
    const CORRUPT: i64 = 11;
    const NOT_A_DATABASE: i64 = 26;
    let breaks_rule = matches!(
        error.kind(),
        ErrorKind::UniqueViolation
            | ErrorKind::ForeignKeyViolation
            | ErrorKind::NotNullViolation
            | ErrorKind::CheckViolation
    );
    let code = primary_code(error);
    breaks_rule || code == Some(CORRUPT) || code == Some(NOT_A_DATABASE)
}

/// The code of an error; extended codes keep the primary one in their lowest byte.
fn primary_code(error: &dyn DatabaseError) -> Option<i64> {
    error.code().and_then(|code| code.parse::<i64>().ok()).map(|code| code & 0xff)
}

/// What SQLite says, with what to do where that is known.
fn with_advice(code: Option<i64>, text: String) -> String {
    const READ_ONLY: i64 = 8;
    const IO_ERROR: i64 = 10;
    const FULL: i64 = 13;
    match code {
        Some(FULL) => {
            "the disk of the database is full: free some space on it, and the work goes on by itself".to_owned()
        }
        Some(IO_ERROR) => {
            format!(
                "the disk of the database can't be used ({text}): look for its errors in the system's log, and whether \
                     a limit on the size of files is reached"
            )
        }
        Some(READ_ONLY) => format!("the database can't be written ({text}): look at the rights of its file and folder"),
        _ => text,
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error;
        let code = error.sqlite_error().map(|failure| i64::from(failure.extended_code & 0xff));
        let text = with_advice(code, error.to_string());
        Self(match error {
            Error::SqliteFailure(failure, _) if is_lasting_code(failure.code) => StoreError::Corrupt(text),
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::InvalidColumnIndex(_)
            | Error::InvalidColumnName(_)
            | Error::QueryReturnedNoRows
            | Error::Utf8Error(..) => StoreError::Corrupt(text),
            _ => StoreError::Unavailable(text),
        })
    }
}

/// Whether an error stays when the same is tried again: a rule of the schema was broken, or the file is damaged.
const fn is_lasting_code(code: rusqlite::ErrorCode) -> bool {
    use rusqlite::ErrorCode;
    matches!(
        code,
        ErrorCode::ConstraintViolation | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::TypeMismatch
    )
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self(StoreError::Corrupt(error.to_string()))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

macro_rules! told_as {
    ($($error:ty),+) => {
        $(
            impl From<Failure> for $error {
                fn from(failure: Failure) -> Self {
                    failure.0.into()
                }
            }
        )+
    };
}

told_as!(AccessError, ApprovalStoreError, CommitError, DefinitionStoreError, SignalError, StartError);

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        failure.0
    }
}

/// The same failure for each of several who wait.
pub(crate) fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(why) => StoreError::Unavailable(why.clone()),
        StoreError::Corrupt(what) => StoreError::Corrupt(what.clone()),
        StoreError::UnknownCursor(cursor) => StoreError::UnknownCursor(cursor.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A failure with this code, as the writer meets it.
    fn failure(code: i32) -> StoreError {
        Failure::from(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)).into()
    }

    #[test]
    fn what_the_disk_refuses_is_said_with_what_to_do() {
        let cases = [(13, "disk of the database is full: free some space"), (0x30a, "system's log"), (8, "rights")];
        for (code, advice) in cases {
            let error = failure(code);
            assert!(matches!(error, StoreError::Unavailable(_)) && error.to_string().contains(advice), "{error}");
        }
    }

    #[tokio::test]
    async fn a_full_database_says_so_whoever_meets_with_it() {
        use sqlx::{Connection, Executor};
        let mut connection = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
        connection.execute("CREATE TABLE a (b BLOB); PRAGMA max_page_count = 4;").await.unwrap();
        let refused = connection.execute("INSERT INTO a VALUES (zeroblob(100000))").await.unwrap_err();
        let error: StoreError = Failure::from(refused).into();
        assert!(error.to_string().contains("is full: free some space"), "{error}");
    }
}
