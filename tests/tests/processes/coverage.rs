//! The table leaves nothing out: every step state, skip reason, event type and error code occurs in some expectation.

use std::collections::BTreeSet;

use procession_domain::value::{CodeScope, ErrorCode};
use serde_json::Value as Json;

use super::case::{Expected, all};

/// Event types, as the API names them.
const EVENT_TYPES: &str = "ExecutionCreated ProcessStarted ProcessPaused ProcessResumed ProcessCompleted ProcessFailed \
    ProcessCancelled CompensationStarted BudgetWarning BudgetRaised CostRecorded StepStarted StepSubmitted StepCompleted \
    StepFailed StepRetrying StepSkipped StepWaiting StepWaitingApproval StepCancelled StepInterrupted StepResumed StepReset \
    StepReused GatewayEvaluated CompensationStepStarted CompensationStepSubmitted CompensationStepRetrying CompensationCompleted \
    CompensationFailed ApprovalRequested ApprovalVoted ApprovalDecided ApprovalDelegated ApprovalEscalated \
    ApprovalExpired ChildStarted ChildCompleted";

const SKIP_REASONS: &str = "condition_false route_not_taken dead_path handler_not_needed upstream_failed \
    skipped_after_error approval_timeout";

const STEP_STATES: &str = "pending running waiting waiting_approval completed failed skipped cancelled";

#[test]
fn every_state_of_a_step_every_event_and_every_code_is_expected_somewhere() {
    let mut words = BTreeSet::new();
    for case in all() {
        collect(&case.expect, &mut words);
        if let Some(again) = case.retry.as_ref().and_then(|retry| retry.expect.as_ref()) {
            collect(again, &mut words);
        }
        let sights = case.operators.iter().filter_map(|order| order.see.as_ref());
        words.extend(sights.flat_map(|sight| sight.steps.values().cloned()));
    }
    let listed = [EVENT_TYPES, SKIP_REASONS, STEP_STATES].into_iter().flat_map(str::split_whitespace);
    let mut missing: Vec<String> = listed.filter(|word| !words.contains(*word)).map(str::to_owned).collect();
    for code in ErrorCode::ALL {
        // Defects of the engine can't be written down: the validator refuses what could lead to a deadlock, which a property
        // test shows, and a turn that panics is a test of the engine.
        let is_defect = matches!(code, ErrorCode::Deadlock | ErrorCode::Internal);
        if !words.contains(code.as_str()) && !is_defect {
            let scope = if code.scope() == CodeScope::Step { "step" } else { "execution" };
            missing.push(format!("{code} ({scope})"));
        }
    }
    assert!(missing.is_empty(), "no case expects: {}", missing.join(", "));
}

/// The words of an expectation: how steps end, events, codes, and what payloads have.
fn collect(end: &Expected, words: &mut BTreeSet<String>) {
    let texts = end.steps.values().chain(end.events.iter().flatten()).chain(&end.has_events);
    words.extend(texts.flat_map(|text| text.split(' ')).map(str::to_owned));
    words.extend(end.error.map(|code| code.as_str().to_owned()));
    for payload in &end.payloads {
        words.extend(payload.of.split(' ').map(str::to_owned));
        collect_texts(&payload.has, words);
    }
    for child in end.inside.values() {
        collect(child, words);
    }
}

fn collect_texts(value: &Json, words: &mut BTreeSet<String>) {
    match value {
        Json::String(text) => {
            words.insert(text.clone());
        }
        Json::Array(items) => items.iter().for_each(|item| collect_texts(item, words)),
        Json::Object(fields) => fields.values().for_each(|field| collect_texts(field, words)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}
