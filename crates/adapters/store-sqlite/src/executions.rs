//! The port of executions: reading here, writing through the writer.

use std::sync::Arc;

use async_trait::async_trait;
use procession_application::ports::{
    Claim, ClaimRequest, Commit, CommitError, Committed, Content, ExecutionStore, InboxRow, Lease, Loaded, SignalError,
    Start, StartError, Started, StoreError, WorkScope,
};
use procession_domain::{
    event::{Creation, Event, ProcessEvent, Recorded},
    execution::{Ledger, Signal, Standing},
    value::{ContentHash, Cost, ExecutionId, Money, ProcessName, StepId, Timestamp},
};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{
    SqliteStore,
    claims::{ClaimOne, ClaimSome},
    codec::{blob, column, count, ids_as_json, json, ledger, money, phase_of, status_of, time, time_if_any, uuid},
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
        let mut connection = self.readers.acquire().await.map_err(Failure::from)?;
        Ok(read_inbox(id, after, &mut connection).await?)
    }

    async fn commit(&self, commit: Arc<Commit>) -> Result<Committed, CommitError> {
        self.writer.commit(commit).await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, StoreError> {
        self.writer.change(ClaimSome(request)).await
    }

    async fn claim_one(&self, lease: Lease, id: ExecutionId, _now: Timestamp) -> Result<bool, StoreError> {
        self.writer.change(ClaimOne { lease, id }).await
    }

    async fn owned_and_due(&self, lease: Lease, now: Timestamp) -> Result<Vec<ExecutionId>, StoreError> {
        Ok(self.read_owned(lease, Some(now)).await?)
    }

    async fn owned(&self, lease: Lease) -> Result<Vec<ExecutionId>, StoreError> {
        Ok(self.read_owned(lease, None).await?)
    }

    async fn ledger(&self, id: ExecutionId) -> Result<Option<Ledger>, StoreError> {
        Ok(self.read_ledger(id).await?)
    }

    async fn step_costs(&self, process: &ProcessName, step: &StepId, limit: u32) -> Result<Vec<Money>, StoreError> {
        Ok(self.read_step_costs(process, step, limit).await?)
    }

    async fn next_attention(&self, scope: &WorkScope) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.read_next_attention(scope).await?)
    }

    async fn signal(&self, to: ExecutionId, signal: Signal, now: Timestamp) -> Result<(), SignalError> {
        self.writer.change(Send { to, signal, now }).await?
    }

    async fn value(&self, id: ExecutionId, hash: ContentHash) -> Result<Option<Content>, StoreError> {
        Ok(self.read_value(id, hash).await?)
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
    /// Reads an execution in one transaction, so that all of it is of one moment.
    async fn read_execution(&self, id: ExecutionId) -> Result<Option<Loaded>, Failure> {
        const READ: &str = "
            SELECT execution.key, creation, last_sequence, updated_at, status, phase, started_at, completed_at,
                   cost_nanos, cost_currency, cost_complete, snapshot.sequence AS known, snapshot,
                   spent_nanos, reserved_nanos, limit_nanos, currency, action
            FROM process_executions AS execution
            LEFT JOIN execution_snapshots AS snapshot ON snapshot.execution = execution.key
            LEFT JOIN budgets ON budgets.root = execution.root
            WHERE execution.id = ?1";
        let mut transaction = self.readers.begin().await?;
        let row = sqlx::query(READ).bind(blob(id.uuid())).fetch_optional(&mut *transaction).await?;
        let Some(row) = row else { return Ok(None) };
        let creation: Arc<Creation> = Arc::new(json(&row, "creation")?);
        let known: Option<i64> = row.try_get("known")?;
        let events = read_history(row.try_get("key")?, known.unwrap_or(0), &creation, &mut transaction).await?;
        let inbox = read_inbox(id, 0, &mut transaction).await?;
        transaction.commit().await?;
        Ok(Some(Loaded {
            id,
            creation,
            standing: standing(&row)?,
            snapshot: known.map(|_| json(&row, "snapshot")).transpose()?,
            events,
            inbox,
            ledger: ledger(&row)?,
        }))
    }

    async fn read_owned(&self, lease: Lease, due: Option<Timestamp>) -> Result<Vec<ExecutionId>, Failure> {
        const READ: &str = "
            SELECT execution.id
            FROM nodes
            JOIN process_executions AS execution ON execution.owner = nodes.key AND execution.owner_epoch = ?2
            WHERE nodes.id = ?1 AND (?3 IS NULL OR attention_at <= ?3)
            ORDER BY attention_at, execution.id";
        let rows = sqlx::query(READ)
            .bind(blob(lease.node))
            .bind(column(lease.epoch))
            .bind(due.map(Timestamp::as_micros))
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|row| Ok(ExecutionId::new(uuid(row, "id")?))).collect()
    }

    async fn read_ledger(&self, id: ExecutionId) -> Result<Option<Ledger>, Failure> {
        const READ: &str = "
            SELECT spent_nanos, reserved_nanos, limit_nanos, currency, action
            FROM process_executions AS execution
            JOIN budgets ON budgets.root = execution.root
            WHERE execution.id = ?1";
        let row = sqlx::query(READ).bind(blob(id.uuid())).fetch_optional(&self.readers).await?;
        row.map_or(Ok(None), |row| ledger(&row))
    }

    async fn read_step_costs(&self, process: &ProcessName, step: &StepId, limit: u32) -> Result<Vec<Money>, Failure> {
        const READ: &str = "
            SELECT nanos, currency
            FROM step_costs
            WHERE name = (SELECT key FROM process_names WHERE name = ?1) AND step = ?2
            ORDER BY event DESC
            LIMIT ?3";
        let rows = sqlx::query(READ)
            .bind(process.as_str().to_owned())
            .bind(step.as_str().to_owned())
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|row| money(row.try_get("nanos")?, row.try_get("currency")?)).collect()
    }

    async fn read_value(&self, id: ExecutionId, hash: ContentHash) -> Result<Option<Content>, Failure> {
        const READ: &str = "
            SELECT content, blob
            FROM execution_values
            WHERE execution = (SELECT key FROM process_executions WHERE id = ?1) AND hash = ?2";
        let row = sqlx::query(READ)
            .bind(blob(id.uuid()))
            .bind(hash.as_bytes().to_vec())
            .fetch_optional(&self.readers)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let content: &str = row.try_get("content")?;
        let key: Option<&str> = row.try_get("blob")?;
        Ok(Some(match key {
            Some(key) => Content::Blob { key: key.into(), preview: content.into() },
            None => Content::Inline(content.into()),
        }))
    }

    async fn read_next_attention(&self, scope: &WorkScope) -> Result<Option<Timestamp>, Failure> {
        const READ: &str = "
            SELECT min(attention_at) FROM process_executions WHERE owner IS NULL AND attention_at IS NOT NULL";
        const READ_BELOW: &str = "
            WITH RECURSIVE below (key) AS (
                SELECT key FROM process_executions WHERE id IN (SELECT unhex(value) FROM json_each(?1))
                UNION
                SELECT child.key FROM process_executions AS child JOIN below ON child.parent = below.key)
            SELECT min(attention_at) FROM process_executions
            WHERE owner IS NULL AND attention_at IS NOT NULL AND key IN (SELECT key FROM below)";
        match scope {
            WorkScope::All => self.read_time(READ).await,
            WorkScope::Below(roots) => {
                let read = sqlx::query_scalar(READ_BELOW).bind(ids_as_json(roots)?);
                let micros: Option<i64> = read.fetch_one(&self.readers).await?;
                Ok(micros.map(Timestamp::from_micros))
            }
        }
    }

    pub(crate) async fn read_time(&self, query: &'static str) -> Result<Option<Timestamp>, Failure> {
        let micros: Option<i64> = sqlx::query_scalar(query).fetch_one(&self.readers).await?;
        Ok(micros.map(Timestamp::from_micros))
    }
}

/// The events of an execution behind one that is known.
async fn read_history(
    execution: i64,
    known: i64,
    creation: &Arc<Creation>,
    connection: &mut SqliteConnection,
) -> Result<Vec<Recorded>, Failure> {
    const READ: &str = "
        SELECT sequence, at, event FROM execution_events WHERE execution = ?1 AND sequence > ?2 ORDER BY sequence";
    let rows = sqlx::query(READ).bind(execution).bind(known).fetch_all(connection).await?;
    rows.iter().map(|row| recorded(row, creation)).collect()
}

async fn read_inbox(id: ExecutionId, after: i64, connection: &mut SqliteConnection) -> Result<Vec<InboxRow>, Failure> {
    const READ: &str = "
        SELECT number, signal
        FROM execution_inbox
        WHERE execution = (SELECT key FROM process_executions WHERE id = ?1) AND number > ?2
        ORDER BY number";
    let rows = sqlx::query(READ).bind(blob(id.uuid())).bind(after).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(InboxRow { number: row.try_get("number")?, signal: json(row, "signal")? })).collect()
}

/// An event from the columns of `execution_events`; what was fixed at the creation stands with the execution.
pub(crate) fn recorded(row: &SqliteRow, creation: &Arc<Creation>) -> Result<Recorded, Failure> {
    let text: Option<&str> = row.try_get("event")?;
    let event = match text {
        Some(_) => json(row, "event")?,
        None => Event::Process(ProcessEvent::Created(Box::new((**creation).clone()))),
    };
    Ok(Recorded { sequence: count(row, "sequence")?, at: time(row, "at")?, event })
}

fn standing(row: &SqliteRow) -> Result<Standing, Failure> {
    Ok(Standing {
        sequence: count(row, "last_sequence")?,
        updated_at: time(row, "updated_at")?,
        status: status_of(row.try_get("status")?)?,
        phase: phase_of(row.try_get("phase")?)?,
        started_at: time_if_any(row, "started_at")?,
        completed_at: time_if_any(row, "completed_at")?,
        cost: cost(row)?,
    })
}

/// What an execution cost so far.
pub(crate) fn cost(row: &SqliteRow) -> Result<Cost, Failure> {
    let amount = money(row.try_get("cost_nanos")?, row.try_get("cost_currency")?)?;
    Ok(Cost { amount, complete: row.try_get("cost_complete")? })
}
