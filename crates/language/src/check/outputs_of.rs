//! The fields that steps have (spec 2.1, 2.4).

use procession_domain::definition::{Step, StepKind};

/// The fields of every step.
pub(super) const STEP_FIELDS: [&str; 11] = [
    "output",
    "status",
    "error",
    "started_at",
    "completed_at",
    "duration",
    "cost",
    "attempt",
    "decision",
    "comment",
    "feedback",
];

/// The fields of the step's output, where they are all known: replies of agents and outputs of processes are open.
pub(super) const fn known_outputs(step: &Step) -> Option<&'static [&'static str]> {
    match &step.kind {
        StepKind::AgentTask(_) | StepKind::SubProcess(_) => None,
        StepKind::HumanApproval(_) => Some(&[
            "approval_id",
            "decision",
            "decided_by",
            "approved_by",
            "comment",
            "comments",
            "feedback",
            "decided_at",
        ]),
        StepKind::Gateway(_) => Some(&["route", "routes", "gateway_type", "is_default", "evaluated_conditions"]),
        StepKind::Timer(_) => Some(&["waited_seconds", "fired_at"]),
        StepKind::Notification(_) => Some(&["channel", "status", "message_preview", "delivery_id", "status_code"]),
    }
}
