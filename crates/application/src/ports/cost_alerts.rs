//! Cost alerts: when one is due, and what is told of it (spec 4b 8). Both stores decide by what is here.

use std::fmt;

use procession_domain::{
    definition::Process,
    event::ProcessRef,
    value::{Cost, ExecutionId, Money, ProcessId, ProcessName, Timestamp},
};
use uuid::Uuid;

use super::{Commit, DeliveryContent, NewDelivery, Threshold, ThresholdKind};

/// A day by the calendar of alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CostDay(i64);

/// What a commit adds to the costs of days.
#[derive(Debug, Clone, PartialEq)]
pub struct Booking<'a> {
    /// The version whose execution it is.
    pub process: &'a ProcessRef,
    /// The execution.
    pub execution_id: ExecutionId,
    /// The user who started it.
    pub user: Option<&'a str>,
    /// What the execution has cost so far, sub-processes included.
    pub execution_cost: Money,
    /// How much more that is than before.
    pub grown: Money,
    /// What the calls of the execution itself have added, so that the server counts each call once.
    pub own: Money,
    /// The day on which it counts.
    pub day: CostDay,
    /// When.
    pub at: Timestamp,
    /// Who is told of the alerts that it raises.
    pub audiences: &'a AlertAudiences,
}

/// A channel of notifications through which people are told of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertAudience {
    /// The channel.
    pub channel: String,
    /// The recipients, of channels that have them.
    pub recipients: Vec<String>,
}

/// Who is told of the alerts that a commit raises; `None` = nobody, they are only shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertAudiences {
    /// Of alerts about the process and its executions.
    pub process: Option<AlertAudience>,
    /// Of alerts about the server.
    pub server: Option<AlertAudience>,
}

/// Whose costs are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookingScope {
    /// Those of a process, in all versions.
    Process,
    /// Those of the server.
    Server,
}

/// An alert: something cost more than people wanted to hear of.
#[derive(Debug, Clone, PartialEq)]
pub struct CostAlert {
    /// Its id.
    pub id: Uuid,
    /// The version whose threshold was passed; `None` for the server as a whole.
    pub process_id: Option<ProcessId>,
    /// Its process.
    pub process_name: Option<ProcessName>,
    /// What the threshold is about.
    pub kind: ThresholdKind,
    /// The execution, of an alert about one.
    pub execution_id: Option<ExecutionId>,
    /// The user who started it.
    pub user: Option<String>,
    /// The first day of the period, of an alert about a day or a week.
    pub first_day: Option<CostDay>,
    /// The cost from which on it was raised.
    pub threshold: Money,
    /// The cost.
    pub actual: Money,
    /// When it was raised.
    pub created_at: Timestamp,
    /// When it was put aside.
    pub dismissed_at: Option<Timestamp>,
    /// By whom.
    pub dismissed_by: Option<String>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertSeverity {
    /// More than the threshold.
    Warning,
    /// More than twice the threshold.
    Critical,
}

/// Whether someone has put an alert aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertStatus {
    /// Nobody has.
    Active,
    /// Someone has.
    Dismissed,
}

/// Which alerts a list shows; conditions add up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// In this status.
    pub status: Option<AlertStatus>,
    /// Of this version; `Some(None)` = of the server.
    pub process: Option<Option<ProcessId>>,
    /// About an execution that this user started.
    pub user: Option<String>,
}

/// A part of the list of alerts.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertPage {
    /// The alerts.
    pub rows: Vec<CostAlert>,
    /// How many the filter leaves.
    pub total: u64,
    /// How many of all that the user may see are active.
    pub active: u64,
}

impl CostDay {
    /// So many days after 1970-01-01.
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// How many days it is after 1970-01-01.
    pub const fn number(self) -> i64 {
        self.0
    }

    /// So many days later.
    #[must_use]
    pub const fn plus(self, days: i64) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// The Monday on or before it.
    #[must_use]
    pub const fn week(self) -> Self {
        // 1970-01-01 was a Thursday.
        Self(self.0 - (self.0 + 3).rem_euclid(7))
    }

    /// The last day of a period that begins with this one.
    const fn last_of(self, kind: ThresholdKind) -> Self {
        match kind {
            ThresholdKind::PerExecution | ThresholdKind::Daily => self,
            ThresholdKind::Weekly => Self(self.0 + 6),
        }
    }
}

impl<'a> Booking<'a> {
    /// What a commit books, the execution having cost so much before; `None` if nothing.
    pub fn of(commit: &'a Commit, before: Cost) -> Option<Self> {
        let cost = commit.standing.cost.amount;
        let own = commit.spending().nanos;
        let grown = cost.nanos() - before.amount.nanos();
        if grown == 0 && own == 0 {
            return None;
        }
        Some(Self {
            process: &commit.creation.process,
            execution_id: commit.execution_id,
            user: commit.creation.user.as_deref(),
            execution_cost: cost,
            grown: Money::from_nanos(grown, cost.currency()),
            own: Money::from_nanos(own, cost.currency()),
            day: commit.day,
            at: commit.standing.updated_at,
            audiences: &commit.alerted,
        })
    }

    /// The alert about this execution, if the threshold is about one and is passed.
    pub fn alert_of_execution(&self, threshold: &Threshold) -> Option<CostAlert> {
        let of_execution = |alert: CostAlert| CostAlert {
            id: derived_id(&format!("{}/{}", scope_of(alert.process_name.as_ref()), self.execution_id)),
            execution_id: Some(self.execution_id),
            user: self.user.map(str::to_owned),
            ..alert
        };
        let name = threshold.process_id.map(|_| &self.process.name);
        threshold.passed_by(self.execution_cost, name, self.at).map(of_execution)
    }
}

impl AlertAudiences {
    /// Those who are told of alerts about these costs.
    pub const fn of(&self, scope: BookingScope) -> Option<&AlertAudience> {
        match scope {
            BookingScope::Process => self.process.as_ref(),
            BookingScope::Server => self.server.as_ref(),
        }
    }
}

impl Threshold {
    /// Whose costs it is about.
    pub const fn scope(&self) -> BookingScope {
        match self.process_id {
            Some(_) => BookingScope::Process,
            None => BookingScope::Server,
        }
    }

    /// The days whose costs count for it on this day, first and last; `None` if it is about single executions.
    pub const fn days(&self, today: CostDay) -> Option<(CostDay, CostDay)> {
        let first = match self.kind {
            ThresholdKind::PerExecution => return None,
            ThresholdKind::Daily => today,
            ThresholdKind::Weekly => today.week(),
        };
        Some((first, first.last_of(self.kind)))
    }

    /// The alert about the period that begins with this day, if its cost passes the threshold.
    pub fn alert_of_period(
        &self,
        first_day: CostDay,
        actual: Money,
        process: Option<&ProcessName>,
        at: Timestamp,
    ) -> Option<CostAlert> {
        let of_period = |alert: CostAlert| CostAlert {
            id: derived_id(&format!("{}/{}/{}", scope_of(process), self.kind.as_str(), first_day.number())),
            first_day: Some(first_day),
            ..alert
        };
        self.passed_by(actual, process, at).map(of_period)
    }

    fn passed_by(&self, actual: Money, process: Option<&ProcessName>, at: Timestamp) -> Option<CostAlert> {
        let is_passed =
            self.enabled && actual.currency() == self.amount.currency() && actual.nanos() > self.amount.nanos();
        is_passed.then(|| CostAlert {
            id: Uuid::nil(),
            process_id: self.process_id,
            process_name: process.cloned(),
            kind: self.kind,
            execution_id: None,
            user: None,
            first_day: None,
            threshold: self.amount,
            actual,
            created_at: at,
            dismissed_at: None,
            dismissed_by: None,
        })
    }
}

/// The thresholds that a version gets when it is published: its own are kept, those that its definition names are set, and
/// of the other kinds those of the version that was active before are taken over.
pub fn published_thresholds(process: &Process, own: &[Threshold], before: &[Threshold]) -> Vec<Threshold> {
    let rule = process.definition().config().cost_alert.as_ref();
    let at = process.updated_at();
    let new = |kind: ThresholdKind, amount: Money, enabled: bool| Threshold {
        id: derived_id(&format!("threshold/{}/{}", process.id(), kind.as_str())),
        process_id: Some(process.id()),
        kind,
        amount,
        enabled,
        created_at: at,
        updated_at: at,
    };
    let of_kind = |thresholds: &[Threshold], kind| thresholds.iter().find(|known| known.kind == kind).copied();
    let mut set = Vec::new();
    for kind in ThresholdKind::ALL {
        let wanted = rule.and_then(|rule| match kind {
            ThresholdKind::PerExecution => rule.per_execution,
            ThresholdKind::Daily => rule.daily,
            ThresholdKind::Weekly => rule.weekly,
        });
        match (wanted, of_kind(own, kind), of_kind(before, kind)) {
            (Some(amount), _, _) => set.push(new(kind, amount, true)),
            (None, None, Some(earlier)) => set.push(new(kind, earlier.amount, earlier.enabled)),
            (None, Some(_), _) | (None, None, None) => {}
        }
    }
    set
}

impl CostAlert {
    /// What tells people of it, to be written with it; its id is that of the alert, so that it is told once.
    pub fn delivery(&self, to: &AlertAudience) -> NewDelivery {
        let severity = match self.severity() {
            AlertSeverity::Warning => "Cost alert",
            AlertSeverity::Critical => "Critical cost alert",
        };
        let whose = self.process_name.as_ref().map_or("the server", ProcessName::as_str);
        let content = DeliveryContent::Message {
            channel: to.channel.clone(),
            subject: format!("{severity} of {whose}"),
            text: format!("{severity}: {self}."),
            recipients: to.recipients.clone(),
        };
        NewDelivery {
            id: self.id,
            kind: content.kind(),
            event: "cost_alert".to_owned(),
            sequence: None,
            execution_id: self.execution_id,
            process_name: self.process_name.clone(),
            receiver: format!("channel {}", to.channel),
            target: to.channel.clone(),
            content,
            created_at: self.created_at,
            due_at: self.created_at,
        }
    }

    /// How bad it is.
    pub const fn severity(&self) -> AlertSeverity {
        let is_twice = self.actual.nanos() > self.threshold.nanos().saturating_mul(2);
        if is_twice { AlertSeverity::Critical } else { AlertSeverity::Warning }
    }

    /// Whether someone has put it aside.
    pub const fn status(&self) -> AlertStatus {
        match self.dismissed_at {
            Some(_) => AlertStatus::Dismissed,
            None => AlertStatus::Active,
        }
    }

    /// Whether a filter leaves it.
    pub fn fits(&self, filter: &AlertFilter) -> bool {
        filter.status.is_none_or(|status| status == self.status())
            && filter.process.is_none_or(|process| process == self.process_id)
            && (filter.user.is_none() || filter.user == self.user)
    }
}

impl AlertSeverity {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl AlertStatus {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Dismissed => "dismissed",
        }
    }

    /// The status of this name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Active, Self::Dismissed].into_iter().find(|status| status.as_str() == name)
    }
}

/// What the alert says, as a sentence.
impl fmt::Display for CostAlert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.process_name, self.execution_id) {
            (Some(name), Some(id)) => write!(f, "Execution {id} of '{name}'")?,
            (None, Some(id)) => write!(f, "Execution {id}")?,
            (Some(name), None) => write!(f, "'{name}'")?,
            (None, None) => f.write_str("The server")?,
        }
        let currency = self.actual.currency();
        write!(f, " has cost {} {currency}", self.actual.amount())?;
        match (self.kind, self.first_day) {
            (ThresholdKind::Daily, Some(day)) => write!(f, " on {day}")?,
            (ThresholdKind::Weekly, Some(day)) => write!(f, " in the week from {day} on")?,
            (ThresholdKind::PerExecution, _) | (_, None) => {}
        }
        write!(f, ", more than {} {currency}", self.threshold.amount())
    }
}

/// Whose costs an alert is about, for its id.
fn scope_of(process: Option<&ProcessName>) -> String {
    process.map_or_else(|| "server".to_owned(), |name| format!("process/{name}"))
}

/// An id that is the same for the same text, so that what is raised or set twice is one.
fn derived_id(text: &str) -> Uuid {
    let hash = blake3::hash(format!("procession/cost/{text}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
