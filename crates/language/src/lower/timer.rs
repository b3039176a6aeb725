//! `timer` (spec 1.3).

use procession_domain::{
    definition::{Template, Timer},
    expressions::Expressions,
    value::{Duration, Timestamp},
};
use procession_expression::{Evaluator, Names};

use super::{Field, Fields, Lowering, Owner, triggers::lower_zone};
use crate::{code::Code, problem::Problem};

/// The keys of a timer: either how long it waits, or until when.
pub(super) fn lower_timer<'d>(cx: &mut Lowering<'d>, fields: &mut Fields<'d, '_>, index: usize) -> Timer {
    let owner = Owner::Step(index);
    let until = fields.take(cx, "until");
    let duration = if until.is_some() { fields.take(cx, "duration") } else { fields.require(cx, "duration") };
    let timezone_field = fields.take(cx, "timezone");
    let timezone = timezone_field.and_then(|field| lower_zone(cx, &field));
    match (duration, until) {
        (duration, Some(until)) => {
            if let Some(duration) = duration {
                let message = format!(
                    "a timer waits for a `{}` or until a time, not both; leave one of them out",
                    duration.spelling
                );
                let problem = Problem::new(Code::ConflictingKeys, duration.key_span, message);
                cx.problems.push(problem.at(duration.path));
            }
            let at = lower_until(cx, &until, owner, timezone.as_deref());
            Timer::Until { at: at.unwrap_or_else(|| Template::unplaced("")), timezone }
        }
        (duration, None) => {
            if let Some(field) = timezone_field {
                let message = "`timezone` only has an effect together with `until`";
                let problem = Problem::new(Code::KeyWithoutEffect, field.key_span, message);
                cx.problems.push(problem.at(field.path));
            }
            let duration = duration.and_then(|field| lower_duration(cx, &field, owner));
            Timer::Duration(duration.unwrap_or_else(|| Template::unplaced("")))
        }
    }
}

fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// A duration, or a text that gives one when it is filled in.
fn lower_duration<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>, owner: Owner) -> Option<Template> {
    if field.node.scalar_text().is_some_and(is_template) {
        return cx.filled_template(field, owner);
    }
    let _: Duration = cx.duration(field)?;
    Some(Template { text: field.node.scalar_text()?.to_owned(), line: cx.text_line(field.node) })
}

/// A time, or a text that gives one when it is filled in.
fn lower_until<'d>(
    cx: &mut Lowering<'d>,
    field: &Field<'d, '_>,
    owner: Owner,
    timezone: Option<&str>,
) -> Option<Template> {
    let template = cx.filled_template(field, owner)?;
    if !is_template(&template.text) {
        // Any moment will do: what is a time at one moment is one at all.
        let now = Timestamp::from_micros(0);
        let evaluator = Evaluator::new(Names::default());
        if let Err(message) = evaluator.time_of(&template.text, timezone, now) {
            let problem = Problem::new(Code::BadTime, field.node.span, message);
            cx.problems.push(problem.at(field.path));
            return None;
        }
    }
    Some(template)
}
