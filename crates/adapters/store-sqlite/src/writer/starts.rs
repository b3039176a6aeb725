//! Starts: idempotent, and limited (spec 3.7, 3.9).

use procession_application::ports::{Admission, Start, StartError, Started};
use procession_domain::value::{ExecutionId, Timestamp};
use rusqlite::{Connection, OptionalExtension};

use super::{
    batch::{EventNumbers, Written},
    rows::{
        Belongs, Telling, definition_key, execution_key, insert_budget, insert_deliveries, insert_execution,
        insert_values, name_key, node_key,
    },
};
use crate::{codec::uuid_from, error::Failure, incoming, schedules};

/// Decides about a start, and writes it if it gets in.
pub(super) fn write(
    start: &Start,
    connection: &Connection,
    numbers: &mut EventNumbers,
) -> Result<Written<Result<Started, StartError>>, Failure> {
    if let Some(before) = made_before(start, connection)? {
        return Ok(Written::nothing(before));
    }
    let creation = start.execution.creation();
    let Some(definition) = definition_key(creation, connection)? else {
        return Ok(Written::nothing(Err(StartError::ProcessGone)));
    };
    let waiting = waiting(connection)?;
    let owner = match &start.admit {
        Some(admission) if waiting == 0 => admitted(start, admission, connection)?,
        Some(_) | None => None,
    };
    if owner.is_none() && waiting >= u64::from(start.queue_length) {
        return Ok(Written::nothing(Err(StartError::QueueFull { pending: waiting })));
    }
    let belongs = Belongs {
        definition,
        parent: None,
        root: None,
        instance_limit: start.instance_limit,
        owner,
        attention_at: None,
    };
    // Nothing is written before the last refusal.
    let schedule = match &start.schedule {
        None => None,
        Some(change) => match schedules::stand(change, connection)? {
            Some(schedule) => Some(schedule),
            None => return Ok(Written::nothing(Err(StartError::Outrun))),
        },
    };
    let (key, name) = insert_execution(&start.execution, &belongs, connection)?;
    if let Some(schedule) = schedule {
        schedules::note_run(schedule, key, connection)?;
    }
    if let Some(budget) = &start.budget {
        insert_budget(key, budget, connection)?;
    }
    if let Some(noted) = &start.call {
        incoming::note(&noted.call, noted.kept, connection)?;
    }
    keep_keys(start, connection)?;
    insert_values(key, &start.values, connection)?;
    let telling = Telling { execution: key, name, execution_id: start.execution.id(), creation };
    let mut told = Vec::with_capacity(start.events.len());
    telling.insert(&start.events, connection, numbers, &mut told)?;
    insert_deliveries(&start.deliveries, &told, connection)?;
    Ok(Written { answer: Ok(Started::Created { admitted: owner.is_some() }), told })
}

/// The answer to a start that was made before, by its key or under its id.
fn made_before(start: &Start, connection: &Connection) -> Result<Option<Result<Started, StartError>>, Failure> {
    const FIND: &str = "SELECT digest, execution_id FROM idempotency_keys WHERE scope = ?1 AND expires_at > ?2";
    for asked in start.idempotency.iter().chain(&start.message) {
        let now = start.execution.state().created_at.as_micros();
        let mut find = connection.prepare_cached(FIND)?;
        let kept = find.query_row(rusqlite::params![asked.scope, now], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))
        });
        if let Some((digest, execution)) = kept.optional()? {
            if digest != asked.digest {
                return Ok(Some(Err(StartError::KeyReused)));
            }
            let execution = ExecutionId::new(uuid_from(&execution, "execution_id")?);
            return Ok(Some(Ok(Started::Before(execution))));
        }
    }
    let id = start.execution.id();
    Ok(execution_key(id, connection)?.map(|_| Ok(Started::Before(id))))
}

fn waiting(connection: &Connection) -> Result<u64, Failure> {
    let waiting: i64 =
        connection.prepare_cached("SELECT waiting FROM queue_length")?.query_row((), |row| row.get(0))?;
    Ok(waiting.unsigned_abs())
}

/// The node that has the execution from the beginning, if the limits leave room for it.
fn admitted(start: &Start, admission: &Admission, connection: &Connection) -> Result<Option<(i64, u64)>, Failure> {
    const IN_WORK: &str = "
        SELECT count(*), count(*) FILTER (WHERE name = ?1)
        FROM process_executions INDEXED BY process_executions_owned
        WHERE owner IS NOT NULL AND parent IS NULL";
    let Some(node) = node_key(admission.lease, connection)? else { return Ok(None) };
    let name = name_key(start.execution.creation().process.name.as_str(), connection)?;
    let mut in_work = connection.prepare_cached(IN_WORK)?;
    let (all, of_process): (u32, u32) = in_work.query_row([name], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let has_room = all < admission.most_running && start.instance_limit.is_none_or(|limit| of_process < limit);
    Ok(has_room.then_some((node, admission.lease.epoch)))
}

/// Keeps the keys of a start; one that has expired makes room for a new one.
fn keep_keys(start: &Start, connection: &Connection) -> Result<(), Failure> {
    const KEEP: &str = "
        INSERT INTO idempotency_keys (scope, digest, execution_id, expires_at) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (scope) DO UPDATE SET
            digest = excluded.digest,
            execution_id = excluded.execution_id,
            expires_at = excluded.expires_at";
    let id = start.execution.id().uuid();
    for key in start.idempotency.iter().chain(&start.message) {
        let expires_at = Timestamp::as_micros(key.expires_at);
        connection.prepare_cached(KEEP)?.execute(rusqlite::params![
            key.scope,
            key.digest,
            id.as_bytes(),
            expires_at
        ])?;
    }
    Ok(())
}
