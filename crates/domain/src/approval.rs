//! The approval: a request for people's decision, an aggregate of its own (spec 3.5), so that the API can answer a vote
//! at once and exactly one of vote, deadline and cancel wins.

use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

use crate::{
    definition::TimeoutAction,
    event::{Decision, SYSTEM, Verdict},
    value::{ApprovalId, Duration, ExecutionId, StepId, Timestamp},
};

/// The status of a request; it leaves `Pending` once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalStatus {
    /// Open.
    Pending,
    /// Enough people approved, or the deadline did.
    Approved,
    /// Someone rejected.
    Rejected,
    /// Someone wants changes first.
    ChangesRequested,
    /// Nobody decided in time.
    Expired,
    /// Nobody needs the answer any more.
    Cancelled,
}

/// What is asked, and of whom; fixed when it is asked, but for delegation and escalation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRequest {
    /// Its id.
    pub id: ApprovalId,
    /// The execution that waits.
    pub execution_id: ExecutionId,
    /// Its step; `_budget` for a spent budget.
    pub step_id: StepId,
    /// What is to be decided.
    pub title: String,
    /// Details.
    pub description: String,
    /// Who may decide: user names, e-mail addresses, `role:NAME`; empty = every holder of `approval:decide`.
    pub assignees: Vec<String>,
    /// How many different people must approve.
    pub required_approvals: u32,
    /// Who has a part in what is judged and may not decide it, even if asked: user names (`self_approval: false`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub barred: Vec<String>,
    /// Links or outputs to show.
    pub artifacts: Vec<String>,
    /// Whether comments are taken.
    pub allow_comments: bool,
    /// Whether a rejection needs a reason.
    pub require_reason_on_reject: bool,
    /// Until when; `None` = without end.
    pub deadline: Option<Timestamp>,
    /// What the deadline does.
    pub timeout_action: TimeoutAction,
    /// How much longer an escalation waits.
    pub escalation_period: Duration,
    /// Who is asked too when the deadline escalates.
    pub escalate_to: Vec<String>,
    /// When it was asked.
    pub created_at: Timestamp,
}

/// A request for a decision with its votes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    request: ApprovalRequest,
    status: ApprovalStatus,
    votes: Vec<Vote>,
    escalated: bool,
    verdict: Option<Verdict>,
    revision: u32,
}

/// One person's vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Who.
    pub by: String,
    /// How.
    pub ballot: Ballot,
    /// What was said.
    pub comment: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What a person can vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ballot {
    /// Yes.
    Approve,
    /// No.
    Reject,
    /// Not yet.
    RequestChanges,
}

/// A person as approvals see one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voter {
    /// The user name.
    pub name: String,
    /// The email address.
    pub email: Option<String>,
    /// Roles, as stored and as mapped.
    pub roles: Vec<String>,
    /// Whether an admin, who may always decide.
    pub is_admin: bool,
    /// Whether a holder of `approval:decide`.
    pub may_decide: bool,
}

/// Why a vote or a delegation is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    /// It is settled; the API answers 409.
    #[error("Approval already decided: {}", .0.as_str())]
    Settled(ApprovalStatus),
    /// The deadline has passed, and its effect is about to be written; 409.
    #[error("the approval's deadline has passed")]
    TooLate,
    /// The same person voted before; 409.
    #[error("{0} has already voted on this approval")]
    VotedBefore(String),
    /// The person is not asked; 403.
    #[error("{0} is not asked to decide this approval")]
    NotAsked(String),
    /// The person has a part in what is judged; 403.
    #[error("{0} has a part in what is judged here, so that somebody else must decide it (`self_approval: false`)")]
    OwnPart(String),
    /// The new assignee has a part in what is judged; 422.
    #[error(
        "{0} has a part in what is judged here and may not decide it (`self_approval: false`); delegate to somebody else"
    )]
    DelegateHasPart(String),
    /// The new assignee is asked already; 409.
    #[error("{0} is already assigned to this approval")]
    AssignedAlready(String),
    /// The new assignee could not decide; 422.
    #[error("{0} may not decide approvals")]
    MayNotDecide(String),
    /// Nobody could settle it any more: too few people would be asked; 409.
    #[error("{0} people must approve, and this would leave fewer who can")]
    TooFewDeciders(u32),
    /// A reason is missing; 422.
    #[error("A comment is required")]
    CommentRequired,
}

/// What a deadline did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadlineEffect {
    /// It has not passed, or the request is settled.
    None,
    /// Others are asked too, with a new deadline.
    Escalated(Timestamp),
    /// It settled the request.
    Settled(Verdict),
}

impl Approval {
    /// A new request.
    pub const fn open(request: ApprovalRequest) -> Self {
        Self {
            request,
            status: ApprovalStatus::Pending,
            votes: Vec::new(),
            escalated: false,
            verdict: None,
            revision: 1,
        }
    }

    /// Its id.
    pub const fn id(&self) -> ApprovalId {
        self.request.id
    }

    /// What is asked.
    pub const fn request(&self) -> &ApprovalRequest {
        &self.request
    }

    /// Its status.
    pub const fn status(&self) -> ApprovalStatus {
        self.status
    }

    /// The votes so far.
    pub fn votes(&self) -> &[Vote] {
        &self.votes
    }

    /// How it was settled.
    pub const fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    /// Counts the changes, from 1; a store writes a change only on the revision that it was made on.
    pub const fn revision(&self) -> u32 {
        self.revision
    }

    /// Whether this person is asked (spec 3.5): named, or an admin, or nobody is named and the person may decide.
    pub fn asks(&self, voter: &Voter) -> bool {
        let assignees = &self.request.assignees;
        voter.is_admin
            || (assignees.is_empty() && voter.may_decide)
            || assignees.iter().any(|name| voter.is_called(name))
    }

    /// Whether this person has a part in what is judged, and so may not decide it.
    pub fn bars(&self, voter: &Voter) -> bool {
        self.request.barred.contains(&voter.name)
    }

    /// Whether a vote of this person would count while the request is open.
    pub fn waits_for(&self, voter: &Voter) -> bool {
        self.asks(voter) && !self.bars(voter) && !self.has_voted(&voter.name)
    }

    /// Counts a vote. The verdict, if this vote settles the request.
    pub fn vote(
        &mut self,
        voter: &Voter,
        ballot: Ballot,
        comment: Option<String>,
        now: Timestamp,
    ) -> Result<Option<Verdict>, ApprovalError> {
        self.check_open(now)?;
        if !self.asks(voter) {
            return Err(ApprovalError::NotAsked(voter.name.clone()));
        }
        if self.bars(voter) {
            return Err(ApprovalError::OwnPart(voter.name.clone()));
        }
        if self.has_voted(&voter.name) {
            return Err(ApprovalError::VotedBefore(voter.name.clone()));
        }
        let comment = comment.filter(|comment| !comment.trim().is_empty());
        let needs_reason = match ballot {
            Ballot::Approve => false,
            Ballot::Reject => self.request.require_reason_on_reject,
            Ballot::RequestChanges => true,
        };
        if needs_reason && comment.is_none() {
            return Err(ApprovalError::CommentRequired);
        }
        let comment = comment.filter(|_| self.request.allow_comments || needs_reason);
        self.votes.push(Vote { by: voter.name.clone(), ballot, comment, at: now });
        self.revision += 1;
        let approvals = self.votes.iter().filter(|vote| vote.ballot == Ballot::Approve).count();
        let settles = ballot != Ballot::Approve || approvals >= self.request.required_approvals as usize;
        Ok(settles.then(|| {
            let decision = match ballot {
                Ballot::Approve => Decision::Approved,
                Ballot::Reject => Decision::Rejected,
                Ballot::RequestChanges => Decision::ChangesRequested,
            };
            self.settle(decision, Some(voter.name.clone()), now)
        }))
    }

    /// Replaces the delegating assignee by another user who may decide. An admin who is not named passes the whole request
    /// on. A seat is one person's: who has voted has used theirs, and neither passes it on nor gets another.
    pub fn delegate(&mut self, voter: &Voter, to: &Voter, now: Timestamp) -> Result<(), ApprovalError> {
        self.check_open(now)?;
        if !self.asks(voter) {
            return Err(ApprovalError::NotAsked(voter.name.clone()));
        }
        if let Some(voted) = [voter, to].into_iter().find(|person| self.has_voted(&person.name)) {
            return Err(ApprovalError::VotedBefore(voted.name.clone()));
        }
        let assignees = &self.request.assignees;
        if assignees.iter().any(|assignee| to.is_named(assignee)) || voter.name == to.name {
            return Err(ApprovalError::AssignedAlready(to.name.clone()));
        }
        if self.bars(to) {
            return Err(ApprovalError::DelegateHasPart(to.name.clone()));
        }
        if !to.may_decide && !to.is_admin {
            return Err(ApprovalError::MayNotDecide(to.name.clone()));
        }
        let mut passed_on = assignees.clone();
        // The own name comes before a role that others have too.
        let named = passed_on.iter().position(|assignee| voter.is_named(assignee));
        match named.or_else(|| passed_on.iter().position(|assignee| voter.is_called(assignee))) {
            Some(seat) => passed_on[seat].clone_from(&to.name),
            None => passed_on = vec![to.name.clone()],
        }
        let (before, after) = (self.most_approvals(&self.request.assignees), self.most_approvals(&passed_on));
        let required = self.request.required_approvals;
        if after < before && after < required as usize {
            return Err(ApprovalError::TooFewDeciders(required));
        }
        self.request.assignees = passed_on;
        self.revision += 1;
        Ok(())
    }

    fn has_voted(&self, name: &str) -> bool {
        self.votes.iter().any(|vote| vote.by == name)
    }

    /// How many approvals there can be when these are asked: those there are, and one from each name that has not voted
    /// and may.
    /// How many people have a role, nobody knows here.
    fn most_approvals(&self, assignees: &[String]) -> usize {
        if assignees.is_empty() || assignees.iter().any(|assignee| assignee.starts_with("role:")) {
            return usize::MAX;
        }
        let can_vote = |name: &&String| !self.has_voted(name) && !self.request.barred.contains(name);
        self.votes.len() + assignees.iter().filter(can_vote).count()
    }

    /// What the deadline does at `now`.
    pub fn pass_deadline(&mut self, now: Timestamp) -> DeadlineEffect {
        let due = self.request.deadline.is_some_and(|deadline| deadline <= now);
        if self.status != ApprovalStatus::Pending || !due {
            return DeadlineEffect::None;
        }
        self.revision += 1;
        let (decision, by) = match self.request.timeout_action {
            TimeoutAction::Escalate if !self.escalated => {
                let deadline = now.saturating_add(self.request.escalation_period);
                self.escalated = true;
                self.request.deadline = Some(deadline);
                let added = std::mem::take(&mut self.request.escalate_to);
                let assignees = &mut self.request.assignees;
                for name in added {
                    if !assignees.contains(&name) {
                        assignees.push(name);
                    }
                }
                return DeadlineEffect::Escalated(deadline);
            }
            TimeoutAction::Escalate | TimeoutAction::Reject => (Decision::Expired, None),
            TimeoutAction::Approve => (Decision::Approved, Some(SYSTEM.to_owned())),
            TimeoutAction::Skip => (Decision::Skipped, None),
        };
        DeadlineEffect::Settled(self.settle(decision, by, now))
    }

    /// Ends a request that nobody needs any more; nothing if it is settled.
    pub fn cancel(&mut self) {
        if self.status == ApprovalStatus::Pending {
            self.status = ApprovalStatus::Cancelled;
            self.revision += 1;
        }
    }

    fn check_open(&self, now: Timestamp) -> Result<(), ApprovalError> {
        if self.status != ApprovalStatus::Pending {
            return Err(ApprovalError::Settled(self.status));
        }
        if self.request.deadline.is_some_and(|deadline| deadline <= now) {
            return Err(ApprovalError::TooLate);
        }
        Ok(())
    }

    fn settle(&mut self, decision: Decision, decided_by: Option<String>, now: Timestamp) -> Verdict {
        self.status = match decision {
            Decision::Approved => ApprovalStatus::Approved,
            Decision::Rejected => ApprovalStatus::Rejected,
            Decision::ChangesRequested => ApprovalStatus::ChangesRequested,
            Decision::Expired | Decision::Skipped => ApprovalStatus::Expired,
        };
        let mut approved_by: Vec<String> =
            self.votes.iter().filter(|vote| vote.ballot == Ballot::Approve).map(|vote| vote.by.clone()).collect();
        if decision == Decision::Approved && approved_by.is_empty() {
            approved_by.extend(decided_by.clone());
        }
        let verdict = Verdict {
            decision,
            decided_by,
            approved_by,
            comments: self.votes.iter().filter_map(|vote| vote.comment.clone()).collect(),
            decided_at: now,
        };
        self.verdict = Some(verdict.clone());
        verdict
    }
}

impl Voter {
    /// Whether an assignee's name means this person: by name, by e-mail address, or by role.
    fn is_called(&self, assignee: &str) -> bool {
        let role = assignee.strip_prefix("role:");
        let has_role = |name: &str| self.roles.iter().any(|role| role == name);
        if let Some(role) = role {
            return has_role(role.trim());
        }
        self.is_named(assignee) || has_role(assignee)
    }

    /// Whether an assignee's name means this person and nobody else: by name, or by e-mail address.
    fn is_named(&self, assignee: &str) -> bool {
        let email = self.email.as_deref().is_some_and(|email| email.eq_ignore_ascii_case(assignee));
        self.name == assignee || email
    }
}

impl ApprovalStatus {
    /// Every status.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Approved, Self::Rejected, Self::ChangesRequested, Self::Expired, Self::Cancelled];

    /// The status as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::ChangesRequested => "changes_requested",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Decision {
    /// The decision as expressions and the API write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::ChangesRequested => "changes_requested",
            Self::Expired => "expired",
            Self::Skipped => "skipped",
        }
    }
}
