//! `db`: looking after the database of a data folder.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use procession_store_sqlite::{OpenError, backup, check, migrate, pending_migrations, vacuum};

use super::{GlobalArguments, block_on};
use crate::{
    config::Configuration,
    exit::{Exit, Failure},
    terminal,
    wiring::database_options,
};

const EXAMPLES: &str = "\
Examples:
  procession db check
  procession db backup /backups/procession-monday.db
  procession db migrate --data-dir /var/lib/procession

`check` and `backup` are safe beside a running server; `migrate` and `vacuum` are refused while one has the database.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DbArguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Bring the database up to date, or create it if it is missing. A server does this by itself when it starts.
    Migrate,
    /// Read the whole database and report what is wrong with it.
    Check,
    /// Write a consistent copy of the database to a new file. Large values, in `blobs`, are not part of it.
    Backup {
        /// The file; it must not exist.
        file: PathBuf,
    },
    /// Rewrite the database without unused pages.
    Vacuum,
}

pub(super) fn run(arguments: DbArguments, global: &GlobalArguments) -> Result<Exit, Failure> {
    let loaded = global.configuration(Vec::new())?;
    let configuration = &loaded.configuration;
    block_on(async {
        match arguments.action {
            Action::Migrate => {
                for applied in migrate(&database_options(configuration)).await? {
                    terminal::say(format_args!("applied {applied}"))?;
                }
                Ok(Exit::Done)
            }
            Action::Check => check_database(configuration).await,
            Action::Backup { file } => {
                backup(&configuration.database_file(), &file).await?;
                Ok(Exit::Done)
            }
            Action::Vacuum => {
                vacuum(&database_options(configuration)).await?;
                Ok(Exit::Done)
            }
        }
    })
}

async fn check_database(configuration: &Configuration) -> Result<Exit, Failure> {
    let path = configuration.database_file();
    let mut problems = check(&path).await?;
    let lacking = pending_migrations(&path).await?;
    problems.extend(
        lacking.iter().map(|migration| format!("it lacks the migration {migration}; run `procession db migrate`")),
    );
    for problem in &problems {
        terminal::say(problem)?;
    }
    if problems.is_empty() {
        terminal::tell(format_args!("{}: no problems", path.display()));
        Ok(Exit::Done)
    } else {
        Ok(Exit::Failed)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let hint = matches!(error, OpenError::Missing(_))
            .then_some("--data-dir names the data folder; `serve` and `db migrate` make a database");
        let failure = Self::usage(error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
