//! `apply`: makes a server's published processes those of a folder: plan, show the differences, publish.

mod carry_out;
mod files;
mod plan;
mod show;

use std::path::PathBuf;

use clap::Args;

use super::{block_on, config::Format, remote::ServerArguments};
use crate::exit::{Exit, Failure};

const EXAMPLES: &str = "\
Examples:
  procession apply processes --dry-run          what would change, with the differences
  procession apply processes                    publish what is new or changed
  procession apply processes --prune            and archive what no file has any more
  procession apply processes --dry-run --exit-code --format json

Every *.yaml and *.yml file in the folder and the folders in it is a process, except agents.yaml, procession.yaml and
hidden ones. A text that changed is published as a new version: with the number in the file if that is free and newer,
else with the next one.

Exit codes: 0 done, or nothing to do; 1 a file has errors or the server refused something; 2 wrong usage;
5 with --exit-code: something would change.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ApplyArguments {
    #[command(flatten)]
    server: ServerArguments,
    /// Folders with process files, or process files.
    #[arg(required = true, value_name = "DIR")]
    paths: Vec<PathBuf>,
    /// Show what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// End with 5 if something would change.
    #[arg(long, requires = "dry_run")]
    exit_code: bool,
    /// Archive published processes that no file has.
    #[arg(long)]
    prune: bool,
    /// The output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: &ApplyArguments) -> Result<Exit, Failure> {
    let files = files::read(&arguments.paths)?;
    let server = arguments.server.connect()?;
    block_on(async {
        let plan = plan::make(&server, &files, arguments.prune).await?;
        let changes = plan.changes().count();
        if arguments.format == Format::Text {
            show::print_changes(&plan)?;
        }
        let done = match plan.check() {
            Ok(()) if !arguments.dry_run => carry_out::carry_out(&server, &plan).await,
            checked => checked,
        };
        if arguments.format == Format::Json {
            show::print_json(&server, &plan, !arguments.dry_run && done.is_ok())?;
        }
        done?;
        if arguments.format == Format::Text {
            show::print_summary(&plan, arguments.dry_run)?;
        }
        Ok(if arguments.exit_code && changes > 0 { Exit::Differs } else { Exit::Done })
    })
}
