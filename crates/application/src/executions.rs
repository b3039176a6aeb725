//! Use cases of executions: start, look, cancel, pause, resume, retry (spec 3.7).
//!
//! * `start`: new executions, and those that repeat others; `start_limit`: how many a user may start in a minute;
//! * `simulation`: a process played through without doing anything;
//! * `bulk`: one action for many; `preview`: what a retry would do;
//! * `commands`: what people tell executions; `ending`: waiting for the end of one;
//! * `under_way`: how far those in a list are;
//! * `visible`: an execution that a principal may see.

mod bulk;
mod commands;
mod ending;
mod preview;
mod simulation;
mod start;
mod start_limit;
mod under_way;
mod visible;

use std::{collections::BTreeMap, sync::Arc};

use procession_domain::{
    definition::{Definition, StepKind},
    event::{Recorded, ValueRef},
    execution::{CommandError, Execution, ExecutionStatus, RetryError, StepLife, WaitingFor},
    value::{ExecutionId, Json, Money, ProcessId, ProcessName, StepId, Timestamp},
};

pub use bulk::{BulkAction, BulkResult, MOST_IN_BULK};
pub use commands::{Command, CommandOutcome};
pub use preview::RetryPreview;
pub use simulation::{
    SimulatedApproval, SimulatedCall, SimulatedVerdict, Simulation, SimulationFailure, SimulationRequest,
};
pub use start::{RetryFrom, StartFailure, StartOutcome, StartRequest, StartTrigger};
use start_limit::StartLimit;
pub use start_limit::TooManyStarts;
pub use under_way::UnderWay;
pub use visible::VisibleExecution;

use crate::{
    access::{Forbidden, Permission, Principal, Reach, UseCase},
    audit,
    door::Door,
    engine::{Engine, RUNS_FOR_ESTIMATE},
    ports::{
        BlobStore, Clock, CostsOfProcess, DefinitionStore, EventFeed, EventPage, ExecutionFilter, ExecutionRow,
        ExecutionStore, IdGenerator, Page, Paging, Queries, StartError, StoreError, StoredEvent,
    },
    values,
};

/// The service for executions.
#[derive(Clone)]
pub struct Executions {
    ports: Arc<ExecutionPorts>,
    engine: Engine,
    door: Door,
    start_limit: Arc<StartLimit>,
}

/// What the use cases of executions ask of the world.
pub(crate) struct ExecutionPorts {
    pub definitions: Arc<dyn DefinitionStore>,
    pub executions: Arc<dyn ExecutionStore>,
    pub queries: Arc<dyn Queries>,
    pub feed: Arc<dyn EventFeed>,
    pub blobs: Arc<dyn BlobStore>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
}

/// Why an execution can't be shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum ExecutionFailure {
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none with this id, or none that the principal may know of.
    #[error("Execution not found")]
    NotFound,
    /// Its state does not allow it.
    #[error(transparent)]
    Refused(#[from] CommandError),
    /// The same command is already waiting.
    #[error("the same command is already waiting to be carried out")]
    Waiting,
    /// Only failures are put aside.
    #[error("Can only dismiss failed executions (status: {})", .0.as_str())]
    NotFailed(ExecutionStatus),
    /// It can't be retried.
    #[error(transparent)]
    Retry(#[from] RetryError),
    /// It has no event of this number.
    #[error("the execution has no event {sequence}: its events are numbered from 1 to {last}")]
    NoSuchEvent {
        /// The number.
        sequence: u64,
        /// The number of its last event.
        last: u64,
    },
    /// Events that tell of its past are gone.
    #[error("the execution's events were purged, so that its past can't be told any more")]
    EventsPurged,
    /// An output that a retry from the failure needs is gone.
    #[error("Cannot retry from the failure: the output of `{0}` was purged; retry from the start instead")]
    OutputPurged(StepId),
    /// The user starts too many.
    #[error(transparent)]
    TooManyStarts(#[from] TooManyStarts),
    /// The new execution can't be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An execution as it was after one of its events.
#[derive(Debug, Clone)]
pub struct PastExecution {
    /// The execution as it was then.
    pub execution: VisibleExecution,
    /// That event.
    pub event: Recorded,
    /// The number of its last event, today.
    pub last: u64,
}

/// How many events are read at a time.
const EVENTS_AT_ONCE: u32 = 1_000;

impl Executions {
    /// The service. A user may start so many executions in a minute; 0 = no limit.
    pub(crate) fn new(ports: ExecutionPorts, engine: Engine, door: Door, starts_per_minute: u32) -> Self {
        Self { ports: Arc::new(ports), engine, door, start_limit: Arc::new(StartLimit::new(starts_per_minute)) }
    }

    /// An execution.
    pub async fn get(&self, by: &Principal, id: ExecutionId) -> Result<VisibleExecution, ExecutionFailure> {
        by.check(UseCase::ReadExecution)?;
        self.in_sight(by, id).await
    }

    /// A page of executions: those that the principal may see.
    pub async fn list(
        &self,
        by: &Principal,
        filter: &ExecutionFilter,
        paging: &Paging,
    ) -> Result<Page<ExecutionRow>, ExecutionFailure> {
        by.check(UseCase::ListExecutions)?;
        let user = match by.reach(Permission::ExecutionView) {
            Reach::All => filter.user.clone(),
            Reach::Own | Reach::Nothing => match (by.user(), &filter.user) {
                (Some(own), wanted) if wanted.as_deref().is_none_or(|wanted| wanted == own) => Some(own.to_owned()),
                _ => return Ok(Page { rows: Vec::new(), total: 0, next_cursor: None }),
            },
        };
        Ok(self.ports.queries.executions(&ExecutionFilter { user, ..filter.clone() }, paging).await?)
    }

    /// The definition that executions of a version run, to tell what their events mean; `None` if there is none.
    pub async fn definition(
        &self,
        by: &Principal,
        version: ProcessId,
    ) -> Result<Option<Arc<Definition>>, ExecutionFailure> {
        by.check(UseCase::ReadExecution)?;
        let runnable = self.engine.catalog().runnable(version).await?;
        Ok(runnable.map(|runnable| Arc::clone(&runnable.definition)))
    }

    /// What its running steps will cost, as far as their last twenty completed runs tell: the median (spec 3.10).
    pub async fn estimates(&self, execution: &VisibleExecution) -> Result<BTreeMap<StepId, Money>, StoreError> {
        let process = &execution.creation().process.name;
        let mut estimates = BTreeMap::new();
        for (step, state) in execution.steps() {
            if state.life == StepLife::Running && matches!(step.kind, StepKind::AgentTask(_)) {
                let costs = self.ports.executions.step_costs(process, &step.id, RUNS_FOR_ESTIMATE).await?;
                if let Some(median) = Money::median(costs) {
                    estimates.insert(step.id.clone(), median);
                }
            }
        }
        Ok(estimates)
    }

    /// For what an execution and its steps wait (spec 3.9).
    pub fn waiting_for(&self, execution: &VisibleExecution) -> Vec<WaitingFor> {
        execution.waiting_for(self.engine.settings().max_concurrent_steps as usize)
    }

    /// A part of an execution's events.
    pub async fn events(&self, execution: &VisibleExecution, page: EventPage) -> Result<Vec<StoredEvent>, StoreError> {
        self.ports.queries.events(execution.id(), page).await
    }

    /// The executions that are sub-processes of this one.
    pub async fn children(&self, execution: &VisibleExecution) -> Result<Vec<ExecutionId>, StoreError> {
        self.ports.queries.children(execution.id()).await
    }

    /// A value of an execution: its input, its outputs, a step's output or an attempt's input.
    pub async fn value(&self, execution: &VisibleExecution, value: &ValueRef) -> Result<Option<Arc<Json>>, StoreError> {
        values::load(self.ports.executions.as_ref(), self.ports.blobs.as_ref(), execution.id(), value).await
    }

    /// An execution as it was after one of its events, from 1.
    pub async fn at(&self, by: &Principal, id: ExecutionId, sequence: u64) -> Result<PastExecution, ExecutionFailure> {
        let now = self.get(by, id).await?;
        let last = now.state().sequence;
        if sequence == 0 || sequence > last {
            return Err(ExecutionFailure::NoSuchEvent { sequence, last });
        }
        let mut events: Vec<Recorded> = Vec::new();
        while events.last().is_none_or(|event| event.sequence < sequence) {
            let read = events.len() as u64;
            let limit = u32::try_from(sequence - read).unwrap_or(u32::MAX).min(EVENTS_AT_ONCE);
            let page = self.ports.queries.events(id, EventPage { offset: read, limit }).await?;
            if page.is_empty() {
                break;
            }
            events.extend(page.into_iter().map(|event| Recorded::clone(&event.recorded)));
        }
        let is_whole = (1..).zip(&events).all(|(number, event)| event.sequence == number);
        let event = events.last().filter(|last| is_whole && last.sequence == sequence).cloned();
        let event = event.ok_or(ExecutionFailure::EventsPurged)?;
        let past = Execution::replay(id, Arc::clone(now.definition()), Arc::clone(now.creation()), &events);
        let corrupt = |error| StoreError::Corrupt(format!("execution {id}: {error}"));
        Ok(PastExecution { execution: VisibleExecution::new(past.map_err(corrupt)?), event, last })
    }

    /// What the executions of a version have cost: those that the principal may see.
    pub async fn costs_of_process(
        &self,
        by: &Principal,
        process: ProcessId,
    ) -> Result<(ProcessName, CostsOfProcess), StartFailure> {
        by.check(UseCase::ReadFigures)?;
        let found = self.ports.definitions.load(process).await.map_err(StartError::from)?;
        let found = found.ok_or(StartFailure::NotFound)?;
        let user = match by.reach(Permission::ExecutionView) {
            Reach::All => None,
            // Who is no user sees none: there is no user of no name.
            Reach::Own | Reach::Nothing => Some(by.user().unwrap_or_default()),
        };
        let currency = self.engine.settings().currency;
        let costs = self.ports.queries.costs_of_process(process, user, currency).await.map_err(StartError::from)?;
        Ok((found.definition().name().clone(), costs))
    }

    /// When a person put its failure aside; `None` for what has not failed.
    pub async fn dismissed_at(&self, execution: &VisibleExecution) -> Result<Option<Timestamp>, StoreError> {
        match execution.status() {
            ExecutionStatus::Failed => self.ports.queries.dismissed_at(execution.id()).await,
            ExecutionStatus::Pending
            | ExecutionStatus::Running
            | ExecutionStatus::Paused
            | ExecutionStatus::Completed
            | ExecutionStatus::Cancelled => Ok(None),
        }
    }

    /// The execution, if there is one and the principal may know of it.
    async fn in_sight(&self, by: &Principal, id: ExecutionId) -> Result<VisibleExecution, ExecutionFailure> {
        let execution = self.load(id).await?;
        if by.sees_execution_of(execution.creation().user.as_deref()) {
            Ok(VisibleExecution::new(execution))
        } else {
            Err(ExecutionFailure::NotFound)
        }
    }

    /// The same, and what is done to it is known to be about it.
    async fn in_sight_to_change(&self, by: &Principal, id: ExecutionId) -> Result<VisibleExecution, ExecutionFailure> {
        audit::about(&id);
        let execution = self.in_sight(by, id).await?;
        audit::about_named(&id, &execution.creation().process.name);
        Ok(execution)
    }

    async fn load(&self, id: ExecutionId) -> Result<Execution, ExecutionFailure> {
        self.engine.execution(id).await?.ok_or(ExecutionFailure::NotFound)
    }
}
