//! The port of cost thresholds and alerts.

use async_trait::async_trait;
use procession_application::ports::{
    AlertFilter, AlertPage, AlertStatus, Booking, BookingScope, CostAlert, CostDay, StoreError, Threshold,
    ThresholdKind, ThresholdStore, UntoldAlert, published_thresholds,
};
use procession_domain::{
    definition::Process,
    value::{Money, ProcessId, ProcessName, Timestamp},
};
use uuid::Uuid;

use super::{MemoryStore, Tables};

/// An alert as it is kept.
#[derive(Debug)]
pub(super) struct KeptAlert {
    alert: CostAlert,
    /// When people are to be told.
    tell_at: Option<Timestamp>,
    tellings: u32,
}

#[async_trait]
impl ThresholdStore for MemoryStore {
    async fn thresholds(&self, process: Option<ProcessId>) -> Result<Vec<Threshold>, StoreError> {
        Ok(self.tables().thresholds_of(process))
    }

    async fn set_threshold(&self, threshold: &Threshold, today: CostDay) -> Result<Threshold, StoreError> {
        let mut tables = self.tables();
        let stored = tables.set(threshold);
        tables.raise_if_passed(&stored, today);
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
        let mut rows: Vec<&CostAlert> = tables.alerts.iter().map(|kept| &kept.alert).collect();
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
        let found = tables.alerts.iter().find(|kept| kept.alert.id == id);
        Ok(found.map(|kept| kept.alert.clone()))
    }

    async fn dismiss_alert(&self, id: Uuid, by: Option<&str>, at: Timestamp) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let Some(kept) = tables.active_alert(id) else { return Ok(false) };
        kept.alert.dismissed_at = Some(at);
        kept.alert.dismissed_by = by.map(str::to_owned);
        kept.tell_at = None;
        Ok(true)
    }

    async fn alerts_to_tell(&self, now: Timestamp, limit: u32) -> Result<Vec<UntoldAlert>, StoreError> {
        let tables = self.tables();
        let is_due = |kept: &&KeptAlert| kept.tell_at.is_some_and(|at| at <= now);
        let mut due: Vec<&KeptAlert> = tables.alerts.iter().filter(is_due).collect();
        due.sort_by_key(|kept| (kept.tell_at, kept.alert.id));
        let untold = |kept: &KeptAlert| UntoldAlert { alert: kept.alert.clone(), tries: kept.tellings };
        Ok(due.into_iter().take(limit as usize).map(untold).collect())
    }

    async fn note_telling(&self, id: Uuid, next: Option<Timestamp>) -> Result<(), StoreError> {
        let mut tables = self.tables();
        if let Some(kept) = tables.active_alert(id) {
            kept.tell_at = next;
            kept.tellings += 1;
        }
        Ok(())
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
            self.raise(alert);
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

    fn raise_if_passed(&mut self, threshold: &Threshold, today: CostDay) {
        let Some(days) = threshold.days(today) else { return };
        let process = threshold.process_id.map(|id| self.definitions.get(&id).map(|known| known.process.clone()));
        let name = match &process {
            None => None,
            Some(Some(process)) => Some(process.definition().name()),
            Some(None) => return,
        };
        let actual = self.booked(name, days, threshold);
        self.raise(threshold.alert_of_period(days.0, actual, name, threshold.updated_at));
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

    fn raise(&mut self, alert: Option<CostAlert>) {
        let Some(alert) = alert else { return };
        match self.alerts.iter_mut().find(|kept| kept.alert.id == alert.id) {
            None => self.alerts.push(KeptAlert { tell_at: Some(alert.created_at), alert, tellings: 0 }),
            Some(kept) if kept.alert.dismissed_at.is_none() => kept.alert.actual = alert.actual,
            Some(_) => {}
        }
    }

    fn active_alert(&mut self, id: Uuid) -> Option<&mut KeptAlert> {
        self.alerts.iter_mut().find(|kept| kept.alert.id == id && kept.alert.dismissed_at.is_none())
    }
}
