//! The port of approvals. A change made through the API is conditional on the request's revision, and brings its signal.

use async_trait::async_trait;
use procession_application::ports::{
    ApprovalChange, ApprovalFilter, ApprovalRow, ApprovalStore, ApprovalStoreError, Page, Paging, StoreError,
};
use procession_domain::{
    approval::{Approval, ApprovalStatus},
    value::{ApprovalId, ExecutionId, StepId},
};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, sqlite::SqliteRow};

use crate::{
    SqliteStore,
    codec::{json, process_name, to_json},
    error::Failure,
    paging::List,
    rows::{self, Rows, SignalRow, stored_approvals},
    writer::Change,
};

const LIST: List = List {
    columns: "request.id, request.created_at, request.approval, execution.process_name",
    tables: "approvals AS request JOIN process_executions AS execution ON execution.id = request.execution_id",
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
            SELECT request.approval, execution.process_name
            FROM approvals AS request
            JOIN process_executions AS execution ON execution.id = request.execution_id
            WHERE request.id = ?1";
        let row = sqlx::query(READ).bind(id.to_string()).fetch_optional(&self.readers).await?;
        row.as_ref().map(approval_row).transpose()
    }

    async fn read_newest_of_step(&self, execution: ExecutionId, step: &StepId) -> Result<Option<ApprovalRow>, Failure> {
        const READ: &str = "
            SELECT request.approval, execution.process_name
            FROM approvals AS request
            JOIN process_executions AS execution ON execution.id = request.execution_id
            WHERE request.execution_id = ?1 AND request.step_id = ?2
            ORDER BY request.created_at DESC, request.id DESC
            LIMIT 1";
        let row = sqlx::query(READ)
            .bind(execution.to_string())
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
        query.push(" AND request.execution_id = ").push_bind(execution.to_string());
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

#[async_trait]
impl Change for ChangeApproval {
    type Outcome = Result<(), ApprovalStoreError>;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<Self::Outcome, Failure> {
        let ApprovalChange { approval, before, signal } = &self.0;
        let stored = stored_approvals(connection, &[approval.id()]).await?;
        let is_current = |stored: &Approval| stored.status() == ApprovalStatus::Pending && stored.revision() == *before;
        if !stored.first().is_some_and(is_current) {
            return Ok(Err(ApprovalStoreError::Stale));
        }
        let to = approval.request().execution_id;
        let rows = Rows {
            approvals: vec![rows::ApprovalRow::new(approval)?],
            signals: vec![SignalRow::new(to, signal)?],
            ..Rows::default()
        };
        rows.write(connection).await?;
        Ok(Ok(()))
    }
}
