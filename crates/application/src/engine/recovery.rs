//! What the last start found under way (spec 3.8, `GET /api/executions/recovery/status`).

use std::sync::{Mutex, PoisonError};

use procession_domain::value::{Duration, Timestamp};
use serde::Serialize;

/// What the start of an engine found under way, and what became of it so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecoveryReport {
    /// When the engine started.
    pub started_at: Timestamp,
    /// When the last execution found was taken up.
    pub completed_at: Option<Timestamp>,
    /// Executions that were in work when the last server ended, and go on.
    pub resumed: u64,
    /// Attempts that were under way and were taken up again.
    pub attempts: u64,
    /// Of these: their gateway had finished them meanwhile.
    pub finished: u64,
    /// Of these: they go on at their gateway.
    pub running: u64,
    /// Of these: nobody knew them, and they were sent again.
    pub sent_again: u64,
    /// Executions that could not be loaded.
    pub errors: u64,
}

impl RecoveryReport {
    /// How long it took to take everything up.
    pub fn duration(&self) -> Duration {
        self.completed_at.map(|completed| completed.since(self.started_at)).unwrap_or_default()
    }
}

/// The report while it is being written.
pub(super) struct RecoveryCounts(Mutex<RecoveryReport>);

impl RecoveryCounts {
    pub fn begin(now: Timestamp) -> Self {
        Self(Mutex::new(RecoveryReport {
            started_at: now,
            completed_at: None,
            resumed: 0,
            attempts: 0,
            finished: 0,
            running: 0,
            sent_again: 0,
            errors: 0,
        }))
    }

    pub fn note(&self, now: Timestamp, change: impl FnOnce(&mut RecoveryReport)) {
        let mut report = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut report);
        report.completed_at = Some(now);
    }

    pub fn report(&self) -> RecoveryReport {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
