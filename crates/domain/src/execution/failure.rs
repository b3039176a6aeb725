//! Failures of steps and executions (spec 1.5, 3.3).

use std::collections::BTreeSet;

use super::{
    Execution,
    boundary::{Effect, Write},
    routing::Decision,
    state::{Life, StepLife},
    turn::Turn,
};
use crate::{
    definition::{EdgeKind, OnError, StepIndex},
    event::{
        AttemptEvent, Cancellation, Direction, Event, ExecutionError, ProcessEvent, RollBackCause, Shown, SkipReason,
        Skipped, StepError, StepEvent, Usage, Wait,
    },
    execution::Signal,
    value::StepId,
};

impl Turn<'_, '_> {
    /// A step has failed for good: its `on_error` decides what that does. `output` stays readable.
    pub fn fail_step(&mut self, step: StepIndex, error: StepError, usage: Usage, output: Option<Shown>) {
        let begun = self.state(step).open_attempt().is_some();
        let retry_count = self.state(step).retry_count() + u32::from(begun);
        let failed = |handled_by| AttemptEvent::Failed {
            error: error.clone(),
            retry_count,
            handled_by,
            output: output.clone(),
            usage: usage.clone(),
        };
        match self.step(step).on_error.clone() {
            OnError::SkipStep => {
                let decision = self.default_decision(step);
                let output = output.or_else(|| self.default_output(step, decision.as_ref()?));
                let because = Skipped::because(SkipReason::SkippedAfterError);
                let skipped = Skipped { decision, error: Some(error), output, usage, ..because };
                self.emit(Event::Step(self.id(step), StepEvent::Skipped(Box::new(skipped))));
            }
            OnError::FailProcess => {
                self.emit(self.attempt_event(step, Direction::Do, failed(None)));
                self.fail_process();
            }
            OnError::GotoStep { target_step } => {
                let handler = self.execution.definition.position(&target_step);
                let is_unwilling = handler.is_some_and(|handler| self.execution.is_unwilling_handler(handler));
                let handled_by = (!is_unwilling).then_some(target_step);
                self.emit(self.attempt_event(step, Direction::Do, failed(handled_by)));
                if is_unwilling {
                    self.fail_unhandled();
                }
            }
        }
    }

    /// Failures went to a handler whose own condition is false: they are un-handled, but their plain edges stay dead, so
    /// that what comes after them is no part of the failure (spec 3.2, rule 4).
    pub fn fail_unhandled(&mut self) {
        let mut runnable = BTreeSet::new();
        while let Some(step) = self.execution.index.to_decide.pop_first() {
            match self.execution.decide(step) {
                Decision::Skip(reason) => self.skip(step, reason, None),
                Decision::Run | Decision::Wait => drop(runnable.insert(step)),
            }
        }
        self.execution.index.to_decide = runnable;
        self.fail_process();
    }

    /// A failure that nothing handles: everything stops, or what does not come after it goes on first.
    fn fail_process(&mut self) {
        if !matches!(self.execution.state.life, Life::Running | Life::Paused(_)) {
            return;
        }
        if !self.execution.definition.config().stop_on_failure {
            self.skip_behind_failures();
        } else if let Some(failure) = self.execution.standing_failure() {
            self.stop(RollBackCause::Failure(failure), true);
        }
    }

    /// Skips what comes after a failure that fails the process, and has not begun.
    pub fn skip_behind_failures(&mut self) {
        for step in self.execution.behind_failures() {
            self.leave_queue(step);
            self.skip(step, SkipReason::UpstreamFailed, None);
        }
    }

    /// Ends everything that has not ended, then rolls back as far as there is something to undo, then ends the execution.
    /// `rolls_back` is true for every failure, and for a cancel that asks for it.
    pub fn stop(&mut self, cause: RollBackCause, rolls_back: bool) {
        let fails = matches!(cause, RollBackCause::Failure(_));
        let mut awaited = 0;
        for step in 0..self.execution.steps.len() {
            let state = self.state(step);
            if state.is_terminal() {
                continue;
            }
            let undoable = self.step(step).compensation.is_some();
            if rolls_back && undoable && state.life == StepLife::Running {
                awaited += 1;
            } else if fails && !state.has_begun() {
                self.leave_queue(step);
                self.skip(step, SkipReason::UpstreamFailed, None);
            } else {
                self.cancel_step(step, rolls_back);
            }
        }
        if let Some(question) = self.execution.state.budget.question {
            self.transition.writes.push(Write::CancelApproval(question.approval_id));
        }
        let to_undo = if rolls_back { self.execution.count_to_undo() } else { 0 };
        if to_undo + awaited > 0 {
            let count = u32::try_from(to_undo + awaited).unwrap_or(u32::MAX);
            self.emit(Event::Process(ProcessEvent::RollBackStarted { count, cause }));
        } else {
            self.end_with(cause);
        }
    }

    /// Ends a step from outside, and what it has set going.
    pub fn cancel_step(&mut self, step: StepIndex, compensate: bool) {
        self.end_work(step, compensate);
        self.emit(Event::Step(self.id(step), StepEvent::Cancelled));
    }

    /// Ends what a step has set going: its call, its request, its child, its place in a queue.
    pub fn end_work(&mut self, step: StepIndex, compensate: bool) {
        self.leave_queue(step);
        match self.state(step).life.clone() {
            StepLife::Running => self.abandon_call(step, Direction::Do),
            StepLife::WaitingApproval { approval_id, .. } => {
                self.transition.writes.push(Write::CancelApproval(approval_id));
            }
            StepLife::Waiting(Wait::Child { execution_id }) => {
                let reason = Some("the step that started it was ended".to_owned());
                let signal = Signal::Cancel { by: "SYSTEM".into(), reason, compensate };
                self.transition.writes.push(Write::Signal { to: execution_id, signal });
            }
            StepLife::Waiting(
                Wait::Timer { .. }
                | Wait::BackOff { .. }
                | Wait::AgentBusy { .. }
                | Wait::RateLimit { .. }
                | Wait::Breaker { .. },
            )
            | StepLife::Pending
            | StepLife::Completed
            | StepLife::Failed { .. }
            | StepLife::Skipped { .. }
            | StepLife::Cancelled => {}
        }
    }

    fn leave_queue(&mut self, step: StepIndex) {
        if self.execution.index.queued.remove(&step) {
            let step_id = self.id(step);
            self.transition.effects.push(Effect::LeaveQueue { step_id });
        }
    }

    /// Ends the execution for the reason for which it stopped.
    pub fn end_with(&mut self, cause: RollBackCause) {
        let total_cost = self.execution.state.cost;
        self.emit(Event::Process(match cause {
            RollBackCause::Failure(error) => ProcessEvent::Failed { error, total_cost },
            RollBackCause::Cancel(cancellation) => ProcessEvent::Cancelled(cancellation),
        }));
        self.tell_parent();
    }
}

impl Execution {
    /// The first failure that stands, and that nothing handles.
    pub fn standing_failure(&self) -> Option<ExecutionError> {
        let order = |step: &StepIndex| match self.steps[*step].life {
            StepLife::Failed { order } => Some(order),
            _ => None,
        };
        let unhandled = |step: &StepIndex| order(step).is_some() && self.handler_of(*step).is_none();
        let first = (0..self.steps.len()).filter(unhandled).min_by_key(order)?;
        let error = self.steps[first].error.clone()?;
        let step_id = Some(self.definition.step(first).id.clone());
        Some(ExecutionError { code: error.code, message: error.message, step_id })
    }

    /// Why the execution failed, or will.
    pub fn failure(&self) -> Option<ExecutionError> {
        match &self.state.life {
            Life::Failed(error) | Life::Compensating(RollBackCause::Failure(error)) => Some(error.clone()),
            Life::Running | Life::Paused(_) => self.standing_failure(),
            Life::Pending
            | Life::Compensating(RollBackCause::Cancel(_))
            | Life::Completed { .. }
            | Life::Cancelled(_) => None,
        }
    }

    /// The step to which a failed step's error goes, unless that turned out not to want it.
    pub fn handler_of(&self, step: StepIndex) -> Option<&StepId> {
        let OnError::GotoStep { target_step } = &self.definition.step(step).on_error else { return None };
        let handler = self.definition.position(target_step)?;
        let is_handled = self.has_failed(step) && !self.is_unwilling_handler(handler);
        is_handled.then_some(target_step)
    }

    /// Whether what comes after a step can't run: it failed for good, or was passed over for such a failure.
    pub(super) fn bars_the_way(&self, step: StepIndex) -> bool {
        match &self.steps[step].life {
            StepLife::Failed { .. } => !matches!(self.definition.step(step).on_error, OnError::GotoStep { .. }),
            StepLife::Skipped { reason } => *reason == SkipReason::UpstreamFailed,
            StepLife::Pending
            | StepLife::Running
            | StepLife::Waiting(_)
            | StepLife::WaitingApproval { .. }
            | StepLife::Completed
            | StepLife::Cancelled => false,
        }
    }

    /// The steps that can't run after a failure under `stop_on_failure: false`: downstream by plain edges, and by route
    /// edges except into handlers (spec 3.3).
    fn behind_failures(&self) -> Vec<StepIndex> {
        let graph = self.definition.graph();
        let mut behind = vec![false; self.steps.len()];
        let mut queue: Vec<StepIndex> = (0..self.steps.len()).filter(|step| self.bars_the_way(*step)).collect();
        while let Some(step) = queue.pop() {
            for edge in graph.outgoing(step) {
                let follows = match edge.kind {
                    EdgeKind::Plain => true,
                    EdgeKind::Route { .. } => !graph.is_handler(edge.target),
                    EdgeKind::Error | EdgeKind::Order => false,
                };
                if follows && !std::mem::replace(&mut behind[edge.target], true) {
                    queue.push(edge.target);
                }
            }
        }
        let not_begun = |step: &StepIndex| {
            let state = &self.steps[*step];
            behind[*step] && !state.is_terminal() && !state.has_begun()
        };
        (0..self.steps.len()).filter(not_begun).collect()
    }
}

/// A cancellation as the event names it.
pub(super) fn cancellation(by: &str, reason: Option<&String>) -> Cancellation {
    Cancellation { cancelled_by: by.to_owned(), reason: reason.cloned() }
}
