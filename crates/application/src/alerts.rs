//! Use cases of cost thresholds (spec 4b 8): show, set and remove them.

use std::sync::Arc;

use procession_domain::value::{Currency, Money, ProcessId};

use crate::{
    access::{Forbidden, Principal, UseCase},
    door::Door,
    ports::{Clock, DefinitionStore, IdGenerator, StoreError, Threshold, ThresholdKind, ThresholdStore},
};

/// The service for thresholds.
#[derive(Clone)]
pub struct Alerts {
    store: Arc<dyn ThresholdStore>,
    definitions: Arc<dyn DefinitionStore>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    door: Door,
    currency: Currency,
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

/// Why thresholds can't be shown or changed.
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
    /// The cost makes no sense.
    #[error("the amount must be more than 0 and at most 9000000000, with at most nine decimals")]
    Amount,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Alerts {
    /// The service; amounts are in `currency`.
    pub(crate) const fn new(
        store: Arc<dyn ThresholdStore>,
        definitions: Arc<dyn DefinitionStore>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
        door: Door,
        currency: Currency,
    ) -> Self {
        Self { store, definitions, clock, ids, door, currency }
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
            this.check_process(wanted.process_id).await?;
            let amount = this.amount(&wanted.amount)?;
            let now = this.clock.now();
            let WantedThreshold { process_id, kind, enabled, amount: _ } = wanted;
            let id = this.ids.new_id();
            let threshold = Threshold { id, process_id, kind, amount, enabled, created_at: now, updated_at: now };
            Ok(this.store.set_threshold(&threshold).await?)
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
            this.check_process(process).await?;
            let is_removed = this.store.remove_threshold(process, kind).await?;
            if is_removed { Ok(()) } else { Err(AlertFailure::NoThreshold) }
        };
        self.door.change(by, UseCase::ChangeThresholds, remove).await
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
