//! Use cases of approvals: list, vote, request changes, delegate (spec 3.5). Each is one conditional write; the signal
//! that goes with it tells the execution.

use procession_domain::{
    approval::{Approval, ApprovalError, Ballot},
    event::Decision,
    execution::Signal,
    value::{ApprovalId, ExecutionId, StepId},
};

use crate::{
    access::{Permission, Principal},
    engine::Engine,
    ports::{ApprovalChange, ApprovalFilter, ApprovalRow, ApprovalStoreError, Page, Paging, Ports, StoreError},
};

/// How often a vote is decided anew when the approval changes at the same time.
const MOST_TRIES: u32 = 20;

/// The service for approvals.
#[derive(Clone)]
pub struct Approvals {
    ports: Ports,
    engine: Engine,
}

/// Why an approval can't be shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalFailure {
    /// There is none with this id.
    #[error("Approval not found")]
    NotFound,
    /// There is no user of this name to pass it on to.
    #[error("There is no user `{0}` to delegate to")]
    UnknownUser(String),
    /// It is refused.
    #[error(transparent)]
    Refused(#[from] ApprovalError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Approvals {
    /// The service.
    pub const fn new(ports: Ports, engine: Engine) -> Self {
        Self { ports, engine }
    }

    /// A page of approvals. Who may not see all executions sees those that ask them.
    pub async fn list(
        &self,
        filter: ApprovalFilter,
        paging: &Paging,
        principal: &Principal,
    ) -> Result<Page<ApprovalRow>, StoreError> {
        let sees_all = principal.may(Permission::ExecutionView);
        let assigned_to = if sees_all { filter.assigned_to } else { Some(principal.asked_names()) };
        self.ports.approvals.approvals(&ApprovalFilter { assigned_to, ..filter }, paging).await
    }

    /// An approval.
    pub async fn get(&self, id: ApprovalId) -> Result<ApprovalRow, ApprovalFailure> {
        self.ports.approvals.approval(id).await?.ok_or(ApprovalFailure::NotFound)
    }

    /// The newest approval of a step.
    pub async fn of_step(&self, execution: ExecutionId, step: &StepId) -> Result<ApprovalRow, ApprovalFailure> {
        self.ports.approvals.of_step(execution, step).await?.ok_or(ApprovalFailure::NotFound)
    }

    /// Votes. The approval as it is afterwards.
    pub async fn vote(
        &self,
        id: ApprovalId,
        principal: &Principal,
        ballot: Ballot,
        comment: Option<String>,
    ) -> Result<Approval, ApprovalFailure> {
        let voter = principal.voter();
        self.change(id, |approval| {
            let verdict = approval.vote(&voter, ballot, comment.clone(), self.ports.clock.now())?;
            Ok(match verdict {
                Some(verdict) => Signal::ApprovalSettled { approval_id: id, verdict },
                None => Signal::ApprovalVoted {
                    approval_id: id,
                    by: voter.name.clone(),
                    decision: decision_of(ballot),
                    comment: comment.clone(),
                },
            })
        })
        .await
    }

    /// Passes an approval on to another user.
    pub async fn delegate(
        &self,
        id: ApprovalId,
        principal: &Principal,
        to: &str,
        comment: Option<String>,
    ) -> Result<Approval, ApprovalFailure> {
        let to = self.ports.access.user(to).await?.ok_or_else(|| ApprovalFailure::UnknownUser(to.to_owned()))?.name;
        let voter = principal.voter();
        self.change(id, |approval| {
            approval.delegate(&voter, &to, self.ports.clock.now())?;
            Ok(Signal::ApprovalDelegated {
                approval_id: id,
                from: voter.name.clone(),
                to: to.clone(),
                comment: comment.clone(),
            })
        })
        .await
    }

    /// Reads, changes and writes an approval; anew when someone else was faster, until it is written or refused.
    async fn change(
        &self,
        id: ApprovalId,
        change: impl Fn(&mut Approval) -> Result<Signal, ApprovalError>,
    ) -> Result<Approval, ApprovalFailure> {
        for _ in 0..MOST_TRIES {
            let mut approval = self.get(id).await?.approval;
            let before = approval.revision();
            let signal = change(&mut approval)?;
            let written =
                self.ports.approvals.change(ApprovalChange { approval: approval.clone(), before, signal }).await;
            match written {
                Ok(()) => {
                    self.engine.nudge(approval.request().execution_id);
                    return Ok(approval);
                }
                Err(ApprovalStoreError::Stale) => {}
                Err(ApprovalStoreError::Store(error)) => return Err(error.into()),
            }
        }
        Err(StoreError::Unavailable("the approval keeps changing; try again".into()).into())
    }
}

impl Principal {
    /// The names by which an approval may ask for this person.
    pub fn asked_names(&self) -> Vec<String> {
        let voter = self.voter();
        let roles = voter.roles.iter().flat_map(|role| [role.clone(), format!("role:{role}")]);
        std::iter::once(voter.name.clone()).chain(voter.email.clone()).chain(roles).collect()
    }
}

const fn decision_of(ballot: Ballot) -> Decision {
    match ballot {
        Ballot::Approve => Decision::Approved,
        Ballot::Reject => Decision::Rejected,
        Ballot::RequestChanges => Decision::ChangesRequested,
    }
}
