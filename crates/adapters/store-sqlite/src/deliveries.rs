//! The port of deliveries: the outbox.

use async_trait::async_trait;
use procession_application::ports::{
    AgentEvent, AttemptEnd, DeliveryAttempt, DeliveryContent, DeliveryFilter, DeliveryKind, DeliveryRow, DeliveryState,
    DeliveryStore, DueDelivery, DueRequest, NewDelivery, Page, Paging, StoreError,
};
use procession_domain::value::{Duration, ExecutionId, Timestamp};
use rusqlite::{Connection, OptionalExtension};
use sqlx::{QueryBuilder, Row, Sqlite, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{
    SqliteStore,
    codec::{blob, column, count, json, process_name, small_count, time, time_if_any, to_json, uuid, uuid_from},
    error::Failure,
    paging::List,
    writer::{Change, insert_delivery},
};

/// What a row of a list shows.
const COLUMNS: &str = "
    delivery.id, kind, event, event_id, execution.id AS execution_id, delivery.process_name, target, state, attempts,
    next_attempt_at, last_status, last_error, delivery.created_at, delivered_at";

const TABLES: &str = "
    deliveries AS delivery
    LEFT JOIN process_executions AS execution ON execution.key = delivery.execution";

const LIST: List = List {
    columns: COLUMNS,
    tables: TABLES,
    at: "delivery.created_at",
    at_column: "created_at",
    id: "delivery.id",
    newest_first: true,
};

#[async_trait]
impl DeliveryStore for SqliteStore {
    async fn enqueue(&self, deliveries: &[NewDelivery]) -> Result<(), StoreError> {
        self.writer.change(Enqueue(deliveries.to_vec())).await
    }

    async fn due(&self, request: &DueRequest) -> Result<Vec<DueDelivery>, StoreError> {
        Ok(self.read_due(request).await?)
    }

    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.read_next_due(after).await?)
    }

    async fn record(&self, end: &AttemptEnd) -> Result<(), StoreError> {
        self.writer.change(Record(end.clone())).await
    }

    async fn withdraw(&self, id: Uuid) -> Result<bool, StoreError> {
        self.writer.change(Withdraw(id)).await
    }

    async fn delivery(&self, id: Uuid) -> Result<Option<DeliveryRow>, StoreError> {
        Ok(self.read_delivery(id).await?)
    }

    async fn attempts(&self, id: Uuid) -> Result<Vec<DeliveryAttempt>, StoreError> {
        Ok(self.read_delivery_attempts(id).await?)
    }

    async fn deliveries(&self, filter: &DeliveryFilter, paging: &Paging) -> Result<Page<DeliveryRow>, StoreError> {
        let conditions = |query: &mut QueryBuilder<Sqlite>| filter_deliveries(filter, query);
        Ok(LIST.page(paging, &self.readers, conditions, delivery_row).await?)
    }

    async fn resend(&self, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        self.writer.change(Resend { id, now }).await
    }

    async fn agent_events(
        &self,
        agent: &str,
        after: u64,
        limit: u32,
        user: Option<&str>,
    ) -> Result<Vec<AgentEvent>, StoreError> {
        Ok(self.read_agent_events(agent, after, limit, user).await?)
    }

    async fn purge_deliveries(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.writer.change(Purge { before, limit }).await
    }

    async fn delivery_counts(&self) -> Result<Vec<(DeliveryState, u64)>, StoreError> {
        Ok(self.count_deliveries().await?)
    }
}

impl SqliteStore {
    async fn read_due(&self, request: &DueRequest) -> Result<Vec<DueDelivery>, Failure> {
        const READ: &str = "
            SELECT delivery.id, event, event_id, execution.id AS execution_id, delivery.process_name, receiver, target,
                   content, tries, delivery.created_at
            FROM deliveries AS delivery INDEXED BY deliveries_due
            LEFT JOIN process_executions AS execution ON execution.key = delivery.execution
            WHERE next_attempt_at <= ?1
              AND receiver NOT IN (SELECT value FROM json_each(?2))
              AND delivery.key NOT IN (
                  SELECT key FROM deliveries WHERE id IN (SELECT unhex(value) FROM json_each(?3)))
            ORDER BY next_attempt_at, delivery.key
            LIMIT ?4";
        let except: Vec<String> = request.except.iter().map(|id| id.simple().to_string()).collect();
        let query = sqlx::query(READ)
            .bind(request.now.as_micros())
            .bind(to_json(&request.except_receivers)?)
            .bind(to_json(&except)?)
            .bind(request.limit);
        query.fetch_all(&self.readers).await?.iter().map(due_delivery).collect()
    }

    async fn read_next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, Failure> {
        const READ: &str = "SELECT min(next_attempt_at) AS next FROM deliveries WHERE next_attempt_at > ?1";
        let row = sqlx::query(READ).bind(after.as_micros()).fetch_one(&self.readers).await?;
        time_if_any(&row, "next")
    }

    async fn read_delivery(&self, id: Uuid) -> Result<Option<DeliveryRow>, Failure> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
        query.push(COLUMNS).push(" FROM ").push(TABLES).push(" WHERE delivery.id = ").push_bind(blob(id));
        query.build().fetch_optional(&self.readers).await?.as_ref().map(delivery_row).transpose()
    }

    async fn read_delivery_attempts(&self, id: Uuid) -> Result<Vec<DeliveryAttempt>, Failure> {
        const READ: &str = "
            SELECT at, took_ms, status, error
            FROM delivery_attempts
            WHERE delivery = (SELECT key FROM deliveries WHERE id = ?1)
            ORDER BY number";
        let rows = sqlx::query(READ).bind(blob(id)).fetch_all(&self.readers).await?;
        rows.iter().map(attempt).collect()
    }

    async fn read_agent_events(
        &self,
        agent: &str,
        after: u64,
        limit: u32,
        user: Option<&str>,
    ) -> Result<Vec<AgentEvent>, Failure> {
        const READ: &str = "
            SELECT delivery.key, event_id, content
            FROM deliveries AS delivery INDEXED BY deliveries_by_agent
            LEFT JOIN process_executions AS execution ON execution.key = delivery.execution
            WHERE kind IN ('informed', 'monitor')
              AND target = ?1 AND delivery.key > ?2 AND (?4 IS NULL OR execution.user_name = ?4)
            ORDER BY delivery.key
            LIMIT ?3";
        let query =
            sqlx::query(READ).bind(agent.to_owned()).bind(column(after)).bind(limit).bind(user.map(str::to_owned));
        query.fetch_all(&self.readers).await?.iter().filter_map(|row| agent_event(row).transpose()).collect()
    }

    async fn count_deliveries(&self) -> Result<Vec<(DeliveryState, u64)>, Failure> {
        const COUNT: &str = "SELECT state, count(*) AS deliveries FROM deliveries GROUP BY state";
        let rows = sqlx::query(COUNT).fetch_all(&self.readers).await?;
        rows.iter().map(|row| Ok((state(row)?, count(row, "deliveries")?))).collect()
    }
}

fn filter_deliveries(filter: &DeliveryFilter, query: &mut QueryBuilder<Sqlite>) {
    if let Some(state) = filter.state {
        query.push(" AND state = ").push_bind(state.as_str());
    }
    if let Some(kind) = filter.kind {
        query.push(" AND kind = ").push_bind(kind.as_str());
    }
    if let Some(execution) = filter.execution_id {
        query.push(" AND delivery.execution = (SELECT key FROM process_executions WHERE id = ");
        query.push_bind(blob(execution.uuid())).push(")");
    }
    if let Some(name) = &filter.process_name {
        query.push(" AND delivery.process_name = ").push_bind(name.clone());
    }
}

fn due_delivery(row: &SqliteRow) -> Result<DueDelivery, Failure> {
    Ok(DueDelivery {
        id: uuid(row, "id")?,
        event: row.try_get("event")?,
        event_id: number(row, "event_id")?,
        execution_id: execution_id(row)?,
        process_name: name(row)?,
        receiver: row.try_get("receiver")?,
        target: row.try_get("target")?,
        content: json(row, "content")?,
        tries: small_count(row, "tries")?,
        created_at: time(row, "created_at")?,
    })
}

fn delivery_row(row: &SqliteRow) -> Result<DeliveryRow, Failure> {
    let kind: &str = row.try_get("kind")?;
    Ok(DeliveryRow {
        id: uuid(row, "id")?,
        kind: DeliveryKind::named(kind).ok_or_else(|| Failure::corrupt(format!("column kind: `{kind}`")))?,
        event: row.try_get("event")?,
        event_id: number(row, "event_id")?,
        execution_id: execution_id(row)?,
        process_name: name(row)?,
        target: row.try_get("target")?,
        state: state(row)?,
        attempts: small_count(row, "attempts")?,
        next_attempt_at: time_if_any(row, "next_attempt_at")?,
        last_status: status(row, "last_status")?,
        last_error: row.try_get("last_error")?,
        created_at: time(row, "created_at")?,
        delivered_at: time_if_any(row, "delivered_at")?,
    })
}

fn attempt(row: &SqliteRow) -> Result<DeliveryAttempt, Failure> {
    Ok(DeliveryAttempt {
        at: time(row, "at")?,
        took: Duration::from_millis(count(row, "took_ms")?),
        status: status(row, "status")?,
        error: row.try_get("error")?,
    })
}

/// What a row tells an agent, if it does.
fn agent_event(row: &SqliteRow) -> Result<Option<AgentEvent>, Failure> {
    Ok(match json(row, "content")? {
        DeliveryContent::AgentMessage { message, .. } => {
            Some(AgentEvent { number: count(row, "key")?, event_id: number(row, "event_id")?, message })
        }
        DeliveryContent::Webhook { .. } | DeliveryContent::ApprovalMail { .. } | DeliveryContent::Message { .. } => {
            None
        }
    })
}

fn state(row: &SqliteRow) -> Result<DeliveryState, Failure> {
    let state: &str = row.try_get("state")?;
    DeliveryState::named(state).ok_or_else(|| Failure::corrupt(format!("column state: `{state}`")))
}

fn number(row: &SqliteRow, column: &str) -> Result<Option<u64>, Failure> {
    let number: Option<i64> = row.try_get(column)?;
    Ok(number.map(i64::unsigned_abs))
}

fn status(row: &SqliteRow, column: &str) -> Result<Option<u16>, Failure> {
    let status: Option<i64> = row.try_get(column)?;
    Ok(status.and_then(|status| u16::try_from(status).ok()))
}

fn execution_id(row: &SqliteRow) -> Result<Option<ExecutionId>, Failure> {
    let id: Option<&[u8]> = row.try_get("execution_id")?;
    id.map(|id| uuid_from(id, "execution_id").map(ExecutionId::new)).transpose()
}

fn name(row: &SqliteRow) -> Result<Option<procession_domain::value::ProcessName>, Failure> {
    let is_named = row.try_get::<Option<&str>, _>("process_name")?.is_some();
    is_named.then(|| process_name(row, "process_name")).transpose()
}

/// Deliveries that belong to no commit.
struct Enqueue(Vec<NewDelivery>);

impl Change for Enqueue {
    type Outcome = ();

    fn apply(&self, connection: &Connection) -> Result<(), Failure> {
        self.0.iter().try_for_each(|delivery| insert_delivery(delivery, None, connection))
    }

    fn is_done((): &()) -> bool {
        true
    }
}

/// The end of a try.
struct Record(AttemptEnd);

impl Change for Record {
    type Outcome = ();

    fn apply(&self, connection: &Connection) -> Result<(), Failure> {
        const UPDATE: &str = "
            UPDATE deliveries
            SET state = ?2, attempts = attempts + 1, tries = tries + ?7, next_attempt_at = ?3, last_status = ?4,
                last_error = ?5, delivered_at = iif(?2 = 'delivered', ?6, delivered_at)
            WHERE id = ?1
            RETURNING key, attempts";
        const KEEP: &str = "
            INSERT INTO delivery_attempts (delivery, number, at, took_ms, status, error)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let AttemptEnd { id, attempt, state, counts, next_attempt_at } = &self.0;
        let ended_at = attempt.at.saturating_add(attempt.took);
        let update = rusqlite::params![
            id.as_bytes(),
            state.as_str(),
            next_attempt_at.map(Timestamp::as_micros),
            attempt.status,
            attempt.error,
            ended_at.as_micros(),
            counts,
        ];
        let updated = connection.prepare_cached(UPDATE)?.query_row(update, |row| Ok((row.get(0)?, row.get(1)?)));
        let Some((key, number)): Option<(i64, i64)> = updated.optional()? else { return Ok(()) };
        let (at, took) = (attempt.at.as_micros(), column(attempt.took.as_millis()));
        let kept = rusqlite::params![key, number, at, took, attempt.status, attempt.error];
        connection.prepare_cached(KEEP)?.execute(kept)?;
        Ok(())
    }

    fn is_done((): &()) -> bool {
        true
    }
}

/// A delivery that nobody needs any more.
pub(crate) struct Withdraw(pub Uuid);

impl Change for Withdraw {
    type Outcome = bool;

    fn apply(&self, connection: &Connection) -> Result<bool, Failure> {
        const REMOVE: &str = "DELETE FROM deliveries WHERE id = ?1 AND attempts = 0";
        Ok(connection.prepare_cached(REMOVE)?.execute([self.0.as_bytes()])? > 0)
    }

    fn is_done(outcome: &bool) -> bool {
        *outcome
    }
}

/// Old deliveries, of which nothing more is tried.
struct Purge {
    before: Timestamp,
    limit: u32,
}

impl Change for Purge {
    type Outcome = u64;

    fn apply(&self, connection: &Connection) -> Result<u64, Failure> {
        const REMOVE: &str = "
            DELETE FROM deliveries WHERE key IN (
                SELECT key FROM deliveries
                WHERE created_at < ?1 AND next_attempt_at IS NULL
                ORDER BY created_at, id
                LIMIT ?2)";
        Ok(connection.prepare_cached(REMOVE)?.execute((self.before.as_micros(), self.limit))? as u64)
    }

    fn is_done(outcome: &u64) -> bool {
        *outcome > 0
    }
}

/// A delivery that is sent again.
struct Resend {
    id: Uuid,
    now: Timestamp,
}

impl Change for Resend {
    type Outcome = bool;

    fn apply(&self, connection: &Connection) -> Result<bool, Failure> {
        const AGAIN: &str = "
            UPDATE deliveries SET state = 'waiting', tries = 0, next_attempt_at = ?2 WHERE id = ?1";
        Ok(connection.prepare_cached(AGAIN)?.execute((self.id.as_bytes(), self.now.as_micros()))? > 0)
    }

    fn is_done(outcome: &bool) -> bool {
        *outcome
    }
}
