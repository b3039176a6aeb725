//! Writing executions as lines.

use std::{collections::HashSet, sync::Arc};

use procession_domain::{
    execution::ExecutionStatus,
    value::{ExecutionId, ProcessId, Timestamp},
};
use serde_json::value::RawValue;

use super::format::{EventLine, ExecutionLine, FORMAT, Head, Line, ProcessLine, ValueLine};
use crate::ports::{
    ApprovalFilter, BlobError, Content, EventPage, ExecutionFilter, PageStart, Paging, Sort, StoreError, Stores,
};

/// How many rows are read at a time.
const AT_ONCE: u32 = 500;

/// Writes executions as lines.
#[derive(Clone)]
pub struct Exporter {
    stores: Stores,
}

/// Which executions are wanted.
#[derive(Debug, Clone, Default)]
pub struct Exported {
    /// Begun at or after this time.
    pub since: Option<Timestamp>,
    /// Of this process.
    pub process: Option<String>,
}

/// Why an export ended.
#[derive(Debug, thiserror::Error)]
pub enum ExportFailure {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The lines can't be written.
    #[error("the export can't be written: {0}")]
    Output(#[from] std::io::Error),
}

impl Exporter {
    /// Of these stores.
    pub const fn new(stores: Stores) -> Self {
        Self { stores }
    }

    /// Writes the ended executions that are wanted, the oldest first, and before each its process if that was not written
    /// yet. How many executions.
    pub async fn write(
        &self,
        wanted: &Exported,
        now: Timestamp,
        mut write: impl FnMut(&str) -> std::io::Result<()>,
    ) -> Result<u64, ExportFailure> {
        write(&text(&Line::Export(Head { format: FORMAT.to_owned(), exported_at: now }))?)?;
        let filter = ExecutionFilter {
            statuses: vec![ExecutionStatus::Completed, ExecutionStatus::Failed, ExecutionStatus::Cancelled],
            process_name: wanted.process.clone(),
            started_after: wanted.since,
            sort: Sort::Oldest,
            ..ExecutionFilter::default()
        };
        let mut told = HashSet::new();
        let mut written = 0;
        let mut start = PageStart::Offset(0);
        loop {
            let page = self.stores.queries.executions(&filter, &Paging { limit: AT_ONCE, start }).await?;
            for row in &page.rows {
                for line in self.lines_besides(row.id, &mut told).await? {
                    write(&line)?;
                }
                written += 1;
            }
            match page.next_cursor {
                Some(cursor) => start = PageStart::Cursor(cursor),
                None => return Ok(written),
            }
        }
    }

    /// How many executions have not ended, and are in no export.
    pub async fn unended(&self) -> Result<u64, StoreError> {
        let live = self.stores.queries.live_executions().await?;
        Ok(live.pending + live.running + live.waiting + live.paused)
    }

    /// The lines of executions as a file of its own.
    pub async fn lines_of(&self, executions: &[ExecutionId], now: Timestamp) -> Result<Vec<String>, StoreError> {
        let mut told = HashSet::new();
        let mut lines = vec![text(&Line::Export(Head { format: FORMAT.to_owned(), exported_at: now }))?];
        for id in executions {
            lines.extend(self.lines_besides(*id, &mut told).await?);
        }
        Ok(lines)
    }

    /// The line of an execution, after that of its process if that is not told yet. Nothing for one that is gone.
    async fn lines_besides(&self, id: ExecutionId, told: &mut HashSet<ProcessId>) -> Result<Vec<String>, StoreError> {
        let Some(execution) = self.execution(id).await? else { return Ok(Vec::new()) };
        let process = execution.creation.process.id;
        let mut lines = Vec::with_capacity(2);
        if told.insert(process)
            && let Some(process) = self.process(process).await?
        {
            lines.push(text(&Line::Process(Box::new(process)))?);
        }
        lines.push(text(&Line::Execution(Box::new(execution)))?);
        Ok(lines)
    }

    async fn process(&self, id: ProcessId) -> Result<Option<ProcessLine>, StoreError> {
        let Some(process) = self.stores.definitions.load(id).await? else { return Ok(None) };
        let fields = process.into_fields();
        Ok(Some(ProcessLine {
            id,
            status: fields.status,
            revision: fields.revision,
            created_by: fields.created_by,
            created_at: fields.created_at,
            updated_at: fields.updated_at,
            published_at: fields.published_at,
            yaml: fields.yaml,
            model: Arc::unwrap_or_clone(fields.definition),
        }))
    }

    async fn execution(&self, id: ExecutionId) -> Result<Option<ExecutionLine>, StoreError> {
        let Some(loaded) = self.stores.executions.load(id).await? else { return Ok(None) };
        let events = self.events(id).await?;
        // A snapshot is needed only where the events alone do not tell the state.
        let is_whole = (1..=loaded.standing.sequence).eq(events.iter().map(|event| event.sequence));
        let created_at = match (&loaded.snapshot, events.first()) {
            (Some(snapshot), _) => snapshot.state.created_at,
            (None, Some(first)) => first.at,
            (None, None) => loaded.standing.updated_at,
        };
        Ok(Some(ExecutionLine {
            id,
            creation: (*loaded.creation).clone(),
            created_at,
            dismissed_at: self.stores.queries.dismissed_at(id).await?,
            state: loaded.snapshot.filter(|_| !is_whole),
            events,
            values: self.values(id).await?,
            approvals: self.approvals(id).await?,
        }))
    }

    async fn events(&self, id: ExecutionId) -> Result<Vec<EventLine>, StoreError> {
        let mut events: Vec<EventLine> = Vec::new();
        loop {
            let page = EventPage { offset: events.last().map_or(0, |last| last.sequence), limit: AT_ONCE };
            let read = self.stores.queries.events(id, page).await?;
            events.extend(read.iter().map(|event| EventLine::of(&event.recorded)));
            if read.len() < AT_ONCE as usize {
                return Ok(events);
            }
        }
    }

    async fn values(&self, id: ExecutionId) -> Result<Vec<ValueLine>, StoreError> {
        let mut values = Vec::new();
        for (hash, content) in self.stores.transfer.values_of(id).await? {
            let text = match content {
                Content::Inline(text) => text.to_string(),
                Content::Blob { key, .. } => match self.stores.blobs.get(&key).await {
                    Ok(bytes) => String::from_utf8(bytes).map_err(|error| unreadable(id, &error))?,
                    Err(BlobError::Missing(_)) => continue,
                    Err(BlobError::Unavailable(error)) => return Err(StoreError::Unavailable(error)),
                },
            };
            let json = RawValue::from_string(text).map_err(|error| unreadable(id, &error))?;
            values.push(ValueLine { hash, json });
        }
        Ok(values)
    }

    async fn approvals(&self, id: ExecutionId) -> Result<Vec<procession_domain::approval::Approval>, StoreError> {
        let filter = ApprovalFilter { execution_id: Some(id), ..ApprovalFilter::default() };
        let mut approvals = Vec::new();
        let mut start = PageStart::Offset(0);
        loop {
            let page = self.stores.approvals.approvals(&filter, &Paging { limit: AT_ONCE, start }).await?;
            approvals.extend(page.rows.into_iter().map(|row| row.approval));
            match page.next_cursor {
                Some(cursor) => start = PageStart::Cursor(cursor),
                None => return Ok(approvals),
            }
        }
    }
}

fn text(line: &Line) -> Result<String, StoreError> {
    serde_json::to_string(line).map_err(|error| StoreError::Corrupt(format!("a line of the export: {error}")))
}

fn unreadable(id: ExecutionId, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("a value of execution {id}: {error}"))
}
