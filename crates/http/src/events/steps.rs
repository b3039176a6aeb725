//! The own fields of events about steps.

use procession_application::ports::StoredEvent;
use procession_domain::{
    definition::{Compensation, CompensationAction},
    event::{AttemptStart, Event, ReusedEnd, Verdict, Wait},
    value::{Money, StepId, Timestamp},
};

use super::{Context, Fields, fields::output_url};
use crate::wire::ExactCost;

/// Puts the fields of an event about a step; nothing for others.
pub(super) fn put_own(fields: &mut Fields, stored: &StoredEvent, context: &Context) {
    let url = |step: &StepId| output_url(stored.execution_id, step);
    match &stored.event {
        Event::StepStarted(start) => {
            fields.put_some("step_type", context.step(&start.step_id).map(|step| step.step_type().as_str()));
            put_start(fields, start);
        }
        Event::StepSubmitted { attempt, call_ref, .. } => {
            fields.put("attempt", attempt);
            fields.put("call_ref", call_ref);
        }
        Event::StepCompleted { step_id, output, usage } => {
            fields.put_shown("output", output, url(step_id));
            // Steps that call nobody cost nothing.
            fields.put("cost", usage.cost.unwrap_or(Money::ZERO).to_string());
            fields.put_usage(usage);
            fields.put("duration_seconds", context.seconds_of(step_id, stored.at).unwrap_or(0));
        }
        Event::StepFailed { step_id, error, retry_count, handled_by, output, usage } => {
            fields.put_error(error);
            fields.put("retry_count", retry_count);
            fields.put("will_retry", false);
            fields.put_some("handled_by", handled_by.as_ref());
            if let Some(output) = output {
                fields.put_shown("output", output, url(step_id));
            }
            fields.put_usage(usage);
        }
        Event::StepRetrying { attempt, max_attempts, next_retry_at, error, usage, .. } => {
            fields.put_error(error);
            fields.put("attempt", attempt);
            fields.put("max_attempts", max_attempts);
            fields.put("next_retry_at", next_retry_at);
            fields.put_usage(usage);
        }
        Event::StepSkipped { step_id, reason, condition, decision, error, output, usage } => {
            fields.put("reason", reason);
            fields.put_some("condition", condition.as_ref());
            fields.put_some("decision", decision.as_ref());
            if let Some(error) = error {
                fields.put_error(error);
            }
            if let Some(output) = output {
                fields.put_shown("output", output, url(step_id));
            }
            fields.put_usage(usage);
        }
        Event::StepWaiting { wait, .. } => put_wait(fields, wait),
        Event::StepCancelled { .. } => {}
        Event::StepInterrupted { attempt, compensation, in_order, .. } => {
            fields.put("attempt", attempt);
            fields.put_true("compensation", *compensation);
            fields.put_true("in_order", *in_order);
        }
        Event::StepReset { step_id, round, requested_by, output } => {
            fields.put("round", round);
            fields.put("requested_by", requested_by);
            fields.put_ref("output_ref", output.as_ref(), Some(url(step_id)));
        }
        Event::StepReused { step_id, end, output, decision } => {
            put_reused(fields, end);
            fields.put_ref("output_ref", output.as_ref(), Some(url(step_id)));
            fields.put_some("decision", decision.as_ref());
        }
        Event::GatewayEvaluated { decision, .. } => fields.put_all(decision),
        Event::CostRecorded { attempt, usage, .. } => {
            fields.put("attempt", attempt);
            fields.put_usage(usage);
        }
        // Which others there are, `flat` says.
        event => {
            put_compensation(fields, event, context);
            put_approval(fields, event);
            put_child(fields, event);
        }
    }
}

fn put_compensation(fields: &mut Fields, event: &Event, context: &Context) {
    let kind = |step: &StepId| {
        let compensation = context.step(step).and_then(|step| step.compensation.as_ref());
        compensation.map(compensation_type)
    };
    match event {
        Event::CompensationStepStarted(start) => {
            fields.put_some("compensation_type", kind(&start.step_id));
            put_start(fields, start);
        }
        Event::CompensationStepSubmitted { attempt, call_ref, .. } => {
            fields.put("attempt", attempt);
            fields.put("call_ref", call_ref);
        }
        Event::CompensationStepRetrying { step_id, attempt, max_attempts, next_retry_at, error, usage } => {
            fields.put_some("compensation_type", kind(step_id));
            fields.put_error(error);
            fields.put("attempt", attempt);
            fields.put("max_attempts", max_attempts);
            fields.put("next_retry_at", next_retry_at);
            fields.put_usage(usage);
        }
        Event::CompensationCompleted { step_id, usage } => {
            fields.put_some("compensation_type", kind(step_id));
            fields.put_usage(usage);
        }
        Event::CompensationFailed { step_id, error, usage } => {
            fields.put_some("compensation_type", kind(step_id));
            fields.put_error(error);
            fields.put_usage(usage);
        }
        _ => {}
    }
}

fn put_child(fields: &mut Fields, event: &Event) {
    match event {
        Event::ChildStarted { child_execution_id, process, .. } => {
            fields.put("child_execution_id", child_execution_id);
            fields.put("child_process_id", process.id);
            fields.put("child_process_name", &process.name);
            fields.put("child_process_version", process.version);
        }
        Event::ChildCompleted { child_execution_id, status, cost, .. } => {
            fields.put("child_execution_id", child_execution_id);
            fields.put("child_status", status);
            fields.put("child_cost", cost.amount.to_string());
            fields.put("exact_child_cost", ExactCost::from(*cost));
        }
        _ => {}
    }
}

fn put_approval(fields: &mut Fields, event: &Event) {
    match event {
        Event::StepWaitingApproval { approval_id, title, assignees, deadline, .. }
        | Event::ApprovalRequested { approval_id, title, assignees, deadline, .. } => {
            fields.put("approval_id", approval_id);
            fields.put("title", title);
            fields.put("assignees", assignees);
            fields.put("deadline", deadline);
        }
        Event::ApprovalVoted { approval_id, by, decision, comment, .. } => {
            fields.put("approval_id", approval_id);
            fields.put("by", by);
            fields.put("decision", decision);
            fields.put_some("comment", comment.as_ref());
        }
        Event::ApprovalDecided { approval_id, verdict, .. } => {
            fields.put("approval_id", approval_id);
            put_verdict(fields, verdict);
        }
        Event::ApprovalDelegated { approval_id, from, to, comment, .. } => {
            fields.put("approval_id", approval_id);
            fields.put("from", from);
            fields.put("to", to);
            fields.put_some("comment", comment.as_ref());
        }
        Event::ApprovalEscalated { approval_id, assignees, deadline, .. } => {
            fields.put("approval_id", approval_id);
            fields.put("assignees", assignees);
            fields.put("deadline", deadline);
        }
        Event::ApprovalExpired { approval_id, .. } => fields.put("approval_id", approval_id),
        _ => {}
    }
}

fn put_start(fields: &mut Fields, start: &AttemptStart) {
    fields.put("attempt", start.attempt);
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
        // What limits the agent is the same for who waits (spec 3.9).
        Wait::AgentBusy { until } | Wait::Breaker { until } => put_wait_for(fields, "breaker", *until),
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
        ReusedEnd::Skipped { reason } => {
            fields.put("status", "skipped");
            fields.put("reason", reason);
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
