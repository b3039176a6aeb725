//! The environment of a program of kind `command`: a clean one, with what its agent names, and never the server's secrets.

use secrecy::{ExposeSecret, SecretString};

use crate::{
    file::{Content, Node, Section},
    secret::{Environment, Masks, Secret, SecretSource},
};

/// What programs get of the server's environment unasked; further names are listed in the file.
const ALWAYS_INHERITED: [&str; 18] = [
    "PATH",
    "HOME",
    "LANG",
    "TZ",
    "TMPDIR",
    "LC_ALL",
    "LC_ADDRESS",
    "LC_COLLATE",
    "LC_CTYPE",
    "LC_IDENTIFICATION",
    "LC_MEASUREMENT",
    "LC_MESSAGES",
    "LC_MONETARY",
    "LC_NAME",
    "LC_NUMERIC",
    "LC_PAPER",
    "LC_TELEPHONE",
    "LC_TIME",
];

/// How long the value of a variable is that is masked, in bytes: shorter ones are in every other word.
const SHORTEST_MASKED: usize = 4;

/// What the file says of a program's environment.
#[derive(Debug, Clone, Default)]
pub(super) struct ProgramEnvironment {
    /// `env`; an empty value is `None`.
    variables: Vec<(String, Option<SecretSource>)>,
    /// `inherit`.
    inherited: Vec<String>,
}

impl ProgramEnvironment {
    /// Reads the keys `env` and `inherit`.
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            variables: section.node("env").map(|node| read_variables(node, section)).unwrap_or_default(),
            inherited: section.node("inherit").map(|node| read_inherited(node, section)).unwrap_or_default(),
        }
    }

    /// The variables that the program gets, or the name of one that is missing for them.
    pub(super) fn resolve(&self, environment: &Environment) -> Result<Vec<(String, SecretString)>, String> {
        let inherited = ALWAYS_INHERITED.into_iter().chain(self.inherited.iter().map(String::as_str));
        let mut variables: Vec<(String, SecretString)> =
            inherited.filter_map(|name| Some((name.to_owned(), environment(name)?.into()))).collect();
        for (name, source) in &self.variables {
            let value = match source.as_ref().map(|source| source.resolve(environment)) {
                None => SecretString::default(),
                Some(Secret::Known(value)) => value,
                Some(Secret::Missing(variable)) => return Err(variable),
            };
            variables.push((name.clone(), value));
        }
        Ok(variables)
    }

    /// The masks for the values that hold a variable of the server's.
    pub(super) fn masks(&self, environment: &Environment) -> Masks {
        let sources = self.variables.iter().filter_map(|(_, source)| source.as_ref());
        let secret = sources.filter(|source| source.variables().next().is_some());
        let known = secret.filter_map(|source| source.resolve(environment).known().cloned());
        Masks::of(known.filter(|value| value.expose_secret().len() >= SHORTEST_MASKED))
    }
}

/// The texts of a list.
pub(super) fn texts(items: &[Node], what: &str, section: &mut Section<'_>) -> Vec<String> {
    let mut texts = Vec::new();
    for item in items {
        match &item.content {
            Content::Scalar(text) => texts.push(text.clone()),
            Content::Null | Content::List(_) | Content::Map(_) => {
                let message = format!("a word of {what} is {}; a text is expected", item.content.kind());
                section.refuse(item.place, message);
            }
        }
    }
    texts
}

/// `env`: names and values, which may read the server's environment.
fn read_variables(node: &Node, section: &mut Section<'_>) -> Vec<(String, Option<SecretSource>)> {
    let Content::Map(entries) = &node.content else {
        section
            .refuse(node.place, format!("`env` is {}; a mapping of names to values is expected", node.content.kind()));
        return Vec::new();
    };
    let mut variables = Vec::new();
    for (key, value) in entries {
        if let Err(problem) = check_variable(&key.text) {
            section.refuse(key.place, format!("`env`: {problem}"));
        }
        let source = match &value.content {
            Content::Scalar(text) if text.is_empty() => Ok(None),
            Content::Scalar(text) => SecretSource::parse(text).map(Some),
            Content::Null => Err("it has no value; write \"\" for an empty one".to_owned()),
            Content::List(_) | Content::Map(_) => {
                Err(format!("it is {}; a single value is expected", value.content.kind()))
            }
        };
        let is_own = |source: &SecretSource| source.variables().find(|name| is_of_server(name)).map(str::to_owned);
        match source {
            Ok(source) => match source.as_ref().and_then(is_own) {
                Some(name) => section.refuse(value.place, format!("`env`: {}", belongs_to_server(&name))),
                None => variables.push((key.text.clone(), source)),
            },
            Err(problem) => section.refuse(value.place, format!("`{}` of `env`: {problem}", key.text)),
        }
    }
    variables
}

/// `inherit`: names of variables that the program gets as the server has them.
fn read_inherited(node: &Node, section: &mut Section<'_>) -> Vec<String> {
    let Content::List(items) = &node.content else {
        section.refuse(node.place, format!("`inherit` is {}; a list of names is expected", node.content.kind()));
        return Vec::new();
    };
    for item in items {
        if let Content::Scalar(name) = &item.content
            && let Err(problem) = check_variable(name)
        {
            section.refuse(item.place, format!("`inherit`: {problem}"));
        }
    }
    texts(items, "`inherit`", section)
}

/// Whether a program may be given a variable of this name; the error is a sentence.
fn check_variable(name: &str) -> Result<(), String> {
    let is_name = !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        return Err(format!("`{name}` is not a valid variable name: use letters, digits and `_`"));
    }
    if is_of_server(name) { Err(belongs_to_server(name)) } else { Ok(()) }
}

/// The server's own settings, its secret key and first password among them, are none of a program's business.
fn is_of_server(name: &str) -> bool {
    name.starts_with("PROCESSION_") || name == "SECRET_KEY"
}

fn belongs_to_server(name: &str) -> String {
    format!("`{name}` is reserved for the server; give the program a variable with another name")
}
