//! Where something stands in the document: `steps[2].depends_on[1]`.

use std::fmt;

/// A path, made of links to the paths around it, so that it costs nothing until it is shown.
#[derive(Debug, Clone, Copy)]
pub enum Path<'p> {
    /// The document as a whole.
    Root,
    /// The value of a key.
    Key(&'p Self, &'p str),
    /// An item of a list, counted from 0.
    Item(&'p Self, usize),
}

impl<'p> Path<'p> {
    /// The value of a key of what is here.
    #[must_use]
    pub const fn key(&'p self, key: &'p str) -> Path<'p> {
        Path::Key(self, key)
    }

    /// An item of the list that is here.
    #[must_use]
    pub const fn item(&'p self, index: usize) -> Path<'p> {
        Path::Item(self, index)
    }
}

impl Path<'_> {
    /// Appends it to a text.
    fn write_to(&self, text: &mut String) {
        match self {
            Self::Root => {}
            Self::Key(parent, key) => {
                parent.write_to(text);
                push_key(text, key);
            }
            Self::Item(parent, index) => {
                parent.write_to(text);
                push_index(text, *index);
            }
        }
    }

    /// The path as a text. It is made for every text of a document, so it costs little.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(40);
        self.write_to(&mut text);
        text
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

/// The path made of these parts, keys as `Ok` and places in lists as `Err`.
pub(crate) fn path_text<'k>(parts: impl Iterator<Item = Result<&'k str, usize>>) -> String {
    let mut text = String::new();
    for part in parts {
        match part {
            Ok(key) => push_key(&mut text, key),
            Err(index) => push_index(&mut text, index),
        }
    }
    text
}

fn push_key(text: &mut String, key: &str) {
    let is_plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    if key.is_empty() || !key.chars().all(is_plain) {
        // Writing to a `String` can't fail.
        let _ = fmt::Write::write_fmt(text, format_args!("[{key:?}]"));
        return;
    }
    if !text.is_empty() {
        text.push('.');
    }
    text.push_str(key);
}

fn push_index(text: &mut String, index: usize) {
    // Writing to a `String` can't fail.
    let _ = fmt::Write::write_fmt(text, format_args!("[{index}]"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_like_code() {
        let steps = Path::Root.key("steps");
        let step = steps.item(2);
        let dependencies = step.key("depends_on");
        assert_eq!(dependencies.item(1).to_string(), "steps[2].depends_on[1]");
        let input = Path::Root.key("input");
        assert_eq!(input.key("a b").to_string(), "input[\"a b\"]");
        let parts = [Ok("steps"), Err(0), Ok("x y"), Ok("z")];
        assert_eq!(path_text(parts.into_iter()), "steps[0][\"x y\"].z");
    }
}
