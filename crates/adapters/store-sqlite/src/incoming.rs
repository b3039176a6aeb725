//! The port of webhooks, and what changes of definitions write of them.

use async_trait::async_trait;
use procession_application::ports::{
    CallOutcome, KeptWebhook, ShownWebhook, StoreError, WebhookAddress, WebhookCall, WebhookStore,
};
use procession_domain::{
    definition::Process,
    value::{ExecutionId, ProcessId, ProcessName, Timestamp, TriggerId},
};
use rusqlite::Connection;
use sqlx::{Row, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{
    SqliteStore,
    codec::{blob, column, count, process_name, small_count, time, uuid, uuid_from},
    error::Failure,
    schedules::trigger_id,
    writer::Change,
};

macro_rules! read_where {
    ($rest:literal) => {
        concat!(
            "SELECT process_definitions.id AS process_id, webhooks.name, trigger_id, webhooks.description, enabled, ",
            "switched, secret, dedupe_header ",
            "FROM webhooks JOIN process_definitions ON process_definitions.key = webhooks.definition ",
            $rest
        )
    };
}

macro_rules! read_calls_where {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, trigger_id, at, outcome, status, execution_id, reason, size, body FROM webhook_calls ",
            $rest
        )
    };
}

#[async_trait]
impl WebhookStore for SqliteStore {
    async fn webhooks(&self) -> Result<Vec<ShownWebhook>, StoreError> {
        const READ: &str = "
            SELECT
                process_definitions.id AS process_id, webhooks.name, trigger_id, webhooks.description, enabled, switched,
                secret, dedupe_header,
                NOT EXISTS (
                    SELECT 1 FROM webhooks AS other
                    WHERE other.trigger_id = webhooks.trigger_id
                      AND (other.owned_since, other.key) > (webhooks.owned_since, webhooks.key)) AS has_short_address,
                (SELECT count(*) FROM webhook_calls AS call
                 WHERE call.name = webhooks.name AND call.trigger_id = webhooks.trigger_id) AS calls
            FROM webhooks
            JOIN process_definitions ON process_definitions.key = webhooks.definition
            ORDER BY process_definitions.updated_at DESC, webhooks.definition DESC, position";
        let rows = sqlx::query(READ).fetch_all(&self.readers).await.map_err(Failure::from)?;
        Ok(rows.iter().map(shown).collect::<Result<_, _>>()?)
    }

    async fn webhook(&self, address: &WebhookAddress) -> Result<Option<KeptWebhook>, StoreError> {
        const READ: &str = read_where!(
            "WHERE trigger_id = ?1 AND (?2 IS NULL OR webhooks.name = ?2)
             ORDER BY owned_since DESC, webhooks.key DESC
             LIMIT 1"
        );
        let query = sqlx::query(READ).bind(address.trigger.clone()).bind(address.process.clone());
        let row = query.fetch_optional(&self.readers).await.map_err(Failure::from)?;
        Ok(row.as_ref().map(kept).transpose()?)
    }

    async fn switch_webhook(&self, process: &ProcessName, trigger: &TriggerId, on: bool) -> Result<bool, StoreError> {
        self.writer.change(Switch { process: process.clone(), trigger: trigger.clone(), on }).await
    }

    async fn note_call(&self, call: &WebhookCall, kept: u32) -> Result<(), StoreError> {
        self.writer.change(Note { call: call.clone(), kept }).await
    }

    async fn calls(
        &self,
        process: &ProcessName,
        trigger: &TriggerId,
        limit: u32,
    ) -> Result<Vec<WebhookCall>, StoreError> {
        const READ: &str = read_calls_where!("WHERE name = ?1 AND trigger_id = ?2 ORDER BY key DESC LIMIT ?3");
        let query = sqlx::query(READ).bind(process.as_str().to_owned());
        let query = query.bind(trigger.as_str().to_owned()).bind(limit);
        let rows = query.fetch_all(&self.readers).await.map_err(Failure::from)?;
        Ok(rows.iter().map(call).collect::<Result<_, _>>()?)
    }

    async fn count_calls(&self, process: &ProcessName, trigger: &TriggerId) -> Result<u64, StoreError> {
        const COUNT: &str = "SELECT count(*) FROM webhook_calls WHERE name = ?1 AND trigger_id = ?2";
        let query = sqlx::query_scalar(COUNT).bind(process.as_str().to_owned()).bind(trigger.as_str().to_owned());
        let calls: i64 = query.fetch_one(&self.readers).await.map_err(Failure::from)?;
        Ok(calls.unsigned_abs())
    }

    async fn call(
        &self,
        process: &ProcessName,
        trigger: &TriggerId,
        id: Uuid,
    ) -> Result<Option<WebhookCall>, StoreError> {
        const READ: &str = read_calls_where!("WHERE id = ?1 AND name = ?2 AND trigger_id = ?3");
        let query = sqlx::query(READ).bind(blob(id)).bind(process.as_str().to_owned());
        let row = query.bind(trigger.as_str().to_owned()).fetch_optional(&self.readers).await.map_err(Failure::from)?;
        Ok(row.as_ref().map(call).transpose()?)
    }
}

fn shown(row: &SqliteRow) -> Result<ShownWebhook, Failure> {
    Ok(ShownWebhook {
        webhook: kept(row)?,
        has_short_address: row.try_get("has_short_address")?,
        calls: count(row, "calls")?,
    })
}

fn kept(row: &SqliteRow) -> Result<KeptWebhook, Failure> {
    Ok(KeptWebhook {
        process_id: ProcessId::new(uuid(row, "process_id")?),
        process_name: process_name(row, "name")?,
        trigger_id: trigger_id(row.try_get("trigger_id")?)?,
        description: row.try_get("description")?,
        declared_enabled: row.try_get("enabled")?,
        switched: row.try_get("switched")?,
        secret: row.try_get("secret")?,
        dedupe_header: row.try_get("dedupe_header")?,
    })
}

fn call(row: &SqliteRow) -> Result<WebhookCall, Failure> {
    let outcome: &str = row.try_get("outcome")?;
    let execution: Option<&[u8]> = row.try_get("execution_id")?;
    Ok(WebhookCall {
        id: uuid(row, "id")?,
        process_name: process_name(row, "name")?,
        trigger_id: trigger_id(row.try_get("trigger_id")?)?,
        at: time(row, "at")?,
        outcome: CallOutcome::of(outcome).ok_or_else(|| Failure::corrupt(format!("column outcome: `{outcome}`")))?,
        status: u16::try_from(small_count(row, "status")?)
            .map_err(|_| Failure::corrupt("column status: not a status".to_owned()))?,
        execution_id: execution.map(|id| uuid_from(id, "execution_id").map(ExecutionId::new)).transpose()?,
        reason: row.try_get("reason")?,
        size: count(row, "size")?,
        body: row.try_get("body")?,
    })
}

/// Gives the webhooks of a process to the version that has just become active, or takes them from one that no longer is.
pub(crate) fn follow(process: &Process, definition: i64, connection: &Connection) -> Result<(), Failure> {
    const TAKE: &str = "DELETE FROM webhooks WHERE definition = ?1";
    const CLEAR: &str = "DELETE FROM webhooks WHERE name = ?1";
    const PUT: &str = "
        INSERT INTO webhooks (
            definition, name, trigger_id, position, description, enabled, switched, secret, dedupe_header, owned_since)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    if !process.is_active() {
        connection.prepare_cached(TAKE)?.execute([definition])?;
        return Ok(());
    }
    let name = process.definition().name();
    let before = of_process(name, connection)?;
    connection.prepare_cached(CLEAR)?.execute([name.as_str()])?;
    for (position, webhook) in KeptWebhook::registered(&before, process).iter().enumerate() {
        connection.prepare_cached(PUT)?.execute(rusqlite::params![
            definition,
            name.as_str(),
            webhook.trigger_id.as_str(),
            column(position as u64),
            webhook.description,
            webhook.declared_enabled,
            webhook.switched,
            webhook.secret,
            webhook.dedupe_header,
            process.updated_at().as_micros(),
        ])?;
    }
    Ok(())
}

/// The webhooks of a process, for a transaction that is about to change them.
fn of_process(name: &ProcessName, connection: &Connection) -> Result<Vec<KeptWebhook>, Failure> {
    const READ: &str = read_where!("WHERE webhooks.name = ?1 ORDER BY position");
    let mut read = connection.prepare_cached(READ)?;
    let mut rows = read.query([name.as_str()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(KeptWebhook {
            process_id: ProcessId::new(uuid_from(&row.get::<_, Vec<u8>>("process_id")?, "process_id")?),
            process_name: name.clone(),
            trigger_id: trigger_id(&row.get::<_, String>("trigger_id")?)?,
            description: row.get("description")?,
            declared_enabled: row.get("enabled")?,
            switched: row.get("switched")?,
            secret: row.get("secret")?,
            dedupe_header: row.get("dedupe_header")?,
        });
    }
    Ok(found)
}

/// A webhook that is switched on or off.
struct Switch {
    process: ProcessName,
    trigger: TriggerId,
    on: bool,
}

impl Change for Switch {
    type Outcome = bool;

    fn apply(&self, connection: &Connection) -> Result<bool, Failure> {
        const SWITCH: &str = "UPDATE webhooks SET switched = ?3 WHERE name = ?1 AND trigger_id = ?2";
        let row = (self.process.as_str(), self.trigger.as_str(), self.on);
        Ok(connection.prepare_cached(SWITCH)?.execute(row)? > 0)
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        *outcome
    }
}

/// A call to remember.
struct Note {
    call: WebhookCall,
    kept: u32,
}

impl Change for Note {
    type Outcome = ();

    fn apply(&self, connection: &Connection) -> Result<(), Failure> {
        note(&self.call, self.kept, connection)
    }

    fn is_done((): &()) -> bool {
        // What a stranger calls is no change that someone of the house has asked for.
        false
    }
}

/// Remembers a call, and forgets the oldest one of its trigger beyond so many.
pub(crate) fn note(call: &WebhookCall, kept: u32, connection: &Connection) -> Result<(), Failure> {
    const NOTE: &str = "
            INSERT INTO webhook_calls (id, name, trigger_id, at, outcome, status, execution_id, reason, size, body)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    const FORGET: &str = "
            DELETE FROM webhook_calls
            WHERE key <= (
                SELECT key FROM webhook_calls WHERE name = ?1 AND trigger_id = ?2 ORDER BY key DESC LIMIT 1 OFFSET ?3)
              AND name = ?1 AND trigger_id = ?2";
    let (name, trigger) = (call.process_name.as_str(), call.trigger_id.as_str());
    connection.prepare_cached(NOTE)?.execute(rusqlite::params![
        call.id.as_bytes(),
        name,
        trigger,
        Timestamp::as_micros(call.at),
        call.outcome.as_str(),
        call.status,
        call.execution_id.map(|id| id.uuid().into_bytes()),
        call.reason,
        column(call.size),
        call.body,
    ])?;
    connection.prepare_cached(FORGET)?.execute((name, trigger, kept))?;
    Ok(())
}
