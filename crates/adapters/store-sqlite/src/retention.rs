//! The port of retention: the oldest goes first, a few rows in each transaction.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use procession_application::ports::{
    AuditAnchor, AuditEntry, KeptPart, Overdue, PurgeStep, Purged, Removal, RetentionStore, StoreError,
};
use procession_domain::value::{ContentHash, ExecutionId, Timestamp};
use rusqlite::{Connection, OptionalExtension};
use sqlx::Row;

use crate::{
    SqliteStore,
    audit::append,
    codec::{blob, column, count, to_json, uuid},
    error::Failure,
    writer::Change,
};

/// A step that has taken so long does no more. What one statement does afterwards is short: it deletes [`ROWS`] at most.
const STEP: Duration = Duration::from_millis(10);

/// So many rows of a table are deleted by one statement.
const ROWS: u32 = 200;

/// In the column `purged`: the execution is in the archive.
const ARCHIVED: i64 = 4;

/// What has been kept for long enough: the execution has ended, as have the one whose step it is and the top of its tree.
/// Whole executions, events and values differ in what must not be gone before.
const OVERDUE: &str = "
    FROM process_executions AS execution
    WHERE completed_at < ?1 AND purged & ?2 = 0 AND status >= 3
      AND NOT EXISTS (
          SELECT 1 FROM process_executions AS above
          WHERE above.key IN (execution.parent, execution.root)
            AND (above.completed_at IS NULL OR above.completed_at >= ?1))";

/// Parts to remove.
struct Purge {
    part: KeptPart,
    removals: Vec<Removal>,
}

/// Executions that are in the archive.
struct MarkArchived(Vec<ExecutionId>);

/// A new place for the anchor of the audit trail.
struct MoveAnchor {
    to: AuditAnchor,
    entry: AuditEntry,
}

/// Deliveries to remove that were written before this time.
struct PurgeDeliveries(Timestamp);

/// Entries of the audit trail to remove, up to the anchor.
struct PurgeAudit;

#[async_trait]
impl RetentionStore for SqliteStore {
    async fn overdue(&self, part: KeptPart, before: Timestamp, limit: u32) -> Result<Vec<Overdue>, StoreError> {
        Ok(self.read_overdue(part, before, limit).await?)
    }

    async fn count_overdue(&self, part: KeptPart, before: Timestamp) -> Result<u64, StoreError> {
        Ok(self.read_overdue_count(part, before).await?)
    }

    async fn purge(&self, part: KeptPart, removals: Vec<Removal>) -> Result<PurgeStep, StoreError> {
        self.writer.change(Purge { part, removals }).await
    }

    async fn mark_archived(&self, executions: &[ExecutionId]) -> Result<(), StoreError> {
        self.writer.change(MarkArchived(executions.to_vec())).await
    }

    async fn count_old_deliveries(&self, before: Timestamp) -> Result<u64, StoreError> {
        const COUNT: &str = "
            SELECT count(*) AS old FROM deliveries WHERE created_at < ?1 AND next_attempt_at IS NULL";
        let row = sqlx::query(COUNT).bind(before.as_micros()).fetch_one(&self.readers).await.map_err(Failure::from)?;
        Ok(count(&row, "old")?)
    }

    async fn purge_deliveries(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.writer.change(PurgeDeliveries(before)).await
    }

    async fn audit_before(&self, before: Timestamp) -> Result<Option<AuditAnchor>, StoreError> {
        Ok(self.read_audit_before(before).await?)
    }

    async fn move_audit_anchor(&self, to: AuditAnchor, entry: &AuditEntry) -> Result<(), StoreError> {
        self.writer.change(MoveAnchor { to, entry: entry.clone() }).await
    }

    async fn purge_audit(&self) -> Result<u64, StoreError> {
        self.writer.change(PurgeAudit).await
    }
}

impl SqliteStore {
    async fn read_overdue(&self, part: KeptPart, before: Timestamp, limit: u32) -> Result<Vec<Overdue>, Failure> {
        let query = format!("SELECT id, purged {OVERDUE} ORDER BY completed_at, id LIMIT ?3");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(before.as_micros())
            .bind(bit(part))
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        let overdue = |row| {
            let purged: i64 = Row::try_get(row, "purged")?;
            Ok(Overdue { id: ExecutionId::new(uuid(row, "id")?), is_archived: purged & ARCHIVED != 0 })
        };
        rows.iter().map(overdue).collect()
    }

    async fn read_overdue_count(&self, part: KeptPart, before: Timestamp) -> Result<u64, Failure> {
        let counted = match part {
            KeptPart::Whole => "count(*)",
            KeptPart::Events => {
                "coalesce(sum((SELECT count(*) FROM execution_events WHERE execution = execution.key)), 0)"
            }
            KeptPart::Values => {
                "coalesce(sum((SELECT count(*) FROM execution_values WHERE execution = execution.key)), 0)"
            }
        };
        let query = format!("SELECT {counted} AS overdue {OVERDUE}");
        let read = sqlx::query(sqlx::AssertSqlSafe(query)).bind(before.as_micros()).bind(bit(part));
        count(&read.fetch_one(&self.readers).await?, "overdue")
    }

    async fn read_audit_before(&self, before: Timestamp) -> Result<Option<AuditAnchor>, Failure> {
        // The first that is young enough keeps all behind it, and is found by walking from the oldest; the newest stays in
        // any case.
        const READ: &str = "
            SELECT number, hash FROM audit_entries
            WHERE number < coalesce(
                    (SELECT number FROM audit_entries WHERE +at >= ?1 ORDER BY number LIMIT 1),
                    (SELECT max(number) FROM audit_entries))
              AND number > (SELECT number FROM audit_anchor)
            ORDER BY number DESC
            LIMIT 1";
        let row = sqlx::query(READ).bind(before.as_micros()).fetch_optional(&self.readers).await?;
        row.map(|row| Ok(AuditAnchor { number: count(&row, "number")?, hash: hash(row.try_get("hash")?)? })).transpose()
    }

    /// The anchor of the audit trail.
    pub(crate) async fn read_audit_anchor(&self) -> Result<AuditAnchor, Failure> {
        let row = sqlx::query("SELECT number, hash FROM audit_anchor").fetch_one(&self.readers).await?;
        Ok(AuditAnchor { number: count(&row, "number")?, hash: hash(row.try_get("hash")?)? })
    }
}

/// In the column `purged`: this part is gone. Nothing tells of what is gone as a whole.
const fn bit(part: KeptPart) -> i64 {
    match part {
        KeptPart::Whole => 0,
        KeptPart::Events => 1,
        KeptPart::Values => 2,
    }
}

fn hash(bytes: &[u8]) -> Result<ContentHash, Failure> {
    let bytes = bytes.try_into().map_err(|_| Failure::corrupt("column hash: no hash"))?;
    Ok(ContentHash::new(bytes))
}

impl Change for Purge {
    type Outcome = PurgeStep;

    fn apply(&self, connection: &Connection) -> Result<PurgeStep, Failure> {
        const FIND: &str = "SELECT key, last_sequence FROM process_executions WHERE id = ?1 AND status >= 3";
        let begun = Instant::now();
        let mut step = PurgeStep::default();
        for removal in &self.removals {
            let mut find = connection.prepare_cached(FIND)?;
            let found = find.query_row([removal.id.uuid().as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)));
            let found: Option<(i64, i64)> = found.optional()?;
            let is_done = match found {
                Some((key, last)) => {
                    let (purged, is_done) = purge_part(self.part, key, last, removal, connection, begun)?;
                    step.purged = step.purged.plus(purged);
                    is_done
                }
                None => true,
            };
            step.settled += usize::from(is_done);
            if !is_done || begun.elapsed() >= STEP {
                break;
            }
        }
        Ok(step)
    }

    /// What is told of it, the run of the purge tells.
    fn is_done(_: &Self::Outcome) -> bool {
        false
    }
}

/// Removes a part of an execution, for as long as the step may take; what went, and whether nothing is left.
fn purge_part(
    part: KeptPart,
    key: i64,
    last_sequence: i64,
    removal: &Removal,
    connection: &Connection,
    begun: Instant,
) -> Result<(Purged, bool), Failure> {
    const REMEMBER: &str = "
        INSERT OR IGNORE INTO removed_executions (id) SELECT id FROM process_executions WHERE key = ?1";
    const REMOVE: &str = "DELETE FROM process_executions WHERE key = ?1";
    let mut purged = Purged::default();
    match part {
        KeptPart::Events => {
            let Some(state) = &removal.state else { return Ok((purged, true)) };
            if column(state.state.sequence) != last_sequence {
                return Ok((purged, true));
            }
            keep_state(key, last_sequence, state, connection)?;
            let (events, is_done) = delete(EVENTS, key, connection, begun)?;
            purged.events = events;
            if is_done {
                mark(key, bit(part), connection)?;
            }
            Ok((purged, is_done))
        }
        KeptPart::Values => {
            let (values, is_done) = delete(VALUES, key, connection, begun)?;
            purged.values = values;
            if is_done {
                mark(key, bit(part), connection)?;
            }
            Ok((purged, is_done))
        }
        KeptPart::Whole => {
            let (values, no_values) = delete(VALUES, key, connection, begun)?;
            let (events, no_events) = if no_values { delete(EVENTS, key, connection, begun)? } else { (0, false) };
            let (_, no_steps) = if no_events { delete(ENDED_STEPS, key, connection, begun)? } else { (0, false) };
            (purged.events, purged.values) = (events, values);
            if no_steps {
                connection.prepare_cached(REMEMBER)?.execute([key])?;
                connection.prepare_cached(REMOVE)?.execute([key])?;
                purged.executions = 1;
            }
            Ok((purged, no_steps))
        }
    }
}

const EVENTS: &str = "
    DELETE FROM execution_events
    WHERE id IN (SELECT id FROM execution_events WHERE execution = ?1 ORDER BY sequence LIMIT ?2)";

const VALUES: &str = "
    DELETE FROM execution_values
    WHERE execution = ?1 AND hash IN (SELECT hash FROM execution_values WHERE execution = ?1 ORDER BY hash LIMIT ?2)";

const ENDED_STEPS: &str = "
    DELETE FROM ended_steps
    WHERE execution = ?1
      AND sequence IN (SELECT sequence FROM ended_steps WHERE execution = ?1 ORDER BY sequence LIMIT ?2)";

/// Deletes rows of an execution for as long as the step may take; how many, and whether none is left.
fn delete(statement: &'static str, key: i64, connection: &Connection, begun: Instant) -> Result<(u64, bool), Failure> {
    let mut deleted = 0;
    let mut delete = connection.prepare_cached(statement)?;
    loop {
        let rows = delete.execute((key, ROWS))?;
        deleted += rows as u64;
        if rows < ROWS as usize {
            return Ok((deleted, true));
        }
        if begun.elapsed() >= STEP {
            return Ok((deleted, false));
        }
    }
}

/// Keeps the state at an execution's last event, so that the events need not be there.
fn keep_state(
    key: i64,
    sequence: i64,
    state: &procession_domain::execution::Snapshot,
    connection: &Connection,
) -> Result<(), Failure> {
    const KEEP: &str = "
        INSERT INTO execution_snapshots (execution, sequence, snapshot) VALUES (?1, ?2, ?3)
        ON CONFLICT (execution) DO UPDATE SET sequence = excluded.sequence, snapshot = excluded.snapshot
        WHERE sequence < excluded.sequence";
    connection.prepare_cached(KEEP)?.execute(rusqlite::params![key, sequence, to_json(state)?])?;
    Ok(())
}

fn mark(key: i64, bit: i64, connection: &Connection) -> Result<(), Failure> {
    const MARK: &str = "UPDATE process_executions SET purged = purged | ?2 WHERE key = ?1";
    connection.prepare_cached(MARK)?.execute((key, bit))?;
    Ok(())
}

impl Change for MarkArchived {
    type Outcome = ();

    fn apply(&self, connection: &Connection) -> Result<(), Failure> {
        const MARK: &str = "UPDATE process_executions SET purged = purged | ?2 WHERE id = ?1";
        let mut mark = connection.prepare_cached(MARK)?;
        for id in &self.0 {
            mark.execute((blob(id.uuid()), ARCHIVED))?;
        }
        Ok(())
    }

    /// Nobody has asked for it.
    fn is_done((): &()) -> bool {
        false
    }
}

impl Change for MoveAnchor {
    type Outcome = ();

    fn apply(&self, connection: &Connection) -> Result<(), Failure> {
        const MOVE: &str = "UPDATE audit_anchor SET number = ?1, hash = ?2 WHERE number < ?1";
        let to = &self.to;
        connection.prepare_cached(MOVE)?.execute((column(to.number), to.hash.as_bytes()))?;
        append(&self.entry, connection)
    }

    /// It brings its own entry.
    fn is_done((): &()) -> bool {
        false
    }
}

impl Change for PurgeDeliveries {
    type Outcome = u64;

    fn apply(&self, connection: &Connection) -> Result<u64, Failure> {
        const DELETE: &str = "
            DELETE FROM deliveries
            WHERE key IN (
                SELECT key FROM deliveries
                WHERE created_at < ?1 AND next_attempt_at IS NULL
                ORDER BY created_at
                LIMIT ?2)";
        Ok(connection.prepare_cached(DELETE)?.execute((self.0.as_micros(), ROWS))? as u64)
    }

    /// What is told of it, the run of the purge tells.
    fn is_done(_: &Self::Outcome) -> bool {
        false
    }
}

impl Change for PurgeAudit {
    type Outcome = u64;

    fn apply(&self, connection: &Connection) -> Result<u64, Failure> {
        const DELETE: &str = "
            DELETE FROM audit_entries
            WHERE number IN (
                SELECT number FROM audit_entries
                WHERE number <= (SELECT number FROM audit_anchor)
                ORDER BY number
                LIMIT ?1)";
        Ok(connection.prepare_cached(DELETE)?.execute([ROWS])? as u64)
    }

    /// The entry came with the anchor.
    fn is_done(_: &Self::Outcome) -> bool {
        false
    }
}
