//! The text of a definition: spans in it, and the lines and columns in which people count.

/// A part of the text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte behind the last one.
    pub end: usize,
}

/// A place as people count: lines and columns from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// A text with its lines.
#[derive(Debug)]
pub struct Source<'t> {
    text: &'t str,
    line_starts: Vec<usize>,
}

const BYTE_ORDER_MARK: char = '\u{feff}';

impl Span {
    /// The part from `start` to `end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end: if end < start { start } else { end } }
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.start == self.end
    }
}

impl<'t> Source<'t> {
    /// The text.
    pub fn new(text: &'t str) -> Self {
        // The mark takes no column: editors don't show it.
        let first = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        let mut line_starts = vec![first];
        line_starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        if text.contains('\r') {
            // `\r\n` ends one line, a lone `\r` ends one too, as in YAML.
            let lone = text.match_indices('\r').map(|(at, _)| at + 1);
            line_starts.extend(lone.filter(|after| !text[*after..].starts_with('\n')));
            line_starts.sort_unstable();
        }
        Self { text, line_starts }
    }

    /// The whole text.
    pub const fn text(&self) -> &'t str {
        self.text
    }

    /// The text of a span, as far as it lies within the text.
    pub fn slice(&self, span: Span) -> &'t str {
        self.text.get(span.start..span.end).unwrap_or("")
    }

    /// The line of a byte, from 1.
    pub fn line(&self, at: usize) -> u32 {
        let lines_before = self.line_starts.partition_point(|start| *start <= at).max(1);
        u32::try_from(lines_before).unwrap_or(u32::MAX)
    }

    /// The place of a byte as people count.
    pub fn position(&self, at: usize) -> Position {
        let at = self.boundary(at);
        let line = self.line(at);
        let start = self.line_start(line).min(at);
        let characters = self.text.get(start..at).map_or(0, |before| before.chars().count());
        Position { line, column: u32::try_from(characters).unwrap_or(u32::MAX).saturating_add(1) }
    }

    /// The first byte of a line that exists.
    pub fn line_start(&self, line: u32) -> usize {
        let index = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
        self.line_starts.get(index).copied().unwrap_or(self.text.len())
    }

    /// A line without its line break.
    pub fn line_text(&self, line: u32) -> &'t str {
        let span = Span::new(self.line_start(line), self.line_start(line.saturating_add(1)));
        self.slice(span).trim_end_matches(['\r', '\n'])
    }

    /// How many characters stand before a byte on its line.
    pub fn column_index(&self, at: usize) -> usize {
        usize::try_from(self.position(at).column).unwrap_or(usize::MAX) - 1
    }

    /// The byte itself, or the start of the character in which it lies.
    fn boundary(&self, at: usize) -> usize {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(text: &str, at: usize) -> (u32, u32) {
        let position = Source::new(text).position(at);
        (position.line, position.column)
    }

    #[test]
    fn columns_count_characters_and_lines_end_in_every_way() {
        assert_eq!(position("a: é b", 6), (1, 6));
        assert_eq!(position("a\r\nb\rc\nd", 3), (2, 1));
        assert_eq!(position("a\r\nb\rc\nd", 5), (3, 1));
        assert_eq!(position("a\r\nb\rc\nd", 7), (4, 1));
        assert_eq!(position("a\n", 2), (2, 1));
        assert_eq!(position("", 0), (1, 1));
    }

    #[test]
    fn a_byte_order_mark_takes_no_column() {
        assert_eq!(position("\u{feff}name: x", 3), (1, 1));
        assert_eq!(position("\u{feff}name: x", 0), (1, 1));
        assert_eq!(Source::new("\u{feff}name: x\nb").line_text(1), "name: x");
    }
}
