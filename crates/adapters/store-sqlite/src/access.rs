//! The port of users, keys and settings: reading here, changes in `users` (settings too) and `keys`.

use async_trait::async_trait;
use procession_application::ports::{AccessError, AccessStore, ApiKey, NewUser, Setting, StoreError, User};
use procession_domain::value::{Timestamp, UserId};
use sqlx::{Row, sqlite::SqliteRow};

use crate::{
    SqliteStore,
    codec::{json, parsed, time, time_if_any},
    error::Failure,
    keys::{CreateKey, NoteUse, RevokeKey},
    users::{CompleteSetup, CreateUser, EndSession, Field, RemoveUser, SetField, SetRole, SetSetting},
};

#[async_trait]
impl AccessStore for SqliteStore {
    async fn create_user(&self, user: &NewUser) -> Result<(), AccessError> {
        self.writer.change(CreateUser(user.clone())).await?
    }

    async fn user(&self, name: &str) -> Result<Option<User>, StoreError> {
        Ok(self.read_user(name).await?)
    }

    async fn users(&self) -> Result<Vec<User>, StoreError> {
        Ok(self.read_users().await?)
    }

    async fn set_role(&self, name: &str, role: &str) -> Result<(), AccessError> {
        self.writer.change(SetRole { name: name.to_owned(), role: role.to_owned() }).await?
    }

    async fn set_password(&self, name: &str, hash: &str) -> Result<(), AccessError> {
        let field = Field::PasswordHash(hash.to_owned());
        self.set_field(name, field).await
    }

    async fn logged_in(&self, name: &str, at: Timestamp) -> Result<(), StoreError> {
        match self.set_field(name, Field::LastLogin(at)).await {
            Ok(()) | Err(AccessError::Unknown | AccessError::Taken | AccessError::LastAdmin(_)) => Ok(()),
            Err(AccessError::Store(error)) => Err(error),
        }
    }

    async fn remove_user(&self, name: &str) -> Result<(), AccessError> {
        self.writer.change(RemoveUser(name.to_owned())).await?
    }

    async fn end_sessions(&self, name: &str) -> Result<(), AccessError> {
        self.set_field(name, Field::NewSessions).await
    }

    async fn end_session(&self, token: &[u8; 32], until: Option<Timestamp>, now: Timestamp) -> Result<(), StoreError> {
        self.writer.change(EndSession { token: *token, until, now }).await
    }

    async fn is_session_ended(&self, token: &[u8; 32]) -> Result<bool, StoreError> {
        const READ: &str = "SELECT EXISTS (SELECT 1 FROM ended_sessions WHERE token = ?1)";
        let ended = sqlx::query_scalar(READ).bind(token.to_vec()).fetch_one(&self.readers).await;
        Ok(ended.map_err(Failure::from)?)
    }

    async fn create_key(&self, key: &ApiKey) -> Result<(), AccessError> {
        self.writer.change(CreateKey(key.clone())).await?
    }

    async fn key(&self, hash: &str) -> Result<Option<ApiKey>, StoreError> {
        Ok(self.read_key(hash).await?)
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        Ok(self.read_keys().await?)
    }

    async fn revoke_key(&self, id: UserId, at: Timestamp) -> Result<(), AccessError> {
        let revoked = self.writer.change(RevokeKey { id, at }).await?;
        if revoked { Ok(()) } else { Err(AccessError::Unknown) }
    }

    async fn key_used(&self, id: UserId, at: Timestamp) -> Result<(), StoreError> {
        let at = ApiKey::time_of_use(at);
        // Most uses are noted already, which a reader can tell without holding up the writer.
        if self.is_use_noted(id, at).await? {
            return Ok(());
        }
        self.writer.change(NoteUse { id, at }).await
    }

    async fn setting(&self, setting: Setting) -> Result<Option<String>, StoreError> {
        let stored = self.stored_setting(setting).await?;
        Ok(stored.and_then(|stored| self.opened(setting, stored)))
    }

    async fn set_setting(&self, setting: Setting, value: &str) -> Result<(), StoreError> {
        let value = self.sealed(setting, value)?;
        self.writer.change(SetSetting { setting, value }).await
    }

    async fn complete_setup(&self, admin: &NewUser) -> Result<bool, StoreError> {
        self.writer.change(CompleteSetup(admin.clone())).await
    }
}

impl SqliteStore {
    async fn set_field(&self, name: &str, field: Field) -> Result<(), AccessError> {
        let name = name.to_owned();
        let changed = self.writer.change(SetField { name, field }).await?;
        if changed { Ok(()) } else { Err(AccessError::Unknown) }
    }

    async fn read_user(&self, name: &str) -> Result<Option<User>, Failure> {
        const READ: &str = "
            SELECT id, name, email, role, password_hash, created_at, last_login, session_generation
            FROM users WHERE name_lower = ?1";
        let row = sqlx::query(READ).bind(name.to_lowercase()).fetch_optional(&self.readers).await?;
        row.as_ref().map(user).transpose()
    }

    async fn read_users(&self) -> Result<Vec<User>, Failure> {
        const READ: &str = "
            SELECT id, name, email, role, password_hash, created_at, last_login, session_generation
            FROM users ORDER BY name_lower";
        let rows = sqlx::query(READ).fetch_all(&self.readers).await?;
        rows.iter().map(user).collect()
    }

    async fn read_key(&self, hash: &str) -> Result<Option<ApiKey>, Failure> {
        const READ: &str = "
            SELECT key.id, key.name, key.prefix, key.hash, users.name AS user, key.scopes,
                   key.created_at, key.revoked_at, key.last_used_at
            FROM api_keys AS key
            JOIN users ON users.id = key.user_id
            WHERE key.hash = ?1";
        let row = sqlx::query(READ).bind(hash.to_owned()).fetch_optional(&self.readers).await?;
        row.as_ref().map(api_key).transpose()
    }

    async fn read_keys(&self) -> Result<Vec<ApiKey>, Failure> {
        const READ: &str = "
            SELECT key.id, key.name, key.prefix, key.hash, users.name AS user, key.scopes,
                   key.created_at, key.revoked_at, key.last_used_at
            FROM api_keys AS key
            JOIN users ON users.id = key.user_id
            ORDER BY key.created_at DESC, key.id DESC";
        let rows = sqlx::query(READ).fetch_all(&self.readers).await?;
        rows.iter().map(api_key).collect()
    }

    async fn is_use_noted(&self, id: UserId, at: Timestamp) -> Result<bool, Failure> {
        const READ: &str = "SELECT EXISTS (SELECT 1 FROM api_keys WHERE id = ?1 AND last_used_at >= ?2)";
        let noted = sqlx::query_scalar(READ).bind(id.to_string()).bind(at.as_micros());
        Ok(noted.fetch_one(&self.readers).await?)
    }
}

fn user(row: &SqliteRow) -> Result<User, Failure> {
    Ok(User {
        id: parsed(row, "id")?,
        name: row.try_get("name")?,
        email: row.try_get("email")?,
        role: row.try_get("role")?,
        password_hash: row.try_get("password_hash")?,
        created_at: time(row, "created_at")?,
        last_login: time_if_any(row, "last_login")?,
        session_generation: row.try_get("session_generation")?,
    })
}

fn api_key(row: &SqliteRow) -> Result<ApiKey, Failure> {
    Ok(ApiKey {
        id: parsed(row, "id")?,
        name: row.try_get("name")?,
        prefix: row.try_get("prefix")?,
        hash: row.try_get("hash")?,
        user: row.try_get("user")?,
        scopes: json(row, "scopes")?,
        created_at: time(row, "created_at")?,
        revoked_at: time_if_any(row, "revoked_at")?,
        last_used_at: time_if_any(row, "last_used_at")?,
    })
}
