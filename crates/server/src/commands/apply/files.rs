//! The process files of folders: read, checked together, and in an order in which they can be published.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use procession_domain::{
    definition::{Definition, StepKind},
    value::{ProcessName, Version},
};

use crate::{
    commands::{
        remote::count,
        validate::{CheckedFile, check_together, read as read_file},
    },
    exit::Failure,
    terminal::{self, draw},
};

/// Files that lie beside processes and are none.
const OTHER_FILES: [&str; 4] = ["agents.yaml", "agents.yml", "procession.yaml", "procession.yml"];

/// A file with the process in it.
#[derive(Debug)]
pub(super) struct ProcessFile {
    /// As it is shown.
    pub path: String,
    pub text: String,
    pub definition: Definition,
}

/// Reads the process files of these folders, those that others run as sub-processes first.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<ProcessFile>, Failure> {
    let mut found = BTreeSet::new();
    for path in paths {
        gather(path, &mut found)?;
    }
    if found.is_empty() {
        return Err(Failure::usage("there are no process files (*.yaml, *.yml) there")
            .hint("`procession init` writes a first one"));
    }
    let mut files = Vec::new();
    for path in &found {
        files.push(read_file(path).map_err(|error| unreadable(path, &error))?);
    }
    check_together(&mut files, None);
    let files = valid(files)?;
    check_numbers(&files)?;
    Ok(in_order(files))
}

/// Adds the process files at a path.
fn gather(path: &Path, found: &mut BTreeSet<PathBuf>) -> Result<(), Failure> {
    if !path.is_dir() {
        found.insert(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(|error| unreadable(path, &error))? {
        let entry = entry.map_err(|error| unreadable(path, &error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().map_err(|error| unreadable(path, &error))?;
        let is_process_file = Path::new(&name)
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml"))
            && !OTHER_FILES.contains(&name.as_str());
        if name.starts_with('.') {
            continue;
        }
        // Links to folders are not followed: they may lead back.
        if kind.is_dir() {
            gather(&entry.path(), found)?;
        } else if is_process_file && !entry.path().is_dir() {
            found.insert(entry.path());
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format_args!("{} can't be read: {error}", path.display()))
}

/// The files, if none has errors. What is wrong or odd is shown.
fn valid(files: Vec<CheckedFile>) -> Result<Vec<ProcessFile>, Failure> {
    let (mut good, mut bad) = (Vec::new(), 0);
    for file in files {
        for diagnostic in &file.diagnostics {
            terminal::tell(format_args!("{}\n", draw(&file.name, &file.text, diagnostic)));
        }
        match file.definition {
            Some(definition) => good.push(ProcessFile { path: file.name, text: file.text, definition }),
            None => bad += 1,
        }
    }
    if bad > 0 {
        let verb = if bad == 1 { "has" } else { "have" };
        return Err(Failure::failed(format_args!("{} {verb} errors; nothing was changed", count(bad, "file"))));
    }
    Ok(good)
}

/// Two files may be versions of one process, but not the same one.
fn check_numbers(files: &[ProcessFile]) -> Result<(), Failure> {
    let mut seen: BTreeMap<(&ProcessName, Version), &str> = BTreeMap::new();
    for file in files {
        let (name, version) = (file.definition.name(), file.definition.version());
        if let Some(other) = seen.insert((name, version), &file.path) {
            let message = format!("{other} and {} are both version {version} of `{name}`", file.path);
            return Err(Failure::failed(message).hint("rename one of the processes, or give it another version"));
        }
    }
    Ok(())
}

/// Sub-processes before those that run them, so that nothing is published that runs what is not there yet; versions of
/// one process in their order.
fn in_order(mut files: Vec<ProcessFile>) -> Vec<ProcessFile> {
    files.sort_by(|a, b| {
        (a.definition.name(), a.definition.version()).cmp(&(b.definition.name(), b.definition.version()))
    });
    let mut ordered = Vec::with_capacity(files.len());
    let mut done: BTreeSet<ProcessName> = BTreeSet::new();
    while !files.is_empty() {
        let names: BTreeSet<ProcessName> = files.iter().map(|file| file.definition.name().clone()).collect();
        let is_ready = |file: &ProcessFile| {
            let own = file.definition.name();
            children(&file.definition).all(|child| child == own || done.contains(child) || !names.contains(child))
        };
        let (mut ready, waiting): (Vec<_>, Vec<_>) = files.into_iter().partition(is_ready);
        if ready.is_empty() {
            // A circle, which the check has told.
            ordered.extend(waiting);
            break;
        }
        let late: BTreeSet<&ProcessName> = waiting.iter().map(|file| file.definition.name()).collect();
        done.extend(ready.iter().map(|file| file.definition.name().clone()).filter(|name| !late.contains(name)));
        ordered.append(&mut ready);
        files = waiting;
    }
    ordered
}

/// The processes that a process runs.
pub(super) fn children(definition: &Definition) -> impl Iterator<Item = &ProcessName> {
    definition.steps().iter().filter_map(|step| match &step.kind {
        StepKind::SubProcess(child) => Some(&child.process_name),
        StepKind::AgentTask(_)
        | StepKind::HumanApproval(_)
        | StepKind::Gateway(_)
        | StepKind::Timer(_)
        | StepKind::Notification(_) => None,
    })
}
