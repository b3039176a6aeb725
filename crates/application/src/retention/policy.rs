//! For how long things are kept (spec 3.11 and 4c).

use procession_domain::value::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

/// For how long things are kept after their end; no time at all is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionPolicy {
    /// Events of executions.
    pub events: Duration,
    /// Executions, with all that belongs to them.
    pub executions: Duration,
    /// Inputs, outputs and messages of executions.
    pub outputs: Duration,
    /// What was delivered to others.
    pub deliveries: Duration,
    /// Entries of the audit trail.
    pub audit: Duration,
}

/// What of a policy someone has set at run time; the rest is what the configuration says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RetentionChanges {
    /// Events of executions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Duration>,
    /// Executions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executions: Option<Duration>,
    /// Inputs, outputs and messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Duration>,
    /// What was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliveries: Option<Duration>,
    /// The audit trail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<Duration>,
}

/// Up to when what has ended goes; `None` = it stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deadlines {
    pub executions: Option<Timestamp>,
    pub events: Option<Timestamp>,
    pub outputs: Option<Timestamp>,
    pub deliveries: Option<Timestamp>,
    pub audit: Option<Timestamp>,
}

impl RetentionPolicy {
    /// 30 days for events, outputs and deliveries, 90 for executions, 7 years for the audit trail.
    pub const USUAL: Self =
        Self { events: days(30), executions: days(90), outputs: days(30), deliveries: days(30), audit: days(2_555) };

    /// The same with changes.
    #[must_use]
    pub fn with(self, changes: RetentionChanges) -> Self {
        Self {
            events: changes.events.unwrap_or(self.events),
            executions: changes.executions.unwrap_or(self.executions),
            outputs: changes.outputs.unwrap_or(self.outputs),
            deliveries: changes.deliveries.unwrap_or(self.deliveries),
            audit: changes.audit.unwrap_or(self.audit),
        }
    }

    /// What of changes differs from this policy.
    pub(super) fn differing(self, changes: RetentionChanges) -> RetentionChanges {
        let differs = |wanted: Option<Duration>, own: Duration| wanted.filter(|wanted| *wanted != own);
        RetentionChanges {
            events: differs(changes.events, self.events),
            executions: differs(changes.executions, self.executions),
            outputs: differs(changes.outputs, self.outputs),
            deliveries: differs(changes.deliveries, self.deliveries),
            audit: differs(changes.audit, self.audit),
        }
    }

    /// Up to when things go, at this time. What belongs to an execution never stays longer than it.
    pub(super) fn deadlines(self, now: Timestamp) -> Deadlines {
        let before = |kept: Duration| (kept != Duration::ZERO).then(|| ago(now, kept));
        let executions = before(self.executions);
        Deadlines {
            executions,
            events: before(self.events).max(executions),
            outputs: before(self.outputs).max(executions),
            deliveries: before(self.deliveries),
            audit: before(self.audit),
        }
    }
}

const fn days(count: u64) -> Duration {
    Duration::from_secs(count * 86_400)
}

fn ago(now: Timestamp, duration: Duration) -> Timestamp {
    let micros = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).saturating_mul(1_000);
    Timestamp::from_micros(now.as_micros().saturating_sub(micros))
}
