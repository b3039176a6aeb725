//! Syntax errors in words for people, with the repair that lets reading go on behind them.

use granit_parser::ErrorKind;

use super::{
    build::SyntaxFailure,
    frames::{Awaits, Context},
    patch::Replacement,
    region,
};
use crate::{
    problem::{Fault, Problem},
    source::{Source, Span},
};

/// A syntax error, explained.
pub(super) struct Finding {
    pub problem: Problem,
    pub repair: Option<(Span, Replacement)>,
}

/// The problem of a value that begins with `{{` or `{%` without quotes.
pub(super) fn unquoted_expression(source: &Source<'_>, span: Span, parent_column: Option<usize>) -> Problem {
    let message = "quote this expression: YAML reads `{{ … }}` without quotes as a mapping";
    Problem::new(Fault::UnquotedExpression, span, message).suggest(region::corrected_line(source, span, parent_column))
}

/// Says what is wrong at a syntax error, and which part of the text to leave out so as to read on.
pub(super) fn explain(source: &Source<'_>, failure: &SyntaxFailure, is_known_key: &dyn Fn(&str) -> bool) -> Finding {
    let context = &failure.context;
    let finding = match failure.error.kind() {
        ErrorKind::RecursionLimitExceeded => {
            let message = "lists and mappings are nested more than 64 deep here";
            only(Problem::new(Fault::NestedTooDeep, character_at(source, failure.at), message))
        }
        kind if is_tab(kind) && line_with_tab(source, failure.at).is_some() => {
            let line = line_with_tab(source, failure.at).unwrap_or_default();
            tab(source, line)
        }
        kind => match context.open_flow {
            Some(open) => in_flow(source, failure, open),
            None if *kind == ErrorKind::MappingValueNotAllowed && context.last_plain.is_some() => {
                unquoted_colon(source, failure, is_known_key)
            }
            None => in_block(source, failure, is_known_key),
        },
    };
    Finding { problem: finding.problem.at(&context.path), repair: finding.repair }
}

fn only(problem: Problem) -> Finding {
    Finding { problem, repair: None }
}

const fn is_tab(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabNotAllowed
            | ErrorKind::TabInPlainScalar
    )
}

/// The line whose indentation has a tab: that of the error, or the one below, if it goes on with a text.
fn line_with_tab(source: &Source<'_>, at: usize) -> Option<u32> {
    let line = source.line(at);
    [line, line + 1].into_iter().find(|line| is_indented_with_tab(source, *line))
}

fn is_indented_with_tab(source: &Source<'_>, line: u32) -> bool {
    let text = source.line_text(line);
    text[..text.len() - text.trim_start().len()].contains('\t')
}

fn tab(source: &Source<'_>, line: u32) -> Finding {
    let text = source.line_text(line);
    let (indentation, content) = text.split_at(text.len() - text.trim_start().len());
    let start = source.line_start(line);
    let span = Span::new(start, start + indentation.len());
    let message = "indent with spaces: YAML takes no tabs in front of keys and list items";
    let corrected = format!("{}{content}", indentation.replace('\t', "  "));
    only(Problem::new(Fault::TabIndentation, span, message).suggest(Some(corrected)))
}

/// An error within `[…]` or `{…}`: an unquoted expression in an item, or a bracket that is not closed.
fn in_flow(source: &Source<'_>, failure: &SyntaxFailure, open: usize) -> Finding {
    let rest = source.text().get(failure.at..).unwrap_or("");
    let token = region::flow_token(source, failure.at);
    let context = &failure.context;
    if (rest.starts_with("{{") || rest.starts_with("{%")) && source.slice(token).contains(['{']) {
        let problem = unquoted_expression(source, token, context.parent_column);
        return Finding { problem, repair: Some((token, Replacement::Text)) };
    }
    let value = region::block_value(source, open, context.parent_column);
    if source.slice(value).starts_with("{%") {
        return expression(source, value, context);
    }
    let bracket = source.slice(value).chars().next().unwrap_or('[');
    let closing = if bracket == '{' { '}' } else { ']' };
    let is_unclosed = failure.at >= value.end || is_end_in_brackets(failure.error.kind());
    let message = match failure.error.kind() {
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            format!("`{open}` is closed by `{close}` here")
        }
        _ if is_unclosed => {
            format!("this `{bracket}` is not closed: a `{closing}` is missing, or quote the text if it is one")
        }
        kind => format!(
            "this can't be read as a part of the `{bracket}…{closing}` around it: {}; quote texts that contain brackets, commas or colons",
            in_words(kind)
        ),
    };
    let span = if is_unclosed { value } else { character_at(source, failure.at) };
    Finding { problem: Problem::new(Fault::Syntax, span, message), repair: Some((value, Replacement::Broken)) }
}

/// Whether the text ended before a bracket was closed.
const fn is_end_in_brackets(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnclosedFlowCollection { .. }
            | ErrorKind::UnexpectedEofFlowSequence
            | ErrorKind::UnexpectedEofFlowMapping
            | ErrorKind::UnexpectedEofImplicitFlowMapping
    )
}

/// A text with `: ` in it, or keys that are indented deeper than the one above.
fn unquoted_colon(source: &Source<'_>, failure: &SyntaxFailure, is_known_key: &dyn Fn(&str) -> bool) -> Finding {
    let context = &failure.context;
    let plain = context.last_plain.unwrap_or_default();
    let error_line = source.line(failure.at);
    if source.line(plain.start) < error_line {
        let line_start = source.line_start(error_line);
        let before = source.slice(Span::new(line_start, failure.at)).trim();
        let key = before.strip_prefix("- ").unwrap_or(before).trim();
        if is_known_key(key) {
            let start = failure.at - key.len();
            let message = format!(
                "`{key}` is indented deeper than the key above it; keys of one mapping begin in the same column"
            );
            return only(Problem::new(Fault::Syntax, Span::new(start, failure.at), message));
        }
    }
    let span = region::block_value(source, plain.start, context.parent_column);
    let message = "quote this text, or use `|`: without quotes YAML reads `: ` as the end of a key";
    let suggestion = region::corrected_line(source, span, context.parent_column);
    Finding {
        problem: Problem::new(Fault::UnquotedColon, span, message).suggest(suggestion),
        repair: Some((span, Replacement::Text)),
    }
}

/// An error in a value or a key that is not within brackets.
fn in_block(source: &Source<'_>, failure: &SyntaxFailure, is_known_key: &dyn Fn(&str) -> bool) -> Finding {
    let context = &failure.context;
    let unread = next_unread(source.text(), context);
    let kind = failure.error.kind();
    let same_line = |value: &usize| source.line(*value) == source.line(unread) && *value < unread;
    match context.awaits {
        Awaits::Value => {}
        Awaits::Item if follows_dash(source, unread) => {}
        Awaits::Key | Awaits::Item => {
            return match context.last_value.filter(same_line) {
                Some(value) => text_after_value(source, value, context),
                None => no_key(source, unread, failure, is_known_key),
            };
        }
        Awaits::Document if context.read_to == 0 => {}
        Awaits::Document => return no_key(source, unread, failure, is_known_key),
    }
    let span = region::block_value(source, unread, context.parent_column);
    let value = source.slice(span);
    let (message, suggestion) = match value.chars().next() {
        Some('{') if value.starts_with("{%") => return expression(source, span, context),
        Some(reserved @ ('@' | '`' | '%')) => (
            format!("a text can't begin with `{reserved}`: quote it"),
            region::corrected_line(source, span, context.parent_column),
        ),
        Some(quote @ ('"' | '\'')) => return quotes(source, span, quote, kind),
        Some('-') if *kind == ErrorKind::BlockSequenceEntryNotAllowed => {
            ("a list begins on a line of its own, or is written as `[…]`".to_owned(), None)
        }
        Some('|' | '>') => (format!("this block text can't be read: {}", in_words(kind)), None),
        Some(_) => (
            format!("this can't be read: {}", in_words(kind)),
            region::corrected_line(source, span, context.parent_column),
        ),
        None => {
            let message = format!("this can't be read: {}", in_words(kind));
            return only(Problem::new(Fault::Syntax, character_at(source, failure.at), message));
        }
    };
    let replacement = if suggestion.is_some() { Replacement::Text } else { Replacement::Broken };
    Finding {
        problem: Problem::new(Fault::Syntax, span, message).suggest(suggestion),
        repair: Some((span, replacement)),
    }
}

/// A value that begins with a tag of the template language.
fn expression(source: &Source<'_>, span: Span, context: &Context) -> Finding {
    Finding {
        problem: unquoted_expression(source, span, context.parent_column),
        repair: Some((span, Replacement::Text)),
    }
}

/// Quotes that are not closed, closed too early, or hold an unknown escape.
fn quotes(source: &Source<'_>, span: Span, quote: char, kind: &ErrorKind) -> Finding {
    let text = source.slice(span);
    let is_one_line = !text.contains('\n');
    let (message, suggestion) = match kind {
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => (
            format!(
                "the quoted text ends at its second `{quote}`, but more follows: quote the whole with the other kind of quotes"
            ),
            is_one_line.then(|| requoted(source, span, quote)),
        ),
        ErrorKind::UnknownQuotedScalarEscape => (
            "a backslash within \"…\" begins an escape, and this one is unknown: write `\\\\`, or use '…'".to_owned(),
            is_one_line.then(|| requoted(source, span, quote)),
        ),
        _ if text.matches(quote).count() % 2 == 1 => {
            (format!("this {quote}…{quote} is not closed: the second `{quote}` is missing"), None)
        }
        _ => (format!("this quoted text can't be read: {}", in_words(kind)), None),
    };
    let replacement = if suggestion.is_some() { Replacement::Text } else { Replacement::Broken };
    Finding {
        problem: Problem::new(Fault::Syntax, span, message).suggest(suggestion),
        repair: Some((span, replacement)),
    }
}

/// The line with the outer quotes of its value changed, so that those within are part of the text.
fn requoted(source: &Source<'_>, span: Span, quote: char) -> String {
    let text = source.slice(span);
    let inner = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).unwrap_or(text);
    let line_start = source.line_start(source.line(span.start));
    let before = source.slice(Span::new(line_start, span.start)).trim_start();
    let requoted = if inner.contains('\'') {
        format!("\"{}\"", inner.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        format!("'{inner}'")
    };
    format!("{before}{requoted}")
}

/// Text behind a complete value on the same line: `[draft] do it`, `"a" and b`.
fn text_after_value(source: &Source<'_>, value: usize, context: &Context) -> Finding {
    let span = region::block_value(source, value, context.parent_column);
    let message = "the value ends before the end of this line: quote the whole text";
    let suggestion = region::corrected_line(source, span, context.parent_column);
    Finding {
        problem: Problem::new(Fault::Syntax, span, message).suggest(suggestion),
        repair: Some((span, Replacement::Text)),
    }
}

/// A line that should begin with a key and does not, or is not indented like any line above.
fn no_key(source: &Source<'_>, unread: usize, failure: &SyntaxFailure, is_known_key: &dyn Fn(&str) -> bool) -> Finding {
    let line = source.line(unread);
    let text = source.line_text(line);
    let span = Span::new(unread, source.line_start(line) + text.trim_end().len());
    let content = source.slice(span);
    let column = source.column_index(unread);
    let first_word = content.split_whitespace().next().unwrap_or("");
    let has_key = content
        .split_once(':')
        .is_some_and(|(key, rest)| !key.contains(' ') && (rest.is_empty() || rest.starts_with(' ')));
    let is_item = content.starts_with("- ");
    if let Some(line) = (1..line).rev().find(|line| !source.line_text(*line).trim().is_empty())
        && is_indented_with_tab(source, line)
    {
        return tab(source, line);
    }
    let expected = match failure.context.awaits {
        Awaits::Document => failure.context.parent_column.or(Some(usize::MAX)),
        Awaits::Key | Awaits::Value | Awaits::Item => failure.context.parent_column,
    };
    let message = if (has_key || is_item) && expected.is_some_and(|expected| expected != column) {
        "the indentation of this line fits none of the lines above it".to_owned()
    } else if is_item {
        "a list item can't stand here, between the keys of a mapping".to_owned()
    } else if is_known_key(first_word) {
        format!("a colon is missing behind `{first_word}`")
    } else if let Some((key, _)) = content.split_once(':').filter(|(key, _)| is_known_key(key)) {
        format!("a space is missing behind `{key}:`")
    } else {
        "this line has no key: write `key: value`, or indent it if it goes on with the text above".to_owned()
    };
    // Left out only where the line plainly is no part of the structure.
    let repair = (!has_key && !is_item).then_some((span, Replacement::Comment));
    Finding { problem: Problem::new(Fault::Syntax, span, message), repair }
}

/// Whether a place is the first one behind the dash of a list item.
fn follows_dash(source: &Source<'_>, at: usize) -> bool {
    let start = source.line_start(source.line(at));
    source.slice(Span::new(start, at)).trim_end().ends_with('-')
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

fn character_at(source: &Source<'_>, at: usize) -> Span {
    let rest = source.text().get(at..).unwrap_or("");
    let length = rest.chars().next().filter(|c| !c.is_whitespace()).map_or(0, char::len_utf8);
    Span::new(at, at + length)
}

/// The parser's reason without its vocabulary.
fn in_words(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::InvalidIndentation
        | ErrorKind::ExpectedDocumentStart
        | ErrorKind::InvalidFlowScalarIndent => "its indentation fits none of the lines above",
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => "a key without `:` behind it",
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => "there is a `:` where no key can be",
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => "a comma is missing",
        ErrorKind::BlockSequenceEntryNotAllowed | ErrorKind::BlockEntryInFlowCollection => {
            "there is a `- ` where no list can begin"
        }
        ErrorKind::TabNotAllowed | ErrorKind::TabInPlainScalar | ErrorKind::TabAtBlockScalarStart => {
            "there is a tab where only spaces may be"
        }
        ErrorKind::UnclosedQuotedScalar
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::DocumentIndicatorInQuotedScalar => "a quote is not closed",
        ErrorKind::InvalidBlockScalarHeader => "only `|` or `>`, with `+`, `-` or a digit, may stand on its first line",
        ErrorKind::CommentNotSeparated => "a `#` needs a space before it",
        ErrorKind::BomInsideDocument => "there is a byte order mark in the middle of the text",
        ErrorKind::UndeclaredTagHandle | ErrorKind::MissingTagUri | ErrorKind::InvalidTagTerminator => {
            "a `!` at its start makes it a tag; quote the text"
        }
        ErrorKind::MissingAnchorOrAliasName => "a `&` or `*` at its start needs a name; quote the text",
        // The parser's own list may grow.
        _ => "check indentation, quotes and brackets around here",
    }
}
