//! Turns what authors write into what the parser reads: accepted foreign spellings become Jinja's, token by token, and
//! every part keeps its place in the author's text (spec 2.1).

mod brackets;
mod hyphens;
mod lexer;
mod places;
mod rewrite;
mod scan;

use std::ops::Range;

pub use places::Places;
pub use scan::{is_single_placeholder, normalise_template};

use self::rewrite::{Rewriter, Surroundings};
use crate::{Names, Note, SyntaxError, limits};

/// A text that the parser can read, unless there are errors.
#[derive(Debug, Default)]
pub struct Normal {
    /// The normalised text.
    pub text: String,
    /// Where its parts come from.
    pub places: Places,
    /// The placeholders of a template, in their order.
    pub placeholders: Vec<Placeholder>,
    /// Operators that are more than the word that stands for them, by their place in the normalised text.
    pub operators: Vec<(usize, Operator)>,
    /// What is better written otherwise.
    pub notes: Vec<Note>,
    /// What can't be read.
    pub errors: Vec<SyntaxError>,
    /// Whether a statement can't be read, so that the rest makes no sense to the parser.
    pub is_broken: bool,
}

/// A `{{ … }}` of a template.
#[derive(Debug, Clone)]
pub struct Placeholder {
    /// Where it starts in the normalised text.
    pub normal: usize,
    /// Where it stands in the author's text, braces included.
    pub author: Range<usize>,
}

/// A foreign operator for which a word of Jinja's stands in the normalised text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `||`, written as `or`.
    FirstTrue,
    /// `??`, written as `or`.
    FirstPresent,
    /// `contains`, written as `in` with its sides in the wrong order.
    Contains,
}

/// Normalises a condition: one expression, in which placeholders are groups (spec 2.3).
pub fn normalise_condition(text: &str, names: &Names) -> Normal {
    let mut normal = Normal::default();
    let whole = 0..text.len();
    if text.len() > limits::EXPRESSION_BYTES {
        normal.errors.push(too_long("the condition", whole));
    } else if text.trim().is_empty() {
        let message = "the condition is empty; leave the key out if there is none";
        normal.errors.push(SyntaxError::new(message, whole));
    } else {
        let rewriter = Rewriter::new(text, 0, names, Surroundings::Condition, &mut normal);
        if let Err(error) = rewriter.run() {
            normal.errors.push(error);
        }
    }
    normal
}

fn too_long(what: &str, range: Range<usize>) -> SyntaxError {
    let message = format!(
        "{what} is {} bytes long, and at most {} are allowed; split it up, or work part of it out in a step before",
        range.len(),
        limits::EXPRESSION_BYTES
    );
    SyntaxError::new(message, range)
}

impl Normal {
    /// Appends a part of the author's text as it is.
    fn copy(&mut self, text: &str, author: Range<usize>) {
        if !author.is_empty() {
            self.places.copied(self.text.len(), author.clone());
            self.text.push_str(&text[author]);
        }
    }

    /// Appends something in place of a part of the author's text.
    fn write(&mut self, written: &str, author: Range<usize>) {
        self.places.replaced(self.text.len(), author);
        self.text.push_str(written);
    }

    /// Overwrites a placeholder with one of the same length that can be read. `false` if that was done before.
    pub fn blank(&mut self, placeholder: usize) -> bool {
        let start = self.placeholders[placeholder].normal;
        let next = self.text[start..].find("}}").map(|at| start + at);
        let end = next.unwrap_or(self.text.len());
        let blank = format!("{{{{0{}", " ".repeat((end - start).saturating_sub(3)));
        let is_new = end > start + 3 && self.text[start..end] != blank;
        if is_new {
            self.text.replace_range(start..end, &blank);
        }
        is_new
    }

    /// Forgets everything from a place of the normalised text on.
    fn truncate(&mut self, length: usize) {
        self.text.truncate(length);
        self.places.truncate(length);
        self.operators.retain(|(at, _)| *at < length);
    }
}
