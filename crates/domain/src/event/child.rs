//! Events of sub-processes, as their parent sees them (spec 3.6).

use serde::{Deserialize, Serialize};

use super::ProcessRef;
use crate::value::Cost;

/// What happened to a sub-process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChildEvent {
    /// It was started.
    Started {
        /// What it runs.
        process: ProcessRef,
    },
    /// It ended.
    Completed {
        /// Its final status.
        status: String,
        /// What it cost.
        cost: Cost,
    },
}

impl ChildEvent {
    /// The type's name (spec 3.11).
    pub const fn event_type(&self) -> &'static str {
        match self {
            Self::Started { .. } => "ChildStarted",
            Self::Completed { .. } => "ChildCompleted",
        }
    }
}
