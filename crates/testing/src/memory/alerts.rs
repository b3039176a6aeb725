//! The port of cost thresholds and alerts.

use async_trait::async_trait;
use procession_application::ports::{
    AlertAudience, AlertFilter, AlertPage, AlertStatus, Booking, BookingScope, CostAlert, CostDay, StoreError,
    Threshold, ThresholdKind, ThresholdStore, published_thresholds,
};
use procession_domain::{
    definition::Process,
    value::{Money, ProcessId, ProcessName, Timestamp},
};
use uuid::Uuid;

use super::{MemoryStore, Tables};

#[async_trait]
impl ThresholdStore for MemoryStore {
    async fn thresholds(&self, process: Option<ProcessId>) -> Result<Vec<Threshold>, StoreError> {
        Ok(self.tables().thresholds_of(process))
    }

    async fn set_threshold(
        &self,
        threshold: &Threshold,
        today: CostDay,
        told: Option<&AlertAudience>,
    ) -> Result<Threshold, StoreError> {
        let mut tables = self.tables();
        let stored = tables.set(threshold);
        tables.raise_if_passed(&stored, today, told);
        Ok(stored)
    }

    async fn remove_threshold(&self, process: Option<ProcessId>, kind: ThresholdKind) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let before = tables.thresholds.len();
        tables.thresholds.retain(|known| known.process_id != process || known.kind != kind);
        Ok(tables.thresholds.len() < before)
    }

    async fn alerts(&self, filter: &AlertFilter, offset: u64, limit: u32) -> Result<AlertPage, StoreError> {
        let tables = self.tables();
        let of_user = AlertFilter { user: filter.user.clone(), ..AlertFilter::default() };
        let active = AlertFilter { status: Some(AlertStatus::Active), ..of_user };
        let mut rows: Vec<&CostAlert> = tables.alerts.iter().collect();
        let active = rows.iter().filter(|alert| alert.fits(&active)).count() as u64;
        rows.retain(|alert| alert.fits(filter));
        rows.sort_by_key(|alert| std::cmp::Reverse((alert.created_at, alert.id)));
        let total = rows.len() as u64;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let rows = rows.into_iter().skip(offset).take(limit as usize).cloned().collect();
        Ok(AlertPage { rows, total, active })
    }

    async fn alert(&self, id: Uuid) -> Result<Option<CostAlert>, StoreError> {
        let tables = self.tables();
        Ok(tables.alerts.iter().find(|alert| alert.id == id).cloned())
    }

    async fn dismiss_alert(&self, id: Uuid, by: Option<&str>, at: Timestamp) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let Some(alert) = tables.active_alert(id) else { return Ok(false) };
        alert.dismissed_at = Some(at);
        alert.dismissed_by = by.map(str::to_owned);
        tables.withdraw(id);
        Ok(true)
    }
}

impl Tables {
    /// Adds a booking to the sums of its day, and raises what alerts are due then.
    pub(super) fn book(&mut self, booking: &Booking<'_>) {
        let name = Some(booking.process.name.clone());
        *self.booked_costs.entry((name, booking.day)).or_default() += booking.grown.nanos();
        *self.booked_costs.entry((None, booking.day)).or_default() += booking.own.nanos();
        let of_process = self.thresholds_of(Some(booking.process.id));
        for threshold in of_process.iter().chain(&self.thresholds_of(None)) {
            let process = match threshold.scope() {
                BookingScope::Process => Some(&booking.process.name),
                BookingScope::Server => None,
            };
            let alert = match threshold.days(booking.day) {
                None => booking.alert_of_execution(threshold),
                Some(days) => {
                    let actual = self.booked(process, days, threshold);
                    threshold.alert_of_period(days.0, actual, process, booking.at)
                }
            };
            self.raise(alert, booking.audiences.of(threshold.scope()));
        }
    }

    /// Gives a version that is being published its thresholds.
    pub(super) fn set_published(&mut self, process: &Process) {
        let is_before = |other: &&super::StoredProcess| other.process.is_active() && other.process.id() != process.id();
        let before = self.versions(process.definition().name()).find(is_before).map(|other| other.process.id());
        let before = before.map(|id| self.thresholds_of(Some(id))).unwrap_or_default();
        for threshold in published_thresholds(process, &self.thresholds_of(Some(process.id())), &before) {
            self.set(&threshold);
        }
    }

    fn raise_if_passed(&mut self, threshold: &Threshold, today: CostDay, told: Option<&AlertAudience>) {
        let Some(days) = threshold.days(today) else { return };
        let process = threshold.process_id.map(|id| self.definitions.get(&id).map(|known| known.process.clone()));
        let name = match &process {
            None => None,
            Some(Some(process)) => Some(process.definition().name()),
            Some(None) => return,
        };
        let actual = self.booked(name, days, threshold);
        self.raise(threshold.alert_of_period(days.0, actual, name, threshold.updated_at), told);
    }

    fn set(&mut self, threshold: &Threshold) -> Threshold {
        let is_same = |known: &&mut Threshold| known.process_id == threshold.process_id && known.kind == threshold.kind;
        if let Some(known) = self.thresholds.iter_mut().find(is_same) {
            *known = Threshold { id: known.id, created_at: known.created_at, ..*threshold };
            return *known;
        }
        self.thresholds.push(*threshold);
        *threshold
    }

    fn thresholds_of(&self, process: Option<ProcessId>) -> Vec<Threshold> {
        let of_process = self.thresholds.iter().filter(|known| known.process_id == process);
        let mut thresholds: Vec<Threshold> = of_process.copied().collect();
        thresholds.sort_by_key(|threshold| threshold.kind);
        thresholds
    }

    fn booked(&self, process: Option<&ProcessName>, (first, last): (CostDay, CostDay), threshold: &Threshold) -> Money {
        let counts =
            |(name, day): &(Option<ProcessName>, CostDay)| name.as_ref() == process && (first..=last).contains(day);
        let nanos = self.booked_costs.iter().filter(|(key, _)| counts(key)).map(|(_, nanos)| nanos).sum();
        Money::from_nanos(nanos, threshold.amount.currency())
    }

    /// Raises an alert and tells who is to hear of it, or lets the one that was raised before follow the cost.
    fn raise(&mut self, alert: Option<CostAlert>, told: Option<&AlertAudience>) {
        let Some(alert) = alert else { return };
        match self.alerts.iter_mut().find(|known| known.id == alert.id) {
            None => {
                let deliveries: Vec<_> = told.map(|told| alert.delivery(told)).into_iter().collect();
                self.insert_deliveries(&deliveries, &[]);
                self.alerts.push(alert);
            }
            Some(known) if known.dismissed_at.is_none() => known.actual = alert.actual,
            Some(_) => {}
        }
    }

    fn active_alert(&mut self, id: Uuid) -> Option<&mut CostAlert> {
        self.alerts.iter_mut().find(|alert| alert.id == id && alert.dismissed_at.is_none())
    }
}
