//! `config show` and `config check`: what is in force, and where each value came from.

use clap::{Args, Subcommand, ValueEnum};
use procession_agents::{AgentsFile, AgentsFileError};
use serde_json::{Map, Value, json};

use super::GlobalArguments;
use crate::{
    config::{Configuration, KEYS, Key, Loaded, Origin},
    exit::{Exit, Failure},
    terminal::{self, style},
};

const EXAMPLES: &str = "\
Examples:
  procession config show
  procession config show engine.queue_length
  PROCESSION_LISTEN=0.0.0.0:80 procession config check";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ConfigArguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show every key, its value, and where that came from; secrets are masked.
    Show {
        /// Only these keys, or the keys of these sections.
        keys: Vec<String>,
        /// The output format.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Check the configuration and the agents file.
    Check,
}

/// The format of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

pub(super) fn run(arguments: &ConfigArguments, global: &GlobalArguments) -> Result<Exit, Failure> {
    let loaded = global.configuration(Vec::new())?;
    match &arguments.action {
        Action::Show { keys, format } => show(&loaded, &chosen(keys)?, *format),
        Action::Check => check(&loaded),
    }
}

fn chosen(names: &[String]) -> Result<Vec<&'static Key>, Failure> {
    for name in names {
        let is_section = |key: &Key| key.name.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'));
        if Key::named(name).is_none() && !KEYS.iter().any(is_section) {
            return Err(Failure::usage(crate::config::unknown_key(name)));
        }
    }
    let is_chosen = |key: &&Key| {
        let within = |name: &String| key.name.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'));
        names.is_empty() || names.iter().any(|name| key.name == name || within(name))
    };
    Ok(KEYS.iter().filter(is_chosen).collect())
}

fn show(loaded: &Loaded, keys: &[&'static Key], format: Format) -> Result<Exit, Failure> {
    let rows: Vec<(&str, Option<String>, Origin)> =
        keys.iter().map(|key| (key.name, in_force(key, &loaded.configuration), loaded.origin(key.name))).collect();
    if format == Format::Json {
        let entry = |(name, value, origin): &(&str, Option<String>, Origin)| {
            ((*name).to_owned(), json!({"value": value, "origin": origin.to_string()}))
        };
        let shown: Map<String, Value> = rows.iter().map(entry).collect();
        terminal::say_json(&Value::Object(shown))?;
        return Ok(Exit::Done);
    }
    let names = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
    let values = rows.iter().filter_map(|(_, value, _)| value.as_ref().map(|value| value.chars().count())).max();
    let values = values.unwrap_or(0).clamp(4, 48);
    for (name, value, origin) in rows {
        let shown = value.unwrap_or_else(|| "none".to_owned());
        let origin = match origin {
            Origin::Default => style::paint(style::DIM, origin),
            Origin::File { .. } | Origin::Environment(_) | Origin::Flag(_) => style::paint(style::ACTIVE, origin),
        };
        terminal::say(format_args!("{name:names$} = {shown:values$}  {origin}"))?;
    }
    Ok(Exit::Done)
}

/// A key's value with what stands in for it when nobody set it.
fn in_force(key: &Key, configuration: &Configuration) -> Option<String> {
    match (key.name, key.show(configuration)) {
        ("agents.file", shown) if shown.is_empty() => Some(configuration.agents_file().display().to_string()),
        ("database.url", shown) if shown.is_empty() => {
            Some(format!("sqlite://{}", configuration.database_file().display()))
        }
        ("auth.secret_key", shown) if shown.is_empty() => Some("kept in the data folder".to_owned()),
        (_, shown) if shown.is_empty() => None,
        (_, shown) => Some(shown),
    }
}

fn check(loaded: &Loaded) -> Result<Exit, Failure> {
    // Loading has found every problem of the configuration itself.
    let path = loaded.configuration.agents_file();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(_) if loaded.origin("agents.file") == Origin::Default && !path.exists() => return Ok(Exit::Done),
        Err(error) => return Err(Failure::usage(format_args!("{} can't be read: {error}", path.display()))),
    };
    match AgentsFile::parse(&text) {
        Ok(_) => Ok(Exit::Done),
        Err(error) => Err(bad_agents_file(&path, &error)),
    }
}

/// What is wrong with a file of agents, a line a problem.
pub(super) fn bad_agents_file(path: &std::path::Path, error: &AgentsFileError) -> Failure {
    match error {
        AgentsFileError::Invalid(problems) => {
            let lines = problems
                .iter()
                .map(|problem| format!("{}:{}:{}: {}", path.display(), problem.line, problem.column, problem.message));
            Failure::usage(lines.collect::<Vec<_>>().join("\n"))
        }
        AgentsFileError::Missing(_) | AgentsFileError::Unreadable { .. } => Failure::usage(error),
    }
}
