//! Lines that begin in a column where they can't.

use std::ops::Range;

use granit_parser::ErrorKind;

use super::{Finding, Scene, only};
use crate::{
    problem::{Correction, Fault, Fix, Problem},
    source::{Source, Span},
};

/// How many lines back columns are looked for.
const LINES_LOOKED_AT: u32 = 100;

pub(super) const fn is_about_tabs(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabNotAllowed
            | ErrorKind::TabInPlainScalar
    )
}

/// The line whose indentation has a tab: that of the error, or the one below, if it goes on with a text.
pub(super) fn line_with_tab(scene: &Scene<'_>) -> Option<u32> {
    let line = scene.source.line(scene.failure.at);
    [line, line + 1].into_iter().find(|line| is_indented_with_tab(scene.source, *line))
}

pub(super) fn is_indented_with_tab(source: &Source<'_>, line: u32) -> bool {
    let text = source.line_text(line);
    text[..text.len() - text.trim_start().len()].contains('\t')
}

/// A tab that could not be put right before.
pub(super) fn tab(source: &Source<'_>, line: u32) -> Finding {
    let text = source.line_text(line);
    let start = source.line_start(line);
    let span = Span::new(start, start + text.len() - text.trim_start().len());
    let message = "indent with spaces: YAML takes no tabs in front of keys and list items";
    only(Problem::new(Fault::TabIndentation, span, message))
}

/// The line moved, alone or with those below it that are indented at least as deep, to a column of a line above: the nearest one at
/// which the text can be read.
pub(super) fn moved(scene: &Scene<'_>, line: u32) -> Option<Correction> {
    let source = scene.source;
    let column = indentation(source.line_text(line));
    let is_item = source.line_text(line)[column..].starts_with("- ");
    let mut columns: Vec<usize> = (line.saturating_sub(LINES_LOOKED_AT).max(1)..line)
        .flat_map(|above| columns_of(source.line_text(above), is_item))
        .filter(|other| *other != column)
        .collect();
    columns.sort_by_key(|other| (other.abs_diff(column), *other));
    columns.dedup();
    let nearest = columns.first()?.abs_diff(column);
    // Two columns that are equally near leave open which one is meant.
    let nearest: Vec<usize> = columns.into_iter().take_while(|other| other.abs_diff(column) == nearest).collect();
    let [only] = nearest.as_slice() else { return None };
    let with_those_below = shifted(source, line..u32::MAX, column, *only);
    let alone = shifted(source, line..line + 1, column, *only);
    scene.tried(with_those_below).or_else(|| scene.tried(alone))
}

/// Those of the lines that are indented at least to `from`, up to the first that is not, indented to `to` instead.
fn shifted(source: &Source<'_>, lines: Range<u32>, from: usize, to: usize) -> Fix {
    let start = source.line_start(lines.start);
    let (mut end, mut text) = (start, String::new());
    let mut next = lines.start;
    while next < lines.end && source.line_start(next) < source.text().len() {
        let content = source.line_text(next);
        if !content.trim().is_empty() {
            if indentation(content) < from {
                break;
            }
            text.push_str(source.slice(Span::new(end, source.line_start(next))));
            text.push_str(&" ".repeat(to));
            text.push_str(&content[from..]);
            end = source.line_start(next) + content.len();
        }
        next += 1;
    }
    Fix { span: Span::new(start, end), text }
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The columns of the items, or of the keys, that begin on a line.
fn columns_of(line: &str, of_items: bool) -> Vec<usize> {
    let mut column = indentation(line);
    let mut columns = Vec::new();
    if line[column..].is_empty() || line[column..].starts_with('#') {
        return columns;
    }
    while let Some(rest) = line[column..].strip_prefix("- ") {
        if of_items {
            columns.push(column);
        }
        column += 2 + indentation(rest);
    }
    if !of_items {
        columns.push(column);
    }
    columns
}
