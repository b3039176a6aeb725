//! Outputs of the process (spec 1.9).

use std::collections::HashSet;

use procession_domain::definition::{Output, Template};
use procession_yaml::{Entry, Kind, Node, Path, Span, Style, rewritten};

use super::{Field, Fields, Lowering, Owner, listed::in_braces};
use crate::{code::Code, keys::OUTPUT, problem::Problem};

/// The name of an output that is just a text.
const DEFAULT_NAME: &str = "output";

/// A list of outputs, a mapping of names to templates, one output, or one template.
pub(super) fn lower_outputs<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Vec<Output> {
    let (node, path) = (field.node, &field.path);
    let named: Vec<(Span, Output)> = match &node.kind {
        Kind::List(items) => items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| lower_item(cx, item, &Path::Item(path, index)))
            .collect(),
        Kind::Map(entries) if is_one_output(entries) => lower_item(cx, node, path).into_iter().collect(),
        Kind::Map(entries) => {
            entries.iter().filter_map(|entry| lower_entry(cx, entry, &Path::Key(path, &entry.key))).collect()
        }
        Kind::Scalar(_) => lower_item(cx, node, path).into_iter().collect(),
        Kind::Broken => Vec::new(),
    };
    let mut names = HashSet::new();
    for (span, output) in &named {
        if !names.insert(output.name.clone()) {
            let message = format!("there are two outputs called `{}`", output.name);
            cx.problems.push(Problem::new(Code::DuplicateName, *span, message).at(path));
        }
    }
    named.into_iter().map(|(_, output)| output).collect()
}

/// Whether a mapping describes one output rather than naming several.
fn is_one_output(entries: &[Entry<'_>]) -> bool {
    let has = |key: &str| entries.iter().any(|entry| entry.key == key);
    has("name") && (has("source") || has("value")) && entries.iter().all(|entry| OUTPUT.find(&entry.key).is_some())
}

fn lower_item<'d>(cx: &mut Lowering<'d>, node: &'d Node<'d>, path: &Path<'_>) -> Option<(Span, Output)> {
    if matches!(node.kind, Kind::Scalar(_)) && !node.is_null() {
        let source = cx.template_of(node, path, Owner::Outputs)?;
        let output = Output { name: DEFAULT_NAME.to_owned(), source, description: None };
        return Some((node.span, output));
    }
    if let Some([entry]) = node.entries()
        && OUTPUT.find(&entry.key).is_none()
        && matches!(entry.value.kind, Kind::Scalar(_))
        && !entry.value.is_null()
    {
        return lower_short_item(cx, node, entry, path);
    }
    let mut fields = Fields::of(cx, node, path, &OUTPUT)?;
    let name_field = fields.require(cx, "name");
    let name = name_field.and_then(|field| cx.filled_text(&field));
    let rest = lower_rest(cx, &mut fields);
    fields.finish(cx);
    let (source, description) = rest?;
    let output = Output { name: name?.trim().to_owned(), source, description };
    Some((name_field.map_or(node.span, |field| field.node.span), output))
}

/// An item that has the name of the output for a key, which is right in a mapping but not in a list.
fn lower_short_item<'d>(
    cx: &mut Lowering<'d>,
    node: &'d Node<'d>,
    entry: &'d Entry<'d>,
    path: &Path<'_>,
) -> Option<(Span, Output)> {
    let message = "an output in a list has the keys `name` and `source`";
    let value = cx.source.slice(entry.value.span);
    let source = if value.contains('\n') { None } else { Some(flow_value(&entry.value, value)) };
    let place = Span::new(entry.key_span.start, node.span.end.max(entry.value.span.end));
    let correction =
        source.map(|source| in_braces(place, &[("name", &rewritten("", &entry.key)), ("source", &source)]));
    let problem = Problem::new(Code::WrongType, entry.key_span, message);
    cx.problems.push(problem.at(path).correct(correction.filter(|_| node.alias.is_none())));
    lower_entry(cx, entry, path)
}

/// A value as it can stand in braces.
fn flow_value(value: &Node<'_>, written: &str) -> String {
    match &value.kind {
        Kind::Scalar(scalar) if matches!(scalar.style, Style::Plain) => rewritten("", &scalar.text),
        Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) | Kind::Broken => written.to_owned(),
    }
}

/// An output whose name is a key.
fn lower_entry<'d>(cx: &mut Lowering<'d>, entry: &'d Entry<'d>, path: &Path<'_>) -> Option<(Span, Output)> {
    let (source, description) = if entry.value.entries().is_some() {
        let mut fields = Fields::of(cx, &entry.value, path, &OUTPUT)?;
        let rest = lower_rest(cx, &mut fields);
        fields.finish(cx);
        rest?
    } else {
        (cx.template_of(&entry.value, path, Owner::Outputs)?, None)
    };
    let output = Output { name: entry.key.clone().into_owned(), source, description };
    Some((entry.key_span, output))
}

fn lower_rest<'d>(cx: &mut Lowering<'d>, fields: &mut Fields<'d, '_>) -> Option<(Template, Option<String>)> {
    let source = fields.require(cx, "source").and_then(|field| cx.template(&field, Owner::Outputs));
    let description = fields.read(cx, "description", Lowering::text);
    Some((source?, description))
}
