//! Changes of the text that do what a problem suggests.

use std::ops::Range;

use procession_yaml::{Correction, Fix, Kind, Node, Span, Style, inside_quotes};

use super::{Lowering, TextUse};

/// Where another entry can be put into a mapping.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntryPlace {
    at: usize,
    is_flow: bool,
}

impl<'d> Lowering<'d> {
    /// Where another entry can be put into a mapping: in front of those that it has.
    pub(crate) fn room_for_entry(&self, node: &Node<'_>) -> Option<EntryPlace> {
        let first = node.entries()?.first()?;
        let is_flow = self.source.slice(node.span).starts_with('{');
        // What comes from an anchor stands elsewhere.
        let stands_here = first.key_span.start >= node.span.start && node.alias.is_none();
        stands_here.then_some(EntryPlace { at: first.key_span.start, is_flow })
    }

    /// Another entry in a mapping: `type: agent_task`.
    pub(crate) fn insertion(&self, place: Option<EntryPlace>, entry: &str) -> Option<Correction> {
        let EntryPlace { at, is_flow } = place?;
        let text = if is_flow {
            format!("{entry}, ")
        } else {
            format!("{entry}\n{}", " ".repeat(self.source.column_index(at)))
        };
        Some(Correction { shown: entry.to_owned(), fix: Fix { span: Span::new(at, at), text } })
    }

    /// Other characters for a part of a text; `None` if they can't be written there.
    pub(crate) fn text_correction(
        &mut self,
        text: &TextUse<'d>,
        range: &Range<usize>,
        with: &str,
    ) -> Option<Correction> {
        let Kind::Scalar(scalar) = &text.node.kind else { return None };
        let span = self.place(text, range);
        let written = match scalar.style {
            Style::SingleQuoted => inside_quotes('\'', with),
            Style::DoubleQuoted => inside_quotes('"', with),
            Style::Plain if self.would_end_plain_text(text, range, with) => return None,
            Style::Plain | Style::Block | Style::Repaired => with.to_owned(),
        };
        Some(Correction { shown: with.to_owned(), fix: Fix { span, text: written } })
    }

    /// Another word for a constant text within a text, in its quotes.
    pub(crate) fn word_correction(
        &mut self,
        text: &TextUse<'d>,
        range: &Range<usize>,
        word: &str,
    ) -> Option<Correction> {
        let written = text.node.scalar_text().and_then(|content| content.get(range.clone())).unwrap_or("");
        let quote = written.chars().next().filter(|c| matches!(c, '"' | '\''));
        let with = quote.map_or_else(|| word.to_owned(), |quote| format!("{quote}{word}{quote}"));
        let correction = self.text_correction(text, range, &with)?;
        Some(Correction { shown: word.to_owned(), ..correction })
    }

    /// Whether a text without quotes would be read as something else with these characters in it.
    fn would_end_plain_text(&self, text: &TextUse<'d>, range: &Range<usize>, with: &str) -> bool {
        let begins = range.start == 0 && !with.starts_with(char::is_alphanumeric);
        let line = self.source.line(text.node.span.start);
        let before = self.source.line_text(line);
        let may_be_flow = before.contains(['{', '[']);
        begins
            || with.contains(": ")
            || with.contains(" #")
            || (may_be_flow && with.contains([',', '[', ']', '{', '}']))
    }
}
