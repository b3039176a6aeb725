//! Why a step did not run, in words for people. The existing frontend shows them under every skipped step (spec 4b 16).

use indexmap::IndexMap;
use procession_domain::{
    definition::EdgeKind,
    event::{RouteEvaluation, SkipReason},
    execution::{Execution, Life, StepLife, StepState},
    value::Json as Value,
};
use serde::Serialize;
use utoipa::ToSchema;

/// What stands in the place of the output of a step that did not run.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SkippedOutput {
    /// Why it did not run, with what a false condition read.
    #[schema(example = "Condition not met: input.score >= 90 (input.score = 60)")]
    skipped_reason: String,
}

impl SkippedOutput {
    /// Of a step that did not run, or no further; nothing of any other.
    pub fn of(execution: &Execution, position: usize, state: &StepState) -> Option<Self> {
        let skipped_reason = match &state.life {
            StepLife::Skipped { reason } => reason_in_words(*reason, execution, position, state),
            StepLife::Cancelled => cancelled_in_words(execution),
            StepLife::Pending
            | StepLife::Running
            | StepLife::Waiting(_)
            | StepLife::WaitingApproval { .. }
            | StepLife::Completed
            | StepLife::Failed { .. } => return None,
        };
        Some(Self { skipped_reason })
    }
}

fn reason_in_words(reason: SkipReason, execution: &Execution, position: usize, state: &StepState) -> String {
    match reason {
        SkipReason::ConditionFalse => match &state.condition {
            Some(condition) => {
                format!("Condition not met: {}{}", condition.expression, values_in_words(&condition.values))
            }
            None => "Condition not met".to_owned(),
        },
        SkipReason::RouteNotTaken => route_in_words(execution, position),
        SkipReason::DeadPath => "No step that leads to it ran".to_owned(),
        SkipReason::HandlerNotNeeded => "There was no error for it to handle".to_owned(),
        SkipReason::UpstreamFailed => match execution.failure().and_then(|failure| failure.step_id) {
            Some(failed) => format!("`{failed}` failed before it could run"),
            None => "The execution failed before it could run".to_owned(),
        },
        SkipReason::SkippedAfterError => match &state.error {
            Some(error) => format!("It failed and was passed over (on_error: skip_step): {}", error.message),
            None => "It failed and was passed over (on_error: skip_step)".to_owned(),
        },
        SkipReason::ApprovalTimeout => {
            "Nobody decided in time, and the approval was passed over (timeout_action: skip)".to_owned()
        }
    }
}

/// Which way its gateway went instead, and why not here.
fn route_in_words(execution: &Execution, position: usize) -> String {
    let definition = execution.definition();
    let target = &definition.step(position).id;
    let routes = definition.graph().incoming(position).iter();
    let gateways = routes.filter(|edge| matches!(edge.kind, EdgeKind::Route { .. })).map(|edge| edge.source);
    let mut decided = gateways.filter_map(|gateway| execution.step(definition.step(gateway).id.as_str()));
    let Some((gateway, decision)) = decided.find_map(|(gateway, state)| Some((gateway, state.decision.as_ref()?)))
    else {
        return "Its gateway went another way".to_owned();
    };
    let taken: Vec<String> = decision.taken.iter().map(|step| format!("`{step}`")).collect();
    let went = match taken.as_slice() {
        [] => format!("The gateway `{}` went nowhere", gateway.id),
        taken => format!("The gateway `{}` went to {} instead", gateway.id, taken.join(", ")),
    };
    let own = decision.evaluated_conditions.iter().find(|route| route.target == *target && route.result == Some(false));
    match own {
        Some(RouteEvaluation { condition: Some(condition), values, .. }) => {
            format!("{went}; condition not met: {condition}{}", values_in_words(values))
        }
        Some(_) | None => went,
    }
}

fn cancelled_in_words(execution: &Execution) -> String {
    match &execution.state().life {
        Life::Cancelled(cancellation) => format!("The execution was cancelled by {}", cancellation.cancelled_by),
        Life::Failed(_) => "It was ended because the execution failed".to_owned(),
        Life::Pending | Life::Running | Life::Paused(_) | Life::Compensating(_) | Life::Completed { .. } => {
            "It was ended before it was done".to_owned()
        }
    }
}

/// What a condition read: ` (input.score = 60, input.name = "Ben")`.
fn values_in_words(values: &IndexMap<String, Value>) -> String {
    let told: Vec<String> = values.iter().map(|(path, value)| format!("{path} = {value}")).collect();
    if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) }
}
