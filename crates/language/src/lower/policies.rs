//! What a step does about failures: `retry` (spec 1.4) and `on_error` (spec 1.5).

use std::collections::BTreeSet;

use procession_domain::{
    definition::{Backoff, OnError, RetriedCodes, RetryPolicy},
    value::{ErrorCode, StepId},
};
use procession_yaml::Kind;

use super::{Field, Fields, Lowering, Mention};
use crate::{
    code::Code,
    keys::{ON_ERROR, RETRY},
    problem::Problem,
};

/// Codes of other engines, and those that mean the same here.
const FOREIGN_CODES: [(&str, ErrorCode); 6] = [
    ("AGENT_TIMEOUT", ErrorCode::Timeout),
    ("APPROVAL_TIMEOUT", ErrorCode::ApprovalExpired),
    ("INVALID_INPUT", ErrorCode::ValidationError),
    ("SLACK_TIMEOUT", ErrorCode::Timeout),
    ("WEBHOOK_TIMEOUT", ErrorCode::Timeout),
    ("SUB_PROCESS_ERROR", ErrorCode::SubProcessFailed),
];

/// The `retry` mapping of a step whose type has so many attempts by default.
pub(super) fn lower_retry<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>, attempts: u32) -> Option<RetryPolicy> {
    let mut fields = Fields::of(cx, field.node, &field.path, &RETRY)?;
    let max_attempts = fields.read(cx, "max_attempts", Lowering::integer);
    let mut policy = RetryPolicy::default_with(max_attempts.unwrap_or(attempts));
    let delay = fields.take(cx, "initial_delay");
    if let Some(delay) = delay.and_then(|field| cx.duration(&field)) {
        policy.initial_delay = delay;
    }
    policy.backoff = match fields.take(cx, "backoff") {
        Some(field) => cx.word_as(&field).unwrap_or(Backoff::Exponential),
        // Authors who write `delay` alone mean just that delay (spec 1.4).
        None if delay.is_some_and(|field| field.spelling == "delay") => Backoff::Fixed,
        None => Backoff::Exponential,
    };
    if let Some(multiplier) = fields.read(cx, "backoff_multiplier", Lowering::number) {
        policy.backoff_multiplier = multiplier;
    }
    if let Some(longest) = fields.read(cx, "max_delay", Lowering::duration) {
        policy.max_delay = Some(longest);
    }
    if let Some(delay) = delay.filter(|_| policy.initial_delay > policy.longest_delay()) {
        report_cut_delay(cx, field, &delay, &policy);
    }
    if let Some(jitter) = fields.read(cx, "jitter", Lowering::boolean) {
        policy.jitter = jitter;
    }
    policy.retried = match fields.take(cx, "retry_on") {
        Some(field) => RetriedCodes::Only(lower_codes(cx, &field)),
        None => RetriedCodes::OwnPolicy,
    };
    if let Some(field) = fields.take(cx, "no_retry_on") {
        policy.no_retry_on = lower_codes(cx, &field);
    }
    fields.finish(cx);
    Some(policy)
}

/// No delay is longer than `max_delay`, so a longer first one is without effect.
fn report_cut_delay<'d>(cx: &mut Lowering<'d>, retry: &Field<'d, '_>, delay: &Field<'d, '_>, policy: &RetryPolicy) {
    let (spelling, longest) = (delay.spelling, policy.longest_delay());
    let (message, correction) = if policy.max_delay.is_some() {
        (format!("`{spelling}` is longer than `max_delay`, so every delay is {longest}"), None)
    } else {
        let entry = format!("max_delay: {}", policy.initial_delay);
        let message = format!("`{spelling}` is longer than the default `max_delay`, so every delay is {longest}");
        (message, cx.insertion(cx.room_for_entry(retry.node), &entry))
    };
    let problem = Problem::new(Code::KeyWithoutEffect, delay.key_span, message);
    cx.problems.push(problem.at(delay.path).correct(correction));
}

/// Error codes. An unknown one is left out: no failure has it, so it makes no difference.
fn lower_codes<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> BTreeSet<ErrorCode> {
    let codes = cx.items(field.node, &field.path, "a list of error codes", |cx, node, path| {
        let text = cx.text_of(node, path)?.trim();
        if let Ok(code) = text.parse() {
            return Some(code);
        }
        let foreign =
            FOREIGN_CODES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, code)| code.as_str());
        let meant = foreign.or_else(|| cx.closest(text, ErrorCode::ALL.iter().map(|code| code.as_str())));
        let message = format!("no failure has the code `{text}`, so naming it has no effect");
        let problem = Problem::new(Code::UnknownErrorCode, node.span, message);
        cx.problems.push(problem.at(path).suggest(meant));
        None
    });
    codes.into_iter().collect()
}

/// `on_error`: an action, or an action with the step that handles the error; and where that step is named.
pub(super) fn lower_on_error<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> (Option<OnError>, Option<Mention>) {
    if let Kind::Scalar(_) = field.node.kind {
        let Some(text) = cx.text_of(field.node, &field.path) else { return (None, None) };
        let actions = ON_ERROR.keys.first().map(|action| Field { key: action, ..*field });
        let action = actions.and_then(|actions| cx.word_in(&actions, text, field.node.span));
        if action == Some("goto_step") {
            let message = "goto_step needs the step that handles the error: write `on_error: {action: goto_step, target_step: ID}`";
            let problem = Problem::new(Code::MissingKey, field.node.span, message);
            cx.problems.push(problem.at(field.path));
        }
        return (action.and_then(|action| on_error(action, None)), None);
    }
    let Some(mut fields) = Fields::of(cx, field.node, &field.path, &ON_ERROR) else { return (None, None) };
    let action = fields.require(cx, "action").and_then(|field| cx.word(&field));
    let target = fields.take(cx, "target_step");
    let handler = match (action, target) {
        (Some("goto_step"), Some(target)) => cx.mention(&target),
        (Some("goto_step"), None) => {
            fields.report_missing(cx, "target_step");
            None
        }
        (Some(action), Some(target)) => {
            let message = format!("`target_step` has no effect with {action}; did you mean `action: goto_step`?");
            let problem = Problem::new(Code::KeyWithoutEffect, target.key_span, message);
            cx.problems.push(problem.at(target.path));
            None
        }
        (Some(_) | None, None) | (None, Some(_)) => None,
    };
    fields.finish(cx);
    let target = handler.as_ref().and_then(|handler| handler.id.clone());
    (action.and_then(|action| on_error(action, target)), handler)
}

fn on_error(action: &str, target: Option<StepId>) -> Option<OnError> {
    match (action, target) {
        ("skip_step", _) => Some(OnError::SkipStep),
        ("goto_step", target) => target.map(|target_step| OnError::GotoStep { target_step }),
        _ => Some(OnError::FailProcess),
    }
}
