//! `sub_process` (spec 1.3, 3.6).

use indexmap::IndexMap;
use procession_domain::{
    definition::{MappedValue, SubProcess},
    value::ProcessName,
};
use procession_yaml::{Kind, Node, Path, Resolved};

use super::{Field, Fields, Lowering, Owner, step::Draft};
use crate::{code::Code, problem::Problem};

/// The keys of a sub_process, if it names a process. Whether that exists is looked at later.
pub(super) fn lower_sub_process<'d>(
    cx: &mut Lowering<'d>,
    fields: &mut Fields<'d, '_>,
    draft: &mut Draft,
) -> Option<SubProcess> {
    let owner = Owner::Step(draft.index);
    let name_field = fields.require(cx, "process_name");
    draft.lowered.process_span = name_field.map_or(fields.head, |field| field.node.span);
    let process_name = name_field.and_then(|field| lower_process_name(cx, &field));
    let version = fields.read(cx, "version", Lowering::version);
    let input_mapping = fields.read(cx, "input_mapping", |cx, field| lower_mapping(cx, field, owner));
    let output_key = fields.read(cx, "output_key", Lowering::filled_text);
    let wait_for_completion = fields.read(cx, "wait_for_completion", Lowering::boolean);
    Some(SubProcess {
        process_name: process_name?,
        version,
        input_mapping: input_mapping.unwrap_or_default(),
        output_key: output_key.unwrap_or_else(|| "result".to_owned()),
        wait_for_completion: wait_for_completion.unwrap_or(true),
    })
}

fn lower_process_name(cx: &mut Lowering<'_>, field: &Field<'_, '_>) -> Option<ProcessName> {
    let Some(text) = field.node.scalar_text() else {
        cx.wrong_type(field.node, &field.path, "a text");
        return None;
    };
    match ProcessName::new(text) {
        Ok(name) => Some(name),
        Err(error) => {
            let problem = Problem::new(Code::BadName, field.node.span, error.to_string());
            cx.problems.push(problem.at(field.path));
            None
        }
    }
}

fn lower_mapping<'d>(
    cx: &mut Lowering<'d>,
    field: &Field<'d, '_>,
    owner: Owner,
) -> Option<IndexMap<String, MappedValue>> {
    let Some(entries) = field.node.entries() else {
        cx.wrong_type(field.node, &field.path, "a mapping of input names to values");
        return None;
    };
    let mut mapping = IndexMap::with_capacity(entries.len());
    for entry in entries {
        let value = lower_value(cx, &entry.value, &Path::Key(&field.path, &entry.key), owner);
        mapping.insert(entry.key.clone().into_owned(), value);
    }
    Some(mapping)
}

/// A value: texts are templates, within lists and mappings too. Nesting is bounded by that of the document.
fn lower_value<'d>(cx: &mut Lowering<'d>, node: &'d Node<'d>, path: &Path<'_>, owner: Owner) -> MappedValue {
    match &node.kind {
        Kind::Scalar(scalar) if scalar.resolved == Resolved::Text => match cx.template_of(node, path, owner) {
            Some(template) => MappedValue::Template(template),
            None => MappedValue::Literal(node.to_json()),
        },
        Kind::Scalar(_) | Kind::Broken => MappedValue::Literal(node.to_json()),
        Kind::List(items) => MappedValue::List(
            items
                .iter()
                .enumerate()
                .map(|(index, item)| lower_value(cx, item, &Path::Item(path, index), owner))
                .collect(),
        ),
        Kind::Map(entries) => MappedValue::Map(
            entries
                .iter()
                .map(|entry| {
                    let value = lower_value(cx, &entry.value, &Path::Key(path, &entry.key), owner);
                    (entry.key.clone().into_owned(), value)
                })
                .collect(),
        ),
    }
}
