//! The store of users, API keys and settings.

use async_trait::async_trait;
use procession_domain::value::{Timestamp, UserId};

use super::StoreError;

/// The role of a user towards processes (spec 4b 1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// May do everything.
    Admin,
    /// Writes and publishes processes.
    Designer,
    /// Starts, cancels and retries executions.
    Operator,
    /// Decides approvals.
    Approver,
    /// Sees.
    Viewer,
}

/// A local user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The name they log in with, unique.
    pub name: String,
    /// The e-mail address, unique if present.
    pub email: Option<String>,
    /// The role as it was stored; [`Role::of`] maps it.
    pub role: String,
    /// The argon2 hash of the password; `None` = can't log in with one.
    pub password_hash: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last logged in.
    pub last_login: Option<Timestamp>,
    /// Counts what ended all its sessions: another password, another role, the user's wish.
    pub session_generation: u32,
}

/// A user to create.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Its id.
    pub id: UserId,
    /// The name.
    pub name: String,
    /// The email address.
    pub email: Option<String>,
    /// The stored role.
    pub role: String,
    /// The argon2 hash of the password.
    pub password_hash: Option<String>,
    /// When.
    pub created_at: Timestamp,
}

/// An API key; only its hash is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id, shown in lists.
    pub id: UserId,
    /// What it is for.
    pub name: String,
    /// Its first characters, to tell keys apart.
    pub prefix: String,
    /// The BLAKE3 hash of the key, in hexadecimal.
    pub hash: String,
    /// The user it acts for.
    pub user: String,
    /// Permissions it is limited to; empty = the user's.
    pub scopes: Vec<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the hour.
    pub last_used_at: Option<Timestamp>,
}

/// Settings kept in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// Whether the one-time set-up is done: `true`.
    SetupCompleted,
    /// Where notifications go, as JSON with secrets in it.
    Notifications,
    /// For how long things are kept, as JSON.
    Retention,
    /// Up to which event traces were exported: its number.
    TracesExported,
}

/// Why a user can't be written.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The name or the address is taken.
    #[error("a user with this name or email address already exists")]
    Taken,
    /// There is no such user or key.
    #[error("there is no such user or key")]
    Unknown,
    /// Nobody could administer the server any more. The name as it is stored.
    #[error("{0} is the only administrator; make someone else an administrator first")]
    LastAdmin(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores users, keys and settings.
///
/// Promises:
/// * names and addresses are unique together (compared in lower case): since approvals may name either, no user's name is
///   another's address; users are found by name in any case;
/// * a key belongs to a user that exists, and goes with it;
/// * the only administrator stays one ([`AccessError::LastAdmin`]): of several who lose that role or are removed at once, on
///   whatever nodes, one is left;
/// * another password and another role begin a new generation of the user's sessions, in the same write;
/// * [`complete_setup`](Self::complete_setup) succeeds once, also when two ask at once; a user of that name who exists
///   already gets the role and the password.
#[async_trait]
pub trait AccessStore: Send + Sync {
    /// Creates a user.
    async fn create_user(&self, user: &NewUser) -> Result<(), AccessError>;

    /// A user by name.
    async fn user(&self, name: &str) -> Result<Option<User>, StoreError>;

    /// All users, by name.
    async fn users(&self) -> Result<Vec<User>, StoreError>;

    /// Changes the stored role of a user.
    async fn set_role(&self, name: &str, role: &str) -> Result<(), AccessError>;

    /// Changes the password of a user.
    async fn set_password(&self, name: &str, hash: &str) -> Result<(), AccessError>;

    /// Notes a log-in.
    async fn logged_in(&self, name: &str, at: Timestamp) -> Result<(), StoreError>;

    /// Removes a user and its keys.
    async fn remove_user(&self, name: &str) -> Result<(), AccessError>;

    /// Begins a new generation of a user's sessions.
    async fn end_sessions(&self, name: &str) -> Result<(), AccessError>;

    /// Notes the end of the session of a token with this hash; it is kept until the token ends itself. Those whose tokens
    /// have ended by `now` are forgotten.
    async fn end_session(&self, token: &[u8; 32], until: Option<Timestamp>, now: Timestamp) -> Result<(), StoreError>;

    /// Whether the session of a token was ended.
    async fn is_session_ended(&self, token: &[u8; 32]) -> Result<bool, StoreError>;

    /// Writes a new key.
    async fn create_key(&self, key: &ApiKey) -> Result<(), AccessError>;

    /// A key by its hash, revoked ones too.
    async fn key(&self, hash: &str) -> Result<Option<ApiKey>, StoreError>;

    /// All keys, newest first.
    async fn keys(&self) -> Result<Vec<ApiKey>, StoreError>;

    /// Revokes a key.
    async fn revoke_key(&self, id: UserId, at: Timestamp) -> Result<(), AccessError>;

    /// Notes a key's use.
    async fn key_used(&self, id: UserId, at: Timestamp) -> Result<(), StoreError>;

    /// A setting's value.
    async fn setting(&self, setting: Setting) -> Result<Option<String>, StoreError>;

    /// Gives a setting a value, in the place of the one it has.
    async fn set_setting(&self, setting: Setting, value: &str) -> Result<(), StoreError>;

    /// Does the one-time set-up: writes the user `admin` with this password and the setting. `false` if it was done.
    async fn complete_setup(&self, admin: &NewUser) -> Result<bool, StoreError>;
}

impl Role {
    /// The names that roles have where people are named, such as in `role:approver`.
    pub const NAMES: [&'static str; 10] = [
        "admin",
        "process_admin",
        "process_designer",
        "designer",
        "process_operator",
        "operator",
        "process_approver",
        "approver",
        "process_viewer",
        "viewer",
    ];

    /// The texts under which administrators are stored.
    pub const OF_ADMINS: [&'static str; 2] = ["admin", "process_admin"];

    /// The role that a stored text means; unknown texts mean the least.
    pub fn of(stored: &str) -> Self {
        match stored {
            "admin" | "process_admin" => Self::Admin,
            "process_designer" | "designer" => Self::Designer,
            "process_operator" | "operator" | "user" => Self::Operator,
            "process_approver" | "approver" => Self::Approver,
            _ => Self::Viewer,
        }
    }

    /// The role's name in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "process_admin",
            Self::Designer => "process_designer",
            Self::Operator => "process_operator",
            Self::Approver => "process_approver",
            Self::Viewer => "process_viewer",
        }
    }
}

impl From<NewUser> for User {
    fn from(new: NewUser) -> Self {
        let NewUser { id, name, email, role, password_hash, created_at } = new;
        Self { id, name, email, role, password_hash, created_at, last_login: None, session_generation: 0 }
    }
}

impl ApiKey {
    /// The time of a use as it is kept: the hour, so that not every request is a write.
    pub fn time_of_use(at: Timestamp) -> Timestamp {
        const HOUR: i64 = 3_600_000_000;
        Timestamp::from_micros(at.as_micros().div_euclid(HOUR) * HOUR)
    }
}

impl Setting {
    /// The setting's name in stores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SetupCompleted => "setup_completed",
            Self::Notifications => "notifications",
            Self::Retention => "retention",
            Self::TracesExported => "traces_exported",
        }
    }
}
