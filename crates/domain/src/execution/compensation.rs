//! Rolling back (spec 1.6, 3.3): the completed steps that have a compensation are undone one by one, latest first, each
//! durably and with its own attempts.

use super::{
    Execution,
    boundary::{Call, Effect, Reply, ValueKey},
    scope::Viewpoint,
    state::{Attempt, CompensationLife, CompensationState, StepLife},
    turn::Turn,
};
use crate::{
    definition::{Compensation, CompensationAction, StepIndex},
    event::{AttemptStart, Event, RollBackCause, StepError, Usage},
    value::{Duration, ErrorCode},
};

impl Turn<'_, '_> {
    /// Goes on rolling back; ends the execution when nothing is left to undo.
    pub fn roll_back(&mut self, cause: RollBackCause) {
        loop {
            // A call whose step could be undone is waited for, so that it is undone if it completes.
            let awaited = (0..self.execution.steps.len()).any(|step| self.state(step).life == StepLife::Running);
            if awaited {
                return;
            }
            let Some(step) = self.execution.steps_to_undo().first().copied() else {
                break;
            };
            match self.state(step).compensation.as_ref().map(|compensation| compensation.life.clone()) {
                Some(CompensationLife::Running) => return,
                Some(CompensationLife::BackOff { until }) if until > self.now() => return,
                Some(CompensationLife::BackOff { .. } | CompensationLife::Completed | CompensationLife::Failed)
                | None => {}
            }
            self.start_compensation(step);
            let settled = self.state(step).compensation.as_ref().is_some_and(CompensationState::is_settled);
            if !settled {
                return;
            }
        }
        self.end_with(cause);
    }

    /// Starts the next attempt to undo a step, unless a value or a slot is missing.
    fn start_compensation(&mut self, step: StepIndex) {
        let Some(compensation) = self.step(step).compensation.clone() else {
            return;
        };
        if self.execution.index.queued.contains(&step) {
            return;
        }
        let Some(scope) = self.scope(Viewpoint::Compensation(step), &compensation.reads) else {
            return;
        };
        let expanded = match &compensation.action {
            CompensationAction::AgentTask(task) => {
                self.expand_task(task, &scope).map(|task| (Some(task.agent), task.input, task.warnings))
            }
            CompensationAction::Notification(notification) => {
                let subject = self.step(step).name.clone();
                let expanded = self.expand_notification(notification, &subject, &scope);
                expanded.map(|(input, warnings)| (None, input, warnings))
            }
        };
        let (agent, input, warnings) = match expanded {
            Ok(expanded) => expanded,
            Err(error) => return self.fail_to_undo(step, error),
        };
        if let Some(agent) = &agent
            && !self.take_compensation_slot(step, agent)
        {
            return;
        }
        let attempt = self.state(step).compensation.as_ref().map_or(1, CompensationState::next_attempt);
        let key = ValueKey::CompensationInput(self.id(step), attempt);
        match self.context.values.put(key, input) {
            Ok(input) => {
                let start = self.compensation_start(step, &compensation, attempt);
                let start = AttemptStart { agent, input: Some(input.value), warnings, ..start };
                self.call_compensation(step, start, compensation.timeout);
            }
            Err(error) => {
                let error = StepError { code: ErrorCode::OutputTooLarge, message: error.to_string() };
                self.fail_to_undo(step, error);
            }
        }
    }

    /// Sends the open attempt to undo a step again, under the same key.
    pub fn send_compensation_again(&mut self, step: StepIndex) {
        let Some(compensation) = self.step(step).compensation.clone() else {
            return;
        };
        let open = self.state(step).compensation.as_ref().and_then(|state| state.attempts.last());
        let Some(Attempt { number, agent, input, .. }) = open.cloned() else {
            return;
        };
        let start = self.compensation_start(step, &compensation, number);
        self.call_compensation(step, AttemptStart { agent, input, again: true, ..start }, compensation.timeout);
    }

    fn compensation_start(&self, step: StepIndex, compensation: &Compensation, attempt: u32) -> AttemptStart {
        let deadline = Some(self.now().saturating_add(compensation.timeout));
        AttemptStart { attempt, deadline, ..self.blank_start(step) }
    }

    fn call_compensation(&mut self, step: StepIndex, start: AttemptStart, timeout: Duration) {
        let (attempt, agent, input) = (start.attempt, start.agent.clone(), start.input.clone());
        self.emit(Event::CompensationStepStarted(Box::new(start)));
        let Some(input) = input else { return };
        let id = self.call_id(step, attempt, true);
        let input_key = ValueKey::CompensationInput(self.id(step), attempt);
        let call = Call { id, agent, input, input_key, timeout: Some(timeout), call_ref: None };
        self.transition.effects.push(Effect::Call(call));
    }

    /// While a breaker is open nothing is sent; the step is tried when it may close.
    fn take_compensation_slot(&mut self, step: StepIndex, agent: &str) -> bool {
        use super::boundary::Slot;
        let priority = self.execution.definition.priority_of(step);
        let id = self.id(step);
        match self.context.slots.take(&id, agent, priority) {
            Slot::Granted => true,
            Slot::Queued => {
                self.execution.index.queued.insert(step);
                false
            }
            Slot::Unavailable { until } => {
                let message = format!("the agent `{agent}` is unavailable");
                let error = StepError { code: ErrorCode::AgentUnavailable, message };
                self.begin_empty_compensation(step);
                self.fail_compensation(step, error, Usage::default(), Some(until.since(self.now())));
                false
            }
        }
    }

    pub fn finish_compensation(&mut self, step: StepIndex, reply: Reply) {
        let usage = match reply {
            Reply::Agent { usage, .. } => usage,
            Reply::Notification { .. } => Usage::default(),
        };
        self.emit(Event::CompensationCompleted { step_id: self.id(step), usage });
    }

    /// An attempt to undo a step has failed; after the last one the roll-back goes on without it.
    pub fn fail_compensation(
        &mut self,
        step: StepIndex,
        error: StepError,
        usage: Usage,
        retry_after: Option<Duration>,
    ) {
        let Some(compensation) = &self.step(step).compensation else {
            return;
        };
        let policy = &compensation.retry;
        let attempt = self.state(step).compensation.as_ref().map_or(1, CompensationState::newest_attempt);
        let step_id = self.id(step);
        let undoing = self.state(step).compensation.as_ref();
        let is_refused = undoing.is_some_and(|undoing| undoing.is_refused(error.code));
        let may_wait = is_refused && !self.has_compensation_waited_too_long(step);
        let tries = attempt.saturating_sub(undoing.map_or(0, CompensationState::refused_attempts)).max(1);
        if !may_wait && (!policy.retries(error.code) || tries >= policy.max_attempts) {
            self.emit(Event::CompensationFailed { step_id, error, usage });
            return;
        }
        let delay =
            policy.delay_after(tries, self.context.seed ^ u64::from(attempt)).max(retry_after.unwrap_or_default());
        let (max_attempts, next_retry_at) = (policy.max_attempts, self.now().saturating_add(delay));
        self.emit(Event::CompensationStepRetrying { step_id, attempt, max_attempts, next_retry_at, error, usage });
    }

    /// A step may wait for its agent so long in all (spec 5.3), counted from its first attempt to be undone.
    fn has_compensation_waited_too_long(&self, step: StepIndex) -> bool {
        let first = self.state(step).compensation.as_ref().and_then(|state| state.attempts.first());
        first.is_some_and(|first| self.now().since(first.started_at) >= self.context.settings.agent_wait)
    }

    /// A busy agent delays a compensation; that uses up none of its tries.
    pub fn delay_compensation(&mut self, step: StepIndex, retry_after: Duration) {
        let error = StepError { code: ErrorCode::AgentBusy, message: "the agent is busy".into() };
        self.fail_compensation(step, error, Usage::default(), Some(retry_after));
    }

    pub fn time_out_compensation(&mut self, step: StepIndex) {
        let timeout =
            self.step(step).compensation.as_ref().map(|compensation| compensation.timeout).unwrap_or_default();
        if let Some(attempt) = self.state(step).compensation.as_ref().and_then(|state| state.attempts.last()) {
            let (number, call_ref) = (attempt.number, attempt.call_ref.clone());
            let call = self.call_id(step, number, true);
            self.transition.effects.push(Effect::Abandon { call, call_ref });
        }
        let message = format!("not undone within the compensation's timeout of {timeout}");
        self.fail_compensation(step, StepError { code: ErrorCode::Timeout, message }, Usage::default(), None);
    }

    fn fail_to_undo(&mut self, step: StepIndex, error: StepError) {
        self.begin_empty_compensation(step);
        self.fail_compensation(step, error, Usage::default(), None);
    }

    fn begin_empty_compensation(&mut self, step: StepIndex) {
        let attempt = self.state(step).compensation.as_ref().map_or(1, CompensationState::next_attempt);
        let start = AttemptStart { attempt, ..self.blank_start(step) };
        self.emit(Event::CompensationStepStarted(Box::new(AttemptStart { deadline: None, ..start })));
    }
}

impl CompensationState {
    /// Whether the step is undone, or can't be.
    pub const fn is_settled(&self) -> bool {
        matches!(self.life, CompensationLife::Completed | CompensationLife::Failed)
    }

    fn newest_attempt(&self) -> u32 {
        self.attempts.last().map_or(1, |attempt| attempt.number)
    }

    /// How many attempts ended because their agent took nothing.
    fn refused_attempts(&self) -> u32 {
        let is_refused =
            |attempt: &&Attempt| attempt.error.as_ref().is_some_and(|error| is_refusal(attempt, error.code));
        u32::try_from(self.attempts.iter().filter(is_refused).count()).unwrap_or(u32::MAX)
    }

    /// Whether an error with this code means that the agent took nothing in the newest attempt.
    fn is_refused(&self, code: ErrorCode) -> bool {
        self.attempts.last().is_some_and(|attempt| is_refusal(attempt, code))
    }

    fn next_attempt(&self) -> u32 {
        self.attempts.last().map_or(1, |attempt| attempt.number + 1)
    }
}

impl Execution {
    /// The steps that are still to be undone: completed in some round, with a compensation; latest completion first.
    pub(super) fn steps_to_undo(&self) -> Vec<StepIndex> {
        let mut steps: Vec<StepIndex> = (0..self.steps.len())
            .filter(|step| {
                let state = &self.steps[*step];
                let settled = state.compensation.as_ref().is_some_and(CompensationState::is_settled);
                self.definition.step(*step).compensation.is_some() && state.completion.is_some() && !settled
            })
            .collect();
        steps.sort_by_key(|step| std::cmp::Reverse(self.steps[*step].completion.as_ref().map(|done| done.order)));
        steps
    }
}

/// Whether an agent took nothing: it was busy, or nothing was sent to it since its breaker is open.
fn is_refusal(attempt: &Attempt, code: ErrorCode) -> bool {
    match code {
        ErrorCode::AgentBusy => true,
        ErrorCode::AgentUnavailable => attempt.input.is_none(),
        _ => false,
    }
}
