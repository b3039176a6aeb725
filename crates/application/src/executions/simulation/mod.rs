//! Playing a process through without doing anything: which way it goes, what would be sent, what it would take (spec 4).
//!
//! The domain decides as it does for an execution; what it asks for stays here. Replies of agents are those of the request
//! or stand-ins, people decide at once, and time passes as fast as it can. Nothing is stored, called or told.
//!
//! * here: what is asked and what comes out; `play`: one execution from its start to its end; `world`: its surroundings;
//! * `reply`: what agents say; `past`: what steps took and cost so far, by which the simulation estimates.

mod past;
mod play;
mod reply;
mod world;

use std::{collections::BTreeMap, sync::Arc};

use indexmap::IndexMap;
use procession_domain::{
    approval::ApprovalRequest,
    event::{Direction, ValueRef},
    execution::{CallInput, Execution},
    value::{Duration, ErrorCode, ExecutionId, Json, Money, ProcessId, StepId, Timestamp},
};

use super::{Executions, StartFailure, StartRequest};
use crate::{
    access::{Principal, UseCase},
    pins::pins_of,
    ports::StartError,
};
use play::Play;
use world::World;

/// What is simulated.
#[derive(Debug, Clone, Default)]
pub struct SimulationRequest {
    /// The input.
    pub input: Json,
    /// What agents reply, by step; a text as it is, any other value as its JSON text.
    pub replies: BTreeMap<StepId, Json>,
    /// Steps whose calls fail, each time they are tried, and with which code.
    pub failures: BTreeMap<StepId, ErrorCode>,
    /// How people decide, by step, one after the other; they approve where nothing more is said.
    pub decisions: BTreeMap<StepId, Vec<SimulatedVerdict>>,
}

/// How people decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimulatedVerdict {
    /// Yes.
    Approve,
    /// No.
    Reject,
    /// Not yet.
    RequestChanges,
    /// Nobody does before the deadline.
    Expire,
}

/// What would have happened.
#[derive(Debug)]
pub struct Simulation {
    /// The execution as it would have ended.
    pub execution: Execution,
    /// The steps that began, in order.
    pub path: Vec<StepId>,
    /// What would have been sent to agents, people and systems, in order; that of sub-processes too.
    pub sent: Vec<SimulatedCall>,
    /// What people would have been asked.
    pub approvals: Vec<SimulatedApproval>,
    /// When it began, by the clock of the simulation.
    pub begun_at: Timestamp,
    /// How long it would have taken, without the time of people.
    pub duration: Duration,
    /// Calls whose time is not known, as no earlier run tells: they are counted as taking none.
    pub without_time: u32,
    /// Calls whose cost is not known.
    pub without_cost: u32,
    /// Whether it came to an end; otherwise it is too long to be played through.
    pub is_over: bool,
    world: World,
}

/// Something that would have been sent.
#[derive(Debug, Clone)]
pub struct SimulatedCall {
    /// The steps of the executions above whose sub-process sends it, the outermost first; empty for the process itself.
    pub within: Vec<StepId>,
    /// The step.
    pub step_id: StepId,
    /// The attempt.
    pub attempt: u32,
    /// Whether it does the step or undoes it.
    pub direction: Direction,
    /// How long after the beginning.
    pub after: Duration,
    /// What would have been sent, expanded.
    pub input: CallInput,
    /// How long it would probably take.
    pub takes: Option<Duration>,
    /// What it would probably cost.
    pub cost: Option<Money>,
}

/// Something that people would have been asked.
#[derive(Debug, Clone)]
pub struct SimulatedApproval {
    /// As for calls.
    pub within: Vec<StepId>,
    /// How long after the beginning.
    pub after: Duration,
    /// The request, expanded.
    pub request: ApprovalRequest,
    /// How it was decided here.
    pub verdict: SimulatedVerdict,
}

/// Why a process can't be simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulationFailure {
    /// It could not be started either.
    #[error(transparent)]
    Start(StartFailure),
    /// The process has no such step.
    #[error("the process has no step `{0}`")]
    UnknownStep(StepId),
}

impl<E: Into<StartFailure>> From<E> for SimulationFailure {
    fn from(error: E) -> Self {
        Self::Start(error.into())
    }
}

impl Simulation {
    /// A value of the execution: its outputs, a step's output.
    pub fn value(&self, value: &ValueRef) -> Option<Arc<Json>> {
        self.world.value(value)
    }
}

impl Executions {
    /// Plays a version through, of any status, without doing anything.
    pub async fn simulate(
        &self,
        by: &Principal,
        process: ProcessId,
        request: SimulationRequest,
    ) -> Result<Simulation, SimulationFailure> {
        by.check(UseCase::SimulateProcess).map_err(StartFailure::from)?;
        let found = self.ports.definitions.load(process).await.map_err(StartError::from)?;
        let definition = Arc::clone(found.ok_or(StartFailure::NotFound)?.definition());
        let named = request.replies.keys().chain(request.failures.keys()).chain(request.decisions.keys());
        if let Some(unknown) = named.into_iter().find(|step| definition.position(step).is_none()) {
            return Err(SimulationFailure::UnknownStep(unknown.clone()));
        }
        let checked = definition.check_input(&request.input, self.engine.settings().undefined);
        let checked = checked.map_err(StartFailure::InvalidInput)?;
        let input = self.measured(&checked.input)?;
        let start =
            StartRequest { triggered_by: "simulation".to_owned(), labels: IndexMap::new(), ..StartRequest::default() };
        let user = by.user().map(str::to_owned);
        let mut creation = self.creation(&definition, process, start, user, (input.value, None));
        creation.pins = pins_of(&definition, self.ports.definitions.as_ref()).await.map_err(StartError::from)?;
        creation.warnings = checked.warnings;
        let id = ExecutionId::new(self.ports.ids.new_id());
        let begun_at = self.ports.clock.now();
        let (execution, _) = Execution::create(id, definition, creation, begun_at);
        let mut play = Play::new(self, &request, begun_at);
        let world = World::new(execution, &input, Arc::new(checked.input), self.engine.settings().value_limits().most);
        let played = play.play_out(world, Vec::new(), begun_at).await.map_err(StartError::from)?;
        Ok(play.result(played))
    }
}
