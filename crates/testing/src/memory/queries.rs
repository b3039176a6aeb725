//! The port of lists.

use async_trait::async_trait;
use procession_domain::{
    approval::{Approval, ApprovalStatus},
    execution::{ExecutionStatus, Phase},
    value::{Cost, Currency, ExecutionId, Money, ProcessId, Timestamp},
};
use serde_json::json;

use super::{MemoryStore, StoredExecution, Tables, paging::page};
use procession_application::ports::{
    Awaited, CostsOfProcess, EventPage, ExecutionFilter, ExecutionRow, KeptStart, LiveExecutions, Page, Paging,
    Queries, RowPlace, Sort, StoreError, StoredEvent,
};

#[async_trait]
impl Queries for MemoryStore {
    async fn executions(&self, filter: &ExecutionFilter, paging: &Paging) -> Result<Page<ExecutionRow>, StoreError> {
        let tables = self.tables();
        let fitting = tables.executions.values().filter(|stored| fits(stored, filter, &tables));
        let mut rows: Vec<(RowPlace, ExecutionRow)> = fitting.map(|stored| (stored.place(), stored.to_row())).collect();
        rows.sort_by_key(|(place, _)| *place);
        match filter.sort {
            Sort::Oldest => page(rows, paging, |place, after| place > after),
            Sort::Newest => {
                rows.reverse();
                page(rows, paging, |place, after| place < after)
            }
        }
    }

    async fn children(&self, parent: ExecutionId) -> Result<Vec<ExecutionId>, StoreError> {
        let tables = self.tables();
        let children = tables.executions.values().filter(|stored| stored.is_child_of(parent));
        let mut places: Vec<RowPlace> = children.map(StoredExecution::place).collect();
        places.sort_unstable();
        Ok(places.into_iter().map(|place| ExecutionId::new(place.id)).collect())
    }

    async fn events(&self, execution: ExecutionId, page: EventPage) -> Result<Vec<StoredEvent>, StoreError> {
        let tables = self.tables();
        let events = tables.events.iter().filter(|stored| stored.execution_id == execution);
        let offset = usize::try_from(page.offset).unwrap_or(usize::MAX);
        Ok(events.skip(offset).take(page.limit as usize).cloned().collect())
    }

    async fn costs_of_process(
        &self,
        process: ProcessId,
        user: Option<&str>,
        currency: Currency,
    ) -> Result<CostsOfProcess, StoreError> {
        let tables = self.tables();
        let of_version = tables.executions.values().filter(|stored| stored.creation.process.id == process);
        let fitting: Vec<&StoredExecution> =
            of_version.filter(|stored| user.is_none() || stored.creation.user.as_deref() == user).collect();
        let known = |cost: &Cost| cost.amount.is_zero() || cost.amount.currency() == currency;
        let costs = || fitting.iter().map(|stored| stored.standing.cost);
        let amounts: Vec<i64> =
            costs().filter(known).map(|cost| cost.amount.nanos()).filter(|cost| *cost > 0).collect();
        let money = |nanos: i64| Money::from_nanos(nanos, currency);
        Ok(CostsOfProcess {
            executions: fitting.len() as u64,
            completed: fitting.iter().filter(|stored| stored.standing.status == ExecutionStatus::Completed).count()
                as u64,
            with_cost: amounts.len() as u64,
            total: money(amounts.iter().sum()),
            least: money(amounts.iter().min().copied().unwrap_or(0)),
            most: money(amounts.iter().max().copied().unwrap_or(0)),
            is_complete: costs().all(|cost| cost.complete && known(&cost)),
        })
    }

    async fn execution_counts(&self) -> Result<Vec<(ExecutionStatus, u64)>, StoreError> {
        let tables = self.tables();
        let count = |status: ExecutionStatus| {
            let in_status = |stored: &&StoredExecution| stored.standing.status == status;
            tables.executions.values().filter(in_status).count() as u64
        };
        Ok(ExecutionStatus::ALL.into_iter().map(|status| (status, count(status))).collect())
    }

    async fn live_executions(&self) -> Result<LiveExecutions, StoreError> {
        let tables = self.tables();
        let mut live = LiveExecutions::default();
        for stored in tables.executions.values() {
            let count = match (stored.standing.status, stored.owner) {
                (ExecutionStatus::Pending, _) => &mut live.pending,
                (ExecutionStatus::Paused, _) => &mut live.paused,
                (ExecutionStatus::Running, Some(_)) => &mut live.running,
                (ExecutionStatus::Running, None) => &mut live.waiting,
                (ExecutionStatus::Completed | ExecutionStatus::Failed | ExecutionStatus::Cancelled, _) => continue,
            };
            *count += 1;
        }
        Ok(live)
    }

    async fn started_under(&self, scope: &str, now: Timestamp) -> Result<Option<KeptStart>, StoreError> {
        let tables = self.tables();
        let kept = tables.idempotency_keys.get(scope).filter(|kept| kept.key.expires_at > now);
        Ok(kept.map(|kept| KeptStart { digest: kept.key.digest.clone(), execution_id: kept.execution }))
    }

    async fn dismissed_at(&self, execution: ExecutionId) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.tables().executions.get(&execution).and_then(|stored| stored.dismissed_at))
    }

    async fn dismiss(&self, execution: ExecutionId, at: Option<Timestamp>) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let stored = tables.executions.get_mut(&execution);
        Ok(stored.map(|stored| stored.dismissed_at = at).is_some())
    }
}

impl StoredExecution {
    fn place(&self) -> RowPlace {
        RowPlace { at: self.created_at, id: self.id.uuid() }
    }

    fn is_child_of(&self, parent: ExecutionId) -> bool {
        let link = self.creation.parent.as_ref();
        link.is_some_and(|link| link.execution_id == parent)
    }

    fn to_row(&self) -> ExecutionRow {
        let (creation, standing) = (&self.creation, &self.standing);
        ExecutionRow {
            id: self.id,
            process_id: creation.process.id,
            process_name: creation.process.name.clone(),
            process_version: creation.process.version,
            status: standing.status,
            compensating: standing.phase == Phase::RollingBack,
            triggered_by: creation.triggered_by.clone(),
            user: creation.user.clone(),
            created_at: self.created_at,
            started_at: standing.started_at,
            completed_at: standing.completed_at,
            cost: standing.cost,
            retry_of: creation.retry_of,
            parent_id: creation.parent.as_ref().map(|parent| parent.execution_id),
            labels: json!(creation.labels),
            dismissed_at: self.dismissed_at,
        }
    }
}

fn fits(stored: &StoredExecution, filter: &ExecutionFilter, tables: &Tables) -> bool {
    let (creation, standing) = (&stored.creation, &stored.standing);
    let name = creation.process.name.as_str();
    let has_label = |label: &String| match label.split_once('=') {
        Some((key, value)) => creation.labels.get(key).is_some_and(|known| known == value),
        None => creation.labels.contains_key(label),
    };
    let is_found = |text: &String| {
        let text = text.to_lowercase();
        let id = stored.id.to_string();
        let is_short = text.len() == 8 && id.ends_with(&text);
        id.starts_with(&text) || is_short || name.to_lowercase().contains(&text)
    };
    (filter.statuses.is_empty() || filter.statuses.contains(&standing.status))
        && filter.process_id.is_none_or(|process| process == creation.process.id)
        && filter.process_name.as_ref().is_none_or(|wanted| wanted == name)
        && filter.started_after.is_none_or(|from| standing.started_at.is_some_and(|at| at >= from))
        && filter.started_before.is_none_or(|until| standing.started_at.is_some_and(|at| at < until))
        && filter.triggered_by.as_ref().is_none_or(|by| *by == creation.triggered_by)
        && (filter.user.is_none() || filter.user == creation.user)
        && filter.label.as_ref().is_none_or(has_label)
        && filter.text.as_ref().is_none_or(is_found)
        && filter.parent_id.is_none_or(|parent| stored.is_child_of(parent))
        && filter.waiting_for.is_none_or(|awaited| waits_for(stored, awaited, tables))
}

fn waits_for(stored: &StoredExecution, awaited: Awaited, tables: &Tables) -> bool {
    let status = stored.standing.status;
    let is_at_work = matches!(status, ExecutionStatus::Running | ExecutionStatus::Paused);
    match awaited {
        Awaited::Limit => status == ExecutionStatus::Pending,
        Awaited::Operator => status == ExecutionStatus::Paused && stored.standing.phase == Phase::Held,
        Awaited::Person => {
            let mut approvals = tables.approvals.values();
            let asks = |approval: &Approval| {
                approval.request().execution_id == stored.id && approval.status() == ApprovalStatus::Pending
            };
            is_at_work && approvals.any(asks)
        }
        Awaited::Child => {
            let mut others = tables.executions.values();
            let is_open = |other: &StoredExecution| other.is_child_of(stored.id) && !other.standing.status.is_ended();
            is_at_work && others.any(is_open)
        }
    }
}
