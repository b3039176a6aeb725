//! Use cases of what waits for a person: questions of processes, failures, and agents that are not well (spec 4b 13).
//!
//! Nothing here is stored but what people did with it: it is made of what there is. An answer to an item is the use case
//! that it names: a vote, a retry, putting a failure aside.

use std::{collections::HashMap, sync::Arc, time::Duration as StdDuration};

use procession_domain::{
    approval::{ApprovalStatus, Ballot},
    execution::ExecutionStatus,
    value::{ApprovalId, Duration, ExecutionId, Timestamp},
};

use crate::{
    access::{Forbidden, Principal, UseCase},
    agents::{Agents, AgentsFailure},
    approvals::{ApprovalFailure, ApprovalQuery, Approvals},
    audit,
    door::Door,
    engine::{BreakerState, Engine},
    executions::{ExecutionFailure, Executions, RetryFrom},
    ports::{
        AgentStatus, ApprovalRow, Clock, ExecutionFilter, ExecutionRow, Mark, NoticeMark, NoticeStore, PageStart,
        Paging, Sort, StoreError,
    },
};

/// How many items of a kind are shown at most.
const MOST: u32 = 500;

/// How long the list of agents is waited for before the inbox goes without.
const AGENT_LIST_WAIT: StdDuration = StdDuration::from_secs(2);

/// For how long a mark on an agent's trouble counts: nobody knows when another one begins.
const MARK_OF_AGENT: Duration = Duration::from_secs(86_400);

/// The service for what waits for people.
#[derive(Clone)]
pub struct Inbox {
    approvals: Approvals,
    executions: Executions,
    agents: Agents,
    marks: Arc<dyn NoticeStore>,
    clock: Arc<dyn Clock>,
    engine: Engine,
    door: Door,
}

/// Something that waits for a person, or did.
#[derive(Debug, Clone)]
pub struct InboxItem {
    /// Its id: what it is about says it.
    pub id: String,
    /// What it is about.
    pub subject: Subject,
    /// Since when.
    pub created_at: Timestamp,
    /// What the principal has done with it.
    pub mark: Option<NoticeMark>,
}

/// What an item is about.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A question of a process.
    Approval(Box<ApprovalRow>),
    /// A failed execution that nobody has put aside.
    Failure(Box<ExecutionRow>),
    /// An agent that takes no work.
    Agent {
        /// The agent.
        name: String,
        /// Why, as a sentence.
        reason: String,
    },
}

/// What a person answers to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Vote(Ballot),
    Retry,
    PutAside,
}

/// Why something can't be shown or answered.
#[derive(Debug, thiserror::Error)]
pub enum InboxFailure {
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none with this id, or none that the principal may know of.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// It waits for nobody any more.
    #[error("Cannot respond to item with status 'responded'")]
    Answered,
    /// It takes other answers.
    #[error("the response must be one of {}", .0.join(", "))]
    Response(&'static [&'static str]),
    /// The vote is refused.
    #[error(transparent)]
    Approval(ApprovalFailure),
    /// The execution refuses it.
    #[error(transparent)]
    Execution(ExecutionFailure),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the inbox needs of the rest.
pub(crate) struct InboxParts {
    pub approvals: Approvals,
    pub executions: Executions,
    pub agents: Agents,
    pub marks: Arc<dyn NoticeStore>,
    pub clock: Arc<dyn Clock>,
    pub engine: Engine,
    pub door: Door,
}

impl Inbox {
    /// The service.
    pub(crate) fn new(parts: InboxParts) -> Self {
        let InboxParts { approvals, executions, agents, marks, clock, engine, door } = parts;
        Self { approvals, executions, agents, marks, clock, engine, door }
    }

    /// What waits for the principal, the newest first: questions that ask them, failures that they may see, agents that
    /// take no work.
    pub async fn notices(&self, by: &Principal) -> Result<Vec<InboxItem>, InboxFailure> {
        by.check(UseCase::ReadFrame)?;
        let mut items = self.questions(by, ApprovalStatus::Pending).await?;
        items.extend(self.failures(by).await?);
        items.extend(self.troubles(by).await?);
        self.marked(by, items).await
    }

    /// The same with the questions that were answered.
    pub async fn queue(&self, by: &Principal) -> Result<Vec<InboxItem>, InboxFailure> {
        let mut items = self.notices(by).await?;
        for settled in [ApprovalStatus::Approved, ApprovalStatus::Rejected, ApprovalStatus::ChangesRequested] {
            items.extend(self.questions(by, settled).await?);
        }
        newest_first(&mut items);
        Ok(items)
    }

    /// Notes that the principal has seen a notice or put it aside; others see it as before.
    pub async fn mark(&self, by: &Principal, id: &str, mark: Mark) -> Result<InboxItem, InboxFailure> {
        let (this, principal, id) = (self.clone(), by.clone(), id.to_owned());
        let note = async move {
            audit::about(&id);
            let notices = this.notices(&principal).await?;
            let item = notices.into_iter().find(|item| item.id == id);
            let item = item.ok_or(InboxFailure::NotFound("Notification"))?;
            let mark = NoticeMark { user: principal.name().to_owned(), notice: id, mark, at: this.clock.now() };
            this.marks.mark_notice(&mark).await?;
            Ok(InboxItem { mark: Some(mark), ..item })
        };
        self.door.change(by, UseCase::MarkNotice, note).await
    }

    /// Answers an item: what it is about is decided. The item as it is afterwards.
    pub async fn respond(
        &self,
        by: &Principal,
        id: &str,
        response: &str,
        text: Option<String>,
    ) -> Result<InboxItem, InboxFailure> {
        by.check(UseCase::ReadFrame)?;
        let (this, by, id, response) = (self.clone(), by.clone(), id.to_owned(), response.to_owned());
        // What it does comes in by the door of its own; both parts of it are carried through.
        self.door.carry_through(async move { this.answer(&by, &id, &response, text).await }).await
    }

    async fn answer(
        &self,
        by: &Principal,
        id: &str,
        response: &str,
        text: Option<String>,
    ) -> Result<InboxItem, InboxFailure> {
        let missing = InboxFailure::NotFound("Queue item");
        let found = self.queue(by).await?.into_iter().find(|item| item.id == id);
        let mut item = found.ok_or(missing)?;
        if let Subject::Approval(row) = &item.subject
            && row.approval.status() != ApprovalStatus::Pending
        {
            return Err(InboxFailure::Answered);
        }
        let answer = item.subject.read(response)?;
        match &mut item.subject {
            Subject::Approval(row) => {
                if let Answer::Vote(ballot) = answer {
                    let voted = self.approvals.vote(by, row.approval.id(), ballot, text).await;
                    **row = voted.map_err(InboxFailure::Approval)?;
                }
            }
            Subject::Failure(row) => {
                if answer == Answer::Retry {
                    let retried = self.executions.retry(by, row.id, RetryFrom::Failed).await;
                    retried.map_err(InboxFailure::Execution)?;
                }
                let aside = self.executions.dismiss(by, row.id, true).await;
                aside.map_err(InboxFailure::Execution)?;
                row.dismissed_at = Some(self.clock.now());
            }
            Subject::Agent { .. } => return self.mark(by, id, Mark::Acknowledged).await,
        }
        Ok(item)
    }

    /// Questions in a status that ask the principal.
    async fn questions(&self, by: &Principal, status: ApprovalStatus) -> Result<Vec<InboxItem>, InboxFailure> {
        if by.check(UseCase::ListApprovals).is_err() {
            return Ok(Vec::new());
        }
        let voter = by.voter();
        let query = || ApprovalQuery { status: Some(status), ..ApprovalQuery::default() };
        let page = async |offset| {
            let paging = Paging { limit: MOST, start: PageStart::Offset(offset) };
            self.approvals.list(by, query(), &paging).await.map_err(InboxFailure::Approval)
        };
        let mut listed = page(0).await?;
        // They are listed oldest first.
        if listed.total > u64::from(MOST) {
            listed = page(listed.total - u64::from(MOST)).await?;
        }
        let asking = listed.rows.into_iter().filter(|row| row.approval.asks(&voter) && !row.approval.bars(&voter));
        let item = |row: ApprovalRow| InboxItem {
            id: format!("approval-{}", row.approval.id()),
            created_at: row.approval.request().created_at,
            subject: Subject::Approval(Box::new(row)),
            mark: None,
        };
        Ok(asking.map(item).collect())
    }

    async fn failures(&self, by: &Principal) -> Result<Vec<InboxItem>, InboxFailure> {
        if by.check(UseCase::ListExecutions).is_err() {
            return Ok(Vec::new());
        }
        let filter = ExecutionFilter {
            statuses: vec![ExecutionStatus::Failed],
            sort: Sort::Newest,
            ..ExecutionFilter::default()
        };
        let paging = Paging { limit: MOST, start: PageStart::Offset(0) };
        let page = self.executions.list(by, &filter, &paging).await.map_err(InboxFailure::Execution)?;
        // A sub-process's failure is its parent's.
        let open = page.rows.into_iter().filter(|row| row.dismissed_at.is_none() && row.parent_id.is_none());
        let item = |row: ExecutionRow| InboxItem {
            id: format!("failure-{}", row.id),
            created_at: row.completed_at.unwrap_or(row.created_at),
            subject: Subject::Failure(Box::new(row)),
            mark: None,
        };
        Ok(open.map(item).collect())
    }

    async fn troubles(&self, by: &Principal) -> Result<Vec<InboxItem>, InboxFailure> {
        let since = self.engine.recovery_report().started_at;
        let mut troubles = Vec::new();
        let listed = tokio::time::timeout(AGENT_LIST_WAIT, self.agents.list(by)).await;
        for agent in listed.map_err(|_| ()).and_then(|listed| listed.map_err(|_: AgentsFailure| ())).unwrap_or_default()
        {
            if agent.status == AgentStatus::Stopped {
                let reason = agent.reason.unwrap_or_else(|| "it takes no work at the moment".to_owned());
                let id = format!("agent-{}", agent.name);
                troubles.push(InboxItem::of_agent(id, agent.name, reason, since));
            }
        }
        for (name, load) in self.engine.agent_loads() {
            if let BreakerState::Open { until } = load.breaker {
                let reason = format!("it failed several times in a row and is left alone until {until}");
                // Each opening of the breaker is another one.
                let id = format!("breaker-{}-{name}", until.as_micros());
                troubles.push(InboxItem::of_agent(id, name, reason, self.clock.now()));
            }
        }
        Ok(troubles)
    }

    async fn marked(&self, by: &Principal, mut items: Vec<InboxItem>) -> Result<Vec<InboxItem>, InboxFailure> {
        let marks = self.marks.notice_marks(by.name()).await?;
        let mut marks: HashMap<String, NoticeMark> =
            marks.into_iter().map(|mark| (mark.notice.clone(), mark)).collect();
        let now = self.clock.now();
        for item in &mut items {
            let is_lasting = |mark: &NoticeMark| match item.subject {
                Subject::Agent { .. } => mark.at.saturating_add(MARK_OF_AGENT) > now,
                Subject::Approval(_) | Subject::Failure(_) => true,
            };
            item.mark = marks.remove(&item.id).filter(is_lasting);
        }
        newest_first(&mut items);
        Ok(items)
    }
}

impl InboxItem {
    const fn of_agent(id: String, name: String, reason: String, created_at: Timestamp) -> Self {
        Self { id, subject: Subject::Agent { name, reason }, created_at, mark: None }
    }

    /// The approval that it asks about.
    pub fn approval_id(&self) -> Option<ApprovalId> {
        match &self.subject {
            Subject::Approval(row) => Some(row.approval.id()),
            Subject::Failure(_) | Subject::Agent { .. } => None,
        }
    }

    /// The execution that it is about.
    pub fn execution_id(&self) -> Option<ExecutionId> {
        match &self.subject {
            Subject::Approval(row) => Some(row.approval.request().execution_id),
            Subject::Failure(row) => Some(row.id),
            Subject::Agent { .. } => None,
        }
    }
}

impl Subject {
    /// The answers that it takes.
    pub const fn options(&self) -> &'static [&'static str] {
        match self {
            Self::Approval(_) => &["approve", "reject", "request_changes"],
            Self::Failure(_) => &["retry", "dismiss"],
            Self::Agent { .. } => &["acknowledge"],
        }
    }

    /// What a response means: one of the options, or what it is called once it was given.
    fn read(&self, response: &str) -> Result<Answer, InboxFailure> {
        let word = response.trim().to_lowercase().replace([' ', '-'], "_");
        let answer = match (self, word.as_str()) {
            (Self::Approval(_), "approve" | "approved") => Some(Answer::Vote(Ballot::Approve)),
            (Self::Approval(_), "reject" | "rejected") => Some(Answer::Vote(Ballot::Reject)),
            (Self::Approval(_), "request_changes" | "changes_requested") => Some(Answer::Vote(Ballot::RequestChanges)),
            (Self::Failure(_), "retry") => Some(Answer::Retry),
            (Self::Failure(_) | Self::Agent { .. }, "dismiss" | "acknowledge") => Some(Answer::PutAside),
            _ => None,
        };
        answer.ok_or_else(|| InboxFailure::Response(self.options()))
    }
}

fn newest_first(items: &mut [InboxItem]) {
    items.sort_by(|one, other| (other.created_at, &one.id).cmp(&(one.created_at, &other.id)));
}
