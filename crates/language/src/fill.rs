//! Fills the parameters of a process template into its text (spec 4c, templates).
//!
//! A parameter is a value, never a piece of YAML: what takes its place is written so that it reads back as that value,
//! and nothing else in the document changes. The result is read again to make sure of it.

use indexmap::IndexMap;
use procession_domain::value::{Json, ProcessName};
use procession_yaml::{Document, Fault, Kind, Node, Problem, Reading, Source, Span, Style};

mod placeholders;

use placeholders::{Place, fill_text, sole_parameter};

/// What fills the placeholders of a template.
#[derive(Debug, Clone, Copy)]
pub struct Filling<'a> {
    /// The name of the process, for `{{name}}`, `{{process_name}}` and the key `name`; `None` leaves them as they are.
    pub name: Option<&'a ProcessName>,
    /// Values by the names of parameters, for `{{param.NAME}}`; others stay as they are.
    pub parameters: &'a IndexMap<String, Json>,
}

/// Why a template can't be filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// Its text can't be read.
    #[error("the template's text can't be read as YAML; check it first")]
    Unreadable,
    /// A value can't be written where its placeholder stands.
    #[error("a parameter stands where no value can be written (line {0}); quote the text around it")]
    Misplaced(u32),
}

/// A scalar with placeholders, and what takes its place.
struct Change {
    span: Span,
    /// The filled text within the author's lines, where that may do.
    in_place: Option<String>,
    /// The value in JSON, which is YAML too.
    as_json: String,
    is_block: bool,
}

/// The keys whose texts are conditions: they hold expressions without braces around them (spec 2.3).
const CONDITIONS: [&str; 2] = ["condition", "expression"];

/// The names of the parameters that a template's text mentions, in its order, each once.
pub fn mentioned_parameters(yaml: &str) -> Vec<String> {
    placeholders::mentioned(yaml)
}

/// The text of a template with its placeholders filled. Comments and everything else stay byte for byte.
pub fn fill(yaml: &str, filling: &Filling<'_>) -> Result<String, FillError> {
    let source = Source::new(yaml);
    let root = read(&source)?;
    let mut changes = Vec::new();
    let mut expected = root.to_json();
    collect(&root, None, &source, filling, &mut changes);
    fill_json(&mut expected, None, filling);
    rename(&root, &source, filling, &mut changes, &mut expected);
    // What several mappings merge is met in each of them.
    changes.sort_unstable_by_key(|change| change.span.start);
    changes.dedup_by_key(|change| change.span);
    // The author's lines are kept where that gives the wanted value; else the value is written as JSON.
    for keeps_lines in [true, false] {
        let text = applied(&source, &changes, keeps_lines);
        let is_right = read(&Source::new(&text)).is_ok_and(|read| read.to_json() == expected);
        if is_right {
            return Ok(text);
        }
    }
    let line = changes.first().map_or(1, |change| source.line(change.span.start));
    Err(FillError::Misplaced(line))
}

/// The document; unquoted placeholders, which YAML takes for mappings, are read as the texts they are meant to be.
fn read<'s>(source: &'s Source<'_>) -> Result<Node<'s>, FillError> {
    let Document { root, is_cut_off, problems } = procession_yaml::read(source, Reading::default());
    let is_no_matter = |problem: &Problem| problem.fault == Fault::UnquotedExpression || problem.fault.is_harmless();
    let is_readable = !is_cut_off && problems.iter().all(is_no_matter);
    root.filter(|root| is_readable && root.entries().is_some()).ok_or(FillError::Unreadable)
}

/// Notes every scalar in which something is filled.
fn collect(node: &Node<'_>, key: Option<&str>, source: &Source<'_>, filling: &Filling<'_>, changes: &mut Vec<Change>) {
    // What an alias stands for is written, and filled, at its anchor.
    if node.alias.is_some() {
        return;
    }
    match &node.kind {
        Kind::Scalar(scalar) => {
            let Some(value) = filled(&scalar.text, key, filling) else { return };
            let is_block = scalar.style == Style::Block;
            let visible = source.slice(node.span).trim_end().len();
            let span = if is_block { node.span } else { Span::new(node.span.start, node.span.start + visible) };
            let in_place = if is_block { in_lines(source, span, key, filling) } else { None };
            changes.push(Change { span, in_place, as_json: value.to_string(), is_block });
        }
        Kind::List(items) => items.iter().for_each(|item| collect(item, key, source, filling, changes)),
        Kind::Map(entries) => {
            for entry in entries {
                collect(&entry.value, Some(&entry.key), source, filling, changes);
            }
        }
        Kind::Broken => {}
    }
}

/// The same in a value.
fn fill_json(value: &mut Json, key: Option<&str>, filling: &Filling<'_>) {
    match value {
        Json::String(text) => {
            if let Some(filled) = filled(text, key, filling) {
                *value = filled;
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| fill_json(item, key, filling)),
        Json::Object(fields) => fields.iter_mut().for_each(|(key, value)| fill_json(value, Some(key), filling)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// The value that a text becomes; `None` if nothing in it is filled.
fn filled(text: &str, key: Option<&str>, filling: &Filling<'_>) -> Option<Json> {
    let place = place_of(key);
    if place == Place::Text
        && let Some(value) = sole_parameter(text, filling)
    {
        return Some(placeholders::escaped_value(value));
    }
    fill_text(text, place, filling).map(Json::String)
}

fn place_of(key: Option<&str>) -> Place {
    if key.is_some_and(|key| CONDITIONS.contains(&key)) { Place::Expression } else { Place::Text }
}

/// A block text filled within its own lines; further lines of a value get the indentation of the block.
fn in_lines(source: &Source<'_>, span: Span, key: Option<&str>, filling: &Filling<'_>) -> Option<String> {
    let raw = source.slice(span);
    let line_start = source.line_start(source.line(span.start));
    let indentation = " ".repeat(span.start - line_start);
    // A line that continues one with other indentation would not read back; then JSON is written.
    let filled = fill_text(raw, place_of(key), filling)?;
    let added = filled.lines().count().saturating_sub(raw.lines().count());
    if added == 0 {
        return Some(filled);
    }
    let known: Vec<&str> = raw.lines().collect();
    let lines = filled.split('\n').map(|line| {
        let is_authors = line.starts_with(&indentation) || line.is_empty() || known.contains(&line);
        if is_authors { line.to_owned() } else { format!("{indentation}{line}") }
    });
    let mut text: String = lines.collect::<Vec<_>>().join("\n");
    if let Some(first) = text.strip_prefix(&indentation).filter(|_| !raw.starts_with(&indentation)) {
        text = first.to_owned();
    }
    Some(text)
}

/// The key `name` gets the process's name, whatever it was.
fn rename(root: &Node<'_>, source: &Source<'_>, filling: &Filling<'_>, changes: &mut Vec<Change>, expected: &mut Json) {
    let (Some(name), Some(entry)) = (filling.name, root.get("name")) else { return };
    let value = &entry.value;
    let is_block = matches!(&value.kind, Kind::Scalar(scalar) if scalar.style == Style::Block);
    let visible = source.slice(value.span).trim_end().len();
    let span = match value.alias {
        Some(alias) => alias,
        None if is_block => value.span,
        None => Span::new(value.span.start, value.span.start + visible),
    };
    changes.retain(|change| change.span != span);
    let as_json = Json::from(name.as_str());
    if let Some(field) = expected.get_mut("name") {
        *field = as_json.clone();
    }
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !["true", "false", "null"].contains(&name.as_str());
    let as_json = if is_plain { name.to_string() } else { as_json.to_string() };
    changes.push(Change { span, in_place: None, as_json, is_block });
}

fn applied(source: &Source<'_>, changes: &[Change], keeps_lines: bool) -> String {
    let text = source.text();
    let mut filled = String::with_capacity(text.len());
    let mut copied_to = 0;
    for change in changes {
        let (start, replacement) = match &change.in_place {
            Some(in_place) if keeps_lines => (change.span.start, in_place.clone()),
            // The mark of a block text stands on a line above it.
            _ if change.is_block => {
                let before = text.get(copied_to..change.span.start).unwrap_or("");
                let mark = before.rfind(['|', '>']).map_or(change.span.start, |at| copied_to + at);
                let line_break = if source.slice(change.span).ends_with('\n') { "\n" } else { "" };
                (mark, format!("{}{line_break}", change.as_json))
            }
            _ => (change.span.start, change.as_json.clone()),
        };
        filled.push_str(text.get(copied_to..start).unwrap_or(""));
        filled.push_str(&replacement);
        copied_to = change.span.end;
    }
    filled.push_str(text.get(copied_to..).unwrap_or(""));
    filled
}

#[cfg(test)]
mod tests;
