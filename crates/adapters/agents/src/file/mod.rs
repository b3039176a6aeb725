//! `agents.yaml` (spec 8.3): which agents there are on this machine, checked as a whole, with line and column.

mod node;
mod section;
#[cfg(test)]
mod tests;

use std::fmt;

use indexmap::IndexMap;
use procession_domain::value::{AgentName, Duration};

pub(crate) use self::{
    node::{Content, Node, Place},
    section::Section,
};
use crate::{
    kinds::{command::CommandSettings, mcp::McpSettings, openai::OpenAiSettings, script::Script},
    suggest::did_you_mean,
};

/// The agents of a file.
#[derive(Debug, Clone, Default)]
pub struct AgentsFile {
    pub(crate) agents: IndexMap<String, LocalAgentSettings>,
}

/// One agent of the file: the common keys, and what its kind needs.
#[derive(Debug, Clone)]
pub(crate) struct LocalAgentSettings {
    pub(crate) description: Option<String>,
    pub(crate) concurrency: Option<usize>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) kind: Kind,
}

/// The kinds of local agents.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Echo,
    Script(Script),
    Command(CommandSettings),
    OpenAi(OpenAiSettings),
    Mcp(McpSettings),
}

/// One mistake in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
    /// What is wrong, as a sentence.
    pub message: String,
}

/// Why a file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgentsFileError {
    /// There is no such file.
    #[error("there is no file {0}")]
    Missing(String),
    /// It can't be read.
    #[error("the file {path} can't be read: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// It has mistakes, in the order of the file.
    #[error("{}", listed(.0))]
    Invalid(Vec<Problem>),
}

const KINDS: [&str; 5] = ["echo", "script", "command", "openai", "mcp"];

impl AgentsFile {
    /// Reads a file's text.
    ///
    /// # Errors
    /// [`AgentsFileError::Invalid`] with every mistake.
    pub fn parse(text: &str) -> Result<Self, AgentsFileError> {
        let Some(root) = node::read(text).map_err(AgentsFileError::Invalid)? else {
            return Ok(Self::default());
        };
        let mut problems = Vec::new();
        let agents = read_root(&root, &mut problems);
        if problems.is_empty() {
            Ok(Self { agents })
        } else {
            problems.sort_by_key(|problem| (problem.line, problem.column));
            Err(AgentsFileError::Invalid(problems))
        }
    }

    /// The agents' names, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.agents.keys().map(String::as_str)
    }
}

impl Kind {
    /// The kind's name in the file and in lists.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Script(_) => "script",
            Self::Command(_) => "command",
            Self::OpenAi(_) => "openai",
            Self::Mcp(_) => "mcp",
        }
    }
}

impl Problem {
    pub(crate) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { line: place.line, column: place.column, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

fn listed(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}

fn read_root(root: &Node, problems: &mut Vec<Problem>) -> IndexMap<String, LocalAgentSettings> {
    let mut agents = IndexMap::new();
    let Some(mut section) = Section::of(root, "the file", problems) else {
        return agents;
    };
    if let Some(node) = section.node("agents") {
        match &node.content {
            Content::Map(entries) => {
                for (key, agent) in entries {
                    match AgentName::new(&key.text) {
                        Err(error) => section.refuse(key.place, error.to_string()),
                        Ok(name) if agents.contains_key(name.as_str()) => {
                            section.refuse(key.place, format!("the agent `{name}` is named twice"));
                        }
                        Ok(name) => {
                            if let Some(settings) = read_agent(&name, agent, section.problems()) {
                                agents.insert(String::from(name), settings);
                            }
                        }
                    }
                }
            }
            Content::Null | Content::Scalar(_) | Content::List(_) => {
                let message = format!("`agents` is {}; a mapping of names to agents is expected", node.content.kind());
                section.refuse(node.place, message);
            }
        }
    }
    section.finish();
    agents
}

fn read_agent(name: &str, node: &Node, problems: &mut Vec<Problem>) -> Option<LocalAgentSettings> {
    let mut section = Section::of(node, format!("the agent `{name}`"), problems)?;
    let kind_name = section.required("kind", |text| {
        KINDS.iter().copied().find(|kind| *kind == text).ok_or_else(|| {
            let hint = did_you_mean(text, KINDS);
            format!("`{text}` is not a kind of agent; it may be: {}{hint}", KINDS.join(", "))
        })
    });
    let description = section.text("description");
    let timeout = section.duration("timeout");
    let concurrency = section.count("concurrency", 1);
    // Without a kind nobody can say which other keys are right.
    let kind = match kind_name? {
        "script" => Script::read(&mut section).map(Kind::Script),
        "command" => CommandSettings::read(&mut section).map(Kind::Command),
        "openai" => OpenAiSettings::read(&mut section).map(Kind::OpenAi),
        "mcp" => McpSettings::read(&mut section).map(Kind::Mcp),
        _ => Some(Kind::Echo),
    };
    section.finish();
    Some(LocalAgentSettings {
        description,
        concurrency: concurrency.map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
        timeout,
        kind: kind?,
    })
}
