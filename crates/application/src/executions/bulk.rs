//! One action for many executions, each on its own: what one refuses does not keep it from the others.

use futures::{StreamExt, stream};
use procession_domain::{
    execution::{ExecutionStatus, Signal},
    value::ExecutionId,
};

use super::{Command, ExecutionFailure, Executions, RetryFrom};
use crate::{
    access::{Principal, UseCase},
    ports::{ExecutionFilter, PageStart, Paging},
};

/// How many executions can be acted on at once.
pub const MOST_IN_BULK: usize = 1_000;

/// How many of them are acted on beside each other.
const BESIDE: usize = 16;

/// How many executions are listed at a time.
const PAGE: u32 = 500;

/// What is done with each execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkAction {
    /// End it.
    Cancel,
    /// Repeat it.
    Retry(RetryFrom),
    /// Put its failure aside.
    Dismiss,
}

/// What became of one execution.
#[derive(Debug)]
pub struct BulkResult {
    /// The execution.
    pub id: ExecutionId,
    /// What was done, as a sentence, or what would be; or why not.
    pub outcome: Result<String, ExecutionFailure>,
}

impl BulkAction {
    const fn use_case(self) -> UseCase {
        match self {
            Self::Cancel => UseCase::CancelExecution,
            Self::Retry(_) => UseCase::RetryExecution,
            Self::Dismiss => UseCase::DismissExecution,
        }
    }
}

impl Executions {
    /// The executions that a filter leaves, the newest first, of those that the principal may see: how many, and the ids
    /// of the first [`MOST_IN_BULK`].
    pub async fn matching(
        &self,
        by: &Principal,
        filter: &ExecutionFilter,
    ) -> Result<(u64, Vec<ExecutionId>), ExecutionFailure> {
        let mut ids = Vec::new();
        let mut start = PageStart::Offset(0);
        let mut matched = None;
        loop {
            let page = self.list(by, filter, &Paging { limit: PAGE, start }).await?;
            let matched = *matched.get_or_insert(page.total);
            ids.extend(page.rows.iter().map(|row| row.id));
            match page.next_cursor {
                Some(cursor) if ids.len() < MOST_IN_BULK => start = PageStart::Cursor(cursor),
                Some(_) | None => {
                    ids.truncate(MOST_IN_BULK);
                    return Ok((matched, ids));
                }
            }
        }
    }

    /// Does the same with each of these executions, or says what that would do.
    pub async fn bulk(
        &self,
        by: &Principal,
        action: BulkAction,
        ids: Vec<ExecutionId>,
        is_dry: bool,
    ) -> Result<Vec<BulkResult>, ExecutionFailure> {
        self.door.look_at(by, action.use_case())?;
        let one = async |id| {
            let outcome = if is_dry { self.would_act(by, action, id).await } else { self.act(by, action, id).await };
            BulkResult { id, outcome }
        };
        Ok(stream::iter(ids).map(one).buffered(BESIDE).collect().await)
    }

    async fn act(&self, by: &Principal, action: BulkAction, id: ExecutionId) -> Result<String, ExecutionFailure> {
        match action {
            BulkAction::Cancel => {
                let outcome = self.command(by, id, Command::Cancel { reason: None, compensate: false }).await?;
                let is_done = outcome.pending.is_none();
                Ok(if is_done { "It is cancelled" } else { "It is being cancelled" }.to_owned())
            }
            BulkAction::Retry(from) => {
                let outcome = self.retry(by, id, from).await?;
                Ok(format!("It is retried as {}", outcome.execution.id()))
            }
            BulkAction::Dismiss => {
                self.dismiss(by, id, true).await?;
                Ok("Its failure is put aside".to_owned())
            }
        }
    }

    async fn would_act(&self, by: &Principal, action: BulkAction, id: ExecutionId) -> Result<String, ExecutionFailure> {
        let execution = self.in_sight(by, id).await?;
        match action {
            BulkAction::Cancel => {
                let by = by.name().to_owned();
                execution.check_command(&Signal::Cancel { by, reason: None, compensate: false })?;
                Ok("It would be cancelled".to_owned())
            }
            BulkAction::Retry(_) => {
                execution.check_retry()?;
                Ok("It would be retried".to_owned())
            }
            BulkAction::Dismiss if execution.status() == ExecutionStatus::Failed => {
                Ok("Its failure would be put aside".to_owned())
            }
            BulkAction::Dismiss => Err(ExecutionFailure::NotFailed(execution.status())),
        }
    }
}
