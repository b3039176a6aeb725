//! How each event changes the state. Nothing else changes it, so folding the events gives it (spec 3.11).

use super::{
    Execution,
    state::{BudgetQuestion, ExecutionState, Life, StepState},
};
use crate::{
    definition::StepIndex,
    event::{ApprovalEvent, AttemptEvent, ChildEvent, Direction, Event, ProcessEvent, Recorded, StepEvent, Usage},
    value::{ApprovalId, StepId, Timestamp},
};

/// Why a list of events is no history of an execution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The first event must be the creation.
    #[error("the history does not begin with ExecutionCreated")]
    NoCreation,
    /// An event is missing or out of order.
    #[error("event {found} follows event {before}")]
    Gap {
        /// The number before.
        before: u64,
        /// The number after.
        found: u64,
    },
    /// An event names a step that the definition lacks.
    #[error("event {sequence} names the step `{step_id}`, which the definition does not have")]
    UnknownStep {
        /// The event.
        sequence: u64,
        /// The step.
        step_id: StepId,
    },
}

/// What an event has changed, for whoever keeps an index of the state.
pub(super) enum Changed {
    /// The execution as a whole.
    Whole,
    /// A step.
    Step(StepIndex),
    /// A step that begins anew, so that what comes after it is unsettled again.
    Reset,
}

impl Execution {
    /// Applies an event of this execution that has its next number.
    pub(super) fn apply(&mut self, recorded: &Recorded) -> Result<(), ReplayError> {
        match self.fold(recorded)? {
            Changed::Whole => self.index.execution_changed(&self.state),
            Changed::Step(step) => self.index.step_changed(&self.definition, step, &self.steps[step]),
            // Who resets steps builds the index anew when all are reset.
            Changed::Reset => {}
        }
        Ok(())
    }

    /// Changes the state, and leaves the index as it is.
    pub(super) fn fold(&mut self, recorded: &Recorded) -> Result<Changed, ReplayError> {
        let Recorded { sequence, at, event } = recorded;
        if *sequence != self.state.sequence + 1 {
            return Err(ReplayError::Gap { before: self.state.sequence, found: *sequence });
        }
        let changed = match event {
            Event::Process(event) => {
                self.state.apply(event, *at);
                Changed::Whole
            }
            Event::Approval(step_id, approval_id, event) if *step_id == StepId::budget() => {
                self.state.apply_to_question(*approval_id, event);
                Changed::Whole
            }
            Event::Step(step_id, _)
            | Event::Attempt(step_id, _, _)
            | Event::Approval(step_id, _, _)
            | Event::Child(step_id, _, _) => {
                let unknown = || ReplayError::UnknownStep { sequence: *sequence, step_id: step_id.clone() };
                let step = self.definition.position(step_id).ok_or_else(unknown)?;
                self.count_usage(step, event);
                self.steps[step].apply(event, *at, *sequence);
                let resets = matches!(event, Event::Step(_, StepEvent::Reset { .. }));
                if resets { Changed::Reset } else { Changed::Step(step) }
            }
        };
        self.state.sequence = *sequence;
        self.state.updated_at = *at;
        Ok(changed)
    }

    /// Adds up what calls and children have cost. An unknown cost counts only where a call was made.
    fn count_usage(&mut self, step: StepIndex, event: &Event) {
        let calls_agent = |direction| {
            let open = self.open_attempt(step, direction);
            open.is_some_and(|attempt| attempt.agent.is_some() && attempt.input.is_some())
        };
        match event {
            Event::Attempt(_, _, AttemptEvent::CostRecorded { usage, .. }) => self.state.count(usage, false),
            Event::Attempt(_, direction, event) => {
                if let Some(usage) = event.usage() {
                    let called = calls_agent(*direction);
                    self.state.count(usage, called);
                }
            }
            Event::Step(_, event) => {
                if let Some(usage) = event.usage() {
                    let called = calls_agent(Direction::Do);
                    self.state.count(usage, called);
                }
            }
            Event::Child(_, _, ChildEvent::Completed { cost, .. }) => {
                self.state.cost.add(Some(cost.amount));
                self.state.cost.complete &= cost.complete;
            }
            Event::Child(_, _, ChildEvent::Started { .. }) | Event::Process(_) | Event::Approval(..) => {}
        }
    }
}

impl ExecutionState {
    fn apply(&mut self, event: &ProcessEvent, at: Timestamp) {
        match event {
            // It is the state's beginning.
            ProcessEvent::Created(_) => {}
            ProcessEvent::Started { deadline } => {
                self.life = Life::Running;
                self.started_at = Some(at);
                self.deadline = *deadline;
            }
            ProcessEvent::Paused(reason) => self.life = Life::Paused(reason.clone()),
            ProcessEvent::Resumed { .. } => self.life = Life::Running,
            ProcessEvent::Completed { output, output_warnings, .. } => {
                self.life = Life::Completed { outputs: output.value, warnings: output_warnings.clone() };
                self.completed_at = Some(at);
            }
            ProcessEvent::Failed { error, .. } => {
                self.life = Life::Failed(error.clone());
                self.completed_at = Some(at);
            }
            ProcessEvent::Cancelled(cancellation) => {
                self.life = Life::Cancelled(cancellation.clone());
                self.completed_at = Some(at);
            }
            ProcessEvent::RollBackStarted { cause, .. } => self.life = Life::Compensating(cause.clone()),
            ProcessEvent::BudgetWarning { .. } => self.budget.warned = true,
            ProcessEvent::BudgetRaised { limit, .. } => self.budget.raised_to = Some(*limit),
        }
    }

    /// The question whether to spend more.
    const fn apply_to_question(&mut self, approval_id: ApprovalId, event: &ApprovalEvent) {
        match event {
            ApprovalEvent::Requested { deadline, .. } => {
                self.budget.question = Some(BudgetQuestion { approval_id, deadline: *deadline });
            }
            ApprovalEvent::Decided(_) => self.budget.question = None,
            ApprovalEvent::Voted { .. }
            | ApprovalEvent::Delegated { .. }
            | ApprovalEvent::Escalated { .. }
            | ApprovalEvent::Expired => {}
        }
    }

    fn count(&mut self, usage: &Usage, called: bool) {
        if usage.cost.is_some() || called {
            self.cost.add(usage.cost);
        }
        if let Some(tokens) = &usage.token_usage {
            self.tokens.add(tokens);
        }
    }
}

impl StepState {
    /// The attempts at the step, or at undoing it, the newest last.
    pub(super) const fn attempts_mut(&mut self, direction: Direction) -> Option<&mut Vec<super::Attempt>> {
        match (direction, &mut self.compensation) {
            (Direction::Do, _) => Some(&mut self.attempts),
            (Direction::Undo, Some(compensation)) => Some(&mut compensation.attempts),
            (Direction::Undo, None) => None,
        }
    }
}
