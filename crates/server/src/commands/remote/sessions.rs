//! What `procession login` remembers: a session for each server, in a file of the user's configuration folder that
//! nobody else may read.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::Address;
use crate::exit::Failure;

/// The sessions.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Sessions {
    /// The address of the server that was last logged in to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    current: Option<String>,
    /// By the server's address.
    #[serde(default)]
    servers: BTreeMap<String, Session>,
}

/// A session at one server.
#[derive(Serialize, Deserialize)]
pub struct Session {
    /// Who logged in.
    pub user: String,
    /// What proves it.
    pub token: String,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Sessions {
    /// Those of this user; none where there is no file, or no place for one.
    pub fn read() -> Result<Self, Failure> {
        let Some(path) = file() else { return Ok(Self::default()) };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Failure::usage(format_args!("{} can't be read: {error}", path.display()))),
        };
        serde_json::from_str(&text).map_err(|error| {
            Failure::usage(format_args!("{} is damaged: {error}", path.display()))
                .hint("remove the file and log in again")
        })
    }

    /// Stores them.
    pub fn write(&self) -> Result<(), Failure> {
        let path = file().ok_or_else(|| {
            Failure::usage("there is no place for sessions: neither XDG_CONFIG_HOME nor HOME names a folder")
        })?;
        let text = serde_json::to_string_pretty(self).map_err(Failure::failed)?;
        write_private(&path, &text)
            .map_err(|error| Failure::failed(format_args!("{} can't be written: {error}", path.display())))
    }

    /// The session at a server.
    pub fn of(&self, address: &Address) -> Option<&Session> {
        self.servers.get(&address.to_string())
    }

    /// The server that was last logged in to.
    pub fn current(&self) -> Option<Address> {
        self.current.as_deref().and_then(|current| Address::read(current).ok())
    }

    /// Adds a session at a server, which becomes the current one.
    pub fn begin(&mut self, address: &Address, session: Session) {
        self.current = Some(address.to_string());
        self.servers.insert(address.to_string(), session);
    }

    /// Forgets the session at a server. `false` if there is none.
    pub fn end(&mut self, address: &Address) -> bool {
        let address = address.to_string();
        if self.current.as_ref() == Some(&address) {
            self.current = None;
        }
        self.servers.remove(&address).is_some()
    }
}

/// The file of this user's sessions.
fn file() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = if cfg!(windows) {
        named("APPDATA")
    } else {
        named("XDG_CONFIG_HOME").or_else(|| named("HOME").map(|home| home.join(".config")))
    };
    folder.map(|folder| folder.join("procession").join("sessions.json"))
}

/// Writes a file that only its owner may read, whole or not at all.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)?;
    // A temporary file is made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
