//! What people were asked by the other engine. It keeps requests in a table, or in memory only: then the output of the step
//! tells of the decision.

use procession_domain::{
    approval::{Approval, ApprovalRequest, Ballot, Voter},
    definition::{Step, StepKind, TimeoutAction},
    event::Verdict,
    value::{Duration, ExecutionId, Json, Timestamp},
};

use super::row::{TrinityRow, json, text, time};

/// The request of a step; `None` if nothing is known of it.
pub(super) fn request_of(
    step: &Step,
    execution_id: ExecutionId,
    asked: Option<&TrinityRow>,
    output: &Json,
    started_at: Timestamp,
) -> Option<ApprovalRequest> {
    let of_row = |column: &str| asked.and_then(|row| text(row, column));
    let id = of_row("id").or_else(|| output["approval_id"].as_str().map(str::to_owned))?;
    let assignees = asked.and_then(|row| json(row, "assignees").ok());
    let assignees = assignees.as_ref().and_then(Json::as_array).into_iter().flatten();
    Some(ApprovalRequest {
        id: id.parse().ok()?,
        execution_id,
        step_id: step.id.clone(),
        title: of_row("title").unwrap_or_else(|| title_of(step)),
        description: of_row("description").unwrap_or_default(),
        assignees: assignees.filter_map(Json::as_str).map(str::to_owned).collect(),
        barred: Vec::new(),
        required_approvals: 1,
        artifacts: Vec::new(),
        allow_comments: true,
        require_reason_on_reject: false,
        deadline: asked.and_then(|row| time(row, "deadline").ok()).flatten(),
        timeout_action: TimeoutAction::Reject,
        escalation_period: Duration::ZERO,
        escalate_to: Vec::new(),
        created_at: asked.and_then(|row| time(row, "created_at").ok()).flatten().unwrap_or(started_at),
    })
}

/// What a step asks, where that needs no filling in.
fn title_of(step: &Step) -> String {
    match &step.kind {
        StepKind::HumanApproval(approval) if !approval.title.text.contains("{{") => approval.title.text.clone(),
        StepKind::HumanApproval(_)
        | StepKind::AgentTask(_)
        | StepKind::Gateway(_)
        | StepKind::Timer(_)
        | StepKind::Notification(_)
        | StepKind::SubProcess(_) => step.name.clone(),
    }
}

/// The request as it ended, and how it was decided. One that nobody decided is nobody's business any more.
pub(super) fn decision_of(
    mut request: ApprovalRequest,
    asked: Option<&TrinityRow>,
    output: &Json,
    ended_at: Timestamp,
) -> (Approval, Option<Verdict>) {
    let said = |column: &str, key: &str| {
        asked.and_then(|row| text(row, column)).or_else(|| output[key].as_str().map(str::to_owned))
    };
    let decided_at = asked.and_then(|row| time(row, "decided_at").ok()).flatten().unwrap_or(ended_at);
    let by = said("decided_by", "decided_by").filter(|by| !by.is_empty()).unwrap_or_else(|| "Trinity".to_owned());
    let comment = said("decision_comment", "comment");
    let status = said("status", "decision");
    let ballot = match status.as_deref() {
        Some("approved") => Some(Ballot::Approve),
        // There, a deadline that has passed is told as a rejection by the system.
        Some("rejected") if by != "SYSTEM" => Some(Ballot::Reject),
        Some("rejected" | "expired") => {
            request.deadline = Some(decided_at);
            None
        }
        Some(_) | None => {
            let mut approval = Approval::open(request);
            approval.cancel();
            return (approval, None);
        }
    };
    if ballot.is_some() && request.deadline.is_some_and(|deadline| deadline <= decided_at) {
        request.deadline = None;
    }
    let mut approval = Approval::open(request);
    match ballot {
        Some(ballot) => {
            // Who decided there was not held to who was asked, either.
            let voter = Voter { name: by, email: None, roles: Vec::new(), is_admin: true, may_decide: true };
            if approval.vote(&voter, ballot, comment, decided_at).is_err() {
                approval.cancel();
            }
        }
        None => {
            approval.pass_deadline(decided_at);
        }
    }
    let verdict = approval.verdict().cloned();
    (approval, verdict)
}
