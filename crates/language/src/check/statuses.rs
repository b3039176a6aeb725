//! Conditions that wait for a failure nobody can see: a step that fails ends the process, unless its author says
//! otherwise (spec 1.11, 3.3).

use procession_domain::definition::{OnError, Step};
use procession_expression::Compared;

use super::{Written, reading::StepRead};
use crate::{
    code::Code,
    lower::{Lowering, Owner, TextKind},
    problem::Problem,
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
        if !is_compared_with_failed(read) {
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
        let problem = Problem::new(Code::NeverTrue, cx.place(text, &read.range), message);
        cx.problems.push(problem.at(&text.path));
    }
}

/// Whether the condition compares this status with `failed`.
fn is_compared_with_failed(read: &StepRead) -> bool {
    let is_failed = |compared: &Compared| compared.is_wanted && compared.word.eq_ignore_ascii_case("failed");
    matches!(read.fields.as_slice(), [field] if field == "status") && read.compared.iter().any(is_failed)
}
