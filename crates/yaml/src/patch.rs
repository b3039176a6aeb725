//! Repairs of unreadable values: the parser gets a copy of the text in which they are replaced by harmless characters of
//! the same length, so that everything else is read with its right place.

use std::{borrow::Cow, collections::BTreeMap};

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
    /// The dash of a list item; what follows it on its line becomes a comment.
    Item,
}

impl Replacement {
    /// Whether keys may stand in what is replaced.
    pub const fn leaves_out_keys(self) -> bool {
        match self {
            Self::Text | Self::Broken => false,
            Self::Comment | Self::Item => true,
        }
    }
}

/// The repairs so far.
#[derive(Debug)]
pub(super) struct Patches<'t> {
    /// By their starts.
    list: BTreeMap<usize, (Span, Replacement)>,
    /// The text with all repairs, of the same length in bytes and in characters.
    text: Cow<'t, str>,
}

impl<'t> Patches<'t> {
    /// No repairs of a text.
    pub const fn of(text: &'t str) -> Self {
        Self { list: BTreeMap::new(), text: Cow::Borrowed(text) }
    }

    /// The text with all repairs.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Adds a repair; `false` if that place has been repaired already.
    pub fn add(&mut self, span: Span, replacement: Replacement) -> bool {
        let before = self.list.range(..span.end).next_back();
        if span.is_empty() || before.is_some_and(|(_, (other, _))| other.end > span.start) {
            return false;
        }
        let Some(part) = self.text.get(span.start..span.end) else { return false };
        let mut harmless = String::with_capacity(part.len());
        match replacement {
            Replacement::Text | Replacement::Broken => push_filler(&mut harmless, part),
            Replacement::Comment => push_comment(&mut harmless, part),
            Replacement::Item => push_item(&mut harmless, part),
        }
        self.text.to_mut().replace_range(span.start..span.end, &harmless);
        self.list.insert(span.start, (span, replacement));
        true
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether a place has been repaired.
    pub fn cover(&self, at: usize) -> bool {
        self.list.range(..=at).next_back().is_some_and(|(_, (span, _))| at < span.end)
    }

    /// The node for a scalar that the parser found at a repaired place.
    pub fn node_at(&self, start: usize, source: &'t Source<'_>) -> Option<Node<'t>> {
        let (span, replacement) = self.list.get(&start)?;
        let kind = match replacement {
            Replacement::Text => Kind::Scalar(Scalar {
                text: Cow::Borrowed(source.slice(*span)),
                style: Style::Repaired,
                resolved: Resolved::Text,
            }),
            Replacement::Broken | Replacement::Comment | Replacement::Item => Kind::Broken,
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

/// A dash and a comment in place of `-id: c`; two plain characters stand behind the dash.
fn push_item(patched: &mut String, part: &str) {
    let has_room = part.is_char_boundary(3) && part.is_ascii();
    patched.push_str(if has_room { "- #" } else { "" });
    patched.push_str(if has_room { &part[3..] } else { part });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repairs_keep_every_place() {
        let text = "a: {{ é }}\nb: x: y\n   z: 1 # c\nwrong line\n";
        let mut patches = Patches::of(text);
        assert!(patches.add(Span::new(3, 11), Replacement::Text));
        assert!(patches.add(Span::new(15, 27), Replacement::Broken));
        assert!(!patches.add(Span::new(20, 22), Replacement::Broken));
        let start = text.find("wrong").unwrap();
        assert!(patches.add(Span::new(start, start + 10), Replacement::Comment));
        let patched = patches.text();
        assert_eq!(patched, "a: xxxéxxx\nb: xxxx\n   xxxx # c\n#rong line\n");
        assert_eq!(patched.len(), text.len());
    }
}
