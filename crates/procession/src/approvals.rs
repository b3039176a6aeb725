//! Approvals that the program decides: a function sees every open one before people do.

use std::{collections::HashSet, panic::AssertUnwindSafe, sync::Arc};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use procession_application::{
    Application,
    access::Principal,
    approvals::{ApprovalFailure, ApprovalQuery},
    events::Subscription,
    ports::{ApprovalRow, FeedError, PageStart, Paging, StoredEvent},
};
use procession_domain::{
    approval::{ApprovalError, ApprovalStatus, Ballot},
    event::{ApprovalEvent, Event},
    value::{ApprovalId, ExecutionId, StepId, Timestamp},
};

/// How many open approvals are read at a time.
const PAGE: u32 = 100;

/// An open question of a process.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval(ApprovalRow);

/// What the program says to an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Approve,
    /// No, for this reason.
    Reject(String),
    /// Not yet: this is to change first.
    RequestChanges(String),
    /// People decide.
    LeaveToPeople,
}

impl Approval {
    /// Its id.
    pub const fn id(&self) -> ApprovalId {
        self.0.approval.id()
    }

    /// The process that asks.
    pub fn process(&self) -> &str {
        self.0.process_name.as_str()
    }

    /// The execution that waits.
    pub const fn execution(&self) -> ExecutionId {
        self.0.approval.request().execution_id
    }

    /// The step that asks; `_budget` for a spent budget.
    pub const fn step(&self) -> &StepId {
        &self.0.approval.request().step_id
    }

    /// What is to be decided.
    pub fn title(&self) -> &str {
        &self.0.approval.request().title
    }

    /// Details; may be empty.
    pub fn description(&self) -> &str {
        &self.0.approval.request().description
    }

    /// Links or outputs to look at.
    pub fn artifacts(&self) -> &[String] {
        &self.0.approval.request().artifacts
    }

    /// Whom the process asks: user names, e-mail addresses, `role:NAME`.
    pub fn assignees(&self) -> &[String] {
        &self.0.approval.request().assignees
    }

    /// Until when.
    pub const fn deadline(&self) -> Option<Timestamp> {
        self.0.approval.request().deadline
    }
}

type Decide = Arc<dyn Fn(Approval) -> BoxFuture<'static, Decision> + Send + Sync>;

/// The program's own judgement.
#[derive(Clone)]
pub(crate) struct Judge(Decide);

impl Judge {
    pub fn new<F, D>(decide: F) -> Self
    where
        F: Fn(Approval) -> D + Send + Sync + 'static,
        D: Future<Output = Decision> + Send + 'static,
    {
        Self(Arc::new(move |approval| decide(approval).boxed()))
    }

    /// Judges every approval that is open or will be, until the store closes. `live` was subscribed before anything ran.
    pub async fn sit(self, application: Application, mut live: Subscription) {
        let system = Principal::system();
        // Those that are being judged, and those that were left to people.
        let mut known = HashSet::new();
        let mut judging = FuturesUnordered::new();
        let mut asked = self.open_approvals(&application, &system).await;
        loop {
            for row in asked.drain(..) {
                if known.insert(row.approval.id()) {
                    judging.push(self.judge(&application, &system, row));
                }
            }
            let has_missed = tokio::select! {
                Some((id, is_left)) = judging.next() => {
                    if !is_left {
                        known.remove(&id);
                    }
                    false
                }
                told = live.next() => match told {
                    Ok(told) => {
                        for event in application.events.visible(&system, &told, asks) {
                            asked.extend(self.asked_by(&application, &system, event).await);
                        }
                        false
                    }
                    Err(FeedError::Lagged(_)) => true,
                    Err(FeedError::Closed) => return,
                },
            };
            if has_missed {
                asked = self.open_approvals(&application, &system).await;
                known.retain(|id| asked.iter().any(|row| row.approval.id() == *id));
            }
        }
    }

    /// Decides about one. Which it was, and whether it is left to people.
    async fn judge(&self, application: &Application, by: &Principal, row: ApprovalRow) -> (ApprovalId, bool) {
        let id = row.approval.id();
        let decided = AssertUnwindSafe(async { (self.0)(Approval(row)).await }).catch_unwind().await;
        let (ballot, comment) = match decided {
            Ok(Decision::Approve) => (Ballot::Approve, None),
            Ok(Decision::Reject(why)) => (Ballot::Reject, Some(why)),
            Ok(Decision::RequestChanges(what)) => (Ballot::RequestChanges, Some(what)),
            Ok(Decision::LeaveToPeople) => return (id, true),
            Err(_) => {
                tracing::error!(approval = %id, "the function that decides approvals panicked; people decide this one");
                return (id, true);
            }
        };
        match application.approvals.vote(by, id, ballot, comment).await {
            // Where several must approve, the program has one voice, and people have the others.
            Ok(row) => (id, row.approval.status() == ApprovalStatus::Pending),
            // Whoever was faster has decided.
            Err(ApprovalFailure::Refused(ApprovalError::Settled(_) | ApprovalError::TooLate)) => (id, false),
            Err(error) => {
                tracing::error!(approval = %id, %error, "an approval could not be decided; people may");
                (id, true)
            }
        }
    }

    async fn asked_by(&self, application: &Application, by: &Principal, event: &StoredEvent) -> Option<ApprovalRow> {
        let Event::Approval(_, approval_id, ApprovalEvent::Requested { .. }) = event.event() else { return None };
        let row = application.approvals.get(by, *approval_id).await.ok()?;
        (row.approval.status() == ApprovalStatus::Pending).then_some(row)
    }

    async fn open_approvals(&self, application: &Application, by: &Principal) -> Vec<ApprovalRow> {
        let query = ApprovalQuery { status: Some(ApprovalStatus::Pending), ..ApprovalQuery::default() };
        let mut start = PageStart::Offset(0);
        let mut rows = Vec::new();
        loop {
            match application.approvals.list(by, query.clone(), &Paging { limit: PAGE, start }).await {
                Ok(page) => {
                    rows.extend(page.rows);
                    match page.next_cursor {
                        Some(cursor) => start = PageStart::Cursor(cursor),
                        None => return rows,
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "open approvals can't be read; those that are asked from now on are decided");
                    return rows;
                }
            }
        }
    }
}

fn asks(event: &StoredEvent) -> bool {
    matches!(event.event(), Event::Approval(_, _, ApprovalEvent::Requested { .. }))
}
