//! The own fields of events: of the execution as a whole here, of its steps in `steps`.

use procession_domain::event::{
    Cancellation, Creation, Event, ExecutionError, PauseReason, ProcessEvent, RollBackCause,
};

use super::{Fields, Told, steps};

/// Puts the fields that an event of its type has.
pub(super) fn put_event(fields: &mut Fields, told: Told<'_>) {
    match told.stored.event() {
        Event::Process(event) => put_process_event(fields, event, told),
        Event::Step(step, event) => steps::put_step_event(fields, step, event, told),
        Event::Attempt(step, direction, event) => steps::put_attempt_event(fields, step, *direction, event, told),
        Event::Approval(_, id, event) => {
            fields.put("approval_id", id);
            steps::put_approval_event(fields, event);
        }
        Event::Child(_, id, event) => {
            fields.put("child_execution_id", id);
            steps::put_child_event(fields, event);
        }
    }
}

fn put_process_event(fields: &mut Fields, event: &ProcessEvent, told: Told<'_>) {
    match event {
        ProcessEvent::Created(creation) => put_creation(fields, creation),
        ProcessEvent::Started { deadline } => {
            fields.put("triggered_by", &told.stored.creation.triggered_by);
            fields.put_some("deadline", *deadline);
        }
        ProcessEvent::Paused(reason) => match reason {
            PauseReason::People => fields.put("reason", "people"),
            PauseReason::Operator { by } => {
                fields.put("reason", "operator");
                fields.put("by", by);
            }
        },
        ProcessEvent::Resumed { by } => fields.put_some("by", by.as_ref()),
        ProcessEvent::Completed { output, output_warnings, total_cost, duration } => {
            fields.put_total_cost(*total_cost);
            fields.put("total_duration_seconds", duration.as_secs());
            fields.put_shown("output_data", output, format!("/api/executions/{}", told.stored.execution_id));
            fields.put_any("output_warnings", output_warnings);
        }
        ProcessEvent::Failed { error, total_cost } => {
            put_failure(fields, error);
            fields.put_total_cost(*total_cost);
        }
        ProcessEvent::Cancelled(cancellation) => put_cancellation(fields, cancellation),
        ProcessEvent::RollBackStarted { count, cause } => {
            fields.put("compensation_count", count);
            match cause {
                RollBackCause::Failure(error) => {
                    fields.put("cause", "failure");
                    put_failure(fields, error);
                }
                RollBackCause::Cancel(cancellation) => {
                    fields.put("cause", "cancel");
                    put_cancellation(fields, cancellation);
                }
            }
        }
        ProcessEvent::BudgetWarning { spent, limit } => {
            fields.put_money("spent", "exact_spent", *spent);
            fields.put_money("limit", "exact_limit", *limit);
        }
        ProcessEvent::BudgetRaised { limit, by } => {
            fields.put_money("limit", "exact_limit", *limit);
            fields.put_some("by", by.as_ref());
        }
    }
}

fn put_creation(fields: &mut Fields, creation: &Creation) {
    fields.put("process_version", creation.process.version);
    fields.put("triggered_by", &creation.triggered_by);
    fields.put_some("user", creation.user.as_ref());
    fields.put("trigger_type", &creation.trigger.trigger_type);
    fields.put_some("trigger_id", creation.trigger.id.as_ref());
    fields.put_ref("input_ref", Some(&creation.input), None);
    fields.put_some("retry_of", creation.retry_of);
    if let Some(parent) = &creation.parent {
        fields.put("parent_execution_id", parent.execution_id);
        fields.put("parent_step_id", &parent.step_id);
    }
    fields.put("labels", &creation.labels);
    fields.put("priority", creation.priority);
    fields.put_any("warnings", &creation.warnings);
}

fn put_failure(fields: &mut Fields, error: &ExecutionError) {
    fields.put("failed_step_id", error.step_id.as_ref());
    fields.put("error_message", &error.message);
    fields.put("error_code", error.code);
}

fn put_cancellation(fields: &mut Fields, cancellation: &Cancellation) {
    fields.put("cancelled_by", &cancellation.cancelled_by);
    fields.put("reason", cancellation.reason.as_ref());
}
