//! The own fields of events about steps.

use procession_domain::{
    definition::{Compensation, CompensationAction},
    event::{
        ApprovalEvent, AttemptEvent, AttemptStart, ChildEvent, Direction, GatewayDecision, ReusedEnd, StepEvent,
        Verdict, Wait,
    },
    value::{Money, StepId, Timestamp},
};

use super::{Fields, Told, fields::output_url, max_attempts};
use crate::wire::ExactCost;

pub(super) fn put_step_event(fields: &mut Fields, step: &StepId, event: &StepEvent, told: Told<'_>) {
    let url = || output_url(told.stored.execution_id, step);
    match event {
        StepEvent::Skipped(skipped) => {
            fields.put("reason", skipped.reason);
            fields.put_some("condition", skipped.condition.as_ref());
            fields.put_some("decision", skipped.decision.as_ref());
            if let Some(error) = &skipped.error {
                fields.put_error(error);
            }
            if let Some(output) = &skipped.output {
                fields.put_shown("output", output, url());
            }
            fields.put_usage(&skipped.usage);
        }
        StepEvent::WaitingApproval { approval_id, title, assignees, deadline } => {
            fields.put("approval_id", approval_id);
            put_request(fields, title, assignees, *deadline);
        }
        StepEvent::Cancelled => {}
        StepEvent::Reset { round, requested_by, output, kept_feedback } => {
            fields.put("round", round);
            fields.put("requested_by", requested_by);
            fields.put_some("kept_feedback", kept_feedback.as_ref());
            fields.put_ref("output_ref", output.as_ref(), Some(url()));
        }
        StepEvent::Reused { end, output, decision, deciders } => {
            put_reused(fields, end);
            if !deciders.is_empty() {
                fields.put("deciders", deciders);
            }
            fields.put_ref("output_ref", output.as_ref(), Some(url()));
            fields.put_some("decision", decision.as_ref());
        }
        StepEvent::GatewayEvaluated(decision) => put_decision(fields, decision),
    }
}

pub(super) fn put_attempt_event(
    fields: &mut Fields,
    step: &StepId,
    direction: Direction,
    event: &AttemptEvent,
    told: Told<'_>,
) {
    put_kind(fields, step, direction, event, told);
    let most = told.step(step).and_then(|step| max_attempts(step, direction));
    match event {
        AttemptEvent::Started(start) => put_start(fields, start, most),
        AttemptEvent::Submitted { attempt, call_ref } => {
            put_attempt(fields, *attempt, most);
            fields.put("call_ref", call_ref);
        }
        AttemptEvent::Waiting(wait) => {
            put_wait(fields, wait);
            if direction == Direction::Undo {
                fields.put_some("next_retry_at", wait.until());
            }
        }
        AttemptEvent::Resumed { attempt, deadline } => {
            put_attempt(fields, *attempt, most);
            fields.put_some("deadline", *deadline);
            fields.put("again", true);
        }
        AttemptEvent::Interrupted { attempt, in_order } => {
            put_attempt(fields, *attempt, most);
            fields.put_true("compensation", direction == Direction::Undo);
            fields.put_true("in_order", *in_order);
        }
        AttemptEvent::Retrying { attempt, max_attempts, next_retry_at, error, usage } => {
            fields.put_error(error);
            put_attempt(fields, *attempt, Some(*max_attempts));
            fields.put("next_retry_at", next_retry_at);
            fields.put_usage(usage);
        }
        AttemptEvent::Completed { output, usage, duration } => {
            if let Some(output) = output {
                fields.put_shown("output", output, output_url(told.stored.execution_id, step));
            }
            let is_done = direction == Direction::Do;
            if is_done && usage.cost.is_none() {
                // Existing clients show an amount. Steps that call nobody cost nothing.
                fields.put("cost", Money::from_nanos(0, told.stored.creation.currency).to_string());
            }
            fields.put_usage(usage);
            if is_done {
                fields.put("duration_seconds", duration.as_secs());
            }
        }
        AttemptEvent::Failed { error, retry_count, handled_by, output, usage } => {
            fields.put_error(error);
            if direction == Direction::Do {
                fields.put("retry_count", retry_count);
                fields.put("will_retry", false);
            }
            fields.put_some("handled_by", handled_by.as_ref());
            if let Some(output) = output {
                fields.put_shown("output", output, output_url(told.stored.execution_id, step));
            }
            fields.put_usage(usage);
        }
        AttemptEvent::CostRecorded { attempt, usage } => {
            put_attempt(fields, *attempt, most);
            fields.put_usage(usage);
        }
    }
}

/// What kind of step it is, or what undoes it.
fn put_kind(fields: &mut Fields, step: &StepId, direction: Direction, event: &AttemptEvent, told: Told<'_>) {
    match (direction, event) {
        (Direction::Do, AttemptEvent::Started(_) | AttemptEvent::Resumed { .. }) => {
            fields.put_some("step_type", told.step(step).map(|step| step.step_type().as_str()));
        }
        (
            Direction::Undo,
            AttemptEvent::Started(_)
            | AttemptEvent::Resumed { .. }
            | AttemptEvent::Waiting(_)
            | AttemptEvent::Retrying { .. }
            | AttemptEvent::Completed { .. }
            | AttemptEvent::Failed { .. },
        ) => {
            let compensation = told.step(step).and_then(|step| step.compensation.as_ref());
            fields.put_some("compensation_type", compensation.map(compensation_type));
        }
        _ => {}
    }
}

pub(super) fn put_child_event(fields: &mut Fields, event: &ChildEvent) {
    match event {
        ChildEvent::Started { process } => {
            fields.put("child_process_id", process.id);
            fields.put("child_process_name", &process.name);
            fields.put("child_process_version", process.version);
        }
        ChildEvent::Completed { status, cost } => {
            fields.put("child_status", status);
            fields.put("child_cost", cost.amount.to_string());
            fields.put("exact_child_cost", ExactCost::from(*cost));
        }
    }
}

pub(super) fn put_approval_event(fields: &mut Fields, event: &ApprovalEvent) {
    match event {
        ApprovalEvent::Requested { title, assignees, deadline } => put_request(fields, title, assignees, *deadline),
        ApprovalEvent::Voted { by, decision, comment } => {
            fields.put("by", by);
            fields.put("decision", decision);
            fields.put_some("comment", comment.as_ref());
        }
        ApprovalEvent::Decided(verdict) => put_verdict(fields, verdict),
        ApprovalEvent::Delegated { from, to, comment } => {
            fields.put("from", from);
            fields.put("to", to);
            fields.put_some("comment", comment.as_ref());
        }
        ApprovalEvent::Escalated { assignees, deadline } => {
            fields.put("assignees", assignees);
            fields.put("deadline", deadline);
        }
        ApprovalEvent::Expired => {}
    }
}

fn put_request(fields: &mut Fields, title: &str, assignees: &[String], deadline: Option<Timestamp>) {
    fields.put("title", title);
    fields.put("assignees", assignees);
    fields.put("deadline", deadline);
}

fn put_decision(fields: &mut Fields, decision: &GatewayDecision) {
    fields.put("gateway_type", decision.gateway_type);
    fields.put("taken", &decision.taken);
    fields.put("is_default", decision.is_default);
    fields.put_any("evaluated_conditions", &decision.evaluated_conditions);
}

/// Existing clients show "attempt 1 of 3" wherever they find the first number (spec 4b 16).
fn put_attempt(fields: &mut Fields, attempt: u32, most: Option<u32>) {
    fields.put("attempt", attempt);
    fields.put_some("max_attempts", most);
}

fn put_start(fields: &mut Fields, start: &AttemptStart, most: Option<u32>) {
    put_attempt(fields, start.attempt, most);
    fields.put_some("agent", start.agent.as_ref());
    fields.put_ref("input_ref", start.input.as_ref(), None);
    fields.put_some("deadline", start.deadline);
    fields.put_some("condition", start.condition.as_ref());
    fields.put_any("warnings", &start.warnings);
    fields.put_true("again", start.again);
}

fn put_wait(fields: &mut Fields, wait: &Wait) {
    match wait {
        Wait::Timer { until } => put_wait_for(fields, "timer", *until),
        Wait::BackOff { until } => put_wait_for(fields, "back_off", *until),
        Wait::Breaker { until } => put_wait_for(fields, "breaker", *until),
        Wait::AgentBusy { until, reason } => {
            put_wait_for(fields, "agent", *until);
            fields.put_some("reason", reason.as_ref());
        }
        Wait::RateLimit { until, reason } => {
            put_wait_for(fields, "rate_limit", *until);
            fields.put_some("reason", reason.as_ref());
        }
        Wait::Child { execution_id } => {
            fields.put("for", "child");
            fields.put("child_execution_id", execution_id);
        }
    }
}

fn put_wait_for(fields: &mut Fields, what: &str, until: Timestamp) {
    fields.put("for", what);
    fields.put("until", until);
}

fn put_reused(fields: &mut Fields, end: &ReusedEnd) {
    match end {
        ReusedEnd::Completed => fields.put("status", "completed"),
        ReusedEnd::Failed { error, handled_by } => {
            fields.put("status", "failed");
            fields.put_error(error);
            fields.put("handled_by", handled_by);
        }
        ReusedEnd::Skipped { reason, error } => {
            fields.put("status", "skipped");
            fields.put("reason", reason);
            if let Some(error) = error {
                fields.put_error(error);
            }
        }
    }
}

fn put_verdict(fields: &mut Fields, verdict: &Verdict) {
    fields.put("decision", verdict.decision);
    fields.put("decided_by", verdict.decided_by.as_ref());
    fields.put_any("approved_by", &verdict.approved_by);
    fields.put_any("comments", &verdict.comments);
    fields.put("decided_at", verdict.decided_at);
}

const fn compensation_type(compensation: &Compensation) -> &'static str {
    match &compensation.action {
        CompensationAction::AgentTask(_) => "agent_task",
        CompensationAction::Notification(_) => "notification",
    }
}
