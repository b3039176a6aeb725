//! Requests and responses about approvals.

use procession_application::{access::Principal, approvals::Consequences, ports::ApprovalRow};
use procession_domain::{
    approval::{Approval, ApprovalStatus, Ballot, Vote},
    definition::TimeoutAction,
    event::Decision,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::wire::Time;

/// A vote for what is asked.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ApproveRequest {
    /// What to say to them.
    #[serde(default)]
    #[schema(example = "Well written", max_length = 10_000)]
    pub comment: Option<String>,
}

/// A vote against what is asked.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct RejectRequest {
    /// Why; it may be empty or missing only where the step says `require_reason_on_reject: false`.
    #[serde(default)]
    #[schema(example = "The figures are those of last year", max_length = 10_000)]
    pub comment: Option<String>,
}

/// A vote for another round.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ChangesRequest {
    /// What to change; not empty.
    #[schema(example = "Add the figures of this quarter", max_length = 10_000)]
    pub comment: String,
}

/// Who decides instead.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct DelegateRequest {
    /// The name of a user.
    #[schema(example = "ben")]
    pub to: String,
    /// What to say to them.
    #[serde(default)]
    #[schema(example = "You know these figures better", max_length = 10_000)]
    pub comment: Option<String>,
}

/// A question to people, as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ApprovalSummary {
    id: Uuid,
    /// The execution that waits.
    execution_id: Uuid,
    /// Its step; `_budget` if it asks about a spent budget.
    #[schema(example = "review")]
    step_id: String,
    /// What is to be decided.
    #[schema(example = "Publish the report?")]
    title: String,
    /// Details; may be empty.
    #[schema(example = "The report of November is ready.")]
    description: String,
    /// `pending`, `approved`, `rejected`, `changes_requested`, `expired` or `cancelled`.
    #[schema(example = "pending")]
    status: &'static str,
    /// User names, email addresses, `role:NAME`; none = everyone who may decide approvals.
    #[schema(example = json!(["ann", "role:approver"]))]
    assignees: Vec<String>,
    created_at: Time,
    /// Until when; null = without end.
    deadline: Option<Time>,
    /// The process whose execution asks.
    #[schema(example = "report")]
    process_name: String,
    /// How many different people must approve.
    #[schema(example = 1)]
    required_approvals: u32,
    /// How many have.
    #[schema(example = 0)]
    approvals: usize,
    /// Whether the caller may vote now.
    #[schema(example = true)]
    can_decide: bool,
}

/// A question to people with all that is known of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApprovalDetail {
    #[serde(flatten)]
    summary: ApprovalSummary,
    /// When it was settled; of a cancelled one null.
    decided_at: Option<Time>,
    /// The last voter, or `SYSTEM` if the deadline approved.
    #[schema(example = json!(null))]
    decided_by: Option<String>,
    /// `approved`, `rejected`, `changes_requested`, `expired` or `skipped`.
    #[schema(example = json!(null))]
    decision: Option<&'static str>,
    /// What the last voter said.
    #[schema(example = json!(null))]
    decision_comment: Option<String>,
    /// Everyone who approved.
    #[schema(example = json!([]))]
    approved_by: Vec<String>,
    /// The votes so far, oldest first.
    votes: Vec<VoteResponse>,
    /// Who has a part in what is judged and may not decide it, even if asked (`self_approval: false`).
    #[schema(example = json!(["ben"]))]
    barred: Vec<String>,
    /// Links or outputs to look at.
    #[schema(example = json!(["https://example.com/report"]))]
    artifacts: Vec<String>,
    /// Whether comments are kept.
    #[schema(example = true)]
    allow_comments: bool,
    /// Whether a rejection needs a comment.
    #[schema(example = true)]
    require_reason_on_reject: bool,
    /// What the deadline does: `reject`, `approve`, `skip` or `escalate`.
    #[schema(example = "reject")]
    timeout_action: &'static str,
    /// What each decision leads to, in words; where an approval is read by itself, and only while it is open.
    leads_to: Option<LeadsTo>,
}

/// What each decision leads to.
#[derive(Debug, Serialize, ToSchema)]
struct LeadsTo {
    #[schema(example = "`publish` comes next")]
    approve: String,
    #[schema(example = "the process fails")]
    reject: String,
    /// Null = no round follows: the step fails with `CHANGES_REQUESTED`.
    #[schema(example = "runs again from `draft`, up to 3 times")]
    request_changes: Option<String>,
}

/// One person's vote.
#[derive(Debug, Serialize, ToSchema)]
struct VoteResponse {
    /// The user.
    #[schema(example = "ann")]
    by: String,
    /// `approved`, `rejected` or `changes_requested`.
    #[schema(example = "approved")]
    decision: &'static str,
    /// What was said.
    comment: Option<String>,
    at: Time,
}

impl ApprovalSummary {
    pub fn of(row: &ApprovalRow, reader: &Principal) -> Self {
        let (approval, request) = (&row.approval, row.approval.request());
        Self {
            id: request.id.uuid(),
            execution_id: request.execution_id.uuid(),
            step_id: request.step_id.to_string(),
            title: request.title.clone(),
            description: request.description.clone(),
            status: approval.status().as_str(),
            assignees: request.assignees.clone(),
            created_at: request.created_at.into(),
            deadline: request.deadline.map(Time::from),
            process_name: row.process_name.to_string(),
            required_approvals: request.required_approvals,
            approvals: approval.votes().iter().filter(|vote| vote.ballot == Ballot::Approve).count(),
            can_decide: can_decide(approval, reader),
        }
    }
}

impl ApprovalDetail {
    pub fn of(row: &ApprovalRow, reader: &Principal) -> Self {
        let (approval, request) = (&row.approval, row.approval.request());
        let verdict = approval.verdict();
        let last = verdict.and_then(|verdict| {
            let decided_by = verdict.decided_by.as_deref();
            approval.votes().iter().rev().find(|vote| decided_by == Some(vote.by.as_str()))
        });
        Self {
            summary: ApprovalSummary::of(row, reader),
            decided_at: verdict.map(|verdict| verdict.decided_at.into()),
            decided_by: verdict.and_then(|verdict| verdict.decided_by.clone()),
            decision: verdict.map(|verdict| verdict.decision.as_str()),
            decision_comment: last.and_then(|vote| vote.comment.clone()),
            approved_by: verdict.map(|verdict| verdict.approved_by.clone()).unwrap_or_default(),
            votes: approval.votes().iter().map(VoteResponse::of).collect(),
            barred: request.barred.clone(),
            artifacts: request.artifacts.clone(),
            allow_comments: request.allow_comments,
            require_reason_on_reject: request.require_reason_on_reject,
            timeout_action: match request.timeout_action {
                TimeoutAction::Reject => "reject",
                TimeoutAction::Approve => "approve",
                TimeoutAction::Skip => "skip",
                TimeoutAction::Escalate => "escalate",
            },
            leads_to: None,
        }
    }

    /// The same with what each decision leads to.
    pub fn leading_to(mut self, consequences: Option<Consequences>) -> Self {
        self.leads_to = consequences.map(|Consequences { approve, reject, request_changes }| LeadsTo {
            approve,
            reject,
            request_changes,
        });
        self
    }
}

impl VoteResponse {
    fn of(vote: &Vote) -> Self {
        let decision = match vote.ballot {
            Ballot::Approve => Decision::Approved,
            Ballot::Reject => Decision::Rejected,
            Ballot::RequestChanges => Decision::ChangesRequested,
        };
        Self { by: vote.by.clone(), decision: decision.as_str(), comment: vote.comment.clone(), at: vote.at.into() }
    }
}

/// Whether a vote of this person would count.
fn can_decide(approval: &Approval, reader: &Principal) -> bool {
    approval.status() == ApprovalStatus::Pending && approval.waits_for(&reader.voter())
}
