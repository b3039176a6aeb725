//! Repairs of unreadable values: the parser gets a copy of the text in which they are replaced by harmless characters of
//! the same length, so that everything else is read with its right place.

use std::borrow::Cow;

use super::{
    scalar::Resolved,
    tree::{Kind, Node, Scalar, Style},
};
use crate::source::{Source, Span};

/// What stands for a repaired part in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replacement {
    /// The author's characters, taken as a text.
    Text,
    /// Nothing that could be checked.
    Broken,
    /// Nothing at all: the lines become comments.
    Comment,
}

/// The repairs so far.
#[derive(Debug, Default)]
pub(super) struct Patches {
    list: Vec<(Span, Replacement)>,
}

impl Patches {
    /// Adds a repair; `false` if that place has been repaired already.
    pub fn add(&mut self, span: Span, replacement: Replacement) -> bool {
        let overlaps = |other: &Span| span.start < other.end && other.start < span.end;
        if span.is_empty() || self.list.iter().any(|(other, _)| overlaps(other)) {
            return false;
        }
        self.list.push((span, replacement));
        true
    }

    /// The text with all repairs, of the same length in bytes and in characters.
    pub fn apply<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.list.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut patches = self.list.clone();
        patches.sort_unstable_by_key(|(span, _)| span.start);
        let mut patched = String::with_capacity(text.len());
        let mut copied_to = 0;
        for (span, replacement) in patches {
            patched.push_str(text.get(copied_to..span.start).unwrap_or(""));
            let part = text.get(span.start..span.end).unwrap_or("");
            match replacement {
                Replacement::Text | Replacement::Broken => push_filler(&mut patched, part),
                Replacement::Comment => push_comment(&mut patched, part),
            }
            copied_to = span.end;
        }
        patched.push_str(text.get(copied_to..).unwrap_or(""));
        Cow::Owned(patched)
    }

    /// The node for a scalar that the parser found at a repaired place.
    pub fn node_at(&self, start: usize, source: &Source<'_>) -> Option<Node> {
        let (span, replacement) = self.list.iter().find(|(span, _)| span.start == start)?;
        let kind = match replacement {
            Replacement::Text => Kind::Scalar(Scalar {
                text: source.slice(*span).to_owned(),
                style: Style::Repaired,
                resolved: Resolved::Text,
            }),
            Replacement::Broken | Replacement::Comment => Kind::Broken,
        };
        Some(Node { kind, span: *span, alias: None })
    }
}

/// Letters for everything but line breaks and the indentation of lines.
fn push_filler(patched: &mut String, part: &str) {
    let mut indentation = false;
    for character in part.chars() {
        match character {
            '\n' | '\r' => {
                indentation = true;
                patched.push(character);
            }
            ' ' if indentation => patched.push(' '),
            _ => {
                indentation = false;
                patched.push(if character.is_ascii() { 'x' } else { character });
            }
        }
    }
}

/// The same lines, each beginning with a `#` after its indentation.
fn push_comment(patched: &mut String, part: &str) {
    let mut at_start = true;
    for character in part.chars() {
        match character {
            '\n' | '\r' => at_start = true,
            ' ' => {}
            _ if at_start && character.is_ascii() => {
                at_start = false;
                patched.push('#');
                continue;
            }
            _ => {}
        }
        patched.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repairs_keep_every_place() {
        let text = "a: {{ é }}\nb: x: y\n   z: 1 # c\nwrong line\n";
        let mut patches = Patches::default();
        assert!(patches.add(Span::new(3, 11), Replacement::Text));
        assert!(patches.add(Span::new(15, 27), Replacement::Broken));
        assert!(!patches.add(Span::new(20, 22), Replacement::Broken));
        let start = text.find("wrong").unwrap();
        assert!(patches.add(Span::new(start, start + 10), Replacement::Comment));
        let patched = patches.apply(text);
        assert_eq!(patched, "a: xxxéxxx\nb: xxxx\n   xxxx # c\n#rong line\n");
        assert_eq!(patched.len(), text.len());
    }
}
