//! `export` and `import`: executions as lines of JSON, out of one data folder and into another; `trinity`: from elsewhere.

mod trinity;

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use procession_application::{
    ports::Clock as _,
    system::SystemClock,
    transfer::{ExportFailure, Exported, Exporter, ImportReport, Importer},
};
use procession_domain::value::Timestamp;
use serde_json::json;

use super::{GlobalArguments, block_on, config::Format};
use crate::{
    exit::{Exit, Failure},
    terminal::{self, text::clean},
    wiring::{Stores, stores_to_read},
};

const EXPORT_EXAMPLES: &str = "\
Examples:
  procession export all.jsonl
  procession export --since 2026-11-01 --process report november.jsonl
  procession export - | gzip > all.jsonl.gz

Each line is a JSON object: a version of a process, or an execution that has ended, with its events, values and approvals.
It is safe beside a running server. `procession import` reads the file.";

const IMPORT_EXAMPLES: &str = "\
Examples:
  procession import all.jsonl
  procession import all.jsonl --data-dir /var/lib/procession
  procession import trinity --processes trinity_processes.db --executions trinity_executions.db

What is there already is left as it is, so that an import can be repeated. It is refused while a server has the data folder.
Processes come as they were, but their triggers stay off until you activate them.";

#[derive(Debug, Args)]
#[command(after_help = EXPORT_EXAMPLES)]
pub(super) struct ExportArguments {
    /// The file, which must not exist; `-` is standard output.
    file: PathBuf,
    /// Only executions that began at or after this time or day, such as 2026-11-21 or 2026-11-21T08:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only executions of this process.
    #[arg(long, value_name = "NAME")]
    process: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = IMPORT_EXAMPLES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct ImportArguments {
    #[command(subcommand)]
    from: Option<ImportFrom>,
    /// The file that `export` wrote; `-` is standard input.
    #[arg(required = true)]
    file: Option<PathBuf>,
    /// How the report is written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// From what else can be imported.
#[derive(Debug, Subcommand)]
enum ImportFrom {
    /// Take over the processes and executions of a Trinity platform.
    Trinity(trinity::TrinityArguments),
}

pub(super) fn export(arguments: &ExportArguments, global: &GlobalArguments) -> Result<Exit, Failure> {
    let configuration = global.configuration(Vec::new())?.configuration;
    let since = arguments.since.as_deref().map(time).transpose()?;
    let wanted = Exported { since, process: arguments.process.clone() };
    block_on(async {
        let stores = stores_to_read(&configuration).await?;
        let exporter = Exporter::new(stores);
        let written = write_export(&exporter, &wanted, &arguments.file).await?;
        terminal::note(format_args!("{} exported", executions(written)));
        match exporter.unended().await? {
            0 => {}
            left => terminal::note(format_args!("{} not ended, and left out", executions_that_have(left))),
        }
        Ok(Exit::Done)
    })
}

async fn write_export(exporter: &Exporter, wanted: &Exported, file: &Path) -> Result<u64, Failure> {
    let now = SystemClock::default().now();
    if file == Path::new("-") {
        let mut output = BufWriter::new(io::stdout().lock());
        let written = exporter.write(wanted, now, |line| writeln!(output, "{line}")).await?;
        output.flush()?;
        return Ok(written);
    }
    let created = create(file);
    let created = created.map_err(|error| {
        let failure = Failure::usage(format_args!("{} can't be written: {error}", file.display()));
        if error.kind() == io::ErrorKind::AlreadyExists {
            failure.hint("name a file that does not exist")
        } else {
            failure
        }
    })?;
    let mut output = BufWriter::new(created);
    let written = exporter.write(wanted, now, |line| writeln!(output, "{line}")).await;
    let finished = written.and_then(|written| {
        output.flush()?;
        output.get_ref().sync_all()?;
        Ok(written)
    });
    if finished.is_err() {
        // A part of an export must not be taken for a whole one.
        let _ = std::fs::remove_file(file);
    }
    Ok(finished?)
}

/// A new file that only its owner reads.
fn create(file: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(file)
}

pub(super) fn import(arguments: &ImportArguments, global: &GlobalArguments) -> Result<Exit, Failure> {
    let configuration = global.configuration(Vec::new())?.configuration;
    let file = match (&arguments.from, &arguments.file) {
        (Some(ImportFrom::Trinity(arguments)), _) => return trinity::run(arguments, &configuration),
        (None, Some(file)) => file,
        // The command line asks for one of them.
        (None, None) => return Err(Failure::usage("name the file to import")),
    };
    let input: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(BufReader::new(io::stdin()))
    } else {
        let opened = File::open(file);
        let unreadable = |error| Failure::usage(format_args!("{} can't be read: {error}", file.display()));
        Box::new(BufReader::new(opened.map_err(unreadable)?))
    };
    block_on(async {
        let stores = Stores::open(&configuration).await?;
        let imported = read_import(&stores, input).await;
        stores.close().await;
        report(&imported?, arguments.format)
    })
}

async fn read_import(stores: &Stores, input: Box<dyn BufRead>) -> Result<ImportReport, Failure> {
    let mut importer = Importer::new(stores.ports());
    for (number, line) in (1..).zip(input.lines()) {
        let line = line.map_err(|error| Failure::failed(format_args!("line {number} can't be read: {error}")))?;
        importer.read(number, &line).await?;
    }
    Ok(importer.into_report())
}

fn report(report: &ImportReport, format: Format) -> Result<Exit, Failure> {
    let ImportReport { processes: versions, executions: written, known, left_out } = report;
    match format {
        Format::Json => {
            let left_out: Vec<_> =
                left_out.iter().map(|left| json!({"line": left.line, "what": left.what, "why": left.why})).collect();
            terminal::say_json(&json!({
                "processes": versions, "executions": written, "known": known, "left_out": left_out,
            }))?;
        }
        Format::Text => {
            terminal::say(format_args!(
                "{} and {} imported; {known} were there already",
                processes(*versions),
                executions(*written),
            ))?;
            for left in left_out {
                let (what, why) = (clean(&left.what), clean(&left.why));
                terminal::say(format_args!("line {}: {what} was left out: {why}", left.line))?;
            }
        }
    }
    Ok(if left_out.is_empty() { Exit::Done } else { Exit::Failed })
}

fn processes(count: u64) -> String {
    format!("{count} {}", if count == 1 { "process" } else { "processes" })
}

fn executions(count: u64) -> String {
    format!("{count} {}", if count == 1 { "execution" } else { "executions" })
}

fn executions_that_have(count: u64) -> String {
    format!("{} {}", executions(count), if count == 1 { "has" } else { "have" })
}

/// A time, or the beginning of a day in UTC.
fn time(text: &str) -> Result<Timestamp, Failure> {
    let read = text.parse().or_else(|_| format!("{text}T00:00:00Z").parse());
    read.map_err(|_| {
        Failure::usage(format_args!("--since takes a time or a day, and `{text}` is none"))
            .hint("such as 2026-11-21, or 2026-11-21T08:00:00Z")
    })
}

impl From<ExportFailure> for Failure {
    fn from(error: ExportFailure) -> Self {
        match error {
            ExportFailure::Store(error) => error.into(),
            ExportFailure::Output(error) => error.into(),
        }
    }
}
