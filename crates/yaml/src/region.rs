//! Which part of the text an unreadable value covers, and how it would be written right.

use crate::{
    problem::{Correction, Fix},
    source::{Source, Span},
};

/// The unquoted value in block style that starts at `start`: the rest of its line without a comment, and the lines that
/// are indented deeper than the collection around it.
pub(super) fn block_value(source: &Source<'_>, start: usize, parent_column: Option<usize>) -> Span {
    let first_line = source.line(start);
    let line_end = source.line_start(first_line) + source.line_text(first_line).len();
    let mut end = start + visible(source.slice(Span::new(start, line_end))).len();
    let mut line = first_line + 1;
    while source.line_start(line) < source.text().len() {
        let text = source.line_text(line);
        let content = text.trim_start_matches(' ');
        let indentation = text.len() - content.len();
        let belongs = parent_column.map_or(indentation > 0, |column| indentation > column);
        if !content.trim().is_empty() {
            if !belongs || content.starts_with('#') {
                break;
            }
            end = source.line_start(line) + indentation + visible(content).len();
        }
        line += 1;
    }
    Span::new(start, end)
}

/// How far an item within brackets is looked for, in bytes each way.
const LONGEST_ITEM: usize = 4_096;

/// The item or value within `[…]` or `{…}` around the place `at`: from the last separator to the next one.
pub(super) fn flow_token(source: &Source<'_>, at: usize) -> Span {
    let line = source.line(at);
    let line_end = source.line_start(line) + source.line_text(line).len();
    // Longer items are not looked at as a whole: a line may be as long as the text.
    let all = source.text();
    let line_start = source.line_start(line).max(all.floor_char_boundary(at.saturating_sub(LONGEST_ITEM)));
    let line_end = line_end.min(all.ceil_char_boundary(all.len().min(at + LONGEST_ITEM)));
    let text = source.slice(Span::new(line_start, line_end));
    let here = at - line_start;
    let mut start = 0;
    let mut depth = 0_usize;
    for (place, character) in text.char_indices().take_while(|(place, _)| *place < here) {
        let pair = &text[place..];
        if pair.starts_with("{{") {
            depth += 1;
        } else if pair.starts_with("}}") {
            depth = depth.saturating_sub(1);
        }
        let separates = matches!(character, '[' | ',') || (character == '{' && !pair.starts_with("{{"));
        let after_colon = character == ':' && pair[1..].starts_with(' ');
        if depth == 0 && (separates || after_colon) {
            start = place + 1;
        }
    }
    start += text[start..].len() - text[start..].trim_start().len();
    let start = start.min(here);
    let mut end = text.len();
    let mut skip_to = 0;
    for (place, character) in text.char_indices().filter(|(place, _)| *place >= start) {
        if place < skip_to {
            continue;
        }
        if text[place..].starts_with("{{") {
            skip_to = text[place..].find("}}").map_or(text.len(), |length| place + length + 2);
        } else if matches!(character, ',' | ']' | '}') {
            end = place;
            break;
        }
    }
    let token = text[start..end.max(start)].trim_end();
    Span::new(line_start + start, line_start + start + token.len())
}

/// The value on its line, without white space or a comment behind it; a `#` within `{{ … }}` begins none.
fn visible(value: &str) -> &str {
    let mut end = value.len();
    let mut skip_to = 0;
    for (place, character) in value.char_indices() {
        if place < skip_to {
            continue;
        }
        if value[place..].starts_with("{{") {
            skip_to = value[place..].find("}}").map_or(0, |length| place + length + 2);
        } else if character == '#' && value[..place].ends_with([' ', '\t']) {
            end = place;
            break;
        }
    }
    value[..end].trim_end()
}

/// Longer corrections than this help nobody.
const LONGEST_CORRECTION: usize = 4_096;

/// The value in quotes, or, if it has several lines, as a block text.
pub fn corrected(source: &Source<'_>, span: Span, parent_column: Option<usize>) -> Option<Correction> {
    let value = source.slice(span);
    if value.len() > LONGEST_CORRECTION {
        return None;
    }
    let text = if value.contains('\n') {
        let indentation = " ".repeat(parent_column.map_or(2, |column| column + 2));
        let lines: Vec<String> = value.lines().map(|line| format!("{indentation}{}", line.trim())).collect();
        format!("|\n{}", lines.join("\n"))
    } else {
        quoted(value)
    };
    with_line(source, Fix { span, text })
}

/// A fix together with the lines that it makes, without indentation; `None` if they are too long to be shown.
pub fn with_line(source: &Source<'_>, fix: Fix) -> Option<Correction> {
    let first_line = source.line(fix.span.start);
    let last_line = source.line(fix.span.end.max(fix.span.start));
    let start = source.line_start(first_line);
    let end = source.line_start(last_line) + source.line_text(last_line).len();
    if end.saturating_sub(start) > LONGEST_CORRECTION {
        return None;
    }
    let before = source.slice(Span::new(start, fix.span.start)).trim_start();
    let after = source.slice(Span::new(fix.span.end, end));
    let shown = format!("{before}{}{after}", fix.text).trim_end().to_owned();
    Some(Correction { shown, fix })
}

/// The text in the kind of quotes that leaves it most readable.
pub fn quoted(text: &str) -> String {
    if !text.contains(['"', '\\']) {
        format!("\"{text}\"")
    } else if !text.contains('\'') {
        format!("'{text}'")
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// The text in the quotes of the scalar that it replaces, or without any if that has none and it needs none.
pub fn rewritten(scalar: &str, text: &str) -> String {
    let needs_no_quotes = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '@' | '+' | ':');
    match scalar.chars().next() {
        Some(quote @ ('"' | '\'')) => format!("{quote}{}{quote}", inside_quotes(quote, text)),
        _ if text.starts_with(char::is_alphanumeric) && text.chars().all(needs_no_quotes) && !text.ends_with(':') => {
            text.to_owned()
        }
        _ => quoted(text),
    }
}

/// The text as it is written within quotes of this kind.
pub fn inside_quotes(quote: char, text: &str) -> String {
    match quote {
        '\'' => text.replace('\'', "''"),
        _ => text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_its_indentation_does() {
        let text = "a: {{ x }} # why\nb: one\n  two # c\n\n   three\nc: 1\n";
        let source = Source::new(text);
        let value = |start: &str| source.slice(block_value(&source, text.find(start).unwrap(), Some(0)));
        assert_eq!(value("{{"), "{{ x }}");
        assert_eq!(value("one"), "one\n  two # c\n\n   three");
        assert_eq!(value("1"), "1");
    }

    #[test]
    fn an_item_of_a_flow_list_ends_at_its_separators() {
        let text = "a: [x {{y, 1}} z, {{w}}, {k: {{v}}}]\n";
        let source = Source::new(text);
        let token = |at: &str| source.slice(flow_token(&source, text.find(at).unwrap()));
        assert_eq!(token("{{y"), "x {{y, 1}} z");
        assert_eq!(token("{{w"), "{{w}}");
        assert_eq!(token("{{v"), "{{v}}");
    }

    #[test]
    fn a_text_is_quoted_as_readably_as_possible() {
        assert_eq!(quoted("a: b"), "\"a: b\"");
        assert_eq!(quoted("say \"x\""), "'say \"x\"'");
        assert_eq!(quoted("it's \"x\""), "\"it's \\\"x\\\"\"");
    }
}
