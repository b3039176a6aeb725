//! What a retry would do: which steps it takes over, which it runs again, and what that saves.

use procession_domain::{
    definition::StepKind,
    event::{Event, StepEvent},
    execution::Execution,
    value::{Cost, ExecutionId, Money, StepId},
};

use super::{ExecutionFailure, Executions, RetryFrom};
use crate::{
    access::{Principal, UseCase},
    engine::RUNS_FOR_ESTIMATE,
};

/// What a retry would do.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPreview {
    /// The steps whose ends are taken over, with what they cost, where there was something to pay for.
    pub reused: Vec<(StepId, Option<Cost>)>,
    /// The steps that run again, as far as the process gets to them.
    pub again: Vec<StepId>,
    /// What need not be paid for again.
    pub saved: Cost,
    /// What the steps that run again may cost, as far as their last runs tell: a sum of medians, not complete where a step
    /// has never run to its end.
    pub estimated: Cost,
}

impl Executions {
    /// What a retry of an execution would do. Nothing is changed.
    pub async fn retry_preview(
        &self,
        by: &Principal,
        id: ExecutionId,
        from: RetryFrom,
    ) -> Result<RetryPreview, ExecutionFailure> {
        by.check(UseCase::ReadExecution)?;
        let old = self.in_sight(by, id).await?;
        old.check_retry()?;
        let reused = match from {
            RetryFrom::Start => Vec::new(),
            RetryFrom::Failed => {
                let creation = (**old.creation()).clone();
                let (_, events) = Execution::retry_from_failed(id, &old, creation, self.ports.clock.now())?;
                events.iter().filter_map(|recorded| reused(&recorded.event).cloned()).collect()
            }
        };
        let currency = old.creation().currency;
        let (mut saved, mut estimated) = (Cost::none(currency), Cost::none(currency));
        let (mut taken_over, mut again) = (Vec::new(), Vec::new());
        for (step, state) in old.steps() {
            if reused.contains(&step.id) {
                let cost = state.paid(currency);
                if let Some(cost) = cost {
                    saved.add(Some(cost.amount));
                    saved.complete &= cost.complete;
                }
                taken_over.push((step.id.clone(), cost));
            } else {
                if state.paid(currency).is_some() || matches!(step.kind, StepKind::AgentTask(_)) {
                    let process = &old.creation().process.name;
                    let costs = self.ports.executions.step_costs(process, &step.id, RUNS_FOR_ESTIMATE).await?;
                    estimated.add(Money::median(costs));
                }
                again.push(step.id.clone());
            }
        }
        Ok(RetryPreview { reused: taken_over, again, saved, estimated })
    }
}

/// The step whose end an event takes over.
const fn reused(event: &Event) -> Option<&StepId> {
    match event {
        Event::Step(step, StepEvent::Reused { .. }) => Some(step),
        Event::Step(..) | Event::Process(_) | Event::Attempt(..) | Event::Approval(..) | Event::Child(..) => None,
    }
}
