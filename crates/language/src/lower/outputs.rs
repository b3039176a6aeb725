//! Outputs of the process (spec 1.9).

use std::collections::HashSet;

use procession_domain::definition::{Output, Template};
use procession_yaml::{Entry, Kind, Node, Path, Span};

use super::{Field, Fields, Lowering, Owner};
use crate::{code::Code, diagnostic::Problem, keys::OUTPUT};

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
    let mut fields = Fields::of(cx, node, path, &OUTPUT)?;
    let name_field = fields.require(cx, "name");
    let name = name_field.and_then(|field| cx.filled_text(&field));
    let rest = lower_rest(cx, &mut fields);
    fields.finish(cx);
    let (source, description) = rest?;
    let output = Output { name: name?.trim().to_owned(), source, description };
    Some((name_field.map_or(node.span, |field| field.node.span), output))
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
