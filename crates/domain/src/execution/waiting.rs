//! For what an execution waits, so that people can see it (spec 3.9).

use serde::Serialize;

use super::{
    Execution,
    routing::Decision,
    state::{CompensationLife, Life, StepLife},
};
use crate::{
    definition::StepKind,
    event::{PauseReason, Wait},
    value::{StepId, Timestamp},
};

/// One thing that an execution waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitingFor {
    /// What.
    #[serde(rename = "for")]
    pub kind: WaitingKind,
    /// Which step waits; absent when the whole execution does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_id: Option<StepId>,
    /// Until when at most, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Why, where the one that is waited for said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingKind {
    /// A limit of the server, the process or the execution.
    Limit,
    /// A place in an agent's queue.
    AgentQueue,
    /// An agent that said that it is busy.
    Agent,
    /// An agent that takes no calls for a time, since it or its model's provider limits them.
    RateLimit,
    /// An agent whose breaker is open.
    Breaker,
    /// A time.
    Timer,
    /// The next attempt.
    BackOff,
    /// A person's decision.
    Person,
    /// A sub-process.
    Child,
    /// An operator who paused it.
    Operator,
}

/// What is waited for, until when, and why.
type Waits = (WaitingKind, Option<Timestamp>, Option<String>);

impl Wait {
    /// Until when it lasts, if that is known.
    pub const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Timer { until }
            | Self::BackOff { until }
            | Self::AgentBusy { until, .. }
            | Self::RateLimit { until, .. }
            | Self::Breaker { until } => Some(*until),
            Self::Child { .. } => None,
        }
    }

    /// The same wait, but for no longer than this.
    pub(super) fn until_at_most(mut self, latest: Timestamp) -> Self {
        match &mut self {
            Self::Timer { until }
            | Self::BackOff { until }
            | Self::AgentBusy { until, .. }
            | Self::RateLimit { until, .. }
            | Self::Breaker { until } => *until = latest.min(*until),
            Self::Child { .. } => {}
        }
        self
    }

    fn shown(&self) -> Waits {
        let (kind, reason) = match self {
            Self::Timer { .. } => (WaitingKind::Timer, None),
            Self::Child { .. } => (WaitingKind::Child, None),
            Self::BackOff { .. } => (WaitingKind::BackOff, None),
            Self::AgentBusy { reason, .. } => (WaitingKind::Agent, reason.clone()),
            Self::RateLimit { reason, .. } => (WaitingKind::RateLimit, reason.clone()),
            Self::Breaker { .. } => (WaitingKind::Breaker, None),
        };
        (kind, self.until(), reason)
    }
}

impl Execution {
    /// For what the execution and its steps wait. `most_calls` is the server's limit of calls in flight.
    pub fn waiting_for(&self, most_calls: usize) -> Vec<WaitingFor> {
        let whole = |kind| WaitingFor { kind, step_id: None, until: None, reason: None };
        let mut waits = match &self.state.life {
            Life::Pending => return vec![whole(WaitingKind::Limit)],
            Life::Completed { .. } | Life::Failed(_) | Life::Cancelled(_) => return Vec::new(),
            Life::Paused(PauseReason::Operator { .. }) => vec![whole(WaitingKind::Operator)],
            Life::Running | Life::Paused(PauseReason::People) | Life::Compensating(_) => Vec::new(),
        };
        if let Some(question) = self.state.budget.question {
            let step_id = Some(StepId::budget());
            let kind = WaitingKind::Person;
            waits.push(WaitingFor { kind, step_id, until: question.deadline, reason: None });
        }
        let most_calls = self.definition.config().max_concurrent_steps.map_or(most_calls, |most| most as usize);
        for step in 0..self.steps.len() {
            if let Some((kind, until, reason)) = self.step_waits_for(step, most_calls) {
                waits.push(WaitingFor { kind, step_id: Some(self.definition.step(step).id.clone()), until, reason });
            }
        }
        waits
    }

    fn step_waits_for(&self, step: usize, most_calls: usize) -> Option<Waits> {
        let state = &self.steps[step];
        if let Some(CompensationLife::Waiting(wait)) = state.compensation.as_ref().map(|state| &state.life) {
            return Some(wait.shown());
        }
        match &state.life {
            StepLife::Waiting(wait) => Some(wait.shown()),
            StepLife::WaitingApproval { deadline, .. } => Some((WaitingKind::Person, *deadline, None)),
            StepLife::Pending if self.state.life == Life::Running => {
                self.pending_waits_for(step, most_calls).map(|kind| (kind, None, None))
            }
            StepLife::Pending
            | StepLife::Running
            | StepLife::Completed
            | StepLife::Failed { .. }
            | StepLife::Skipped { .. }
            | StepLife::Cancelled => None,
        }
    }

    /// A step that may run and has not begun waits for a slot: of its execution or of its agent.
    fn pending_waits_for(&self, step: usize, most_calls: usize) -> Option<WaitingKind> {
        if self.decide(step) != Decision::Run {
            return None;
        }
        match &self.definition.step(step).kind {
            StepKind::AgentTask(_) | StepKind::Notification(_) if self.index.running.len() >= most_calls => {
                Some(WaitingKind::Limit)
            }
            StepKind::AgentTask(_) => Some(WaitingKind::AgentQueue),
            StepKind::Notification(_)
            | StepKind::HumanApproval(_)
            | StepKind::Gateway(_)
            | StepKind::Timer(_)
            | StepKind::SubProcess(_) => None,
        }
    }
}
