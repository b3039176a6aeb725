//! Identifiers of stored things. All are UUIDs, of version 8 today and of version 7 before; adapters make them, the domain
//! only carries them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text is no UUID in its usual form of 36 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a valid id: it must be a UUID such as 0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33")]
pub struct IdError(String);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID.
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID itself.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::parse_str(text).map(Self).map_err(|_| IdError(text.chars().take(64).collect()))
            }
        }
    };
}

id!(
    /// One version of a process definition.
    ProcessId
);
id!(
    /// One run of a process.
    ExecutionId
);
id!(
    /// One request for a decision.
    ApprovalId
);
id!(
    /// A local user.
    UserId
);
id!(
    /// A schedule of a process, over all versions that have had it.
    ScheduleId
);
