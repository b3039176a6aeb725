//! `user`: people who may use the server.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    GlobalArguments, block_on,
    config::Format,
    people::{People, Person, PlaceArguments},
};
use crate::{
    exit::{Exit, Failure},
    terminal::{
        self, prompt, style,
        text::{clean, pad, width},
    },
};

const EXAMPLES: &str = "\
Examples:
  procession user add ann --role designer --email ann@example.com
  echo \"$PASSWORD\" | procession user add bot --role operator --password-stdin
  procession user role ann approver
  procession user list --server http://127.0.0.1:8000

Roles: admin, designer, operator, approver, viewer.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct UserArguments {
    #[command(flatten)]
    place: PlaceArguments,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a user. A terminal asks for their password; a user without one can only use API keys.
    Add {
        /// The name they log in with.
        name: String,
        /// What they may do: admin, designer, operator, approver or viewer.
        #[arg(long)]
        role: String,
        /// Their email address.
        #[arg(long)]
        email: Option<String>,
        /// Read the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// List the users.
    List {
        /// The format of the list.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Change a user's role.
    Role {
        /// The user.
        name: String,
        /// The role.
        role: String,
    },
    /// Change a user's password.
    Password {
        /// The user.
        name: String,
        /// Read the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Remove a user and their API keys.
    Remove {
        /// The user.
        name: String,
    },
}

pub(super) fn run(arguments: UserArguments, global: &GlobalArguments) -> Result<Exit, Failure> {
    let UserArguments { place, action } = arguments;
    block_on(async {
        // What a person types is read before the data folder is opened, which a server may want meanwhile.
        let password = match &action {
            Action::Add { password_stdin, .. } => password(*password_stdin, false)?,
            Action::Password { password_stdin, .. } => password(*password_stdin, true)?,
            Action::List { .. } | Action::Role { .. } | Action::Remove { .. } => None,
        };
        let makes = matches!(action, Action::Add { .. });
        let people = People::open_or_make(&place, global, makes).await?;
        let done = carry_out(&people, &place.as_flags(global), action, password.as_deref()).await;
        people.close().await;
        done.map(|()| Exit::Done)
    })
}

async fn carry_out(people: &People, place: &str, action: Action, password: Option<&str>) -> Result<(), Failure> {
    match action {
        Action::Add { name, role, email, .. } => {
            people.add(&name, &role, email.as_deref(), password).await?;
            if password.is_none() {
                terminal::tell(format_args!(
                    "{name} has no password; `procession user password {name}{place}` sets one"
                ));
            }
            Ok(())
        }
        Action::List { format } => list(&people.users().await?, format),
        Action::Role { name, role } => people.set_role(&name, &role).await,
        Action::Password { name, .. } => people.set_password(&name, password.unwrap_or_default()).await,
        Action::Remove { name } => people.remove(&name).await,
    }
}

/// The password from standard input, or asked twice on a terminal. Elsewhere there is none, or that is an error.
fn password(from_standard_input: bool, is_needed: bool) -> Result<Option<String>, Failure> {
    if from_standard_input {
        let line = prompt::read_line()?.filter(|line| !line.is_empty());
        return line.map(Some).ok_or_else(|| Failure::usage("--password-stdin: standard input is empty"));
    }
    if !terminal::can_ask() {
        return if is_needed {
            Err(Failure::usage("no password is given").hint("--password-stdin reads it from standard input"))
        } else {
            Ok(None)
        };
    }
    let ask = |question: &str| -> Result<String, Failure> {
        prompt::ask_password(question)?.ok_or_else(|| Failure::usage("no password is given"))
    };
    let first = ask("Password: ")?;
    if first.is_empty() && !is_needed {
        return Ok(None);
    }
    if ask("The same again: ")? != first {
        return Err(Failure::usage("the two passwords differ"));
    }
    Ok(Some(first))
}

fn list(users: &[Person], format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        let users: Vec<Value> = users.iter().map(Person::as_json).collect();
        terminal::say_json(&json!({"users": users}))?;
        return Ok(());
    }
    let widest = |of: fn(&Person) -> &str| users.iter().map(|user| width(&clean(of(user)))).max().unwrap_or(0);
    let (names, roles) = (widest(|user| &user.name), widest(|user| &user.role));
    for user in users {
        let email = clean(user.email.as_deref().unwrap_or_default());
        let (name, role) = (pad(&clean(&user.name), names), pad(&clean(&user.role), roles));
        let note = if user.has_password { "" } else { "no password" };
        let line = format!("{name}  {role}  {email}  {}", style::paint(style::DIM, note));
        terminal::say(line.trim_end())?;
    }
    Ok(())
}
