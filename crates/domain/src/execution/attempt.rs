//! One machine for every attempt that makes a call, whether it does a step or undoes it (spec 1.4, 3.3, 3.8, 5.3).
//!
//! An attempt begins when its texts are filled in and its agent has a place; it ends with a result, a failure or a time-out.
//! While its agent takes nothing it waits, and asks again under the same number. What the end of the last attempt means
//! is the step's business (`failure`) or the roll-back's (`compensation`).

use super::{
    Execution,
    advance::Progress,
    boundary::{Call, CallId, Effect, Failure, Hold, Refusal, RefusalKind, Reply, Slot, ValueKey},
    call::CallInput,
    scope::Viewpoint,
    state::{Attempt, CompensationLife, CompensationState, Life, StepLife},
    turn::Turn,
};
use crate::{
    definition::{CompensationAction, RetryPolicy, StepIndex, StepKind},
    event::{AttemptEvent, AttemptStart, Direction, Event, StepError, Usage, Wait},
    value::{Duration, ErrorCode, Timestamp},
};

/// The interruption that fails an attempt: it may be what kills the server.
const LAST_INTERRUPTION: u32 = 3;

/// A call with its texts filled in.
pub(super) struct Prepared {
    pub input: CallInput,
    /// What was undefined in the texts and let pass.
    pub warnings: Vec<String>,
}

impl Turn<'_, '_> {
    /// Begins the next attempt, or goes on with one that had to wait for its agent or is to be sent again.
    pub fn start_attempt(&mut self, step: StepIndex, direction: Direction) -> Progress {
        if let Some(open) = self.execution.open_attempt(step, direction) {
            let agent = open.agent.clone();
            if agent.is_none_or(|agent| self.take_slot(step, direction, &agent)) {
                self.ask_again(step, direction);
            }
            return Progress::Done;
        }
        let Some(prepared) = self.prepare(step, direction) else {
            return Progress::NeedsValues;
        };
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                self.fail_to_start(step, direction, error);
                return Progress::Done;
            }
        };
        let agent = prepared.input.agent().map(str::to_owned);
        if agent.is_none_or(|agent| self.take_slot(step, direction, &agent)) {
            self.begin_attempt(step, direction, &prepared);
        }
        Progress::Done
    }

    /// Fills in the texts of what is to be called; `None` if values are missing, which are then asked for.
    fn prepare(&mut self, step: StepIndex, direction: Direction) -> Option<Result<Prepared, StepError>> {
        let definition = std::sync::Arc::clone(&self.execution.definition);
        let step_definition = definition.step(step);
        let (viewpoint, reads) = match (direction, &step_definition.compensation) {
            (Direction::Undo, Some(compensation)) => (Viewpoint::Compensation(step), &compensation.reads),
            (Direction::Do, _) | (Direction::Undo, None) => (Viewpoint::Step(step), &step_definition.reads),
        };
        let scope = self.scope(viewpoint, reads)?;
        let subject = &step_definition.name;
        let prepared = match (direction, &step_definition.compensation, &step_definition.kind) {
            (Direction::Do, _, StepKind::AgentTask(task)) => self.expand_task(task, &scope),
            (Direction::Do, _, StepKind::Notification(notification)) => {
                self.expand_notification(notification, subject, &scope)
            }
            (Direction::Undo, Some(compensation), _) => match &compensation.action {
                CompensationAction::AgentTask(task) => self.expand_task(task, &scope),
                CompensationAction::Notification(notification) => {
                    self.expand_notification(notification, subject, &scope)
                }
            },
            // Other steps make no call, and nothing without a compensation is undone.
            (
                Direction::Do,
                _,
                StepKind::Gateway(_) | StepKind::HumanApproval(_) | StepKind::Timer(_) | StepKind::SubProcess(_),
            )
            | (Direction::Undo, None, _) => return None,
        };
        Some(prepared)
    }

    fn begin_attempt(&mut self, step: StepIndex, direction: Direction, prepared: &Prepared) {
        let attempt = self.execution.next_attempt(step, direction);
        let key = ValueKey::AttemptInput(self.id(step), direction, attempt);
        let input = match self.context.values.put(key, prepared.input.to_json()) {
            Ok(shown) => shown.value,
            Err(error) => {
                let message = format!("the expanded message is too large: {error}");
                self.fail_to_start(step, direction, StepError { code: ErrorCode::OutputTooLarge, message });
                return;
            }
        };
        let start = AttemptStart {
            agent: prepared.input.agent().map(str::to_owned),
            input: Some(input),
            reserved: self.reservation(step, direction),
            condition: self.take_passed(step),
            warnings: prepared.warnings.clone(),
            ..self.blank_start(step, direction)
        };
        self.start_call(step, direction, start);
    }

    /// Sends an attempt's call again that had to wait for its agent, or that nobody knows after a crash: same key, same text,
    /// a new time-out.
    fn ask_again(&mut self, step: StepIndex, direction: Direction) {
        let Some(open) = self.execution.open_attempt(step, direction).cloned() else {
            return;
        };
        if !self.execution.is_running(step, direction) {
            let deadline = self.deadline(step, direction);
            self.emit(self.attempt_event(step, direction, AttemptEvent::Resumed { attempt: open.number, deadline }));
            self.transition.calls.push(self.call_id(step, direction, open.number));
            return;
        }
        let start = AttemptStart {
            attempt: open.number,
            agent: open.agent,
            input: open.input,
            reserved: open.reserved,
            again: true,
            ..self.blank_start(step, direction)
        };
        self.start_call(step, direction, start);
    }

    fn start_call(&mut self, step: StepIndex, direction: Direction, start: AttemptStart) {
        let call = self.call_id(step, direction, start.attempt);
        self.emit(self.attempt_event(step, direction, AttemptEvent::Started(Box::new(start))));
        self.transition.calls.push(call);
    }

    /// An attempt's start with nothing but what every one has.
    pub fn blank_start(&self, step: StepIndex, direction: Direction) -> AttemptStart {
        AttemptStart {
            attempt: self.execution.next_attempt(step, direction),
            agent: None,
            input: None,
            deadline: self.deadline(step, direction),
            reserved: None,
            condition: None,
            warnings: Vec::new(),
            again: false,
        }
    }

    /// An event of a step's attempt.
    pub fn attempt_event(&self, step: StepIndex, direction: Direction, event: AttemptEvent) -> Event {
        Event::Attempt(self.id(step), direction, event)
    }

    fn deadline(&self, step: StepIndex, direction: Direction) -> Option<Timestamp> {
        self.execution.timeout(step, direction).map(|timeout| self.now().saturating_add(timeout))
    }

    /// Asks for a place at an agent. `false` if the step has to wait for it.
    fn take_slot(&mut self, step: StepIndex, direction: Direction, agent: &str) -> bool {
        let priority = self.execution.definition.priority_of(step);
        let id = self.id(step);
        match self.context.slots.take(&id, agent, priority) {
            Slot::Granted => true,
            Slot::Queued => {
                self.execution.index.queued.insert(step);
                false
            }
            Slot::Held { until, why } => {
                let wait = match why {
                    Hold::Breaker => Wait::Breaker { until },
                    Hold::RateLimit => Wait::RateLimit { until, reason: None },
                };
                self.wait_for_agent(step, direction, agent, wait);
                false
            }
        }
    }

    /// An agent took nothing: the same attempt asks again when its time has come.
    pub fn refused(&mut self, step: StepIndex, direction: Direction, refusal: Refusal) {
        let agent = self.execution.open_attempt(step, direction).and_then(|attempt| attempt.agent.clone());
        let agent = agent.unwrap_or_default();
        let Refusal { kind, retry_after, reason } = refusal;
        let until = self.now().saturating_add(retry_after);
        let longest = self.execution.retry_policy(step, direction).map(RetryPolicy::longest_pause);
        let wait = match kind {
            RefusalKind::Busy => Wait::AgentBusy { until, reason },
            RefusalKind::RateLimit => match longest.filter(|longest| retry_after > *longest) {
                None => Wait::RateLimit { until, reason },
                Some(longest) => {
                    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                    let message = format!(
                        "the agent `{agent}` accepts no calls for {retry_after}, and the step waits for at most {longest}{reason}"
                    );
                    let error = StepError { code: ErrorCode::RateLimited, message };
                    self.end_in_failure(step, direction, error, Usage::default());
                    return;
                }
            },
        };
        self.wait_for_agent(step, direction, &agent, wait);
    }

    /// Has an attempt wait until its agent may be asked, for a limited time in all (spec 5.3).
    fn wait_for_agent(&mut self, step: StepIndex, direction: Direction, agent: &str, wait: Wait) {
        if direction == Direction::Do && matches!(self.execution.state.life, Life::Compensating(_)) {
            self.cancel_awaited(step, Usage::default());
            return;
        }
        let since = self.state(step).agent_wait_since;
        let ends = since.unwrap_or(self.now()).saturating_add(self.context.settings.agent_wait);
        if since.is_some() && ends <= self.now() {
            let (code, state) = match &wait {
                Wait::AgentBusy { .. } => (ErrorCode::AgentBusy, "busy"),
                Wait::RateLimit { .. } => (ErrorCode::RateLimited, "limiting calls"),
                Wait::Breaker { .. } | Wait::Timer { .. } | Wait::Child { .. } | Wait::BackOff { .. } => {
                    (ErrorCode::AgentUnavailable, "unavailable")
                }
            };
            let waited = self.context.settings.agent_wait;
            let message = format!("the agent `{agent}` has been {state} for {waited}");
            self.fail_after_waiting(step, direction, StepError { code, message });
            return;
        }
        self.emit(self.attempt_event(step, direction, AttemptEvent::Waiting(wait.until_at_most(ends))));
    }

    /// A step that waited in vain for its agent, perhaps before its first attempt.
    fn fail_after_waiting(&mut self, step: StepIndex, direction: Direction, error: StepError) {
        let has_begun = self.execution.open_attempt(step, direction).is_some();
        match direction {
            _ if has_begun => self.fail_attempt(step, direction, Failure::of(error)),
            Direction::Do => self.fail_step(step, error, Usage::default(), None),
            Direction::Undo => self.fail_to_start(step, direction, error),
        }
    }

    /// An attempt fails before its call is made: its texts can't be filled in, say.
    pub fn fail_to_start(&mut self, step: StepIndex, direction: Direction, error: StepError) {
        let condition = self.take_passed(step);
        let start = AttemptStart { condition, ..self.blank_start(step, direction) };
        self.emit(self.attempt_event(step, direction, AttemptEvent::Started(Box::new(start))));
        self.fail_attempt(step, direction, Failure::of(error));
    }

    /// An attempt has failed: another one follows if the policy says so.
    pub fn fail_attempt(&mut self, step: StepIndex, direction: Direction, failure: Failure) {
        let Failure { error, usage, retry_after } = failure;
        if direction == Direction::Do && matches!(self.execution.state.life, Life::Compensating(_)) {
            self.cancel_awaited(step, usage);
            return;
        }
        let failed = self.execution.failed_attempts(step, direction) + 1;
        let policy = self.execution.retry_policy(step, direction);
        let retrying = policy.filter(|policy| policy.retries(error.code) && failed < policy.max_attempts).cloned();
        let Some(policy) = retrying else {
            self.end_in_failure(step, direction, error, usage);
            return;
        };
        if let Some(asked) = retry_after.filter(|asked| *asked > policy.longest_pause()) {
            let longest = policy.longest_pause();
            let message =
                format!("{}; it asks callers to wait {asked}, and a retry waits for at most {longest}", error.message);
            self.end_in_failure(step, direction, StepError { message, ..error }, usage);
            return;
        }
        let delay =
            policy.delay_after(failed, self.context.seed ^ u64::from(failed)).max(retry_after.unwrap_or_default());
        let attempt = self.execution.attempts(step, direction).last().map_or(1, |attempt| attempt.number);
        let retrying = AttemptEvent::Retrying {
            attempt,
            max_attempts: policy.max_attempts,
            next_retry_at: self.now().saturating_add(delay),
            error,
            usage,
        };
        self.emit(self.attempt_event(step, direction, retrying));
    }

    /// The last attempt has failed.
    fn end_in_failure(&mut self, step: StepIndex, direction: Direction, error: StepError, usage: Usage) {
        match direction {
            Direction::Do if matches!(self.execution.state.life, Life::Compensating(_)) => {
                self.cancel_awaited(step, usage);
            }
            Direction::Do => self.fail_step(step, error, usage, None),
            Direction::Undo => {
                let retry_count = self.execution.failed_attempts(step, direction) + 1;
                let failed = AttemptEvent::Failed { error, retry_count, handled_by: None, output: None, usage };
                self.emit(self.attempt_event(step, direction, failed));
            }
        }
    }

    /// A call has brought its result.
    pub fn finish_call(&mut self, step: StepIndex, direction: Direction, reply: &Reply) {
        match direction {
            Direction::Do => {
                let (output, usage) = self.output_of(step, reply);
                self.complete(step, output, usage);
            }
            Direction::Undo => {
                let usage = reply.usage();
                let duration = self.execution.working_time(step, direction, self.now());
                let undone = AttemptEvent::Completed { output: None, usage, duration };
                self.emit(self.attempt_event(step, direction, undone));
            }
        }
    }

    /// An attempt has taken too long.
    pub fn time_out(&mut self, step: StepIndex, direction: Direction) {
        let timeout = self.execution.timeout(step, direction).unwrap_or_default();
        let message = match direction {
            Direction::Do => {
                self.end_work(step, false);
                format!("not done within its timeout of {timeout}")
            }
            Direction::Undo => {
                self.abandon_call(step, direction);
                format!("not undone within the compensation's timeout of {timeout}")
            }
        };
        self.fail_attempt(step, direction, Failure::of(StepError { code: ErrorCode::Timeout, message }));
    }

    /// Gives up the call of an open attempt.
    pub fn abandon_call(&mut self, step: StepIndex, direction: Direction) {
        let Some(open) = self.execution.open_attempt(step, direction).filter(|attempt| attempt.input.is_some()) else {
            return;
        };
        let (number, agent, call_ref) = (open.number, open.agent.clone(), open.call_ref.clone());
        let call = self.call_id(step, direction, number);
        self.transition.effects.push(Effect::Abandon { call, agent, call_ref });
    }

    /// Calls are in flight that nobody waits for: each is taken up again, or fails when that happened too often (spec 3.8).
    pub fn interrupt(&mut self, calls: &[CallId], in_order: bool) -> bool {
        let mut any = false;
        for call in calls {
            any |= self.with_open_call(call, |turn, step| turn.interrupt_attempt(step, call, in_order));
        }
        any
    }

    fn interrupt_attempt(&mut self, step: StepIndex, call: &CallId, in_order: bool) {
        let interrupted = AttemptEvent::Interrupted { attempt: call.attempt, in_order };
        self.emit(self.attempt_event(step, call.direction, interrupted));
        let open = self.execution.open_attempt(step, call.direction);
        if open.is_some_and(|attempt| attempt.interruptions >= LAST_INTERRUPTION) {
            let message = format!("the server stopped {LAST_INTERRUPTION} times while this attempt was under way");
            let error = StepError { code: ErrorCode::Interrupted, message };
            self.fail_attempt(step, call.direction, Failure::of(error));
            return;
        }
        // Its time-out is looked at only when its gateway has said what became of it.
        self.execution.index.recovering.insert(step);
    }

    /// The cost of a call became known after it was given up (spec 3.7).
    pub fn record_late_cost(&mut self, call: &CallId, usage: Usage) -> bool {
        let Some(step) = self.execution.definition.position(&call.step_id) else {
            return false;
        };
        let is_missing = |attempt: &Attempt| attempt.number == call.attempt && attempt.usage.cost.is_none();
        if !self.execution.attempts(step, call.direction).iter().any(is_missing) {
            return false;
        }
        let recorded = AttemptEvent::CostRecorded { attempt: call.attempt, usage };
        self.emit(self.attempt_event(step, call.direction, recorded));
        true
    }

    /// A call that the roll-back waited for has failed: nothing to undo, no retry, no `on_error` (spec 3.3).
    pub fn cancel_awaited(&mut self, step: StepIndex, usage: Usage) {
        let attempt = self.execution.open_attempt(step, Direction::Do).map(|attempt| attempt.number);
        if let Some(attempt) = attempt.filter(|_| !usage.is_unknown()) {
            self.emit(self.attempt_event(step, Direction::Do, AttemptEvent::CostRecorded { attempt, usage }));
        }
        self.emit(Event::Step(self.id(step), crate::event::StepEvent::Cancelled));
    }
}

impl Failure {
    /// A failure that says nothing but why.
    pub fn of(error: StepError) -> Self {
        Self { error, usage: Usage::default(), retry_after: None }
    }
}

impl Reply {
    /// What it cost.
    pub(super) fn usage(&self) -> Usage {
        match self {
            Self::Agent { usage, .. } => usage.clone(),
            Self::Notification { .. } => Usage::default(),
        }
    }
}

impl Execution {
    /// The attempts at a step, or at undoing it.
    pub(super) fn attempts(&self, step: StepIndex, direction: Direction) -> &[Attempt] {
        let state = &self.steps[step];
        match direction {
            Direction::Do => &state.attempts,
            Direction::Undo => state.compensation.as_ref().map_or(&[], |compensation| &compensation.attempts),
        }
    }

    /// The newest attempt, if that has not ended.
    pub(super) fn open_attempt(&self, step: StepIndex, direction: Direction) -> Option<&Attempt> {
        self.attempts(step, direction).last().filter(|attempt| attempt.ended_at.is_none())
    }

    /// The number that the next attempt gets.
    fn next_attempt(&self, step: StepIndex, direction: Direction) -> u32 {
        self.attempts(step, direction).last().map_or(1, |attempt| attempt.number + 1)
    }

    /// How many attempts failed in this round.
    pub(super) fn failed_attempts(&self, step: StepIndex, direction: Direction) -> u32 {
        match direction {
            Direction::Do => self.steps[step].retry_count(),
            Direction::Undo => {
                let failed = self.attempts(step, direction).iter().filter(|attempt| attempt.error.is_some());
                u32::try_from(failed.count()).unwrap_or(u32::MAX)
            }
        }
    }

    /// Whether an attempt's call is in flight, as far as the state says.
    pub(super) fn is_running(&self, step: StepIndex, direction: Direction) -> bool {
        let state = &self.steps[step];
        match direction {
            Direction::Do => state.life == StepLife::Running,
            Direction::Undo => state.compensation.as_ref().is_some_and(CompensationState::is_running),
        }
    }

    /// How long the step, or its undoing, has taken since it began in this round.
    pub(super) fn working_time(&self, step: StepIndex, direction: Direction, now: Timestamp) -> Duration {
        let began = match direction {
            Direction::Do => self.steps[step].started_at,
            Direction::Undo => self.attempts(step, direction).first().map(|attempt| attempt.started_at),
        };
        began.map(|began| now.since(began)).unwrap_or_default()
    }

    /// How long an attempt may take.
    pub(super) fn timeout(&self, step: StepIndex, direction: Direction) -> Option<Duration> {
        let step = self.definition.step(step);
        match direction {
            Direction::Do => step.timeout,
            Direction::Undo => step.compensation.as_ref().map(|compensation| compensation.timeout),
        }
    }

    fn retry_policy(&self, step: StepIndex, direction: Direction) -> Option<&RetryPolicy> {
        let step = self.definition.step(step);
        match direction {
            Direction::Do => Some(&step.retry),
            Direction::Undo => step.compensation.as_ref().map(|compensation| &compensation.retry),
        }
    }

    /// The step of a call that is in flight.
    pub(super) fn open_call(&self, call: &CallId) -> Option<StepIndex> {
        let step = self.definition.position(&call.step_id)?;
        let open = self.open_attempt(step, call.direction).filter(|attempt| attempt.number == call.attempt)?;
        (open.input.is_some() && self.is_running(step, call.direction)).then_some(step)
    }

    /// Every call that is in flight as far as the state says, in the order of the definition. Whoever runs the execution
    /// compares them with those it waits for: what is missing is made or recovered, what is too many is given up.
    pub fn calls_in_flight(&self) -> Vec<Call> {
        let in_flight = self.index.running.iter().filter(|(step, _)| !self.index.queued.contains(step));
        in_flight.filter_map(|(step, direction)| self.call_of(*step, *direction)).collect()
    }

    fn call_of(&self, step: StepIndex, direction: Direction) -> Option<Call> {
        let open = self.open_attempt(step, direction)?;
        let step_id = self.definition.step(step).id.clone();
        Some(Call {
            input: open.input?,
            input_key: ValueKey::AttemptInput(step_id.clone(), direction, open.number),
            id: CallId { execution_id: self.id(), step_id, attempt: open.number, direction },
            agent: open.agent.clone(),
            timeout: self.timeout(step, direction),
            call_ref: open.call_ref.clone(),
        })
    }
}

impl CompensationState {
    const fn is_running(&self) -> bool {
        matches!(self.life, CompensationLife::Running)
    }
}
