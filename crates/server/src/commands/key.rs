//! `key`: API keys, for programs.

use clap::{Args, Subcommand};
use procession_application::access::Permission;
use procession_domain::value::UserId;
use serde_json::{Value, json};

use super::{
    GlobalArguments, block_on,
    config::Format,
    people::{Key, People, PlaceArguments},
};
use crate::{
    exit::{Exit, Failure},
    terminal::{
        self, style,
        text::{clean, pad, width},
    },
};

const EXAMPLES: &str = "\
Examples:
  procession key create nightly-import --user bot
  procession key create dashboard --user ann --scope execution:view --scope process:read
  procession key list
  procession key revoke 0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33 --server http://127.0.0.1:8000

A program sends it as `Authorization: Bearer KEY`. It is shown once, and never stored.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct KeyArguments {
    #[command(flatten)]
    place: PlaceArguments,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a key and print it.
    Create {
        /// What it is for.
        name: String,
        /// The user on whose behalf it acts.
        #[arg(long)]
        user: String,
        /// A permission that the key is limited to; may be repeated. Without any, it may do all that its user may.
        #[arg(long = "scope", value_name = "PERMISSION")]
        scopes: Vec<String>,
    },
    /// List the keys, revoked ones too.
    List {
        /// The format of the list.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Revoke a key.
    Revoke {
        /// The key's id, as `key list` shows it.
        id: UserId,
    },
}

pub(super) fn run(arguments: KeyArguments, global: &GlobalArguments) -> Result<Exit, Failure> {
    let KeyArguments { place, action } = arguments;
    if let Action::Create { scopes, .. } = &action {
        check_scopes(scopes)?;
    }
    block_on(async {
        let people = People::open(&place, global).await?;
        let done = carry_out(&people, action).await;
        people.close().await;
        done.map(|()| Exit::Done)
    })
}

async fn carry_out(people: &People, action: Action) -> Result<(), Failure> {
    match action {
        Action::Create { name, user, scopes } => {
            terminal::say(people.create_key(&user, &name, scopes).await?)?;
            Ok(())
        }
        Action::List { format } => list(&people.keys().await?, format),
        Action::Revoke { id } => people.revoke_key(id).await,
    }
}

fn check_scopes(scopes: &[String]) -> Result<(), Failure> {
    let known = Permission::ALL.map(Permission::as_str);
    match scopes.iter().find(|scope| !known.contains(&scope.as_str())) {
        Some(unknown) => Err(Failure::usage(format_args!("`{unknown}` is not a permission"))
            .hint(format_args!("permissions are {}", known.join(", ")))),
        None => Ok(()),
    }
}

fn list(keys: &[Key], format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        let keys: Vec<Value> = keys.iter().map(Key::as_json).collect();
        terminal::say_json(&json!({"keys": keys}))?;
        return Ok(());
    }
    let widest = |of: fn(&Key) -> &str| keys.iter().map(|key| width(&clean(of(key)))).max().unwrap_or(0);
    let (names, users) = (widest(|key| &key.name), widest(|key| &key.user));
    for key in keys {
        let state = match (&key.revoked_at, &key.last_used_at) {
            (Some(at), _) => format!("revoked {at}"),
            (None, Some(at)) => format!("last used {at}"),
            (None, None) => "never used".to_owned(),
        };
        let scopes = if key.scopes.is_empty() { "all that its user may do".to_owned() } else { key.scopes.join(",") };
        terminal::say(format_args!(
            "{}  {}…  {}  {}  {}  {}",
            clean(&key.id),
            clean(&key.prefix),
            pad(&clean(&key.name), names),
            pad(&clean(&key.user), users),
            clean(&scopes),
            style::paint(style::DIM, clean(&state))
        ))?;
    }
    Ok(())
}
