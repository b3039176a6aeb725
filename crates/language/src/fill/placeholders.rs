//! Placeholders of templates within a text: `{{name}}`, `{{process_name}}` and `{{param.NAME}}`.

use std::borrow::Cow;

use procession_domain::value::Json;

use super::Filling;

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A text for people or agents, with expressions in braces.
    Text,
    /// An expression, braces or not.
    Expression,
}

/// A placeholder in a text.
struct Placeholder<'t> {
    start: usize,
    end: usize,
    name: Name<'t>,
}

enum Name<'t> {
    Process,
    Parameter(&'t str),
}

/// The names of the parameters that a text mentions, in its order, each once.
pub(super) fn mentioned(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut from = 0;
    while let Some(placeholder) = next(text, from) {
        if let Name::Parameter(name) = placeholder.name
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_owned());
        }
        from = placeholder.end;
    }
    names
}

/// The value of the parameter that a text is exactly one placeholder of.
pub(super) fn sole_parameter<'a>(text: &str, filling: &Filling<'a>) -> Option<&'a Json> {
    let text = text.trim();
    let placeholder = next(text, 0).filter(|found| found.start == 0 && found.end == text.len())?;
    match placeholder.name {
        Name::Parameter(name) => filling.parameters.get(name),
        Name::Process => None,
    }
}

/// The text with what is known filled in; `None` if nothing is.
pub(super) fn fill_text(text: &str, place: Place, filling: &Filling<'_>) -> Option<String> {
    let mut filled = String::with_capacity(text.len());
    let mut copied_to = 0;
    let mut from = 0;
    let mut any = false;
    while let Some(placeholder) = next(text, from) {
        from = placeholder.end;
        let before = text.get(copied_to..placeholder.start).unwrap_or("");
        let value = match placeholder.name {
            Name::Process => filling.name.map(|name| Cow::Owned(Json::from(name.as_str()))),
            Name::Parameter(name) => filling.parameters.get(name).map(Cow::Borrowed),
        };
        let Some(value) = value else { continue };
        any = true;
        copied_to = placeholder.end;
        if place == Place::Expression || is_within_expression(text, placeholder.start) {
            // Quotes around the placeholder are those of the text that takes its place.
            let quote = before.chars().next_back().filter(|quote| ['\'', '"'].contains(quote));
            if let Some(quote) = quote.filter(|quote| text[placeholder.end..].starts_with(*quote)) {
                filled.push_str(&before[..before.len() - quote.len_utf8()]);
                filled.push_str(&literal(&Json::from(shown(&value))));
                copied_to += quote.len_utf8();
                from = copied_to;
            } else {
                filled.push_str(before);
                filled.push_str(&literal(&value));
            }
        } else {
            filled.push_str(before);
            filled.push_str(&escaped(&shown(&value)));
        }
    }
    filled.push_str(text.get(copied_to..).unwrap_or(""));
    any.then_some(filled)
}

/// The value in which no text holds an expression.
pub(super) fn escaped_value(value: &Json) -> Json {
    match value {
        Json::String(text) => Json::String(escaped(text).into_owned()),
        Json::Array(items) => items.iter().map(escaped_value).collect(),
        Json::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), escaped_value(value))).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) => value.clone(),
    }
}

/// The value as people read it.
fn shown(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A text in which nothing is an expression: it prints as it stands here.
fn escaped(text: &str) -> Cow<'_, str> {
    let openings = ["{{", "{%", "{#"];
    if !openings.iter().any(|opening| text.contains(opening)) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = openings.iter().filter_map(|opening| rest.find(opening)).min() {
        escaped.push_str(&rest[..at]);
        escaped.push_str("{{ '");
        escaped.push_str(&rest[at..at + 2]);
        escaped.push_str("' }}");
        rest = &rest[at + 2..];
    }
    escaped.push_str(rest);
    escaped.into()
}

/// The value as an expression: JSON is one, but for characters that would open or close a placeholder around it.
fn literal(value: &Json) -> String {
    // Braces within JSON texts can be written as escapes, which mean the same.
    let mut literal = String::new();
    let mut in_text = false;
    let mut is_escaped = false;
    for character in value.to_string().chars() {
        match character {
            '{' if in_text => literal.push_str("\\u007b"),
            '}' if in_text => literal.push_str("\\u007d"),
            _ => literal.push(character),
        }
        match character {
            '"' if !is_escaped => in_text = !in_text,
            _ => {}
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    literal
}

/// Whether a place lies between `{{` or `{%` and its end.
fn is_within_expression(text: &str, at: usize) -> bool {
    let before = &text[..at];
    let opened = before.rfind("{{").max(before.rfind("{%"));
    let closed = before.rfind("}}").max(before.rfind("%}"));
    opened > closed
}

fn next(text: &str, from: usize) -> Option<Placeholder<'_>> {
    let mut from = from;
    loop {
        let start = from + text.get(from..)?.find("{{")?;
        let inner_start = start + 2;
        let end = inner_start + text[inner_start..].find("}}")?;
        let inner = text[inner_start..end].trim();
        let name = match inner {
            "name" | "process_name" => Some(Name::Process),
            _ => inner.strip_prefix("param.").filter(|name| is_name(name)).map(Name::Parameter),
        };
        match name {
            Some(name) => return Some(Placeholder { start, end: end + 2, name }),
            // `{{ {{param.x}} }}`: the inner one may be one.
            None => from = start + 1,
        }
    }
}

/// Whether a text can be a parameter's name.
fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-')
}
