//! Use cases of cost alerts and of the thresholds from which on they are raised (spec 4b 8). They are raised by the store,
//! with the commit that books the cost, and so is the delivery that tells people of it.

mod audience;

use std::sync::Arc;

pub use audience::AlertSettings;
use procession_domain::value::{Currency, Money, ProcessId};
use uuid::Uuid;

use crate::{
    access::{Forbidden, Principal, UseCase},
    audit,
    deliveries::Outbox,
    door::Door,
    engine::Engine,
    figures::visible_user,
    ports::{
        AlertAudience, AlertFilter, AlertPage, AlertStatus, Clock, CostAlert, DefinitionStore, IdGenerator, StoreError,
        Threshold, ThresholdKind, ThresholdStore,
    },
};

/// The service for alerts and thresholds.
#[derive(Clone)]
pub struct Alerts {
    store: Arc<dyn ThresholdStore>,
    definitions: Arc<dyn DefinitionStore>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    door: Door,
    currency: Currency,
    engine: Engine,
    outbox: Outbox,
}

/// A threshold as it is wanted.
#[derive(Debug, Clone)]
pub struct WantedThreshold {
    /// The process; `None` for the server as a whole.
    pub process_id: Option<ProcessId>,
    /// What it is about.
    pub kind: ThresholdKind,
    /// The cost, as a decimal.
    pub amount: String,
    /// Whether it counts.
    pub enabled: bool,
}

/// Why alerts and thresholds can't be shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum AlertFailure {
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such process.
    #[error("Process not found")]
    NoProcess,
    /// There is no such threshold.
    #[error("Threshold not found")]
    NoThreshold,
    /// There is no such alert.
    #[error("Alert not found")]
    NoAlert,
    /// Someone has put it aside already.
    #[error("Alert already dismissed")]
    Dismissed,
    /// The cost makes no sense.
    #[error("the amount must be more than 0 and at most 9000000000, with at most nine decimals")]
    Amount,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Alerts {
    /// The service; amounts are in `currency`, days are those of the engine's calendar.
    #[expect(clippy::too_many_arguments, reason = "each is a port or a setting of its own")]
    pub(crate) const fn new(
        store: Arc<dyn ThresholdStore>,
        definitions: Arc<dyn DefinitionStore>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
        door: Door,
        currency: Currency,
        engine: Engine,
        outbox: Outbox,
    ) -> Self {
        Self { store, definitions, clock, ids, door, currency, engine, outbox }
    }

    /// A page of the alerts that the principal may see, the newest first: who sees only its own executions is shown only
    /// alerts about these.
    pub async fn list(
        &self,
        by: &Principal,
        filter: AlertFilter,
        offset: u64,
        limit: u32,
    ) -> Result<AlertPage, AlertFailure> {
        by.check(UseCase::ReadAlerts)?;
        let filter = AlertFilter { user: visible_user(by), ..filter };
        Ok(self.store.alerts(&filter, offset, limit).await?)
    }

    /// How many of the alerts that the principal may see are active.
    pub async fn active(&self, by: &Principal) -> Result<u64, AlertFailure> {
        Ok(self.list(by, AlertFilter::default(), 0, 1).await?.active)
    }

    /// An alert.
    pub async fn get(&self, by: &Principal, id: Uuid) -> Result<CostAlert, AlertFailure> {
        by.check(UseCase::ReadAlerts)?;
        self.visible(by, id).await
    }

    /// Puts an alert aside: it is not raised again in its period.
    pub async fn dismiss(&self, by: &Principal, id: Uuid) -> Result<(), AlertFailure> {
        let (this, principal) = (self.clone(), by.clone());
        let dismiss = async move {
            audit::about(&id);
            let alert = this.visible(&principal, id).await?;
            let name = alert.process_name.as_ref().map_or_else(|| "server".to_owned(), ToString::to_string);
            audit::about_named(&id, &name);
            let by = principal.author();
            let is_dismissed = this.store.dismiss_alert(id, by.as_deref(), this.clock.now()).await?;
            let was_active = alert.status() == AlertStatus::Active && is_dismissed;
            if was_active { Ok(()) } else { Err(AlertFailure::Dismissed) }
        };
        self.door.change(by, UseCase::DismissAlert, dismiss).await
    }

    /// The thresholds of a process, or of the server.
    pub async fn thresholds(&self, by: &Principal, process: Option<ProcessId>) -> Result<Vec<Threshold>, AlertFailure> {
        by.check(UseCase::ReadThresholds)?;
        self.check_process(process).await?;
        Ok(self.store.thresholds(process).await?)
    }

    /// Sets a threshold. As it is afterwards.
    pub async fn set(&self, by: &Principal, wanted: WantedThreshold) -> Result<Threshold, AlertFailure> {
        let this = self.clone();
        let set = async move {
            about_threshold(wanted.process_id, wanted.kind);
            let told = this.audience(wanted.process_id).await?;
            let amount = this.amount(&wanted.amount)?;
            let now = this.clock.now();
            let WantedThreshold { process_id, kind, enabled, amount: _ } = wanted;
            let id = this.ids.new_id();
            let threshold = Threshold { id, process_id, kind, amount, enabled, created_at: now, updated_at: now };
            let today = this.engine.settings().calendar.day(now);
            let threshold = this.store.set_threshold(&threshold, today, told.as_ref()).await?;
            this.outbox.nudge();
            Ok(threshold)
        };
        self.door.change(by, UseCase::ChangeThresholds, set).await
    }

    /// Removes a threshold.
    pub async fn remove(
        &self,
        by: &Principal,
        process: Option<ProcessId>,
        kind: ThresholdKind,
    ) -> Result<(), AlertFailure> {
        let this = self.clone();
        let remove = async move {
            about_threshold(process, kind);
            this.check_process(process).await?;
            let is_removed = this.store.remove_threshold(process, kind).await?;
            if is_removed { Ok(()) } else { Err(AlertFailure::NoThreshold) }
        };
        self.door.change(by, UseCase::ChangeThresholds, remove).await
    }

    async fn visible(&self, by: &Principal, id: Uuid) -> Result<CostAlert, AlertFailure> {
        let mine = AlertFilter { user: visible_user(by), ..AlertFilter::default() };
        let found = self.store.alert(id).await?.filter(|alert| alert.fits(&mine));
        found.ok_or(AlertFailure::NoAlert)
    }

    /// Who is told of alerts about a process, or the server.
    async fn audience(&self, process: Option<ProcessId>) -> Result<Option<AlertAudience>, AlertFailure> {
        let settings = &self.engine.settings().alerts;
        let Some(id) = process else { return Ok(settings.of_server()) };
        let process = self.definitions.load(id).await?.ok_or(AlertFailure::NoProcess)?;
        Ok(settings.of_process(process.definition()))
    }

    async fn check_process(&self, process: Option<ProcessId>) -> Result<(), AlertFailure> {
        match process {
            Some(id) if self.definitions.load(id).await?.is_none() => Err(AlertFailure::NoProcess),
            Some(_) | None => Ok(()),
        }
    }

    fn amount(&self, text: &str) -> Result<Money, AlertFailure> {
        let amount: Money = format!("{text} {}", self.currency).parse().map_err(|_| AlertFailure::Amount)?;
        if amount.nanos() > 0 { Ok(amount) } else { Err(AlertFailure::Amount) }
    }
}

/// Whose threshold it is, and of what.
fn about_threshold(process: Option<ProcessId>, kind: ThresholdKind) {
    let whose = process.map_or_else(|| "server".to_owned(), |process| process.to_string());
    audit::about_named(&whose, &kind.as_str());
}
