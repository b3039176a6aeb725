//! `login` and `logout`: a session at a server, remembered for this user of this machine.

use clap::Args;
use reqwest::StatusCode;

use super::{
    block_on,
    remote::{API_KEY, Address, Credential, Remote, RemoteError, ServerArguments, Session, Sessions, owned},
};
use crate::{
    exit::{Exit, Failure},
    terminal::{self, prompt, text::clean_lines},
};

const LOGIN_EXAMPLES: &str = "\
Examples:
  procession login --server https://processes.example.com
  echo \"$PASSWORD\" | procession login --server http://127.0.0.1:8000 --user ann --password-stdin

The session is kept in procession/sessions.json of your configuration folder (XDG_CONFIG_HOME, else ~/.config), readable
by you only, and lasts as long as the server says (auth.token_lifetime). A key in PROCESSION_API_KEY counts before it.";

const LOGOUT_EXAMPLES: &str = "\
Examples:
  procession logout
  procession logout --server https://processes.example.com";

#[derive(Debug, Args)]
#[command(after_help = LOGIN_EXAMPLES)]
pub(super) struct LoginArguments {
    #[command(flatten)]
    server: ServerArguments,
    /// The user name; a terminal asks for it.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Read the password from standard input.
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, Args)]
#[command(after_help = LOGOUT_EXAMPLES)]
pub(super) struct LogoutArguments {
    #[command(flatten)]
    server: ServerArguments,
}

pub(super) fn log_in(arguments: LoginArguments) -> Result<Exit, Failure> {
    let address = arguments.server.address()?.ok_or_else(|| {
        Failure::usage("no server is given").hint("for example `procession login --server http://127.0.0.1:8000`")
    })?;
    // Damaged sessions are found before someone types a password.
    let mut sessions = Sessions::read()?;
    if address.is_open_to_listeners() {
        terminal::warn("the password goes over the network unencrypted; an https:// address would protect it");
    }
    let user = user(arguments.user)?;
    let password = password(arguments.password_stdin)?;
    let token = block_on(token(&address, &user, &password))?;
    sessions.begin(&address, Session { user: user.clone(), token });
    sessions.write()?;
    terminal::tell(format_args!("logged in to {address} as {}", clean_lines(&user)));
    if std::env::var_os(API_KEY).is_some_and(|key| !key.is_empty()) {
        terminal::warn(format_args!("{API_KEY} is set, and counts before this session"));
    }
    Ok(Exit::Done)
}

pub(super) fn log_out(arguments: &LogoutArguments) -> Result<Exit, Failure> {
    let mut sessions = Sessions::read()?;
    let Some(address) = arguments.server.address()? else {
        terminal::tell("you are not logged in");
        return Ok(Exit::Done);
    };
    if sessions.end(&address) {
        sessions.write()?;
        terminal::tell(format_args!("logged out of {address}"));
    } else {
        terminal::tell(format_args!("you are not logged in to {address}"));
    }
    Ok(Exit::Done)
}

async fn token(address: &Address, user: &str, password: &str) -> Result<String, Failure> {
    let server = Remote::with(address.clone(), Credential::Nothing)?;
    let answer = server.post_form("/api/token", &[("username", user), ("password", password)]).await;
    let answer = answer.map_err(|error| match error.problem() {
        Some(problem) if problem.status == StatusCode::UNAUTHORIZED => {
            Failure::failed(format_args!("{address} knows no such user name with this password"))
        }
        Some(_) | None => RemoteError::into(error),
    })?;
    owned(&answer["access_token"]).ok_or_else(|| server.unknown_answer().into())
}

fn user(given: Option<String>) -> Result<String, Failure> {
    let user = match given {
        Some(user) => Some(user),
        None if terminal::can_ask() => prompt::ask("User: ")?,
        None => None,
    };
    let user = user.map(|user| user.trim().to_owned()).filter(|user| !user.is_empty());
    user.ok_or_else(|| Failure::usage("no user name is given").hint("--user NAME"))
}

fn password(from_standard_input: bool) -> Result<String, Failure> {
    let password = if from_standard_input {
        prompt::read_line()?
    } else if terminal::can_ask() {
        prompt::ask_password("Password: ")?
    } else {
        None
    };
    let password = password.filter(|password| !password.is_empty());
    password.ok_or_else(|| Failure::usage("no password is given").hint("--password-stdin reads it from standard input"))
}
