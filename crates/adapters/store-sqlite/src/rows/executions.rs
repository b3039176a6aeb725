//! New rows of `process_executions`.

use procession_application::ports::{Lease, root_of_tree};
use procession_domain::{
    execution::{Execution, ExecutionState, Life},
    value::{ExecutionId, ProcessId, Timestamp},
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    codec::{column, priority_rank, to_json},
    error::Failure,
};

pub(super) const INSERT: &str = "
    INSERT INTO process_executions (
        id, process_id, process_name, version_major, version_minor,
        status, compensating, last_sequence, creation, state,
        created_at, updated_at, started_at, completed_at,
        cost_nanos, cost_currency, cost_complete,
        triggered_by, user_name, labels, retry_of, parent_id, root_id,
        priority, instance_limit, owner, owner_epoch, attention_at)
    SELECT
        value ->> 'id', value ->> 'process_id', value ->> 'process_name',
        value ->> 'version_major', value ->> 'version_minor',
        value ->> 'status', value ->> 'compensating', value ->> 'last_sequence',
        value ->> 'creation', value ->> 'state',
        value ->> 'created_at', value ->> 'updated_at', value ->> 'started_at', value ->> 'completed_at',
        value ->> 'cost_nanos', value ->> 'cost_currency', value ->> 'cost_complete',
        value ->> 'triggered_by', value ->> 'user_name', value ->> 'labels',
        value ->> 'retry_of', value ->> 'parent_id', value ->> 'root_id',
        value ->> 'priority', value ->> 'instance_limit',
        value ->> 'owner', value ->> 'owner_epoch', value ->> 'attention_at'
    FROM jsonb_each(?1)";

/// A new execution.
#[derive(Serialize)]
pub(crate) struct ExecutionRow<'a> {
    id: ExecutionId,
    process_id: ProcessId,
    process_name: &'a str,
    version_major: u32,
    version_minor: u32,
    creation: String,
    created_at: i64,
    triggered_by: &'a str,
    user_name: Option<&'a str>,
    labels: String,
    retry_of: Option<ExecutionId>,
    parent_id: Option<ExecutionId>,
    root_id: ExecutionId,
    priority: i64,
    /// How many executions of its process may be in work at once.
    pub instance_limit: Option<u32>,
    owner: Option<Uuid>,
    owner_epoch: Option<u64>,
    /// When it needs attention.
    pub attention_at: Option<i64>,
    #[serde(flatten)]
    status: StatusColumns,
}

/// The columns that follow from the state.
#[derive(Serialize)]
pub(crate) struct StatusColumns {
    status: &'static str,
    compensating: bool,
    last_sequence: i64,
    state: String,
    updated_at: i64,
    started_at: Option<i64>,
    completed_at: Option<i64>,
    cost_nanos: i64,
    cost_currency: String,
    cost_complete: bool,
}

impl<'a> ExecutionRow<'a> {
    /// The row of an execution that this node owns, or nobody.
    pub fn new(execution: &'a Execution, owner: Option<Lease>) -> Result<Self, Failure> {
        let creation = execution.creation();
        let version = creation.process.version;
        Ok(Self {
            id: execution.id(),
            process_id: creation.process.id,
            process_name: creation.process.name.as_str(),
            version_major: version.major(),
            version_minor: version.minor(),
            creation: to_json(&**creation)?,
            created_at: execution.state().created_at.as_micros(),
            triggered_by: &creation.triggered_by,
            user_name: creation.user.as_deref(),
            labels: to_json(&creation.labels)?,
            retry_of: creation.retry_of,
            parent_id: creation.parent.as_ref().map(|parent| parent.execution_id),
            root_id: root_of_tree(execution.id(), creation),
            priority: priority_rank(creation.priority),
            instance_limit: None,
            owner: owner.map(|lease| lease.node),
            owner_epoch: owner.map(|lease| lease.epoch),
            attention_at: None,
            status: StatusColumns::of(execution.state())?,
        })
    }
}

impl StatusColumns {
    /// The columns of this state.
    pub fn of(state: &ExecutionState) -> Result<Self, Failure> {
        Ok(Self {
            status: state.life.status().as_str(),
            compensating: matches!(state.life, Life::Compensating(_)),
            last_sequence: column(state.sequence),
            state: to_json(state)?,
            updated_at: state.updated_at.as_micros(),
            started_at: state.started_at.map(Timestamp::as_micros),
            completed_at: state.completed_at.map(Timestamp::as_micros),
            cost_nanos: state.cost.amount.nanos(),
            cost_currency: state.cost.amount.currency().as_str().to_owned(),
            cost_complete: state.cost.complete,
        })
    }
}
