//! Lines in which one character is missing: the colon behind a key, or the space behind a colon or a dash.

use super::{Finding, Scene};
use crate::{
    patch::Replacement,
    problem::{Correction, Fault, Fix, Problem},
    source::Span,
};

/// What would be the key if a line had one.
pub(super) fn leading_word(content: &str) -> &str {
    content.split([' ', '\t', '\n', '\r', ':', '=']).next().unwrap_or("")
}

/// A line whose key lacks the colon, or the space behind it.
pub(super) fn key(scene: &Scene<'_>, at: usize, content: &str) -> (String, Option<Correction>) {
    let word = leading_word(content);
    let rest = &content[word.len()..];
    let end = at + word.len();
    let (message, length, text) = if !(scene.is_known_key)(word) {
        let message = "this line has no key: write `key: value`, or indent it if it goes on with the text above";
        return (message.to_owned(), None);
    } else if rest.starts_with(':') {
        (format!("a space is missing behind `{word}:`"), 1, ": ")
    } else if rest.trim_start().starts_with('=') {
        (format!("write `{word}:` instead of `{word} =`"), rest.find('=').map_or(0, |equals| equals + 1), ":")
    } else {
        (format!("a colon is missing behind `{word}`"), 0, ":")
    };
    let text =
        if length > 0 && !rest[length..].starts_with(' ') { format!("{} ", text.trim()) } else { text.to_owned() };
    (message, scene.tried(Fix { span: Span::new(end, end + length), text }))
}

/// The dash of a list item without the space behind it, on the line of `at`: `-id: c`.
pub(super) fn dash_without_space(scene: &Scene<'_>, at: usize) -> Option<Finding> {
    let source = scene.source;
    let line = source.line(at);
    let content = source.line_text(line).trim();
    let start = source.line_start(line) + source.line_text(line).len() - source.line_text(line).trim_start().len();
    let item = content.strip_prefix('-')?;
    let word = leading_word(item);
    let behind = item[word.len()..].strip_prefix(':')?;
    if !(scene.is_known_key)(word) || !(behind.is_empty() || behind.starts_with(' ')) {
        return None;
    }
    let span = Span::new(start, start + content.len());
    let fix = Fix { span: Span::new(start + 1, start + 1), text: " ".to_owned() };
    let problem = Problem::new(Fault::Syntax, span, "a space is missing behind the `-` of this list item");
    Some(Finding { problem: problem.suggest(scene.tried(fix)), repair: Some((span, Replacement::Item)) })
}
