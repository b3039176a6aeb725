//! Failures of attempts, steps and executions (spec 1.5, 3.3).

use super::{
    Execution,
    boundary::{Effect, Write},
    state::{Life, StepLife, StepState},
    turn::Turn,
};
use crate::{
    definition::{Edge, EdgeKind, OnError, StepIndex},
    event::{
        AttemptStart, Cancellation, Event, ExecutionError, RollBackCause, Shown, SkipReason, StepError, Usage, Wait,
    },
    execution::Signal,
    value::{Duration, ErrorCode, Timestamp},
};

impl Turn<'_, '_> {
    /// An attempt has failed: it is repeated if the policy says so, else the step fails.
    pub fn fail_attempt(&mut self, step: StepIndex, error: StepError, usage: Usage, retry_after: Option<Duration>) {
        if matches!(self.execution.state.life, Life::Compensating(_)) {
            self.cancel_awaited(step, usage);
            return;
        }
        let policy = &self.step(step).retry;
        let state = self.state(step);
        let failed = state.retry_count() + 1;
        if !policy.retries(error.code) || failed >= policy.max_attempts {
            self.fail_step(step, error, usage, None);
            return;
        }
        let delay =
            policy.delay_after(failed, self.context.seed ^ u64::from(failed)).max(retry_after.unwrap_or_default());
        let max_attempts = policy.max_attempts;
        let attempt = state.attempts.last().map_or(1, |attempt| attempt.number);
        self.emit(Event::StepRetrying {
            step_id: self.id(step),
            attempt,
            max_attempts,
            next_retry_at: self.now().saturating_add(delay),
            error,
            usage,
        });
    }

    /// An attempt fails before its work could begin: its texts can't be filled in, say.
    pub fn fail_to_start(&mut self, step: StepIndex, error: StepError) {
        let condition = self.take_passed(step);
        let start = AttemptStart { condition, ..self.blank_start(step) };
        self.emit(Event::StepStarted(Box::new(start)));
        self.fail_attempt(step, error, Usage::default(), None);
    }

    /// A step has failed for good: its `on_error` decides what that does. `output` stays readable.
    pub fn fail_step(&mut self, step: StepIndex, error: StepError, usage: Usage, output: Option<Shown>) {
        let step_id = self.id(step);
        let begun = self.state(step).open_attempt().is_some();
        let retry_count = self.state(step).retry_count() + u32::from(begun);
        match self.step(step).on_error.clone() {
            OnError::SkipStep => {
                let decision = self.default_decision(step);
                let reason = SkipReason::SkippedAfterError;
                self.emit(Event::StepSkipped {
                    step_id,
                    reason,
                    condition: None,
                    decision,
                    error: Some(error),
                    output,
                    usage,
                });
            }
            OnError::GotoStep { target_step } if self.execution.can_handle(&target_step) => {
                let handled_by = Some(target_step.clone());
                self.emit(Event::StepFailed { step_id, error, retry_count, handled_by, output, usage });
                if let Some(handler) = self.execution.definition.position(&target_step) {
                    self.fail_if_handler_is_unwilling(handler);
                }
            }
            OnError::FailProcess | OnError::GotoStep { .. } => {
                self.emit(Event::StepFailed {
                    step_id,
                    error: error.clone(),
                    retry_count,
                    handled_by: None,
                    output,
                    usage,
                });
                self.fail_because_of(step, error, true);
            }
        }
    }

    /// A handler's own condition was false: the failures that led to it are un-handled, but what comes after them stays
    /// as it is (spec 3.2, rule 4).
    pub fn fail_if_handler_is_unwilling(&mut self, handler: StepIndex) {
        if !self.execution.is_unwilling_handler(handler) {
            return;
        }
        let Some(failed) = self.execution.failures_for(handler).first().copied() else {
            return;
        };
        if let Some(error) = self.state(failed).error.clone() {
            self.fail_because_of(failed, error, false);
        }
    }

    /// A failure that nothing handles: everything stops, or what does not come after it goes on first.
    fn fail_because_of(&mut self, step: StepIndex, error: StepError, fails_downstream: bool) {
        if !matches!(self.execution.state.life, Life::Running | Life::Paused(_)) {
            return;
        }
        if self.execution.definition.config().stop_on_failure {
            let step_id = Some(self.id(step));
            let failure = ExecutionError { code: error.code, message: error.message, step_id };
            let failure = self.execution.state.failure.clone().unwrap_or(failure);
            self.stop(RollBackCause::Failure(failure), true);
        } else if fails_downstream {
            for follower in self.execution.downstream_of_failure(step) {
                self.skip(follower, SkipReason::UpstreamFailed, None);
            }
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
        let to_undo = if rolls_back { self.execution.steps_to_undo().len() } else { 0 };
        if to_undo + awaited > 0 {
            let compensation_count = u32::try_from(to_undo + awaited).unwrap_or(u32::MAX);
            self.emit(Event::CompensationStarted { compensation_count, cause });
        } else {
            self.end_with(cause);
        }
    }

    /// Ends a step from outside, and what it has set going.
    pub fn cancel_step(&mut self, step: StepIndex, compensate: bool) {
        self.end_work(step, compensate);
        self.emit(Event::StepCancelled { step_id: self.id(step) });
    }

    /// Ends what a step has set going: its call, its request, its child, its place in a queue.
    pub fn end_work(&mut self, step: StepIndex, compensate: bool) {
        self.leave_queue(step);
        match self.state(step).life.clone() {
            StepLife::Running => self.abandon_call(step),
            StepLife::WaitingApproval { approval_id, .. } => {
                self.transition.writes.push(Write::CancelApproval(approval_id));
            }
            StepLife::Waiting(Wait::Child { execution_id }) => {
                let reason = Some("the step that started it was ended".to_owned());
                let signal = Signal::Cancel { by: "SYSTEM".into(), reason, compensate };
                self.transition.writes.push(Write::Signal { to: execution_id, signal });
            }
            StepLife::Waiting(
                Wait::Timer { .. } | Wait::BackOff { .. } | Wait::AgentBusy { .. } | Wait::Breaker { .. },
            )
            | StepLife::Pending
            | StepLife::Completed
            | StepLife::Failed { .. }
            | StepLife::Skipped { .. }
            | StepLife::Cancelled => {}
        }
    }

    /// Gives up the call of a step's open attempt.
    pub fn abandon_call(&mut self, step: StepIndex) {
        let Some(attempt) = self.state(step).open_attempt() else {
            return;
        };
        let (number, call_ref) = (attempt.number, attempt.call_ref.clone());
        let call = self.call_id(step, number, false);
        self.transition.effects.push(Effect::Abandon { call, call_ref });
    }

    fn leave_queue(&mut self, step: StepIndex) {
        if self.execution.index.queued.remove(&step) {
            let step_id = self.id(step);
            self.transition.effects.push(Effect::LeaveQueue { step_id });
        }
    }

    /// A call that the roll-back waited for has failed: nothing to undo, no retry, no `on_error` (spec 3.3).
    fn cancel_awaited(&mut self, step: StepIndex, usage: Usage) {
        let attempt = self.state(step).open_attempt().map_or(1, |attempt| attempt.number);
        if usage != Usage::default() {
            self.emit(Event::CostRecorded { step_id: self.id(step), attempt, usage });
        }
        self.emit(Event::StepCancelled { step_id: self.id(step) });
    }

    /// An agent is busy: the same attempt is tried again, for a limited time in all (spec 5.3).
    pub fn wait_for_busy_agent(&mut self, step: StepIndex, retry_after: Duration) {
        if matches!(self.execution.state.life, Life::Compensating(_)) {
            self.cancel_awaited(step, Usage::default());
            return;
        }
        if self.has_waited_too_long(step) {
            let agent = self.state(step).open_attempt().and_then(|attempt| attempt.agent.clone()).unwrap_or_default();
            let waited = self.context.settings.agent_wait;
            let message = format!("the agent `{agent}` has been busy for {waited}");
            self.fail_attempt(step, StepError { code: ErrorCode::AgentBusy, message }, Usage::default(), None);
            return;
        }
        let until = self.now().saturating_add(retry_after).min(self.agent_wait_ends(step));
        self.emit(Event::StepWaiting { step_id: self.id(step), wait: Wait::AgentBusy { until } });
    }

    /// An agent's breaker is open: the attempt starts, or is tried again, when it may close.
    pub fn wait_for_breaker(&mut self, step: StepIndex, agent: &str, until: Timestamp) {
        if self.has_waited_too_long(step) {
            let waited = self.context.settings.agent_wait;
            let message = format!("the agent `{agent}` has been unavailable for {waited}");
            let error = StepError { code: ErrorCode::AgentUnavailable, message };
            if self.state(step).open_attempt().is_some() {
                self.fail_attempt(step, error, Usage::default(), None);
            } else {
                self.fail_step(step, error, Usage::default(), None);
            }
            return;
        }
        let until = until.min(self.agent_wait_ends(step));
        self.emit(Event::StepWaiting { step_id: self.id(step), wait: Wait::Breaker { until } });
    }

    fn has_waited_too_long(&self, step: StepIndex) -> bool {
        self.state(step).agent_wait_since.is_some() && self.agent_wait_ends(step) <= self.now()
    }

    /// Until when a step may wait for its agent: so long in all since it first had to (spec 5.3).
    fn agent_wait_ends(&self, step: StepIndex) -> Timestamp {
        let since = self.state(step).agent_wait_since.unwrap_or(self.now());
        since.saturating_add(self.context.settings.agent_wait)
    }

    /// Ends the execution for the reason for which it stopped.
    pub fn end_with(&mut self, cause: RollBackCause) {
        match cause {
            RollBackCause::Failure(error) => {
                let total_cost = self.execution.state.cost;
                self.emit(Event::ProcessFailed { error, total_cost });
            }
            RollBackCause::Cancel(cancellation) => self.emit(Event::ProcessCancelled(cancellation)),
        }
        self.tell_parent();
    }
}

impl Execution {
    /// Whether an error that goes to this handler will be dealt with: a handler that was passed over because of a
    /// failure can't.
    fn can_handle(&self, handler: &str) -> bool {
        let handler = self.definition.position(handler).map(|handler| &self.steps[handler].life);
        !matches!(handler, None | Some(StepLife::Skipped { reason: SkipReason::UpstreamFailed }))
    }

    /// The steps that can't run after a failure under `stop_on_failure: false`: downstream by plain edges, and by route
    /// edges except into handlers (spec 3.3).
    fn downstream_of_failure(&self, step: StepIndex) -> Vec<StepIndex> {
        let graph = self.definition.graph();
        let follows = |edge: &Edge| match edge.kind {
            EdgeKind::Plain => true,
            EdgeKind::Route { .. } => !graph.is_handler(edge.target),
            EdgeKind::Error | EdgeKind::Order => false,
        };
        let reached = graph.downstream(step, follows);
        let not_begun = |step: &StepIndex| {
            let state: &StepState = &self.steps[*step];
            reached[*step] && !state.is_terminal() && !state.has_begun()
        };
        (0..self.steps.len()).filter(not_begun).collect()
    }
}

/// A cancellation as the event names it.
pub(super) fn cancellation(by: &str, reason: Option<&String>) -> Cancellation {
    Cancellation { cancelled_by: by.to_owned(), reason: reason.cloned() }
}
