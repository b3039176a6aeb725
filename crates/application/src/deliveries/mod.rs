//! Deliveries: what is told outside, durably (spec 5.4–5.6), and the use cases about them.
//!
//! One outbox, one worker, one policy. While an execution's turn is written, `planning` says what it tells: to `webhooks`,
//! to the agents of `roles`, in `mails` to who is asked to decide. The rows go into the store with the events that they tell
//! of. The `worker` sends what is due, by `sending`; what fails is tried again by the `policy`, under the same id.
//!
//! Invariants: nothing is sent whose row has not committed, and no row is written without its event. A row holds no secret:
//! addresses and secrets of webhooks are looked up when it is sent, links are signed then. A receiver that hangs delays no
//! other; those of one process get their deliveries in order, as long as they take them.

mod events;
mod links;
mod mails;
mod planning;
mod policy;
mod roles;
mod sending;
mod settings;
mod webhooks;
mod worker;

use std::sync::Arc;

pub use links::LinkKey;
pub(crate) use links::{DecisionLinks, DecisionToken};
pub use mails::in_words;
pub(crate) use mails::{Mails, person};
pub(crate) use planning::{Outbox, Told};
pub use policy::RetrySettings;
pub use settings::{DeliverySettings, ServerWebhook};
use uuid::Uuid;
pub(crate) use worker::Worker;

use crate::{
    access::{Forbidden, Permission, Principal, UseCase},
    audit,
    door::Door,
    ports::{
        AgentEvent, Clock, DeliveryAttempt, DeliveryFilter, DeliveryRow, DeliveryState, DeliveryStore, Page, Paging,
        StoreError,
    },
};

/// The most events of an agent that are read at once.
pub const MOST_AGENT_EVENTS: u32 = 1_000;

/// The service for deliveries.
#[derive(Clone)]
pub struct Deliveries {
    store: Arc<dyn DeliveryStore>,
    clock: Arc<dyn Clock>,
    outbox: Outbox,
    door: Door,
}

/// Why deliveries can't be shown or sent again.
#[derive(Debug, thiserror::Error)]
pub enum DeliveriesFailure {
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none with this id.
    #[error("Delivery not found")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Deliveries {
    /// The service.
    pub(crate) const fn new(store: Arc<dyn DeliveryStore>, clock: Arc<dyn Clock>, outbox: Outbox, door: Door) -> Self {
        Self { store, clock, outbox, door }
    }

    /// A page of deliveries, newest first.
    pub async fn list(
        &self,
        by: &Principal,
        filter: &DeliveryFilter,
        paging: &Paging,
    ) -> Result<Page<DeliveryRow>, DeliveriesFailure> {
        by.check(UseCase::ReadDeliveries)?;
        Ok(self.store.deliveries(filter, paging).await?)
    }

    /// How many deliveries there are in each state.
    pub async fn counts(&self, by: &Principal) -> Result<Vec<(DeliveryState, u64)>, DeliveriesFailure> {
        by.check(UseCase::ReadDeliveries)?;
        Ok(self.store.delivery_counts().await?)
    }

    /// A delivery with its tries; a text that is no id leads to none.
    pub async fn get(
        &self,
        by: &Principal,
        id: &str,
    ) -> Result<(DeliveryRow, Vec<DeliveryAttempt>), DeliveriesFailure> {
        by.check(UseCase::ReadDeliveries)?;
        let id = Uuid::parse_str(id).map_err(|_| DeliveriesFailure::NotFound)?;
        let row = self.store.delivery(id).await?.ok_or(DeliveriesFailure::NotFound)?;
        Ok((row, self.store.attempts(id).await?))
    }

    /// Sends a delivery again, whatever became of it, under its id. It may fail as often as a new one. The delivery as it
    /// then is.
    pub async fn resend(&self, by: &Principal, id: &str) -> Result<DeliveryRow, DeliveriesFailure> {
        let (this, id) = (self.clone(), id.to_owned());
        let resend = async move {
            let id = Uuid::parse_str(&id).map_err(|_| DeliveriesFailure::NotFound)?;
            let row = this.store.delivery(id).await?.ok_or(DeliveriesFailure::NotFound)?;
            audit::about_named(&id, &row.target);
            if !this.store.resend(id, this.clock.now()).await? {
                return Err(DeliveriesFailure::NotFound);
            }
            this.outbox.nudge();
            this.store.delivery(id).await?.ok_or(DeliveriesFailure::NotFound)
        };
        self.door.change(by, UseCase::ResendDelivery, resend).await
    }

    /// What an agent was told after a number, oldest first, of the executions that the principal may see; all of it for
    /// the agent itself, which comes in by a key of a user of its name.
    pub async fn agent_events(
        &self,
        by: &Principal,
        agent: &str,
        after: u64,
        limit: u32,
    ) -> Result<Vec<AgentEvent>, DeliveriesFailure> {
        by.check(UseCase::ReadAgentEvents)?;
        let sees_all = by.name() == agent || by.may(Permission::ExecutionView);
        let user = (!sees_all).then(|| by.user().unwrap_or_default());
        Ok(self.store.agent_events(agent, after, limit.min(MOST_AGENT_EVENTS), user).await?)
    }
}
