//! The document as a whole (spec 1.1).

use procession_domain::{
    definition::{Config, MOST_STEPS},
    value::{ProcessName, Version},
};
use procession_yaml::{Entry, Kind, Node, Path, Span};

use super::{
    Field, Fields, Lowered, LoweredStep, Lowering,
    expose::lower_expose,
    input::lower_input,
    outputs::lower_outputs,
    settings::{lower_config, lower_labels},
    step::lower_step,
    triggers::lower_triggers,
    webhooks::lower_webhooks,
};
use crate::{code::Code, keys::DOCUMENT, problem::Problem};

/// Reads the whole document; `None` if it is no mapping.
pub(crate) fn lower<'d>(cx: &mut Lowering<'d>, root: &'d Node<'d>) -> Option<Lowered> {
    if root.entries().is_none() {
        if !root.is_broken() {
            let message = format!("a process is a mapping with `name` and `steps`, but this is {}", root.type_name());
            let problem = Problem::new(Code::WrongType, cx.first_line(root.span), message);
            cx.problems.push(problem);
        }
        return None;
    }
    if let Some(agents) = root.get("agents").filter(|_| root.get("name").is_none() && root.get("steps").is_none()) {
        let message = "this is a file of agents and no process: leave it out here, and name it with `--agents`";
        cx.problems.push(Problem::new(Code::WrongType, agents.key_span, message).at("agents"));
        return None;
    }
    let path = Path::Root;
    let mut fields = Fields::of(cx, root, &path, &DOCUMENT)?;
    let name = fields.require(cx, "name").and_then(|field| lower_name(cx, &field));
    let version = fields.read(cx, "version", Lowering::version).unwrap_or(Version::FIRST);
    let description = fields.read(cx, "description", Lowering::text).unwrap_or_default();
    let input = fields.read(cx, "input", lower_input);
    let triggers = fields.take(cx, "triggers");
    let triggers = triggers.map_or_else(Vec::new, |field| lower_triggers(cx, &field, name.as_ref()));
    let steps = fields.require(cx, "steps").map_or_else(Vec::new, |field| lower_steps(cx, &field));
    let outputs = fields.take(cx, "outputs").map_or_else(Vec::new, |field| lower_outputs(cx, &field));
    let config = fields.read(cx, "config", lower_config).unwrap_or_else(Config::default);
    let webhooks = fields.take(cx, "webhooks").map_or_else(Vec::new, |field| lower_webhooks(cx, &field));
    let labels = fields.read(cx, "labels", lower_labels).unwrap_or_default();
    let expose_field = fields.take(cx, "expose");
    let expose_span = expose_field.map_or(Span::default(), |field| field.key_span);
    let expose = expose_field.and_then(|field| lower_expose(cx, &field));
    fields.finish(cx);
    Some(Lowered {
        name,
        version,
        description,
        input,
        triggers,
        steps,
        outputs,
        config,
        webhooks,
        labels,
        expose,
        expose_span,
    })
}

fn lower_name(cx: &mut Lowering<'_>, field: &Field<'_, '_>) -> Option<ProcessName> {
    let text = field.node.scalar_text();
    let Some(text) = text else {
        cx.wrong_type(field.node, &field.path, "a text");
        return None;
    };
    match ProcessName::new(text) {
        Ok(name) => {
            if !name.is_conventional() {
                let message = "process names are best lower-case letters, digits, `.`, `_` and `-`, so that they can stand in addresses";
                let problem = Problem::new(Code::UnconventionalName, field.node.span, message);
                cx.problems.push(problem.at(field.path).suggest(slug(text)));
            }
            Some(name)
        }
        Err(error) => {
            let problem = Problem::new(Code::BadName, field.node.span, error.to_string());
            cx.problems.push(problem.at(field.path));
            None
        }
    }
}

fn lower_steps<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Vec<LoweredStep> {
    let items = match &field.node.kind {
        Kind::List(items) => items,
        Kind::Map(entries) => return lower_mapped_steps(cx, field, entries),
        Kind::Scalar(_) | Kind::Broken => {
            cx.wrong_type(field.node, &field.path, "a list of steps");
            return Vec::new();
        }
    };
    if items.is_empty() {
        let problem = Problem::new(Code::MissingKey, field.key_span, "a process needs at least one step");
        cx.problems.push(problem.at(field.path));
    }
    if let Some(first_too_many) = items.get(MOST_STEPS) {
        let message = format!("a process has at most {MOST_STEPS} steps, this one has {}", items.len());
        let place = cx.first_line(first_too_many.span);
        cx.problems.push(Problem::new(Code::TooManySteps, place, message).at(field.path));
    }
    let mut steps = Vec::with_capacity(items.len().min(MOST_STEPS));
    for (index, node) in items.iter().take(MOST_STEPS).enumerate() {
        if cx.is_given_up() {
            break;
        }
        steps.push(lower_step(cx, node, index, &field.path.item(index), None));
    }
    steps
}

/// Steps in a mapping by their ids, which is an error; but they are checked like others.
fn lower_mapped_steps<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>, entries: &'d [Entry<'d>]) -> Vec<LoweredStep> {
    let message = "steps are a list: each begins with `- `, and its id is one of its keys";
    let problem = Problem::new(Code::WrongType, field.key_span, message);
    cx.problems.push(problem.at(field.path).correct(cx.steps_as_list(field.node)));
    let mut steps = Vec::with_capacity(entries.len().min(MOST_STEPS));
    for (index, entry) in entries.iter().take(MOST_STEPS).enumerate() {
        if cx.is_given_up() {
            break;
        }
        let path = Path::Key(&field.path, &entry.key);
        steps.push(lower_step(cx, &entry.value, index, &path, Some(entry)));
    }
    steps
}

/// A name in lower case with hyphens; `None` if letters of it would be lost, or nothing is left.
pub(super) fn slug(text: &str) -> Option<String> {
    let mut slug = String::new();
    for character in text.trim().chars() {
        match character.to_ascii_lowercase() {
            kept @ ('a'..='z' | '0'..='9' | '.' | '_') => slug.push(kept),
            letter if letter.is_alphabetic() => return None,
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    let slug = slug.trim_matches(['-', '.', '_']);
    (!slug.is_empty()).then(|| slug.to_owned())
}
