//! Which server a command asks, and who asks it.

use clap::Args;
use secrecy::SecretString;

use super::{Address, Credential, Remote, Sessions};
use crate::exit::Failure;

/// The variable that holds a key.
pub const API_KEY: &str = "PROCESSION_API_KEY";

/// Which server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub struct ServerArguments {
    /// The server, such as http://127.0.0.1:8000 [default: the one that you last logged in to]. PROCESSION_API_KEY holds
    /// a key for it; without one, the session of `procession login` counts.
    #[arg(long, global = true, value_name = "URL", env = "PROCESSION_SERVER", hide_env_values = true)]
    server: Option<String>,
}

impl ServerArguments {
    /// A connection to it.
    pub fn connect(&self) -> Result<Remote, Failure> {
        match self.address()? {
            Some(address) => {
                let credential = credential_for(&address)?;
                Remote::with(address, credential)
            }
            None => Err(Failure::usage("no server is given")
                .hint("--server URL or PROCESSION_SERVER names one; `procession login --server URL` remembers it")),
        }
    }

    /// Its address: the one that is given, or else the one that was last logged in to.
    pub fn address(&self) -> Result<Option<Address>, Failure> {
        match self.server.as_deref().map(str::trim).filter(|server| !server.is_empty()) {
            Some(server) => {
                let address = Address::read(server);
                Ok(Some(address.map_err(|error| Failure::usage(format_args!("--server: {error}")))?))
            }
            None => Ok(Sessions::read()?.current()),
        }
    }
}

/// Who asks: whose key is in the environment, or else who logged in.
pub fn credential_for(address: &Address) -> Result<Credential, Failure> {
    if let Some(key) = key_of_the_environment() {
        return Ok(Credential::Key(key));
    }
    if let Some(session) = Sessions::read()?.of(address) {
        return Ok(Credential::Session(session.token.clone().into()));
    }
    Err(Failure::usage(format_args!("there is no key for {address}"))
        .hint(format_args!("`procession login --server {address}` asks for a password, and remembers the session"))
        .hint(format_args!(
            "or put an API key into {API_KEY}; `procession key create NAME --user USER` makes one, in the server's data \
             folder while it is stopped"
        )))
}

fn key_of_the_environment() -> Option<SecretString> {
    let key = std::env::var(API_KEY).ok()?;
    let key = key.trim();
    (!key.is_empty()).then(|| key.into())
}
