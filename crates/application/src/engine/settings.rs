//! Settings of the engine (spec 8.2, `engine.*` and `limits.*`).

use procession_domain::{
    definition::UndefinedRule,
    execution::Settings as ExecutionSettings,
    value::{Currency, Duration},
};

use crate::{alerts::AlertSettings, calendar::Calendar, traces::TraceSampling, values::ValueLimits};

/// Settings of the engine.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// How many root executions are in work at once.
    pub max_concurrent_executions: u32,
    /// How many of one process, where the process does not say; `None` = no limit.
    pub max_concurrent_instances: Option<u32>,
    /// How many calls of one execution are in flight at once, where its process does not say.
    pub max_concurrent_steps: u32,
    /// How many executions may wait to be admitted.
    pub queue_length: u32,
    /// What an undefined reference does in processes that don't say.
    pub undefined: Option<UndefinedRule>,
    /// Values up to so many bytes live in the database.
    pub inline_output: u64,
    /// Values above so many bytes are refused.
    pub output: u64,
    /// The currency of this server.
    pub currency: Currency,
    /// How long the dispatcher sleeps at most: other nodes, and clocks that jump, are noticed after that.
    pub poll: Duration,
    /// How often it is looked for executions that this node owns and nobody runs.
    pub look_for_abandoned: Duration,
    /// How long a node's lease lasts without being renewed.
    pub lease: Duration,
    /// How long a step waits for a busy agent in all.
    pub agent_wait: Duration,
    /// The circuit breaker of each agent.
    pub breaker: BreakerSettings,
    /// Which executions of the store it works on.
    pub takes_up: TakesUp,
    /// The calendar by whose days costs are added up for alerts (`alerts.timezone`).
    pub calendar: Calendar,
    /// Who is told of cost alerts (`alerts.*`).
    pub alerts: AlertSettings,
    /// Which executions' traces agents are told of; `None` = none, since nobody records them (`telemetry.otlp.*`).
    pub traces: Option<TraceSampling>,
}

/// Which executions of its store an engine works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TakesUp {
    /// All of them.
    #[default]
    All,
    /// Those that it starts itself or is told to take up ([`super::Engine::take_up`]), and their sub-processes. What else
    /// is under way waits for another engine.
    Own,
}

/// When an agent is left alone for a while (spec 5.3).
#[derive(Debug, Clone, Copy)]
pub struct BreakerSettings {
    /// After so many failures of the availability kind in a row.
    pub failures: u32,
    /// For so long.
    pub open: Duration,
    /// Then so many calls are let through to see.
    pub probes: u32,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            max_concurrent_executions: 1_000,
            max_concurrent_instances: None,
            max_concurrent_steps: 50,
            queue_length: 10_000,
            undefined: None,
            inline_output: 64 * 1024,
            output: 16 * 1024 * 1024,
            currency: Currency::USD,
            poll: Duration::from_secs(1),
            look_for_abandoned: Duration::from_secs(10),
            lease: Duration::from_secs(15),
            agent_wait: Duration::from_secs(3_600),
            breaker: BreakerSettings::default(),
            takes_up: TakesUp::default(),
            calendar: Calendar::default(),
            alerts: AlertSettings::default(),
            traces: None,
        }
    }
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 5, open: Duration::from_secs(300), probes: 3 }
    }
}

impl EngineSettings {
    /// The limits of values.
    pub(crate) const fn value_limits(&self) -> ValueLimits {
        ValueLimits { inline: self.inline_output, most: self.output }
    }

    /// The settings that rule executions.
    pub fn for_executions(&self) -> ExecutionSettings {
        ExecutionSettings {
            max_concurrent_steps: self.max_concurrent_steps as usize,
            agent_wait: self.agent_wait,
            undefined: self.undefined,
        }
    }
}
