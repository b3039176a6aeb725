//! `validate`: diagnostics of process files, as a compiler prints them, as JSON, or as continuous integration reads them.

mod github;
mod sarif;
mod watch;

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, ValueEnum};
use procession_agents::{AgentsFile, AgentsFileError};
use procession_domain::{
    definition::Definition,
    value::{ProcessName, Version},
};
use procession_language::{AgentState, Code, Diagnostic, Lookup, Nothing, Severity, Surroundings, check};
use serde_json::{Value, json};

use super::config::bad_agents_file;
use crate::{
    exit::{Exit, Failure},
    terminal::{self, draw, style, text::clean_lines},
};

const EXAMPLES: &str = "\
Examples:
  procession validate research.yaml
  procession validate processes/*.yaml --deny warnings
  cat research.yaml | procession validate - --format json
  procession validate research.yaml --agents procession-data/agents.yaml
  procession validate research.yaml --watch                checks again whenever the file changes
  procession validate processes/*.yaml --format github     annotations of a pull request
  procession validate processes/*.yaml --format sarif > procession.sarif";

/// The name of standard input.
const STANDARD_INPUT: &str = "-";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ValidateArguments {
    /// Process files; `-` reads standard input. Files given together can use each other's processes.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The output format.
    #[arg(long, value_enum, default_value_t)]
    format: Output,
    /// The agents file, so that unknown agents are found.
    #[arg(long, value_name = "FILE")]
    agents: Option<PathBuf>,
    /// What counts as a failure besides errors.
    #[arg(long, value_name = "WHAT", value_enum)]
    deny: Option<Denied>,
    /// Check again whenever a file changes, until Ctrl-C.
    #[arg(long)]
    watch: bool,
}

/// How problems are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Output {
    /// As a compiler draws them.
    #[default]
    Text,
    /// For programs: one JSON object.
    Json,
    /// As annotations of GitHub Actions.
    Github,
    /// SARIF 2.1.0, for tools that gather findings.
    Sarif,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Denied {
    /// Warnings fail as errors do.
    Warnings,
}

/// A file with what was found in it.
pub(super) struct CheckedFile {
    /// As it was given.
    given: String,
    /// As it is shown.
    pub name: String,
    pub text: String,
    pub diagnostics: Vec<Diagnostic>,
    /// What it defines, if there is no error.
    pub definition: Option<Definition>,
}

pub(super) fn run(arguments: &ValidateArguments) -> Result<Exit, Failure> {
    if arguments.watch { watch::watch(arguments) } else { check_once(arguments) }
}

fn check_once(arguments: &ValidateArguments) -> Result<Exit, Failure> {
    let agents = arguments.agents.as_ref().map(read_agents).transpose()?;
    let mut files = Vec::new();
    let mut unreadable = false;
    for path in &arguments.files {
        match read(path) {
            Ok(file) => files.push(file),
            Err(error) => {
                terminal::report(&Failure::usage(format_args!("{} can't be read: {error}", path.display())));
                unreadable = true;
            }
        }
    }
    check_together(&mut files, agents);
    match arguments.format {
        Output::Text => print(&files)?,
        Output::Json => terminal::say_json(&as_json(&files))?,
        Output::Github => github::print(&files)?,
        Output::Sarif => terminal::say_json(&sarif::report(&files))?,
    }
    let denies_warnings = arguments.deny == Some(Denied::Warnings);
    let fails = |diagnostic: &Diagnostic| denies_warnings || diagnostic.is_error();
    Ok(if unreadable {
        Exit::Usage
    } else if files.iter().flat_map(|file| &file.diagnostics).any(fails) {
        Exit::Failed
    } else {
        Exit::Done
    })
}

/// Checks files that may use each other's processes.
pub(super) fn check_together(files: &mut [CheckedFile], agents: Option<BTreeMap<String, AgentState>>) {
    let processes = processes_in(files);
    let known = Known { agents, processes };
    for file in files {
        if file.diagnostics.is_empty() {
            let checked = check(&file.text, &known);
            (file.diagnostics, file.definition) = (checked.diagnostics, checked.definition);
        }
    }
}

/// Reads a file; one that is no text has that as its problem.
pub(super) fn read(path: &Path) -> io::Result<CheckedFile> {
    let is_standard_input = path.as_os_str() == STANDARD_INPUT;
    let bytes = if is_standard_input {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes)?;
        bytes
    } else {
        fs::read(path)?
    };
    let given = path.display().to_string();
    let name = if is_standard_input { "<stdin>".to_owned() } else { given.clone() };
    Ok(match String::from_utf8(bytes) {
        Ok(text) => CheckedFile { given, name, text, diagnostics: Vec::new(), definition: None },
        Err(error) => {
            let (valid, _) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
            let diagnostics = vec![not_text(&String::from_utf8_lossy(valid))];
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            CheckedFile { given, name, text, diagnostics, definition: None }
        }
    })
}

/// The problem of a file that is no text; `before` is what could be read of it.
fn not_text(before: &str) -> Diagnostic {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let line = count(before.matches('\n').count() + 1);
    let column = count(before.rsplit('\n').next().unwrap_or_default().chars().count() + 1);
    Diagnostic {
        code: Code::YamlSyntax,
        severity: Severity::Error,
        message: "the file is not UTF-8 text; save it in that encoding".to_owned(),
        path: String::new(),
        line,
        column,
        end_line: line,
        end_column: column + 1,
        suggestion: None,
        step_id: None,
        fix: None,
    }
}

fn read_agents(path: &PathBuf) -> Result<BTreeMap<String, AgentState>, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format_args!("{} (--agents) can't be read: {error}", path.display())))?;
    let file = AgentsFile::parse(&text).map_err(|error: AgentsFileError| bad_agents_file(path, &error))?;
    Ok(file.names().map(|name| (name.to_owned(), AgentState::Running)).collect())
}

/// The processes that the files define, for those that run them as sub-processes.
fn processes_in(files: &[CheckedFile]) -> HashMap<ProcessName, Vec<Arc<Definition>>> {
    let mut processes: HashMap<ProcessName, Vec<Arc<Definition>>> = HashMap::new();
    if files.len() > 1 {
        for definition in files.iter().filter_map(|file| check(&file.text, &Nothing).definition) {
            processes.entry(definition.name().clone()).or_default().push(Arc::new(definition));
        }
    }
    processes
}

/// What is known beyond each file: the agents, and the other files.
struct Known {
    agents: Option<BTreeMap<String, AgentState>>,
    processes: HashMap<ProcessName, Vec<Arc<Definition>>>,
}

impl Surroundings for Known {
    fn agents(&self) -> Option<&BTreeMap<String, AgentState>> {
        self.agents.as_ref()
    }

    fn process(&self, name: &ProcessName, version: Option<Version>) -> Lookup {
        let versions = self.processes.get(name).into_iter().flatten();
        let fitting = versions.filter(|definition| version.is_none_or(|version| definition.version() == version));
        let newest = fitting.max_by_key(|definition| definition.version());
        newest.map_or(Lookup::Unknown, |definition| Lookup::Found(Arc::clone(definition)))
    }
}

fn print(files: &[CheckedFile]) -> io::Result<()> {
    for file in files {
        for diagnostic in &file.diagnostics {
            terminal::say(format_args!("{}\n", draw(&file.name, &file.text, diagnostic)))?;
        }
    }
    match summary(files) {
        Some(summary) => terminal::say(summary),
        None => Ok(()),
    }
}

/// "2 files: 1 error, 3 warnings"; nothing when no file could be read.
fn summary(files: &[CheckedFile]) -> Option<String> {
    let counted = |number: usize, what: &str| match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    };
    let errors = files.iter().flat_map(|file| &file.diagnostics).filter(|diagnostic| diagnostic.is_error()).count();
    let warnings = files.iter().map(|file| file.diagnostics.len()).sum::<usize>() - errors;
    let found = match (errors, warnings) {
        (0, 0) => style::paint(style::GOOD, "no problems"),
        (0, _) => style::paint(style::WAITING, counted(warnings, "warning")),
        (_, 0) => style::paint(style::BAD, counted(errors, "error")),
        (_, _) => style::paint(style::BAD, format!("{}, {}", counted(errors, "error"), counted(warnings, "warning"))),
    };
    (!files.is_empty()).then(|| format!("{}: {found}", counted(files.len(), "file")))
}

fn as_json(files: &[CheckedFile]) -> Value {
    let files = files.iter().map(|file| {
        let valid = !file.diagnostics.iter().any(Diagnostic::is_error);
        let diagnostics: Vec<Value> = file.diagnostics.iter().map(diagnostic_json).collect();
        json!({"file": file.given, "valid": valid, "diagnostics": diagnostics})
    });
    json!({"files": files.collect::<Vec<_>>()})
}

/// A problem with what to write instead, unless its message says that already.
fn in_words(diagnostic: &Diagnostic) -> String {
    let Diagnostic { message, suggestion, .. } = diagnostic;
    let words = match suggestion.as_deref().map(str::trim_end) {
        Some(suggestion) if !message.contains(&format!("`{suggestion}`")) => format!("{message}\nwrite: {suggestion}"),
        Some(_) | None => message.clone(),
    };
    clean_lines(&words)
}

/// A diagnostic on the wire: also with `level`, as existing clients read it (spec 1.11).
pub(super) fn diagnostic_json(diagnostic: &Diagnostic) -> Value {
    let mut value = json!(diagnostic);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("level".to_owned(), json!(diagnostic.severity));
    }
    value
}
