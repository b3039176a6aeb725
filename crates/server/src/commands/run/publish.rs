//! A file becomes a published version, so that it can be run: the one that is there already, or a new one.

use std::path::{Path, PathBuf};

use procession_application::{
    access::Principal,
    definitions::{DefinitionFailure, Ensured},
};
use procession_domain::{definition::Definition, value::ProcessId};
use procession_language::Diagnostic;

use crate::{
    exit::Failure,
    terminal::{self, draw, style},
    wiring::Application,
};

/// What became of the files.
pub(super) enum Outcome {
    /// All are published.
    Published(Published),
    /// One has errors; all that is wrong with it.
    Invalid(Vec<Diagnostic>),
}

/// Processes that are published.
pub(super) struct Published {
    /// The one to run.
    pub process: ProcessId,
    /// All of them.
    pub definitions: Vec<Definition>,
}

/// Publishes the other files, then this one, and prints what their checks find.
pub(super) async fn publish_all(
    application: &Application,
    by: &Principal,
    file: &Path,
    others: &[PathBuf],
) -> Result<Outcome, Failure> {
    let mut process = None;
    let mut definitions = Vec::new();
    let mut texts = Vec::new();
    for path in others.iter().map(PathBuf::as_path).chain([file]) {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format_args!("{} can't be read: {error}", path.display())))?;
        let checked = application.definitions.check(by, &text).await.map_err(refused)?;
        let Some(definition) = checked.definition else {
            print(path, &text, &checked.diagnostics);
            return Ok(Outcome::Invalid(checked.diagnostics));
        };
        let ensured = application.definitions.ensure_published(by, text.clone()).await.map_err(refused)?;
        note_number(&definition, &ensured);
        process = Some(ensured.id);
        definitions.push(definition);
        texts.push((path, text));
    }
    // Only now do all of them know each other.
    for (path, text) in &texts {
        let checked = application.definitions.check(by, text).await.map_err(refused)?;
        print(path, text, &checked.diagnostics);
    }
    let process = process.ok_or_else(|| Failure::usage("a process file is needed"))?;
    Ok(Outcome::Published(Published { process, definitions }))
}

fn print(path: &Path, text: &str, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        terminal::tell(format_args!("{}\n", draw(&path.display().to_string(), text, diagnostic)));
    }
}

/// Says that the version's number belongs to another text, if that is new.
fn note_number(definition: &Definition, ensured: &Ensured) {
    if ensured.is_new && ensured.version != definition.version() {
        let note = format!(
            "version {} of {} in the data folder has another text; this one runs as version {}",
            definition.version(),
            definition.name(),
            ensured.version
        );
        terminal::tell(style::paint(style::DIM, note));
    }
}

fn refused(error: DefinitionFailure) -> Failure {
    Failure::failed(error)
}
