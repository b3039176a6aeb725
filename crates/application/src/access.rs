//! Who may do what: users, passwords, API keys, permissions (spec 4, auth; 4b 1.4).

mod passwords;
mod permissions;
mod throttle;

use std::{str::FromStr as _, sync::Arc};

use procession_domain::{
    approval::Voter,
    value::{Duration, UserId},
};

pub use passwords::PasswordError;
pub use permissions::{Permission, Principal};
use throttle::Throttle;
use tokio::sync::{Mutex, Semaphore};

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
    /// Places for passwords that are being checked.
    checks: Arc<Semaphore>,
    /// Taken while a user's rights shrink, so that two administrators can't remove each other at once.
    shrinking: Arc<Mutex<()>>,
}

/// How many passwords are checked at once: each check takes memory and time on purpose, and guesses that come all at once
/// must be counted before the next ones are looked at.
const MOST_CHECKS: usize = 4;

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
    /// The address does not do.
    #[error("`{0}` is no e-mail address")]
    BadEmail(String),
    /// Nobody could administer the server any more.
    #[error("{0} is the only administrator; make someone else one first")]
    LastAdmin(String),
    /// The name of a key does not do.
    #[error("an API key's name has 1 to 128 characters, without control characters")]
    BadKeyName,
    /// A key can't be limited to this.
    #[error("`{0}` is no permission that an API key can be limited to, such as `execution:trigger`")]
    UnknownScope(String),
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
        Self {
            ports,
            throttle: Throttle::default(),
            settings,
            checks: Arc::new(Semaphore::new(MOST_CHECKS)),
            shrinking: Arc::default(),
        }
    }

    /// Whether the one-time set-up is done.
    ///
    /// An administrator that can log in, added on the command line, counts as that: nobody may claim `admin` after it.
    pub async fn is_set_up(&self) -> Result<bool, StoreError> {
        if self.ports.access.setting(Setting::SetupCompleted).await?.as_deref() == Some("true") {
            return Ok(true);
        }
        let users = self.ports.access.users().await?;
        Ok(users.iter().any(|user| Role::of(&user.role) == Role::Admin && user.password_hash.is_some()))
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
        // The semaphore is never closed; without a place the check would only be less orderly.
        let _place = self.checks.acquire().await.ok();
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
        email.as_deref().map_or(Ok(()), check_email)?;
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

    /// A user by name.
    pub async fn user(&self, name: &str) -> Result<User, AccessFailure> {
        Ok(self.ports.access.user(name).await?.ok_or(AccessError::Unknown)?)
    }

    /// All users.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        self.ports.access.users().await
    }

    /// Changes a user's role.
    pub async fn set_role(&self, name: &str, role: &str) -> Result<(), AccessFailure> {
        check_role(role)?;
        let _shrinking = self.shrinking.lock().await;
        if Role::of(role) != Role::Admin {
            self.check_not_last_admin(name).await?;
        }
        Ok(self.ports.access.set_role(name, role).await?)
    }

    /// Changes a user's password.
    pub async fn set_password(&self, name: &str, password: &str) -> Result<(), AccessFailure> {
        let hash = passwords::hash(password).await?;
        Ok(self.ports.access.set_password(name, &hash).await?)
    }

    /// Removes a user and its keys.
    pub async fn remove_user(&self, name: &str) -> Result<(), AccessFailure> {
        let _shrinking = self.shrinking.lock().await;
        self.check_not_last_admin(name).await?;
        Ok(self.ports.access.remove_user(name).await?)
    }

    async fn check_not_last_admin(&self, name: &str) -> Result<(), AccessFailure> {
        let user = self.user(name).await?;
        let users = self.ports.access.users().await?;
        let is_admin = |user: &User| Role::of(&user.role) == Role::Admin;
        let others = users.iter().any(|other| other.id != user.id && is_admin(other));
        if is_admin(&user) && !others { Err(AccessFailure::LastAdmin(user.name)) } else { Ok(()) }
    }

    /// Makes an API key for a user. The key itself is returned once and never stored.
    pub async fn create_key(
        &self,
        user: &str,
        name: &str,
        scopes: Vec<String>,
    ) -> Result<(String, ApiKey), AccessFailure> {
        if name.trim().is_empty() || name.chars().count() > 128 || name.chars().any(char::is_control) {
            return Err(AccessFailure::BadKeyName);
        }
        if let Some(unknown) = scopes.iter().find(|scope| Permission::from_str(scope).is_err()) {
            return Err(AccessFailure::UnknownScope(unknown.clone()));
        }
        let user = self.user(user).await?;
        let key = format!("{KEY_PREFIX}{}", passwords::random_text(32));
        let stored = ApiKey {
            id: UserId::new(self.ports.ids.new_id()),
            name: name.to_owned(),
            prefix: key.chars().take(SHOWN_PREFIX).collect(),
            hash: hash_key(&key),
            user: user.name,
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

/// Only what surely is none is refused: whether an address works, a mail to it tells.
fn check_email(email: &str) -> Result<(), AccessFailure> {
    let has_both_parts = email.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
    let fits = has_both_parts && email.len() <= 254 && !email.chars().any(|c| c.is_whitespace() || c.is_control());
    if fits { Ok(()) } else { Err(AccessFailure::BadEmail(email.chars().take(64).collect())) }
}

fn check_role(role: &str) -> Result<(), AccessFailure> {
    let known = Role::of(role) != Role::Viewer || matches!(role, "viewer" | "process_viewer");
    if known { Ok(()) } else { Err(AccessFailure::UnknownRole(role.to_owned())) }
}
