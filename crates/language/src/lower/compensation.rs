//! `compensation` (spec 1.6).

use procession_domain::{
    definition::{Compensation, CompensationAction, Reads, RetryPolicy, StepType},
    value::Duration,
};

use super::{Field, Fields, Lowering, Owner, agent_task::lower_agent_task, notification::lower_notification, policies};
use crate::keys::{self, COMPENSATION};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

/// The `compensation` mapping of the step at `index`.
pub(super) fn lower_compensation<'d>(
    cx: &mut Lowering<'d>,
    field: &Field<'d, '_>,
    index: usize,
) -> Option<Compensation> {
    let owner = Owner::Compensation(index);
    let mut fields = Fields::of(cx, field.node, &field.path, &COMPENSATION)?;
    let word = match fields.take(cx, "type") {
        Some(field) => cx.word(&field)?,
        None => "agent_task",
    };
    let step_type = if word == "notification" { StepType::Notification } else { StepType::AgentTask };
    fields.extend_places(keys::of_type(step_type));
    let action = if step_type == StepType::Notification {
        CompensationAction::Notification(lower_notification(cx, &mut fields, owner))
    } else {
        CompensationAction::AgentTask(lower_agent_task(cx, &mut fields, owner, None))
    };
    let attempts = step_type.default_attempts();
    let retry = fields.read(cx, "retry", |cx, field| policies::lower_retry(cx, field, attempts));
    let timeout = fields.read(cx, "timeout", Lowering::time_limit);
    fields.finish(cx);
    Some(Compensation {
        action,
        retry: retry.unwrap_or_else(|| RetryPolicy::default_with(attempts)),
        timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
        reads: Reads::default(),
    })
}
