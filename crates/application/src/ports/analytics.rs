//! Figures of executions and their steps, counted by the store.

use std::sync::Arc;

use async_trait::async_trait;
use procession_domain::{
    event::{AttemptEvent, Direction, Event, ProcessRef, Recorded, StepEvent},
    execution::{Attempt, Execution},
    value::{Cost, Currency, Duration, ProcessId, ProcessName, StepId, Timestamp},
};

use super::{
    RunSums, StoreError,
    work::{is_work, time_in},
};

/// The microseconds of a quarter of an hour, by which executions are added up: days of every zone are made of them.
pub const QUARTER: i64 = 900_000_000;

/// The microseconds of an hour, by which steps are added up.
pub const HOUR: i64 = 4 * QUARTER;

/// Which executions are counted: those that began to run in this time, and what else is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// Begun at or after; on a quarter of an hour.
    pub from: Timestamp,
    /// Begun before; on a quarter of an hour.
    pub until: Timestamp,
    /// Only those that this user started.
    pub user: Option<String>,
    /// Only those of this version.
    pub process_id: Option<ProcessId>,
    /// Only those of this process.
    pub process_name: Option<String>,
}

/// How executions are told apart.
#[derive(Debug, Clone, Copy, Default)]
pub struct Grouping<'a> {
    /// By these days, each from its first moment, on a quarter of an hour, to the next one's; empty = not by days.
    pub days: &'a [Timestamp],
    /// By the version that they run.
    pub by_process: bool,
}

/// The figures of one group of executions.
#[derive(Debug, Clone, PartialEq)]
pub struct RunFigures {
    /// The first moment of their day, if they are told apart by days.
    pub day: Option<Timestamp>,
    /// The version, if they are told apart by versions.
    pub process: Option<ProcessRef>,
    /// What they add up to.
    pub sums: RunSums,
}

/// The figures of one step of a process, over all its versions.
#[derive(Debug, Clone, PartialEq)]
pub struct StepFigures {
    /// The process.
    pub process_name: ProcessName,
    /// The step.
    pub step_id: StepId,
    /// How often it has run to an end, rounds counted each.
    pub ended: u64,
    /// How often it failed, also if that was passed over.
    pub failed: u64,
    /// How long a run took on average, waiting and retries included.
    pub average: Duration,
    /// How much of that an agent, a message or a sub-process was at work on average.
    pub working: Duration,
    /// What all of it cost.
    pub cost: Cost,
}

/// How the latest executions of a version that ended have gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecentRuns {
    /// The version.
    pub process_id: ProcessId,
    /// How many ended.
    pub ended: u32,
    /// How many of them ended well.
    pub completed: u32,
    /// How many of them failed.
    pub failed: u32,
    /// What they cost together, in 10⁻⁹ units.
    pub cost: i64,
    /// Whether the cost of every call is known.
    pub is_complete: bool,
}

/// The figures of one agent's work on steps that ended in a time.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentFigures {
    /// The agent.
    pub agent: String,
    /// How many steps it has worked on to their end.
    pub ended: u64,
    /// How many of them failed.
    pub failed: u64,
    /// How many calls that took.
    pub calls: u64,
    /// How many of the calls failed.
    pub failed_calls: u64,
    /// What they cost.
    pub cost: Cost,
    /// When the last of them ended.
    pub last_ended_at: Timestamp,
}

/// A step that has run to an end in its round, as figures count it. It is written with the commit that tells of it.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedStep {
    /// The number, within its execution, of the event that told it.
    pub sequence: u64,
    /// The step.
    pub step_id: StepId,
    /// The agent that did the work, if one did.
    pub agent: Option<String>,
    /// Whether it ended well.
    pub completed: bool,
    /// When its first attempt began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How many attempts it took.
    pub attempts: u32,
    /// How many of them failed.
    pub failed_attempts: u32,
    /// How long its attempts were at work, if that is work of an agent, a message or a sub-process.
    pub working: Duration,
    /// What they cost; `None` where there is nothing to pay for.
    pub cost: Option<Cost>,
}

/// Work of an agent that has ended, as a timeline shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentActivity {
    /// The execution.
    pub execution_id: procession_domain::value::ExecutionId,
    /// Its process.
    pub process_name: ProcessName,
    /// Who or what started the execution.
    pub triggered_by: String,
    /// The step.
    pub step: EndedStep,
}

/// Counts executions and steps.
///
/// Promises:
/// * every execution that began in the time is counted, once, as it stands; what has ended is added up with the commit
///   that ended it, and stays counted when the execution is removed;
/// * a step is counted once for each of its rounds that ended, from the commit on that ended it.
#[async_trait]
pub trait FigureStore: Send + Sync {
    /// The executions of each group that has any; by day, oldest first, then by the version's id. Costs are in `currency`.
    async fn run_figures(
        &self,
        counted: &Counted,
        grouping: Grouping<'_>,
        currency: Currency,
    ) -> Result<Vec<RunFigures>, StoreError>;

    /// The steps of these executions, by process and step; the time begins and ends on an hour.
    async fn step_figures(&self, counted: &Counted, currency: Currency) -> Result<Vec<StepFigures>, StoreError>;

    /// How the latest executions that ended have gone, so many at most of each of these versions, for those that have any;
    /// only of this user, if given.
    async fn recent_runs(
        &self,
        versions: &[ProcessId],
        user: Option<&str>,
        most: u32,
    ) -> Result<Vec<RecentRuns>, StoreError>;

    /// What agents did whose steps ended at or after a time, by agent; only in executions of this user, if given.
    async fn agent_figures(&self, since: Timestamp, user: Option<&str>) -> Result<Vec<AgentFigures>, StoreError>;

    /// The newest work of agents that ended at or after a time, the newest first; only in executions of this user, if
    /// given.
    async fn agent_activities(
        &self,
        since: Timestamp,
        user: Option<&str>,
        limit: u32,
    ) -> Result<Vec<AgentActivity>, StoreError>;
}

impl EndedStep {
    /// The steps that these events have ended, the execution being in the state after them.
    pub fn of(execution: &Execution, events: &[Arc<Recorded>]) -> Vec<Self> {
        events.iter().filter_map(|recorded| Self::told_by(execution, recorded)).collect()
    }

    fn told_by(execution: &Execution, recorded: &Recorded) -> Option<Self> {
        let (step_id, completed) = match &recorded.event {
            Event::Attempt(step, Direction::Do, AttemptEvent::Completed { .. }) => (step, true),
            Event::Attempt(step, Direction::Do, AttemptEvent::Failed { .. }) => (step, false),
            Event::Step(step, StepEvent::Skipped(skipped)) if skipped.error.is_some() => (step, false),
            Event::Attempt(..) | Event::Step(..) | Event::Process(_) | Event::Approval(..) | Event::Child(..) => {
                return None;
            }
        };
        let (step, state) = execution.step(step_id)?;
        // The step may have been reset by the same transition already, so that its attempts tell of the round.
        let ended = |attempt: &&Attempt| attempt.ended_at.is_some_and(|at| at <= recorded.at);
        let round = state.attempts.iter().rev().find(ended)?.round;
        let attempts = || state.attempts.iter().filter(move |attempt| attempt.round == round);
        let currency = execution.creation().currency;
        let mut cost: Option<Cost> = None;
        for attempt in attempts().filter(|attempt| attempt.agent.is_some()) {
            cost.get_or_insert_with(|| Cost::none(currency)).add(attempt.usage.cost);
        }
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Some(Self {
            sequence: recorded.sequence,
            step_id: step_id.clone(),
            agent: attempts().next_back().and_then(|attempt| attempt.agent.clone()),
            completed,
            started_at: attempts().map(|attempt| attempt.started_at).min()?,
            ended_at: recorded.at,
            attempts: count(attempts().count()),
            failed_attempts: count(attempts().filter(|attempt| attempt.error.is_some()).count()),
            working: if is_work(step.step_type()) { time_in(attempts(), recorded.at) } else { Duration::ZERO },
            cost,
        })
    }
}
