//! The port of executions: reading here, writing through the writer.

use std::sync::Arc;

use async_trait::async_trait;
use procession_application::ports::{
    Claim, ClaimRequest, Commit, CommitError, Committed, Content, ExecutionStore, InboxRow, Lease, Loaded, SignalError,
    Start, StartError, Started, StoreError,
};
use procession_domain::{
    event::Creation,
    execution::{ExecutionState, Signal},
    value::{ExecutionId, Timestamp},
};
use sqlx::{Row, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{
    SqliteStore,
    claims::{ClaimOne, ClaimSome, owned_and_due},
    codec::{json, ledger},
    error::Failure,
    leases::{Join, Leave, Renew, Sweep},
    signals::Send,
};

#[async_trait]
impl ExecutionStore for SqliteStore {
    async fn start(&self, start: Start) -> Result<Started, StartError> {
        self.writer.start(start).await
    }

    async fn load(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        Ok(self.read_execution(id).await?)
    }

    async fn inbox(&self, id: ExecutionId, after: i64) -> Result<Vec<InboxRow>, StoreError> {
        Ok(self.read_inbox(id, after).await?)
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        self.writer.commit(commit).await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, StoreError> {
        self.writer.change(ClaimSome(request)).await
    }

    async fn claim_one(&self, lease: Lease, id: ExecutionId, _now: Timestamp) -> Result<bool, StoreError> {
        self.writer.change(ClaimOne { lease, id }).await
    }

    async fn owned_and_due(&self, lease: Lease, now: Timestamp) -> Result<Vec<ExecutionId>, StoreError> {
        let mut connection = self.readers.acquire().await.map_err(Failure::from)?;
        Ok(owned_and_due(lease, now, &mut connection).await?)
    }

    async fn next_attention(&self) -> Result<Option<Timestamp>, StoreError> {
        const READ: &str = "
            SELECT min(attention_at) FROM process_executions WHERE owner IS NULL AND attention_at IS NOT NULL";
        Ok(self.read_time(READ).await?)
    }

    async fn signal(&self, to: ExecutionId, signal: Signal, now: Timestamp) -> Result<(), SignalError> {
        self.writer.change(Send { to, signal, now }).await?
    }

    async fn value(&self, id: ExecutionId, key: &str) -> Result<Option<Content>, StoreError> {
        Ok(self.read_value(id, key).await?)
    }

    async fn join(&self, node: Uuid, _now: Timestamp, until: Timestamp) -> Result<Lease, StoreError> {
        self.writer.change(Join { node, until }).await
    }

    async fn renew(&self, lease: Lease, until: Timestamp) -> Result<bool, StoreError> {
        self.writer.change(Renew { lease, until }).await
    }

    async fn leave(&self, lease: Lease) -> Result<(), StoreError> {
        self.writer.change(Leave(lease)).await
    }

    async fn newest_event_time(&self) -> Result<Option<Timestamp>, StoreError> {
        // Events of one moment may have come in another order than their times; not much apart.
        const READ: &str = "
            SELECT max(at) FROM (SELECT at FROM execution_events ORDER BY id DESC LIMIT 10000)";
        Ok(self.read_time(READ).await?)
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.writer.change(Sweep(now)).await
    }
}

impl SqliteStore {
    /// Reads an execution in one statement, so that all of it is of one moment.
    async fn read_execution(&self, id: ExecutionId) -> Result<Option<Loaded>, Failure> {
        const READ: &str = "
            SELECT 'execution' AS kind, creation AS name, state AS content, 0 AS number,
                   spent_nanos, limit_nanos, currency, action
            FROM process_executions
            LEFT JOIN budgets ON budgets.root_id = process_executions.root_id
            WHERE id = ?1
            UNION ALL
            SELECT 'step', step_id, state, 0, NULL, NULL, NULL, NULL
            FROM step_executions
            WHERE execution_id = ?1
            UNION ALL
            SELECT 'signal', NULL, signal, number, NULL, NULL, NULL, NULL
            FROM execution_inbox
            WHERE execution_id = ?1";
        let rows = sqlx::query(READ).bind(id.to_string()).fetch_all(&self.readers).await?;
        let mut loaded: Option<Loaded> = None;
        let mut steps = Vec::new();
        let mut inbox = Vec::new();
        for row in &rows {
            match row.try_get("kind")? {
                "execution" => loaded = Some(loaded_from(row)?),
                "step" => steps.push((step_id(row)?, json(row, "content")?)),
                _ => inbox.push(InboxRow { number: row.try_get("number")?, signal: json(row, "content")? }),
            }
        }
        inbox.sort_by_key(|row| row.number);
        Ok(loaded.map(|loaded| Loaded { steps, inbox, ..loaded }))
    }

    async fn read_inbox(&self, id: ExecutionId, after: i64) -> Result<Vec<InboxRow>, Failure> {
        const READ: &str = "
            SELECT number, signal FROM execution_inbox WHERE execution_id = ?1 AND number > ?2 ORDER BY number";
        let rows = sqlx::query(READ).bind(id.to_string()).bind(after).fetch_all(&self.readers).await?;
        let inbox_row = |row: &SqliteRow| Ok(InboxRow { number: row.try_get("number")?, signal: json(row, "signal")? });
        rows.iter().map(inbox_row).collect()
    }

    async fn read_value(&self, id: ExecutionId, key: &str) -> Result<Option<Content>, Failure> {
        const READ: &str = "SELECT content FROM execution_values WHERE execution_id = ?1 AND key = ?2";
        let row = sqlx::query(READ).bind(id.to_string()).bind(key.to_owned()).fetch_optional(&self.readers).await?;
        let Some(row) = row else { return Ok(None) };
        let content: Option<&str> = row.try_get("content")?;
        Ok(Some(content.map_or(Content::Blob, |text| Content::Inline(text.into()))))
    }

    async fn read_time(&self, query: &'static str) -> Result<Option<Timestamp>, Failure> {
        let micros: Option<i64> = sqlx::query_scalar(query).fetch_one(&self.readers).await?;
        Ok(micros.map(Timestamp::from_micros))
    }
}

fn loaded_from(row: &SqliteRow) -> Result<Loaded, Failure> {
    let creation: Creation = json(row, "name")?;
    let state: ExecutionState = json(row, "content")?;
    Ok(Loaded { creation: Arc::new(creation), state, steps: Vec::new(), inbox: Vec::new(), ledger: ledger(row)? })
}

fn step_id(row: &SqliteRow) -> Result<procession_domain::value::StepId, Failure> {
    let text: &str = row.try_get("name")?;
    procession_domain::value::StepId::new(text).map_err(|error| Failure::corrupt(error.to_string()))
}
