//! What is wrong with a key or a value that is not within brackets.

use granit_parser::ErrorKind;

use super::{
    Finding, Scene, flow, indentation,
    misspelt::{self, leading_word},
    only, unquoted_expression,
    words::in_words,
};
use crate::{
    frames::{Awaits, Context},
    patch::Replacement,
    problem::{Correction, Fault, Fix, Problem},
    region,
    source::Span,
};

/// A text with `: ` in it, or keys that are indented deeper than the one above.
pub(super) fn unquoted_colon(scene: &Scene<'_>) -> Finding {
    let Scene { source, failure, .. } = scene;
    let context = &failure.context;
    let plain = context.last_plain.unwrap_or_default();
    let error_line = source.line(failure.at);
    if source.line(plain.start) < error_line {
        if let Some(finding) = misspelt::dash_without_space(scene, plain.start) {
            return finding;
        }
        let first_word = leading_word(source.slice(plain));
        let stands_for_key = match context.awaits {
            Awaits::Key | Awaits::Document => true,
            Awaits::Value | Awaits::Item => stands_behind_dash(scene, plain.start),
        };
        if stands_for_key && (scene.is_known_key)(first_word) {
            return no_key(scene, plain.start);
        }
        let line_start = source.line_start(error_line);
        let before = source.slice(Span::new(line_start, failure.at)).trim();
        let key = before.strip_prefix("- ").unwrap_or(before).trim();
        if (scene.is_known_key)(key) {
            let start = failure.at - key.len();
            let message = format!(
                "`{key}` is indented deeper than the key above it; keys of one mapping begin in the same column"
            );
            let problem = Problem::new(Fault::Syntax, Span::new(start, failure.at), message);
            return only(problem.suggest(indentation::moved(scene, error_line)));
        }
    }
    let span = region::block_value(source, plain.start, context.parent_column);
    let message = "quote this text, or use `|`: without quotes YAML reads `: ` as the end of a key";
    Finding {
        problem: Problem::new(Fault::UnquotedColon, span, message).suggest(scene.corrected(span)),
        repair: Some((span, Replacement::Text)),
    }
}

/// An error in a value or a key.
pub(super) fn explain(scene: &Scene<'_>) -> Finding {
    let Scene { source, failure, .. } = scene;
    let context = &failure.context;
    let unread = next_unread(source.text(), context);
    let kind = failure.error.kind();
    let same_line = |value: &usize| source.line(*value) == source.line(unread) && *value < unread;
    match context.awaits {
        Awaits::Value => {}
        Awaits::Item if stands_behind_dash(scene, unread) => {}
        Awaits::Key | Awaits::Item => {
            return match context.last_value.filter(same_line) {
                Some(value) => text_after_value(scene, value),
                None => no_key(scene, unread),
            };
        }
        Awaits::Document if context.read_to == 0 => {}
        Awaits::Document => return no_key(scene, unread),
    }
    let span = region::block_value(source, unread, context.parent_column);
    if let Some(line_start) = culprit_below(scene, span) {
        return no_key(scene, line_start);
    }
    let value = source.slice(span);
    let (message, correction) = match value.chars().next() {
        Some('{') if value.starts_with("{%") => return expression(scene, span),
        Some('{' | '[') => return flow::explain(scene, unread),
        Some(reserved @ ('@' | '`' | '%')) => {
            (format!("a text can't begin with `{reserved}`: quote it"), scene.corrected(span))
        }
        Some(quote @ ('"' | '\'')) => return quotes(scene, span, quote),
        Some('-') if *kind == ErrorKind::BlockSequenceEntryNotAllowed => {
            ("a list begins on a line of its own, or is written as `[…]`".to_owned(), None)
        }
        Some('|' | '>') => (format!("this block text can't be read: {}", in_words(kind)), None),
        Some(_) => (format!("this can't be read: {}", in_words(kind)), scene.corrected(span)),
        None => {
            let message = format!("this can't be read: {}", in_words(kind));
            return only(Problem::new(Fault::Syntax, scene.character_at(failure.at), message));
        }
    };
    found(span, message, correction)
}

fn found(span: Span, message: String, correction: Option<Correction>) -> Finding {
    let replacement = if correction.is_some() { Replacement::Text } else { Replacement::Broken };
    Finding {
        problem: Problem::new(Fault::Syntax, span, message).suggest(correction),
        repair: Some((span, replacement)),
    }
}

/// How many lines are tried as the one with the mistake.
const LINES_TRIED: u32 = 16;

/// The start of the line with the mistake, if that is none of the value's: the parser looks ahead, and so has not told of
/// a value yet that can be read.
fn culprit_below(scene: &Scene<'_>, value: Span) -> Option<usize> {
    let source = scene.source;
    let failure_line = source.line(scene.failure.at);
    let first = source.line(value.end) + 1;
    if first > failure_line || !scene.trials.is_readable_before(source.line_start(first)) {
        return None;
    }
    let last = failure_line.min(first + LINES_TRIED);
    let line = (first..=last).find(|line| !scene.trials.is_readable_before(source.line_start(line + 1)))?;
    let text = source.line_text(line);
    Some(source.line_start(line) + text.len() - text.trim_start().len())
}

/// A value that begins with a tag of the template language.
pub(super) fn expression(scene: &Scene<'_>, span: Span) -> Finding {
    Finding {
        problem: unquoted_expression(scene.source, span, scene.failure.context.parent_column),
        repair: Some((span, Replacement::Text)),
    }
}

/// What is said of quotes within quotes of the same kind.
pub(super) fn ends_early(quote: char) -> String {
    format!(
        "the quoted text ends at its second `{quote}`, but more follows: quote the whole with the other kind of quotes"
    )
}

/// Quotes that are not closed, closed too early, or hold an unknown escape.
fn quotes(scene: &Scene<'_>, span: Span, quote: char) -> Finding {
    let text = scene.source.slice(span);
    let kind = scene.failure.error.kind();
    let requote = || {
        let fix = Fix { span, text: requoted(text, quote) };
        if text.contains('\n') { None } else { scene.tried(fix) }
    };
    let (message, correction) = match kind {
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            (ends_early(quote), requote())
        }
        ErrorKind::UnknownQuotedScalarEscape => (
            "a backslash within \"…\" begins an escape, and this one is unknown: write `\\\\`, or use '…'".to_owned(),
            requote(),
        ),
        _ if text.matches(quote).count() % 2 == 1 => {
            let first_line = span.start + text.lines().next().unwrap_or("").trim_end().len();
            let correction = [first_line, span.end]
                .into_iter()
                .find_map(|end| scene.tried(Fix { span: Span::new(end, end), text: quote.to_string() }));
            let message = format!("this {quote}…{quote} is not closed: the second `{quote}` is missing");
            let problem = Problem::new(Fault::Syntax, span, message).suggest(correction);
            return Finding { problem, repair: Some((span, Replacement::Broken)) };
        }
        _ => (format!("this quoted text can't be read: {}", in_words(kind)), None),
    };
    found(span, message, correction)
}

/// The text with its outer quotes changed, so that those within are part of it.
pub(super) fn requoted(text: &str, quote: char) -> String {
    let inner = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).unwrap_or(text);
    if inner.contains('\'') {
        format!("\"{}\"", inner.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        format!("'{inner}'")
    }
}

/// Text behind a complete value on the same line: `[draft] do it`, `"a" and b`.
pub(super) fn text_after_value(scene: &Scene<'_>, value: usize) -> Finding {
    let span = region::block_value(scene.source, value, scene.failure.context.parent_column);
    let message = "the value ends before the end of this line: quote the whole text";
    Finding {
        problem: Problem::new(Fault::Syntax, span, message).suggest(scene.corrected(span)),
        repair: Some((span, Replacement::Text)),
    }
}

/// A text without quotes that a comment has ended, though it goes on below.
fn comment_within_text(scene: &Scene<'_>, unread: usize) -> Option<Finding> {
    let Scene { source, failure, .. } = scene;
    let plain = failure.context.last_plain?;
    let parent_column = failure.context.parent_column;
    let rest = source.rest_of_line(plain.end);
    let comment = rest.trim();
    let goes_on = parent_column.is_none_or(|column| source.column_index(unread) > column);
    if !goes_on || source.line(plain.end) >= source.line(unread) || !comment.starts_with('#') {
        return None;
    }
    let start = plain.end + rest.len() - rest.trim_start().len();
    let whole = region::block_value(source, plain.start, parent_column);
    let message = "` #` begins a comment, and a text without quotes ends there, though it goes on below; quote the whole \
                   text, or use `|`";
    // What is plainly a comment is no part of the text.
    let is_part = !comment[1..].starts_with([' ', '#']) && comment.len() > 1;
    let correction = if is_part { scene.corrected(whole) } else { None };
    let problem = Problem::new(Fault::Syntax, Span::new(start, start + comment.len()), message).suggest(correction);
    Some(Finding { problem, repair: Some((whole, Replacement::Text)) })
}

/// A line that should begin with a key and does not, or is not indented like any line above.
fn no_key(scene: &Scene<'_>, unread: usize) -> Finding {
    let source = scene.source;
    let line = source.line(unread);
    let found = misspelt::dash_without_space(scene, unread).or_else(|| comment_within_text(scene, unread));
    if let Some(finding) = found {
        return finding;
    }
    if let Some(above) = (1..line).rev().find(|line| !source.line_text(*line).trim().is_empty())
        && indentation::is_indented_with_tab(source, above)
    {
        return indentation::tab(source, above);
    }
    let span = Span::new(unread, source.line_start(line) + source.line_text(line).trim_end().len());
    let content = source.slice(span);
    let column = source.column_index(unread);
    let has_key = content
        .split_once(':')
        .is_some_and(|(key, rest)| !key.contains(' ') && (rest.is_empty() || rest.starts_with(' ')));
    let is_item = content.starts_with("- ");
    let context = &scene.failure.context;
    let expected = match context.awaits {
        Awaits::Document => context.parent_column.or(Some(usize::MAX)),
        Awaits::Key | Awaits::Value | Awaits::Item => context.parent_column,
    };
    let (message, correction) = if (has_key || is_item) && expected.is_some_and(|expected| expected != column) {
        let message = "the indentation of this line fits none of the lines above it".to_owned();
        (message, indentation::moved(scene, line))
    } else if is_item {
        ("a list item can't stand here, between the keys of a mapping".to_owned(), None)
    } else {
        misspelt::key(scene, unread, content)
    };
    let problem = Problem::new(Fault::Syntax, span, message).suggest(correction);
    // Left out only where the line plainly is no part of the structure, with all that belongs to it.
    let repair =
        (!has_key && !is_item).then(|| (region::block_value(source, unread, Some(column)), Replacement::Comment));
    Finding { problem, repair }
}

/// Whether a place is the first one behind the dash of a list item.
fn stands_behind_dash(scene: &Scene<'_>, at: usize) -> bool {
    let start = scene.source.line_start(scene.source.line(at));
    scene.source.slice(Span::new(start, at)).trim_end().ends_with('-')
}

/// The start of what follows the last thing that was read: behind white space, comments and the indicators of a value.
fn next_unread(text: &str, context: &Context) -> usize {
    let mut at = context.read_to;
    loop {
        let rest = text.get(at..).unwrap_or("");
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        let comment = trimmed.starts_with('#');
        let indicator = context.awaits != Awaits::Key && (trimmed.starts_with(':') || trimmed.starts_with("- "));
        if comment {
            at += trimmed.find('\n').unwrap_or(trimmed.len());
        } else if indicator && !list_in_value(text, at, trimmed, context) {
            at += 1;
        } else {
            return at;
        }
    }
}

/// Whether this `- ` stands behind a key on its line, where no list can begin.
fn list_in_value(text: &str, at: usize, rest: &str, context: &Context) -> bool {
    context.awaits == Awaits::Value
        && rest.starts_with("- ")
        && !text.get(context.read_to..at).is_some_and(|between| between.contains('\n'))
}
