//! Who may do what: users, passwords, API keys, permissions (spec 4, auth; 4b 1.4).

mod names;
mod passwords;
mod permissions;
mod principal;
mod sessions;
mod table;
mod throttle;

use std::{str::FromStr as _, sync::Arc};

use procession_domain::value::{Duration, UserId};
use tokio::sync::watch;

pub use names::NameError;
pub use passwords::PasswordError;
use passwords::Passwords;
pub use permissions::{Permission, Reach};
pub use principal::{Principal, Via};
pub use sessions::{SessionMark, SessionToken};
pub use table::{Forbidden, Kind, Need, Rule, Sight, UseCase};
use throttle::{Caller, Throttle};

use crate::{
    audit::{self, Unprincipled},
    door::Door,
    ports::{AccessError, AccessStore, ApiKey, Clock, IdGenerator, NewUser, Role, Setting, StoreError, User},
};

/// How API keys of ours begin.
pub const KEY_PREFIX: &str = "procession_";

/// How much of a key its list shows.
const SHOWN_PREFIX: usize = KEY_PREFIX.len() + 6;

/// The service for users and their rights.
#[derive(Clone)]
pub struct Access {
    store: Arc<dyn AccessStore>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    door: Door,
    throttle: Throttle,
    settings: AccessSettings,
    passwords: Passwords,
    /// Counts the changes of anyone's rights.
    changes: watch::Sender<u64>,
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
    /// Too many failed attempts from one address, or at one account.
    #[error("Too many login attempts. Try again in {} seconds.", .0.as_secs().max(1))]
    TooManyAttempts(Duration),
    /// The one-time set-up is done.
    #[error("Setup already completed. Password cannot be changed through this endpoint.")]
    SetupDone,
    /// The password does not do.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The role is none.
    #[error("`{0}` is not a role: use admin, designer, operator, approver, viewer or user")]
    UnknownRole(String),
    /// The name does not do.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The address does not do.
    #[error("`{0}` is not a valid email address")]
    BadEmail(String),
    /// Nobody could administer the server any more.
    #[error("{0} is the only administrator; make someone else an administrator first")]
    LastAdmin(String),
    /// The name of a key does not do.
    #[error("an API key's name must have 1 to 128 characters and no control characters")]
    BadKeyName,
    /// A key can't be limited to this.
    #[error("`{0}` is not a permission that an API key can be limited to, such as `execution:trigger`")]
    UnknownScope(String),
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The store refused it.
    #[error(transparent)]
    Store(AccessError),
}

impl From<AccessError> for AccessFailure {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::LastAdmin(name) => Self::LastAdmin(name),
            other @ (AccessError::Taken | AccessError::Unknown | AccessError::Store(_)) => Self::Store(other),
        }
    }
}

impl From<StoreError> for AccessFailure {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

impl Access {
    /// The service.
    pub fn new(
        store: Arc<dyn AccessStore>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
        door: Door,
        settings: AccessSettings,
    ) -> Self {
        Self {
            store,
            clock,
            ids,
            door,
            throttle: Throttle::default(),
            settings,
            passwords: Passwords::default(),
            changes: watch::Sender::new(0),
        }
    }

    /// Whether the one-time set-up is done.
    ///
    /// An administrator that can log in, added on the command line, counts as that: nobody may claim `admin` after it.
    pub async fn is_set_up(&self) -> Result<bool, StoreError> {
        if self.store.setting(Setting::SetupCompleted).await?.as_deref() == Some("true") {
            return Ok(true);
        }
        let users = self.store.users().await?;
        Ok(users.iter().any(|user| Role::of(&user.role) == Role::Admin && user.password_hash.is_some()))
    }

    /// Does the one-time set-up: the user `admin` gets this password.
    pub async fn set_up(&self, password: &str) -> Result<(), AccessFailure> {
        let (this, password) = (self.clone(), password.to_owned());
        let set_up = async move {
            if this.is_set_up().await? {
                return Err(AccessFailure::SetupDone);
            }
            let admin = this.new_user("admin", "admin", None, Some(&password)).await?;
            let is_first = this.store.complete_setup(&admin).await?;
            this.rights_have_changed();
            if !is_first {
                return Err(AccessFailure::SetupDone);
            }
            let done = Unprincipled { action: "setup.complete", user: Some("admin"), address: None, refused: None };
            this.door.write_down(done).await;
            Ok(())
        };
        self.door.carry_through(set_up).await
    }

    /// The same with a password that the operator has configured; that it is refused is written down.
    pub async fn set_up_as_configured(&self, password: &str) -> Result<(), AccessFailure> {
        let outcome = self.set_up(password).await;
        if let Err(failure) = &outcome {
            let (user, refused) = (Some("admin"), Some(failure.to_string()));
            self.door.write_down(Unprincipled { action: "setup.complete", user, address: None, refused }).await;
        }
        outcome
    }

    /// Checks a password. Failed attempts are counted by the caller's address and by the account (spec 4b 2.2); who is
    /// asked for makes no difference to the work and its time.
    ///
    /// It goes on when the caller hangs up, so that hashes of those who do are counted among the few at work.
    pub async fn log_in(&self, name: &str, password: &str, address: &str) -> Result<User, AccessFailure> {
        let this = self.clone();
        let (name, password, address) = (name.to_owned(), password.to_owned(), address.to_owned());
        self.door.carry_through(async move { this.check_log_in(&name, &password, &address).await }).await
    }

    async fn check_log_in(&self, name: &str, password: &str, address: &str) -> Result<User, AccessFailure> {
        if !self.is_set_up().await? && self.store.users().await?.is_empty() {
            return Err(AccessFailure::SetupRequired);
        }
        let caller = Caller::new(address, name);
        // Who must wait anyway takes nobody's place.
        if let Some(wait) = self.throttle.wait(&caller, self.clock.now()) {
            return Err(AccessFailure::TooManyAttempts(wait));
        }
        let place = self.passwords.place().await?;
        let now = self.clock.now();
        let attempt = self.throttle.begin(caller, now).map_err(AccessFailure::TooManyAttempts)?;
        let user = self.store.user(name).await?;
        let hash = user.as_ref().and_then(|user| user.password_hash.clone());
        let fits = place.fits(password, hash).await;
        // Who must wait is not written down: their number has no bound, and what made them wait is there.
        let told = Unprincipled {
            action: "session.begin",
            user: user.as_ref().map(|user| user.name.as_str()),
            address: Some(address),
            refused: (!fits).then(|| AccessFailure::WrongPassword.to_string()),
        };
        self.door.write_down(told).await;
        let Some(user) = user.filter(|_| fits) else { return Err(AccessFailure::WrongPassword) };
        attempt.succeeded(now);
        self.store.logged_in(&user.name, now).await?;
        Ok(user)
    }

    /// A user, with what they may do.
    pub async fn principal(&self, name: &str) -> Result<Option<Principal>, StoreError> {
        let user = self.store.user(name).await?;
        Ok(user.map(|user| self.principal_of(&user, Via::Session)))
    }

    /// The user for whom an API key acts, with what it may do.
    pub async fn principal_of_key(&self, key: &str) -> Result<Option<Principal>, StoreError> {
        if !key.starts_with(KEY_PREFIX) {
            return Ok(None);
        }
        let Some(key) = self.store.key(&hash_key(key)).await?.filter(|key| key.revoked_at.is_none()) else {
            return Ok(None);
        };
        let now = self.clock.now();
        if key.last_used_at.is_none_or(|last| now.since(last) >= Duration::from_secs(3_600)) {
            self.store.key_used(key.id, now).await?;
        }
        let user = self.store.user(&key.user).await?;
        Ok(user.map(|user| self.principal_of(&user, Via::Key(key.id)).limited_to(&key.scopes)))
    }

    /// A number that is another one as soon as anyone's rights have changed through this service, so that what was looked
    /// up before is not believed any more.
    pub fn revision(&self) -> u64 {
        *self.changes.borrow()
    }

    /// Tells of each such change as it happens.
    pub fn revisions(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Creates a user; without a password it can't log in with one.
    pub async fn create_user(
        &self,
        by: &Principal,
        name: &str,
        role: &str,
        email: Option<String>,
        password: Option<&str>,
    ) -> Result<User, AccessFailure> {
        let this = self.clone();
        let (name, role, password) = (name.to_owned(), role.to_owned(), password.map(str::to_owned));
        let create = async move {
            audit::about(&name);
            names::check(&name)?;
            names::check_looks(&name, &this.store.users().await?)?;
            check_role(&role)?;
            email.as_deref().map_or(Ok(()), check_email)?;
            let user = this.new_user(&name, &role, email, password.as_deref()).await?;
            this.store.create_user(&user).await?;
            Ok(user.into())
        };
        self.door.change(by, UseCase::CreateUser, create).await
    }

    /// A user by name.
    pub async fn user(&self, by: &Principal, name: &str) -> Result<User, AccessFailure> {
        by.check(UseCase::ReadUsers)?;
        self.known_user(name).await
    }

    /// All users.
    pub async fn users(&self, by: &Principal) -> Result<Vec<User>, AccessFailure> {
        by.check(UseCase::ReadUsers)?;
        Ok(self.store.users().await?)
    }

    /// Changes a user's role. The user afterwards.
    pub async fn set_role(&self, by: &Principal, name: &str, role: &str) -> Result<User, AccessFailure> {
        let (this, name, role) = (self.clone(), name.to_owned(), role.to_owned());
        let set = async move {
            audit::about(&name);
            check_role(&role)?;
            this.store.set_role(&name, &role).await?;
            this.rights_have_changed();
            this.known_user(&name).await
        };
        self.door.change(by, UseCase::ChangeRole, set).await
    }

    /// Changes a user's password.
    pub async fn set_password(&self, by: &Principal, name: &str, password: &str) -> Result<(), AccessFailure> {
        let (this, name, password) = (self.clone(), name.to_owned(), password.to_owned());
        let set = async move {
            audit::about(&name);
            let user = this.known_user(&name).await?;
            let called = [Some(user.name.as_str()), user.email.as_deref()];
            let hash = this.passwords.hash(&password, &called.into_iter().flatten().collect::<Vec<_>>()).await?;
            this.store.set_password(&name, &hash).await?;
            this.rights_have_changed();
            Ok(())
        };
        self.door.change(by, UseCase::ChangePassword, set).await
    }

    /// Removes a user and its keys.
    pub async fn remove_user(&self, by: &Principal, name: &str) -> Result<(), AccessFailure> {
        let (this, name) = (self.clone(), name.to_owned());
        let remove = async move {
            audit::about(&name);
            this.store.remove_user(&name).await?;
            this.rights_have_changed();
            Ok(())
        };
        self.door.change(by, UseCase::RemoveUser, remove).await
    }

    /// Makes an API key for a user. The key itself is returned once and never stored.
    pub async fn create_key(
        &self,
        by: &Principal,
        user: &str,
        name: &str,
        scopes: Vec<String>,
    ) -> Result<(String, ApiKey), AccessFailure> {
        let (this, user, name) = (self.clone(), user.to_owned(), name.to_owned());
        let create = async move {
            if name.trim().is_empty() || name.chars().count() > 128 || name.chars().any(char::is_control) {
                return Err(AccessFailure::BadKeyName);
            }
            if let Some(unknown) = scopes.iter().find(|scope| Permission::from_str(scope).is_err()) {
                return Err(AccessFailure::UnknownScope(unknown.clone()));
            }
            let user = this.known_user(&user).await?;
            let key = format!("{KEY_PREFIX}{}", passwords::random_text(32));
            let stored = ApiKey {
                id: UserId::new(this.ids.new_id()),
                name,
                prefix: key.chars().take(SHOWN_PREFIX).collect(),
                hash: hash_key(&key),
                user: user.name,
                scopes,
                created_at: this.clock.now(),
                revoked_at: None,
                last_used_at: None,
            };
            audit::about_named(&stored.id, &stored.name);
            this.store.create_key(&stored).await?;
            Ok((key, stored))
        };
        self.door.change(by, UseCase::CreateKey, create).await
    }

    /// All API keys.
    pub async fn keys(&self, by: &Principal) -> Result<Vec<ApiKey>, AccessFailure> {
        by.check(UseCase::ReadKeys)?;
        Ok(self.store.keys().await?)
    }

    /// Revokes an API key.
    pub async fn revoke_key(&self, by: &Principal, id: UserId) -> Result<(), AccessFailure> {
        let this = self.clone();
        let revoke = async move {
            audit::about(&id);
            this.store.revoke_key(id, this.clock.now()).await?;
            this.rights_have_changed();
            Ok(())
        };
        self.door.change(by, UseCase::RevokeKey, revoke).await
    }

    fn principal_of(&self, user: &User, via: Via) -> Principal {
        Principal::of_user(user, user.role == "user" && self.settings.users_write_processes, via)
    }

    fn rights_have_changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    async fn new_user(
        &self,
        name: &str,
        role: &str,
        email: Option<String>,
        password: Option<&str>,
    ) -> Result<NewUser, AccessFailure> {
        let password_hash = match password {
            Some(password) => {
                let called: Vec<&str> = [Some(name), email.as_deref()].into_iter().flatten().collect();
                Some(self.passwords.hash(password, &called).await?)
            }
            None => None,
        };
        Ok(NewUser {
            id: UserId::new(self.ids.new_id()),
            name: name.to_owned(),
            email,
            role: role.to_owned(),
            password_hash,
            created_at: self.clock.now(),
        })
    }

    async fn known_user(&self, name: &str) -> Result<User, AccessFailure> {
        Ok(self.store.user(name).await?.ok_or(AccessError::Unknown)?)
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

fn hash_key(key: &str) -> String {
    blake3::hash(key.as_bytes()).to_hex().to_string()
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
