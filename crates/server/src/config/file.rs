//! The configuration file: YAML, nested or with dots, read into keys with their lines.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{MessageFormatter, Spanned, UserMessageFormatter, budget, options};

use super::{KEYS, Key, suggest::nearest_key, values::GivenValue};

/// What a file sets, in its order.
#[derive(Default)]
pub(super) struct Entries {
    /// Key, line, value.
    pub entries: Vec<(&'static Key, u64, GivenValue)>,
    /// Line, problem.
    pub problems: Vec<(u64, String)>,
}

/// Reads a file's text.
pub(super) fn read(text: &str) -> Entries {
    let mut found = Entries::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#') || line.trim() == "---";
    if text.lines().all(is_blank) {
        return found;
    }
    let options = options! {
        budget: budget! { max_depth: 8, max_nodes: 10_000, max_aliases: 100 },
        strict_booleans: true,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Node>>(text, options) {
        Ok(root) => match root.value {
            Node::Map(entries) => flatten(text, "", entries, &mut found),
            Node::Null => {}
            other @ (Node::Plain(_) | Node::Text(_) | Node::List(_)) => {
                let message = format!("the file is {}; keys with values are expected", other.kind());
                found.problems.push((1, message));
            }
        },
        Err(error) => {
            let error = error.without_snippet();
            let line = error.location().map_or(1, |place| place.line().max(1));
            found.problems.push((line, UserMessageFormatter.format_message(error).into()));
        }
    }
    found
}

/// What to say about a name that is no key.
pub fn unknown(name: &str) -> String {
    match nearest_key(name) {
        Some(near) => format!("unknown key `{name}`; did you mean `{near}`?"),
        None => format!("unknown key `{name}`; `procession config show` lists the keys"),
    }
}

fn flatten(source: &str, section: &str, entries: Vec<(Spanned<String>, Spanned<Node>)>, found: &mut Entries) {
    for (key, value) in entries {
        let line = key.referenced.line().max(1);
        let name = if section.is_empty() { key.value } else { format!("{section}.{}", key.value) };
        let is_section =
            KEYS.iter().any(|known| known.name.strip_prefix(&*name).is_some_and(|rest| rest.starts_with('.')));
        let as_written = as_written(source, &value);
        match (Key::named(&name), value.value) {
            (_, Node::Null) if is_section || Key::named(&name).is_some() => {}
            (Some(key), Node::Text(text)) => found.entries.push((key, line, GivenValue::Text(text))),
            (Some(key), Node::Plain(shown)) => {
                found.entries.push((key, line, GivenValue::Text(as_written.unwrap_or(shown))));
            }
            (Some(key), Node::List(items)) => {
                let texts: Option<Vec<String>> = items.into_iter().map(Node::into_text).collect();
                match texts {
                    Some(texts) => found.entries.push((key, line, GivenValue::List(texts))),
                    None => found.problems.push((line, format!("`{name}` takes {}", key.takes()))),
                }
            }
            (Some(key), other @ Node::Map(_)) => {
                found.problems.push((line, format!("`{name}` is {}; it takes {}", other.kind(), key.takes())));
            }
            (None, Node::Map(inner)) if is_section => flatten(source, &name, inner, found),
            (None, other) if is_section => {
                let message = format!("`{name}` is {}; it is a section with keys in it", other.kind());
                found.problems.push((line, message));
            }
            (None, _) | (Some(_), Node::Null) => found.problems.push((line, unknown(&name))),
        }
    }
}

/// The text of a value as it stands in the file: a password of `007` keeps its zeros.
fn as_written(source: &str, value: &Spanned<Node>) -> Option<String> {
    let span = value.defined.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
    source.get(start..end).map(|text| text.trim().to_owned())
}

/// A part of the file.
enum Node {
    Null,
    /// A number or a boolean.
    Plain(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl Node {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Plain(_) | Self::Text(_) => "a single value",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }

    fn into_text(self) -> Option<String> {
        match self {
            Self::Plain(text) | Self::Text(text) => Some(text),
            Self::Null | Self::List(_) | Self::Map(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut found = Vec::new();
        while let Some(item) = items.next_element()? {
            found.push(item);
        }
        Ok(Node::List(found))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut found = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            found.push(entry);
        }
        Ok(Node::Map(found))
    }
}
