//! Value objects (spec 1.10): small, immutable, valid by construction.

mod decimal;
mod duration;
mod error_code;
mod finish_reason;
mod hash;
mod ids;
pub mod json;
mod money;
mod names;
pub mod reply;
mod retry_after;
mod timestamp;
mod tokens;
mod trace;
mod version;

pub use decimal::Decimal;
pub use duration::{Duration, DurationError};
pub use error_code::{CodeScope, ErrorCode, UnknownCode};
pub use finish_reason::FinishReason;
pub use hash::{ContentHash, HashError};
pub use ids::{ApprovalId, ExecutionId, IdError, ProcessId, ScheduleId, UserId};
pub use money::{Cost, Currency, Money, MoneyError};
pub use names::{AgentName, NameError, ProcessName, StepId, TriggerId};
pub use retry_after::RetryAfter;
pub use timestamp::{Timestamp, TimestampError};
pub use tokens::TokenUsage;
pub use trace::{TraceContext, TraceContextError};
pub use version::{Version, VersionError};

/// A JSON value, the type of every input, output and variable.
pub type Json = serde_json::Value;
