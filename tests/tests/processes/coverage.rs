//! The table leaves nothing out: every step state, skip reason, event type and error code occurs in some expected end.

use std::collections::BTreeSet;

use procession_domain::value::{CodeScope, ErrorCode};

use super::case::{Expected, all};

/// Event types, as the API names them.
const EVENT_TYPES: &str = "ExecutionCreated ProcessStarted ProcessPaused ProcessResumed ProcessCompleted ProcessFailed \
    ProcessCancelled CompensationStarted BudgetWarning BudgetRaised CostRecorded StepStarted StepSubmitted StepCompleted \
    StepFailed StepRetrying StepSkipped StepWaiting StepWaitingApproval StepCancelled StepInterrupted StepReset StepReused \
    GatewayEvaluated CompensationStepStarted CompensationStepSubmitted CompensationStepRetrying CompensationCompleted \
    CompensationFailed ApprovalRequested ApprovalVoted ApprovalDecided ApprovalDelegated ApprovalEscalated \
    ApprovalExpired ChildStarted ChildCompleted";

const SKIP_REASONS: &str = "condition_false route_not_taken dead_path handler_not_needed upstream_failed \
    skipped_after_error approval_timeout";

#[test]
fn every_end_of_a_step_every_event_and_every_code_is_expected_somewhere() {
    let cases = all();
    let retried = cases.iter().filter_map(|case| case.retry.as_ref()?.expect.as_ref());
    let roots = cases.iter().map(|case| &case.expect).chain(retried);
    let ends: Vec<&Expected> = roots.flat_map(|end| std::iter::once(end).chain(end.inside.values())).collect();
    let words: BTreeSet<&str> = ends
        .iter()
        .flat_map(|end| end.steps.values().chain(end.events.iter().flatten()).chain(&end.has_events))
        .flat_map(|text| text.split(' '))
        .collect();
    let errors: BTreeSet<ErrorCode> = ends.iter().filter_map(|end| end.error).collect();
    let mut missing: Vec<String> = Vec::new();
    for word in EVENT_TYPES.split_whitespace().chain(SKIP_REASONS.split_whitespace()).chain([
        "completed",
        "failed",
        "cancelled",
    ]) {
        if !words.contains(word) {
            missing.push(word.to_owned());
        }
    }
    for code in ErrorCode::ALL {
        let occurs = words.contains(code.as_str()) || errors.contains(code);
        // A deadlock can't be written down: the validator refuses what could lead to one, and a property test shows it.
        if !occurs && *code != ErrorCode::Deadlock {
            let scope = if code.scope() == CodeScope::Step { "step" } else { "execution" };
            missing.push(format!("{code} ({scope})"));
        }
    }
    assert!(missing.is_empty(), "no case expects: {}", missing.join(", "));
}
