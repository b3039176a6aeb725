//! Reads every text: reports what does not parse, and finds what it refers to.

use std::{collections::HashSet, ops::Range};

use procession_domain::definition::{InputSchema, InputType, StepIndex};
use procession_expression::{Checked, Names, SyntaxError, check_condition, check_template};
use procession_yaml::{Correction, Fix, Kind, Scalar, Style};

use super::{
    mentions::KnownSteps,
    reading::Facts,
    references::{Resolver, Variables},
};
use crate::{
    code::Code,
    lower::{Lowered, Lowering, MentionKind, TextKind, TextUse},
    problem::Problem,
};

/// Checks the texts by themselves and against the names of the document.
pub(super) fn read_texts<'d>(
    cx: &mut Lowering<'d>,
    texts: &[TextUse<'d>],
    lowered: &Lowered,
    known: &KnownSteps,
) -> Facts {
    let names = names(lowered.input.as_ref(), known);
    let handlers = handlers(lowered, known);
    let variables = Variables { known, input: lowered.input.as_ref(), steps: &lowered.steps, handlers: &handlers };
    let mut facts = Facts::default();
    for (index, text) in texts.iter().enumerate() {
        if cx.is_given_up() {
            break;
        }
        let Kind::Scalar(scalar) = &text.node.kind else { continue };
        cx.check_comment(text.node, &text.path, text.kind);
        if text.kind == TextKind::Template {
            report_dollar_braces(cx, text, scalar, &variables);
        }
        let checked = match text.kind {
            TextKind::Template if !has_tags(&scalar.text) => continue,
            TextKind::Template => check_template(&scalar.text, &names),
            TextKind::Condition => check_condition(&scalar.text, &names),
        };
        match checked {
            Ok(Checked { references, notes }) => {
                // What can't be read in a condition is an error; what can is a part of a constant text.
                if text.kind == TextKind::Condition {
                    report_dollar_braces(cx, text, scalar, &variables);
                }
                let is_about_approval = |step: &str| variables.is_approval(step);
                for note in notes {
                    if note.approval.as_deref().is_some_and(|step| !is_about_approval(step)) {
                        continue;
                    }
                    let problem = Problem::new(Code::ExpressionNote, cx.place(text, &note.range), note.message);
                    let correction = note.suggestion.and_then(|meant| cx.word_correction(text, &note.range, &meant));
                    cx.problems.push(problem.at(&text.path).correct(correction));
                }
                let content = scalar.text.as_ref();
                let mut resolver = Resolver { variables: &variables, text, content, index, facts: &mut facts };
                for reference in references {
                    resolver.resolve(cx, reference);
                }
            }
            Err(errors) => report_syntax(cx, text, errors),
        }
    }
    facts
}

/// The names that decide where a hyphenated path ends.
fn names(input: Option<&InputSchema>, known: &KnownSteps) -> Names {
    Names {
        steps: known.texts().map(str::to_owned).collect(),
        inputs: input.map(|schema| schema.fields.keys().cloned().collect()),
    }
}

/// The steps to which errors lead.
fn handlers(lowered: &Lowered, known: &KnownSteps) -> HashSet<StepIndex> {
    lowered
        .steps
        .iter()
        .flat_map(|step| &step.mentions)
        .filter(|(kind, _)| *kind == MentionKind::Handler)
        .filter_map(|(_, mention)| known.index(&mention.text))
        .collect()
}

fn has_tags(text: &str) -> bool {
    let mut braces = text.bytes().zip(text.bytes().skip(1)).filter(|(first, _)| *first == b'{');
    text.contains('{') && braces.any(|(_, second)| matches!(second, b'{' | b'%' | b'#'))
}

fn report_syntax<'d>(cx: &mut Lowering<'d>, text: &TextUse<'d>, errors: Vec<SyntaxError>) {
    for error in errors {
        let span = cx.place(text, &error.range);
        let correction = error.instead.and_then(|meant| cx.text_correction(text, &meant.range, &meant.text));
        let problem = Problem::new(Code::ExpressionSyntax, span, error.message);
        cx.problems.push(problem.at(&text.path).correct(correction));
    }
}

/// The words of names that are amounts of money.
const AMOUNTS: [&str; 16] = [
    "price", "cost", "amount", "total", "sum", "fee", "budget", "balance", "tax", "value", "salary", "revenue",
    "discount", "paid", "usd", "dollars",
];

/// The `$` of `${{ input.name }}` stays in the text, which is right before an amount of money alone.
fn report_dollar_before_placeholder<'d>(
    cx: &mut Lowering<'d>,
    text: &TextUse<'d>,
    range: &Range<usize>,
    inner: &str,
    variables: &Variables<'_>,
) {
    let path = inner.split('|').next().unwrap_or(inner).trim();
    let is_path = path.contains('.') && path.chars().all(|c| c.is_alphanumeric() || "._-[]'".contains(c));
    if !is_path || is_amount(path, variables) {
        return;
    }
    let message = "the `$` is a part of the text here; a placeholder is written `{{…}}`, without it";
    let content = text.node.scalar_text().unwrap_or("");
    let written = content.get(range.start + 1..range.end).unwrap_or("");
    let correction = cx.text_correction(text, range, written).or_else(|| {
        let is_whole = range.len() == content.len()
            && matches!(&text.node.kind, Kind::Scalar(scalar) if scalar.style == Style::Plain);
        let quoted = procession_yaml::quoted(written);
        is_whole.then(|| Correction { shown: quoted.clone(), fix: Fix { span: text.node.span, text: quoted } })
    });
    let problem = Problem::new(Code::DollarBraces, cx.place(text, range), message);
    cx.problems.push(problem.at(&text.path).correct(correction));
}

/// Whether a path leads to a number of the input, or is called like an amount of money.
fn is_amount(path: &str, variables: &Variables<'_>) -> bool {
    let mut names = path.split('.');
    let field = names.next().filter(|root| *root == "input").and_then(|_| names.next());
    let field = field.and_then(|name| variables.input?.fields.get(name));
    let is_number = field.is_some_and(|field| matches!(field.field_type, Some(InputType::Number | InputType::Integer)));
    let last = path.rsplit('.').next().unwrap_or(path).to_lowercase();
    is_number || last.split(['_', '-']).any(|word| AMOUNTS.contains(&word))
}

/// `${…}` is literal text, which hardly anybody means (spec 1.1).
fn report_dollar_braces<'d>(cx: &mut Lowering<'d>, text: &TextUse<'d>, scalar: &Scalar<'_>, variables: &Variables<'_>) {
    let content = scalar.text.as_ref();
    let mut from = 0;
    while let Some(start) = content[from..].find('$').map(|at| from + at) {
        from = start + 1;
        if !content[from..].starts_with('{') {
            continue;
        }
        let Some(length) = content[start..].find('}') else { return };
        let end = start + length + 1;
        from = end;
        let inner = content[start + 2..end - 1].trim();
        if let Some(inner) = inner.strip_prefix('{') {
            if content[end..].starts_with('}') {
                report_dollar_before_placeholder(cx, text, &(start..end + 1), inner.trim(), variables);
            }
            continue;
        }
        let is_path = !inner.is_empty() && inner.chars().all(|c| c.is_alphanumeric() || "._-".contains(c));
        let suggestion = is_path.then(|| format!("{{{{{}}}}}", variables.full_path(inner)));
        let message = "`${…}` is literal text here; a placeholder is written `{{…}}`";
        let problem = Problem::new(Code::DollarBraces, cx.place(text, &(start..end)), message);
        let correction = suggestion.and_then(|suggestion| cx.text_correction(text, &(start..end), &suggestion));
        cx.problems.push(problem.at(&text.path).correct(correction));
    }
}
