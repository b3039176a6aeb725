//! A text: spans in it, and the lines and columns in which people count.

use std::borrow::Cow;

use crate::{
    LARGEST_DOCUMENT,
    clean::{Cleaned, clean},
    problem::Problem,
};

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

/// A text with its lines. White space that YAML can't read is put right in it, as far as that can be told from the text
/// alone; places as people count them are those of the text as it was given.
#[derive(Debug)]
pub struct Source<'t> {
    text: Cow<'t, str>,
    line_starts: Vec<usize>,
    given: Option<Given<'t>>,
}

/// The text as it was given, if it was put right.
#[derive(Debug)]
struct Given<'t> {
    text: &'t str,
    line_starts: Vec<usize>,
    shifts: Vec<Shift>,
    problems: Vec<Problem>,
}

/// From a place on, the text comes from this place of the text as it was given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shift {
    pub here: usize,
    pub given: usize,
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
    /// The text, put right.
    pub fn new(text: &'t str) -> Self {
        let cleaned = if text.len() <= LARGEST_DOCUMENT { clean(text) } else { None };
        match cleaned {
            None => Self::as_given(text),
            Some(Cleaned { text: cleaned, shifts, problems }) => {
                let given = Given { text, line_starts: line_starts(text), shifts, problems };
                Self { line_starts: line_starts(&cleaned), text: Cow::Owned(cleaned), given: Some(given) }
            }
        }
    }

    /// The text as it stands.
    pub(crate) fn as_given(text: &'t str) -> Self {
        Self { line_starts: line_starts(text), text: Cow::Borrowed(text), given: None }
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What was put right.
    pub(crate) fn problems(&self) -> &[Problem] {
        self.given.as_ref().map_or(&[], |given| &given.problems)
    }

    /// The text of a span, as far as it lies within the text.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or("")
    }

    /// The line of a byte, from 1.
    pub fn line(&self, at: usize) -> u32 {
        line_of(&self.line_starts, at)
    }

    /// The place of a byte as people count.
    pub fn position(&self, at: usize) -> Position {
        match &self.given {
            None => position_in(&self.text, &self.line_starts, at),
            Some(given) => position_in(given.text, &given.line_starts, given.place_of(at)),
        }
    }

    /// The byte, in the text as it was given, at a place as people count; `None` if there is no such place.
    pub fn given_place(&self, position: Position) -> Option<usize> {
        let (text, line_starts) = match &self.given {
            None => (self.text.as_ref(), &self.line_starts),
            Some(given) => (given.text, &given.line_starts),
        };
        let line = usize::try_from(position.line).ok()?.checked_sub(1)?;
        let characters = usize::try_from(position.column).ok()?.checked_sub(1)?;
        let start = *line_starts.get(line)?;
        let rest = text.get(start..)?;
        match rest.char_indices().nth(characters) {
            Some((length, _)) => Some(start + length),
            None => (rest.chars().count() == characters).then_some(text.len()),
        }
    }

    /// The first byte of a line that exists.
    pub fn line_start(&self, line: u32) -> usize {
        let index = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
        self.line_starts.get(index).copied().unwrap_or(self.text.len())
    }

    /// A line without its line break.
    pub fn line_text(&self, line: u32) -> &str {
        let span = Span::new(self.line_start(line), self.line_start(line.saturating_add(1)));
        self.slice(span).trim_end_matches(['\r', '\n'])
    }

    /// What follows a place on its line.
    pub fn rest_of_line(&self, at: usize) -> &str {
        let line = self.line(at);
        let text = self.line_text(line);
        text.get(at.saturating_sub(self.line_start(line))..).unwrap_or("")
    }

    /// How many characters stand before a byte on its line.
    pub fn column_index(&self, at: usize) -> usize {
        let column = position_in(&self.text, &self.line_starts, at).column;
        usize::try_from(column).unwrap_or(usize::MAX) - 1
    }
}

impl Given<'_> {
    /// Where in the text as it was given a place of the text put right comes from.
    fn place_of(&self, at: usize) -> usize {
        let after = self.shifts.partition_point(|shift| shift.here <= at);
        let Some(shift) = after.checked_sub(1).and_then(|index| self.shifts.get(index)) else { return at };
        let place = shift.given + (at - shift.here);
        // What was replaced may have been shorter or longer.
        self.shifts.get(after).map_or(place, |next| place.min(next.given)).min(self.text.len())
    }
}

fn line_starts(text: &str) -> Vec<usize> {
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
    line_starts
}

fn line_of(line_starts: &[usize], at: usize) -> u32 {
    let lines_before = line_starts.partition_point(|start| *start <= at).max(1);
    u32::try_from(lines_before).unwrap_or(u32::MAX)
}

fn position_in(text: &str, line_starts: &[usize], at: usize) -> Position {
    let at = text.floor_char_boundary(at);
    let line = line_of(line_starts, at);
    let index = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
    let start = line_starts.get(index).copied().unwrap_or(text.len()).min(at);
    let characters = text.get(start..at).map_or(0, |before| before.chars().count());
    Position { line, column: u32::try_from(characters).unwrap_or(u32::MAX).saturating_add(1) }
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
