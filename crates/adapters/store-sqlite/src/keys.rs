//! Changes of API keys.

use async_trait::async_trait;
use procession_application::ports::{AccessError, ApiKey};
use procession_domain::value::{Timestamp, UserId};
use sqlx::SqliteConnection;

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

#[async_trait]
impl Change for CreateKey {
    type Outcome = Result<(), AccessError>;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<Self::Outcome, Failure> {
        const TAKEN: &str = "SELECT EXISTS (SELECT 1 FROM api_keys WHERE hash = ?1)";
        const INSERT: &str = "
            INSERT INTO api_keys (id, name, prefix, hash, user_id, scopes, created_at, revoked_at, last_used_at)
            SELECT ?1, ?2, ?3, ?4, users.id, ?6, ?7, ?8, ?9 FROM users WHERE users.name_lower = ?5";
        let key = &self.0;
        let taken: bool = sqlx::query_scalar(TAKEN).bind(key.hash.clone()).fetch_one(&mut *connection).await?;
        if taken {
            return Ok(Err(AccessError::Taken));
        }
        let inserted = sqlx::query(INSERT)
            .bind(key.id.to_string())
            .bind(key.name.clone())
            .bind(key.prefix.clone())
            .bind(key.hash.clone())
            .bind(key.user.to_lowercase())
            .bind(to_json(&key.scopes)?)
            .bind(key.created_at.as_micros())
            .bind(key.revoked_at.map(Timestamp::as_micros))
            .bind(key.last_used_at.map(Timestamp::as_micros))
            .execute(connection)
            .await?;
        let is_inserted = inserted.rows_affected() > 0;
        Ok(if is_inserted { Ok(()) } else { Err(AccessError::Unknown) })
    }
}

#[async_trait]
impl Change for RevokeKey {
    type Outcome = bool;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<bool, Failure> {
        const REVOKE: &str = "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1";
        let revoked =
            sqlx::query(REVOKE).bind(self.id.to_string()).bind(self.at.as_micros()).execute(connection).await?;
        Ok(revoked.rows_affected() > 0)
    }
}

#[async_trait]
impl Change for NoteUse {
    type Outcome = ();

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<(), Failure> {
        const NOTE: &str = "
            UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at < ?2)";
        sqlx::query(NOTE).bind(self.id.to_string()).bind(self.at.as_micros()).execute(connection).await?;
        Ok(())
    }
}
