//! Starts: idempotent, and limited by the length of the queue (spec 3.7, 3.9).

use std::collections::{HashMap, HashSet};

use procession_application::ports::{Lease, Start, StartError, root_of_tree};
use procession_domain::{
    execution::StepState,
    value::{ExecutionId, ProcessId, Timestamp},
};
use serde::Serialize;
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::batch::EventNumbers;
use crate::{
    codec::{count, parsed, time, to_json},
    error::Failure,
    rows::{BudgetRow, EventRow, ExecutionRow, KeyRow, Rows, StepRow, ValueRow},
};

/// What was decided about a start.
pub(super) enum StartVerdict {
    /// It is written, with events from this number on.
    Created(i64),
    /// It was made before.
    Before(ExecutionId),
    /// It is refused.
    Refused(StartError),
}

/// What the database says about some starts.
#[derive(Default)]
struct Known {
    processes: HashSet<ProcessId>,
    executions: HashSet<ExecutionId>,
    leases: HashSet<Lease>,
    keys: HashMap<String, KnownKey>,
    pending: u64,
}

struct KnownKey {
    digest: String,
    execution: ExecutionId,
    expires_at: Timestamp,
}

#[derive(Serialize)]
struct Question<'a> {
    id: ExecutionId,
    process_id: ProcessId,
    node: Option<Uuid>,
    scope: Option<&'a str>,
}

/// Decides about starts in their order, and gathers the rows of those that get in.
pub(super) async fn decide<'a>(
    starts: impl Iterator<Item = &'a Start> + Clone,
    connection: &mut SqliteConnection,
    numbers: &mut EventNumbers,
    rows: &mut Rows<'a>,
) -> Result<Vec<StartVerdict>, Failure> {
    let mut known = Known::look_up(starts.clone(), connection).await?;
    let mut verdicts = Vec::new();
    for start in starts {
        let verdict = match known.check(start) {
            Ok(owner) => {
                let first = gather(start, owner, numbers, rows)?;
                known.add(start, owner);
                StartVerdict::Created(first)
            }
            Err(refusal) => refusal,
        };
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

impl Known {
    async fn look_up<'a>(
        starts: impl Iterator<Item = &'a Start>,
        connection: &mut SqliteConnection,
    ) -> Result<Self, Failure> {
        const LOOK_UP: &str = "
            WITH asked AS (SELECT value FROM jsonb_each(?1))
            SELECT 'process' AS kind, id AS name, NULL AS digest, NULL AS execution_id, 0 AS number
            FROM process_definitions WHERE id IN (SELECT value ->> 'process_id' FROM asked)
            UNION ALL
            SELECT 'execution', id, NULL, NULL, 0
            FROM process_executions WHERE id IN (SELECT value ->> 'id' FROM asked)
            UNION ALL
            SELECT 'lease', id, NULL, NULL, epoch
            FROM nodes WHERE id IN (SELECT value ->> 'node' FROM asked) AND ended = 0
            UNION ALL
            SELECT 'key', scope, digest, execution_id, expires_at
            FROM idempotency_keys WHERE scope IN (SELECT value ->> 'scope' FROM asked)
            UNION ALL
            SELECT 'pending', '', NULL, NULL, count(*)
            FROM process_executions
            WHERE status = 'pending' AND owner IS NULL AND parent_id IS NULL
              AND EXISTS (SELECT 1 FROM asked WHERE value ->> 'node' IS NULL)";
        let questions: Vec<Question<'_>> = starts
            .map(|start| Question {
                id: start.execution.id(),
                process_id: start.execution.creation().process.id,
                node: start.admit.map(|lease| lease.node),
                scope: start.idempotency.as_ref().map(|key| key.scope.as_str()),
            })
            .collect();
        let rows = sqlx::query(LOOK_UP).bind(to_json(&questions)?).fetch_all(connection).await?;
        let mut known = Self::default();
        for row in &rows {
            match row.try_get("kind")? {
                "process" => drop(known.processes.insert(parsed(row, "name")?)),
                "execution" => drop(known.executions.insert(parsed(row, "name")?)),
                "lease" => {
                    let (node, epoch) = (parsed(row, "name")?, count(row, "number")?);
                    known.leases.insert(Lease { node, epoch });
                }
                "key" => {
                    let key = KnownKey {
                        digest: row.try_get("digest")?,
                        execution: parsed(row, "execution_id")?,
                        expires_at: time(row, "number")?,
                    };
                    known.keys.insert(row.try_get("name")?, key);
                }
                _ => known.pending = count(row, "number")?,
            }
        }
        Ok(known)
    }

    /// Who owns the start if it gets in.
    fn check(&self, start: &Start) -> Result<Option<Lease>, StartVerdict> {
        let id = start.execution.id();
        let now = start.execution.state().created_at;
        if let Some(asked) = &start.idempotency
            && let Some(kept) = self.keys.get(&asked.scope).filter(|kept| kept.expires_at > now)
        {
            return Err(if kept.digest == asked.digest {
                StartVerdict::Before(kept.execution)
            } else {
                StartVerdict::Refused(StartError::KeyReused)
            });
        }
        if self.executions.contains(&id) {
            return Err(StartVerdict::Before(id));
        }
        if !self.processes.contains(&start.execution.creation().process.id) {
            return Err(StartVerdict::Refused(StartError::ProcessGone));
        }
        let owner = start.admit.filter(|lease| self.leases.contains(lease));
        let pending = self.pending;
        if owner.is_none() && pending >= u64::from(start.queue_length) {
            return Err(StartVerdict::Refused(StartError::QueueFull { pending }));
        }
        Ok(owner)
    }

    /// Knows a start that got in, for those after it.
    fn add(&mut self, start: &Start, owner: Option<Lease>) {
        let id = start.execution.id();
        self.executions.insert(id);
        self.pending += u64::from(owner.is_none());
        if let Some(key) = &start.idempotency {
            let known = KnownKey { digest: key.digest.clone(), execution: id, expires_at: key.expires_at };
            self.keys.insert(key.scope.clone(), known);
        }
    }
}

/// Gathers the rows of a start; the number of its first event.
fn gather<'a>(
    start: &'a Start,
    owner: Option<Lease>,
    numbers: &mut EventNumbers,
    rows: &mut Rows<'a>,
) -> Result<i64, Failure> {
    let execution = &start.execution;
    let id = execution.id();
    let mut row = ExecutionRow::new(execution, owner)?;
    row.instance_limit = start.instance_limit;
    rows.executions.push(row);
    let root = root_of_tree(id, execution.creation());
    rows.budgets.extend(start.budget.as_ref().map(|budget| BudgetRow::new(root, budget)));
    rows.keys.extend(start.idempotency.as_ref().map(|key| KeyRow::new(id, key)));
    rows.values.extend(start.values.iter().map(|value| ValueRow::new(id, value)));
    for (step, state) in execution.steps().filter(|(_, state)| **state != StepState::pending()) {
        rows.steps.push(StepRow::new(id, &step.id, state)?);
    }
    let first = numbers.take(start.events.len());
    for (number, event) in (first..).zip(&start.events) {
        rows.events.push(EventRow::new(number, id, event)?);
    }
    Ok(first)
}
