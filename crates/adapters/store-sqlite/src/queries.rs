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

use crate::{
    SqliteStore,
    codec::{blob, column, count, json, phase_of, status_of, time, time_if_any, uuid},
    error::Failure,
    executions::cost,
    paging::List,
    search::ExecutionSearch,
    writer::Change,
};

#[async_trait]
impl Queries for SqliteStore {
    async fn executions(&self, filter: &ExecutionFilter, paging: &Paging) -> Result<Page<ExecutionRow>, StoreError> {
        let names = match &filter.text {
            Some(text) => self.names_that_hold(text).await?,
            None => Vec::new(),
        };
        let search = ExecutionSearch::new(filter, names);
        let counted = |query: &mut QueryBuilder<Sqlite>| search.count(query);
        let shown = |query: &mut QueryBuilder<Sqlite>| search.show(query);
        let list = List { newest_first: filter.sort == Sort::Newest, ..search.list() };
        Ok(list.page_counted(paging, &self.readers, (search.counted_tables(), counted), shown, execution_row).await?)
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
    /// The rows of the names of processes that hold a text.
    async fn names_that_hold(&self, text: &str) -> Result<Vec<i64>, Failure> {
        const READ: &str = "SELECT key FROM process_names WHERE instr(name, ?1) > 0";
        let query = sqlx::query_scalar(READ).bind(text.to_lowercase());
        Ok(query.fetch_all(&self.readers).await?)
    }

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
