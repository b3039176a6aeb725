//! The port of lists of executions.

use async_trait::async_trait;
use procession_application::ports::{
    EventPage, ExecutionFilter, ExecutionRow, KeptStart, Page, Paging, Queries, Sort, StoreError, StoredEvent,
};
use procession_domain::{
    execution::ExecutionStatus,
    value::{Cost, ExecutionId, Money, ProcessName, StepId, Timestamp},
};
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection, sqlite::SqliteRow};

use crate::{
    SqliteStore,
    codec::{
        column, count, json, money, parsed, parsed_if_any, process_name, stored_event, time, time_if_any, version,
    },
    error::Failure,
    paging::List,
    writer::Change,
};

const COLUMNS: &str = "
    id, process_id, process_name, version_major, version_minor, status, compensating, triggered_by, user_name,
    created_at, started_at, completed_at, cost_nanos, cost_currency, cost_complete, retry_of, parent_id, labels,
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

    async fn execution_counts(&self) -> Result<Vec<(ExecutionStatus, u64)>, StoreError> {
        Ok(self.count_executions().await?)
    }

    async fn step_costs(&self, process: &ProcessName, step: &StepId, limit: u32) -> Result<Vec<Money>, StoreError> {
        Ok(self.read_step_costs(process, step, limit).await?)
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
        Ok(Some(KeptStart { digest: row.try_get("digest")?, execution_id: parsed(&row, "execution_id")? }))
    }

    async fn read_children(&self, parent: ExecutionId) -> Result<Vec<ExecutionId>, Failure> {
        const READ: &str = "SELECT id FROM process_executions WHERE parent_id = ?1 ORDER BY created_at, id";
        let rows = sqlx::query(READ).bind(parent.to_string()).fetch_all(&self.readers).await?;
        rows.iter().map(|row| parsed(row, "id")).collect()
    }

    async fn read_dismissed_at(&self, execution: ExecutionId) -> Result<Option<Timestamp>, Failure> {
        const READ: &str = "SELECT dismissed_at FROM process_executions WHERE id = ?1";
        let row = sqlx::query(READ).bind(execution.to_string()).fetch_optional(&self.readers).await?;
        row.map_or(Ok(None), |row| time_if_any(&row, "dismissed_at"))
    }

    async fn read_events(&self, execution: ExecutionId, page: EventPage) -> Result<Vec<StoredEvent>, Failure> {
        const READ: &str = "
            SELECT event.id, event.execution_id, event.sequence, event.at, event.event_type, event.payload,
                   execution.process_id, execution.process_name
            FROM execution_events AS event
            JOIN process_executions AS execution ON execution.id = event.execution_id
            WHERE event.execution_id = ?1
            ORDER BY event.sequence
            LIMIT ?2 OFFSET ?3";
        let rows = sqlx::query(READ)
            .bind(execution.to_string())
            .bind(page.limit)
            .bind(column(page.offset))
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(stored_event).collect()
    }

    async fn read_step_costs(&self, process: &ProcessName, step: &StepId, limit: u32) -> Result<Vec<Money>, Failure> {
        const READ: &str = "
            SELECT step.cost_nanos, step.cost_currency
            FROM (
                SELECT id, created_at FROM process_executions
                WHERE process_name = ?1 ORDER BY created_at DESC, id DESC LIMIT 1000
            ) AS execution
            JOIN step_executions AS step ON step.execution_id = execution.id AND step.step_id = ?2
            WHERE step.status = 'completed'
            ORDER BY execution.created_at DESC, execution.id DESC
            LIMIT ?3";
        let rows =
            sqlx::query(READ).bind(process.as_str()).bind(step.as_str()).bind(limit).fetch_all(&self.readers).await?;
        rows.iter().map(|row| money(row.try_get("cost_nanos")?, row.try_get("cost_currency")?)).collect()
    }

    async fn count_executions(&self) -> Result<Vec<(ExecutionStatus, u64)>, Failure> {
        const COUNT: &str = "SELECT status, count(*) AS executions FROM process_executions GROUP BY status";
        let rows = sqlx::query(COUNT).fetch_all(&self.readers).await?;
        rows.iter().map(|row| Ok((status(row)?, count(row, "executions")?))).collect()
    }
}

fn filter_executions(filter: &ExecutionFilter, query: &mut QueryBuilder<Sqlite>) {
    if !filter.statuses.is_empty() {
        query.push(" AND status IN (");
        let mut statuses = query.separated(", ");
        for status in &filter.statuses {
            statuses.push_bind(status.as_str());
        }
        query.push(")");
    }
    let exactly: [(&str, Option<String>); 5] = [
        ("process_id", filter.process_id.map(|id| id.to_string())),
        ("process_name", filter.process_name.clone()),
        ("triggered_by", filter.triggered_by.clone()),
        ("user_name", filter.user.clone()),
        ("parent_id", filter.parent_id.map(|id| id.to_string())),
    ];
    for (name, value) in exactly {
        if let Some(value) = value {
            query.push(format_args!(" AND {name} = ")).push_bind(value);
        }
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
        query.push(" AND (substr(id, 1, ").push_bind(column(text.chars().count() as u64)).push(") = ");
        query.push_bind(text.clone());
        query.push(" OR process_id IN (SELECT id FROM process_definitions WHERE instr(name_lower, ");
        query.push_bind(text).push(") > 0))");
    }
}

fn execution_row(row: &SqliteRow) -> Result<ExecutionRow, Failure> {
    let currency: &str = row.try_get("cost_currency")?;
    Ok(ExecutionRow {
        id: parsed(row, "id")?,
        process_id: parsed(row, "process_id")?,
        process_name: process_name(row, "process_name")?,
        process_version: version(row)?,
        status: status(row)?,
        compensating: row.try_get("compensating")?,
        triggered_by: row.try_get("triggered_by")?,
        user: row.try_get("user_name")?,
        created_at: time(row, "created_at")?,
        started_at: time_if_any(row, "started_at")?,
        completed_at: time_if_any(row, "completed_at")?,
        cost: Cost { amount: money(row.try_get("cost_nanos")?, currency)?, complete: row.try_get("cost_complete")? },
        retry_of: parsed_if_any(row, "retry_of")?,
        parent_id: parsed_if_any(row, "parent_id")?,
        labels: json(row, "labels")?,
        dismissed_at: time_if_any(row, "dismissed_at")?,
    })
}

fn status(row: &SqliteRow) -> Result<ExecutionStatus, Failure> {
    let name: &str = row.try_get("status")?;
    let found = ExecutionStatus::ALL.into_iter().find(|status| status.as_str() == name);
    found.ok_or_else(|| Failure::corrupt(format!("column status: `{name}`")))
}

/// A person puts a failed execution aside, or takes that back.
struct Dismiss {
    execution: ExecutionId,
    at: Option<Timestamp>,
}

#[async_trait]
impl Change for Dismiss {
    type Outcome = bool;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<bool, Failure> {
        const DISMISS: &str = "UPDATE process_executions SET dismissed_at = ?2 WHERE id = ?1";
        let updated = sqlx::query(DISMISS)
            .bind(self.execution.to_string())
            .bind(self.at.map(Timestamp::as_micros))
            .execute(connection)
            .await?;
        Ok(updated.rows_affected() > 0)
    }
}
