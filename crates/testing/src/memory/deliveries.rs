//! The port of deliveries.

use async_trait::async_trait;
use procession_domain::value::Timestamp;
use uuid::Uuid;

use super::{MemoryStore, Tables, paging::page};
use procession_application::ports::{
    AgentEvent, AttemptEnd, DeliveryAttempt, DeliveryContent, DeliveryFilter, DeliveryRow, DeliveryState,
    DeliveryStore, DueDelivery, DueRequest, NewDelivery, Page, Paging, RowPlace, StoreError, StoredEvent,
};

/// A delivery as it is kept.
#[derive(Debug)]
pub(super) struct KeptDelivery {
    number: u64,
    pub(super) row: DeliveryRow,
    receiver: String,
    content: DeliveryContent,
    tries: u32,
    attempts: Vec<DeliveryAttempt>,
}

#[async_trait]
impl DeliveryStore for MemoryStore {
    async fn enqueue(&self, deliveries: &[NewDelivery]) -> Result<(), StoreError> {
        self.tables().insert_deliveries(deliveries, &[]);
        Ok(())
    }

    async fn due(&self, request: &DueRequest) -> Result<Vec<DueDelivery>, StoreError> {
        let tables = self.tables();
        let is_asked_for = |kept: &&KeptDelivery| {
            kept.row.next_attempt_at.is_some_and(|at| at <= request.now)
                && !request.except.contains(&kept.row.id)
                && !request.except_receivers.contains(&kept.receiver)
        };
        let mut due: Vec<&KeptDelivery> = tables.deliveries.iter().filter(is_asked_for).collect();
        due.sort_by_key(|kept| (kept.row.next_attempt_at, kept.number));
        Ok(due.into_iter().take(request.limit as usize).map(KeptDelivery::due).collect())
    }

    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let tables = self.tables();
        let times = tables.deliveries.iter().filter_map(|kept| kept.row.next_attempt_at);
        Ok(times.filter(|at| *at > after).min())
    }

    async fn record(&self, end: &AttemptEnd) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let Some(kept) = tables.kept_delivery(end.id) else { return Ok(()) };
        let AttemptEnd { attempt, state, counts, next_attempt_at, .. } = end.clone();
        kept.tries += u32::from(counts);
        kept.row.attempts += 1;
        (kept.row.state, kept.row.next_attempt_at) = (state, next_attempt_at);
        (kept.row.last_status, kept.row.last_error) = (attempt.status, attempt.error.clone());
        if state == DeliveryState::Delivered {
            kept.row.delivered_at = Some(attempt.at.saturating_add(attempt.took));
        }
        kept.attempts.push(attempt);
        Ok(())
    }

    async fn withdraw(&self, id: Uuid) -> Result<bool, StoreError> {
        Ok(self.tables().withdraw(id))
    }

    async fn delivery(&self, id: Uuid) -> Result<Option<DeliveryRow>, StoreError> {
        Ok(self.tables().kept_delivery(id).map(|kept| kept.row.clone()))
    }

    async fn attempts(&self, id: Uuid) -> Result<Vec<DeliveryAttempt>, StoreError> {
        Ok(self.tables().kept_delivery(id).map(|kept| kept.attempts.clone()).unwrap_or_default())
    }

    async fn deliveries(&self, filter: &DeliveryFilter, paging: &Paging) -> Result<Page<DeliveryRow>, StoreError> {
        let tables = self.tables();
        let found = tables.deliveries.iter().filter(|kept| fits(&kept.row, filter));
        let mut rows: Vec<(RowPlace, DeliveryRow)> =
            found.map(|kept| (RowPlace { at: kept.row.created_at, id: kept.row.id }, kept.row.clone())).collect();
        rows.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
        page(rows, paging, |place, after| place < after)
    }

    async fn resend(&self, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let Some(kept) = tables.kept_delivery(id) else { return Ok(false) };
        kept.tries = 0;
        (kept.row.state, kept.row.next_attempt_at) = (DeliveryState::Waiting, Some(now));
        Ok(true)
    }

    async fn agent_events(
        &self,
        agent: &str,
        after: u64,
        limit: u32,
        user: Option<&str>,
    ) -> Result<Vec<AgentEvent>, StoreError> {
        let tables = self.tables();
        let starter = |kept: &KeptDelivery| {
            let execution = tables.executions.get(&kept.row.execution_id?)?;
            execution.creation.user.clone()
        };
        let is_asked_for = |kept: &&KeptDelivery| {
            kept.row.kind.is_to_agent()
                && kept.row.target == agent
                && kept.number > after
                && (user.is_none() || starter(kept).as_deref() == user)
        };
        let told = tables.deliveries.iter().filter(is_asked_for).filter_map(KeptDelivery::agent_event);
        Ok(told.take(limit as usize).collect())
    }

    async fn purge_deliveries(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let mut left = limit;
        tables.deliveries.retain(|kept| {
            let goes = left > 0 && kept.row.next_attempt_at.is_none() && kept.row.created_at < before;
            left -= u32::from(goes);
            !goes
        });
        Ok(u64::from(limit - left))
    }

    async fn delivery_counts(&self) -> Result<Vec<(DeliveryState, u64)>, StoreError> {
        let tables = self.tables();
        let count = |state| tables.deliveries.iter().filter(|kept| kept.row.state == state).count() as u64;
        Ok(DeliveryState::ALL.into_iter().map(|state| (state, count(state))).filter(|(_, count)| *count > 0).collect())
    }
}

impl Tables {
    /// Adds deliveries that tell of these events.
    pub(super) fn insert_deliveries(&mut self, deliveries: &[NewDelivery], told: &[StoredEvent]) {
        for new in deliveries.iter().cloned() {
            let is_of = |event: &&StoredEvent| {
                Some(event.execution_id) == new.execution_id && Some(event.sequence()) == new.sequence
            };
            let event_id = told.iter().find(is_of).map(|event| event.id);
            self.last_delivery += 1;
            self.deliveries.push(KeptDelivery::new(self.last_delivery, new, event_id));
        }
    }

    /// Removes a delivery unless it was tried. Whether there was one.
    pub(super) fn withdraw(&mut self, id: Uuid) -> bool {
        let before = self.deliveries.len();
        self.deliveries.retain(|kept| kept.row.id != id || kept.row.attempts > 0);
        self.deliveries.len() < before
    }

    fn kept_delivery(&mut self, id: Uuid) -> Option<&mut KeptDelivery> {
        self.deliveries.iter_mut().find(|kept| kept.row.id == id)
    }
}

impl KeptDelivery {
    fn new(number: u64, new: NewDelivery, event_id: Option<u64>) -> Self {
        let NewDelivery { id, kind, event, execution_id, process_name, target, created_at, due_at, .. } = new;
        let row = DeliveryRow {
            id,
            kind,
            event,
            event_id,
            execution_id,
            process_name,
            target,
            state: DeliveryState::Waiting,
            attempts: 0,
            next_attempt_at: Some(due_at),
            last_status: None,
            last_error: None,
            created_at,
            delivered_at: None,
        };
        Self { number, row, receiver: new.receiver, content: new.content, tries: 0, attempts: Vec::new() }
    }

    fn due(&self) -> DueDelivery {
        let DeliveryRow { id, event, event_id, execution_id, process_name, target, created_at, .. } = self.row.clone();
        let (receiver, content, tries) = (self.receiver.clone(), self.content.clone(), self.tries);
        DueDelivery { id, event, event_id, execution_id, process_name, receiver, target, content, tries, created_at }
    }

    fn agent_event(&self) -> Option<AgentEvent> {
        match &self.content {
            DeliveryContent::AgentMessage { message, .. } => {
                Some(AgentEvent { number: self.number, event_id: self.row.event_id, message: message.clone() })
            }
            DeliveryContent::Webhook { .. }
            | DeliveryContent::ApprovalMail { .. }
            | DeliveryContent::Message { .. } => None,
        }
    }
}

fn fits(row: &DeliveryRow, filter: &DeliveryFilter) -> bool {
    let DeliveryFilter { state, kind, execution_id, process_name } = filter;
    state.is_none_or(|state| row.state == state)
        && kind.is_none_or(|kind| row.kind == kind)
        && execution_id.is_none_or(|id| row.execution_id == Some(id))
        && process_name.as_deref().is_none_or(|name| row.process_name.as_ref().is_some_and(|own| own.as_str() == name))
}
