//! Finding a task by its correlation line, among an agent's recent executions.

use procession_application::ports::{AgentFailure, AgentTask};
use procession_domain::value::Duration;

use super::{
    Platform,
    answers::{ExecutionRow, Progress},
    calls::correlation_line,
    classify::{Trouble, failed_execution},
};

/// Which task is looked for.
pub(super) struct Lookup {
    agent: String,
    line: String,
}

/// Whether it is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Under this id.
    Execution(String),
    /// The platform never took it.
    Nothing,
}

impl Lookup {
    pub(super) fn of(task: &AgentTask) -> Self {
        Self::by_key(&task.agent, &task.key)
    }

    pub(super) fn by_key(agent: &str, key: &str) -> Self {
        Self { agent: agent.to_owned(), line: correlation_line(key) }
    }
}

impl Platform {
    /// Looks until the platform has answered and either shows the task, or has not shown it over the grace time; at
    /// most for `patience` while it does not answer.
    pub(super) async fn look_up(&self, lookup: &Lookup, patience: Duration) -> Result<Found, AgentFailure> {
        let give_up_at = self.clock.now().saturating_add(patience);
        let mut first_miss = None;
        let mut refused_since = None;
        let pace = self.pace();
        loop {
            match self.look_once(lookup).await {
                Ok(Found::Execution(id)) => return Ok(Found::Execution(id)),
                Ok(Found::Nothing) => {
                    self.key_works();
                    refused_since = None;
                    let since = *first_miss.get_or_insert_with(|| self.clock.now());
                    if self.clock.now() >= since.saturating_add(self.settings.grace) {
                        return Ok(Found::Nothing);
                    }
                }
                Err(trouble @ Trouble::KeyOrBackend(_)) => {
                    let since = *refused_since.get_or_insert_with(|| self.clock.now());
                    if self.clock.now() >= since.saturating_add(self.settings.key_patience) {
                        return Err(self.failure(trouble));
                    }
                }
                Err(trouble) if trouble.is_permanent() => return Err(self.failure(trouble)),
                Err(trouble) if self.clock.now() >= give_up_at => return Err(self.failure(trouble)),
                Err(trouble) => tracing::debug!(?trouble, "the platform's executions can't be listed yet"),
            }
            pace.pause().await;
        }
    }

    /// One look. A row that was only refused for want of room is not the task: it never ran.
    async fn look_once(&self, lookup: &Lookup) -> Result<Found, Trouble> {
        let rows = self.calls.recent(&lookup.agent).await?;
        let mut rows: Vec<ExecutionRow> = rows.into_iter().filter(|row| row.ends_in(&lookup.line)).collect();
        // What runs or has succeeded comes before what failed; within each the order of the platform, newest first.
        rows.sort_by_key(|row| match row.progress() {
            Progress::Success => 0,
            Progress::Running => 1,
            Progress::Failed | Progress::Cancelled | Progress::Skipped => 2,
        });
        for row in rows {
            if row.progress() != Progress::Failed {
                return Ok(Found::Execution(row.id));
            }
            let result = self.calls.result(&lookup.agent, &row.id, false).await?;
            if !matches!(failed_execution(result.error.as_deref().unwrap_or_default()), Trouble::Busy(_)) {
                return Ok(Found::Execution(row.id));
            }
        }
        Ok(Found::Nothing)
    }
}
