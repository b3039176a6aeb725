//! Changes of API keys.

use procession_application::ports::{AccessError, ApiKey};
use procession_domain::value::{Timestamp, UserId};
use rusqlite::Connection;

use crate::{codec::to_json, error::Failure, writer::Change};

/// A new key.
pub(crate) struct CreateKey(pub ApiKey);

/// A key that is no longer good.
pub(crate) struct RevokeKey {
    pub id: UserId,
    pub at: Timestamp,
}

/// A key that was used.
pub(crate) struct NoteUse {
    pub id: UserId,
    pub at: Timestamp,
}

impl Change for CreateKey {
    type Outcome = Result<(), AccessError>;

    fn apply(&self, connection: &Connection) -> Result<Self::Outcome, Failure> {
        const TAKEN: &str = "SELECT EXISTS (SELECT 1 FROM api_keys WHERE hash = ?1)";
        const INSERT: &str = "
            INSERT INTO api_keys (id, name, prefix, hash, user_id, scopes, created_at, revoked_at, last_used_at)
            SELECT ?1, ?2, ?3, ?4, users.id, ?6, ?7, ?8, ?9 FROM users WHERE users.name_lower = ?5";
        let key = &self.0;
        let taken: bool = connection.prepare_cached(TAKEN)?.query_row([&key.hash], |row| row.get(0))?;
        if taken {
            return Ok(Err(AccessError::Taken));
        }
        let inserted = connection.prepare_cached(INSERT)?.execute(rusqlite::params![
            key.id.to_string(),
            key.name,
            key.prefix,
            key.hash,
            key.user.to_lowercase(),
            to_json(&key.scopes)?,
            key.created_at.as_micros(),
            key.revoked_at.map(Timestamp::as_micros),
            key.last_used_at.map(Timestamp::as_micros),
        ])?;
        Ok(if inserted > 0 { Ok(()) } else { Err(AccessError::Unknown) })
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        outcome.is_ok()
    }
}

impl Change for RevokeKey {
    type Outcome = bool;

    fn apply(&self, connection: &Connection) -> Result<bool, Failure> {
        const REVOKE: &str = "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1";
        Ok(connection.prepare_cached(REVOKE)?.execute((self.id.to_string(), self.at.as_micros()))? > 0)
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        *outcome
    }
}

impl Change for NoteUse {
    type Outcome = ();

    fn apply(&self, connection: &Connection) -> Result<(), Failure> {
        const NOTE: &str = "
            UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at < ?2)";
        connection.prepare_cached(NOTE)?.execute((self.id.to_string(), self.at.as_micros()))?;
        Ok(())
    }

    fn is_done((): &()) -> bool {
        true
    }
}
