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
        let text = error.to_string();
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
    // Extended codes keep the primary one in their lowest byte.
    let code = error.code().and_then(|code| code.parse::<i64>().ok()).map(|code| code & 0xff);
    breaks_rule || code == Some(CORRUPT) || code == Some(NOT_A_DATABASE)
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error;
        let text = error.to_string();
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
