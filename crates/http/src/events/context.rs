//! What an event's reader needs to know beyond the event: what started the execution, what its steps are called, when they
//! began. Kept for recent executions, so that live events cost no look-ups.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use moka::sync::Cache;
use procession_application::{Application, access::Principal, executions::ExecutionFailure, ports::StoredEvent};
use procession_domain::{
    definition::{Definition, Step},
    event::{Creation, Event},
    execution::Execution,
    value::{ExecutionId, StepId, Timestamp},
};

/// How many executions are remembered.
const MOST_REMEMBERED: u64 = 10_000;

/// For how long an execution is remembered that nobody looks at.
const REMEMBERED: Duration = Duration::from_mins(10);

/// An execution, as far as its events need it.
pub(crate) struct Context {
    definition: Arc<Definition>,
    triggered_by: String,
    /// When steps began, by the events seen since their last reset.
    began: Mutex<HashMap<StepId, Timestamp>>,
    /// The same by the state, for steps whose beginning was not seen.
    began_before: HashMap<StepId, Timestamp>,
}

/// The contexts of recent executions.
pub(crate) struct Contexts {
    executions: Cache<ExecutionId, Arc<Context>>,
}

impl Context {
    /// The context of a loaded execution.
    pub fn of(execution: &Execution) -> Self {
        let began = execution.steps().filter_map(|(step, state)| Some((step.id.clone(), state.started_at?)));
        let context = Self::new(Arc::clone(execution.definition()), execution.creation());
        Self { began_before: began.collect(), ..context }
    }

    fn new(definition: Arc<Definition>, creation: &Creation) -> Self {
        Self {
            definition,
            triggered_by: creation.triggered_by.clone(),
            began: Mutex::default(),
            began_before: HashMap::new(),
        }
    }

    /// Who or what started the execution.
    pub fn triggered_by(&self) -> &str {
        &self.triggered_by
    }

    /// A step of it; `None` for the question about its budget.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.definition.position(id).map(|position| self.definition.step(position))
    }

    /// Notes when steps begin.
    pub fn note(&self, event: &Event, at: Timestamp) {
        match event {
            Event::StepStarted(start) => {
                self.began().entry(start.step_id.clone()).or_insert(at);
            }
            Event::StepReset { step_id, .. } => {
                self.began().remove(step_id);
            }
            _ => {}
        }
    }

    /// How long a step has run until `at`, in whole seconds; `None` if it never began.
    pub fn seconds_of(&self, step: &StepId, at: Timestamp) -> Option<u64> {
        let seen = self.began().get(step).copied();
        // The state may be newer than the event that is read.
        let before = || self.began_before.get(step).copied().filter(|began| *began <= at);
        seen.or_else(before).map(|began| at.since(began).as_secs())
    }

    fn began(&self) -> MutexGuard<'_, HashMap<StepId, Timestamp>> {
        self.began.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contexts {
    pub fn new() -> Self {
        Self { executions: Cache::builder().max_capacity(MOST_REMEMBERED).time_to_idle(REMEMBERED).build() }
    }

    /// The context of an event that this principal may know of; `None` if its execution is gone.
    pub async fn of_event(
        &self,
        application: &Application,
        by: &Principal,
        event: &StoredEvent,
    ) -> Result<Option<Arc<Context>>, ExecutionFailure> {
        if let Some(known) = self.executions.get(&event.execution_id) {
            return Ok(Some(known));
        }
        let executions = &application.executions;
        let context = if let Event::ExecutionCreated(creation) = &event.event {
            let Some(definition) = executions.definition(by, event.process_id).await? else { return Ok(None) };
            Context::new(definition, creation)
        } else {
            match executions.get(by, event.execution_id).await {
                Ok(execution) => Context::of(&execution),
                Err(ExecutionFailure::NotFound) => return Ok(None),
                Err(error) => return Err(error),
            }
        };
        let context = Arc::new(context);
        self.executions.insert(event.execution_id, Arc::clone(&context));
        Ok(Some(context))
    }
}
