//! A file becomes a published version, so that it can be run: the one that is there already, or a new one.

use std::path::{Path, PathBuf};

use procession_application::{
    definitions::DefinitionFailure,
    ports::{PageStart, Paging, ProcessFilter, StoreError},
};
use procession_domain::{
    definition::{Definition, Process, ProcessStatus},
    value::{ProcessId, Version},
};
use procession_language::{Diagnostic, set_version};

use crate::{
    exit::Failure,
    terminal::{self, diagnostics::draw, style},
    wiring::Application,
};

/// How many versions of a process are looked at for the same text.
const LOOKED_AT: u32 = 100;

/// What became of the files.
pub(super) enum Outcome {
    /// All are published; this is the one to run.
    Published(ProcessId),
    /// One has errors; all that is wrong with it.
    Invalid(Vec<Diagnostic>),
}

/// Publishes the other files, then this one, and prints what their checks find.
pub(super) async fn publish_all(
    application: &Application,
    file: &Path,
    others: &[PathBuf],
) -> Result<Outcome, Failure> {
    let mut process = None;
    let mut texts = Vec::new();
    for path in others.iter().map(PathBuf::as_path).chain([file]) {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format_args!("{} can't be read: {error}", path.display())))?;
        let checked = application.definitions.check(&text).await.map_err(Failure::failed)?;
        let Some(definition) = checked.definition else {
            print(path, &text, &checked.diagnostics);
            return Ok(Outcome::Invalid(checked.diagnostics));
        };
        process = Some(published(application, &text, &definition).await?);
        texts.push((path, text));
    }
    // Only now do all of them know each other.
    for (path, text) in &texts {
        let checked = application.definitions.check(text).await.map_err(Failure::failed)?;
        print(path, text, &checked.diagnostics);
    }
    process.map(Outcome::Published).ok_or_else(|| Failure::usage("a process file is needed"))
}

fn print(path: &Path, text: &str, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        terminal::tell(format_args!("{}\n", draw(&path.display().to_string(), text, diagnostic)));
    }
}

/// The published version with this text: one of the data folder, or a new one. When the version's number belongs to
/// another text, the next number is taken.
async fn published(application: &Application, text: &str, definition: &Definition) -> Result<ProcessId, Failure> {
    let versions = versions_of(application, definition).await.map_err(Failure::failed)?;
    let has_text =
        |process: &&Process| set_version(text, process.definition().version()).is_ok_and(|text| text == process.yaml());
    let same = versions.iter().filter(|process| process.yaml() == text).chain(versions.iter().filter(has_text));
    for process in same {
        match process.status() {
            ProcessStatus::Published => return Ok(process.id()),
            ProcessStatus::Draft => {
                let published = application.definitions.publish(process.id(), None).await.map_err(refused)?;
                return Ok(published.process.id());
            }
            ProcessStatus::Archived => {}
        }
    }
    let version = definition.version();
    let highest = application.ports.definitions.highest_version(definition.name()).await.map_err(Failure::failed)?;
    let is_taken = versions.iter().any(|process| process.definition().version() == version);
    let text = match highest.filter(|_| is_taken) {
        Some(highest) => renumbered(text, definition, highest.max(version).next_major())?,
        None => text.to_owned(),
    };
    let draft = application.definitions.create(text, None).await.map_err(refused)?;
    let published = application.definitions.publish(draft.process.id(), None).await.map_err(refused)?;
    Ok(published.process.id())
}

fn renumbered(text: &str, definition: &Definition, version: Version) -> Result<String, Failure> {
    let note = format!(
        "version {} of {} in the data folder has another text; this one runs as version {version}",
        definition.version(),
        definition.name()
    );
    terminal::tell(style::paint(style::DIM, note));
    set_version(text, version).map_err(Failure::failed)
}

/// The versions of a process in the data folder.
async fn versions_of(application: &Application, definition: &Definition) -> Result<Vec<Process>, StoreError> {
    let filter = ProcessFilter { name: Some(definition.name().to_string()), ..ProcessFilter::default() };
    let paging = Paging { limit: LOOKED_AT, start: PageStart::Offset(0) };
    let page = application.definitions.list(&filter, &paging).await?;
    let mut versions = Vec::new();
    for row in page.rows {
        versions.extend(application.ports.definitions.load(row.id).await?);
    }
    Ok(versions)
}

fn refused(error: DefinitionFailure) -> Failure {
    Failure::failed(error)
}
