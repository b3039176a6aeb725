//! `serve`: the server.

use std::net::SocketAddr;

use clap::Args;

use super::{GlobalArguments, block_on};
use crate::{
    config::{FlagValue, Loaded, LogFormat},
    demo,
    exit::{Exit, Failure},
    first_login::{self, FirstLogin},
    logging,
    terminal::{self, style},
    wiring::{self, Application, StartError},
};

const EXAMPLES: &str = "\
Examples:
  procession serve --demo                         look around with demo agents and sample processes
  procession serve --listen 0.0.0.0:8000          reachable from other machines
  procession serve --data-dir /var/lib/procession
  PROCESSION_AUTH__ADMIN_PASSWORD=… procession serve

Ctrl-C or SIGTERM shuts the server down gracefully: nothing new starts, and what is under way is committed; the next
start goes on with it. A second Ctrl-C stops at once.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ServeArguments {
    /// The address to listen on, `host:port` or a port; port 0 picks a free one [default: 127.0.0.1:8000].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Add demo agents and sample processes, where they are missing.
    #[arg(long)]
    demo: bool,
}

pub(super) fn run(arguments: ServeArguments, global: &GlobalArguments) -> Result<Exit, Failure> {
    let own = arguments.listen.map(|value| FlagValue { flag: "--listen", key: "listen".to_owned(), value });
    let loaded = global.configuration(own.into_iter().collect())?;
    logging::start(&loaded.configuration.log);
    block_on(serve(&loaded, arguments.demo))?;
    Ok(Exit::Done)
}

async fn serve(loaded: &Loaded, with_demo: bool) -> Result<(), Failure> {
    if with_demo {
        demo::write_agents(&loaded.configuration)
            .map_err(|error| Failure::usage(format_args!("the demo agents can't be written: {error}")))?;
    }
    let prepare = async |application: &Application| {
        let password = loaded.configuration.auth.admin_password.as_ref();
        let login = first_login::settle(&application.access, password, terminal::is_shown_on_terminal()).await?;
        let samples = if with_demo { Some(demo::publish(application).await) } else { None };
        if application.folder.is_open_to_others() {
            let folder = application.folder.path().display();
            tracing::warn!(%folder, "other users of this machine may look into the data folder; chmod 700 prevents it");
        }
        Ok((login, samples))
    };
    let greet = |(login, samples): (FirstLogin, Option<demo::Published>), address| {
        greet(loaded, address, &login, samples.as_ref())
    };
    wiring::serve(loaded, prepare, greet).await?;
    Ok(())
}

/// Tells people where the server is and how to log in. Never into the log, since passwords may be in it.
fn greet(
    loaded: &Loaded,
    address: SocketAddr,
    login: &FirstLogin,
    samples: Option<&demo::Published>,
) -> std::io::Result<()> {
    let url = format!("http://{address}");
    let version = env!("CARGO_PKG_VERSION");
    terminal::say(format_args!("Procession {version} listens on {}", style::paint(style::STRONG, &url)))?;
    match login {
        FirstLogin::Settled => {}
        FirstLogin::Configured => terminal::say("Log in as `admin` with the configured password.")?,
        FirstLogin::OneTimePassword(password) => {
            let password = style::paint(style::STRONG, password);
            terminal::say(format_args!("Log in as `admin` with the password {password}"))?;
            terminal::say("It is shown only now; `procession user password admin` sets another one.")?;
        }
        FirstLogin::Open => {
            terminal::say(format_args!("Nobody can log in yet. Open {url} and set the password of `admin`, or call"))?;
            terminal::say(format_args!(
                "  curl {url}/api/setup/admin-password --json '{{\"password\": \"…\", \"confirm_password\": \"…\"}}'"
            ))?;
            terminal::say("or start with PROCESSION_AUTH__ADMIN_PASSWORD set.")?;
        }
    }
    if let Some(samples) = samples {
        terminal::say(samples.what_to_try(&loaded.configuration, &url))?;
    }
    if loaded.configuration.log.format == LogFormat::Text && terminal::is_shown_on_terminal() {
        terminal::say(style::paint(style::DIM, "Ctrl-C stops it."))?;
    }
    Ok(())
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::AddressTaken(ref address) => {
                let next = address.port.checked_add(1).unwrap_or(8000);
                Self::usage(&error).hint(format_args!(
                    "choose another address with --listen, such as --listen {}:{next}, or port 0 for any free one",
                    address.host
                ))
            }
            StartError::Listen { .. } => Self::usage(&error).hint("--listen takes `host:port` of this machine"),
            StartError::Agents { ref path, error: ref why } => super::config::bad_agents_file(path, why),
            StartError::FirstLogin(_) => Self::usage(&error).hint("auth.admin_password sets the password of `admin`"),
            StartError::Open(error) => error.into(),
            StartError::Folder(_)
            | StartError::Blobs(_)
            | StartError::Platform(_)
            | StartError::OutgoingHost(_)
            | StartError::Traces(_) => Self::usage(&error),
            StartError::Store(_) | StartError::Engine(_) | StartError::System(_) | StartError::Metrics(_) => {
                Self::failed(&error)
            }
        }
    }
}
