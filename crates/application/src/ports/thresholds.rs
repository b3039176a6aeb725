//! The store of cost thresholds and alerts.

use async_trait::async_trait;
use procession_domain::value::{Money, ProcessId, Timestamp};
use uuid::Uuid;

use super::{AlertAudience, AlertFilter, AlertPage, CostAlert, CostDay, StoreError};

/// What a threshold is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ThresholdKind {
    /// One execution.
    PerExecution,
    /// All of one day.
    Daily,
    /// All of one week.
    Weekly,
}

/// A cost from which on people are to be told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// Its id.
    pub id: Uuid,
    /// The process; `None` for the server as a whole.
    pub process_id: Option<ProcessId>,
    /// What it is about.
    pub kind: ThresholdKind,
    /// The cost.
    pub amount: Money,
    /// Whether it counts.
    pub enabled: bool,
    /// When it was first set.
    pub created_at: Timestamp,
    /// When it was last set.
    pub updated_at: Timestamp,
}

/// Stores thresholds, and the alerts that are raised when costs pass them.
///
/// Promises:
/// * a process, or the server, has one threshold of a kind: setting it again keeps its id and its first time;
/// * a commit that books a cost raises, in its own transaction, every alert that is due then, whatever the status of its
///   execution; setting a threshold that the day or the week has passed already raises its alert too;
/// * an alert is raised once for its kind, process and period, and follows the cost from then on; one that was put aside
///   stays as it is;
/// * a version that is published gets the thresholds of its definition's `cost_alert` with it, and those of the other
///   kinds from the version that was active before;
/// * with an alert that is raised the delivery is written that tells its audience, if it has one; nobody is told of an alert
///   that is put aside before that was tried.
#[async_trait]
pub trait ThresholdStore: Send + Sync {
    /// The thresholds of a process, or of the server, by kind.
    async fn thresholds(&self, process: Option<ProcessId>) -> Result<Vec<Threshold>, StoreError>;

    /// Sets a threshold, today being this day; `told` hears of the alert that this raises. As it is stored.
    async fn set_threshold(
        &self,
        threshold: &Threshold,
        today: CostDay,
        told: Option<&AlertAudience>,
    ) -> Result<Threshold, StoreError>;

    /// Removes a threshold. `false` if there is none.
    async fn remove_threshold(&self, process: Option<ProcessId>, kind: ThresholdKind) -> Result<bool, StoreError>;

    /// A page of alerts, the newest first.
    async fn alerts(&self, filter: &AlertFilter, offset: u64, limit: u32) -> Result<AlertPage, StoreError>;

    /// An alert.
    async fn alert(&self, id: Uuid) -> Result<Option<CostAlert>, StoreError>;

    /// Puts an alert aside. `false` if there is none that is active.
    async fn dismiss_alert(&self, id: Uuid, by: Option<&str>, at: Timestamp) -> Result<bool, StoreError>;
}

impl ThresholdKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::PerExecution, Self::Daily, Self::Weekly];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PerExecution => "per_execution",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
        }
    }

    /// The kind of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}
