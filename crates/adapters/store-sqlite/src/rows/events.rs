//! New rows of `execution_events`.

use procession_domain::{
    event::Recorded,
    value::{ExecutionId, StepId},
};
use serde::Serialize;

use crate::{
    codec::{EventText, column, to_json},
    error::Failure,
};

pub(super) const INSERT: &str = "
    INSERT INTO execution_events (id, execution_id, sequence, at, event_type, step_id, payload)
    SELECT
        value ->> 'id', value ->> 'execution_id', value ->> 'sequence', value ->> 'at',
        value ->> 'event_type', value ->> 'step_id', value ->> 'payload'
    FROM jsonb_each(?1)";

/// An event.
#[derive(Serialize)]
pub(crate) struct EventRow<'a> {
    id: i64,
    execution_id: ExecutionId,
    sequence: i64,
    at: i64,
    event_type: &'static str,
    step_id: Option<&'a str>,
    payload: String,
}

impl<'a> EventRow<'a> {
    /// The row of an event with its number over all executions.
    pub fn new(id: i64, execution_id: ExecutionId, recorded: &'a Recorded) -> Result<Self, Failure> {
        let text = to_json(&recorded.event)?;
        let parts: EventText<'_> = serde_json::from_str(&text)?;
        Ok(Self {
            id,
            execution_id,
            sequence: column(recorded.sequence),
            at: recorded.at.as_micros(),
            event_type: recorded.event.event_type(),
            step_id: recorded.event.step_id().map(StepId::as_str),
            payload: parts.payload.get().to_owned(),
        })
    }
}
