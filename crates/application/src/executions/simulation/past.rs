//! What the steps of a process took and cost in its latest completed runs.

use std::collections::BTreeMap;

use procession_domain::{
    execution::ExecutionStatus,
    value::{Duration, Money, ProcessName, StepId},
};

use crate::{
    engine::RUNS_FOR_ESTIMATE,
    executions::{ExecutionFailure, Executions},
    ports::{ExecutionFilter, PageStart, Paging, StoreError},
};

/// How many runs are looked at to tell how long steps take.
const RUNS_FOR_TIME: u32 = 10;

/// The past of one process.
#[derive(Debug, Default)]
pub(super) struct Past {
    times: BTreeMap<StepId, Duration>,
}

impl Past {
    /// How long a call of a step takes: the median of its latest runs; `None` if it never ran.
    pub fn time_of(&self, step: &StepId) -> Option<Duration> {
        self.times.get(step).copied()
    }
}

impl Executions {
    /// Looks at the latest completed runs of a process.
    pub(super) async fn past_of(&self, process: &ProcessName) -> Result<Past, StoreError> {
        let filter = ExecutionFilter {
            process_name: Some(process.to_string()),
            statuses: vec![ExecutionStatus::Completed],
            ..ExecutionFilter::default()
        };
        let paging = Paging { limit: RUNS_FOR_TIME, start: PageStart::Offset(0) };
        let mut times: BTreeMap<StepId, Vec<Duration>> = BTreeMap::new();
        for row in self.ports.queries.executions(&filter, &paging).await?.rows {
            let run = match self.load(row.id).await {
                Ok(run) => run,
                Err(ExecutionFailure::Store(error)) => return Err(error),
                // It is gone meanwhile.
                Err(_) => continue,
            };
            for (step, state) in run.steps() {
                let worked = state.attempts.last().filter(|attempt| attempt.error.is_none());
                if let Some((attempt, ended_at)) = worked.and_then(|attempt| Some((attempt, attempt.ended_at?))) {
                    times.entry(step.id.clone()).or_default().push(ended_at.since(attempt.started_at));
                }
            }
        }
        let median = |(step, mut times): (StepId, Vec<Duration>)| {
            times.sort_unstable();
            let middle = times.get(times.len() / 2).copied()?;
            Some((step, middle))
        };
        Ok(Past { times: times.into_iter().filter_map(median).collect() })
    }

    /// What a step will probably cost (spec 3.10).
    pub(super) async fn probable_cost(
        &self,
        process: &ProcessName,
        step: &StepId,
    ) -> Result<Option<Money>, StoreError> {
        Ok(Money::median(self.ports.executions.step_costs(process, step, RUNS_FOR_ESTIMATE).await?))
    }
}
