//! What is wrong with a text as YAML.

use std::fmt;

use crate::source::Span;

/// The kind of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It is not well-formed.
    Syntax,
    /// A line is indented with a tab.
    TabIndentation,
    /// A text with `{{ … }}` has no quotes, so that YAML reads a mapping.
    UnquotedExpression,
    /// A text with `: ` in it has no quotes, so that YAML reads a mapping.
    UnquotedColon,
    /// A mapping has the same key twice.
    DuplicateKey,
    /// A key is no text.
    BadKey,
    /// An alias refers to no anchor before it.
    UnknownAnchor,
    /// A tag has no meaning.
    IgnoredTag,
    /// A merge key `<<` has something else than mappings.
    MergeOfNoMapping,
    /// There is more than one document.
    SeveralDocuments,
    /// The text is too long.
    TooLarge,
    /// Lists and mappings are nested too deep.
    NestedTooDeep,
    /// Aliases are used too often.
    TooManyAliases,
    /// There are too many nodes, aliases expanded.
    TooManyNodes,
}

/// One problem with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its kind.
    pub fault: Fault,
    /// What is wrong and what to do.
    pub message: String,
    /// Where it is in the document, such as `steps[2].depends_on[1]`.
    pub path: String,
    /// Where it is in the text.
    pub span: Span,
    /// What to write instead, for people.
    pub suggestion: Option<String>,
    /// The change of the text that makes the problem go away.
    pub fix: Option<Fix>,
}

/// A fix, and what people are shown of it, which often is the whole line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// What to write.
    pub shown: String,
    /// The change that writes it.
    pub fix: Fix,
}

/// A change of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What is replaced.
    pub span: Span,
    /// What takes its place.
    pub text: String,
}

impl Fault {
    /// Whether the document can be used all the same.
    pub const fn is_harmless(self) -> bool {
        matches!(self, Self::IgnoredTag)
    }
}

impl Problem {
    pub(crate) fn new(fault: Fault, span: Span, message: impl Into<String>) -> Self {
        Self { fault, message: message.into(), path: String::new(), span, suggestion: None, fix: None }
    }

    pub(crate) fn at(mut self, path: impl fmt::Display) -> Self {
        self.path = path.to_string();
        self
    }

    /// Suggests a correction.
    pub(crate) fn suggest(mut self, correction: Option<Correction>) -> Self {
        (self.suggestion, self.fix) = correction.map(|Correction { shown, fix }| (shown, fix)).unzip();
        self
    }
}
