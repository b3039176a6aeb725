//! The port of approvals.

use async_trait::async_trait;
use procession_domain::{
    approval::{Approval, ApprovalStatus},
    value::{ApprovalId, ExecutionId, StepId},
};

use super::{MemoryStore, Tables, paging::page};
use procession_application::ports::{
    ApprovalChange, ApprovalFilter, ApprovalRow, ApprovalStore, ApprovalStoreError, Asked, NewSignal, Page, Paging,
    RowPlace, StoreError,
};

#[async_trait]
impl ApprovalStore for MemoryStore {
    async fn approval(&self, id: ApprovalId) -> Result<Option<ApprovalRow>, StoreError> {
        let tables = self.tables();
        Ok(tables.approvals.get(&id).and_then(|approval| tables.approval_row(approval)))
    }

    async fn of_step(&self, execution: ExecutionId, step: &StepId) -> Result<Option<ApprovalRow>, StoreError> {
        let tables = self.tables();
        let of_step = tables.approvals.values().filter(|approval| {
            let request = approval.request();
            request.execution_id == execution && request.step_id == *step
        });
        let newest = of_step.max_by_key(|approval| place(approval));
        Ok(newest.and_then(|approval| tables.approval_row(approval)))
    }

    async fn approvals(&self, filter: &ApprovalFilter, paging: &Paging) -> Result<Page<ApprovalRow>, StoreError> {
        let tables = self.tables();
        let fitting = tables.approvals.values().filter(|approval| fits(approval, filter));
        let mut rows: Vec<(RowPlace, ApprovalRow)> =
            fitting.filter_map(|approval| Some((place(approval), tables.approval_row(approval)?))).collect();
        rows.sort_by_key(|(place, _)| *place);
        page(rows, paging, |place, after| place > after)
    }

    async fn change(&self, change: ApprovalChange) -> Result<(), ApprovalStoreError> {
        let mut tables = self.tables();
        let id = change.approval.id();
        let stored = tables
            .approvals
            .get_mut(&id)
            .filter(|stored| stored.status() == ApprovalStatus::Pending && stored.revision() == change.before)
            .ok_or(ApprovalStoreError::Stale)?;
        let to = stored.request().execution_id;
        *stored = change.approval;
        let signal = change.signal;
        tables.deliver(NewSignal { to, signal });
        Ok(())
    }
}

impl Tables {
    fn approval_row(&self, approval: &Approval) -> Option<ApprovalRow> {
        let execution = self.executions.get(&approval.request().execution_id)?;
        Some(ApprovalRow { approval: approval.clone(), process_name: execution.creation.process.name.clone() })
    }
}

fn place(approval: &Approval) -> RowPlace {
    RowPlace { at: approval.request().created_at, id: approval.id().uuid() }
}

fn fits(approval: &Approval, filter: &ApprovalFilter) -> bool {
    let request = approval.request();
    let asks = |asked: &Asked| {
        let is_one = |assignee: &String| asked.names.iter().any(|name| is_called(assignee, name));
        (request.assignees.is_empty() && asked.may_decide) || request.assignees.iter().any(is_one)
    };
    filter.status.is_none_or(|status| status == approval.status())
        && filter.execution_id.is_none_or(|execution| execution == request.execution_id)
        && filter.asking.as_ref().is_none_or(asks)
}

/// Whether an assignee is this name. E-mail addresses are the same in any case, as for who may decide.
fn is_called(assignee: &str, name: &str) -> bool {
    assignee == name || (assignee.contains('@') && assignee.eq_ignore_ascii_case(name))
}
