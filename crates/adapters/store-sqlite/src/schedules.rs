//! The port of schedules, and what changes of definitions and starts write of them.

use async_trait::async_trait;
use procession_application::ports::{KeptSchedule, ScheduleChange, ScheduleStanding, ScheduleStore, StoreError};
use procession_domain::{
    definition::Process,
    value::{ExecutionId, ProcessId, ProcessName, ScheduleId, Timestamp, TriggerId},
};
use rusqlite::{Connection, OptionalExtension};
use sqlx::{Row, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{
    SqliteStore,
    codec::{blob, column, count, json, process_name, to_json, uuid, uuid_from},
    error::Failure,
    writer::Change,
};

macro_rules! read_where {
    ($rest:literal) => {
        concat!(
            "SELECT schedules.id, process_definitions.id AS process_id, schedules.name, trigger_id, ",
            "schedules.description, enabled, schedule, schedules.revision, standing ",
            "FROM schedules JOIN process_definitions ON process_definitions.key = schedules.definition ",
            $rest
        )
    };
}

#[async_trait]
impl ScheduleStore for SqliteStore {
    async fn schedules(&self) -> Result<Vec<KeptSchedule>, StoreError> {
        const READ: &str =
            read_where!("ORDER BY process_definitions.updated_at DESC, schedules.definition DESC, position");
        let rows = sqlx::query(READ).fetch_all(&self.readers).await.map_err(Failure::from)?;
        Ok(rows.iter().map(kept).collect::<Result<_, _>>()?)
    }

    async fn schedule(&self, id: ScheduleId) -> Result<Option<KeptSchedule>, StoreError> {
        const READ: &str = read_where!("WHERE schedules.id = ?1");
        let row = sqlx::query(READ).bind(blob(id.uuid())).fetch_optional(&self.readers).await.map_err(Failure::from)?;
        Ok(row.as_ref().map(kept).transpose()?)
    }

    async fn due_schedules(&self, now: Timestamp, most: u32) -> Result<Vec<KeptSchedule>, StoreError> {
        const READ: &str = read_where!("WHERE attention_at <= ?1 ORDER BY attention_at LIMIT ?2");
        let query = sqlx::query(READ).bind(now.as_micros()).bind(most);
        let rows = query.fetch_all(&self.readers).await.map_err(Failure::from)?;
        Ok(rows.iter().map(kept).collect::<Result<_, _>>()?)
    }

    async fn next_schedule_attention(&self) -> Result<Option<Timestamp>, StoreError> {
        const READ: &str = "SELECT min(attention_at) FROM schedules WHERE attention_at IS NOT NULL";
        Ok(self.read_time(READ).await?)
    }

    async fn change_schedule(&self, change: &ScheduleChange) -> Result<bool, StoreError> {
        self.writer.change(Stand(change.clone())).await
    }

    async fn runs_under_way(&self, id: ScheduleId) -> Result<Vec<ExecutionId>, StoreError> {
        const READ: &str = "
            SELECT process_executions.id
            FROM schedules
            JOIN schedule_runs ON schedule_runs.schedule = schedules.key
            JOIN process_executions ON process_executions.key = schedule_runs.execution
            WHERE schedules.id = ?1 AND status < 3
            ORDER BY process_executions.key";
        let query = sqlx::query(READ).bind(blob(id.uuid()));
        let rows = query.fetch_all(&self.readers).await.map_err(Failure::from)?;
        Ok(rows.iter().map(|row| uuid(row, "id").map(ExecutionId::new)).collect::<Result<_, _>>()?)
    }
}

fn kept(row: &SqliteRow) -> Result<KeptSchedule, Failure> {
    Ok(KeptSchedule {
        id: ScheduleId::new(uuid(row, "id")?),
        process_id: ProcessId::new(uuid(row, "process_id")?),
        process_name: process_name(row, "name")?,
        trigger_id: trigger_id(row.try_get("trigger_id")?)?,
        description: row.try_get("description")?,
        enabled: row.try_get("enabled")?,
        schedule: json(row, "schedule")?,
        revision: count(row, "revision")?,
        standing: json(row, "standing")?,
    })
}

/// The id of a trigger from its column.
pub(crate) fn trigger_id(text: &str) -> Result<TriggerId, Failure> {
    TriggerId::new(text).map_err(|error| Failure::corrupt(format!("column trigger_id: {error}")))
}

/// Gives the schedules of a process to the version that has just become active, or takes them from one that no longer is.
pub(crate) fn follow(process: &Process, definition: i64, connection: &Connection) -> Result<(), Failure> {
    const TAKE: &str = "DELETE FROM schedules WHERE definition = ?1";
    const DROP: &str = "DELETE FROM schedules WHERE name = ?1 AND trigger_id = ?2";
    if !process.is_active() {
        connection.prepare_cached(TAKE)?.execute([definition])?;
        return Ok(());
    }
    let name = process.definition().name();
    let before = of_process(name, connection)?;
    let registered = KeptSchedule::registered(&before, process, || ScheduleId::new(Uuid::new_v4()));
    let is_gone = |known: &&KeptSchedule| registered.iter().all(|new| new.trigger_id != known.trigger_id);
    for gone in before.iter().filter(is_gone) {
        connection.prepare_cached(DROP)?.execute((name.as_str(), gone.trigger_id.as_str()))?;
    }
    for (position, schedule) in registered.iter().enumerate() {
        put(schedule, definition, position, connection)?;
    }
    Ok(())
}

fn put(schedule: &KeptSchedule, definition: i64, position: usize, connection: &Connection) -> Result<(), Failure> {
    const PUT: &str = "
        INSERT INTO schedules (
            id, definition, name, trigger_id, position, description, enabled, schedule, revision, standing, attention_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
        ON CONFLICT (name, trigger_id) DO UPDATE SET
            definition = excluded.definition,
            position = excluded.position,
            description = excluded.description,
            enabled = excluded.enabled,
            schedule = excluded.schedule,
            revision = excluded.revision,
            standing = excluded.standing,
            attention_at = excluded.attention_at";
    connection.prepare_cached(PUT)?.execute(rusqlite::params![
        schedule.id.uuid().as_bytes(),
        definition,
        schedule.process_name.as_str(),
        schedule.trigger_id.as_str(),
        column(position as u64),
        schedule.description,
        schedule.enabled,
        to_json(&schedule.schedule)?,
        column(schedule.revision),
        to_json(&schedule.standing)?,
        schedule.standing.attention_at.map(Timestamp::as_micros),
    ])?;
    Ok(())
}

/// The schedules of a process, for a transaction that is about to change them.
fn of_process(name: &ProcessName, connection: &Connection) -> Result<Vec<KeptSchedule>, Failure> {
    const READ: &str = read_where!("WHERE schedules.name = ?1 ORDER BY position");
    let mut read = connection.prepare_cached(READ)?;
    let mut rows = read.query([name.as_str()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, process): (Vec<u8>, Vec<u8>) = (row.get("id")?, row.get("process_id")?);
        let revision: i64 = row.get("revision")?;
        found.push(KeptSchedule {
            id: ScheduleId::new(uuid_from(&id, "id")?),
            process_id: ProcessId::new(uuid_from(&process, "process_id")?),
            process_name: name.clone(),
            trigger_id: trigger_id(&row.get::<_, String>("trigger_id")?)?,
            description: row.get("description")?,
            enabled: row.get("enabled")?,
            schedule: serde_json::from_str(&row.get::<_, String>("schedule")?)?,
            revision: revision.unsigned_abs(),
            standing: serde_json::from_str::<ScheduleStanding>(&row.get::<_, String>("standing")?)?,
        });
    }
    Ok(found)
}

/// Writes a new standing, if the schedule is as it was when that was decided; its row then.
pub(crate) fn stand(change: &ScheduleChange, connection: &Connection) -> Result<Option<i64>, Failure> {
    const STAND: &str = "
        UPDATE schedules
        SET revision = revision + 1, standing = ?3, attention_at = ?4
        WHERE id = ?1 AND revision = ?2
        RETURNING key";
    let attention_at = change.standing.attention_at.map(Timestamp::as_micros);
    let row = (change.id.uuid().into_bytes(), column(change.revision), to_json(&change.standing)?, attention_at);
    Ok(connection.prepare_cached(STAND)?.query_row(row, |row| row.get(0)).optional()?)
}

/// Notes which execution a schedule has started, and forgets those that have ended.
pub(crate) fn note_run(schedule: i64, execution: i64, connection: &Connection) -> Result<(), Failure> {
    const FORGET: &str = "
        DELETE FROM schedule_runs
        WHERE schedule = ?1
          AND (SELECT status FROM process_executions WHERE key = schedule_runs.execution) >= 3";
    const NOTE: &str = "INSERT INTO schedule_runs (execution, schedule) VALUES (?1, ?2)";
    connection.prepare_cached(FORGET)?.execute([schedule])?;
    connection.prepare_cached(NOTE)?.execute((execution, schedule))?;
    Ok(())
}

/// A new standing.
struct Stand(ScheduleChange);

impl Change for Stand {
    type Outcome = bool;

    fn apply(&self, connection: &Connection) -> Result<bool, Failure> {
        Ok(stand(&self.0, connection)?.is_some())
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        *outcome
    }
}
