//! `approvals`: questions to people on a server.

use clap::{Args, Subcommand, ValueEnum};
use procession_domain::{definition::TimeoutAction, value::Json};
use reqwest::StatusCode;
use serde_json::json;

use super::{
    block_on,
    config::Format,
    remote::{Kind, Remote, ServerArguments, choose, entries, instant, path_part, text},
};
use crate::{
    exit::{Exit, Failure},
    terminal::{
        self, style,
        table::{Cell, say_rows},
        text::clean,
    },
};

const EXAMPLES: &str = "\
Examples:
  procession approvals list
  procession approvals show 0199a6f0
  procession approvals approve 0199a6f0 --comment \"Well written\"
  procession approvals reject 0199a6f0 --comment \"The figures are those of last year\"
  procession approvals request-changes 0199a6f0 --comment \"Add the figures of this quarter\"

An id may be cut short, as long as only one open approval begins so.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ApprovalsArguments {
    #[command(flatten)]
    server: ServerArguments,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List approvals, the oldest first.
    List {
        /// Which ones.
        #[arg(long, value_enum, default_value_t)]
        status: Status,
        /// Only those of this execution.
        #[arg(long, value_name = "ID")]
        execution: Option<String>,
        /// Only those that ask this user.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// The output format.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Show what is to be decided.
    Show {
        /// The approval.
        id: String,
        /// The output format.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Vote for it.
    Approve {
        #[command(flatten)]
        vote: Vote,
        /// What to say about it.
        #[arg(long)]
        comment: Option<String>,
    },
    /// Vote against it.
    Reject {
        #[command(flatten)]
        vote: Vote,
        /// Why; most approvals need a reason.
        #[arg(long)]
        comment: Option<String>,
    },
    /// Have it done again, with changes.
    RequestChanges {
        #[command(flatten)]
        vote: Vote,
        /// What to change.
        #[arg(long)]
        comment: String,
    },
}

/// On what someone votes.
#[derive(Debug, Args)]
struct Vote {
    /// The approval.
    id: String,
    /// The output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Which approvals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Status {
    /// Those that wait for a decision.
    #[default]
    Pending,
    /// Approved ones.
    Approved,
    /// Rejected ones.
    Rejected,
    /// Those that ask for changes.
    ChangesRequested,
    /// Those whose deadline has passed.
    Expired,
    /// Those whose execution was cancelled.
    Cancelled,
    /// All of them.
    All,
}

pub(super) fn run(arguments: ApprovalsArguments) -> Result<Exit, Failure> {
    let server = arguments.server.connect()?;
    block_on(async {
        match arguments.action {
            Action::List { status, execution, user, format } => {
                let execution = match execution {
                    Some(id) => Some(choose(&server, Kind::Execution, &id).await?),
                    None => None,
                };
                list(&server, status, execution.as_deref(), user.as_deref(), format).await
            }
            Action::Show { id, format } => show(&server, &id, format).await,
            Action::Approve { vote, comment } => decide(&server, &vote, "approve", comment).await,
            Action::Reject { vote, comment } => decide(&server, &vote, "reject", comment).await,
            Action::RequestChanges { vote, comment } => decide(&server, &vote, "request-changes", Some(comment)).await,
        }
    })
}

async fn list(
    server: &Remote,
    status: Status,
    execution: Option<&str>,
    user: Option<&str>,
    format: Format,
) -> Result<Exit, Failure> {
    let conditions = [("status", status.as_str()), ("execution_id", execution), ("user", user)];
    let given = conditions.into_iter().filter_map(|(name, value)| value.map(|value| (name, value)));
    let query: Vec<String> = given.map(|(name, value)| format!("{name}={}", path_part(value))).collect();
    let answer = server.get(&format!("/api/approvals?{}", query.join("&"))).await?;
    let Json::Array(rows) = &answer else { return Err(server.unknown_answer().into()) };
    match format {
        Format::Json => terminal::say_json(&json!({"approvals": rows}))?,
        Format::Text => {
            if rows.is_empty() {
                terminal::tell("there are no such approvals");
            }
            let rows: Vec<[Cell; 5]> = rows.iter().map(row).collect();
            say_rows(&rows)?;
        }
    }
    Ok(Exit::Done)
}

fn row(approval: &Json) -> [Cell; 5] {
    let status = text(&approval["status"]);
    let note = match (status.as_str(), approval["can_decide"].as_bool()) {
        ("pending", Some(false)) => "asks others".to_owned(),
        ("pending", _) => match instant(&approval["deadline"]) {
            deadline if deadline.is_empty() => String::new(),
            deadline => format!("until {deadline}"),
        },
        (_, _) => status.replace('_', " "),
    };
    let place = format!("{}/{}", text(&approval["process_name"]), text(&approval["step_id"]));
    [
        Cell::plain(text(&approval["id"])),
        Cell::styled(style::STRONG, text(&approval["title"])),
        Cell::styled(style::DIM, place),
        Cell::styled(style::DIM, instant(&approval["created_at"])),
        Cell::styled(style::WAITING, note),
    ]
}

async fn show(server: &Remote, id: &str, format: Format) -> Result<Exit, Failure> {
    let id = choose(server, Kind::OpenApproval, id).await?;
    let approval = server.get(&format!("/api/approvals/{id}")).await?;
    match format {
        Format::Json => terminal::say_json(&approval)?,
        Format::Text => print(&approval)?,
    }
    Ok(Exit::Done)
}

fn print(approval: &Json) -> std::io::Result<()> {
    let title = clean(&text(&approval["title"]));
    terminal::say(format_args!("{}  {}", style::paint(style::STRONG, title), status_of(approval)))?;
    let description = text(&approval["description"]);
    if !description.trim().is_empty() {
        terminal::say(format_args!("\n{}\n", description.trim_end()))?;
    }
    for artifact in entries(approval, "artifacts") {
        terminal::say(text(artifact))?;
    }
    let place = format!("{}/{}", text(&approval["process_name"]), text(&approval["step_id"]));
    let assignees: Vec<String> = entries(approval, "assignees").map(text).collect();
    let facts = [
        ("id", text(&approval["id"])),
        ("step", place),
        ("execution", text(&approval["execution_id"])),
        ("asks", assignees.join(", ")),
        ("asked", instant(&approval["created_at"])),
        ("until", until(approval)),
        ("approve", text(&approval["leads_to"]["approve"])),
        ("reject", text(&approval["leads_to"]["reject"])),
        ("changes", text(&approval["leads_to"]["request_changes"])),
        ("approvals", votes_for(approval)),
    ];
    let known = facts.into_iter().filter(|(_, value)| !value.is_empty());
    let rows: Vec<[Cell; 2]> =
        known.map(|(name, value)| [Cell::styled(style::DIM, name), Cell::plain(value)]).collect();
    say_rows(&rows)?;
    let votes: Vec<[Cell; 3]> = entries(approval, "votes")
        .map(|vote| {
            [
                Cell::plain(text(&vote["by"])),
                Cell::styled(style::DIM, text(&vote["decision"]).replace('_', " ")),
                Cell::plain(text(&vote["comment"])),
            ]
        })
        .collect();
    say_rows(&votes)
}

/// The deadline, with what it does.
fn until(approval: &Json) -> String {
    let deadline = instant(&approval["deadline"]);
    // A newer server may know an action that this program does not.
    let action = serde_json::from_value(approval["timeout_action"].clone()).ok();
    match action.filter(|_| !deadline.is_empty() && text(&approval["status"]) == "pending") {
        Some(action) => undecided_by(&deadline, action),
        None => deadline,
    }
}

/// A deadline, and what it does to a request that is still open then.
pub(super) fn undecided_by(deadline: &str, action: TimeoutAction) -> String {
    let does = match action {
        TimeoutAction::Reject => "counts as rejected",
        TimeoutAction::Approve => "counts as approved",
        TimeoutAction::Skip => "is passed over",
        TimeoutAction::Escalate => "is also put to others",
    };
    format!("{deadline}; undecided by then, it {does}")
}

async fn decide(server: &Remote, vote: &Vote, action: &str, comment: Option<String>) -> Result<Exit, Failure> {
    let id = choose(server, Kind::OpenApproval, &vote.id).await?;
    if action == "request-changes" {
        check_that_a_round_follows(server, &id).await?;
    }
    let path = format!("/api/approvals/{id}/{action}");
    let approval = server.post(&path, json!({"comment": comment})).await.map_err(|error| {
        let wants_comment = comment.is_none()
            && error.problem().is_some_and(|problem| problem.status == StatusCode::UNPROCESSABLE_ENTITY);
        let failure = Failure::from(error);
        if wants_comment { failure.hint("--comment TEXT says why") } else { failure }
    })?;
    match vote.format {
        Format::Json => terminal::say_json(&approval)?,
        Format::Text => {
            let title = clean(&text(&approval["title"]));
            let still = match approval["status"].as_str() {
                Some("pending") => format!(" ({}; it waits for more)", votes_for(&approval)),
                _ => String::new(),
            };
            terminal::tell(format_args!("{title}: {}{still}", status_of(&approval)));
        }
    }
    Ok(Exit::Done)
}

/// Changes that nobody makes would only fail the step.
async fn check_that_a_round_follows(server: &Remote, id: &str) -> Result<(), Failure> {
    let approval = server.get(&format!("/api/approvals/{id}")).await?;
    let leads_to = &approval["leads_to"];
    if leads_to.is_object() && leads_to["request_changes"].is_null() {
        let message = "no further round follows, so requested changes would only fail the step";
        return Err(Failure::failed(message).hint("approve it, or reject it and say why with --comment"));
    }
    Ok(())
}

fn status_of(approval: &Json) -> String {
    let status = text(&approval["status"]);
    let look = match status.as_str() {
        "approved" => style::GOOD,
        "rejected" => style::BAD,
        _ => style::WAITING,
    };
    style::paint(look, status.replace('_', " "))
}

/// "1 of 2"; empty where one person's vote is enough.
fn votes_for(approval: &Json) -> String {
    let required = approval["required_approvals"].as_u64().unwrap_or(1);
    let given = approval["approvals"].as_u64().unwrap_or(0);
    if required > 1 { format!("{given} of {required}") } else { String::new() }
}

impl Status {
    /// As the server knows it; nothing for all of them.
    const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Pending => Some("pending"),
            Self::Approved => Some("approved"),
            Self::Rejected => Some("rejected"),
            Self::ChangesRequested => Some("changes_requested"),
            Self::Expired => Some("expired"),
            Self::Cancelled => Some("cancelled"),
            Self::All => None,
        }
    }
}
