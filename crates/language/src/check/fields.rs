//! Fields that are never there: of steps whose output is known, of values that have no fields, and words that no status
//! is. Conditions that read them are never true, and nobody would see why (spec 1.11).

use std::ops::Range;

use procession_domain::{
    definition::{InputSchema, InputType, StepKind},
    execution::StepStatus,
};
use procession_expression::{Compared, DECISIONS, Reference, decision_meant};
use procession_yaml::Correction;

use super::{
    outputs_of::{STEP_FIELDS, closed_reply, is_promised, known_outputs, plain_field},
    reading::StepRead,
    references::Resolver,
};
use crate::{
    code::Code,
    lower::{Lowering, MentionKind, TextKind},
};

/// Words of other tools for a status.
const FOREIGN_STATUSES: [(&str, &str); 11] = [
    ("success", "completed"),
    ("succeeded", "completed"),
    ("successful", "completed"),
    ("complete", "completed"),
    ("done", "completed"),
    ("ok", "completed"),
    ("finished", "completed"),
    ("error", "failed"),
    ("errored", "failed"),
    ("failure", "failed"),
    ("canceled", "cancelled"),
];

/// Names that replies may have and that only look like `status`.
const LIKE_STATUS: [&str; 3] = ["state", "states", "stats"];

/// Names that mean the length of something in other languages.
const LENGTHS: [&str; 4] = ["length", "len", "size", "count"];

/// What is wrong with the fields of a path.
pub(super) enum Wrong<'f> {
    /// There is no such field.
    Missing { at: usize, field: &'f str, owner: String, known: Vec<String>, meant: Option<String> },
    /// What stands before the field has none.
    OfPlain { at: usize, field: &'f str, kind: &'static str },
    /// A status that is written like a field.
    Status { status: &'static str },
}

/// A word that something is compared with.
enum Word<'w> {
    Known,
    /// It is never that; with the word that another tool means by it.
    Unknown(Option<&'w str>),
}

impl<'d> Resolver<'_, 'd> {
    /// Whether nothing is wrong with the fields of a step, as far as that can be known.
    pub(super) fn are_right(&self, step: usize, fields: &[&str]) -> bool {
        self.wrong(None, step, fields).is_none()
    }

    /// Reports fields that a step never has, and words that its status never is.
    pub(super) fn check_fields(&self, cx: &mut Lowering<'d>, read: &StepRead) {
        let fields: Vec<&str> = read.fields.iter().map(String::as_str).collect();
        if let Some(wrong) = self.wrong(Some(cx), read.step, &fields) {
            self.report_wrong(cx, read, &fields, wrong);
        } else {
            self.check_words(cx, read, &fields);
        }
    }

    fn wrong<'f>(&self, cx: Option<&Lowering<'d>>, step: usize, fields: &[&'f str]) -> Option<Wrong<'f>> {
        let step = &self.variables.steps[step].step;
        let closest = |field: &str, known: &[&str]| cx?.closest(field, known.iter().copied()).map(str::to_owned);
        if let Some((length, kind)) = plain_field(step, fields)
            && let Some(field) = fields.get(length).filter(|field| field.parse::<u64>().is_err())
        {
            return Some(Wrong::OfPlain { at: length, field, kind });
        }
        let closed = match &step.kind {
            StepKind::AgentTask(task) => closed_reply(task),
            StepKind::HumanApproval(_)
            | StepKind::Gateway(_)
            | StepKind::Timer(_)
            | StepKind::Notification(_)
            | StepKind::SubProcess(_) => known_outputs(step).map(<[&str]>::to_vec),
        };
        let missing = |at: usize, field: &'f str, known: &[&str]| {
            let owner = with_article(step.step_type().as_str());
            let owner = if at == 0 { owner } else { format!("the output of {owner}") };
            let listed = known.iter().map(|name| (*name).to_owned()).collect();
            Some(Wrong::Missing { at, field, owner, known: listed, meant: closest(field, known) })
        };
        match (fields, closed) {
            ([field, ..], _) if STEP_FIELDS.contains(field) && *field != "output" => None,
            (["output", field, ..], Some(known)) if !known.contains(field) => missing(1, field, &known),
            (["output", ..] | [], _) => None,
            ([field, ..], Some(known)) if !known.contains(field) => match status_named(field) {
                Some(status) => Some(Wrong::Status { status }),
                None => missing(0, field, &[&STEP_FIELDS, known.as_slice()].concat()),
            },
            ([_, ..], Some(_)) => None,
            ([field, ..], None) if is_promised(step, field) => None,
            ([field], None) if status_named(field).is_some() => {
                status_named(field).map(|status| Wrong::Status { status })
            }
            // Replies and the outputs of processes may have any field, which may be named without `output`.
            ([field, ..], None) => {
                let known = ["output", "status"];
                let meant = closest(field, &known).filter(|_| !LIKE_STATUS.contains(field))?;
                let owner = with_article(step.step_type().as_str());
                Some(Wrong::Missing { at: 0, field, owner, known: Vec::new(), meant: Some(meant) })
            }
        }
    }

    fn report_wrong(&self, cx: &mut Lowering<'d>, read: &StepRead, fields: &[&str], wrong: Wrong<'_>) {
        let id = self.variables.steps[read.step].step.id.as_str();
        let names: Vec<&str> = ["steps", id].into_iter().chain(fields.iter().copied()).collect();
        let (message, correction) = match wrong {
            Wrong::Missing { at, field, owner, known, meant } => {
                let decision = format!("steps.{id}.decision == '{field}'");
                let is_decision = matches!(field, "approved" | "rejected") && owner.ends_with("human_approval");
                let correction = match meant {
                    Some(meant) => self.renamed(cx, &read.range, &names, at + 2, &meant),
                    None if is_decision && self.stands_alone(read) => {
                        self.rewritten(cx, &read.range, &names, &decision)
                    }
                    None => None,
                };
                let known = if correction.is_some() || known.is_empty() {
                    String::new()
                } else {
                    format!(": it has {}", known.join(", "))
                };
                (format!("{owner} has no field `{field}`{known}"), correction)
            }
            Wrong::OfPlain { at, field, kind } => {
                let owner = names[..at + 2].join(".");
                let correction = (at + 1 == fields.len())
                    .then_some(())
                    .and_then(|()| LENGTHS.contains(&field).then(|| format!("{owner} | length")));
                let correction = correction.and_then(|meant| self.rewritten(cx, &read.range, &names, &meant));
                (format!("`{owner}` is {kind} and has no field `{field}`"), correction)
            }
            Wrong::Status { status } => {
                let field = fields.first().copied().unwrap_or_default();
                let meant = format!("steps.{id}.status == '{status}'");
                // A failure is hardly ever seen as a status, so that is no better.
                let may_help = status != "failed" && self.stands_alone(read);
                let correction = if may_help { self.rewritten(cx, &read.range, &names, &meant) } else { None };
                (format!("a step has no field `{field}`: that is a word for its `status`, `{status}`"), correction)
            }
        };
        self.report(cx, Code::UnknownField, &read.range, message, correction);
    }

    /// A whole path written otherwise, if it is written with dots alone.
    fn rewritten(
        &self,
        cx: &mut Lowering<'d>,
        range: &Range<usize>,
        names: &[&str],
        meant: &str,
    ) -> Option<Correction> {
        let is_simple = self.content.get(range.clone()) == Some(names.join(".").as_str());
        if is_simple { cx.text_correction(self.text, range, meant) } else { None }
    }

    /// Whether a path is a condition, or a part of one, by itself.
    fn stands_alone(&self, read: &StepRead) -> bool {
        let before = self.content.get(..read.range.start).unwrap_or("").trim_end();
        let behind = self.content.get(read.range.end..).unwrap_or("").trim_start();
        let last_word = before.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or("");
        let next_word = behind.split(|c: char| !c.is_alphabetic()).next().unwrap_or("");
        self.text.kind == TextKind::Condition
            && (before.is_empty() || before.ends_with(['(', '{']) || ["not", "and", "or"].contains(&last_word))
            && (behind.starts_with([')', '}']) || behind.is_empty() || ["and", "or"].contains(&next_word))
    }

    /// Reports words that a status, a decision or a route never is.
    fn check_words(&self, cx: &mut Lowering<'d>, read: &StepRead, fields: &[&str]) {
        let step = &self.variables.steps[read.step];
        match (fields, &step.step.kind) {
            (["status"], _) => {
                let statuses = StepStatus::ALL.map(StepStatus::as_str);
                self.report_words(cx, read, "status", &statuses, |word| {
                    let lower = word.to_lowercase();
                    let foreign = FOREIGN_STATUSES.iter().find(|(foreign, _)| *foreign == lower);
                    let known = statuses.into_iter().find(|status| *status == lower);
                    known.map_or_else(|| Word::Unknown(foreign.map(|(_, status)| *status)), |_| Word::Known)
                });
            }
            (["decision"] | ["output", "decision"], StepKind::HumanApproval(_)) => {
                self.report_words(cx, read, "decision", &DECISIONS, |word| match decision_meant(word) {
                    Some(_) => Word::Known,
                    None => Word::Unknown(None),
                });
            }
            (["route"] | ["output", "route"], StepKind::Gateway(_)) => {
                let targets: Vec<&str> = step.mentions.iter().map(|(_, mention)| mention.text.as_str()).collect();
                let is_known = |target: &&str| self.variables.known.index(target).is_some();
                // Of a gateway with misspelt targets nothing follows.
                let routes: Vec<&str> = step
                    .mentions
                    .iter()
                    .filter(|(kind, _)| matches!(kind, MentionKind::Route | MentionKind::DefaultRoute))
                    .map(|(_, mention)| mention.text.as_str())
                    .collect();
                if targets.iter().all(is_known) && !routes.is_empty() {
                    self.report_words(cx, read, "route", &routes, |word| {
                        if routes.contains(&word) { Word::Known } else { Word::Unknown(None) }
                    });
                }
            }
            _ => {}
        }
    }

    fn report_words<'w>(
        &self,
        cx: &mut Lowering<'d>,
        read: &StepRead,
        what: &str,
        known: &[&'w str],
        look_up: impl Fn(&str) -> Word<'w>,
    ) {
        let id = &self.variables.steps[read.step].step.id;
        for Compared { word, range, .. } in &read.compared {
            let Word::Unknown(foreign) = look_up(word.trim()) else { continue };
            let meant = foreign.or_else(|| cx.closest(word.trim(), known.iter().copied()));
            // A failure is hardly ever seen as a status, so that is no better.
            let meant = meant.filter(|meant| *meant != "failed");
            let message = format!("the {what} of `{id}` is never `{word}`: it is {}", one_of(known));
            let correction = meant.and_then(|meant| cx.word_correction(self.text, range, meant));
            self.report(cx, Code::UnknownField, range, message, correction);
        }
    }

    /// Reports fields of an input that has none.
    pub(super) fn check_input_fields(&self, cx: &mut Lowering<'d>, schema: &InputSchema, reference: &Reference) {
        let [input, field, ..] = reference.path.as_slice() else { return };
        let kind = match schema.fields.get(input).and_then(|field| field.field_type) {
            Some(InputType::String) => "a text",
            Some(InputType::Number | InputType::Integer) => "a number",
            Some(InputType::Boolean) => "a boolean",
            Some(InputType::Object | InputType::Array) | None => return,
        };
        if field.parse::<u64>().is_ok() {
            return;
        }
        let names = ["input", input, field];
        let is_length = reference.path.len() == 2 && LENGTHS.contains(&field.as_str()) && kind == "a text";
        let meant = is_length.then(|| format!("input.{input} | length"));
        let correction = meant.and_then(|meant| self.rewritten(cx, &reference.range, &names, &meant));
        let message = format!("the input `{input}` is {kind} and has no field `{field}`");
        self.report(cx, Code::UnknownField, &reference.range, message, correction);
    }
}

/// The status that is written like a field of the step.
fn status_named(field: &str) -> Option<&'static str> {
    let known = StepStatus::ALL.map(StepStatus::as_str).into_iter().find(|status| *status == field);
    known.or_else(|| {
        let foreign = ["success", "succeeded", "successful", "failure"];
        let is_foreign = foreign.contains(&field);
        FOREIGN_STATUSES.iter().find(|(name, _)| is_foreign && *name == field).map(|(_, status)| *status)
    })
}

fn with_article(step_type: &str) -> String {
    let article = if step_type.starts_with('a') { "an" } else { "a" };
    format!("{article} {step_type}")
}

fn one_of(words: &[&str]) -> String {
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.join(""),
    }
}
