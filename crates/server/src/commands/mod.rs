//! The command line (spec 8.1): one file a command.

mod agents;
mod apply;
mod approvals;
mod audit;
mod completions;
mod config;
mod db;
mod deliveries;
mod dev;
mod executions;
mod export;
mod init;
mod key;
mod login;
mod people;
mod remote;
mod run;
mod schema;
mod serve;
mod user;
mod validate;

use std::{ffi::OsString, future::Future, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::{
    config::{FlagValue, Key, Loaded, Sources, load},
    exit::{Exit, Failure},
    terminal::{self, Colours},
};

const EXAMPLES: &str = "\
Examples:
  procession serve --demo                  a server with demo agents and sample processes
  procession run research.yaml             run one process here, and watch its steps
  procession validate processes/*.yaml     every problem, with its line

The configuration: procession.yaml in the data folder, PROCESSION_… variables, --set KEY=VALUE;
`procession config show` shows what is in force.";

/// A process engine for work done by several agents and people.
#[derive(Debug, Parser)]
#[command(name = "procession", version, after_help = EXAMPLES, arg_required_else_help = true, max_term_width = 100)]
pub struct Arguments {
    #[command(flatten)]
    global: GlobalArguments,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Configuration")]
pub struct GlobalArguments {
    /// The configuration file [default: procession.yaml in the data folder, if there].
    #[arg(long, global = true, value_name = "FILE", env = "PROCESSION_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// The data folder: database, secret key, local agents [default: procession-data].
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// Set a configuration key; may be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// When to use colours.
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    color: Colours,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::ServeArguments),
    /// Run one process to its end in this terminal.
    Run(run::RunArguments),
    /// Check process files.
    Validate(validate::ValidateArguments),
    /// Write a first process and the agents that it needs.
    Init(init::InitArguments),
    /// Log in to a server.
    Login(login::LoginArguments),
    /// Forget the session at a server.
    Logout(login::LogoutArguments),
    /// Publish the processes of a folder on a server.
    Apply(apply::ApplyArguments),
    /// Start, show, follow, cancel and retry executions on a server.
    Executions(executions::ExecutionsArguments),
    /// Show and decide approvals on a server.
    Approvals(approvals::ApprovalsArguments),
    /// Show what a server told outside, and send it again.
    Deliveries(deliveries::DeliveriesArguments),
    /// Show or check the configuration.
    Config(config::ConfigArguments),
    /// List or test the agents.
    Agents(agents::AgentsArguments),
    /// Check, back up and maintain the database.
    Db(db::DbArguments),
    /// Write ended executions to a file, as lines of JSON.
    Export(export::ExportArguments),
    /// Read executions from such a file.
    Import(export::ImportArguments),
    /// Check the audit trail.
    Audit(audit::AuditArguments),
    /// Manage users.
    User(user::UserArguments),
    /// Manage API keys.
    Key(key::KeyArguments),
    /// Print the JSON Schema of process files, for editors.
    Schema,
    /// Print a completion script for a shell.
    Completions(completions::CompletionsArguments),
    /// Tools for developers of this program.
    #[command(hide = true)]
    Dev(dev::DevArguments),
}

/// Runs the program with these arguments, the program's name first.
pub fn run_with(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version go to standard output and are no failure.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            let _ = error.print();
            return exit.into();
        }
    };
    arguments.global.color.choose();
    match arguments.run() {
        Ok(exit) => exit.into(),
        Err(failure) => {
            terminal::report(&failure);
            failure.exit.into()
        }
    }
}

impl Arguments {
    fn run(self) -> Result<Exit, Failure> {
        let Self { global, command } = self;
        match command {
            Command::Serve(arguments) => serve::run(arguments, &global),
            Command::Run(arguments) => run::run(arguments, &global),
            Command::Validate(arguments) => validate::run(&arguments),
            Command::Init(arguments) => init::run(&arguments),
            Command::Login(arguments) => login::log_in(arguments),
            Command::Logout(arguments) => login::log_out(&arguments),
            Command::Apply(arguments) => apply::run(&arguments),
            Command::Executions(arguments) => executions::run(arguments),
            Command::Approvals(arguments) => approvals::run(arguments),
            Command::Deliveries(arguments) => deliveries::run(arguments),
            Command::Config(arguments) => config::run(&arguments, &global),
            Command::Agents(arguments) => agents::run(arguments, &global),
            Command::Db(arguments) => db::run(arguments, &global),
            Command::Export(arguments) => export::export(&arguments, &global),
            Command::Import(arguments) => export::import(&arguments, &global),
            Command::Audit(arguments) => audit::run(&arguments, &global),
            Command::User(arguments) => user::run(arguments, &global),
            Command::Key(arguments) => key::run(arguments, &global),
            Command::Schema => schema::run(),
            Command::Completions(arguments) => completions::run(&arguments),
            Command::Dev(arguments) => dev::run(arguments, &global),
        }
    }
}

impl GlobalArguments {
    /// The flags that a later command on the same data folder needs too, as they are written in a shell. Values of secrets
    /// are left out.
    fn to_give_again(&self, loaded: &Loaded) -> Vec<String> {
        let mut flags = Vec::new();
        if let Some(folder) = &self.data_dir {
            flags.push(format!("--data-dir {}", quoted(folder)));
        }
        if let Some(file) = &self.config {
            flags.push(format!("--config {}", quoted(&file.to_string_lossy())));
        }
        for pair in &self.set {
            let key = pair.split_once('=').and_then(|(name, _)| Key::named(name.trim()));
            let is_secret = key.is_some_and(|key| key.is_masked(&loaded.configuration));
            let value = match pair.split_once('=') {
                Some((name, _)) if is_secret => format!("{}=…", name.trim()),
                Some(_) | None => pair.clone(),
            };
            flags.push(format!("--set {}", quoted(&value)));
        }
        flags
    }

    /// The configuration, with what a command's own flags set.
    fn configuration(&self, own: Vec<FlagValue>) -> Result<Loaded, Failure> {
        let mut flags = Vec::new();
        for pair in &self.set {
            let Some((key, value)) = pair.split_once('=') else {
                let message = format!("--set takes KEY=VALUE, and `{pair}` has no `=`");
                return Err(Failure::usage(message).hint("for example --set engine.queue_length=500"));
            };
            flags.push(FlagValue { flag: "--set", key: key.trim().to_owned(), value: value.to_owned() });
        }
        if let Some(folder) = &self.data_dir {
            flags.push(FlagValue { flag: "--data-dir", key: "data_dir".to_owned(), value: folder.clone() });
        }
        flags.extend(own);
        let environment = std::env::vars_os().collect();
        Ok(load(&Sources { file: self.config.clone(), environment, flags })?)
    }
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "-_./=:,+@%".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Runs what waits for other things: the network, the disk, time.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format_args!("the program can't start threads: {error}")))?;
    let done = runtime.block_on(work);
    // A thread that still waits for a line of standard input must not hold up the end.
    runtime.shutdown_background();
    done
}
