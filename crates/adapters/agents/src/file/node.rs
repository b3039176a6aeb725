//! `agents.yaml` as a tree in which every node knows its place, so that every problem can be told with line and column.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{MessageFormatter, Spanned, UserMessageFormatter, budget, options};

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

/// Parses the text; syntax errors, repeated keys and oversized documents come back as the one problem that they are.
pub(super) fn parse(text: &str) -> Result<Node, Problem> {
    let options = options! {
        budget: budget! { max_depth: 12, max_nodes: 50_000, max_aliases: 100, max_total_scalar_bytes: 2 * 1024 * 1024 },
        strict_booleans: true,
    };
    let raw: Raw = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let error = error.without_snippet();
        let place = error.location().map_or(Place { line: 1, column: 1 }, |found| Place {
            line: found.line().max(1),
            column: found.column().max(1),
        });
        Problem::new(place, UserMessageFormatter.format_message(error))
    })?;
    Ok(raw.into_node(text))
}

struct Raw(Spanned<RawContent>);

enum RawContent {
    Null,
    /// A number or a boolean: its text is read from the source, by its place.
    Plain(String),
    Text(String),
    List(Vec<Raw>),
    Map(Vec<(Spanned<String>, Raw)>),
}

impl Raw {
    fn into_node(self, source: &str) -> Node {
        let Spanned { value, referenced, defined } = self.0;
        let as_written = || {
            let span = defined.span();
            let start = usize::try_from(span.byte_offset()?).ok()?;
            let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
            source.get(start..end).map(|text| text.trim().to_owned())
        };
        let content = match value {
            RawContent::Null => Content::Null,
            RawContent::Plain(shown) => Content::Scalar(as_written().unwrap_or(shown)),
            RawContent::Text(text) => Content::Scalar(text),
            RawContent::List(items) => Content::List(items.into_iter().map(|item| item.into_node(source)).collect()),
            RawContent::Map(entries) => {
                let entry = |(key, value): (Spanned<String>, Self)| {
                    let place = Place { line: key.referenced.line(), column: key.referenced.column() };
                    (Key { place, text: key.value }, value.into_node(source))
                };
                Content::Map(entries.into_iter().map(entry).collect())
            }
        };
        Node { place: Place { line: referenced.line(), column: referenced.column() }, content }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for RawContent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = RawContent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<RawContent, E> {
        Ok(RawContent::Null)
    }

    fn visit_none<E>(self) -> Result<RawContent, E> {
        Ok(RawContent::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawContent, D::Error> {
        RawContent::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<RawContent, E> {
        Ok(RawContent::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<RawContent, E> {
        Ok(RawContent::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<RawContent, E> {
        Ok(RawContent::Plain(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<RawContent, E> {
        Ok(RawContent::Plain(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<RawContent, E> {
        Ok(RawContent::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<RawContent, E> {
        Ok(RawContent::Plain(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<RawContent, E> {
        Ok(RawContent::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawContent, A::Error> {
        let mut found = Vec::new();
        while let Some(item) = items.next_element()? {
            found.push(item);
        }
        Ok(RawContent::List(found))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<RawContent, A::Error> {
        let mut found = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            found.push(entry);
        }
        Ok(RawContent::Map(found))
    }
}
