//! Changes of users and settings. Names and addresses are unique together, in lower case, since approvals may name either.

use async_trait::async_trait;
use procession_application::ports::{AccessError, NewUser, Role, Setting};
use procession_domain::value::Timestamp;
use sqlx::SqliteConnection;

use crate::{error::Failure, writer::Change};

/// A new user.
pub(crate) struct CreateUser(pub NewUser);

/// A change of one field that takes no rights.
pub(crate) struct SetField {
    pub name: String,
    pub field: Field,
}

/// A field of a user, and its new value.
pub(crate) enum Field {
    PasswordHash(String),
    LastLogin(Timestamp),
}

/// Another role for a user.
pub(crate) struct SetRole {
    pub name: String,
    pub role: String,
}

/// The removal of a user, with its keys.
pub(crate) struct RemoveUser(pub String);

/// A new value of a setting.
pub(crate) struct SetSetting {
    pub setting: Setting,
    pub value: String,
}

/// The one-time set-up.
pub(crate) struct CompleteSetup(pub NewUser);

#[async_trait]
impl Change for CreateUser {
    type Outcome = Result<(), AccessError>;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<Self::Outcome, Failure> {
        const TAKEN: &str = "
            SELECT EXISTS (
                SELECT 1 FROM users
                WHERE name_lower IN (?1, ?2) OR email_lower IN (?1, ?2))";
        let taken: bool = sqlx::query_scalar(TAKEN)
            .bind(self.0.name.to_lowercase())
            .bind(self.0.email.as_ref().map(|email| email.to_lowercase()))
            .fetch_one(&mut *connection)
            .await?;
        if taken {
            return Ok(Err(AccessError::Taken));
        }
        insert(&self.0, connection).await?;
        Ok(Ok(()))
    }
}

#[async_trait]
impl Change for SetField {
    type Outcome = bool;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<bool, Failure> {
        const PASSWORD_HASH: &str = "UPDATE users SET password_hash = ?2 WHERE name_lower = ?1";
        const LAST_LOGIN: &str = "UPDATE users SET last_login = ?2 WHERE name_lower = ?1";
        let name = self.name.to_lowercase();
        let update = match &self.field {
            Field::PasswordHash(hash) => sqlx::query(PASSWORD_HASH).bind(name).bind(hash.clone()),
            Field::LastLogin(at) => sqlx::query(LAST_LOGIN).bind(name).bind(at.as_micros()),
        };
        Ok(update.execute(connection).await?.rows_affected() > 0)
    }
}

#[async_trait]
impl Change for SetRole {
    type Outcome = Result<(), AccessError>;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<Self::Outcome, Failure> {
        const SET: &str = "UPDATE users SET role = ?2 WHERE name_lower = ?1";
        if Role::of(&self.role) != Role::Admin
            && let Some(only) = only_admin(&self.name, connection).await?
        {
            return Ok(Err(AccessError::LastAdmin(only)));
        }
        let set = sqlx::query(SET).bind(self.name.to_lowercase()).bind(self.role.clone()).execute(connection).await?;
        Ok(if set.rows_affected() > 0 { Ok(()) } else { Err(AccessError::Unknown) })
    }
}

#[async_trait]
impl Change for RemoveUser {
    type Outcome = Result<(), AccessError>;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<Self::Outcome, Failure> {
        const REMOVE: &str = "DELETE FROM users WHERE name_lower = ?1";
        if let Some(only) = only_admin(&self.0, connection).await? {
            return Ok(Err(AccessError::LastAdmin(only)));
        }
        let removed = sqlx::query(REMOVE).bind(self.0.to_lowercase()).execute(connection).await?;
        Ok(if removed.rows_affected() > 0 { Ok(()) } else { Err(AccessError::Unknown) })
    }
}

#[async_trait]
impl Change for SetSetting {
    type Outcome = ();

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<(), Failure> {
        const SET: &str = "
            INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        sqlx::query(SET).bind(self.setting.name()).bind(self.value.clone()).execute(connection).await?;
        Ok(())
    }
}

#[async_trait]
impl Change for CompleteSetup {
    type Outcome = bool;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<bool, Failure> {
        const NOTE: &str = "INSERT INTO settings (name, value) VALUES (?1, 'true') ON CONFLICT (name) DO NOTHING";
        const PROMOTE: &str = "UPDATE users SET role = ?2, password_hash = ?3 WHERE name_lower = ?1";
        let noted = sqlx::query(NOTE).bind(Setting::SetupCompleted.name()).execute(&mut *connection).await?;
        if noted.rows_affected() == 0 {
            return Ok(false);
        }
        let promoted = sqlx::query(PROMOTE)
            .bind(self.0.name.to_lowercase())
            .bind(self.0.role.clone())
            .bind(self.0.password_hash.clone())
            .execute(&mut *connection)
            .await?;
        if promoted.rows_affected() == 0 {
            insert(&self.0, connection).await?;
        }
        Ok(true)
    }
}

/// The stored name of this user, if nobody else is an administrator.
async fn only_admin(name: &str, connection: &mut SqliteConnection) -> Result<Option<String>, Failure> {
    const READ: &str = "
        SELECT name FROM users
        WHERE name_lower = ?1 AND role IN (?2, ?3)
          AND NOT EXISTS (SELECT 1 FROM users WHERE name_lower <> ?1 AND role IN (?2, ?3))";
    let [admin, process_admin] = Role::OF_ADMINS;
    let read = sqlx::query_scalar(READ).bind(name.to_lowercase()).bind(admin).bind(process_admin);
    Ok(read.fetch_optional(connection).await?)
}

async fn insert(user: &NewUser, connection: &mut SqliteConnection) -> Result<(), Failure> {
    const INSERT: &str = "
        INSERT INTO users (id, name, name_lower, email, email_lower, role, password_hash, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    sqlx::query(INSERT)
        .bind(user.id.to_string())
        .bind(user.name.clone())
        .bind(user.name.to_lowercase())
        .bind(user.email.clone())
        .bind(user.email.as_ref().map(|email| email.to_lowercase()))
        .bind(user.role.clone())
        .bind(user.password_hash.clone())
        .bind(user.created_at.as_micros())
        .execute(connection)
        .await?;
    Ok(())
}
