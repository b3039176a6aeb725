//! What operators see of the server from outside: measurements in the format of Prometheus (spec 4c).
//!
//! * `follow`: events as they are committed, none left out and none twice, for whoever draws conclusions from them;
//! * `metrics`: the measurements; `metrics::events`: what of them is counted from events;
//! * `traces`: the traces of executions, made from events too and sent to a collector of OpenTelemetry.
//!
//! Invariants: nothing here is waited for by the engine; no id, no name of a process and no text of a person is a label of
//! a measurement; what people and agents say to each other is in no trace.

mod follow;
mod metrics;
mod traces;

pub use follow::Follower;
pub use metrics::{Metrics, MetricsError};
pub use traces::{OtlpHeader, TraceError, TraceExporter, TraceSettings};
