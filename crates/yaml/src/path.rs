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

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(parent, key) => {
                parent.fmt(f)?;
                write_key(f, key, matches!(parent, Self::Root))
            }
            Self::Item(parent, index) => {
                parent.fmt(f)?;
                write!(f, "[{index}]")
            }
        }
    }
}

/// The path made of these parts, keys as `Ok` and places in lists as `Err`.
pub(crate) fn path_text<'k>(parts: impl Iterator<Item = Result<&'k str, usize>>) -> String {
    let mut text = String::new();
    for part in parts {
        let first = text.is_empty();
        // Writing to a `String` can't fail.
        let _ = match part {
            Ok(key) => write_key(&mut text, key, first),
            Err(index) => fmt::Write::write_fmt(&mut text, format_args!("[{index}]")),
        };
    }
    text
}

fn write_key(to: &mut impl fmt::Write, key: &str, first: bool) -> fmt::Result {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    match (plain, first) {
        (true, true) => to.write_str(key),
        (true, false) => write!(to, ".{key}"),
        (false, _) => write!(to, "[{key:?}]"),
    }
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
