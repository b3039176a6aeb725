//! Values while they are evaluated. What a path reaches stays a reference into the scope until a filter needs it as
//! minijinja's value: outputs may be large, and most are only looked into.

use minijinja::{Value, value::ValueKind};
use procession_domain::value::Json;

pub use super::number::Number;

/// A value.
#[derive(Debug, Clone)]
pub enum Val<'a> {
    /// There is no such thing. Only lenient expressions see it.
    Undefined,
    /// The `none` of a step that has no output (yet), and of what lies below it. It prints as nothing.
    Absent,
    /// A part of the scope.
    Json(&'a Json, Shown),
    /// Anything made on the way.
    Made(Value),
}

/// How a part of the scope is shown where a text is wanted (spec 2.2, 2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Texts as they are, everything else as JSON.
    Plain,
    /// The whole output of an agent: its `response`.
    Reply,
    /// The comments of an approval: its lines joined.
    Lines,
}

/// What a value is, for comparisons and for messages.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar<'v> {
    /// `none`, undefined or absent.
    None,
    Bool(bool),
    Number(Number),
    Text(&'v str),
    List,
    Mapping,
    Other,
}

impl Val<'_> {
    /// Whether there is nothing: undefined, or a `none` of some kind.
    pub fn is_none(&self) -> bool {
        match self {
            Self::Undefined | Self::Absent => true,
            Self::Json(json, _) => json.is_null(),
            Self::Made(value) => value.is_none() || value.is_undefined(),
        }
    }

    /// Whether it is undefined or absent: what can be replaced even before its value is looked at.
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Undefined | Self::Absent)
    }

    /// Whether `default` keeps it: it is neither nothing nor empty text (spec 2.1).
    pub fn is_present(&self) -> bool {
        match self.scalar() {
            Scalar::None => false,
            Scalar::Text(text) => !text.is_empty(),
            Scalar::Bool(_) | Scalar::Number(_) | Scalar::List | Scalar::Mapping | Scalar::Other => true,
        }
    }

    /// Jinja's truth: false, 0, and everything empty is false.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Undefined | Self::Absent => false,
            Self::Json(json, _) => match json {
                Json::Null => false,
                Json::Bool(truth) => *truth,
                Json::Number(number) => number.as_f64() != Some(0.0),
                Json::String(text) => !text.is_empty(),
                Json::Array(items) => !items.is_empty(),
                Json::Object(fields) => !fields.is_empty(),
            },
            Self::Made(value) => value.is_true(),
        }
    }

    /// What it is.
    pub fn scalar(&self) -> Scalar<'_> {
        match self {
            Self::Undefined | Self::Absent => Scalar::None,
            Self::Json(json, _) => match json {
                Json::Null => Scalar::None,
                Json::Bool(truth) => Scalar::Bool(*truth),
                Json::Number(number) => Scalar::Number(Number::of_json(number)),
                Json::String(text) => Scalar::Text(text),
                Json::Array(_) => Scalar::List,
                Json::Object(_) => Scalar::Mapping,
            },
            Self::Made(value) => scalar_of(value),
        }
    }

    /// The length in bytes of the text that it is.
    pub fn as_text_length(&self) -> Option<usize> {
        match self.scalar() {
            Scalar::Text(text) => Some(text.len()),
            _ => None,
        }
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self.scalar() {
            Scalar::None => "none",
            Scalar::Bool(_) => "a boolean",
            Scalar::Number(_) => "a number",
            Scalar::Text(_) => "a text",
            Scalar::List => "a list",
            Scalar::Mapping => "a mapping",
            Scalar::Other => "something else",
        }
    }
}

/// What one of minijinja's values is.
pub fn scalar_of(value: &Value) -> Scalar<'_> {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Scalar::None,
        ValueKind::Bool => Scalar::Bool(value.is_true()),
        ValueKind::Number => Scalar::Number(Number::of(value)),
        ValueKind::String => value.as_str().map_or(Scalar::Other, Scalar::Text),
        ValueKind::Seq | ValueKind::Iterable => Scalar::List,
        ValueKind::Map => Scalar::Mapping,
        _ => Scalar::Other,
    }
}
