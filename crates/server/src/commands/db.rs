//! `db`: looking after the database of a data folder.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use procession_store_sqlite::{
    OpenError, back_up, check, check_values, migrate, pending_migrations, restore, vacuum, values_of,
};

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
  procession db restore /backups/procession-monday.db --data-dir /var/lib/procession
  procession db migrate --data-dir /var/lib/procession

`check` and `backup` are safe beside a running server; `migrate`, `vacuum` and `restore` are refused while one has the
database. The key that signs tokens (secret.key) and the file of agents are in no backup: keep them yourself.";

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
    /// Read the whole database and all large values, and report what is wrong with them.
    Check,
    /// Write a consistent copy of the database to a new file, and the large values beside it, to the folder FILE.blobs.
    Backup {
        /// The file; it must not exist.
        file: PathBuf,
    },
    /// Bring a backup and its large values back.
    Restore {
        /// The file that `backup` wrote; FILE.blobs is beside it.
        file: PathBuf,
        /// Move an existing database aside first.
        #[arg(long)]
        replace: bool,
        /// Bring it back although some of its large values are missing or damaged.
        #[arg(long)]
        incomplete: bool,
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
            Action::Backup { file } => back_up_database(configuration, &file).await,
            Action::Restore { file, replace, incomplete } => {
                restore_database(configuration, &file, replace, incomplete).await
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
    let mut problems = match check(&path).await {
        Ok(problems) => problems,
        Err(error) if error.is_damage() => return Err(Failure { exit: Exit::Failed, ..error.into() }),
        Err(error) => return Err(error.into()),
    };
    let is_damaged = !problems.is_empty();
    // Those of a backup are beside it.
    let beside = values_of(&path);
    let folder = if beside.is_dir() { beside } else { configuration.blobs() };
    // The rows of a damaged database are no measure of what should be there.
    let values = if is_damaged { Vec::new() } else { check_values(&path, &folder).await? };
    let lacks_values = !values.is_empty();
    problems.extend(values);
    let lacking = pending_migrations(&path).await?;
    problems.extend(
        lacking.iter().map(|migration| format!("it lacks the migration {migration}; run `procession db migrate`")),
    );
    for problem in &problems {
        terminal::say(problem)?;
    }
    if problems.is_empty() {
        terminal::note(format_args!("{}: no problems", path.display()));
        return Ok(Exit::Done);
    }
    if is_damaged {
        let failure = Failure::failed(format_args!("the database {} is not as it should be", path.display()));
        terminal::report(&advise(failure));
    }
    if lacks_values {
        let failure = Failure::failed(format_args!("large values in {} are missing or damaged", folder.display()))
            .hint(
                "copy them from the folder FILE.blobs of a backup FILE, or bring the whole backup back with \
                   `procession db restore FILE --replace`",
            )
            .hint("without a backup they are lost: what shows or uses them fails, and the rest works");
        terminal::report(&failure);
    }
    Ok(Exit::Failed)
}

async fn back_up_database(configuration: &Configuration, file: &Path) -> Result<Exit, Failure> {
    let values = back_up(&configuration.database_file(), &configuration.blobs(), file).await?;
    if values > 0 {
        let folder = values_of(file);
        let values = count_of_values(values);
        let (file, folder) = (file.display(), folder.display());
        terminal::note(format_args!("{file} is written, with {values} in {folder}; keep both together"));
    }
    let lacking = check_values(file, &values_of(file)).await?;
    if let Some(first) = lacking.first() {
        terminal::warn(format_args!("the backup lacks {}: {first}", count_of_values(lacking.len())));
        terminal::tell("  `procession db check` names them all and says what to do");
    }
    Ok(Exit::Done)
}

async fn restore_database(
    configuration: &Configuration,
    file: &Path,
    replace: bool,
    incomplete: bool,
) -> Result<Exit, Failure> {
    let problems = check(file).await.map_err(|error| match error {
        OpenError::Missing(_) => Failure::usage(format_args!("there is no backup {}", file.display()))
            .hint("name the file that `procession db backup FILE` wrote"),
        error => error.into(),
    })?;
    if let Some(problem) = problems.first() {
        return Err(Failure::failed(format_args!("{} is no sound backup: {problem}", file.display()))
            .hint("nothing was changed; take another backup"));
    }
    let lacking = check_values(file, &values_of(file)).await?;
    if !incomplete {
        refuse_incomplete(file, &lacking)?;
    }
    let name = format!("replaced-{}", unix_seconds());
    let options = database_options(configuration);
    let restored = restore(&options, &configuration.blobs(), file, replace.then_some(name.as_str()));
    let restored = restored.map_err(|error| match error {
        OpenError::Folder { .. } if !replace && options.path.exists() => Failure::from(error)
            .hint("--replace puts it aside first, in a folder beside it; or name an empty data folder with --data-dir"),
        error => error.into(),
    })?;
    terminal::say(format_args!("{} is back, with {}", options.path.display(), count_of_values(restored.values)))?;
    for problem in &lacking {
        terminal::warn(problem);
    }
    if let Some(before) = restored.before {
        terminal::say(format_args!("what was there before is in {}", before.display()))?;
    }
    Ok(Exit::Done)
}

/// A backup whose large values are not all there is brought back only on request.
fn refuse_incomplete(file: &Path, lacking: &[String]) -> Result<(), Failure> {
    if lacking.is_empty() {
        return Ok(());
    }
    for problem in lacking {
        terminal::say(problem)?;
    }
    let (count, shown) = (count_of_values(lacking.len()), file.display());
    let failure = Failure::failed(format_args!("the backup {shown} is not whole: {count} missing or damaged"));
    let folder = values_of(file);
    Err(failure
        .hint(format_args!("nothing was changed; the folder {} belongs to the backup: put it there", folder.display()))
        .hint("--incomplete brings it back all the same: what uses those values fails, and the rest works"))
}

/// "1 large value", "2 large values".
fn count_of_values(count: impl TryInto<u64>) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    if count == 1 { "1 large value".to_owned() } else { format!("{count} large values") }
}

fn unix_seconds() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// What to do about a database that is damaged.
fn advise(failure: Failure) -> Failure {
    failure
        .hint("stop what uses it, and keep a copy of its file, with those of the same name that end in -wal and -shm")
        .hint("`procession db restore FILE --replace` brings a backup back")
        .hint("without a backup, `sqlite3 FILE .recover` saves what can still be read, into a new file")
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let is_missing = matches!(error, OpenError::Missing(_));
        let is_damage = error.is_damage() || matches!(error, OpenError::Schema { .. });
        let failure = Self::usage(error);
        if is_damage {
            advise(failure)
        } else if is_missing {
            failure.hint("--data-dir names the data folder; `serve` and `db migrate` make a database")
        } else {
            failure
        }
    }
}
