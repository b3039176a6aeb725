//! Rows of `execution_inbox`: signals that come, and those that were taken.

use procession_domain::{execution::Signal, value::ExecutionId};
use serde::Serialize;

use crate::{codec::to_json, error::Failure};

/// A signal is nothing to an execution that has ended.
pub(super) const INSERT: &str = "
    INSERT INTO execution_inbox (execution_id, kind, signal)
    SELECT execution.id, new.value ->> 'kind', new.value ->> 'signal'
    FROM jsonb_each(?1) AS new
    JOIN process_executions AS execution ON execution.id = new.value ->> 'to'
    WHERE execution.status NOT IN ('completed', 'failed', 'cancelled')
    ORDER BY new.key";

/// At once is the time of the last event, which is never in the future.
pub(super) const CALL_ATTENTION: &str = "
    UPDATE process_executions
    SET attention_at = min(coalesce(attention_at, updated_at), updated_at)
    WHERE id IN (SELECT value ->> 'to' FROM jsonb_each(?1))
      AND status NOT IN ('completed', 'failed', 'cancelled')";

pub(super) const DELETE_HEARD: &str = "
    DELETE FROM execution_inbox WHERE number IN (
        SELECT signal.number
        FROM jsonb_each(?1) AS heard
        JOIN execution_inbox AS signal
          ON signal.execution_id = heard.value ->> 'execution_id'
         AND signal.number <= heard.value ->> 'seen')";

/// A new signal.
#[derive(Serialize)]
pub(crate) struct SignalRow {
    to: ExecutionId,
    kind: &'static str,
    signal: String,
}

/// The signals of an execution that its commit has taken.
#[derive(Serialize)]
pub(crate) struct HeardRow {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The number of the last one.
    pub seen: i64,
}

impl SignalRow {
    /// The row of a signal.
    pub fn new(to: ExecutionId, signal: &Signal) -> Result<Self, Failure> {
        Ok(Self { to, kind: signal.name(), signal: to_json(signal)? })
    }
}
