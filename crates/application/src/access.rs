//! Who may do what: users, passwords, API keys, permissions (spec 4, auth; 4b 1.4).

mod passwords;
mod permissions;
mod throttle;

use procession_domain::{
    approval::Voter,
    value::{Duration, UserId},
};

pub use passwords::PasswordError;
pub use permissions::{Permission, Principal};
use throttle::Throttle;

use crate::ports::{AccessError, ApiKey, NewUser, Ports, Role, Setting, StoreError, User};

/// How API keys of ours begin.
pub const KEY_PREFIX: &str = "procession_";

/// How much of a key its list shows.
const SHOWN_PREFIX: usize = KEY_PREFIX.len() + 6;

/// The service for users and their rights.
#[derive(Clone)]
pub struct Access {
    ports: Ports,
    throttle: Throttle,
    settings: AccessSettings,
}

/// Settings of access.
#[derive(Debug, Clone, Default)]
pub struct AccessSettings {
    /// Whether the stored role `user` may also write processes (`auth.user_role: designer`).
    pub users_write_processes: bool,
}

/// Why someone is not let in, or a user can't be written.
#[derive(Debug, thiserror::Error)]
pub enum AccessFailure {
    /// No administrator has been set up yet.
    #[error("setup_required")]
    SetupRequired,
    /// Wrong name or password.
    #[error("Incorrect username or password")]
    WrongPassword,
    /// Too many failed attempts from one address.
    #[error("Too many login attempts. Try again in {} seconds.", .0.as_secs().max(1))]
    TooManyAttempts(Duration),
    /// The one-time set-up is done.
    #[error("Setup already completed. Password cannot be changed through this endpoint.")]
    SetupDone,
    /// The password does not do.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The role is none.
    #[error("`{0}` is no role: use admin, designer, operator, approver, viewer or user")]
    UnknownRole(String),
    /// The name does not do.
    #[error("a user name has 1 to 128 characters, without spaces at its ends and control characters")]
    BadName,
    /// The store refused it.
    #[error(transparent)]
    Store(#[from] AccessError),
}

impl From<StoreError> for AccessFailure {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

impl Access {
    /// The service.
    pub fn new(ports: Ports, settings: AccessSettings) -> Self {
        Self { ports, throttle: Throttle::default(), settings }
    }

    /// Whether the one-time set-up is done.
    pub async fn is_set_up(&self) -> Result<bool, StoreError> {
        Ok(self.ports.access.setting(Setting::SetupCompleted).await?.as_deref() == Some("true"))
    }

    /// Does the one-time set-up: the user `admin` gets this password.
    pub async fn set_up(&self, password: &str) -> Result<(), AccessFailure> {
        if self.is_set_up().await? {
            return Err(AccessFailure::SetupDone);
        }
        let admin = NewUser {
            id: UserId::new(self.ports.ids.new_id()),
            name: "admin".into(),
            email: None,
            role: "admin".into(),
            password_hash: Some(passwords::hash(password).await?),
            created_at: self.ports.clock.now(),
        };
        if self.ports.access.complete_setup(&admin).await? { Ok(()) } else { Err(AccessFailure::SetupDone) }
    }

    /// Checks a password. Failed attempts are counted by the caller's address (spec 4b 2.2).
    pub async fn log_in(&self, name: &str, password: &str, address: &str) -> Result<User, AccessFailure> {
        if !self.is_set_up().await? && self.ports.access.users().await?.is_empty() {
            return Err(AccessFailure::SetupRequired);
        }
        let now = self.ports.clock.now();
        if let Some(wait) = self.throttle.wait(address, now) {
            return Err(AccessFailure::TooManyAttempts(wait));
        }
        let user = self.ports.access.user(name).await?;
        let hash = user.as_ref().and_then(|user| user.password_hash.clone());
        // A user that does not exist takes as long as one with another password.
        let fits = passwords::verify(password, hash).await;
        let Some(user) = user.filter(|_| fits) else {
            self.throttle.failed(address, now);
            return Err(AccessFailure::WrongPassword);
        };
        self.throttle.clear(address);
        self.ports.access.logged_in(&user.name, now).await?;
        Ok(user)
    }

    /// The user of a checked token, with what it may do.
    pub async fn principal(&self, name: &str) -> Result<Option<Principal>, StoreError> {
        Ok(self.ports.access.user(name).await?.map(|user| self.principal_of(&user, None)))
    }

    /// The user for whom an API key acts, with what it may do.
    pub async fn principal_of_key(&self, key: &str) -> Result<Option<Principal>, StoreError> {
        if !key.starts_with(KEY_PREFIX) {
            return Ok(None);
        }
        let Some(key) = self.ports.access.key(&hash_key(key)).await?.filter(|key| key.revoked_at.is_none()) else {
            return Ok(None);
        };
        let now = self.ports.clock.now();
        if key.last_used_at.is_none_or(|last| now.since(last) >= Duration::from_secs(3_600)) {
            self.ports.access.key_used(key.id, now).await?;
        }
        let user = self.ports.access.user(&key.user).await?;
        Ok(user.map(|user| self.principal_of(&user, Some(&key.scopes))))
    }

    fn principal_of(&self, user: &User, scopes: Option<&Vec<String>>) -> Principal {
        let writes = user.role == "user" && self.settings.users_write_processes;
        Principal::new(user, writes, scopes.filter(|scopes| !scopes.is_empty()).map(Vec::as_slice))
    }

    /// Creates a user; without a password it can't log in with one.
    pub async fn create_user(
        &self,
        name: &str,
        role: &str,
        email: Option<String>,
        password: Option<&str>,
    ) -> Result<(), AccessFailure> {
        check_name(name)?;
        check_role(role)?;
        let password_hash = match password {
            Some(password) => Some(passwords::hash(password).await?),
            None => None,
        };
        let user = NewUser {
            id: UserId::new(self.ports.ids.new_id()),
            name: name.to_owned(),
            email,
            role: role.to_owned(),
            password_hash,
            created_at: self.ports.clock.now(),
        };
        Ok(self.ports.access.create_user(&user).await?)
    }

    /// All users.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        self.ports.access.users().await
    }

    /// Changes a user's role.
    pub async fn set_role(&self, name: &str, role: &str) -> Result<(), AccessFailure> {
        check_role(role)?;
        Ok(self.ports.access.set_role(name, role).await?)
    }

    /// Changes a user's password.
    pub async fn set_password(&self, name: &str, password: &str) -> Result<(), AccessFailure> {
        let hash = passwords::hash(password).await?;
        Ok(self.ports.access.set_password(name, &hash).await?)
    }

    /// Removes a user and its keys.
    pub async fn remove_user(&self, name: &str) -> Result<(), AccessFailure> {
        Ok(self.ports.access.remove_user(name).await?)
    }

    /// Makes an API key for a user. The key itself is returned once and never stored.
    pub async fn create_key(
        &self,
        user: &str,
        name: &str,
        scopes: Vec<String>,
    ) -> Result<(String, ApiKey), AccessFailure> {
        if self.ports.access.user(user).await?.is_none() {
            return Err(AccessError::Unknown.into());
        }
        let key = format!("{KEY_PREFIX}{}", passwords::random_text(32));
        let stored = ApiKey {
            id: UserId::new(self.ports.ids.new_id()),
            name: name.to_owned(),
            prefix: key.chars().take(SHOWN_PREFIX).collect(),
            hash: hash_key(&key),
            user: user.to_owned(),
            scopes,
            created_at: self.ports.clock.now(),
            revoked_at: None,
            last_used_at: None,
        };
        self.ports.access.create_key(&stored).await?;
        Ok((key, stored))
    }

    /// All API keys.
    pub async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        self.ports.access.keys().await
    }

    /// Revokes an API key.
    pub async fn revoke_key(&self, id: UserId) -> Result<(), AccessFailure> {
        Ok(self.ports.access.revoke_key(id, self.ports.clock.now()).await?)
    }
}

/// A one-time password that people can type: about 100 bits.
pub fn one_time_password() -> String {
    passwords::random_text(13)
}

/// A secret key of 256 bits, as text.
pub fn random_secret() -> String {
    passwords::random_text(32)
}

impl Principal {
    /// The person as approvals see one.
    pub fn voter(&self) -> Voter {
        Voter {
            name: self.name().to_owned(),
            email: self.email().map(str::to_owned),
            roles: vec![self.stored_role().to_owned(), self.role().as_str().to_owned()],
            is_admin: self.role() == Role::Admin,
            may_decide: self.may(Permission::ApprovalDecide),
        }
    }
}

fn hash_key(key: &str) -> String {
    blake3::hash(key.as_bytes()).to_hex().to_string()
}

fn check_name(name: &str) -> Result<(), AccessFailure> {
    let fits =
        !name.is_empty() && name.chars().count() <= 128 && name.trim() == name && !name.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(AccessFailure::BadName) }
}

fn check_role(role: &str) -> Result<(), AccessFailure> {
    let known = Role::of(role) != Role::Viewer || matches!(role, "viewer" | "process_viewer");
    if known { Ok(()) } else { Err(AccessFailure::UnknownRole(role.to_owned())) }
}
