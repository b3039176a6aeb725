//! The port of figures, counted anew each time.

use std::collections::BTreeMap;

use async_trait::async_trait;
use procession_application::ports::{
    AgentActivity, AgentFigures, Counted, DayFigures, EndedStep, FigureStore, ProcessFigures, RunCounts, Spread,
    StepFigures, StoreError,
};
use procession_domain::{
    execution::ExecutionStatus,
    value::{Cost, Duration, ExecutionId, Money, ProcessId, ProcessName, StepId, Timestamp},
};

use super::{MemoryStore, StoredExecution, Tables};

/// The microseconds of a day.
const DAY: i64 = 86_400_000_000;

#[async_trait]
impl FigureStore for MemoryStore {
    async fn process_figures(&self, counted: &Counted) -> Result<Vec<ProcessFigures>, StoreError> {
        let tables = self.tables();
        let mut processes: BTreeMap<ProcessId, Vec<&StoredExecution>> = BTreeMap::new();
        for run in tables.counted(counted) {
            processes.entry(run.creation.process.id).or_default().push(run);
        }
        Ok(processes.into_iter().map(|(id, runs)| process_figures(id, &runs)).collect())
    }

    async fn day_figures(&self, counted: &Counted) -> Result<Vec<DayFigures>, StoreError> {
        let tables = self.tables();
        let mut days: BTreeMap<i64, Vec<&StoredExecution>> = BTreeMap::new();
        for run in tables.counted(counted) {
            let began = run.standing.started_at.map_or(0, Timestamp::as_micros);
            days.entry(began.div_euclid(DAY) * DAY).or_default().push(run);
        }
        let figures =
            |(day, runs): (i64, Vec<_>)| DayFigures { day: Timestamp::from_micros(day), counts: counts(&runs) };
        Ok(days.into_iter().map(figures).collect())
    }

    async fn step_figures(&self, counted: &Counted) -> Result<Vec<StepFigures>, StoreError> {
        let tables = self.tables();
        let mut steps: BTreeMap<(ProcessName, StepId), Vec<&EndedStep>> = BTreeMap::new();
        for run in tables.counted(counted) {
            for (_, step) in tables.ended_steps.iter().filter(|(execution, _)| *execution == run.id) {
                let key = (run.creation.process.name.clone(), step.step_id.clone());
                steps.entry(key).or_default().push(step);
            }
        }
        let figures = |((process_name, step_id), steps): (_, Vec<&EndedStep>)| StepFigures {
            process_name,
            step_id,
            ended: steps.len() as u64,
            failed: steps.iter().filter(|step| !step.completed).count() as u64,
            average: average(steps.iter().map(|step| step.ended_at.since(step.started_at))).unwrap_or_default(),
            cost: costs(steps.iter().filter_map(|step| step.cost)),
        };
        Ok(steps.into_iter().map(figures).collect())
    }

    async fn agent_figures(&self, since: Timestamp, user: Option<&str>) -> Result<Vec<AgentFigures>, StoreError> {
        let tables = self.tables();
        let mut agents: BTreeMap<String, Vec<&EndedStep>> = BTreeMap::new();
        for (_, step) in tables.work_of_agents(since, user) {
            agents.entry(step.agent.clone().unwrap_or_default()).or_default().push(step);
        }
        let figures = |(agent, steps): (String, Vec<&EndedStep>)| AgentFigures {
            agent,
            ended: steps.len() as u64,
            failed: steps.iter().filter(|step| !step.completed).count() as u64,
            calls: steps.iter().map(|step| u64::from(step.attempts)).sum(),
            failed_calls: steps.iter().map(|step| u64::from(step.failed_attempts)).sum(),
            cost: costs(steps.iter().filter_map(|step| step.cost)),
            last_ended_at: steps.iter().map(|step| step.ended_at).max().unwrap_or(since),
        };
        Ok(agents.into_iter().map(figures).collect())
    }

    async fn agent_activities(
        &self,
        since: Timestamp,
        user: Option<&str>,
        limit: u32,
    ) -> Result<Vec<AgentActivity>, StoreError> {
        let tables = self.tables();
        let mut work: Vec<&(ExecutionId, EndedStep)> = tables.work_of_agents(since, user).collect();
        work.reverse();
        work.sort_by_key(|(_, step)| std::cmp::Reverse(step.ended_at));
        let activity = |(execution, step): &(ExecutionId, EndedStep)| {
            let creation = &tables.executions.get(execution)?.creation;
            Some(AgentActivity {
                execution_id: *execution,
                process_name: creation.process.name.clone(),
                triggered_by: creation.triggered_by.clone(),
                step: step.clone(),
            })
        };
        Ok(work.into_iter().take(limit as usize).filter_map(activity).collect())
    }
}

impl Tables {
    fn counted<'t>(&'t self, counted: &'t Counted) -> impl Iterator<Item = &'t StoredExecution> {
        self.executions.values().filter(|run| {
            let process = &run.creation.process;
            run.standing.started_at.is_some_and(|at| at >= counted.from && at < counted.until)
                && (counted.user.is_none() || counted.user == run.creation.user)
                && counted.process_id.is_none_or(|id| id == process.id)
                && counted.process_name.as_ref().is_none_or(|name| name == process.name.as_str())
        })
    }

    fn work_of_agents<'t>(
        &'t self,
        since: Timestamp,
        user: Option<&'t str>,
    ) -> impl Iterator<Item = &'t (ExecutionId, EndedStep)> {
        self.ended_steps.iter().filter(move |(execution, step)| {
            let is_of_user = |run: &StoredExecution| user.is_none() || user == run.creation.user.as_deref();
            step.agent.is_some() && step.ended_at >= since && self.executions.get(execution).is_some_and(is_of_user)
        })
    }
}

fn process_figures(process_id: ProcessId, runs: &[&StoredExecution]) -> ProcessFigures {
    let completed = runs.iter().filter(|run| run.standing.status == ExecutionStatus::Completed);
    let took = |run: &&StoredExecution| Some(run.standing.completed_at?.since(run.standing.started_at?));
    let took: Vec<Duration> = completed.filter_map(took).collect();
    let all = costs(runs.iter().map(|run| run.standing.cost));
    let of = |nanos: i64| Cost { amount: Money::from_nanos(nanos, all.amount.currency()), complete: all.complete };
    let ended = runs.iter().filter(|run| run.is_ended());
    let nanos: Vec<i64> = ended.map(|run| run.standing.cost.amount.nanos()).collect();
    let count = i64::try_from(nanos.len()).unwrap_or(i64::MAX);
    ProcessFigures {
        process_id,
        process_name: runs[0].creation.process.name.clone(),
        counts: counts(runs),
        took: average(took.iter().copied()).map(|average| Spread {
            average,
            least: took.iter().copied().min().unwrap_or_default(),
            most: took.iter().copied().max().unwrap_or_default(),
        }),
        cost: nanos.iter().min().zip(nanos.iter().max()).map(|(least, most)| Spread {
            // Half rounds up, as in the database.
            average: of((2 * nanos.iter().sum::<i64>() + count) / (2 * count)),
            least: of(*least),
            most: of(*most),
        }),
    }
}

fn counts(runs: &[&StoredExecution]) -> RunCounts {
    let count = |is_counted: fn(ExecutionStatus) -> bool| {
        runs.iter().filter(|run| is_counted(run.standing.status)).count() as u64
    };
    RunCounts {
        executions: runs.len() as u64,
        completed: count(|status| status == ExecutionStatus::Completed),
        failed: count(|status| status == ExecutionStatus::Failed),
        running: count(|status| !status.is_ended()),
        cost: costs(runs.iter().map(|run| run.standing.cost)),
    }
}

fn average(durations: impl Iterator<Item = Duration>) -> Option<Duration> {
    let millis: Vec<u64> = durations.map(Duration::as_millis).collect();
    let count = millis.len() as u64;
    (count > 0).then(|| Duration::from_millis((2 * millis.iter().sum::<u64>() + count) / (2 * count)))
}

fn costs(costs: impl Iterator<Item = Cost>) -> Cost {
    costs
        .reduce(|sum, cost| Cost {
            amount: Money::from_nanos(sum.amount.nanos() + cost.amount.nanos(), sum.amount.currency()),
            complete: sum.complete && cost.complete,
        })
        .unwrap_or(Cost { amount: Money::ZERO, complete: true })
}
