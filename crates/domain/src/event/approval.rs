//! Events of requests for people's decision (spec 3.5).

use serde::{Deserialize, Serialize};

use super::{Decision, Verdict};
use crate::value::Timestamp;

/// What happened to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalEvent {
    /// People were asked.
    Requested {
        /// What is to be decided.
        title: String,
        /// Who is asked.
        assignees: Vec<String>,
        /// Until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
    },
    /// A person voted, and more votes are needed.
    Voted {
        /// Who.
        by: String,
        /// How.
        decision: Decision,
        /// What was said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    /// It was settled.
    Decided(Verdict),
    /// An assignee passed it on.
    Delegated {
        /// Who passed it on.
        from: String,
        /// To whom.
        to: String,
        /// What was said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    /// Others were asked too, since the deadline passed.
    Escalated {
        /// Who is asked now.
        assignees: Vec<String>,
        /// The new deadline.
        deadline: Timestamp,
    },
    /// The deadline passed.
    Expired,
}

impl ApprovalEvent {
    /// The type's name (spec 3.11).
    pub const fn event_type(&self) -> &'static str {
        match self {
            Self::Requested { .. } => "ApprovalRequested",
            Self::Voted { .. } => "ApprovalVoted",
            Self::Decided(_) => "ApprovalDecided",
            Self::Delegated { .. } => "ApprovalDelegated",
            Self::Escalated { .. } => "ApprovalEscalated",
            Self::Expired => "ApprovalExpired",
        }
    }
}
