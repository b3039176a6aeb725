//! `executions`: what runs and what ran on a server.

mod events;
mod list;
mod show;

use clap::{Args, Subcommand, ValueEnum};
use procession_domain::value::{Json, Version};
use reqwest::Method;
use serde_json::json;

use super::{
    block_on,
    config::Format,
    remote::{Kind, Remote, ServerArguments, choose, entries, owned, path_part, text},
    run,
};
use crate::{
    exit::{Exit, Failure},
    terminal::{self, style},
};

const EXAMPLES: &str = "\
Examples:
  procession executions start research --input topic=tea --follow
  procession executions list --status running,paused
  procession executions show 0199a6f0-7a11-7c55-b0a4-5f0c2d9e8b71
  procession executions events 0199a6f0 --follow
  procession executions cancel 0199a6f0 --reason \"no longer needed\"
  procession executions retry 0199a6f0 --from failed

An id may be cut short, as long as only one execution begins so.

Exit codes of --follow: 0 completed, 1 failed, 3 cancelled, 130 interrupted (the execution goes on).";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ExecutionsArguments {
    #[command(flatten)]
    server: ServerArguments,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List executions, the newest first.
    List(list::ListArguments),
    /// Show an execution with its steps.
    Show {
        /// The execution.
        id: String,
        /// The output format.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print what has happened to an execution; json is one object a line.
    Events(events::EventsArguments),
    /// Start a published process and print the id of its execution.
    Start(StartArguments),
    /// Cancel an execution.
    Cancel {
        /// The execution.
        id: String,
        /// Why; shown with the execution.
        #[arg(long)]
        reason: Option<String>,
        /// Undo completed steps first, by their compensations.
        #[arg(long)]
        compensate: bool,
        /// The output format.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Repeat an execution that failed or was cancelled, and print the id of the new one.
    Retry {
        /// The execution.
        id: String,
        /// Where to begin.
        #[arg(long, value_enum, default_value_t)]
        from: RetryFrom,
        #[command(flatten)]
        then: Then,
    },
}

#[derive(Debug, Args)]
struct StartArguments {
    /// The name of the process.
    process: String,
    /// Its version [default: the newest published one].
    #[arg(long)]
    version: Option<Version>,
    /// A field of the input; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    input: Vec<String>,
    /// The input as a JSON or YAML file; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    input_file: Option<std::path::PathBuf>,
    #[command(flatten)]
    then: Then,
}

/// What comes after a start.
#[derive(Debug, Args)]
struct Then {
    /// Print what happens to it until it ends.
    #[arg(long)]
    follow: bool,
    /// The output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Where a repetition begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum RetryFrom {
    /// Everything runs again.
    #[default]
    Start,
    /// Only what failed, and what comes after that.
    Failed,
}

pub(super) fn run(arguments: ExecutionsArguments) -> Result<Exit, Failure> {
    let server = arguments.server.connect()?;
    block_on(async {
        match arguments.action {
            Action::List(arguments) => list::list(&server, &arguments).await,
            Action::Show { id, format } => {
                let id = choose(&server, Kind::Execution, &id).await?;
                show::show(&server, &id, format).await
            }
            Action::Events(arguments) => events::events(&server, &arguments).await,
            Action::Start(arguments) => start(&server, arguments).await,
            Action::Cancel { id, reason, compensate, format } => {
                let id = choose(&server, Kind::Execution, &id).await?;
                cancel(&server, &id, reason, compensate, format).await
            }
            Action::Retry { id, from, then } => {
                let id = choose(&server, Kind::Execution, &id).await?;
                retry(&server, &id, from, &then).await
            }
        }
    })
}

async fn start(server: &Remote, arguments: StartArguments) -> Result<Exit, Failure> {
    let StartArguments { process, version, input, input_file, then } = arguments;
    let input = run::read_input(input_file.as_deref(), &input)?;
    let process = published(server, &process, version).await?;
    let body = json!({"input": input, "triggered_by": "cli"});
    let started = server.post(&format!("/api/processes/{process}/execute"), body).await?;
    started_execution(server, &started, &then).await
}

/// The id of a published version of a process: of this one, or of the newest.
async fn published(server: &Remote, name: &str, version: Option<Version>) -> Result<String, Failure> {
    let query = format!("status=published&name={}", path_part(name));
    let (rows, _) = server.list("/api/processes", &query, "processes", usize::MAX).await?;
    let number = |row: &Json| row["version"].as_str().and_then(|number| number.parse::<Version>().ok());
    let fitting = rows.iter().filter(|row| version.is_none() || number(row) == version);
    let newest = fitting.max_by_key(|row| number(row)).and_then(|row| owned(&row["id"]));
    newest.ok_or_else(|| {
        let version = version.map(|version| format!(" {version}")).unwrap_or_default();
        Failure::failed(format_args!("no process `{name}`{version} is published on {}", server.address()))
            .hint("`procession apply FILE` publishes one")
    })
}

/// Prints the id of a new execution, and what happens to it if that is wanted.
async fn started_execution(server: &Remote, started: &Json, then: &Then) -> Result<Exit, Failure> {
    let Some(id) = owned(&started["id"]) else { return Err(server.unknown_answer().into()) };
    match (then.format, then.follow) {
        (Format::Text, _) => {
            terminal::say(text(&started["id"]))?;
            for warning in entries(started, "warnings") {
                terminal::warn(text(warning));
            }
        }
        (Format::Json, false) => terminal::say_json(started)?,
        (Format::Json, true) => {}
    }
    if !then.follow {
        return Ok(Exit::Done);
    }
    events::follow(server, &id, then.format).await
}

async fn cancel(
    server: &Remote,
    id: &str,
    reason: Option<String>,
    compensate: bool,
    format: Format,
) -> Result<Exit, Failure> {
    let body = json!({"reason": reason, "compensate": compensate});
    let answer = server.post(&format!("/api/executions/{id}/cancel"), body).await?;
    match format {
        Format::Json => terminal::say_json(&answer)?,
        Format::Text => {
            let status = text(&answer["status"]);
            let said = match (answer["pending_command"].is_null(), answer["phase"].as_str()) {
                (false, _) => "the cancellation is taken and will be carried out".to_owned(),
                (true, Some("compensating")) => "its completed steps are being undone".to_owned(),
                (true, _) => status,
            };
            terminal::tell(style::paint(style::DIM, said));
        }
    }
    Ok(Exit::Done)
}

async fn retry(server: &Remote, id: &str, from: RetryFrom, then: &Then) -> Result<Exit, Failure> {
    let from = match from {
        RetryFrom::Start => "start",
        RetryFrom::Failed => "failed",
    };
    let path = format!("/api/executions/{id}/retry");
    let started = server.ask(Method::POST, &path, Some(json!({"from": from}))).await?;
    started_execution(server, &started, then).await
}

/// The style of a status.
fn look(status: &str) -> anstyle::Style {
    match status {
        "completed" => style::GOOD,
        "failed" => style::BAD,
        "running" => style::ACTIVE,
        "paused" | "waiting" | "waiting_approval" | "cancelled" => style::WAITING,
        _ => style::DIM,
    }
}

/// How the program ends when it followed an execution that has this status now.
fn exit_of(status: &str) -> Exit {
    match status {
        "completed" => Exit::Done,
        "cancelled" => Exit::Cancelled,
        _ => Exit::Failed,
    }
}

/// The steps of an execution that wait for people.
fn open_approvals(execution: &Json) -> impl Iterator<Item = (String, String)> {
    entries(execution, "steps")
        .filter(|step| step["state"] == "waiting_approval")
        .map(|step| (text(&step["step_id"]), text(&step["approval_id"])))
}
