//! New rows of executions: what starts and commits both write, and what others change of approvals and inboxes.

use std::sync::Arc;

use procession_application::ports::{Content, DeliveryState, EndedStep, Lease, NewDelivery, NewValue, StoredEvent};
use procession_domain::{
    approval::Approval,
    definition::Budget,
    event::{AttemptEvent, Creation, Direction, Event, ProcessEvent, Recorded},
    execution::{Execution, Signal},
    value::{ApprovalId, ExecutionId, Timestamp},
};
use rusqlite::{Connection, OptionalExtension};

use super::batch::EventNumbers;
use crate::{
    codec::{budget_action_name, column, phase_code, priority_rank, status_code, to_json},
    error::Failure,
};

/// Where a new execution belongs.
pub(crate) struct Belongs {
    /// The row of the version that it runs.
    pub definition: i64,
    /// The row of the execution whose step it is.
    pub parent: Option<i64>,
    /// The row of the top of its tree, if that is another one.
    pub root: Option<i64>,
    /// How many executions of its process may be in work at once.
    pub instance_limit: Option<u32>,
    /// Who has it in memory, as the row of a node and the epoch of its lease.
    pub owner: Option<(i64, u64)>,
    /// When it needs attention.
    pub attention_at: Option<Timestamp>,
}

/// Events that one write tells, as they are stored.
pub(crate) struct Telling<'a> {
    pub execution: i64,
    /// The row of the process's name.
    pub name: i64,
    pub execution_id: ExecutionId,
    pub creation: &'a Arc<Creation>,
}

/// Writes a new execution; its row.
pub(crate) fn insert_execution(
    execution: &Execution,
    belongs: &Belongs,
    connection: &Connection,
) -> Result<(i64, i64), Failure> {
    const INSERT: &str = "
        INSERT INTO process_executions (
            id, definition, name, status, phase, last_sequence, creation, created_at, updated_at, started_at, completed_at,
            cost_nanos, cost_currency, cost_complete, triggered_by, user_name, labels, parent, root, priority,
            instance_limit, owner, owner_epoch, attention_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
                coalesce(?19, (SELECT coalesce(max(key), 0) + 1 FROM process_executions)), ?20, ?21, ?22, ?23, ?24)";
    let creation = execution.creation();
    let standing = execution.standing();
    let labels = if creation.labels.is_empty() { None } else { Some(to_json(&creation.labels)?) };
    let name = name_key(creation.process.name.as_str(), connection)?;
    connection.prepare_cached(INSERT)?.execute(rusqlite::params![
        execution.id().uuid().as_bytes(),
        belongs.definition,
        name,
        status_code(standing.status),
        phase_code(standing.phase),
        column(standing.sequence),
        to_json(&**creation)?,
        execution.state().created_at.as_micros(),
        standing.updated_at.as_micros(),
        standing.started_at.map(Timestamp::as_micros),
        standing.completed_at.map(Timestamp::as_micros),
        standing.cost.amount.nanos(),
        standing.cost.amount.currency().as_str(),
        standing.cost.complete,
        creation.triggered_by,
        creation.user,
        labels,
        belongs.parent,
        belongs.root,
        priority_rank(creation.priority),
        belongs.instance_limit,
        belongs.owner.map(|(node, _)| node),
        belongs.owner.map(|(_, epoch)| column(epoch)),
        belongs.attention_at.map(Timestamp::as_micros),
    ])?;
    Ok((connection.last_insert_rowid(), name))
}

/// The row of a process's name, which is made when it is new.
pub(super) fn name_key(name: &str, connection: &Connection) -> Result<i64, Failure> {
    const FIND: &str = "SELECT key FROM process_names WHERE name = ?1";
    const ADD: &str = "INSERT INTO process_names (name) VALUES (?1)";
    let found = connection.prepare_cached(FIND)?.query_row([name], |row| row.get(0)).optional()?;
    if let Some(key) = found {
        return Ok(key);
    }
    connection.prepare_cached(ADD)?.execute([name])?;
    Ok(connection.last_insert_rowid())
}

/// The row of a version; `None` if it is gone.
pub(crate) fn definition_key(creation: &Creation, connection: &Connection) -> Result<Option<i64>, Failure> {
    const FIND: &str = "SELECT key FROM process_definitions WHERE id = ?1";
    let id = creation.process.id.uuid();
    Ok(connection.prepare_cached(FIND)?.query_row([id.as_bytes()], |row| row.get(0)).optional()?)
}

/// The row of an execution.
pub(crate) fn execution_key(id: ExecutionId, connection: &Connection) -> Result<Option<i64>, Failure> {
    const FIND: &str = "SELECT key FROM process_executions WHERE id = ?1";
    Ok(connection.prepare_cached(FIND)?.query_row([id.uuid().as_bytes()], |row| row.get(0)).optional()?)
}

/// The row of a node whose lease stands.
pub(crate) fn node_key(lease: Lease, connection: &Connection) -> Result<Option<i64>, Failure> {
    const FIND: &str = "SELECT key FROM nodes WHERE id = ?1 AND epoch = ?2 AND ended = 0";
    let key = (lease.node.as_bytes(), column(lease.epoch));
    Ok(connection.prepare_cached(FIND)?.query_row(key, |row| row.get(0)).optional()?)
}

/// Writes values. They are kept by their content, so that what is there already is the same.
pub(crate) fn insert_values(execution: i64, values: &[NewValue], connection: &Connection) -> Result<(), Failure> {
    const INSERT: &str = "
        INSERT INTO execution_values (execution, hash, content, blob) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (execution, hash) DO NOTHING";
    let mut insert = connection.prepare_cached(INSERT)?;
    for value in values {
        let (content, blob) = match &value.content {
            Content::Inline(text) => (text, None),
            Content::Blob { key, preview } => (preview, Some(key)),
        };
        insert.execute(rusqlite::params![
            execution,
            value.value.hash.as_bytes(),
            &**content,
            blob.map(|key| &**key)
        ])?;
    }
    Ok(())
}

impl Telling<'_> {
    /// Writes events, each with the next number; what is told of them.
    pub fn insert(
        &self,
        events: &[Arc<Recorded>],
        connection: &Connection,
        numbers: &mut EventNumbers,
        told: &mut Vec<StoredEvent>,
    ) -> Result<(), Failure> {
        const INSERT: &str = "
            INSERT INTO execution_events (id, execution, sequence, at, event) VALUES (?1, ?2, ?3, ?4, ?5)";
        let mut insert = connection.prepare_cached(INSERT)?;
        for recorded in events {
            let number = numbers.take();
            // What was fixed at the creation stands with the execution.
            let is_creation = matches!(recorded.event, Event::Process(ProcessEvent::Created(_)));
            let text = if is_creation { None } else { Some(to_json(&recorded.event)?) };
            let (sequence, at) = (column(recorded.sequence), recorded.at.as_micros());
            insert.execute(rusqlite::params![number, self.execution, sequence, at, text])?;
            self.note_cost(number, &recorded.event, connection)?;
            told.push(StoredEvent {
                id: number.unsigned_abs(),
                execution_id: self.execution_id,
                creation: Arc::clone(self.creation),
                recorded: Arc::clone(recorded),
            });
        }
        Ok(())
    }

    /// Remembers what a completed step has cost, to estimate the next one.
    fn note_cost(&self, number: i64, event: &Event, connection: &Connection) -> Result<(), Failure> {
        const NOTE: &str = "INSERT INTO step_costs (name, step, event, nanos, currency) VALUES (?1, ?2, ?3, ?4, ?5)";
        if let Event::Attempt(step, Direction::Do, AttemptEvent::Completed { usage, .. }) = event
            && let Some(cost) = usage.cost
        {
            let currency = cost.currency();
            let row = rusqlite::params![self.name, step.as_str(), number, cost.nanos(), currency.as_str()];
            connection.prepare_cached(NOTE)?.execute(row)?;
        }
        Ok(())
    }
}

/// Notes steps that have run to an end, for figures.
pub(crate) fn insert_ended_steps(execution: i64, ended: &[EndedStep], connection: &Connection) -> Result<(), Failure> {
    const INSERT: &str = "
        INSERT INTO ended_steps (
            execution, sequence, step, agent, completed, started_at, ended_at, attempts, failed_attempts, cost_nanos,
            cost_currency, cost_complete, working)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    for step in ended {
        connection.prepare_cached(INSERT)?.execute(rusqlite::params![
            execution,
            column(step.sequence),
            step.step_id.as_str(),
            step.agent,
            step.completed,
            step.started_at.as_micros(),
            step.ended_at.as_micros(),
            step.attempts,
            step.failed_attempts,
            step.cost.map(|cost| cost.amount.nanos()),
            step.cost.as_ref().map(|cost| cost.amount.currency().as_str().to_owned()),
            step.cost.map(|cost| cost.complete),
            column(step.working.as_millis().saturating_mul(1_000)),
        ])?;
    }
    Ok(())
}

/// Writes deliveries that tell of events, which have just been written: they are the last ones of what the batch tells.
pub(super) fn insert_deliveries(
    deliveries: &[NewDelivery],
    told: &[StoredEvent],
    connection: &Connection,
) -> Result<(), Failure> {
    for delivery in deliveries {
        let is_of = |event: &&StoredEvent| {
            Some(event.execution_id) == delivery.execution_id && Some(event.sequence()) == delivery.sequence
        };
        insert_delivery(delivery, told.iter().rev().find(is_of), connection)?;
    }
    Ok(())
}

/// Writes a delivery.
pub(crate) fn insert_delivery(
    delivery: &NewDelivery,
    of: Option<&StoredEvent>,
    connection: &Connection,
) -> Result<(), Failure> {
    const INSERT: &str = "
        INSERT INTO deliveries (
            id, kind, event, event_id, execution, process_name, receiver, target, content, state, next_attempt_at,
            created_at)
        VALUES (?1, ?2, ?3, ?4, (SELECT key FROM process_executions WHERE id = ?5), ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    connection.prepare_cached(INSERT)?.execute(rusqlite::params![
        delivery.id.as_bytes(),
        delivery.kind.as_str(),
        delivery.event,
        of.map(|event| column(event.id)),
        delivery.execution_id.map(|id| id.uuid().into_bytes()),
        delivery.process_name.as_ref().map(|name| name.as_str().to_owned()),
        delivery.receiver,
        delivery.target,
        to_json(&delivery.content)?,
        DeliveryState::Waiting.as_str(),
        delivery.due_at.as_micros(),
        delivery.created_at.as_micros(),
    ])?;
    Ok(())
}

/// Opens the ledger of a tree.
pub(super) fn insert_budget(root: i64, budget: &Budget, connection: &Connection) -> Result<(), Failure> {
    const INSERT: &str = "
        INSERT INTO budgets (root, spent_nanos, reserved_nanos, limit_nanos, currency, action)
        VALUES (?1, 0, 0, ?2, ?3, ?4)";
    let currency = budget.max_cost.currency();
    connection.prepare_cached(INSERT)?.execute(rusqlite::params![
        root,
        budget.max_cost.nanos(),
        currency.as_str(),
        budget_action_name(budget.action),
    ])?;
    Ok(())
}

/// Puts a signal into the inbox of an execution, and calls its attention at a time, which is not in the future; nothing for
/// one that has ended.
pub(crate) fn put_signal(to: i64, signal: &Signal, at: Timestamp, connection: &Connection) -> Result<(), Failure> {
    const CALL: &str = "
        UPDATE process_executions
        SET attention_at = min(coalesce(attention_at, ?2), ?2)
        WHERE key = ?1 AND status < 3";
    const PUT: &str = "INSERT INTO execution_inbox (execution, kind, signal) VALUES (?1, ?2, ?3)";
    if connection.prepare_cached(CALL)?.execute((to, at.as_micros()))? > 0 {
        connection.prepare_cached(PUT)?.execute(rusqlite::params![to, signal.name(), to_json(signal)?])?;
    }
    Ok(())
}

/// Writes a request as it is now. Whether it may be changed is decided before.
pub(crate) fn put_approval(approval: &Approval, execution: i64, connection: &Connection) -> Result<(), Failure> {
    const PUT: &str = "
        INSERT INTO approvals (id, execution, step_id, status, revision, assignees, created_at, approval)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        ON CONFLICT (id) DO UPDATE SET
            status = excluded.status,
            revision = excluded.revision,
            assignees = excluded.assignees,
            approval = excluded.approval";
    let request = approval.request();
    connection.prepare_cached(PUT)?.execute(rusqlite::params![
        approval.id().uuid().as_bytes(),
        execution,
        request.step_id.as_str(),
        approval.status().as_str(),
        approval.revision(),
        to_json(&request.assignees)?,
        request.created_at.as_micros(),
        to_json(approval)?,
    ])?;
    Ok(())
}

/// A request as it is stored, and the row of its execution, for a transaction that is about to change it.
pub(crate) fn stored_approval(id: ApprovalId, connection: &Connection) -> Result<Option<(Approval, i64)>, Failure> {
    const READ: &str = "SELECT approval, execution FROM approvals WHERE id = ?1";
    let mut read = connection.prepare_cached(READ)?;
    let found = read.query_row([id.uuid().as_bytes()], |row| Ok((row.get::<_, String>(0)?, row.get(1)?))).optional()?;
    found.map(|(text, execution)| Ok((serde_json::from_str(&text)?, execution))).transpose()
}
