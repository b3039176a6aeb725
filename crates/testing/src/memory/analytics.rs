//! The port of figures, counted anew each time.

use std::collections::BTreeMap;

use async_trait::async_trait;
use procession_application::ports::{
    AgentActivity, AgentFigures, Counted, Durations, EndedStep, FigureStore, Grouping, RecentRuns, RunFigures, RunSums,
    StepFigures, StoreError,
};
use procession_domain::{
    execution::ExecutionStatus,
    value::{Cost, Currency, Duration, ExecutionId, Money, ProcessId, ProcessName, StepId, Timestamp},
};

use super::{MemoryStore, StoredExecution, Tables};

#[async_trait]
impl FigureStore for MemoryStore {
    async fn run_figures(
        &self,
        counted: &Counted,
        grouping: Grouping<'_>,
        currency: Currency,
    ) -> Result<Vec<RunFigures>, StoreError> {
        let tables = self.tables();
        let mut groups: BTreeMap<(Option<Timestamp>, Option<ProcessId>), Vec<&StoredExecution>> = BTreeMap::new();
        for run in tables.counted(counted) {
            let began = run.standing.started_at;
            let day = grouping.days.iter().rev().find(|day| began.is_some_and(|began| began >= **day)).copied();
            let process = grouping.by_process.then_some(run.creation.process.id);
            groups.entry((day, process)).or_default().push(run);
        }
        let with_children = counted.process_id.is_some() || counted.process_name.is_some() || grouping.by_process;
        let figures =
            |((day, process), runs): ((Option<Timestamp>, Option<ProcessId>), Vec<&StoredExecution>)| RunFigures {
                day,
                process: process.map(|_| runs[0].creation.process.clone()),
                sums: sums(&runs, with_children, currency),
            };
        Ok(groups.into_iter().map(figures).collect())
    }

    async fn step_figures(&self, counted: &Counted, currency: Currency) -> Result<Vec<StepFigures>, StoreError> {
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
            average: average(steps.iter().map(|step| step.ended_at.since(step.started_at))),
            working: average(steps.iter().map(|step| step.working)),
            cost: with_currency(costs(steps.iter().filter_map(|step| step.cost)), currency),
        };
        Ok(steps.into_iter().map(figures).collect())
    }

    async fn recent_runs(
        &self,
        versions: &[ProcessId],
        user: Option<&str>,
        most: u32,
    ) -> Result<Vec<RecentRuns>, StoreError> {
        let tables = self.tables();
        let recent = |version: &ProcessId| {
            let is_meant = |run: &&StoredExecution| {
                let of_user = user.is_none() || run.creation.user.as_deref() == user;
                run.creation.process.id == *version && run.is_ended() && of_user
            };
            let mut runs: Vec<&StoredExecution> = tables.executions.values().filter(is_meant).collect();
            runs.sort_by_key(|run| std::cmp::Reverse((run.created_at, run.id)));
            runs.truncate(most as usize);
            let count = |status| u32::try_from(runs.iter().filter(|run| run.standing.status == status).count()).ok();
            (!runs.is_empty()).then(|| RecentRuns {
                process_id: *version,
                ended: u32::try_from(runs.len()).unwrap_or(u32::MAX),
                completed: count(ExecutionStatus::Completed).unwrap_or(u32::MAX),
                failed: count(ExecutionStatus::Failed).unwrap_or(u32::MAX),
                cost: runs.iter().map(|run| run.standing.cost.amount.nanos()).sum(),
                is_complete: runs.iter().all(|run| run.standing.cost.complete),
            })
        };
        let mut recent: Vec<RecentRuns> = versions.iter().filter_map(recent).collect();
        recent.sort_by_key(|runs| runs.process_id);
        Ok(recent)
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
        self.executions.values().chain(&self.removed).filter(|run| {
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

/// What executions add up to, one after the other.
fn sums(runs: &[&StoredExecution], with_children: bool, currency: Currency) -> RunSums {
    let mut sums = RunSums::none(currency);
    for run in runs {
        let (standing, spending) = (&run.standing, run.spending);
        let whole = standing.cost.amount.nanos();
        let cost = if with_children { whole } else { spending.nanos };
        let took = standing.completed_at.zip(standing.started_at).map(|(until, from)| until.since(from));
        let took = took.filter(|_| standing.status == ExecutionStatus::Completed);
        let micros = |duration: Duration| duration.as_millis() * 1_000;
        let ended = run.is_ended();
        let mut durations = Durations::default();
        if let Some(took) = took {
            durations.add(took);
        }
        sums.add(&RunSums {
            completed: u64::from(standing.status == ExecutionStatus::Completed),
            failed: u64::from(standing.status == ExecutionStatus::Failed),
            cancelled: u64::from(standing.status == ExecutionStatus::Cancelled),
            running: u64::from(!ended),
            took: took.map_or(0, micros),
            working: took.map_or(0, |_| micros(run.working)),
            took_least: took,
            took_most: took,
            durations,
            cost,
            ended_cost: if ended { cost } else { 0 },
            cost_least: ended.then_some(whole),
            cost_most: ended.then_some(whole),
            incomplete: u64::from(!standing.cost.complete),
            input_tokens: spending.input_tokens,
            output_tokens: spending.output_tokens,
            currency,
        });
    }
    sums
}

/// The average, rounded as the database rounds it.
fn average(durations: impl Iterator<Item = Duration>) -> Duration {
    let millis: Vec<u64> = durations.map(Duration::as_millis).collect();
    let count = (millis.len() as u64).max(1);
    Duration::from_millis((millis.iter().sum::<u64>() * 1_000 / count + 500) / 1_000)
}

fn costs(costs: impl Iterator<Item = Cost>) -> Cost {
    costs
        .reduce(|sum, cost| Cost {
            amount: Money::from_nanos(sum.amount.nanos() + cost.amount.nanos(), sum.amount.currency()),
            complete: sum.complete && cost.complete,
        })
        .unwrap_or(Cost { amount: Money::ZERO, complete: true })
}

fn with_currency(cost: Cost, currency: Currency) -> Cost {
    Cost { amount: Money::from_nanos(cost.amount.nanos(), currency), ..cost }
}
