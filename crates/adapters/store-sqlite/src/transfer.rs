//! The port that carries executions from one store to another.

use async_trait::async_trait;
use procession_application::ports::{Content, CopyOutcome, ExecutionCopy, StoreError, TransferStore};
use procession_domain::{
    execution::Snapshot,
    value::{ContentHash, ExecutionId, Timestamp},
};
use rusqlite::Connection;
use sqlx::Row;

use crate::{
    SqliteStore,
    codec::{blob, column, to_json},
    error::Failure,
    writer::{
        Belongs, Change, EventNumbers, Telling, count_copy, definition_key, execution_key, insert_ended_steps,
        insert_execution, insert_values, put_approval, stored_approval,
    },
};

/// An execution that has ended elsewhere.
struct PutCopy(ExecutionCopy);

#[async_trait]
impl TransferStore for SqliteStore {
    async fn values_of(&self, execution: ExecutionId) -> Result<Vec<(ContentHash, Content)>, StoreError> {
        Ok(self.read_values(execution).await?)
    }

    async fn put_copy(&self, copy: ExecutionCopy) -> Result<CopyOutcome, StoreError> {
        self.writer.change(PutCopy(copy)).await
    }
}

impl SqliteStore {
    async fn read_values(&self, execution: ExecutionId) -> Result<Vec<(ContentHash, Content)>, Failure> {
        const READ: &str = "
            SELECT hash, content, blob
            FROM execution_values
            WHERE execution = (SELECT key FROM process_executions WHERE id = ?1)
            ORDER BY hash";
        let rows = sqlx::query(READ).bind(blob(execution.uuid())).fetch_all(&self.readers).await?;
        let value = |row: &sqlx::sqlite::SqliteRow| {
            let hash: &[u8] = row.try_get("hash")?;
            let hash = hash.try_into().map_err(|_| Failure::corrupt("column hash: no hash"))?;
            let content: &str = row.try_get("content")?;
            let key: Option<&str> = row.try_get("blob")?;
            let content = match key {
                Some(key) => Content::Blob { key: key.into(), preview: content.into() },
                None => Content::Inline(content.into()),
            };
            Ok((ContentHash::new(hash), content))
        };
        rows.iter().map(value).collect()
    }
}

impl Change for PutCopy {
    type Outcome = CopyOutcome;

    fn apply(&self, _connection: &Connection) -> Result<CopyOutcome, Failure> {
        Err(Failure::corrupt("an execution needs numbers for its events"))
    }

    fn apply_numbered(&self, connection: &Connection, numbers: &mut EventNumbers) -> Result<CopyOutcome, Failure> {
        let copy = &self.0;
        let (id, creation) = (copy.execution.id(), copy.execution.creation());
        if execution_key(id, connection)?.is_some() {
            return Ok(CopyOutcome::Known);
        }
        let Some(definition) = definition_key(creation, connection)? else { return Ok(CopyOutcome::ProcessGone) };
        for approval in &copy.approvals {
            if stored_approval(approval.id(), connection)?.is_some() {
                return Ok(CopyOutcome::ApprovalTaken);
            }
        }
        let link = creation.parent.as_ref();
        let key_of = |id: Option<ExecutionId>| id.map_or(Ok(None), |id| execution_key(id, connection));
        let belongs = Belongs {
            definition,
            // One that did not come is not there; the execution still says whose step it was.
            parent: key_of(link.map(|link| link.execution_id))?,
            root: key_of(link.filter(|link| link.waits).map(|link| link.root_id))?,
            instance_limit: None,
            owner: None,
            attention_at: None,
        };
        let (key, name) = insert_execution(&copy.execution, &belongs, connection)?;
        insert_values(key, &copy.values, connection)?;
        let telling = Telling { execution: key, name, execution_id: id, creation };
        // Nobody is told: it has happened elsewhere.
        telling.insert(&copy.events, connection, numbers, &mut Vec::new())?;
        insert_ended_steps(key, &copy.ended_steps, connection)?;
        count_copy(copy, (key, definition, name), connection)?;
        if let Some(state) = &copy.state {
            keep_state(key, state, connection)?;
        }
        for approval in &copy.approvals {
            put_approval(approval, key, connection)?;
        }
        if let Some(at) = copy.dismissed_at {
            dismiss(key, at, connection)?;
        }
        Ok(CopyOutcome::Written)
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        *outcome == CopyOutcome::Written
    }
}

fn keep_state(key: i64, state: &Snapshot, connection: &Connection) -> Result<(), Failure> {
    const KEEP: &str = "INSERT INTO execution_snapshots (execution, sequence, snapshot) VALUES (?1, ?2, ?3)";
    let row = rusqlite::params![key, column(state.state.sequence), to_json(state)?];
    connection.prepare_cached(KEEP)?.execute(row)?;
    Ok(())
}

fn dismiss(key: i64, at: Timestamp, connection: &Connection) -> Result<(), Failure> {
    const DISMISS: &str = "UPDATE process_executions SET dismissed_at = ?2 WHERE key = ?1";
    connection.prepare_cached(DISMISS)?.execute((key, at.as_micros()))?;
    Ok(())
}
