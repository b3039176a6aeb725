//! Texts that were copied from a chat, a web page or another editor: white space that YAML does not take for indentation,
//! and the fences of Markdown around the file. They are put right before the text is read, and reported, so that everything
//! else in the text is checked as it is meant.

mod fences;
mod indentation;

use crate::{
    Reading,
    build::{End, build},
    characters::{is_invisible, is_odd_space},
    patch::Patches,
    problem::Problem,
    source::{Shift, Source},
    tree::{Kind, Node},
};

/// A text put right.
#[derive(Debug)]
pub(crate) struct Cleaned {
    /// The text, with as many lines as before.
    pub text: String,
    /// Which places of the text as it was given its parts come from.
    pub shifts: Vec<Shift>,
    /// What was wrong; places are those of the text put right.
    pub problems: Vec<Problem>,
}

/// A text that is being put right, line by line.
#[derive(Debug, Default)]
struct Writer {
    text: String,
    shifts: Vec<Shift>,
}

impl Writer {
    /// Goes on with a part of the given text as it stands.
    fn copy(&mut self, part: &str, at: usize) {
        self.shifts.push(Shift { here: self.text.len(), given: at });
        self.text.push_str(part);
    }

    /// Writes something in the place of a part of the given text.
    fn replace(&mut self, with: &str, at: usize) {
        self.shifts.push(Shift { here: self.text.len(), given: at });
        self.text.push_str(with);
    }
}

/// Puts a text right; `None` if nothing about it is odd, or if it can be read as it is.
pub(crate) fn clean(text: &str) -> Option<Cleaned> {
    if let Some(cleaned) = fences::take_fences_away(text) {
        return Some(cleaned);
    }
    let may_be_odd =
        text.contains('\t') || (!text.is_ascii() && text.chars().any(|c| is_odd_space(c) || is_invisible(c)));
    if !may_be_odd || !indentation::has_odd_lines(text) || reads_well(text) {
        return None;
    }
    indentation::put_right(text)
}

/// Whether the text can be read, and no key in it begins with odd white space, which nobody means to be a part of it.
fn reads_well(text: &str) -> bool {
    let source = Source::as_given(text);
    let built = build(&source, &Patches::of(text), Reading::default());
    matches!(built.end, End::Complete) && !built.root.is_some_and(|root| has_odd_key(&root))
}

fn has_odd_key(node: &Node<'_>) -> bool {
    let is_odd_start = |text: &str| text.starts_with(|c: char| is_odd_space(c) || is_invisible(c) || c == '\t');
    match &node.kind {
        Kind::Scalar(_) | Kind::Broken => false,
        Kind::List(items) => items.iter().any(has_odd_key),
        Kind::Map(entries) => entries.iter().any(|entry| is_odd_start(&entry.key) || has_odd_key(&entry.value)),
    }
}
