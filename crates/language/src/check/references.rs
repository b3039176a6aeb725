//! What a path in a text means: a variable that exists, a step, an input field (spec 2.1, 1.11).

use std::{collections::HashSet, ops::Range};

use procession_domain::definition::{InputSchema, StepIndex, StepKind};
use procession_expression::Reference;

use super::{
    mentions::KnownSteps,
    outputs_of::{STEP_FIELDS, known_outputs},
    reading::{Facts, InputRead, StepRead},
};
use crate::{
    code::Code,
    diagnostic::Problem,
    lower::{LoweredStep, Lowering, Owner, TextUse},
};

/// The variables that a text can see.
const ROOTS: [&str; 7] = ["input", "steps", "trigger", "execution", "process", "error", "errors"];
/// Functions that may be listed among what a text reads.
const FUNCTIONS: [&str; 3] = ["now", "range", "dict"];

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
        if self.input.is_some_and(|schema| schema.fields.contains_key(name)) {
            Some("input")
        } else if self.known.index(name).is_some() {
            Some("steps")
        } else {
            None
        }
    }
}

impl<'d> Resolver<'_, 'd> {
    /// Notes what a reference reads, or reports that it can't.
    pub fn resolve(&mut self, cx: &mut Lowering<'d>, reference: Reference) {
        match reference.root.as_str() {
            "steps" => self.step(cx, reference),
            "input" => self.input(cx, reference),
            "trigger" => self.fixed(cx, &reference, &["type", "id", "payload", "fired_at"]),
            "execution" => self.fixed(cx, &reference, &["id", "started_at", "retry_of", "parent_id"]),
            "process" => self.fixed(cx, &reference, &["id", "name", "version"]),
            "error" => {
                self.handler_only(cx, &reference);
                self.fixed(cx, &reference, &["code", "message", "step_id"]);
            }
            "errors" => self.handler_only(cx, &reference),
            root if FUNCTIONS.contains(&root) => {}
            _ => self.unknown_variable(cx, &reference),
        }
    }

    fn report(
        &self,
        cx: &mut Lowering<'d>,
        code: Code,
        range: &Range<usize>,
        message: String,
        suggestion: Option<impl Into<String>>,
    ) {
        let place = cx.place(self.text, range);
        cx.problems.push(Problem::new(code, place, message).at(&self.text.path).suggest(suggestion));
    }

    fn step(&mut self, cx: &mut Lowering<'d>, reference: Reference) {
        let mut path = reference.path.into_iter();
        let Some(id) = path.next() else {
            self.facts.dynamic.push(self.index);
            return;
        };
        let known = self.variables.known;
        let Some(step) = known.index(&id) else {
            if !known.is_invalid(&id) {
                let meant = cx.closest(&id, known.texts());
                let message = did_you_mean(format!("no step is called `{id}`"), meant);
                self.report(cx, Code::UnknownStep, &reference.range, message, meant);
            }
            return;
        };
        let read = StepRead { text: self.index, step, fields: path.collect(), range: reference.range };
        self.check_own(cx, &read);
        self.check_fields(cx, &read);
        self.facts.steps.push(read);
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
        self.report(cx, Code::OwnStep, &read.range, message, None::<String>);
    }

    /// Misspelt fields of a step whose output is known: an agent's reply and a process's outputs may have any, and any
    /// of them may be named without `output`.
    fn check_fields(&self, cx: &mut Lowering<'d>, read: &StepRead) {
        let step = &self.variables.steps[read.step].step;
        let Some(outputs) = known_outputs(step) else { return };
        let fields: Vec<&str> = read.fields.iter().map(String::as_str).collect();
        let (field, meant) = match fields.as_slice() {
            ["output", field, ..] if !outputs.contains(field) => (field, cx.closest(field, outputs.iter().copied())),
            [field, ..] if *field != "output" && !STEP_FIELDS.contains(field) && !outputs.contains(field) => {
                (field, cx.closest(field, STEP_FIELDS.iter().chain(outputs).copied()))
            }
            _ => return,
        };
        // Without a likely misspelling nothing is said: a later version may have the field.
        let Some(meant) = meant else { return };
        let message = did_you_mean(format!("a {} has no `{field}`", step.step_type()), Some(meant));
        self.report(cx, Code::UnknownField, &read.range, message, Some(meant));
    }

    fn input(&mut self, cx: &mut Lowering<'d>, reference: Reference) {
        let Some(field) = reference.path.into_iter().next() else { return };
        if let Some(schema) = self.variables.input
            && !schema.fields.contains_key(&field)
        {
            let meant = cx.closest(&field, schema.fields.keys().map(String::as_str));
            let message = did_you_mean(format!("the process declares no input `{field}`"), meant);
            self.report(cx, Code::UnknownInput, &reference.range, message, meant);
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
        self.report(cx, Code::UnknownField, &reference.range, message, meant);
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
            self.report(cx, Code::ErrorOutsideHandler, &reference.range, message, None::<String>);
        }
    }

    fn unknown_variable(&self, cx: &mut Lowering<'d>, reference: &Reference) {
        let root = reference.root.as_str();
        let path: Vec<&str> = std::iter::once(root).chain(reference.path.iter().map(String::as_str)).collect();
        let meant = match self.variables.variable_with(root) {
            Some(variable) => Some(format!("{variable}.{}", path.join("."))),
            None => cx.closest(root, ROOTS).map(|meant| {
                let mut corrected = path.clone();
                corrected[0] = meant;
                corrected.join(".")
            }),
        };
        let message = match &meant {
            Some(meant) => did_you_mean(format!("there is no variable `{root}`"), Some(meant)),
            None => format!("there is no variable `{root}`: there are {}", ROOTS.join(", ")),
        };
        self.report(cx, Code::UnknownVariable, &reference.range, message, meant);
    }
}

fn did_you_mean(message: String, meant: Option<&str>) -> String {
    match meant {
        Some(meant) => format!("{message}; did you mean `{meant}`?"),
        None => message,
    }
}
