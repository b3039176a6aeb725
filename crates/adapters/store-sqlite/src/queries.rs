//! The port of lists of executions.

use async_trait::async_trait;
use procession_application::ports::{
    CostsOfProcess, EventPage, ExecutionFilter, ExecutionRow, KeptStart, LiveExecutions, Page, Paging, Queries, Sort,
    StoreError, StoredEvent,
};
use procession_domain::{
    event::Creation,
    execution::{ExecutionStatus, Phase},
    value::{Currency, ExecutionId, Money, ProcessId, Timestamp},
};
use rusqlite::Connection;
use sqlx::{QueryBuilder, Row, Sqlite, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{
    SqliteStore,
    codec::{blob, column, count, json, phase_of, status_code, status_of, time, time_if_any, uuid},
    error::Failure,
    executions::cost,
    paging::List,
    writer::Change,
};

const COLUMNS: &str = "
    id, creation, status, phase, created_at, started_at, completed_at, cost_nanos, cost_currency, cost_complete,
    dismissed_at";

#[async_trait]
impl Queries for SqliteStore {
    async fn executions(&self, filter: &ExecutionFilter, paging: &Paging) -> Result<Page<ExecutionRow>, StoreError> {
        let list = List {
            columns: COLUMNS,
            tables: "process_executions",
            at: "created_at",
            at_column: "created_at",
            id: "id",
            newest_first: filter.sort == Sort::Newest,
        };
        let conditions = |query: &mut QueryBuilder<Sqlite>| filter_executions(filter, query);
        Ok(list.page(paging, &self.readers, conditions, execution_row).await?)
    }

    async fn children(&self, parent: ExecutionId) -> Result<Vec<ExecutionId>, StoreError> {
        Ok(self.read_children(parent).await?)
    }

    async fn events(&self, execution: ExecutionId, page: EventPage) -> Result<Vec<StoredEvent>, StoreError> {
        Ok(self.read_events(execution, page).await?)
    }

    async fn costs_of_process(
        &self,
        process: ProcessId,
        user: Option<&str>,
        currency: Currency,
    ) -> Result<CostsOfProcess, StoreError> {
        Ok(self.read_costs(process, user, currency).await?)
    }

    async fn execution_counts(&self) -> Result<Vec<(ExecutionStatus, u64)>, StoreError> {
        Ok(self.count_executions().await?)
    }

    async fn live_executions(&self) -> Result<LiveExecutions, StoreError> {
        Ok(self.count_live_executions().await?)
    }

    async fn started_under(&self, scope: &str, now: Timestamp) -> Result<Option<KeptStart>, StoreError> {
        Ok(self.read_kept_start(scope, now).await?)
    }

    async fn dismissed_at(&self, execution: ExecutionId) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.read_dismissed_at(execution).await?)
    }

    async fn dismiss(&self, execution: ExecutionId, at: Option<Timestamp>) -> Result<bool, StoreError> {
        self.writer.change(Dismiss { execution, at }).await
    }
}

impl SqliteStore {
    async fn read_kept_start(&self, scope: &str, now: Timestamp) -> Result<Option<KeptStart>, Failure> {
        const READ: &str = "SELECT digest, execution_id FROM idempotency_keys WHERE scope = ?1 AND expires_at > ?2";
        let read = sqlx::query(READ).bind(scope.to_owned()).bind(now.as_micros());
        let Some(row) = read.fetch_optional(&self.readers).await? else { return Ok(None) };
        Ok(Some(KeptStart {
            digest: row.try_get("digest")?,
            execution_id: ExecutionId::new(uuid(&row, "execution_id")?),
        }))
    }

    async fn read_children(&self, parent: ExecutionId) -> Result<Vec<ExecutionId>, Failure> {
        const READ: &str = "
            SELECT id FROM process_executions
            WHERE parent = (SELECT key FROM process_executions WHERE id = ?1)
            ORDER BY created_at, id";
        let rows = sqlx::query(READ).bind(blob(parent.uuid())).fetch_all(&self.readers).await?;
        rows.iter().map(|row| Ok(ExecutionId::new(uuid(row, "id")?))).collect()
    }

    async fn read_dismissed_at(&self, execution: ExecutionId) -> Result<Option<Timestamp>, Failure> {
        const READ: &str = "SELECT dismissed_at FROM process_executions WHERE id = ?1";
        let row = sqlx::query(READ).bind(blob(execution.uuid())).fetch_optional(&self.readers).await?;
        row.map_or(Ok(None), |row| time_if_any(&row, "dismissed_at"))
    }

    async fn read_events(&self, execution: ExecutionId, page: EventPage) -> Result<Vec<StoredEvent>, Failure> {
        const READ: &str = "
            SELECT event.id, sequence, at, event, execution, execution.id AS execution_id, creation
            FROM process_executions AS execution
            JOIN execution_events AS event ON event.execution = execution.key
            WHERE execution.id = ?1 AND sequence > ?2
            ORDER BY sequence
            LIMIT ?3";
        let query = sqlx::query(READ).bind(blob(execution.uuid())).bind(column(page.offset)).bind(page.limit);
        self.stored_events(&query.fetch_all(&self.readers).await?).await
    }

    async fn read_costs(
        &self,
        process: ProcessId,
        user: Option<&str>,
        currency: Currency,
    ) -> Result<CostsOfProcess, Failure> {
        const READ: &str = "
            SELECT
                count(*) AS executions,
                count(*) FILTER (WHERE status = 3) AS completed,
                count(*) FILTER (WHERE cost_nanos > 0 AND cost_currency = ?3) AS with_cost,
                coalesce(sum(cost_nanos) FILTER (WHERE cost_currency = ?3), 0) AS total,
                coalesce(min(cost_nanos) FILTER (WHERE cost_nanos > 0 AND cost_currency = ?3), 0) AS least,
                coalesce(max(cost_nanos) FILTER (WHERE cost_currency = ?3), 0) AS most,
                coalesce(min(cost_complete AND (cost_nanos = 0 OR cost_currency = ?3)), 1) AS is_complete
            FROM process_executions
            WHERE definition = (SELECT key FROM process_definitions WHERE id = ?1) AND (?2 IS NULL OR user_name = ?2)";
        let query = sqlx::query(READ).bind(blob(process.uuid())).bind(user.map(str::to_owned));
        let row = query.bind(currency.as_str().to_owned()).fetch_one(&self.readers).await?;
        let amount = |column: &str| Ok::<_, Failure>(Money::from_nanos(row.try_get(column)?, currency));
        Ok(CostsOfProcess {
            executions: count(&row, "executions")?,
            completed: count(&row, "completed")?,
            with_cost: count(&row, "with_cost")?,
            total: amount("total")?,
            least: amount("least")?,
            most: amount("most")?,
            is_complete: row.try_get::<i64, _>("is_complete")? != 0,
        })
    }

    async fn count_executions(&self) -> Result<Vec<(ExecutionStatus, u64)>, Failure> {
        const COUNT: &str = "SELECT status, count(*) AS executions FROM process_executions GROUP BY status";
        let rows = sqlx::query(COUNT).fetch_all(&self.readers).await?;
        rows.iter().map(|row| Ok((status_of(row.try_get("status")?)?, count(row, "executions")?))).collect()
    }

    async fn count_live_executions(&self) -> Result<LiveExecutions, Failure> {
        const COUNT: &str = "
            SELECT
                count(*) FILTER (WHERE status = 0) AS pending,
                count(*) FILTER (WHERE status = 1 AND owner IS NOT NULL) AS running,
                count(*) FILTER (WHERE status = 1 AND owner IS NULL) AS waiting,
                count(*) FILTER (WHERE status = 2) AS paused
            FROM process_executions INDEXED BY process_executions_by_status
            WHERE status < 3";
        let row = sqlx::query(COUNT).fetch_one(&self.readers).await?;
        Ok(LiveExecutions {
            pending: count(&row, "pending")?,
            running: count(&row, "running")?,
            waiting: count(&row, "waiting")?,
            paused: count(&row, "paused")?,
        })
    }
}

fn filter_executions(filter: &ExecutionFilter, query: &mut QueryBuilder<Sqlite>) {
    if !filter.statuses.is_empty() {
        query.push(" AND status IN (");
        let mut statuses = query.separated(", ");
        for status in &filter.statuses {
            statuses.push_bind(status_code(*status));
        }
        query.push(")");
    }
    if let Some(id) = filter.process_id {
        query.push(" AND definition = (SELECT key FROM process_definitions WHERE id = ");
        query.push_bind(blob(id.uuid())).push(")");
    }
    if let Some(name) = &filter.process_name {
        query.push(" AND name = (SELECT key FROM process_names WHERE name = ").push_bind(name.clone()).push(")");
    }
    if let Some(id) = filter.parent_id {
        query.push(" AND parent = (SELECT key FROM process_executions WHERE id = ");
        query.push_bind(blob(id.uuid())).push(")");
    }
    if let Some(by) = &filter.triggered_by {
        query.push(" AND triggered_by = ").push_bind(by.clone());
    }
    if let Some(user) = &filter.user {
        query.push(" AND user_name = ").push_bind(user.clone());
    }
    if let Some(from) = filter.started_after {
        query.push(" AND started_at >= ").push_bind(from.as_micros());
    }
    if let Some(until) = filter.started_before {
        query.push(" AND started_at < ").push_bind(until.as_micros());
    }
    if let Some(label) = &filter.label {
        let (key, value) = label.split_once('=').map_or((label.as_str(), None), |(key, value)| (key, Some(value)));
        query.push(" AND EXISTS (SELECT 1 FROM json_each(labels) AS label WHERE label.key = ");
        query.push_bind(key.to_owned());
        if let Some(value) = value {
            query.push(" AND label.value = ").push_bind(value.to_owned());
        }
        query.push(")");
    }
    if let Some(text) = &filter.text {
        let text = text.to_lowercase();
        query.push(" AND (");
        if let Some((first, last)) = ids_that_begin_with(&text) {
            query.push("id BETWEEN ").push_bind(blob(first)).push(" AND ").push_bind(blob(last)).push(" OR ");
        }
        query.push("name IN (SELECT key FROM process_names WHERE instr(name, ").push_bind(text).push(") > 0))");
    }
}

/// The first and the last id whose text begins with this one; `None` if none can.
fn ids_that_begin_with(text: &str) -> Option<(Uuid, Uuid)> {
    let filled = |digit: &str| {
        let digits = text.replace('-', "");
        let missing = 32_usize.checked_sub(digits.len())?;
        let id = Uuid::try_parse(&(digits + &digit.repeat(missing))).ok()?;
        // The dashes have their places.
        id.to_string().starts_with(text).then_some(id)
    };
    Some((filled("0")?, filled("f")?))
}

fn execution_row(row: &SqliteRow) -> Result<ExecutionRow, Failure> {
    let creation: Creation = json(row, "creation")?;
    Ok(ExecutionRow {
        id: ExecutionId::new(uuid(row, "id")?),
        process_id: creation.process.id,
        process_name: creation.process.name,
        process_version: creation.process.version,
        status: status_of(row.try_get("status")?)?,
        compensating: phase_of(row.try_get("phase")?)? == Phase::RollingBack,
        triggered_by: creation.triggered_by,
        user: creation.user,
        created_at: time(row, "created_at")?,
        started_at: time_if_any(row, "started_at")?,
        completed_at: time_if_any(row, "completed_at")?,
        cost: cost(row)?,
        retry_of: creation.retry_of,
        parent_id: creation.parent.map(|parent| parent.execution_id),
        labels: serde_json::to_value(creation.labels)?,
        dismissed_at: time_if_any(row, "dismissed_at")?,
    })
}

/// A person puts a failed execution aside, or takes that back.
struct Dismiss {
    execution: ExecutionId,
    at: Option<Timestamp>,
}

impl Change for Dismiss {
    type Outcome = bool;

    fn apply(&self, connection: &Connection) -> Result<bool, Failure> {
        const DISMISS: &str = "UPDATE process_executions SET dismissed_at = ?2 WHERE id = ?1";
        let row = (self.execution.uuid().into_bytes(), self.at.map(Timestamp::as_micros));
        Ok(connection.prepare_cached(DISMISS)?.execute(row)? > 0)
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        *outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_by_its_beginning_as_it_is_written() {
        let whole = "01890a5d-ac96-774b-bcce-b302099a8057";
        let id = Uuid::try_parse(whole).unwrap();
        for end in 0..=whole.len() {
            let (first, last) = ids_that_begin_with(&whole[..end]).unwrap();
            assert!(first <= id && id <= last, "{}", &whole[..end]);
        }
        assert_eq!(ids_that_begin_with(whole), Some((id, id)));
        for other in ["x", "0189-", "01890a5dac", "review", "01890a5d-ac96-774b-bcce-b302099a80570"] {
            assert_eq!(ids_that_begin_with(other), None, "{other}");
        }
    }
}
