//! Rows of `approvals`: replaced whole when a request changes. Whether one may be changed is decided before.

use procession_domain::{
    approval::Approval,
    value::{ApprovalId, ExecutionId},
};
use serde::Serialize;
use sqlx::SqliteConnection;

use crate::{
    codec::{json, to_json},
    error::Failure,
};

pub(super) const UPSERT: &str = "
    INSERT INTO approvals (id, execution_id, step_id, status, revision, assignees, created_at, approval)
    SELECT
        value ->> 'id', value ->> 'execution_id', value ->> 'step_id', value ->> 'status', value ->> 'revision',
        value ->> 'assignees', value ->> 'created_at', value ->> 'approval'
    FROM jsonb_each(?1)
    WHERE true
    ON CONFLICT (id) DO UPDATE SET
        status = excluded.status,
        revision = excluded.revision,
        assignees = excluded.assignees,
        approval = excluded.approval";

/// A request with its votes.
#[derive(Serialize)]
pub(crate) struct ApprovalRow {
    id: ApprovalId,
    execution_id: ExecutionId,
    step_id: String,
    status: &'static str,
    revision: u32,
    assignees: String,
    created_at: i64,
    approval: String,
}

impl ApprovalRow {
    /// The row of a request.
    pub fn new(approval: &Approval) -> Result<Self, Failure> {
        let request = approval.request();
        Ok(Self {
            id: approval.id(),
            execution_id: request.execution_id,
            step_id: request.step_id.as_str().to_owned(),
            status: approval.status().as_str(),
            revision: approval.revision(),
            assignees: to_json(&request.assignees)?,
            created_at: request.created_at.as_micros(),
            approval: to_json(approval)?,
        })
    }
}

/// Requests as they are stored, for a transaction that is about to change them: those of these ids that exist.
pub(crate) async fn stored_approvals(
    connection: &mut SqliteConnection,
    ids: &[ApprovalId],
) -> Result<Vec<Approval>, Failure> {
    const READ: &str = "
        SELECT approval FROM approvals WHERE id IN (SELECT value FROM json_each(?1))";
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(READ).bind(to_json(&ids)?).fetch_all(connection).await?;
    rows.iter().map(|row| json(row, "approval")).collect()
}
