//! Lists for people: filtered, counted and paged by the store.

use std::{fmt, str::FromStr};

use async_trait::async_trait;
use procession_domain::{
    execution::ExecutionStatus,
    value::{Cost, Currency, ExecutionId, Money, ProcessId, ProcessName, Timestamp, Version},
};
use serde_json::Value as Json;
use uuid::Uuid;

use super::StoreError;

/// Which part of a list is asked for.
#[derive(Debug, Clone)]
pub struct Paging {
    /// How many rows at most.
    pub limit: u32,
    /// Where it begins.
    pub start: PageStart,
}

impl Paging {
    /// After how many rows it begins; 0 where that is not told in rows.
    pub const fn offset(&self) -> u64 {
        match self.start {
            PageStart::Offset(offset) => offset,
            PageStart::Cursor(_) => 0,
        }
    }
}

/// Where a page begins.
#[derive(Debug, Clone)]
pub enum PageStart {
    /// After so many rows.
    Offset(u64),
    /// After the row with which the last page ended ([`Page::next_cursor`]).
    Cursor(String),
}

/// The place of a row in a list, which is ordered by a time and then by id. Its text is the cursor that clients see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowPlace {
    /// The time by which the list is ordered.
    pub at: Timestamp,
    /// The row's id.
    pub id: Uuid,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// How many rows the filter leaves in all.
    pub total: u64,
    /// Where the next page begins; `None` at the end.
    pub next_cursor: Option<String>,
}

/// Which executions a list shows; conditions add up.
#[derive(Debug, Clone, Default)]
pub struct ExecutionFilter {
    /// In one of these statuses; empty = all.
    pub statuses: Vec<ExecutionStatus>,
    /// Of this version.
    pub process_id: Option<ProcessId>,
    /// Of this process.
    pub process_name: Option<String>,
    /// Started at or after.
    pub started_after: Option<Timestamp>,
    /// Started before.
    pub started_before: Option<Timestamp>,
    /// Started by this.
    pub triggered_by: Option<String>,
    /// Started by this user.
    pub user: Option<String>,
    /// With this label: `key` or `key=value`.
    pub label: Option<String>,
    /// Whose id begins with this text or has it as its last eight digits, or whose process's name holds it.
    pub text: Option<String>,
    /// Children of this execution.
    pub parent_id: Option<ExecutionId>,
    /// Waiting for this.
    pub waiting_for: Option<Awaited>,
    /// The order.
    pub sort: Sort,
}

/// What lists of executions are narrowed to: of the things that executions wait for, those that someone can do something
/// about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// A person's decision.
    Person,
    /// A sub-process.
    Child,
    /// An operator who paused it.
    Operator,
    /// To be admitted: it has not begun.
    Limit,
}

impl Awaited {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Person, Self::Child, Self::Operator, Self::Limit];

    /// Its name, as what an execution waits for has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Child => "child",
            Self::Operator => "operator",
            Self::Limit => "limit",
        }
    }
}

/// The order of a list of executions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// The newest first.
    #[default]
    Newest,
    /// The oldest first.
    Oldest,
}

/// An execution as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionRow {
    /// Its id.
    pub id: ExecutionId,
    /// The version it runs.
    pub process_id: ProcessId,
    /// The process's name.
    pub process_name: ProcessName,
    /// The version's number.
    pub process_version: Version,
    /// Its status.
    pub status: ExecutionStatus,
    /// Whether it rolls back.
    pub compensating: bool,
    /// Who or what started it.
    pub triggered_by: String,
    /// The user who started it.
    pub user: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it began to run.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// What it cost so far.
    pub cost: Cost,
    /// The execution it repeats.
    pub retry_of: Option<ExecutionId>,
    /// The execution whose step it is.
    pub parent_id: Option<ExecutionId>,
    /// Its labels, as a JSON object.
    pub labels: Json,
    /// When a person looked at its failure and put it aside.
    pub dismissed_at: Option<Timestamp>,
}

/// What the executions of a version have cost together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CostsOfProcess {
    /// How many there are.
    pub executions: u64,
    /// How many have completed.
    pub completed: u64,
    /// How many have cost something, in the currency of the server.
    pub with_cost: u64,
    /// What these have cost together; nothing, if there are none.
    pub total: Money,
    /// What the cheapest of them has cost.
    pub least: Money,
    /// What the most expensive of them has cost.
    pub most: Money,
    /// Whether the cost of all is known.
    pub is_complete: bool,
}

/// How many executions have not ended, by what they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LiveExecutions {
    /// They wait to be admitted.
    pub pending: u64,
    /// A node works on them.
    pub running: u64,
    /// They wait for a time, a child, or their turn at a node.
    pub waiting: u64,
    /// They wait for people only, or an operator paused them.
    pub paused: u64,
}

/// Which of an execution's events are asked for.
#[derive(Debug, Clone, Copy)]
pub struct EventPage {
    /// Skip so many.
    pub offset: u64,
    /// How many at most.
    pub limit: u32,
}

/// A start that was made under an idempotency key which is still kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptStart {
    /// The digest of what was asked.
    pub digest: String,
    /// The execution that it created.
    pub execution_id: ExecutionId,
}

/// Reads for people.
#[async_trait]
pub trait Queries: Send + Sync {
    /// A page of executions.
    async fn executions(&self, filter: &ExecutionFilter, paging: &Paging) -> Result<Page<ExecutionRow>, StoreError>;

    /// The children of an execution, oldest first.
    async fn children(&self, parent: ExecutionId) -> Result<Vec<ExecutionId>, StoreError>;

    /// A part of an execution's events, oldest first.
    async fn events(&self, execution: ExecutionId, page: EventPage) -> Result<Vec<super::StoredEvent>, StoreError>;

    /// What the executions of a version have cost in a currency; of one user if given. Amounts of other currencies are left
    /// out, which makes it incomplete.
    async fn costs_of_process(
        &self,
        process: ProcessId,
        user: Option<&str>,
        currency: Currency,
    ) -> Result<CostsOfProcess, StoreError>;

    /// How many executions are in each status.
    async fn execution_counts(&self) -> Result<Vec<(ExecutionStatus, u64)>, StoreError>;

    /// How many executions have not ended. It takes as long as there are such, however many have ended.
    async fn live_executions(&self) -> Result<LiveExecutions, StoreError>;

    /// The start that was made under an idempotency key ([`super::IdempotencyKey::scope`]) which has not expired.
    async fn started_under(&self, scope: &str, now: Timestamp) -> Result<Option<KeptStart>, StoreError>;

    /// When a person put this execution aside; `None` if nobody did, or if there is none.
    async fn dismissed_at(&self, execution: ExecutionId) -> Result<Option<Timestamp>, StoreError>;

    /// Puts a failed execution aside, or takes that back. `false` if there is no such execution.
    async fn dismiss(&self, execution: ExecutionId, at: Option<Timestamp>) -> Result<bool, StoreError>;
}

impl fmt::Display for RowPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at.as_micros(), self.id)
    }
}

impl FromStr for RowPlace {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let place = text.split_once('.').and_then(|(micros, id)| {
            let at = Timestamp::from_micros(micros.parse().ok()?);
            Some(Self { at, id: Uuid::parse_str(id).ok()? })
        });
        place.ok_or_else(|| StoreError::UnknownCursor(text.chars().take(64).collect()))
    }
}
