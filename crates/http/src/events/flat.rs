//! An event as a flat object: of the execution as a whole here, of its steps in `steps`.

use procession_application::ports::StoredEvent;
use procession_domain::{
    event::{Cancellation, Creation, Event, ExecutionError, PauseReason, RollBackCause},
    value::Json,
};
use serde_json::Map;

use super::{Context, Fields, steps};

/// An event with the names and fields of spec 4b 4.3, and `id` and `sequence`.
pub(crate) fn flat(stored: &StoredEvent, context: &Context) -> Map<String, Json> {
    context.note(&stored.event, stored.at);
    let mut fields = Fields::new();
    fields.put("id", stored.id);
    fields.put("sequence", stored.sequence);
    fields.put("event_type", stored.event.event_type());
    fields.put("timestamp", stored.at);
    fields.put("execution_id", stored.execution_id);
    fields.put("process_id", stored.process_id);
    fields.put("process_name", &stored.process_name);
    if let Some(step_id) = stored.event.step_id() {
        fields.put("step_id", step_id);
        fields.put("step_name", context.step(step_id).map_or(step_id.as_str(), |step| &step.name));
    }
    put_own(&mut fields, stored, context);
    fields.into_map()
}

fn put_own(fields: &mut Fields, stored: &StoredEvent, context: &Context) {
    match &stored.event {
        Event::ExecutionCreated(creation) => put_creation(fields, creation),
        Event::ProcessStarted { deadline } => {
            fields.put("triggered_by", context.triggered_by());
            fields.put_some("deadline", *deadline);
        }
        Event::ProcessPaused(reason) => match reason {
            PauseReason::People => fields.put("reason", "people"),
            PauseReason::Operator { by } => {
                fields.put("reason", "operator");
                fields.put("by", by);
            }
        },
        Event::ProcessResumed { by } => fields.put_some("by", by.as_ref()),
        Event::ProcessCompleted { output, output_warnings, total_cost, duration } => {
            fields.put_total_cost(*total_cost);
            fields.put("total_duration_seconds", duration.as_secs());
            fields.put_shown("output_data", output, format!("/api/executions/{}", stored.execution_id));
            fields.put_any("output_warnings", output_warnings);
        }
        Event::ProcessFailed { error, total_cost } => {
            put_failure(fields, error);
            fields.put_total_cost(*total_cost);
        }
        Event::ProcessCancelled(cancellation) => put_cancellation(fields, cancellation),
        Event::CompensationStarted { compensation_count, cause } => {
            fields.put("compensation_count", compensation_count);
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
        Event::BudgetWarning { spent, limit } => {
            fields.put_money("spent", *spent);
            fields.put_money("limit", *limit);
        }
        Event::BudgetRaised { limit, by } => {
            fields.put_money("limit", *limit);
            fields.put_some("by", by.as_ref());
        }
        Event::CostRecorded { .. }
        | Event::StepStarted(_)
        | Event::StepSubmitted { .. }
        | Event::StepCompleted { .. }
        | Event::StepFailed { .. }
        | Event::StepRetrying { .. }
        | Event::StepSkipped { .. }
        | Event::StepWaiting { .. }
        | Event::StepWaitingApproval { .. }
        | Event::StepCancelled { .. }
        | Event::StepInterrupted { .. }
        | Event::StepReset { .. }
        | Event::StepReused { .. }
        | Event::GatewayEvaluated { .. }
        | Event::CompensationStepStarted(_)
        | Event::CompensationStepSubmitted { .. }
        | Event::CompensationStepRetrying { .. }
        | Event::CompensationCompleted { .. }
        | Event::CompensationFailed { .. }
        | Event::ApprovalRequested { .. }
        | Event::ApprovalVoted { .. }
        | Event::ApprovalDecided { .. }
        | Event::ApprovalDelegated { .. }
        | Event::ApprovalEscalated { .. }
        | Event::ApprovalExpired { .. }
        | Event::ChildStarted { .. }
        | Event::ChildCompleted { .. } => steps::put_own(fields, stored, context),
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
