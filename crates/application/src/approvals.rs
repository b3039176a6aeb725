//! Use cases of approvals: list, vote, request changes, delegate (spec 3.5). Each is one conditional write; the signal
//! that goes with it tells the execution.

mod by_link;
mod consequences;

use std::sync::Arc;

pub use by_link::{LinkStanding, LinkedApproval};
pub use consequences::Consequences;
use procession_domain::{
    approval::{Approval, ApprovalError, ApprovalStatus, Ballot},
    event::Decision,
    execution::Signal,
    value::{ApprovalId, ExecutionId, StepId},
};

use crate::{
    access::{Forbidden, Permission, Principal, UseCase},
    audit,
    deliveries::DecisionLinks,
    door::Door,
    engine::Engine,
    owners::Owners,
    ports::{
        AccessStore, ApprovalChange, ApprovalFilter, ApprovalRow, ApprovalStore, ApprovalStoreError, Asked, Clock,
        Page, Paging, StoreError,
    },
};

/// How often a vote is decided anew when the approval changes at the same time.
const MOST_TRIES: u32 = 20;

/// The service for approvals.
#[derive(Clone)]
pub struct Approvals {
    store: Arc<dyn ApprovalStore>,
    access: Arc<dyn AccessStore>,
    clock: Arc<dyn Clock>,
    owners: Owners,
    engine: Engine,
    links: DecisionLinks,
    door: Door,
}

/// Which approvals a list shows; conditions add up.
#[derive(Debug, Clone, Default)]
pub struct ApprovalQuery {
    /// In this status.
    pub status: Option<ApprovalStatus>,
    /// Of this execution.
    pub execution_id: Option<ExecutionId>,
    /// Asking this user: by name, email address or role, or everyone who may decide.
    pub asking: Option<String>,
}

/// Why an approval can't be shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalFailure {
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none with this id, or none that the principal may know of.
    #[error("Approval not found")]
    NotFound,
    /// There is no user of this name to pass it on to.
    #[error("there is no user `{0}` to delegate to")]
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
    pub(crate) const fn new(
        store: Arc<dyn ApprovalStore>,
        access: Arc<dyn AccessStore>,
        clock: Arc<dyn Clock>,
        owners: Owners,
        engine: Engine,
        links: DecisionLinks,
        door: Door,
    ) -> Self {
        Self { store, access, clock, owners, engine, links, door }
    }

    /// A page of approvals. Who may not see all executions sees those that ask them.
    pub async fn list(
        &self,
        by: &Principal,
        query: ApprovalQuery,
        paging: &Paging,
    ) -> Result<Page<ApprovalRow>, ApprovalFailure> {
        by.check(UseCase::ListApprovals)?;
        let asking = match query.asking {
            _ if !by.may(Permission::ExecutionView) => Some(by.as_asked()),
            // A name that is no user's may still stand in a definition.
            Some(name) => Some(match self.access.user(&name).await? {
                Some(user) => Principal::of_library(&user.name, [user.role]).with_email(user.email).as_asked(),
                None => Asked { names: vec![name], may_decide: false },
            }),
            None => None,
        };
        let filter = ApprovalFilter { status: query.status, execution_id: query.execution_id, asking };
        Ok(self.store.approvals(&filter, paging).await?)
    }

    /// An approval.
    pub async fn get(&self, by: &Principal, id: ApprovalId) -> Result<ApprovalRow, ApprovalFailure> {
        by.check(UseCase::ReadApproval)?;
        self.in_sight(by, self.store.approval(id).await?).await
    }

    /// The newest approval of a step.
    pub async fn of_step(
        &self,
        by: &Principal,
        execution: ExecutionId,
        step: &StepId,
    ) -> Result<ApprovalRow, ApprovalFailure> {
        by.check(UseCase::ReadApproval)?;
        self.in_sight(by, self.store.of_step(execution, step).await?).await
    }

    /// Votes. The approval as it is afterwards.
    pub async fn vote(
        &self,
        by: &Principal,
        id: ApprovalId,
        ballot: Ballot,
        comment: Option<String>,
    ) -> Result<ApprovalRow, ApprovalFailure> {
        let (this, principal) = (self.clone(), by.clone());
        let vote = async move {
            audit::about(&id);
            let voter = principal.voter();
            let change = |approval: &mut Approval| {
                let verdict = approval.vote(&voter, ballot, comment.clone(), this.clock.now())?;
                Ok(match verdict {
                    Some(verdict) => Signal::ApprovalSettled { approval_id: id, verdict },
                    None => Signal::ApprovalVoted {
                        approval_id: id,
                        by: voter.name.clone(),
                        decision: decision_of(ballot),
                        comment: comment.clone(),
                    },
                })
            };
            this.change(&principal, id, change).await
        };
        self.door.change(by, UseCase::DecideApproval, vote).await
    }

    /// Passes an approval on to another user.
    pub async fn delegate(
        &self,
        by: &Principal,
        id: ApprovalId,
        to: &str,
        comment: Option<String>,
    ) -> Result<ApprovalRow, ApprovalFailure> {
        let (this, principal, to) = (self.clone(), by.clone(), to.to_owned());
        let delegate = async move {
            audit::about(&id);
            // That there is such an approval comes before whether there is such a user.
            this.in_sight(&principal, this.store.approval(id).await?).await?;
            let user = this.access.user(&to).await?.ok_or(ApprovalFailure::UnknownUser(to))?;
            let to = Principal::of_library(&user.name, [user.role]).with_email(user.email).voter();
            let voter = principal.voter();
            let change = |approval: &mut Approval| {
                approval.delegate(&voter, &to, this.clock.now())?;
                Ok(Signal::ApprovalDelegated {
                    approval_id: id,
                    from: voter.name.clone(),
                    to: to.name.clone(),
                    comment: comment.clone(),
                })
            };
            this.change(&principal, id, change).await
        };
        self.door.change(by, UseCase::DelegateApproval, delegate).await
    }

    /// The approval, if there is one and the principal may know of it: who may see its execution, and who is asked.
    async fn in_sight(&self, by: &Principal, found: Option<ApprovalRow>) -> Result<ApprovalRow, ApprovalFailure> {
        let row = found.ok_or(ApprovalFailure::NotFound)?;
        let is_in_sight =
            row.approval.asks(&by.voter()) || self.owners.shows(by, row.approval.request().execution_id).await?;
        if is_in_sight { Ok(row) } else { Err(ApprovalFailure::NotFound) }
    }

    /// Reads, changes and writes an approval; anew when someone else was faster, until it is written or refused.
    async fn change(
        &self,
        by: &Principal,
        id: ApprovalId,
        change: impl Fn(&mut Approval) -> Result<Signal, ApprovalError>,
    ) -> Result<ApprovalRow, ApprovalFailure> {
        for _ in 0..MOST_TRIES {
            let mut row = self.in_sight(by, self.store.approval(id).await?).await?;
            audit::about_named(&id, &row.approval.request().title);
            let before = row.approval.revision();
            let signal = change(&mut row.approval)?;
            let approval = row.approval.clone();
            match self.store.change(ApprovalChange { approval, before, signal }).await {
                Ok(()) => {
                    self.engine.nudge(row.approval.request().execution_id);
                    return Ok(row);
                }
                Err(ApprovalStoreError::Stale) => {}
                Err(ApprovalStoreError::Store(error)) => return Err(error.into()),
            }
        }
        Err(StoreError::Unavailable("the approval keeps changing; try again".into()).into())
    }
}

const fn decision_of(ballot: Ballot) -> Decision {
    match ballot {
        Ballot::Approve => Decision::Approved,
        Ballot::Reject => Decision::Rejected,
        Ballot::RequestChanges => Decision::ChangesRequested,
    }
}
