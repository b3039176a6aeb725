//! `deliveries`: what a server told outside, and what of it failed.

use clap::{Args, Subcommand, ValueEnum};
use procession_domain::value::Json;
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
    },
};

const EXAMPLES: &str = "\
Examples:
  procession deliveries list --state dead
  procession deliveries show 0199a6f0
  procession deliveries resend 0199a6f0

An id may be cut short, as long as only one delivery begins so.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DeliveriesArguments {
    #[command(flatten)]
    server: ServerArguments,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List deliveries, the newest first.
    List(ListArguments),
    /// Show a delivery with every try.
    Show {
        /// The delivery.
        id: String,
        /// The output format.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Send deliveries again, under their ids.
    Resend {
        /// The deliveries.
        #[arg(required = true)]
        ids: Vec<String>,
        /// The output format.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// Which deliveries.
#[derive(Debug, Args)]
struct ListArguments {
    /// Only those in this state.
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Only those of this kind: webhook, informed, monitor, mail or slack.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only those of this execution.
    #[arg(long, value_name = "ID")]
    execution: Option<String>,
    /// Only those of this process.
    #[arg(long, value_name = "NAME")]
    process: Option<String>,
    /// How many at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: usize,
    /// The output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Where deliveries are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum State {
    /// Not tried yet.
    Waiting,
    /// Failed, and tried again.
    Retrying,
    /// Taken.
    Delivered,
    /// Given up.
    Dead,
    /// Without a receiver that could take them.
    Undeliverable,
}

pub(super) fn run(arguments: DeliveriesArguments) -> Result<Exit, Failure> {
    let server = arguments.server.connect()?;
    block_on(async {
        match arguments.action {
            Action::List(arguments) => list(&server, &arguments).await,
            Action::Show { id, format } => show(&server, &id, format).await,
            Action::Resend { ids, format } => resend(&server, &ids, format).await,
        }
    })
}

async fn list(server: &Remote, arguments: &ListArguments) -> Result<Exit, Failure> {
    let execution = match &arguments.execution {
        Some(id) => Some(choose(server, Kind::Execution, id).await?),
        None => None,
    };
    let state = arguments.state.map(|state| state.as_str().to_owned());
    let conditions = [
        ("state", &state),
        ("kind", &arguments.kind),
        ("execution_id", &execution),
        ("process_name", &arguments.process),
    ];
    let given = conditions.iter().filter_map(|(name, value)| value.as_ref().map(|value| (name, value)));
    let query: Vec<String> = given.map(|(name, value)| format!("{name}={}", path_part(value))).collect();
    let limit = arguments.limit.max(1);
    let (rows, total) = server.list("/api/deliveries", &query.join("&"), "deliveries", limit).await?;
    match arguments.format {
        Format::Json => terminal::say_json(&json!({"deliveries": rows, "total": total}))?,
        Format::Text => print(&rows, total)?,
    }
    Ok(Exit::Done)
}

fn print(rows: &[Json], total: u64) -> std::io::Result<()> {
    if rows.is_empty() {
        terminal::tell("there are no such deliveries");
    }
    let cells: Vec<[Cell; 7]> = rows.iter().map(row).collect();
    say_rows(&cells)?;
    let shown = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    if total > shown && shown > 0 {
        terminal::tell(style::paint(style::DIM, format_args!("{shown} of {total}; --limit shows more")));
    }
    Ok(())
}

fn row(delivery: &Json) -> [Cell; 7] {
    let state = text(&delivery["state"]);
    [
        Cell::plain(text(&delivery["id"])),
        Cell::styled(look(&state), state),
        Cell::plain(text(&delivery["kind"])),
        Cell::plain(text(&delivery["event"])),
        Cell::plain(text(&delivery["target"])),
        Cell::styled(style::DIM, instant(&delivery["created_at"])),
        Cell::styled(style::DIM, text(&delivery["last_error"])),
    ]
}

fn look(state: &str) -> anstyle::Style {
    match state {
        "delivered" => style::GOOD,
        "dead" | "undeliverable" => style::BAD,
        _ => style::WAITING,
    }
}

async fn show(server: &Remote, id: &str, format: Format) -> Result<Exit, Failure> {
    let id = choose(server, Kind::Delivery, id).await?;
    let delivery = server.get(&format!("/api/deliveries/{id}")).await?;
    match format {
        Format::Json => terminal::say_json(&delivery)?,
        Format::Text => print_one(&delivery)?,
    }
    Ok(Exit::Done)
}

fn print_one(delivery: &Json) -> std::io::Result<()> {
    let state = text(&delivery["state"]);
    terminal::say(format_args!("{}  {}", text(&delivery["id"]), style::paint(look(&state), &state)))?;
    let facts = [
        ("kind", text(&delivery["kind"])),
        ("event", text(&delivery["event"])),
        ("to", text(&delivery["target"])),
        ("process", text(&delivery["process_name"])),
        ("execution", text(&delivery["execution_id"])),
        ("written", instant(&delivery["created_at"])),
        ("delivered", instant(&delivery["delivered_at"])),
        ("next try", instant(&delivery["next_attempt_at"])),
    ];
    let known = facts.into_iter().filter(|(_, value)| !value.is_empty());
    let rows: Vec<[Cell; 2]> =
        known.map(|(name, value)| [Cell::styled(style::DIM, name), Cell::plain(value)]).collect();
    say_rows(&rows)?;
    let tries: Vec<[Cell; 4]> = entries(delivery, "history")
        .map(|attempt| {
            [
                Cell::plain(text(&attempt["attempt"])),
                Cell::styled(style::DIM, instant(&attempt["at"])),
                Cell::plain(text(&attempt["status"])),
                Cell::plain(text(&attempt["error"])),
            ]
        })
        .collect();
    say_rows(&tries)
}

async fn resend(server: &Remote, ids: &[String], format: Format) -> Result<Exit, Failure> {
    let mut sent = Vec::with_capacity(ids.len());
    for id in ids {
        let id = choose(server, Kind::Delivery, id).await?;
        let delivery = server.post(&format!("/api/deliveries/{id}/resend"), json!({})).await?;
        if format == Format::Text {
            terminal::tell(format_args!("{id}: it is sent to {} again", text(&delivery["target"])));
        }
        sent.push(delivery);
    }
    if format == Format::Json {
        terminal::say_json(&json!({"deliveries": sent}))?;
    }
    Ok(Exit::Done)
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Retrying => "retrying",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Undeliverable => "undeliverable",
        }
    }
}
