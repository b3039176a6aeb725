//! Changes of users and settings. Names and addresses are unique together, in lower case, since approvals may name either.

use procession_application::ports::{AccessError, NewUser, Role, Setting};
use procession_domain::value::Timestamp;
use rusqlite::{Connection, OptionalExtension};

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
    NewSessions,
}

/// Another role for a user.
pub(crate) struct SetRole {
    pub name: String,
    pub role: String,
}

/// The removal of a user, with its keys.
pub(crate) struct RemoveUser(pub String);

/// The end of one session.
pub(crate) struct EndSession {
    pub token: [u8; 32],
    pub until: Option<Timestamp>,
    pub now: Timestamp,
}

/// A new value of a setting.
pub(crate) struct SetSetting {
    pub setting: Setting,
    pub value: String,
}

/// The one-time set-up.
pub(crate) struct CompleteSetup(pub NewUser);

impl Change for CreateUser {
    type Outcome = Result<(), AccessError>;

    fn apply(&self, connection: &Connection) -> Result<Self::Outcome, Failure> {
        const TAKEN: &str = "
            SELECT EXISTS (
                SELECT 1 FROM users
                WHERE name_lower IN (?1, ?2) OR email_lower IN (?1, ?2))";
        let names = (self.0.name.to_lowercase(), self.0.email.as_ref().map(|email| email.to_lowercase()));
        let taken: bool = connection.prepare_cached(TAKEN)?.query_row(names, |row| row.get(0))?;
        if taken {
            return Ok(Err(AccessError::Taken));
        }
        insert(&self.0, connection)?;
        Ok(Ok(()))
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        outcome.is_ok()
    }
}

impl Change for SetField {
    type Outcome = bool;

    fn apply(&self, connection: &Connection) -> Result<bool, Failure> {
        const PASSWORD_HASH: &str = "
            UPDATE users SET password_hash = ?2, session_generation = session_generation + 1 WHERE name_lower = ?1";
        const NEW_SESSIONS: &str = "UPDATE users SET session_generation = session_generation + 1 WHERE name_lower = ?1";
        const LAST_LOGIN: &str = "UPDATE users SET last_login = ?2 WHERE name_lower = ?1";
        let name = self.name.to_lowercase();
        let updated = match &self.field {
            Field::PasswordHash(hash) => connection.prepare_cached(PASSWORD_HASH)?.execute((name, hash)),
            Field::LastLogin(at) => connection.prepare_cached(LAST_LOGIN)?.execute((name, at.as_micros())),
            Field::NewSessions => connection.prepare_cached(NEW_SESSIONS)?.execute([name]),
        };
        Ok(updated? > 0)
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        *outcome
    }
}

impl Change for SetRole {
    type Outcome = Result<(), AccessError>;

    fn apply(&self, connection: &Connection) -> Result<Self::Outcome, Failure> {
        const SET: &str = "
            UPDATE users SET role = ?2, session_generation = session_generation + (role <> ?2) WHERE name_lower = ?1";
        if Role::of(&self.role) != Role::Admin
            && let Some(only) = only_admin(&self.name, connection)?
        {
            return Ok(Err(AccessError::LastAdmin(only)));
        }
        let set = connection.prepare_cached(SET)?.execute((self.name.to_lowercase(), &self.role))?;
        Ok(if set > 0 { Ok(()) } else { Err(AccessError::Unknown) })
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        outcome.is_ok()
    }
}

impl Change for RemoveUser {
    type Outcome = Result<(), AccessError>;

    fn apply(&self, connection: &Connection) -> Result<Self::Outcome, Failure> {
        const REMOVE: &str = "DELETE FROM users WHERE name_lower = ?1";
        if let Some(only) = only_admin(&self.0, connection)? {
            return Ok(Err(AccessError::LastAdmin(only)));
        }
        let removed = connection.prepare_cached(REMOVE)?.execute([self.0.to_lowercase()])?;
        Ok(if removed > 0 { Ok(()) } else { Err(AccessError::Unknown) })
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        outcome.is_ok()
    }
}

impl Change for EndSession {
    type Outcome = ();

    fn apply(&self, connection: &Connection) -> Result<(), Failure> {
        const FORGET: &str = "DELETE FROM ended_sessions WHERE until <= ?1";
        const NOTE: &str = "INSERT INTO ended_sessions (token, until) VALUES (?1, ?2) ON CONFLICT (token) DO NOTHING";
        connection.prepare_cached(FORGET)?.execute([self.now.as_micros()])?;
        let until = self.until.map(Timestamp::as_micros);
        connection.prepare_cached(NOTE)?.execute((self.token.as_slice(), until))?;
        Ok(())
    }

    fn is_done((): &()) -> bool {
        true
    }
}

impl Change for SetSetting {
    type Outcome = ();

    fn apply(&self, connection: &Connection) -> Result<(), Failure> {
        const SET: &str = "
            INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        connection.prepare_cached(SET)?.execute((self.setting.name(), &self.value))?;
        Ok(())
    }

    fn is_done((): &()) -> bool {
        true
    }
}

impl Change for CompleteSetup {
    type Outcome = bool;

    fn apply(&self, connection: &Connection) -> Result<bool, Failure> {
        const NOTE: &str = "INSERT INTO settings (name, value) VALUES (?1, 'true') ON CONFLICT (name) DO NOTHING";
        const PROMOTE: &str = "
            UPDATE users SET role = ?2, password_hash = ?3, session_generation = session_generation + 1
            WHERE name_lower = ?1";
        if connection.prepare_cached(NOTE)?.execute([Setting::SetupCompleted.name()])? == 0 {
            return Ok(false);
        }
        let admin = (self.0.name.to_lowercase(), &self.0.role, &self.0.password_hash);
        if connection.prepare_cached(PROMOTE)?.execute(admin)? == 0 {
            insert(&self.0, connection)?;
        }
        Ok(true)
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        *outcome
    }
}

/// The stored name of this user, if nobody else is an administrator.
fn only_admin(name: &str, connection: &Connection) -> Result<Option<String>, Failure> {
    const READ: &str = "
        SELECT name FROM users
        WHERE name_lower = ?1 AND role IN (?2, ?3)
          AND NOT EXISTS (SELECT 1 FROM users WHERE name_lower <> ?1 AND role IN (?2, ?3))";
    let [admin, process_admin] = Role::OF_ADMINS;
    let asked = (name.to_lowercase(), admin, process_admin);
    Ok(connection.prepare_cached(READ)?.query_row(asked, |row| row.get(0)).optional()?)
}

fn insert(user: &NewUser, connection: &Connection) -> Result<(), Failure> {
    const INSERT: &str = "
        INSERT INTO users (id, name, name_lower, email, email_lower, role, password_hash, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    connection.prepare_cached(INSERT)?.execute(rusqlite::params![
        user.id.to_string(),
        user.name,
        user.name.to_lowercase(),
        user.email,
        user.email.as_ref().map(|email| email.to_lowercase()),
        user.role,
        user.password_hash,
        user.created_at.as_micros(),
    ])?;
    Ok(())
}
