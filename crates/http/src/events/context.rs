//! What an event's reader needs to know beyond the event: who started the execution, what its steps are called, when they
//! began. Kept for recent executions, so that live events cost no look-ups.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use moka::sync::Cache;
use procession_application::{definitions::DefinitionFailure, executions::ExecutionFailure, ports::StoredEvent};
use procession_domain::{
    definition::{Definition, Step},
    event::{Creation, Event},
    execution::Execution,
    value::{ExecutionId, ProcessId, StepId, Timestamp},
};

use crate::{problem::Problem, state::App};

/// How many executions, and how many definitions, are remembered.
const MOST_REMEMBERED: u64 = 10_000;

/// For how long an execution is remembered that nobody looks at.
const REMEMBERED: Duration = Duration::from_mins(10);

/// An execution, as far as its events need it.
pub(crate) struct Context {
    definition: Arc<Definition>,
    triggered_by: String,
    user: Option<String>,
    /// When steps began, by the events seen since their last reset.
    began: Mutex<HashMap<StepId, Timestamp>>,
    /// The same by the state, for steps whose beginning was not seen.
    began_before: HashMap<StepId, Timestamp>,
}

/// The contexts of recent executions.
pub(crate) struct Contexts {
    executions: Cache<ExecutionId, Arc<Context>>,
    definitions: Cache<ProcessId, Arc<Definition>>,
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
            user: creation.user.clone(),
            began: Mutex::default(),
            began_before: HashMap::new(),
        }
    }

    /// Who or what started the execution.
    pub fn triggered_by(&self) -> &str {
        &self.triggered_by
    }

    /// The user who started it, if one did.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
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
        let executions = Cache::builder().max_capacity(MOST_REMEMBERED).time_to_idle(REMEMBERED).build();
        Self { executions, definitions: Cache::new(MOST_REMEMBERED) }
    }

    /// The context of a live event; `None` if its execution is gone.
    pub async fn of_event(&self, app: &App, event: &StoredEvent) -> Result<Option<Arc<Context>>, Problem> {
        if let Some(known) = self.executions.get(&event.execution_id) {
            return Ok(Some(known));
        }
        let Event::ExecutionCreated(creation) = &event.event else {
            return self.of_execution(app, event.execution_id).await;
        };
        let Some(definition) = self.definition(app, event.process_id).await? else { return Ok(None) };
        let context = Arc::new(Context::new(definition, creation));
        self.executions.insert(event.execution_id, Arc::clone(&context));
        Ok(Some(context))
    }

    /// The context of an execution; `None` if there is none.
    pub async fn of_execution(&self, app: &App, id: ExecutionId) -> Result<Option<Arc<Context>>, Problem> {
        if let Some(known) = self.executions.get(&id) {
            return Ok(Some(known));
        }
        match app.executions.get(id).await {
            Ok(execution) => {
                let context = Arc::new(Context::of(&execution));
                self.executions.insert(id, Arc::clone(&context));
                Ok(Some(context))
            }
            Err(ExecutionFailure::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn definition(&self, app: &App, id: ProcessId) -> Result<Option<Arc<Definition>>, Problem> {
        if let Some(known) = self.definitions.get(&id) {
            return Ok(Some(known));
        }
        match app.definitions.get(id).await {
            Ok(process) => {
                // Only published versions run, and they never change again.
                self.definitions.insert(id, Arc::clone(process.definition()));
                Ok(Some(Arc::clone(process.definition())))
            }
            Err(DefinitionFailure::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
