//! `import trinity`: the processes and executions of a Trinity platform, out of its databases (spec 4c).

use std::path::{Path, PathBuf};

use clap::Args;
use procession_application::{
    ports::{self, Clock as _},
    system::SystemClock,
    transfer::{TrinityExecution, TrinityImporter, TrinityLeftOut, TrinityReport},
};
use procession_domain::value::{Duration, Timestamp};
use procession_store_sqlite::{TrinityFile, TrinityFileError};
use serde_json::json;

use super::{executions, processes};
use crate::{
    commands::{block_on, config::Format},
    config::Configuration,
    exit::{Exit, Failure},
    terminal::{self, text::clean},
    wiring::{Stores, stores_to_read},
};

const EXAMPLES: &str = "\
Examples:
  procession import trinity --processes trinity_processes.db --dry-run
  procession import trinity --processes trinity_processes.db --executions trinity_executions.db

Nothing is changed in Trinity's files, and it may be running. What was imported before is left as it is, so that an import
can be repeated. Executions that are under way there come as cancelled: stop Trinity first to have them as they ended.
Triggers of imported processes stay off until you activate them. `--dry-run` is safe beside a running server here; the import
itself needs the data folder.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TrinityArguments {
    /// The database of processes, with the table `process_definitions`.
    #[arg(long, value_name = "FILE")]
    processes: PathBuf,
    /// The database of executions, with the tables `process_executions` and `step_executions`.
    #[arg(long, value_name = "FILE")]
    executions: Option<PathBuf>,
    /// Only report what would be imported.
    #[arg(long)]
    dry_run: bool,
    /// How the report is written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: &TrinityArguments, configuration: &Configuration) -> Result<Exit, Failure> {
    let scratch = tempfile::tempdir()?;
    let open = |file: &Path, name| -> Result<TrinityFile, Failure> {
        let folder = scratch.path().join(name);
        std::fs::create_dir(&folder)?;
        Ok(TrinityFile::open(file, &folder)?)
    };
    let versions = open(&arguments.processes, "processes")?;
    let runs = arguments.executions.as_deref().map(|file| open(file, "executions")).transpose()?;
    let currency = configuration.engine.currency;
    let now = SystemClock::default().now();
    let report = block_on(async {
        if arguments.dry_run {
            let here = here(configuration).await?;
            let mut importer = TrinityImporter::rehearsal(here, currency, now);
            read(&versions, runs.as_ref(), &mut importer).await?;
            return Ok(importer.into_report());
        }
        let stores = Stores::open(configuration).await?;
        let mut importer = TrinityImporter::into_stores(stores.ports(), currency, now);
        let done = read(&versions, runs.as_ref(), &mut importer).await;
        stores.close().await;
        done.map(|()| importer.into_report())
    })?;
    say(&report, arguments)?;
    warn_of_retention(&report, configuration, now);
    Ok(if report.left_out.is_empty() { Exit::Done } else { Exit::Failed })
}

/// What is here already; nothing if there is no data folder yet.
async fn here(configuration: &Configuration) -> Result<Option<ports::Stores>, Failure> {
    if !configuration.database_file().exists() {
        return Ok(None);
    }
    Ok(Some(stores_to_read(configuration).await?))
}

async fn read(
    versions: &TrinityFile,
    runs: Option<&TrinityFile>,
    importer: &mut TrinityImporter,
) -> Result<(), Failure> {
    const VERSIONS: &str = "process_definitions";
    let found = versions.rows(VERSIONS, &["created_at"])?;
    note_damage(found.damage, VERSIONS, importer);
    for number in found.numbers {
        match versions.row(VERSIONS, number) {
            Ok(Some(row)) => importer.read_process(&row).await?,
            unread => leave_out(unread.map(|_| ()), VERSIONS, number, importer),
        }
    }
    match runs {
        Some(runs) => read_executions(runs, importer).await,
        None => Ok(()),
    }
}

async fn read_executions(runs: &TrinityFile, importer: &mut TrinityImporter) -> Result<(), Failure> {
    const RUNS: &str = "process_executions";
    // A parent begins before its children.
    let found = runs.rows(RUNS, &["started_at", "created_at"])?;
    let has_steps = runs.has_table("step_executions")?;
    let has_approvals = runs.has_table("approval_requests")?;
    note_damage(found.damage, RUNS, importer);
    for number in found.numbers {
        let of = |table: &str, id: &str, is_there: bool| {
            if is_there { runs.rows_of(table, "execution_id", id) } else { Ok(Vec::new()) }
        };
        let read = || -> Result<Option<TrinityExecution>, TrinityFileError> {
            let Some(row) = runs.row(RUNS, number)? else { return Ok(None) };
            let id = row.get("id").and_then(|id| id.as_str()).unwrap_or_default().to_owned();
            let steps = of("step_executions", &id, has_steps)?;
            let approvals = of("approval_requests", &id, has_approvals)?;
            Ok(Some(TrinityExecution { row, steps, approvals }))
        };
        match read() {
            Ok(Some(execution)) => importer.read_execution(&execution).await?,
            unread => leave_out(unread.map(|_| ()), RUNS, number, importer),
        }
    }
    Ok(())
}

fn note_damage(damage: Option<String>, table: &str, importer: &mut TrinityImporter) {
    if let Some(damage) = damage {
        importer.leave_out(format!("a part of the table {table}"), format!("it can't be read: {damage}"));
    }
}

/// A row that can't be read, or is not there any more.
fn leave_out(read: Result<(), TrinityFileError>, table: &str, number: i64, importer: &mut TrinityImporter) {
    let why = match read {
        Ok(()) => "it was changed while it was read; import again".to_owned(),
        Err(error) => error.to_string(),
    };
    importer.leave_out(format!("row {number} of the table {table}"), why);
}

fn say(report: &TrinityReport, arguments: &TrinityArguments) -> Result<(), Failure> {
    let TrinityReport {
        processes: new,
        known_processes,
        executions: runs,
        cancelled,
        known_executions,
        oldest_end,
        left_out,
    } = report;
    match arguments.format {
        Format::Json => {
            let entry =
                |left: &TrinityLeftOut| json!({"what": left.what, "why": left.why, "diagnostics": left.diagnostics});
            let left_out: Vec<_> = left_out.iter().map(entry).collect();
            terminal::say_json(&json!({
                "dry_run": arguments.dry_run,
                "processes": {"imported": new, "known": known_processes},
                "executions": {"imported": runs, "cancelled": cancelled, "known": known_executions},
                "oldest_end": oldest_end.map(|time| time.to_string()),
                "left_out": left_out,
            }))?;
        }
        Format::Text => {
            let done = if arguments.dry_run { "would be imported" } else { "imported" };
            let (new, runs) = (processes(*new), executions(*runs));
            terminal::say(format_args!("{new} and {runs} {done}"))?;
            if *cancelled > 0 {
                terminal::say(format_args!("{} under way, and cancelled here", executions_that_were(*cancelled)))?;
            }
            if known_processes + known_executions > 0 {
                let (known, runs) = (processes(*known_processes), executions(*known_executions));
                terminal::say(format_args!("{known} and {runs} here already"))?;
            }
            for left in left_out {
                say_left_out(left)?;
            }
        }
    }
    Ok(())
}

/// What is old when it comes would be gone when a server starts.
fn warn_of_retention(report: &TrinityReport, configuration: &Configuration, now: Timestamp) {
    let kept = configuration.retention.executions;
    if let Some(oldest) = report.oldest_end
        && kept > Duration::ZERO
        && oldest.saturating_add(kept) < now
    {
        terminal::warn(format_args!(
            "the oldest of these executions ended at {oldest}, and a server removes executions {kept} after their end: set \
             `retention.executions`, and `retention.events` and `retention.outputs`, before it starts (0 keeps them for ever)"
        ));
    }
}

fn say_left_out(left: &TrinityLeftOut) -> Result<(), Failure> {
    terminal::say(format_args!("{} was left out: {}", clean(&left.what), clean(&left.why)))?;
    for diagnostic in &left.diagnostics {
        let at = if diagnostic.path.is_empty() { String::new() } else { format!("{}: ", diagnostic.path) };
        terminal::say(format_args!("  {}{}", clean(&at), clean(&diagnostic.message)))?;
        if let Some(help) = diagnostic.help() {
            terminal::say(format_args!("    help: {}", clean(&help)))?;
        }
    }
    Ok(())
}

fn executions_that_were(count: u64) -> String {
    format!("{} {}", executions(count), if count == 1 { "was" } else { "were" })
}

impl From<TrinityFileError> for Failure {
    fn from(error: TrinityFileError) -> Self {
        match error {
            TrinityFileError::Unreadable { .. }
            | TrinityFileError::NoDatabase(_)
            | TrinityFileError::NoTable { .. } => Self::usage(error),
            TrinityFileError::Locked(_) | TrinityFileError::Damaged { .. } => Self::failed(error),
        }
    }
}
