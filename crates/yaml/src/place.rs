//! Which place of the file a place within a scalar's text is: escapes, quotes, folding and indentation undone.

use std::ops::Range;

use super::tree::{Scalar, Style};
use crate::source::{Source, Span};

/// Finds places of a scalar's text in the file. Looked for in rising order, all of them together cost one walk through the
/// text.
#[derive(Debug, Clone)]
pub struct TextPlaces<'t> {
    text: &'t str,
    /// Where in the file the walk began.
    base: usize,
    walk: Walk<'t>,
    /// How many bytes of the text the walk has passed.
    offset: usize,
}

impl<'t> TextPlaces<'t> {
    /// Places in a scalar that stands at `span`.
    pub fn new(source: &'t Source<'_>, scalar: &'t Scalar<'_>, span: Span) -> Self {
        let raw = source.slice(span);
        let (prefix, raw) = match scalar.style {
            Style::SingleQuoted => (1, raw.strip_prefix('\'').unwrap_or(raw)),
            Style::DoubleQuoted => (1, raw.strip_prefix('"').unwrap_or(raw)),
            Style::Plain | Style::Block | Style::Repaired => (0, raw),
        };
        let walk = Walk { raw, at: 0, style: scalar.style };
        Self { text: &scalar.text, base: span.start + prefix, walk, offset: 0 }
    }

    /// The span in the file of a range of bytes of the text.
    pub fn place(&mut self, range: &Range<usize>) -> Span {
        if range.start < self.offset {
            (self.walk.at, self.offset) = (0, 0);
        }
        for character in self.text.get(self.offset..).unwrap_or("").chars() {
            if self.offset >= range.start {
                break;
            }
            self.walk.step(character);
            self.offset += character.len_utf8();
        }
        // The next place may begin here, too, so the rest is walked by a copy.
        let (mut walk, mut offset) = (self.walk, self.offset);
        let (mut start, mut end) = (None, walk.at);
        for character in self.text.get(self.offset..).unwrap_or("").chars() {
            let here = walk.step(character);
            start.get_or_insert(here);
            if offset < range.end {
                end = walk.at;
            }
            offset += character.len_utf8();
            if offset >= range.end {
                break;
            }
        }
        let start = start.unwrap_or(walk.at);
        Span::new(self.base + start, self.base + end.max(start))
    }
}

/// Goes through the file's characters beside those of the text.
#[derive(Debug, Clone, Copy)]
struct Walk<'r> {
    raw: &'r str,
    at: usize,
    style: Style,
}

impl Walk<'_> {
    /// Moves behind the characters that stand for `character`, and says where they begin.
    fn step(&mut self, character: char) -> usize {
        if character.is_whitespace() {
            let here = self.at;
            match self.next() {
                Some(raw) if raw == character && raw != '\n' => self.at += raw.len_utf8(),
                Some('\n' | '\r' | ' ' | '\t') => self.skip_white_space(),
                Some('\\') if self.style == Style::DoubleQuoted => self.skip_escape(),
                // The text has more white space than the file, as folding makes of blank lines.
                Some(_) | None => {}
            }
            return here;
        }
        self.skip_white_space();
        if self.style == Style::DoubleQuoted {
            while self.raw[self.at..].starts_with("\\\n") || self.raw[self.at..].starts_with("\\\r") {
                self.at += 1;
                self.skip_white_space();
            }
        }
        let here = self.at;
        match (self.style, self.next()) {
            (Style::DoubleQuoted, Some('\\')) => self.skip_escape(),
            (Style::SingleQuoted, Some('\'')) => self.at += 2.min(self.raw.len() - self.at),
            (_, Some(raw)) => self.at += raw.len_utf8(),
            (_, None) => {}
        }
        here
    }

    fn next(&self) -> Option<char> {
        self.raw[self.at..].chars().next()
    }

    fn skip_white_space(&mut self) {
        let rest = &self.raw[self.at..];
        self.at += rest.len() - rest.trim_start_matches(['\n', '\r', ' ', '\t']).len();
    }

    fn skip_escape(&mut self) {
        let rest = &self.raw[self.at..];
        let mut length = match rest.as_bytes().get(1) {
            Some(b'x') => 4,
            Some(b'u') => 6,
            Some(b'U') => 10,
            Some(_) => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            None => 1,
        };
        // A character outside of the basic plane is written as two escapes.
        let high_surrogate = rest.get(2..6).is_some_and(|digits| {
            rest.starts_with("\\u")
                && u32::from_str_radix(digits, 16).is_ok_and(|code| (0xD800..0xDC00).contains(&code))
        });
        if high_surrogate && rest.get(6..8) == Some("\\u") {
            length += 6;
        }
        self.at += length.min(rest.len());
        while !self.raw.is_char_boundary(self.at) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, read};

    /// The part of the file for the first `{{x}}` in the text of the key `a`.
    fn found(yaml: &str) -> (String, (u32, u32)) {
        let source = Source::new(yaml);
        let root = read(&source, crate::Reading::default()).root.unwrap();
        let node = &root.get("a").unwrap().value;
        let Kind::Scalar(scalar) = &node.kind else { panic!("{yaml}") };
        let start = scalar.text.find("{{x}}").unwrap();
        let span = TextPlaces::new(&source, scalar, node.span).place(&(start..start + 5));
        let position = source.position(span.start);
        (source.slice(span).to_owned(), (position.line, position.column))
    }

    #[test]
    fn places_are_exact_in_every_style() {
        let cases = [
            ("a: go {{x}} on\n", (1, 7)),
            ("a: go\n  é {{x}} on\n", (2, 5)),
            ("a: 'it''s {{x}}'\n", (1, 11)),
            ("a: \"\\u00e9\\n \\\"{{x}}\\\"\"\n", (1, 16)),
            ("a: \"\\ud83d\\ude00 {{x}}\"\n", (1, 18)),
            ("a: \"one\n  two\n\n  {{x}}\"\n", (4, 3)),
            ("a: \"one \\\n  {{x}}\"\n", (2, 3)),
            ("a: |\n  one\n    two\n\n  {{x}}\n", (5, 3)),
            ("a: |\n\n\n  {{x}}\n", (4, 3)),
            ("a: |2\n    {{x}}\n", (2, 5)),
            ("a: >-\n  one\n  two {{x}}\n", (3, 7)),
            ("a: >\n  one\n\n    code {{x}}\n  two\n", (4, 10)),
            ("a: {{x}} go\n", (1, 4)),
            ("\u{feff}a: go {{x}}\r\nb: 1\r\n", (1, 7)),
        ];
        for (yaml, expected) in cases {
            assert_eq!(found(yaml), ("{{x}}".to_owned(), expected), "{yaml:?}");
        }
    }
}
