//! What a path in a text means: a variable that exists, a step, an input field (spec 2.1, 1.11).

use std::{collections::HashSet, ops::Range};

use procession_domain::definition::{InputSchema, StepIndex, StepKind};
use procession_expression::Reference;
use procession_yaml::Correction;

use super::{
    mentions::KnownSteps,
    reading::{Facts, InputRead, StepRead},
};
use crate::{
    code::Code,
    lower::{LoweredStep, Lowering, Owner, TextUse},
    problem::Problem,
};

/// The variables that a text can see.
const ROOTS: [&str; 7] = ["input", "steps", "trigger", "execution", "process", "error", "errors"];
/// What `trigger` has.
const TRIGGER_FIELDS: &[&str] = &["type", "id", "payload", "fired_at", "schedule_id", "due_at", "actual_at"];
/// Functions, which are none without their brackets.
const FUNCTIONS: [&str; 5] = ["now", "range", "dict", "time", "duration"];
/// Names of variables in other tools.
const FOREIGN_ROOTS: [(&str, &str); 14] = [
    ("inputs", "input"),
    ("params", "input"),
    ("parameters", "input"),
    ("vars", "input"),
    ("variables", "input"),
    ("args", "input"),
    ("outputs", "steps"),
    ("needs", "steps"),
    ("nodes", "steps"),
    ("tasks", "steps"),
    ("jobs", "steps"),
    ("event", "trigger"),
    ("workflow", "process"),
    ("run", "execution"),
];
/// Where other tools keep secrets.
const SECRET_ROOTS: [&str; 3] = ["secrets", "env", "environment"];

/// What the names in texts can mean in this document.
pub(super) struct Variables<'a> {
    pub known: &'a KnownSteps,
    pub input: Option<&'a InputSchema>,
    pub steps: &'a [LoweredStep],
    pub handlers: &'a HashSet<StepIndex>,
}

/// Resolves the references of one text.
pub(super) struct Resolver<'a, 'd> {
    pub variables: &'a Variables<'a>,
    pub text: &'a TextUse<'d>,
    /// The characters of the text.
    pub content: &'a str,
    /// The text's place among the document's texts.
    pub index: usize,
    pub facts: &'a mut Facts,
}

impl Variables<'_> {
    /// A path with the variable that was probably meant in front of it.
    pub fn full_path(&self, path: &str) -> String {
        let first = path.split('.').next().unwrap_or(path);
        if ROOTS.contains(&first) {
            return path.to_owned();
        }
        self.variable_with(first).map_or_else(|| path.to_owned(), |variable| format!("{variable}.{path}"))
    }

    /// Whether a step is known to be an approval.
    pub fn is_approval(&self, id: &str) -> bool {
        let step = self.known.index(id).map(|index| &self.steps[index].step);
        step.is_some_and(|step| matches!(step.kind, StepKind::HumanApproval(_)))
    }

    /// The variable that has a field of this name: `input` or `steps`.
    fn variable_with(&self, name: &str) -> Option<&'static str> {
        if self.has_input(name) {
            Some("input")
        } else if self.known.index(name).is_some() {
            Some("steps")
        } else {
            None
        }
    }

    fn has_input(&self, name: &str) -> bool {
        self.input.is_some_and(|schema| schema.fields.contains_key(name))
    }
}

impl<'d> Resolver<'_, 'd> {
    /// Notes what a reference reads, or reports that it can't.
    pub fn resolve(&mut self, cx: &mut Lowering<'d>, reference: Reference) {
        match reference.root.as_str() {
            "steps" => self.step(cx, reference),
            "input" => self.input(cx, &reference),
            "trigger" => self.fixed(cx, &reference, TRIGGER_FIELDS),
            "execution" => self.fixed(cx, &reference, &["id", "started_at", "retry_of", "parent_id"]),
            "process" => self.fixed(cx, &reference, &["id", "name", "version"]),
            "error" => {
                self.handler_only(cx, &reference);
                self.fixed(cx, &reference, &["code", "message", "step_id"]);
            }
            "errors" => self.handler_only(cx, &reference),
            root if FUNCTIONS.contains(&root) => self.function_without_brackets(cx, &reference),
            _ => self.unknown_variable(cx, &reference),
        }
    }

    pub(super) fn report(
        &self,
        cx: &mut Lowering<'d>,
        code: Code,
        range: &Range<usize>,
        message: String,
        correction: Option<Correction>,
    ) {
        let place = cx.place(self.text, range);
        cx.problems.push(Problem::new(code, place, message).at(&self.text.path).correct(correction));
    }

    /// Another name for one part of a path, the first of which is the variable.
    pub(super) fn renamed(
        &self,
        cx: &mut Lowering<'d>,
        reference: &Range<usize>,
        names: &[&str],
        at: usize,
        meant: &str,
    ) -> Option<Correction> {
        let part = part_of_path(self.content, reference, names, at)?;
        // Names that are no plain words stand in brackets and quotes, which are more than the name.
        let is_plain = |name: &str| name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        if !is_plain(meant) {
            return None;
        }
        cx.text_correction(self.text, &part, meant)
    }

    fn step(&mut self, cx: &mut Lowering<'d>, reference: Reference) {
        let Some(id) = reference.path.first() else {
            self.facts.dynamic.push(self.index);
            return;
        };
        let known = self.variables.known;
        let Some(step) = known.index(id) else {
            if known.is_unknown(id) {
                let message = format!("no step is called `{id}`");
                let meant = cx.closest(id, known.texts()).map(str::to_owned);
                let correction = meant.and_then(|meant| self.renamed(cx, &reference.range, &["steps", id], 1, &meant));
                self.report(cx, Code::UnknownStep, &reference.range, message, correction);
            } else {
                self.facts.invalid_ids.extend(self.place_of_id(cx, &reference.range, id));
            }
            return;
        };
        let Reference { path, range, compared, .. } = reference;
        let fields = path.into_iter().skip(1).collect();
        let read = StepRead { text: self.index, step, fields, range, compared };
        self.check_own(cx, &read);
        self.check_fields(cx, &read);
        self.facts.steps.push(read);
    }

    /// Where an id stands that breaks the rule for ids.
    fn place_of_id(
        &self,
        cx: &mut Lowering<'d>,
        reference: &Range<usize>,
        id: &str,
    ) -> Option<(String, procession_yaml::Span)> {
        let part = part_of_path(self.content, reference, &["steps", id], 1)?;
        Some((id.to_owned(), cx.place(self.text, &part)))
    }

    /// A step can't read itself, except in its compensation, and an approval that has changes made may read what was
    /// said in the last round.
    fn check_own(&self, cx: &mut Lowering<'d>, read: &StepRead) {
        if self.text.owner != Owner::Step(read.step) {
            return;
        }
        let step = &self.variables.steps[read.step].step;
        let is_rerun = match &step.kind {
            StepKind::HumanApproval(approval) => approval.on_changes_requested.is_some(),
            StepKind::AgentTask(_)
            | StepKind::Gateway(_)
            | StepKind::Timer(_)
            | StepKind::Notification(_)
            | StepKind::SubProcess(_) => false,
        };
        if is_rerun && read.reads_last_round() {
            return;
        }
        let message = format!("`{}` reads its own result, which is not there before it has run", step.id);
        self.report(cx, Code::OwnStep, &read.range, message, None);
    }

    fn input(&mut self, cx: &mut Lowering<'d>, reference: &Reference) {
        let Some(field) = reference.path.first().cloned() else { return };
        match self.variables.input {
            Some(schema) if !schema.fields.contains_key(&field) => {
                let meant = cx.closest(&field, schema.fields.keys().map(String::as_str)).map(str::to_owned);
                let message = format!("the process declares no input `{field}`");
                let correction =
                    meant.and_then(|meant| self.renamed(cx, &reference.range, &["input", &field], 1, &meant));
                self.report(cx, Code::UnknownInput, &reference.range, message, correction);
            }
            Some(schema) => self.check_input_fields(cx, schema, reference),
            None => {}
        }
        self.facts.inputs.push(InputRead { text: self.index, field, optional: reference.optional });
    }

    /// A variable whose fields are all known.
    fn fixed(&self, cx: &mut Lowering<'d>, reference: &Reference, fields: &[&'static str]) {
        let Some(field) = reference.path.first().filter(|field| !fields.contains(&field.as_str())) else {
            return;
        };
        let root = &reference.root;
        let meant = cx.closest(field, fields.iter().copied());
        let message = format!("`{root}` has no `{field}`: it has {}", fields.join(", "));
        let correction = meant.and_then(|meant| self.renamed(cx, &reference.range, &[root, field], 1, meant));
        self.report(cx, Code::UnknownField, &reference.range, message, correction);
    }

    fn handler_only(&self, cx: &mut Lowering<'d>, reference: &Reference) {
        let is_handler = match self.text.owner {
            Owner::Step(index) | Owner::Compensation(index) => self.variables.handlers.contains(&index),
            Owner::Outputs => false,
        };
        if !is_handler && !reference.optional {
            let message = format!(
                "`{}` is only set in a step that handles errors: one to which `on_error: {{action: goto_step, target_step: …}}` leads",
                reference.root
            );
            self.report(cx, Code::ErrorOutsideHandler, &reference.range, message, None);
        }
    }

    fn function_without_brackets(&self, cx: &mut Lowering<'d>, reference: &Reference) {
        let root = reference.root.as_str();
        let message = format!("`{root}` is a function, which is called with brackets");
        let call = format!("{root}()");
        let correction = if root == "now" && reference.path.is_empty() {
            cx.text_correction(self.text, &reference.range, &call)
        } else {
            None
        };
        self.report(cx, Code::UnknownVariable, &reference.range, message, correction);
    }

    fn unknown_variable(&self, cx: &mut Lowering<'d>, reference: &Reference) {
        let root = reference.root.as_str();
        let message = if SECRET_ROOTS.contains(&root) {
            format!("there is no variable `{root}`: texts can't read secrets or the environment")
        } else {
            format!("there is no variable `{root}`: there are {}", ROOTS.join(", "))
        };
        let meant = self.path_meant(cx, reference).map(|path| path.join("."));
        let written = self.content.get(reference.range.clone()).unwrap_or("");
        let is_simple = written
            == std::iter::once(root).chain(reference.path.iter().map(String::as_str)).collect::<Vec<_>>().join(".");
        let correction = match meant {
            Some(meant) if is_simple => cx.text_correction(self.text, &reference.range, &meant),
            Some(_) | None => None,
        };
        let message = if correction.is_some() { format!("there is no variable `{root}`") } else { message };
        self.report(cx, Code::UnknownVariable, &reference.range, message, correction);
    }

    /// The path that is probably meant by one whose variable does not exist; `None` if there would be something wrong
    /// with that, too.
    fn path_meant(&self, cx: &Lowering<'d>, reference: &Reference) -> Option<Vec<String>> {
        let root = reference.root.as_str();
        let written = || std::iter::once(root.to_owned()).chain(reference.path.iter().cloned());
        if let Some(variable) = self.variables.variable_with(root) {
            let path: Vec<String> = std::iter::once(variable.to_owned()).chain(written()).collect();
            return self.is_right(&path).then_some(path);
        }
        let foreign = FOREIGN_ROOTS.iter().find(|(foreign, _)| *foreign == root).map(|(_, meant)| *meant);
        let meant = foreign.or_else(|| cx.closest(root, ROOTS))?;
        let mut path: Vec<String> = written().collect();
        meant.clone_into(&mut path[0]);
        if let ("steps", Some(outputs)) = (meant, path.get_mut(2).filter(|field| *field == "outputs")) {
            "output".clone_into(outputs);
        }
        self.is_right(&path).then_some(path)
    }

    /// Whether nothing is wrong with a path, as far as that can be known.
    fn is_right(&self, path: &[String]) -> bool {
        match path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["input", field, ..] => self.variables.input.is_none_or(|schema| schema.fields.contains_key(*field)),
            ["steps", id, fields @ ..] => {
                let step = self.variables.known.index(id);
                step.is_some_and(|step| self.text.owner != Owner::Step(step) && self.are_right(step, fields))
            }
            ["trigger", field, ..] => TRIGGER_FIELDS.contains(field),
            ["process", field] => ["id", "name", "version"].contains(field),
            ["execution", field] => ["id", "started_at", "retry_of", "parent_id"].contains(field),
            ["error" | "errors", ..] => false,
            path => path.len() == 1,
        }
    }
}

/// Where one name of a path stands in its text, as far as the names stand there as they are.
fn part_of_path(content: &str, reference: &Range<usize>, names: &[&str], at: usize) -> Option<Range<usize>> {
    let mut from = reference.start;
    let mut found = None;
    for name in names.get(..=at)? {
        let start = from + content.get(from..reference.end)?.find(name)?;
        from = start + name.len();
        found = Some(start..from);
    }
    found
}
