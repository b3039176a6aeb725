//! Deciding by a link that was sent to one person for one request: who has it need not log in.

use procession_domain::approval::{ApprovalStatus, Ballot};

use super::{ApprovalFailure, Approvals};
use crate::{
    access::{Principal, Via},
    deliveries::{DecisionToken, person},
    ports::{ApprovalRow, Origin},
};

/// A request as who has a link to it sees it.
#[derive(Debug, Clone)]
pub struct LinkedApproval {
    /// The request.
    pub row: ApprovalRow,
    /// For whom the link is.
    pub person: String,
    /// Whether it can be decided by the link.
    pub standing: LinkStanding,
}

/// Whether a request can be decided by a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkStanding {
    /// It can.
    Open,
    /// The person has voted; a link works once.
    Voted,
    /// The request is settled.
    Settled(ApprovalStatus),
    /// Its deadline has passed.
    Late,
    /// Somebody else is asked now.
    PassedOn,
}

impl Approvals {
    /// What a link leads to. It changes nothing.
    pub async fn by_link(&self, link: &str) -> Result<LinkedApproval, ApprovalFailure> {
        let (token, principal) = self.who_has(link).await?;
        let row = self.store.approval(token.approval_id).await?.ok_or(ApprovalFailure::NotFound)?;
        let (approval, name) = (&row.approval, principal.name().to_owned());
        let is_late = approval.request().deadline.is_some_and(|deadline| deadline <= self.clock.now());
        let standing = match approval.status() {
            _ if approval.votes().iter().any(|vote| vote.by == name) => LinkStanding::Voted,
            ApprovalStatus::Pending if is_late => LinkStanding::Late,
            ApprovalStatus::Pending if !approval.waits_for(&principal.voter()) => LinkStanding::PassedOn,
            ApprovalStatus::Pending => LinkStanding::Open,
            settled => LinkStanding::Settled(settled),
        };
        Ok(LinkedApproval { row, person: name, standing })
    }

    /// Votes by a link, for the person for whom it is.
    pub async fn vote_by_link(
        &self,
        link: &str,
        ballot: Ballot,
        comment: Option<String>,
        origin: Origin,
    ) -> Result<ApprovalRow, ApprovalFailure> {
        let (token, principal) = self.who_has(link).await?;
        self.vote(&principal.coming_from(origin), token.approval_id, ballot, comment).await
    }

    /// What a link says, and the person for whom it is.
    async fn who_has(&self, link: &str) -> Result<(DecisionToken, Principal), ApprovalFailure> {
        let token = self.links.read(link).ok_or(ApprovalFailure::NotFound)?;
        let person = person(&*self.access, &token.person).await?.ok_or(ApprovalFailure::NotFound)?;
        Ok((token, person.by(Via::Link)))
    }
}
