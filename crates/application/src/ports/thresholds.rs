//! The store of cost thresholds.

use async_trait::async_trait;
use procession_domain::value::{Money, ProcessId, Timestamp};
use uuid::Uuid;

use super::StoreError;

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

/// Stores thresholds.
///
/// Promises:
/// * a process, or the server, has one threshold of a kind: setting it again keeps its id and its first time.
#[async_trait]
pub trait ThresholdStore: Send + Sync {
    /// The thresholds of a process, or of the server, by kind.
    async fn thresholds(&self, process: Option<ProcessId>) -> Result<Vec<Threshold>, StoreError>;

    /// Sets a threshold. As it is stored.
    async fn set_threshold(&self, threshold: &Threshold) -> Result<Threshold, StoreError>;

    /// Removes a threshold. `false` if there is none.
    async fn remove_threshold(&self, process: Option<ProcessId>, kind: ThresholdKind) -> Result<bool, StoreError>;
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
