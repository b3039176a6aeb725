//! The measurements of the server, and the page on which Prometheus reads them (spec 4c, metrics).
//!
//! What happened is counted from the events of commits; how things stand is looked at when the page is asked for.

mod events;
mod families;

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use procession_application::{
    Application,
    access::Principal,
    ports::{AnsweredRequest, DeliveryKind, DeliveryState, LiveExecutions, Meter, MeterPage, Standing},
};
use prometheus::TextEncoder;

use crate::Follower;
use events::EventCounter;
use families::Families;

/// The media type of the text format, which all versions of Prometheus read.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// So many agents have series of their own; the others share one.
const MOST_AGENTS: usize = 200;

/// The name under which agents beyond that are counted. No agent has it: names of agents have no space.
const OTHER_AGENTS: &str = "other";

/// What stands for a route or method that is none of ours.
const OTHER: &str = "other";

/// The measurements. They begin at nothing with each start of the program, as Prometheus expects.
pub struct Metrics {
    families: Families,
    /// Agents that have series of their own.
    agents: Mutex<BTreeSet<String>>,
}

/// Why there are no measurements.
#[derive(Debug, thiserror::Error)]
#[error("the measurements can't be set up: {0}")]
pub struct MetricsError(#[from] prometheus::Error);

impl Metrics {
    /// Measurements of a server of this version.
    pub fn new(version: &str) -> Result<Self, MetricsError> {
        Ok(Self { families: Families::new(version)?, agents: Mutex::default() })
    }

    /// Counts what happens, until the store is closed.
    pub async fn count(&self, application: &Application, mut follower: Follower) {
        let everyone = Principal::system();
        let mut counter = EventCounter::default();
        while let Some(events) = follower.next().await {
            for event in events {
                let definition = application.executions.definition(&everyone, event.process_id()).await;
                // Without its definition a step is counted without its type.
                counter.count(self, &event, definition.ok().flatten().as_deref());
            }
        }
    }

    /// Counts spans that were `exported`, `rejected` by the collector, or `dropped` before they came to it.
    pub(crate) fn count_spans(&self, outcome: &str, count: u64) {
        self.families.trace_spans.with_label_values(&[outcome]).inc_by(count);
    }

    /// The name under which an agent is counted.
    fn agent<'a>(&self, name: &'a str) -> &'a str {
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        if agents.contains(name) {
            return name;
        }
        if agents.len() >= MOST_AGENTS {
            return OTHER_AGENTS;
        }
        agents.insert(name.to_owned());
        name
    }

    fn show_standing(&self, standing: &Standing) {
        let Families { executions_live, agent_in_flight, agent_queue, runtime_lag, .. } = &self.families;
        let LiveExecutions { pending, running, waiting, paused } = standing.executions;
        for (state, count) in [("pending", pending), ("running", running), ("waiting", waiting), ("paused", paused)] {
            executions_live.with_label_values(&[state]).set(gauge(count));
        }
        // An agent that is not in work any more has none in work.
        agent_in_flight.reset();
        agent_queue.reset();
        for (agent, occupation) in &standing.agents {
            let agent = self.agent(agent);
            agent_in_flight.with_label_values(&[agent]).add(gauge(occupation.in_flight as u64));
            agent_queue.with_label_values(&[agent]).add(gauge(occupation.queued as u64));
        }
        runtime_lag.set(standing.runtime_lag.as_secs_f64());
    }
}

impl Meter for Metrics {
    fn committed(&self, writes: usize, took: Duration) {
        self.families.commit_seconds.observe(took.as_secs_f64());
        // A batch has 128 writes at most.
        self.families.batch_size.observe(f64::from(u32::try_from(writes).unwrap_or(u32::MAX)));
    }

    fn answered(&self, request: &AnsweredRequest<'_>) {
        let route = request.route.unwrap_or(OTHER);
        let status = request.status.to_string();
        let labels = [method(request.method), route, &status];
        self.families.request_seconds.with_label_values(&labels).observe(request.took.as_secs_f64());
    }

    fn tried(&self, kind: DeliveryKind, state: DeliveryState) {
        self.families.deliveries.with_label_values(&[kind.as_str(), state.as_str()]).inc();
    }

    fn page(&self, standing: &Standing) -> MeterPage {
        self.show_standing(standing);
        let text = TextEncoder::new().encode_to_string(&self.families.registry.gather());
        let text = text.unwrap_or_else(|error| {
            tracing::error!(%error, "the measurements can't be written");
            String::new()
        });
        MeterPage { content_type: CONTENT_TYPE, text }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// A method of HTTP, or that it is another one: clients can make them up.
fn method(name: &str) -> &str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
    if KNOWN.contains(&name) { name } else { OTHER }
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
