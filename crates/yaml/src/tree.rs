//! The tree that a YAML document is, with the place of every key and value.

use std::borrow::Cow;

use serde_json::Number;

use crate::{scalar::Resolved, source::Span};

/// A value.
#[derive(Debug, Clone)]
pub struct Node<'t> {
    /// What it is.
    pub kind: Kind<'t>,
    /// Where it is written; for an alias, where its anchor is.
    pub span: Span,
    /// The alias through which it is used here.
    pub alias: Option<Span>,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum Kind<'t> {
    /// A single value.
    Scalar(Scalar<'t>),
    /// A list.
    List(Vec<Node<'t>>),
    /// A mapping, in the order of the text.
    Map(Vec<Entry<'t>>),
    /// What could not be read; the reason has been reported.
    Broken,
}

/// A text, number, boolean or null.
#[derive(Debug, Clone)]
pub struct Scalar<'t> {
    /// Its characters, escapes and line folding undone.
    pub text: Cow<'t, str>,
    /// How it is written.
    pub style: Style,
    /// What it means.
    pub resolved: Resolved,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|` or `>`
    Block,
    /// Without quotes where YAML wants them; the text is the author's, as it stands in the file.
    Repaired,
}

/// A key with its value.
#[derive(Debug, Clone)]
pub struct Entry<'t> {
    /// The key's characters.
    pub key: Cow<'t, str>,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Node<'t>,
}

impl<'t> Node<'t> {
    /// What could not be read.
    pub const fn broken(span: Span) -> Self {
        Self { kind: Kind::Broken, span, alias: None }
    }

    /// Whether it is null, or not written at all.
    pub const fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(Scalar { resolved: Resolved::Null, .. }))
    }

    /// Whether it could not be read.
    pub const fn is_broken(&self) -> bool {
        matches!(self.kind, Kind::Broken)
    }

    /// Its characters, if it is a scalar other than null.
    pub fn scalar_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(scalar) if scalar.resolved != Resolved::Null => Some(&scalar.text),
            Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) | Kind::Broken => None,
        }
    }

    /// Its entries, if it is a mapping.
    pub fn entries(&self) -> Option<&[Entry<'t>]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            Kind::Scalar(_) | Kind::List(_) | Kind::Broken => None,
        }
    }

    /// The entry of a key, if it is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Entry<'t>> {
        self.entries()?.iter().find(|entry| entry.key == key)
    }

    /// What it is, in words for messages.
    pub const fn type_name(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(scalar) => scalar.resolved.type_name(),
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
            Kind::Broken => "something unreadable",
        }
    }

    /// The same as JSON. Numbers that JSON can't hold become texts.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.kind {
            Kind::Scalar(scalar) => scalar.to_json(),
            Kind::List(items) => items.iter().map(Self::to_json).collect(),
            Kind::Map(entries) => {
                entries.iter().map(|entry| (entry.key.clone().into_owned(), entry.value.to_json())).collect()
            }
            Kind::Broken => serde_json::Value::Null,
        }
    }

    /// How many nodes it consists of, and how deep they are nested.
    pub fn size(&self) -> (usize, usize) {
        let children: Vec<(usize, usize)> = match &self.kind {
            Kind::Scalar(_) | Kind::Broken => return (1, 1),
            Kind::List(items) => items.iter().map(Self::size).collect(),
            Kind::Map(entries) => entries.iter().map(|entry| entry.value.size()).collect(),
        };
        let nodes: usize = children.iter().map(|(nodes, _)| nodes).sum();
        let depth = children.iter().map(|(_, depth)| *depth).max().unwrap_or(0);
        (1 + nodes, 1 + depth)
    }
}

impl Scalar<'_> {
    fn to_json(&self) -> serde_json::Value {
        match self.resolved {
            Resolved::Null => serde_json::Value::Null,
            Resolved::Bool(value) => serde_json::Value::Bool(value),
            Resolved::Integer => self.integer(),
            Resolved::Float => {
                let number = self.text.parse::<f64>().ok().and_then(Number::from_f64);
                number.map_or_else(|| self.text.as_ref().into(), serde_json::Value::Number)
            }
            Resolved::Text => self.text.as_ref().into(),
        }
    }

    /// The whole number; one that 64 bits can't hold is kept as its digits.
    fn integer(&self) -> serde_json::Value {
        let text = self.text.strip_prefix('+').unwrap_or(&self.text);
        let of_radix = |digits: &str, radix: u32| u64::from_str_radix(digits, radix).ok().map(Number::from);
        let number = if let Some(digits) = text.strip_prefix("0x") {
            of_radix(digits, 16)
        } else if let Some(digits) = text.strip_prefix("0o") {
            of_radix(digits, 8)
        } else {
            text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from)).ok()
        };
        number.map_or_else(|| text.into(), serde_json::Value::Number)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{Reading, Source, read};

    #[test]
    fn numbers_become_json_without_losing_a_digit() {
        let cases = [
            ("5", json!(5)),
            ("+5", json!(5)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("18446744073709551615", json!(u64::MAX)),
            ("18446744073709551616", json!("18446744073709551616")),
            ("-12345678901234567890123", json!("-12345678901234567890123")),
            ("+12345678901234567890123", json!("12345678901234567890123")),
            ("0xff", json!(255)),
            ("0xffffffffffffffffff", json!("0xffffffffffffffffff")),
            ("0o17", json!(15)),
            ("5.0", json!(5.0)),
            ("1e3", json!(1000.0)),
            (".inf", json!(".inf")),
            ("'5'", json!("5")),
        ];
        for (yaml, expected) in cases {
            let source = Source::new(yaml);
            let root = read(&source, Reading::default()).root.unwrap();
            assert_eq!(root.to_json(), expected, "{yaml}");
        }
    }
}
