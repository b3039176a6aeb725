//! Where users and keys are managed: in a data folder that no server has open, or at a running server.

use clap::Args;
use procession::OpenError;
use procession_application::{
    access::{Access, AccessFailure, Principal},
    ports::{ApiKey, User},
};
use procession_domain::value::{Json, UserId};
use procession_store_sqlite::pending_migrations;
use reqwest::Method;
use serde_json::json;

use super::{
    GlobalArguments, quoted,
    remote::{Remote, entries, path_part, shown as text},
};
use crate::{
    exit::Failure,
    terminal,
    wiring::{StartError, Stores},
};

/// Where they are.
#[derive(Debug, Args)]
pub(super) struct PlaceArguments {
    /// A running server, such as http://127.0.0.1:8000, with an administrator's key in PROCESSION_API_KEY or their session
    /// of `procession login`; else the data folder, which no server may have open.
    #[arg(long, global = true, value_name = "URL")]
    server: Option<String>,
}

/// Users and keys.
pub(super) enum People {
    /// Of a data folder.
    Folder(Box<Stores>, Box<Access>),
    /// Of a running server.
    Server(Remote),
}

impl PlaceArguments {
    /// The flags that name the same place again, in a command to be pasted.
    pub fn as_flags(&self, global: &GlobalArguments) -> String {
        let server = self.server.as_ref().map(|url| format!(" --server {}", quoted(url)));
        let folder = || global.data_dir.as_ref().map(|path| format!(" --data-dir {}", quoted(path)));
        server.or_else(folder).unwrap_or_default()
    }

    /// The running server that is named.
    pub fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }
}

/// A user as lists show it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub name: String,
    pub email: Option<String>,
    pub role: String,
    pub has_password: bool,
    pub created_at: String,
    pub last_login: Option<String>,
}

/// A key as lists show it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub id: String,
    pub name: String,
    pub prefix: String,
    pub user: String,
    pub scopes: Vec<String>,
    pub created_at: String,
    pub revoked_at: Option<String>,
    pub last_used_at: Option<String>,
}

impl People {
    /// Of the place that the arguments name.
    pub async fn open(place: &PlaceArguments, global: &GlobalArguments) -> Result<Self, Failure> {
        Self::open_or_make(place, global, false).await
    }

    /// The same; a database that is missing is made if `makes` says so. What was made or brought up to date is said.
    pub async fn open_or_make(place: &PlaceArguments, global: &GlobalArguments, makes: bool) -> Result<Self, Failure> {
        if let Some(url) = &place.server {
            return Ok(Self::Server(Remote::at(url)?));
        }
        let configuration = global.configuration(Vec::new())?.configuration;
        let database = configuration.database_file();
        let is_new = !database.is_file();
        if is_new && !makes {
            return Err(OpenError::Missing(database).into());
        }
        let lacking = if is_new { Vec::new() } else { pending_migrations(&database).await? };
        match Stores::open(&configuration).await {
            Ok(stores) => {
                if is_new {
                    terminal::note(format_args!("made the database {}", database.display()));
                }
                for migration in lacking {
                    terminal::note(format_args!("brought the database up to date: {migration}"));
                }
                let access = stores.access(&configuration).await?;
                Ok(Self::Folder(Box::new(stores), Box::new(access)))
            }
            Err(error @ StartError::Open(OpenError::InUse { .. })) => {
                Err(Failure::usage(error).hint("--server URL asks the running server instead"))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Ends the use of a data folder in order.
    pub async fn close(self) {
        match self {
            Self::Folder(stores, _) => stores.close().await,
            Self::Server(_) => {}
        }
    }

    pub async fn add(
        &self,
        name: &str,
        role: &str,
        email: Option<&str>,
        password: Option<&str>,
    ) -> Result<(), Failure> {
        match self {
            Self::Folder(_, access) => {
                access.create_user(&Principal::system(), name, role, email.map(str::to_owned), password).await?;
                Ok(())
            }
            Self::Server(server) => {
                let body = json!({"username": name, "role": role, "email": email, "password": password});
                Ok(server.ask(Method::POST, "/api/users", Some(body)).await.map(drop)?)
            }
        }
    }

    pub async fn users(&self) -> Result<Vec<Person>, Failure> {
        match self {
            Self::Folder(_, access) => {
                Ok(access.users(&Principal::system()).await?.into_iter().map(Person::from).collect())
            }
            Self::Server(server) => {
                let answer = server.ask(Method::GET, "/api/users", None).await?;
                Ok(entries(&answer, "users").map(Person::read).collect())
            }
        }
    }

    pub async fn set_role(&self, name: &str, role: &str) -> Result<(), Failure> {
        match self {
            Self::Folder(_, access) => Ok(access.set_role(&Principal::system(), name, role).await.map(drop)?),
            Self::Server(server) => {
                let path = format!("/api/users/{}/role", path_part(name));
                Ok(server.ask(Method::PUT, &path, Some(json!({"role": role}))).await.map(drop)?)
            }
        }
    }

    pub async fn set_password(&self, name: &str, password: &str) -> Result<(), Failure> {
        match self {
            Self::Folder(_, access) => Ok(access.set_password(&Principal::system(), name, password).await?),
            Self::Server(server) => {
                let path = format!("/api/users/{}/password", path_part(name));
                Ok(server.ask(Method::PUT, &path, Some(json!({"password": password}))).await.map(drop)?)
            }
        }
    }

    pub async fn remove(&self, name: &str) -> Result<(), Failure> {
        match self {
            Self::Folder(_, access) => Ok(access.remove_user(&Principal::system(), name).await?),
            Self::Server(server) => {
                let path = format!("/api/users/{}", path_part(name));
                Ok(server.ask(Method::DELETE, &path, None).await.map(drop)?)
            }
        }
    }

    /// Makes a key; it is returned once.
    pub async fn create_key(&self, user: &str, name: &str, scopes: Vec<String>) -> Result<String, Failure> {
        match self {
            Self::Folder(_, access) => Ok(access.create_key(&Principal::system(), user, name, scopes).await?.0),
            Self::Server(server) => {
                let body = json!({"user": user, "name": name, "scopes": scopes});
                let answer = server.ask(Method::POST, "/api/keys", Some(body)).await?;
                let key = text(&answer["key"]);
                key.ok_or_else(|| Failure::failed("the server's response holds no key; is it a Procession server?"))
            }
        }
    }

    pub async fn keys(&self) -> Result<Vec<Key>, Failure> {
        match self {
            Self::Folder(_, access) => {
                Ok(access.keys(&Principal::system()).await?.into_iter().map(Key::from).collect())
            }
            Self::Server(server) => {
                let answer = server.ask(Method::GET, "/api/keys", None).await?;
                Ok(entries(&answer, "keys").map(Key::read).collect())
            }
        }
    }

    pub async fn revoke_key(&self, id: UserId) -> Result<(), Failure> {
        match self {
            Self::Folder(_, access) => Ok(access.revoke_key(&Principal::system(), id).await?),
            Self::Server(server) => Ok(server.ask(Method::DELETE, &format!("/api/keys/{id}"), None).await.map(drop)?),
        }
    }
}

impl Person {
    fn read(user: &Json) -> Self {
        Self {
            name: text(&user["username"]).unwrap_or_default(),
            email: text(&user["email"]),
            role: text(&user["role"]).unwrap_or_default(),
            has_password: user["has_password"].as_bool().unwrap_or_default(),
            created_at: text(&user["created_at"]).unwrap_or_default(),
            last_login: text(&user["last_login"]),
        }
    }

    pub fn as_json(&self) -> Json {
        json!({
            "username": self.name,
            "email": self.email,
            "role": self.role,
            "has_password": self.has_password,
            "created_at": self.created_at,
            "last_login": self.last_login,
        })
    }
}

impl From<User> for Person {
    fn from(user: User) -> Self {
        Self {
            name: user.name,
            email: user.email,
            role: user.role,
            has_password: user.password_hash.is_some(),
            created_at: user.created_at.to_string(),
            last_login: user.last_login.map(|at| at.to_string()),
        }
    }
}

impl Key {
    fn read(key: &Json) -> Self {
        Self {
            id: text(&key["id"]).unwrap_or_default(),
            name: text(&key["name"]).unwrap_or_default(),
            prefix: text(&key["prefix"]).unwrap_or_default(),
            user: text(&key["user"]).unwrap_or_default(),
            scopes: entries(key, "scopes").filter_map(text).collect(),
            created_at: text(&key["created_at"]).unwrap_or_default(),
            revoked_at: text(&key["revoked_at"]),
            last_used_at: text(&key["last_used_at"]),
        }
    }

    pub fn as_json(&self) -> Json {
        json!({
            "id": self.id,
            "name": self.name,
            "prefix": self.prefix,
            "user": self.user,
            "scopes": self.scopes,
            "created_at": self.created_at,
            "revoked_at": self.revoked_at,
            "last_used_at": self.last_used_at,
        })
    }
}

impl From<ApiKey> for Key {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name,
            prefix: key.prefix,
            user: key.user,
            scopes: key.scopes,
            created_at: key.created_at.to_string(),
            revoked_at: key.revoked_at.map(|at| at.to_string()),
            last_used_at: key.last_used_at.map(|at| at.to_string()),
        }
    }
}

impl From<AccessFailure> for Failure {
    fn from(error: AccessFailure) -> Self {
        Self::failed(error)
    }
}
