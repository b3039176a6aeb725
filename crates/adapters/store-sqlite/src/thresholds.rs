//! The port of cost thresholds.

use async_trait::async_trait;
use procession_application::ports::{StoreError, Threshold, ThresholdKind, ThresholdStore};
use procession_domain::value::ProcessId;
use rusqlite::Connection;
use sqlx::{Row, sqlite::SqliteRow};

use crate::{
    SqliteStore,
    codec::{money, time, uuid, uuid_from},
    error::Failure,
    writer::Change,
};

/// A threshold to set.
struct SetThreshold(Threshold);

/// A threshold to remove.
struct RemoveThreshold {
    process: Option<ProcessId>,
    kind: ThresholdKind,
}

#[async_trait]
impl ThresholdStore for SqliteStore {
    async fn thresholds(&self, process: Option<ProcessId>) -> Result<Vec<Threshold>, StoreError> {
        Ok(self.read_thresholds(process).await?)
    }

    async fn set_threshold(&self, threshold: &Threshold) -> Result<Threshold, StoreError> {
        self.writer.change(SetThreshold(*threshold)).await?;
        let stored = self.read_thresholds(threshold.process_id).await?;
        // Someone else may have removed it meanwhile; then it is what was just set.
        Ok(stored.into_iter().find(|stored| stored.kind == threshold.kind).unwrap_or(*threshold))
    }

    async fn remove_threshold(&self, process: Option<ProcessId>, kind: ThresholdKind) -> Result<bool, StoreError> {
        self.writer.change(RemoveThreshold { process, kind }).await
    }
}

impl SqliteStore {
    async fn read_thresholds(&self, process: Option<ProcessId>) -> Result<Vec<Threshold>, Failure> {
        const READ: &str = "
            SELECT id, process, kind, nanos, currency, enabled, created_at, updated_at
            FROM cost_thresholds
            WHERE process = ?1";
        let rows = sqlx::query(READ).bind(column(process)).fetch_all(&self.readers).await?;
        let mut thresholds = rows.iter().map(threshold).collect::<Result<Vec<_>, _>>()?;
        thresholds.sort_by_key(|threshold| threshold.kind);
        Ok(thresholds)
    }
}

/// The process as its column holds it.
fn column(process: Option<ProcessId>) -> Vec<u8> {
    process.map(|id| id.uuid().as_bytes().to_vec()).unwrap_or_default()
}

fn threshold(row: &SqliteRow) -> Result<Threshold, Failure> {
    let process: &[u8] = row.try_get("process")?;
    let kind: &str = row.try_get("kind")?;
    Ok(Threshold {
        id: uuid(row, "id")?,
        process_id: if process.is_empty() { None } else { Some(ProcessId::new(uuid_from(process, "process")?)) },
        kind: ThresholdKind::of(kind).ok_or_else(|| Failure::corrupt(format!("column kind: `{kind}`")))?,
        amount: money(row.try_get("nanos")?, row.try_get("currency")?)?,
        enabled: row.try_get("enabled")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

impl Change for SetThreshold {
    type Outcome = ();

    fn apply(&self, connection: &Connection) -> Result<(), Failure> {
        const SET: &str = "
            INSERT INTO cost_thresholds (id, process, kind, nanos, currency, enabled, created_at, updated_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
            ON CONFLICT (process, kind) DO UPDATE SET
                nanos = excluded.nanos,
                currency = excluded.currency,
                enabled = excluded.enabled,
                updated_at = excluded.updated_at";
        let threshold = &self.0;
        connection.prepare_cached(SET)?.execute(rusqlite::params![
            threshold.id.as_bytes(),
            column(threshold.process_id),
            threshold.kind.as_str(),
            threshold.amount.nanos(),
            threshold.amount.currency().as_str(),
            threshold.enabled,
            threshold.created_at.as_micros(),
            threshold.updated_at.as_micros(),
        ])?;
        Ok(())
    }

    fn is_done((): &()) -> bool {
        true
    }
}

impl Change for RemoveThreshold {
    type Outcome = bool;

    fn apply(&self, connection: &Connection) -> Result<bool, Failure> {
        const REMOVE: &str = "DELETE FROM cost_thresholds WHERE process = ?1 AND kind = ?2";
        Ok(connection.prepare_cached(REMOVE)?.execute((column(self.process), self.kind.as_str()))? > 0)
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        *outcome
    }
}
