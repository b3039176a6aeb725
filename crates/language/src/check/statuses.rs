//! Conditions that wait for a failure nobody can see: a step that fails ends the process, unless its author says
//! otherwise (spec 1.11, 3.3).

use procession_domain::definition::{OnError, Step};

use super::{Written, reading::StepRead};
use crate::{
    code::Code,
    diagnostic::Problem,
    lower::{Lowering, Owner, TextKind},
};

/// Warns of conditions on the status `failed` of a step that is never seen failed where they stand.
pub(super) fn check_statuses<'d>(
    cx: &mut Lowering<'d>,
    steps: &[Step],
    written: &Written<'_, 'd>,
    stop_on_failure: bool,
) {
    for read in &written.facts.steps {
        let text = &written.texts[read.text];
        let (TextKind::Condition, Owner::Step(reader)) = (text.kind, text.owner) else { continue };
        let Some(condition) = text.node.scalar_text() else { continue };
        if !is_compared_with_failed(condition, read) {
            continue;
        }
        let (source, reader) = (&steps[read.step], &steps[reader]);
        let message = match &source.on_error {
            OnError::SkipStep => format!(
                "when `{0}` fails, `on_error: skip_step` makes its status `skipped`; ask for `steps.{0}.error` instead",
                source.id
            ),
            OnError::FailProcess if stop_on_failure || reader.depends_on.contains(&source.id) => format!(
                "when `{0}` fails, `{1}` does not run, so this is never true; add `on_error: skip_step` to `{0}` and ask for `steps.{0}.error`",
                source.id, reader.id
            ),
            OnError::GotoStep { target_step }
                if reader.depends_on.contains(&source.id) && *target_step != reader.id =>
            {
                format!(
                    "when `{0}` fails, `{target_step}` runs and what depends on `{0}` does not, so this is never true; add `on_error: skip_step` to `{0}` and ask for `steps.{0}.error`",
                    source.id
                )
            }
            OnError::FailProcess | OnError::GotoStep { .. } => continue,
        };
        let suggestion = match source.on_error {
            OnError::SkipStep => None,
            OnError::FailProcess | OnError::GotoStep { .. } => Some("on_error: skip_step"),
        };
        let problem = Problem::new(Code::NeverTrue, cx.place(text, &read.range), message);
        cx.problems.push(problem.at(&text.path).suggest(suggestion));
    }
}

/// Whether the text compares this status with `failed`, from either side.
fn is_compared_with_failed(condition: &str, read: &StepRead) -> bool {
    if !matches!(read.fields.as_slice(), [field] if field == "status") {
        return false;
    }
    let behind = condition.get(read.range.end..).unwrap_or("").trim_start();
    let behind = behind.strip_prefix("}}").unwrap_or(behind).trim_start();
    let before = condition.get(..read.range.start).unwrap_or("").trim_end();
    let before = before.strip_suffix("{{").unwrap_or(before).trim_end();
    let literals = ["'failed'", "\"failed\""];
    let lower = |text: &str| text.to_ascii_lowercase();
    let compared_behind = behind
        .strip_prefix("==")
        .map(|right| lower(right.trim_start()))
        .is_some_and(|right| literals.iter().any(|literal| right.starts_with(literal)));
    let compared_before = before
        .strip_suffix("==")
        .map(|left| lower(left.trim_end()))
        .is_some_and(|left| literals.iter().any(|literal| left.ends_with(literal)));
    compared_behind || compared_before
}
