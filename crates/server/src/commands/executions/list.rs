//! `executions list`.

use std::num::NonZeroUsize;

use clap::Args;
use procession_domain::{execution::ExecutionStatus, value::Json};
use serde_json::json;

use super::look;
use crate::{
    commands::{
        config::Format,
        remote::{Remote, duration, instant, money, path_part, text},
    },
    exit::{Exit, Failure},
    terminal::{
        self, style,
        table::{Cell, say_rows},
    },
};

/// Which executions.
#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Only those with this status: pending, running, paused, completed, failed or cancelled; several with commas.
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = status)]
    status: Vec<ExecutionStatus>,
    /// Only those of this process.
    #[arg(long, value_name = "NAME")]
    process: Option<String>,
    /// Only those with this label: `key` or `key=value`.
    #[arg(long, value_name = "LABEL")]
    label: Option<String>,
    /// Only those that began at or after this time, such as 2026-11-21T08:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// How many at most.
    #[arg(long, value_name = "NUMBER", default_value = "50", value_parser = at_least_one)]
    limit: NonZeroUsize,
    /// The output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

fn status(text: &str) -> Result<ExecutionStatus, String> {
    let found = ExecutionStatus::ALL.into_iter().find(|status| status.as_str() == text.trim());
    found.ok_or_else(|| format!("an execution is {}", ExecutionStatus::ALL.map(ExecutionStatus::as_str).join(", ")))
}

fn at_least_one(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "a whole number from 1 on is expected")
}

pub(super) async fn list(server: &Remote, arguments: &ListArguments) -> Result<Exit, Failure> {
    let statuses: Vec<&str> = arguments.status.iter().map(|status| status.as_str()).collect();
    let conditions = [
        ("status", &Some(statuses.join(",")).filter(|statuses| !statuses.is_empty())),
        ("process_name", &arguments.process),
        ("label", &arguments.label),
        ("started_after", &arguments.since),
    ];
    let given = conditions.iter().filter_map(|(name, value)| value.as_ref().map(|value| (name, value)));
    let query: Vec<String> = given.map(|(name, value)| format!("{name}={}", path_part(value))).collect();
    let (rows, total) = server.list("/api/executions", &query.join("&"), "executions", arguments.limit.get()).await?;
    match arguments.format {
        Format::Json => terminal::say_json(&json!({"executions": rows, "total": total}))?,
        Format::Text => print(&rows, total)?,
    }
    Ok(Exit::Done)
}

fn print(rows: &[Json], total: u64) -> std::io::Result<()> {
    if rows.is_empty() {
        terminal::tell("there are no such executions");
    }
    let cells: Vec<[Cell; 6]> = rows.iter().map(row).collect();
    say_rows(&cells)?;
    let shown = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    if total > shown && shown > 0 {
        terminal::tell(style::paint(style::DIM, format_args!("{shown} of {total}; --limit shows more")));
    }
    Ok(())
}

fn row(execution: &Json) -> [Cell; 6] {
    let status = text(&execution["status"]);
    let began = match instant(&execution["started_at"]) {
        began if began.is_empty() => instant(&execution["created_at"]),
        began => began,
    };
    [
        Cell::plain(text(&execution["id"])),
        Cell::styled(look(&status), status),
        Cell::plain(format!("{} {}", text(&execution["process_name"]), text(&execution["process_version"]))),
        Cell::styled(style::DIM, began),
        Cell::styled(style::DIM, duration(&execution["duration_seconds"])),
        Cell::styled(style::DIM, money(&execution["exact_cost"])),
    ]
}
