//! What a turn of an execution tells outside: rows for the outbox, written with its events.

use std::sync::Arc;

use procession_domain::{
    event::{Event, Recorded},
    execution::Execution,
};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{DeliverySettings, events::told_name, mails::Mails, roles, webhooks};
use crate::ports::{ApprovalWrite, DeliveryContent, DeliveryKind, IdGenerator, NewDelivery, Ports, StoreError};

/// Makes the id of a delivery.
pub(super) type NewId<'a> = &'a dyn Fn() -> Uuid;

/// Where deliveries are planned, and their worker is woken. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Outbox(Arc<Inner>);

struct Inner {
    settings: Arc<DeliverySettings>,
    mails: Mails,
    ids: Arc<dyn IdGenerator>,
    wake: Arc<Notify>,
}

/// What happened in a turn.
#[derive(Clone, Copy)]
pub(crate) struct Told<'a> {
    /// The execution after it.
    pub execution: &'a Execution,
    /// The events.
    pub events: &'a [Arc<Recorded>],
    /// The requests that it opens and changes.
    pub approvals: &'a [ApprovalWrite],
}

impl Outbox {
    /// An outbox with these settings.
    pub fn new(ports: &Ports, mails: Mails, settings: Arc<DeliverySettings>) -> Self {
        Self(Arc::new(Inner { settings, mails, ids: Arc::clone(&ports.ids), wake: Arc::default() }))
    }

    /// What a turn tells outside.
    pub async fn plan(&self, told: Told<'_>) -> Result<Vec<NewDelivery>, StoreError> {
        let new_id = || self.0.ids.new_id();
        let mut deliveries = webhooks::plan(&told, &self.0.settings.webhooks, &new_id);
        deliveries.extend(roles::plan(&told, &new_id));
        if told.events.iter().any(|recorded| matches!(recorded.event, Event::Approval(..))) {
            deliveries.extend(self.0.mails.plan(&told, &*self.0.ids).await?);
        }
        Ok(deliveries)
    }

    /// Says that something may have become due.
    pub fn nudge(&self) {
        self.0.wake.notify_one();
    }

    /// What is told when something may have become due.
    pub(super) fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.0.wake)
    }
}

/// A delivery of what an event tells, due at once; who gets it is still to be said.
pub(super) fn delivery_of(
    told: &Told<'_>,
    recorded: &Recorded,
    kind: DeliveryKind,
    event: String,
    content: DeliveryContent,
    new_id: NewId<'_>,
) -> NewDelivery {
    NewDelivery {
        id: new_id(),
        kind,
        event,
        sequence: Some(recorded.sequence),
        execution_id: Some(told.execution.id()),
        process_name: Some(told.execution.creation().process.name.clone()),
        receiver: String::new(),
        target: String::new(),
        content,
        created_at: recorded.at,
        due_at: recorded.at,
    }
}

/// The name under which an event is told.
pub(super) fn event_name(recorded: &Recorded) -> String {
    told_name(recorded.event.event_type())
}
