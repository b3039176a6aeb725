//! The port of cost thresholds and alerts.

use async_trait::async_trait;
use procession_application::ports::{
    AlertAudience, AlertFilter, AlertPage, CostAlert, CostDay, StoreError, Threshold, ThresholdKind, ThresholdStore,
};
use procession_domain::value::{ProcessId, Timestamp};
use rusqlite::Connection;
use sqlx::{Row, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{
    SqliteStore,
    alerts::DismissAlert,
    codec::{money, time, uuid, uuid_from},
    error::Failure,
    writer::{
        Change,
        bookings::{self, process_column},
    },
};

/// A threshold to set.
struct SetThreshold {
    threshold: Threshold,
    today: CostDay,
    told: Option<AlertAudience>,
}

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

    async fn set_threshold(
        &self,
        threshold: &Threshold,
        today: CostDay,
        told: Option<&AlertAudience>,
    ) -> Result<Threshold, StoreError> {
        self.writer.change(SetThreshold { threshold: *threshold, today, told: told.cloned() }).await?;
        let stored = self.read_thresholds(threshold.process_id).await?;
        // Someone else may have removed it meanwhile; then it is what was just set.
        Ok(stored.into_iter().find(|stored| stored.kind == threshold.kind).unwrap_or(*threshold))
    }

    async fn remove_threshold(&self, process: Option<ProcessId>, kind: ThresholdKind) -> Result<bool, StoreError> {
        self.writer.change(RemoveThreshold { process, kind }).await
    }

    async fn alerts(&self, filter: &AlertFilter, offset: u64, limit: u32) -> Result<AlertPage, StoreError> {
        Ok(self.read_alerts(filter, offset, limit).await?)
    }

    async fn alert(&self, id: Uuid) -> Result<Option<CostAlert>, StoreError> {
        Ok(self.read_alert(id).await?)
    }

    async fn dismiss_alert(&self, id: Uuid, by: Option<&str>, at: Timestamp) -> Result<bool, StoreError> {
        self.writer.change(DismissAlert { id, by: by.map(str::to_owned), at }).await
    }
}

impl SqliteStore {
    async fn read_thresholds(&self, process: Option<ProcessId>) -> Result<Vec<Threshold>, Failure> {
        const READ: &str = "
            SELECT id, process, kind, nanos, currency, enabled, created_at, updated_at
            FROM cost_thresholds
            WHERE process = ?1";
        let rows = sqlx::query(READ).bind(process_column(process)).fetch_all(&self.readers).await?;
        let mut thresholds = rows.iter().map(threshold).collect::<Result<Vec<_>, _>>()?;
        thresholds.sort_by_key(|threshold| threshold.kind);
        Ok(thresholds)
    }
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
        bookings::set(&self.threshold, connection)?;
        bookings::raise_if_passed(&self.threshold, self.today, self.told.as_ref(), connection)
    }

    fn is_done((): &()) -> bool {
        true
    }
}

impl Change for RemoveThreshold {
    type Outcome = bool;

    fn apply(&self, connection: &Connection) -> Result<bool, Failure> {
        const REMOVE: &str = "DELETE FROM cost_thresholds WHERE process = ?1 AND kind = ?2";
        Ok(connection.prepare_cached(REMOVE)?.execute((process_column(self.process), self.kind.as_str()))? > 0)
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        *outcome
    }
}
