//! Cost alerts: read, put aside, told. They are raised with the commits that book costs (`writer/bookings.rs`).

use procession_application::ports::{AlertFilter, AlertPage, AlertStatus, CostAlert, CostDay, ThresholdKind};
use procession_domain::value::{ExecutionId, ProcessId, Timestamp};
use rusqlite::Connection;
use sqlx::{QueryBuilder, Row, Sqlite, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{
    SqliteStore,
    codec::{blob, column, count, money, process_name, time, time_if_any, uuid, uuid_from},
    deliveries::Withdraw,
    error::Failure,
    writer::{Change, bookings::process_column},
};

const COLUMNS: &str = "
    id, process, process_name, kind, execution, user_name, first_day, threshold_nanos, actual_nanos, currency,
    created_at, dismissed_at, dismissed_by";

/// An alert that is put aside.
pub(crate) struct DismissAlert {
    pub id: Uuid,
    pub by: Option<String>,
    pub at: Timestamp,
}

impl SqliteStore {
    pub(crate) async fn read_alerts(
        &self,
        filter: &AlertFilter,
        offset: u64,
        limit: u32,
    ) -> Result<AlertPage, Failure> {
        let of_user = AlertFilter { user: filter.user.clone(), ..AlertFilter::default() };
        let active = AlertFilter { status: Some(AlertStatus::Active), ..of_user };
        let mut query = QueryBuilder::new("SELECT ");
        query.push(COLUMNS).push(" FROM cost_alerts WHERE true");
        filter_alerts(filter, &mut query);
        query.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(limit);
        query.push(" OFFSET ").push_bind(column(offset));
        let rows = query.build().fetch_all(&self.readers).await?;
        Ok(AlertPage {
            rows: rows.iter().map(cost_alert).collect::<Result<_, _>>()?,
            total: self.count_alerts(filter).await?,
            active: self.count_alerts(&active).await?,
        })
    }

    async fn count_alerts(&self, filter: &AlertFilter) -> Result<u64, Failure> {
        let mut query = QueryBuilder::new("SELECT count(*) AS alerts FROM cost_alerts WHERE true");
        filter_alerts(filter, &mut query);
        count(&query.build().fetch_one(&self.readers).await?, "alerts")
    }

    pub(crate) async fn read_alert(&self, id: Uuid) -> Result<Option<CostAlert>, Failure> {
        let mut query = QueryBuilder::new("SELECT ");
        query.push(COLUMNS).push(" FROM cost_alerts WHERE id = ").push_bind(blob(id));
        query.build().fetch_optional(&self.readers).await?.as_ref().map(cost_alert).transpose()
    }
}

fn filter_alerts(filter: &AlertFilter, query: &mut QueryBuilder<Sqlite>) {
    match filter.status {
        None => {}
        Some(AlertStatus::Active) => drop(query.push(" AND dismissed_at IS NULL")),
        Some(AlertStatus::Dismissed) => drop(query.push(" AND dismissed_at IS NOT NULL")),
    }
    if let Some(process) = filter.process {
        query.push(" AND process = ").push_bind(process_column(process));
    }
    if let Some(user) = &filter.user {
        query.push(" AND user_name = ").push_bind(user.clone());
    }
}

fn cost_alert(row: &SqliteRow) -> Result<CostAlert, Failure> {
    let process: &[u8] = row.try_get("process")?;
    let kind: &str = row.try_get("kind")?;
    let name: Option<&str> = row.try_get("process_name")?;
    let execution: Option<&[u8]> = row.try_get("execution")?;
    let first_day: Option<i64> = row.try_get("first_day")?;
    let currency: &str = row.try_get("currency")?;
    Ok(CostAlert {
        id: uuid(row, "id")?,
        process_id: if process.is_empty() { None } else { Some(ProcessId::new(uuid_from(process, "process")?)) },
        process_name: name.map(|_| process_name(row, "process_name")).transpose()?,
        kind: ThresholdKind::of(kind).ok_or_else(|| Failure::corrupt(format!("column kind: `{kind}`")))?,
        execution_id: execution.map(|id| uuid_from(id, "execution").map(ExecutionId::new)).transpose()?,
        user: row.try_get("user_name")?,
        first_day: first_day.map(CostDay::new),
        threshold: money(row.try_get("threshold_nanos")?, currency)?,
        actual: money(row.try_get("actual_nanos")?, currency)?,
        created_at: time(row, "created_at")?,
        dismissed_at: time_if_any(row, "dismissed_at")?,
        dismissed_by: row.try_get("dismissed_by")?,
    })
}

impl Change for DismissAlert {
    type Outcome = bool;

    fn apply(&self, connection: &Connection) -> Result<bool, Failure> {
        const DISMISS: &str = "
            UPDATE cost_alerts SET dismissed_at = ?2, dismissed_by = ?3
            WHERE id = ?1 AND dismissed_at IS NULL";
        let row = rusqlite::params![self.id.as_bytes(), self.at.as_micros(), self.by];
        let is_dismissed = connection.prepare_cached(DISMISS)?.execute(row)? > 0;
        if is_dismissed {
            Withdraw(self.id).apply(connection)?;
        }
        Ok(is_dismissed)
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        *outcome
    }
}
