//! The port of approvals. A change made through the API is conditional on the request's revision, and brings its signal.

use async_trait::async_trait;
use procession_application::ports::{
    ApprovalChange, ApprovalFilter, ApprovalRow, ApprovalStore, ApprovalStoreError, Page, Paging, StoreError,
};
use procession_domain::{
    approval::{Approval, ApprovalStatus},
    value::{ApprovalId, ExecutionId, StepId},
};
use rusqlite::Connection;
use sqlx::{QueryBuilder, Sqlite, sqlite::SqliteRow};

use crate::{
    SqliteStore,
    codec::{blob, json, process_name, to_json},
    error::Failure,
    paging::List,
    writer::{Change, put_approval, put_signal, stored_approval},
};

const LIST: List = List {
    columns: "request.id, request.created_at, request.approval, process.name AS process_name",
    tables: "
        approvals AS request
        JOIN process_executions AS execution ON execution.key = request.execution
        JOIN process_names AS process ON process.key = execution.name",
    at: "request.created_at",
    at_column: "created_at",
    id: "request.id",
    newest_first: false,
};

#[async_trait]
impl ApprovalStore for SqliteStore {
    async fn approval(&self, id: ApprovalId) -> Result<Option<ApprovalRow>, StoreError> {
        Ok(self.read_approval(id).await?)
    }

    async fn of_step(&self, execution: ExecutionId, step: &StepId) -> Result<Option<ApprovalRow>, StoreError> {
        Ok(self.read_newest_of_step(execution, step).await?)
    }

    async fn approvals(&self, filter: &ApprovalFilter, paging: &Paging) -> Result<Page<ApprovalRow>, StoreError> {
        let names = filter.asking.as_ref().map(|asked| to_json(&asked.names)).transpose()?;
        let conditions = |query: &mut QueryBuilder<Sqlite>| filter_approvals(filter, names.as_deref(), query);
        Ok(LIST.page(paging, &self.readers, conditions, approval_row).await?)
    }

    async fn change(&self, change: ApprovalChange) -> Result<(), ApprovalStoreError> {
        self.writer.change(ChangeApproval(change)).await?
    }
}

impl SqliteStore {
    async fn read_approval(&self, id: ApprovalId) -> Result<Option<ApprovalRow>, Failure> {
        const READ: &str = "
            SELECT request.approval, process.name AS process_name
            FROM approvals AS request
            JOIN process_executions AS execution ON execution.key = request.execution
            JOIN process_names AS process ON process.key = execution.name
            WHERE request.id = ?1";
        let row = sqlx::query(READ).bind(blob(id.uuid())).fetch_optional(&self.readers).await?;
        row.as_ref().map(approval_row).transpose()
    }

    async fn read_newest_of_step(&self, execution: ExecutionId, step: &StepId) -> Result<Option<ApprovalRow>, Failure> {
        const READ: &str = "
            SELECT request.approval, process.name AS process_name
            FROM process_executions AS execution
            JOIN approvals AS request ON request.execution = execution.key
            JOIN process_names AS process ON process.key = execution.name
            WHERE execution.id = ?1 AND request.step_id = ?2
            ORDER BY request.created_at DESC, request.id DESC
            LIMIT 1";
        let row = sqlx::query(READ)
            .bind(blob(execution.uuid()))
            .bind(step.as_str().to_owned())
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(approval_row).transpose()
    }
}

/// `names` is the JSON array of the names asked for.
fn filter_approvals(filter: &ApprovalFilter, names: Option<&str>, query: &mut QueryBuilder<Sqlite>) {
    if let Some(status) = filter.status {
        query.push(" AND request.status = ").push_bind(status.as_str());
    }
    if let Some(execution) = filter.execution_id {
        query.push(" AND execution.id = ").push_bind(blob(execution.uuid()));
    }
    if let Some(names) = names {
        // E-mail addresses are the same in any case, as for who may decide.
        query.push(" AND (");
        if filter.asking.as_ref().is_some_and(|asked| asked.may_decide) {
            query.push("json_array_length(request.assignees) = 0 OR ");
        }
        query.push(
            "EXISTS (
                SELECT 1
                FROM json_each(request.assignees) AS assignee
                JOIN json_each(",
        );
        query.push_bind(names.to_owned()).push(
            ") AS name
                  ON name.value = assignee.value
                  OR (instr(assignee.value, '@') > 0 AND lower(name.value) = lower(assignee.value))))",
        );
    }
}

fn approval_row(row: &SqliteRow) -> Result<ApprovalRow, Failure> {
    Ok(ApprovalRow { approval: json(row, "approval")?, process_name: process_name(row, "process_name")? })
}

/// A vote or a delegation.
struct ChangeApproval(ApprovalChange);

impl Change for ChangeApproval {
    type Outcome = Result<(), ApprovalStoreError>;

    fn apply(&self, connection: &Connection) -> Result<Self::Outcome, Failure> {
        let ApprovalChange { approval, before, signal } = &self.0;
        let is_current = |stored: &Approval| stored.status() == ApprovalStatus::Pending && stored.revision() == *before;
        let stored = stored_approval(approval.id(), connection)?;
        let Some((_, execution)) = stored.filter(|(stored, _)| is_current(stored)) else {
            return Ok(Err(ApprovalStoreError::Stale));
        };
        put_approval(approval, execution, connection)?;
        put_signal(execution, signal, approval.request().created_at, connection)?;
        Ok(Ok(()))
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        outcome.is_ok()
    }
}
