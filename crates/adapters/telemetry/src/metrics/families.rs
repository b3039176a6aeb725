//! The families of measurements: their names, labels and buckets.

use prometheus::{
    CounterVec, Gauge, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry,
    core::Collector,
};

/// From a quick step to one that takes a day, in seconds.
const STEP_BUCKETS: [f64; 13] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0];

/// From a quick execution to one that takes a month.
const EXECUTION_BUCKETS: [f64; 13] =
    [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0, 604_800.0, 2_592_000.0];

/// From what is at hand to what is given up.
const REQUEST_BUCKETS: [f64; 13] = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// From a disk that only remembers to one that is in trouble.
const COMMIT_BUCKETS: [f64; 12] = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];

const BATCH_BUCKETS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// All families, and the registry that gathers them.
pub(super) struct Families {
    pub registry: Registry,
    pub executions: IntCounterVec,
    pub steps: IntCounterVec,
    pub execution_seconds: Histogram,
    pub step_seconds: HistogramVec,
    pub executions_live: IntGaugeVec,
    pub agent_calls: IntCounterVec,
    pub agent_in_flight: IntGaugeVec,
    pub agent_queue: IntGaugeVec,
    pub cost: CounterVec,
    pub deliveries: IntCounterVec,
    pub trace_spans: IntCounterVec,
    pub request_seconds: HistogramVec,
    pub commit_seconds: Histogram,
    pub batch_size: Histogram,
    pub runtime_lag: Gauge,
}

impl Families {
    pub fn new(version: &str) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let build = IntGaugeVec::new(Opts::new("procession_build_info", "What runs here; always 1."), &["version"])?;
        add(&registry, &build)?.with_label_values(&[version]).set(1);
        let count = |name, help, labels: &[&str]| add(&registry, &counters(name, help, labels)?);
        let gauge = |name, help, labels: &[&str]| add(&registry, &gauges(name, help, labels)?);
        let families = Self {
            executions: count("procession_executions_total", "Executions that have ended, by how.", &["status"])?,
            steps: count("procession_steps_total", "Steps that have ended, by how.", &["type", "status"])?,
            execution_seconds: add(
                &registry,
                &Histogram::with_opts(buckets(
                    "procession_execution_seconds",
                    "How long executions took from their begin to their end, in seconds.",
                    &EXECUTION_BUCKETS,
                ))?,
            )?,
            step_seconds: add(
                &registry,
                &HistogramVec::new(
                    buckets(
                        "procession_step_seconds",
                        "How long steps took, over all their attempts, in seconds.",
                        &STEP_BUCKETS,
                    ),
                    &["type"],
                )?,
            )?,
            executions_live: gauge(
                "procession_executions",
                "Executions that have not ended, by what they do.",
                &["state"],
            )?,
            agent_calls: count(
                "procession_agent_calls_total",
                "Calls of agents that have ended.",
                &["agent", "outcome"],
            )?,
            agent_in_flight: gauge("procession_agent_in_flight", "Calls of agents that are in flight.", &["agent"])?,
            agent_queue: gauge("procession_agent_queue", "Steps that wait for a place at an agent.", &["agent"])?,
            cost: add(
                &registry,
                &CounterVec::new(
                    Opts::new("procession_cost_total", "What calls have cost, as far as known, in their currency."),
                    &["currency"],
                )?,
            )?,
            deliveries: count(
                "procession_deliveries_total",
                "Tries of deliveries, by what state the delivery was in after them.",
                &["kind", "state"],
            )?,
            trace_spans: count(
                "procession_trace_spans_total",
                "Spans of traces, by what became of them.",
                &["outcome"],
            )?,
            request_seconds: add(
                &registry,
                &HistogramVec::new(
                    buckets(
                        "procession_http_request_seconds",
                        "How long requests took until their answer began, in seconds.",
                        &REQUEST_BUCKETS,
                    ),
                    &["method", "route", "status"],
                )?,
            )?,
            commit_seconds: add(
                &registry,
                &Histogram::with_opts(buckets(
                    "procession_store_commit_seconds",
                    "How long transactions took until they were durable, in seconds.",
                    &COMMIT_BUCKETS,
                ))?,
            )?,
            batch_size: add(
                &registry,
                &Histogram::with_opts(buckets(
                    "procession_store_batch_size",
                    "How many writes shared a transaction.",
                    &BATCH_BUCKETS,
                ))?,
            )?,
            runtime_lag: add(
                &registry,
                &Gauge::new(
                    "procession_runtime_lag_seconds",
                    "The longest time of the last 10 to 20 s that the server stood still.",
                )?,
            )?,
            registry,
        };
        families.begin_at_nothing();
        Ok(families)
    }

    /// A rate can be told from the first event on only if there was a 0 before it.
    fn begin_at_nothing(&self) {
        for status in ["completed", "failed", "cancelled"] {
            self.executions.with_label_values(&[status]);
        }
        for outcome in ["exported", "rejected", "dropped"] {
            self.trace_spans.with_label_values(&[outcome]);
        }
    }
}

fn counters(name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
    IntCounterVec::new(Opts::new(name, help), labels)
}

fn gauges(name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntGaugeVec> {
    IntGaugeVec::new(Opts::new(name, help), labels)
}

fn buckets(name: &str, help: &str, bounds: &[f64]) -> HistogramOpts {
    HistogramOpts::new(name, help).buckets(bounds.to_vec())
}

/// Registers a family; all its clones are one.
fn add<F: Collector + Clone + 'static>(registry: &Registry, family: &F) -> prometheus::Result<F> {
    registry.register(Box::new(family.clone()))?;
    Ok(family.clone())
}
