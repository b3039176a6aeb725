//! Tries changes of a text before they are offered: a correction that can't be read itself would do harm.

use std::cell::Cell;

use granit_parser::Parser;

use crate::{build::parser_options, problem::Fix};

/// Reads changed texts, as long as not too much has been read altogether.
pub(super) struct Trials<'t> {
    /// The text with the repairs made so far.
    text: &'t str,
    bytes_left: Cell<usize>,
}

impl<'t> Trials<'t> {
    /// Trials on a text that may cost so many bytes of reading.
    pub const fn new(text: &'t str, bytes_left: usize) -> Self {
        Self { text, bytes_left: Cell::new(bytes_left) }
    }

    /// How many bytes may still be read.
    pub const fn bytes_left(&self) -> usize {
        self.bytes_left.get()
    }

    /// Whether the changed text can be read beyond the change, up to the start of the next line with something on it.
    pub fn helps(&self, fix: &Fix) -> bool {
        let (Some(before), Some(after)) = (self.text.get(..fix.span.start), self.text.get(fix.span.end..)) else {
            return false;
        };
        let changed = format!("{before}{}{after}", fix.text);
        let line_end = changed[before.len() + fix.text.len()..]
            .find('\n')
            .map_or(changed.len(), |length| before.len() + fix.text.len() + length);
        self.is_readable_to(&changed, next_content(&changed, line_end))
    }

    /// Whether the text can be read completely if it ends here.
    pub fn is_readable_before(&self, end: usize) -> bool {
        self.text.get(..end).is_some_and(|start| self.is_readable_to(start, start.len()))
    }

    fn is_readable_to(&self, text: &str, end: usize) -> bool {
        let Some(left) = self.bytes_left.get().checked_sub(end) else { return false };
        self.bytes_left.set(left);
        for event in Parser::new_from_str_with_options(text, parser_options()) {
            match event {
                Ok((_, span)) if span.start.byte_offset().unwrap_or(0) > end => return true,
                Ok(_) => {}
                Err(error) => return error.marker().byte_offset().unwrap_or(0) > end,
            }
        }
        true
    }
}

/// The place of the first character behind `from` that is neither white space nor in a comment.
fn next_content(text: &str, from: usize) -> usize {
    let mut at = from;
    loop {
        let rest = text.get(at..).unwrap_or("");
        at += rest.len() - rest.trim_start().len();
        match text.get(at..).filter(|rest| rest.starts_with('#')) {
            Some(comment) => at += comment.find('\n').unwrap_or(comment.len()),
            None => return at,
        }
    }
}
