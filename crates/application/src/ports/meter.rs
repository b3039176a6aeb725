//! Measurements of the server, for monitoring (spec 4c, metrics).

use std::{collections::BTreeMap, fmt::Debug, time::Duration};

use super::{DeliveryKind, DeliveryState, LiveExecutions};

/// A request that was answered.
#[derive(Debug, Clone, Copy)]
pub struct AnsweredRequest<'a> {
    /// Its method, as the client wrote it.
    pub method: &'a str,
    /// The route that it took, such as `/api/executions/{execution_id}`; `None` if it took none.
    pub route: Option<&'a str>,
    /// The status of the answer.
    pub status: u16,
    /// How long it took until the answer began.
    pub took: Duration,
}

/// How the server stands, as far as that is not counted but looked at.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Executions that have not ended.
    pub executions: LiveExecutions,
    /// Agents that work or are waited for.
    pub agents: BTreeMap<String, Occupation>,
    /// How long what is ready had to wait lately until it went on.
    pub runtime_lag: Duration,
}

/// How busy an agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Occupation {
    /// Calls in flight.
    pub in_flight: usize,
    /// Steps that wait for a place.
    pub queued: usize,
}

/// The page on which measurements are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterPage {
    /// Its media type.
    pub content_type: &'static str,
    /// Its text.
    pub text: String,
}

/// Takes measurements, and shows them.
///
/// Promises: noting something never waits for anything and never fails, and whatever strangers send, the number of
/// different things that are told apart is bounded.
pub trait Meter: Debug + Send + Sync {
    /// A transaction of so many writes is durable; it took so long.
    fn committed(&self, writes: usize, took: Duration);

    /// A request was answered.
    fn answered(&self, request: &AnsweredRequest<'_>);

    /// A delivery was tried, and is in this state now.
    fn tried(&self, kind: DeliveryKind, state: DeliveryState);

    /// The page with everything that was noted, and with how the server stands.
    fn page(&self, standing: &Standing) -> MeterPage;
}
