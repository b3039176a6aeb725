//! Playing one execution from its start to its end; its sub-processes are played in turn.

use std::{collections::BTreeMap, pin::Pin, sync::Arc};

use procession_domain::{
    approval::Approval,
    definition::StepKind,
    event::{AttemptEvent, Decision, Direction, Event, ProcessRef, StepError, Usage, Verdict},
    execution::{
        Call, CallInput, ChildEnd, ChildOutcome, ChildPlan, ChildVersion, Command, Estimate, Execution, Failure, Life,
        Need, Reply, Signal, Transition, Write,
    },
    value::{ApprovalId, Duration, ErrorCode, Json, ProcessName, StepId, Timestamp},
};
use procession_expression::Evaluator;
use serde_json::json;

use super::{
    SimulatedApproval, SimulatedCall, SimulatedVerdict, Simulation, SimulationRequest,
    past::Past,
    reply::{schema_problem, stand_in, text_of},
    world::World,
};
use crate::{executions::Executions, pins::pins_of, ports::StoreError, values::Measured};

/// So many turns are played at most, over all sub-processes: what takes more is no use as a simulation.
const MOST_TURNS: u32 = 20_000;

/// A simulation under way.
pub(super) struct Play<'a> {
    executions: &'a Executions,
    request: &'a SimulationRequest,
    begun_at: Timestamp,
    turns: u32,
    past: BTreeMap<ProcessName, Past>,
    /// How often people have decided, by step.
    decided: BTreeMap<StepId, usize>,
    sent: Vec<SimulatedCall>,
    approvals: Vec<SimulatedApproval>,
}

/// An execution that was played out.
pub(super) struct Played {
    world: World,
    path: Vec<StepId>,
    is_over: bool,
}

impl<'a> Play<'a> {
    pub const fn new(executions: &'a Executions, request: &'a SimulationRequest, begun_at: Timestamp) -> Self {
        Self {
            executions,
            request,
            begun_at,
            turns: 0,
            past: BTreeMap::new(),
            decided: BTreeMap::new(),
            sent: Vec::new(),
            approvals: Vec::new(),
        }
    }

    /// What came out.
    pub fn result(self, played: Played) -> Simulation {
        let Played { world, path, is_over } = played;
        let count = |missing: fn(&SimulatedCall) -> bool| {
            u32::try_from(self.sent.iter().filter(|call| missing(call)).count()).unwrap_or(u32::MAX)
        };
        let is_agents = |call: &SimulatedCall| call.input.agent().is_some();
        Simulation {
            execution: world.execution.clone(),
            path,
            begun_at: self.begun_at,
            duration: world.now.since(self.begun_at),
            without_time: count(|call| call.takes.is_none()),
            without_cost: self
                .sent
                .iter()
                .filter(|call| is_agents(call) && call.cost.is_none())
                .count()
                .try_into()
                .unwrap_or(u32::MAX),
            sent: self.sent,
            approvals: self.approvals,
            is_over,
            world,
        }
    }

    /// Plays an execution from its start at a time to its end; `within` are the steps above it.
    pub fn play_out<'s>(
        &'s mut self,
        mut world: World,
        within: Vec<StepId>,
        start: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Result<Played, StoreError>> + Send + 's>> {
        Box::pin(async move {
            world.now = start;
            let evaluator = Evaluator::of(world.execution.definition());
            let mut path = Vec::new();
            let mut commands = vec![Command::Start];
            loop {
                self.turns += 1;
                let transition = self.turn(&mut world, &commands, &evaluator).await?;
                path.extend(transition.events.iter().filter_map(|recorded| begun_step(&recorded.event)));
                self.follow(&mut world, transition, &within).await?;
                let is_over = world.execution.status().is_ended();
                match world.next().filter(|_| !is_over && self.turns < MOST_TURNS) {
                    Some(next) => commands = next,
                    None => return Ok(Played { world, path, is_over }),
                }
            }
        })
    }

    /// One turn, with everything it asks for.
    async fn turn(
        &self,
        world: &mut World,
        commands: &[Command],
        evaluator: &Evaluator,
    ) -> Result<Transition, StoreError> {
        let (settings, ids) = (self.executions.engine.settings().for_executions(), self.executions.ports.ids.as_ref());
        let mut transition = world.turn(commands, evaluator, &settings, ids);
        while !transition.needs.is_empty() {
            for need in std::mem::take(&mut transition.needs) {
                self.bring(world, need).await?;
            }
            transition.extend(world.turn(&[], evaluator, &settings, ids));
        }
        Ok(transition)
    }

    async fn bring(&self, world: &mut World, need: Need) -> Result<(), StoreError> {
        match need {
            // All values of a simulation are at hand, and all requests.
            Need::Value { key, .. } => Err(StoreError::Corrupt(format!("the {key} of a simulation is missing"))),
            Need::Approval(id) => Err(StoreError::Corrupt(format!("the approval {id} of a simulation is missing"))),
            Need::Child(step) => {
                let plan = self.child_plan(&world.execution, &step).await?;
                world.values.children.insert(step, plan);
                Ok(())
            }
            Need::Estimate(step) => {
                let process = &world.execution.creation().process.name;
                let cost = self.executions.probable_cost(process, &step).await?;
                world.values.estimates.insert(step, Estimate(cost));
                Ok(())
            }
        }
    }

    async fn child_plan(&self, execution: &Execution, step: &StepId) -> Result<ChildPlan, StoreError> {
        let definitions = self.executions.ports.definitions.as_ref();
        let Some(id) = execution.creation().pins.get(step).copied() else { return Ok(ChildPlan::Missing) };
        let Some(found) = definitions.load(id).await? else { return Ok(ChildPlan::Missing) };
        let definition = Arc::clone(found.definition());
        let pins = pins_of(&definition, definitions).await?;
        let process = ProcessRef { id, name: definition.name().clone(), version: definition.version() };
        Ok(ChildPlan::Found(Arc::new(ChildVersion { process, definition, pins })))
    }

    /// Does in the simulation what would be done in the world.
    async fn follow(&mut self, world: &mut World, transition: Transition, within: &[StepId]) -> Result<(), StoreError> {
        for write in transition.writes {
            match write {
                Write::OpenApproval(approval) => self.ask(world, *approval, within),
                Write::SettleApproval(approval) => drop(world.values.approvals.insert(approval.id(), *approval)),
                Write::CancelApproval(id) => {
                    if let Some(approval) = world.values.approvals.get_mut(&id) {
                        approval.cancel();
                    }
                }
                Write::StartChild { child, input, .. } => self.play_child(world, *child, input, within).await?,
                // Those of the execution above hear of its end only.
                Write::Signal { .. } => {}
                Write::RaiseBudget(limit) => world.raised_to = Some(limit),
            }
        }
        let in_flight = world.execution.calls_in_flight();
        for call in in_flight.into_iter().filter(|call| transition.calls.contains(&call.id)) {
            self.answer(world, call, within).await?;
        }
        Ok(())
    }

    /// A call is not made: what it would say is written down, and its answer comes when it would.
    async fn answer(&mut self, world: &mut World, call: Call, within: &[StepId]) -> Result<(), StoreError> {
        let process = world.execution.creation().process.name.clone();
        let step = call.id.step_id.clone();
        let json = world.value(&call.input).unwrap_or_default();
        let input: CallInput = serde_json::from_value(Json::clone(&json))
            .map_err(|error| StoreError::Corrupt(format!("a call of `{step}` can't be read: {error}")))?;
        if !self.past.contains_key(&process) {
            let past = self.executions.past_of(&process).await?;
            self.past.insert(process.clone(), past);
        }
        let does = call.id.direction == Direction::Do;
        let takes = self.past.get(&process).filter(|_| does).and_then(|past| past.time_of(&step));
        let cost = match input.agent().filter(|_| does) {
            Some(_) => self.executions.probable_cost(&process, &step).await?,
            None => None,
        };
        let answer = self.answer_to(&world.execution, &call, &input, within, cost);
        world.expect(world.now.saturating_add(takes.unwrap_or_default()), answer);
        self.sent.push(SimulatedCall {
            within: within.to_vec(),
            step_id: step,
            attempt: call.id.attempt,
            direction: call.id.direction,
            after: self.after(world.now),
            input,
            takes,
            cost,
        });
        Ok(())
    }

    fn answer_to(
        &self,
        execution: &Execution,
        call: &Call,
        input: &CallInput,
        within: &[StepId],
        cost: Option<procession_domain::value::Money>,
    ) -> Command {
        // What the request says is about the process itself.
        let is_own = within.is_empty() && call.id.direction == Direction::Do;
        let step = &call.id.step_id;
        let usage = Usage::of_cost(cost);
        let failed = |code: ErrorCode, message: String| Command::Failed {
            call: call.id.clone(),
            failure: Failure { error: StepError { code, message }, usage: usage.clone(), retry_after: None },
        };
        if let Some(code) = self.request.failures.get(step).filter(|_| is_own) {
            return failed(*code, "the simulation has it fail".to_owned());
        }
        let reply = match input {
            CallInput::Notification(notification) => Reply::Notification {
                output: json!({"channel": notification.channels.join(", "), "status": "simulated"}),
            },
            CallInput::Agent(task) => {
                let schema = output_schema_of(execution, step).filter(|_| call.id.direction == Direction::Do);
                let given = self.request.replies.get(step).filter(|_| is_own);
                let text = given.map_or_else(|| stand_in(&task.agent, schema), text_of);
                if let Some(problem) = schema_problem(&text, schema) {
                    return failed(ErrorCode::OutputSchemaMismatch, problem);
                }
                Reply::Agent { text, usage }
            }
        };
        Command::Finished { call: call.id.clone(), reply }
    }

    /// People are not asked: they decide at once, or let the deadline pass.
    fn ask(&mut self, world: &mut World, approval: Approval, within: &[StepId]) {
        let request = approval.request().clone();
        let turn = self.decided.entry(request.step_id.clone()).or_default();
        let said = self.request.decisions.get(&request.step_id).filter(|_| within.is_empty());
        let verdict = said.and_then(|verdicts| verdicts.get(*turn).copied()).unwrap_or(SimulatedVerdict::Approve);
        *turn += 1;
        let signal = match verdict {
            SimulatedVerdict::Approve => Some(settled(request.id, Decision::Approved, world.now)),
            SimulatedVerdict::Reject => Some(settled(request.id, Decision::Rejected, world.now)),
            SimulatedVerdict::RequestChanges => Some(settled(request.id, Decision::ChangesRequested, world.now)),
            SimulatedVerdict::Expire => None,
        };
        if let Some(signal) = signal {
            world.expect(world.now, Command::Signal(signal));
        }
        world.values.approvals.insert(request.id, approval);
        self.approvals.push(SimulatedApproval {
            within: within.to_vec(),
            after: self.after(world.now),
            request,
            verdict,
        });
    }

    async fn play_child(
        &mut self,
        world: &mut World,
        child: Execution,
        input: Json,
        within: &[StepId],
    ) -> Result<(), StoreError> {
        let Some(parent) = child.creation().parent.clone() else { return Ok(()) };
        let measured = Measured::of(&input);
        let most = self.executions.engine.settings().value_limits().most;
        let (id, process) = (child.id(), child.creation().process.clone());
        let within = [within, std::slice::from_ref(&parent.step_id)].concat();
        let inner = World::new(child, &measured, Arc::new(input), most);
        let Played { world: inner, .. } = self.play_out(inner, within, world.now).await?;
        if !parent.waits {
            return Ok(());
        }
        let end = ChildEnd {
            execution_id: id,
            process,
            outcome: outcome_of(&inner),
            cost: inner.execution.state().cost,
            duration: inner.now.since(world.now),
        };
        world.expect(inner.now, Command::ChildEnded(Box::new(end)));
        Ok(())
    }

    fn after(&self, now: Timestamp) -> Duration {
        now.since(self.begun_at)
    }
}

fn outcome_of(world: &World) -> ChildOutcome {
    match &world.execution.state().life {
        Life::Completed { outputs, .. } => ChildOutcome::Completed(world.value(outputs).unwrap_or_default()),
        Life::Failed(error) => ChildOutcome::Failed(error.clone()),
        // What is too long to be played through has no outcome; the execution above can't go on with it.
        Life::Cancelled(_) | Life::Pending | Life::Running | Life::Paused(_) | Life::Compensating(_) => {
            ChildOutcome::Cancelled
        }
    }
}

/// The step that an event says has begun, by its first attempt.
fn begun_step(event: &Event) -> Option<StepId> {
    match event {
        Event::Attempt(step, Direction::Do, AttemptEvent::Started(start)) if start.attempt == 1 => Some(step.clone()),
        Event::Attempt(..) | Event::Process(_) | Event::Step(..) | Event::Approval(..) | Event::Child(..) => None,
    }
}

fn output_schema_of<'e>(execution: &'e Execution, step: &StepId) -> Option<&'e Json> {
    match &execution.step(step.as_str())?.0.kind {
        StepKind::AgentTask(task) => task.output_schema.as_ref(),
        StepKind::HumanApproval(_)
        | StepKind::Gateway(_)
        | StepKind::Timer(_)
        | StepKind::Notification(_)
        | StepKind::SubProcess(_) => None,
    }
}

fn settled(approval_id: ApprovalId, decision: Decision, at: Timestamp) -> Signal {
    let by = "simulation".to_owned();
    let approved_by = if decision == Decision::Approved { vec![by.clone()] } else { Vec::new() };
    let verdict = Verdict { decision, decided_by: Some(by), approved_by, comments: Vec::new(), decided_at: at };
    Signal::ApprovalSettled { approval_id, verdict }
}
