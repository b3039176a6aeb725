//! The declared inputs (spec 1.1, `input`).

use indexmap::IndexMap;
use procession_domain::definition::{InputField, InputSchema, InputType};
use procession_yaml::{Kind, Node, Path, Span};

use super::{Field, Fields, Lowering, listed::in_braces};
use crate::{
    code::Code,
    keys::{INPUT_FIELD, LISTED_INPUT, Place, foreign},
    problem::Problem,
};

/// The input schema: a mapping of names to fields, or a list of fields with names.
pub(super) fn lower_input<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Option<InputSchema> {
    let mut schema = InputSchema::default();
    match &field.node.kind {
        Kind::Map(entries) => {
            for entry in entries {
                let path = Path::Key(&field.path, &entry.key);
                let input = if entry.value.is_null() {
                    any_field()
                } else {
                    lower_field(cx, &entry.value, &path, &INPUT_FIELD).map_or_else(any_field, |(_, input)| input)
                };
                schema.fields.insert(entry.key.trim().to_owned(), input);
            }
        }
        Kind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                let path = Path::Item(&field.path, index);
                if let Some(name) = item.scalar_text() {
                    let message = "an input in a list is a mapping with its `name`";
                    let correction = in_braces(item.span, &[("name", cx.source.slice(item.span))]);
                    let problem = Problem::new(Code::WrongType, item.span, message).correct(Some(correction));
                    cx.problems.push(problem.at(path));
                    schema.fields.entry(name.trim().to_owned()).or_insert_with(any_field);
                } else if let Some((name, input)) = lower_field(cx, item, &path, &LISTED_INPUT) {
                    insert_listed(cx, &mut schema.fields, name, input, &path);
                }
            }
        }
        Kind::Scalar(_) | Kind::Broken => {
            cx.wrong_type(field.node, &field.path, "a mapping of input names to fields");
            return None;
        }
    }
    Some(schema)
}

type ListedName = Option<(String, Span)>;

fn insert_listed(
    cx: &mut Lowering<'_>,
    fields: &mut IndexMap<String, InputField>,
    name: ListedName,
    input: InputField,
    path: &Path<'_>,
) {
    let Some((name, span)) = name else { return };
    if fields.contains_key(&name) {
        let message = format!("there are two inputs called `{name}`");
        cx.problems.push(Problem::new(Code::DuplicateName, span, message).at(path));
    } else {
        fields.insert(name, input);
    }
}

fn lower_field<'d>(
    cx: &mut Lowering<'d>,
    node: &'d Node<'d>,
    path: &Path<'_>,
    place: &'static Place,
) -> Option<(ListedName, InputField)> {
    if matches!(node.kind, Kind::Scalar(_)) {
        let message = format!("expected a mapping such as `{{type: string}}`, found {}", node.type_name());
        let types = InputType::ALL.map(InputType::as_str);
        let word = node.scalar_text().unwrap_or("").trim();
        let named = types.into_iter().find(|name| *name == word).or_else(|| foreign::word_meant(&types, word));
        let correction = named.map(|name| in_braces(node.span, &[("type", name)]));
        cx.problems.push(Problem::new(Code::WrongType, node.span, message).at(path).correct(correction));
        return None;
    }
    let mut fields = Fields::of(cx, node, path, place)?;
    let name = if std::ptr::eq(place, &raw const LISTED_INPUT) {
        let field = fields.require(cx, "name");
        field.and_then(|field| Some((cx.filled_text(&field)?.trim().to_owned(), field.node.span)))
    } else {
        None
    };
    let field_type = fields.read(cx, "type", Lowering::word_as);
    let description = fields.read(cx, "description", Lowering::text);
    let required = fields.read(cx, "required", Lowering::boolean).unwrap_or(false);
    let allowed = fields.take(cx, "enum");
    let default = fields.take(cx, "default");
    fields.finish(cx);
    let mut input = InputField { field_type, description, default: None, required, one_of: Vec::new() };
    if let Some(allowed) = allowed {
        input.one_of = lower_enum(cx, &allowed, &input);
    }
    if let Some(default) = default {
        cx.check_comments_within(default.node, &default.path);
        match input.check(&default.node.to_json()) {
            Ok(value) => input.default = Some(value),
            Err(message) => {
                let problem = Problem::new(Code::BadDefault, default.node.span, format!("the default {message}"));
                cx.problems.push(problem.at(default.path));
            }
        }
    }
    Some((name, input))
}

/// The allowed values, each of which must itself be of the field's type.
fn lower_enum<'d>(
    cx: &mut Lowering<'d>,
    field: &Field<'d, '_>,
    input: &InputField,
) -> Vec<procession_domain::value::Json> {
    let Kind::List(items) = &field.node.kind else {
        cx.wrong_type(field.node, &field.path, "a list of the allowed values");
        return Vec::new();
    };
    cx.check_comments_within(field.node, &field.path);
    let mut allowed = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        match input.check(&item.to_json()) {
            Ok(value) => allowed.push(value),
            Err(message) => {
                let problem = Problem::new(Code::BadDefault, item.span, format!("an allowed value {message}"));
                cx.problems.push(problem.at(Path::Item(&field.path, index)));
            }
        }
    }
    allowed
}

/// A field of any type that may be left out.
const fn any_field() -> InputField {
    InputField { field_type: None, description: None, default: None, required: false, one_of: Vec::new() }
}
