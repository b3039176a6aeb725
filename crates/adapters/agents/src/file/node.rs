//! `agents.yaml` as its readers need it: every value with its line and column, single values as they are written.

use procession_yaml::{Kind, Position, Reading, Source};

use super::Problem;

/// A place in the file, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: u64,
    pub(crate) column: u64,
}

/// A node with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) content: Content,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// Nothing, or `null`.
    Null,
    /// Any scalar, as it is written: a price of `0.10` keeps its last digit.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) place: Place,
    pub(crate) text: String,
}

impl Content {
    /// What it is, for messages: "a list".
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Scalar(_) => "a single value",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Reads the text; `None` if there is nothing in it. What is wrong with it as YAML comes back as problems.
pub(super) fn read(text: &str) -> Result<Option<Node>, Vec<Problem>> {
    let source = Source::new(text);
    let document = procession_yaml::read(&source, Reading::default());
    let serious = document.problems.iter().filter(|problem| !problem.fault.is_harmless());
    let problems: Vec<Problem> = serious
        // The corrected line is left out: it may hold a secret.
        .map(|problem| Problem::new(Place::of(source.position(problem.span.start)), &*problem.message))
        .collect();
    if problems.is_empty() { Ok(document.root.map(|root| node(root, &source))) } else { Err(problems) }
}

fn node(node: procession_yaml::Node<'_>, source: &Source<'_>) -> Node {
    let start = node.alias.unwrap_or(node.span).start;
    let place = Place::of(source.position(start));
    let content = match node.kind {
        _ if node.is_null() => Content::Null,
        Kind::Scalar(scalar) => Content::Scalar(scalar.text.into_owned()),
        Kind::List(items) => Content::List(items.into_iter().map(|item| self::node(item, source)).collect()),
        Kind::Map(entries) => Content::Map(
            entries
                .into_iter()
                .map(|entry| {
                    let place = Place::of(source.position(entry.key_span.start));
                    (Key { place, text: entry.key.into_owned() }, self::node(entry.value, source))
                })
                .collect(),
        ),
        // What could not be read is a problem, so that nobody gets here.
        Kind::Broken => Content::Null,
    };
    Node { place, content }
}

impl Place {
    fn of(position: Position) -> Self {
        Self { line: position.line.into(), column: position.column.into() }
    }
}
