//! Rows of `step_executions`: replaced whole when a step changes.

use procession_domain::{
    execution::StepState,
    value::{ExecutionId, StepId, Timestamp},
};
use serde::Serialize;

use crate::{codec::to_json, error::Failure};

pub(super) const UPSERT: &str = "
    INSERT INTO step_executions (
        execution_id, step_id, status, state, started_at, completed_at, cost_nanos, cost_currency)
    SELECT
        value ->> 'execution_id', value ->> 'step_id', value ->> 'status', value ->> 'state',
        value ->> 'started_at', value ->> 'completed_at', value ->> 'cost_nanos', value ->> 'cost_currency'
    FROM jsonb_each(?1)
    WHERE true
    ON CONFLICT (execution_id, step_id) DO UPDATE SET
        status = excluded.status,
        state = excluded.state,
        started_at = excluded.started_at,
        completed_at = excluded.completed_at,
        cost_nanos = excluded.cost_nanos,
        cost_currency = excluded.cost_currency";

/// A step as it is now.
#[derive(Serialize)]
pub(crate) struct StepRow<'a> {
    execution_id: ExecutionId,
    step_id: &'a str,
    status: &'static str,
    state: String,
    started_at: Option<i64>,
    completed_at: Option<i64>,
    cost_nanos: i64,
    cost_currency: String,
}

impl<'a> StepRow<'a> {
    /// The row of a step.
    pub fn new(execution_id: ExecutionId, step_id: &'a StepId, state: &StepState) -> Result<Self, Failure> {
        let cost = state.cost().amount;
        Ok(Self {
            execution_id,
            step_id: step_id.as_str(),
            status: state.status().as_str(),
            state: to_json(state)?,
            started_at: state.started_at.map(Timestamp::as_micros),
            completed_at: state.completed_at.map(Timestamp::as_micros),
            cost_nanos: cost.nanos(),
            cost_currency: cost.currency().as_str().to_owned(),
        })
    }
}
