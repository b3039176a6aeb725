//! Where races are run: an engine on SQLite, agents that are held, a clock moved by hand.

use std::{collections::BTreeMap, sync::Arc};

use procession_application::engine::EngineSettings;
use procession_domain::{
    event::{ApprovalEvent, Event},
    execution::Execution,
    value::{ApprovalId, ExecutionId, ProcessId},
};
use procession_testing::{CURTAIN, KeptMessages, ManualClock, ScriptedAgents, Stage};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    database::ports_in,
    held_agents::HeldAgents,
    history::check_history,
    witness::{Witness, until},
};

/// How often each race is run.
pub const RACES: usize = 1_000;

/// How many executions race at once.
pub const BATCH: usize = 50;

/// An engine and all around it.
pub struct Arena {
    pub stage: Arc<Stage>,
    pub agents: Arc<HeldAgents>,
    pub clock: Arc<ManualClock>,
    pub witness: Witness,
    _folder: TempDir,
}

impl Arena {
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let agents = Arc::new(HeldAgents::default());
        let clock = Arc::new(ManualClock::new(CURTAIN));
        let messages = Arc::new(KeptMessages::default());
        let ports = ports_in(folder.path(), agents.clone(), messages.clone(), clock.clone()).await;
        let witness = Witness::of(ports.stores.feed.as_ref());
        let mut settings = EngineSettings::default();
        // That an agent fails often is no reason here to leave it alone.
        settings.breaker.failures = u32::MAX;
        let nobody = Arc::new(ScriptedAgents::new(clock.clone(), BTreeMap::new()));
        let stage = Arc::new(Stage::on(ports, nobody, messages, settings).await);
        Self { stage, agents, clock, witness, _folder: folder }
    }

    /// Starts as many executions as race at once.
    pub async fn start_batch(&self, process: ProcessId) -> Vec<ExecutionId> {
        let mut starts = Vec::new();
        for _ in 0..BATCH {
            let stage = Arc::clone(&self.stage);
            starts.push(tokio::spawn(async move { stage.start(process, json!({})).await }));
        }
        all(starts).await
    }

    /// Waits until each of these asks people. What each asks.
    pub async fn until_asked(&self, executions: &[ExecutionId]) -> Vec<(ExecutionId, ApprovalId)> {
        let asks = |event: &Event| matches!(event, Event::Approval(_, _, ApprovalEvent::Requested { .. }));
        self.witness.until_each(executions, "a request", asks).await;
        let question = |id: &ExecutionId| {
            let events = self.witness.of_execution(*id);
            let asked = events.iter().find_map(|event| match event.event() {
                Event::Approval(_, id, ApprovalEvent::Requested { .. }) => Some(*id),
                _ => None,
            });
            (*id, asked.unwrap())
        };
        executions.iter().map(question).collect()
    }

    /// Waits until each of these runs a step.
    pub async fn until_runs(&self, executions: &[ExecutionId], step: &str) {
        let starts = |event: &Event| {
            event.event_type() == "StepStarted" && event.step_id().is_some_and(|id| id.as_str() == step)
        };
        self.witness.until_each(executions, "the start of a step", starts).await;
    }

    /// Waits until all of these have ended.
    pub async fn until_ended(&self, executions: &[ExecutionId]) {
        self.witness.until_each(executions, "its end", Event::ends_execution).await;
    }

    /// The end of an execution, with its events: its history is whole, and the feed told the same as is stored.
    pub async fn ending(&self, id: ExecutionId) -> (Execution, Vec<Event>) {
        let execution = self.stage.execution(id).await;
        let stored = self.stage.events(id).await;
        check_history(&execution, &stored);
        assert_eq!(self.witness.of_execution(id), stored, "the feed told something else than is stored");
        (execution, stored.into_iter().map(|event| event.event().clone()).collect())
    }

    /// Nothing is left in memory once all have ended.
    pub async fn close(self) {
        // A run leaves just after the commit that ends its execution.
        until(|| self.stage.engine.executions_in_memory() == 0).await;
        self.stage.engine.halt();
    }
}

/// The place of the one event like this; `None` if there is none.
pub fn place(events: &[Event], is_it: impl Fn(&Event) -> bool) -> Option<usize> {
    let places: Vec<usize> = (0..events.len()).filter(|place| is_it(&events[*place])).collect();
    assert!(places.len() <= 1, "it happened more than once: {events:?}");
    places.first().copied()
}

/// What all of these tasks come to.
pub async fn all<T>(tasks: Vec<tokio::task::JoinHandle<T>>) -> Vec<T> {
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}
