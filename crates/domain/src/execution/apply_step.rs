//! How each event changes the state of its step.

use super::state::{Attempt, CompensationLife, CompensationState, Completion, StepLife, StepState};
use crate::{
    event::{
        ApprovalEvent, AttemptEvent, AttemptStart, ChildEvent, Direction, Event, ReusedEnd, Skipped, StepError,
        StepEvent, Usage, ValueRef, Wait,
    },
    value::{ApprovalId, FinishReason, StepId, Timestamp},
};

impl StepState {
    /// Applies an event about this step; `sequence` is the event's number.
    pub(super) fn apply(&mut self, event: &Event, at: Timestamp, sequence: u64) {
        match event {
            Event::Step(step_id, event) => self.apply_to_step(step_id, event, at, sequence),
            Event::Attempt(_, direction, event) => self.apply_to_attempt(*direction, event, at, sequence),
            Event::Approval(_, approval_id, event) => self.apply_to_request(*approval_id, event),
            Event::Child(_, child, ChildEvent::Started { .. }) => self.children.push(*child),
            Event::Child(_, _, ChildEvent::Completed { .. }) | Event::Process(_) => {}
        }
    }

    fn apply_to_step(&mut self, step_id: &StepId, event: &StepEvent, at: Timestamp, sequence: u64) {
        match event {
            StepEvent::Skipped(skipped) => self.skip(skipped, at),
            StepEvent::WaitingApproval { approval_id, deadline, .. } => {
                self.life = StepLife::WaitingApproval { approval_id: *approval_id, deadline: *deadline };
                self.approval_id = Some(*approval_id);
            }
            StepEvent::Cancelled => {
                self.give_up_attempt(at);
                self.end(StepLife::Cancelled, at);
            }
            StepEvent::Reset { round, requested_by, output, kept_feedback } => {
                self.begin_round(*round, at);
                self.output = output.or(self.output);
                // A retry takes over what was said, and counts the requests anew.
                self.reruns += u32::from(step_id == requested_by && kept_feedback.is_none());
                if kept_feedback.is_some() {
                    self.feedback.clone_from(kept_feedback);
                }
            }
            StepEvent::Reused { end, output, decision, deciders } => {
                self.reuse(end, at, sequence);
                self.output = *output;
                self.decision.clone_from(decision);
                self.deciders.clone_from(deciders);
                if *end == ReusedEnd::Completed {
                    self.completion = Some(Completion { order: sequence, output: *output });
                }
            }
            StepEvent::GatewayEvaluated(decision) => self.decision = Some((**decision).clone()),
        }
    }

    fn apply_to_attempt(&mut self, direction: Direction, event: &AttemptEvent, at: Timestamp, sequence: u64) {
        match event {
            AttemptEvent::Started(start) => self.start_attempt(direction, start, at),
            AttemptEvent::Submitted { call_ref, .. } => {
                if let Some(attempt) = self.newest(direction) {
                    attempt.call_ref = Some(call_ref.clone());
                }
            }
            AttemptEvent::Waiting(wait) => self.wait(direction, wait, at),
            AttemptEvent::Resumed { deadline, .. } => {
                if let Some(attempt) = self.newest(direction) {
                    attempt.deadline = *deadline;
                    attempt.call_ref = None;
                }
                self.run(direction);
            }
            AttemptEvent::Interrupted { in_order, .. } => {
                if let Some(attempt) = self.newest(direction) {
                    attempt.interruptions += u32::from(!in_order);
                }
            }
            AttemptEvent::Retrying { next_retry_at, error, usage, .. } => {
                self.end_attempt(direction, at, Some(error), usage);
                self.wait(direction, &Wait::BackOff { until: *next_retry_at }, at);
            }
            AttemptEvent::Completed { output, usage, .. } => {
                self.end_attempt(direction, at, None, usage);
                self.warnings.extend(usage.finish_reason.as_ref().and_then(FinishReason::warning));
                self.complete(direction, output.as_ref().map(|output| output.value), at, sequence);
            }
            AttemptEvent::Failed { error, output, usage, .. } => {
                self.end_attempt(direction, at, Some(error), usage);
                match direction {
                    Direction::Do => {
                        self.error = Some(error.clone());
                        self.output = output.as_ref().map(|output| output.value);
                        self.end(StepLife::Failed { order: sequence }, at);
                    }
                    Direction::Undo => self.set_compensation(CompensationLife::Failed),
                }
            }
            AttemptEvent::CostRecorded { attempt, usage } => {
                let mut attempts = self.attempts_mut(direction).into_iter().flatten();
                if let Some(known) = attempts.find(|known| known.number == *attempt) {
                    known.usage = usage.clone();
                }
            }
        }
    }

    fn apply_to_request(&mut self, approval_id: ApprovalId, event: &ApprovalEvent) {
        match event {
            ApprovalEvent::Escalated { deadline, .. } => {
                self.life = StepLife::WaitingApproval { approval_id, deadline: Some(*deadline) };
            }
            ApprovalEvent::Decided(verdict) => {
                self.deciders = verdict.deciders();
                if let Some(feedback) = verdict.feedback() {
                    self.feedback = Some(feedback.to_owned());
                }
            }
            ApprovalEvent::Requested { .. }
            | ApprovalEvent::Voted { .. }
            | ApprovalEvent::Delegated { .. }
            | ApprovalEvent::Expired => {}
        }
    }

    fn newest(&mut self, direction: Direction) -> Option<&mut Attempt> {
        self.attempts_mut(direction)?.last_mut()
    }

    fn start_attempt(&mut self, direction: Direction, start: &AttemptStart, at: Timestamp) {
        let round = self.round;
        match direction {
            Direction::Do => {
                begin(&mut self.attempts, start, round, at);
                self.started_at.get_or_insert(at);
                if start.condition.is_some() {
                    self.condition.clone_from(&start.condition);
                }
                if !start.warnings.is_empty() {
                    self.warnings.clone_from(&start.warnings);
                }
            }
            Direction::Undo => {
                let new = CompensationState { life: CompensationLife::Running, attempts: Vec::new() };
                begin(&mut self.compensation.get_or_insert(new).attempts, start, 1, at);
            }
        }
        self.run(direction);
    }

    fn run(&mut self, direction: Direction) {
        match direction {
            Direction::Do => self.life = StepLife::Running,
            Direction::Undo => self.set_compensation(CompensationLife::Running),
        }
    }

    fn wait(&mut self, direction: Direction, wait: &Wait, at: Timestamp) {
        match wait {
            Wait::AgentBusy { .. } | Wait::RateLimit { .. } | Wait::Breaker { .. } => {
                self.agent_wait_since.get_or_insert(at);
            }
            Wait::Child { .. } | Wait::Timer { .. } | Wait::BackOff { .. } => {}
        }
        match direction {
            Direction::Do => self.life = StepLife::Waiting(wait.clone()),
            Direction::Undo => self.set_compensation(CompensationLife::Waiting(wait.clone())),
        }
    }

    /// A step may have to wait for its agent before its undoing has begun.
    fn set_compensation(&mut self, life: CompensationLife) {
        match &mut self.compensation {
            Some(compensation) => compensation.life = life,
            None => self.compensation = Some(CompensationState { life, attempts: Vec::new() }),
        }
    }

    fn complete(&mut self, direction: Direction, output: Option<ValueRef>, at: Timestamp, sequence: u64) {
        match direction {
            Direction::Do => {
                self.completion = Some(Completion { order: sequence, output });
                self.output = output;
                self.error = None;
                self.end(StepLife::Completed, at);
            }
            Direction::Undo => self.set_compensation(CompensationLife::Completed),
        }
    }

    fn skip(&mut self, skipped: &Skipped, at: Timestamp) {
        self.end_attempt(Direction::Do, at, skipped.error.as_ref(), &skipped.usage);
        self.error.clone_from(&skipped.error);
        self.output = skipped.output.as_ref().map(|output| output.value);
        self.condition = skipped.condition.clone().or(self.condition.take());
        self.decision.clone_from(&skipped.decision);
        self.end(StepLife::Skipped { reason: skipped.reason }, at);
    }

    fn end_attempt(&mut self, direction: Direction, at: Timestamp, error: Option<&StepError>, usage: &Usage) {
        if let Some(attempt) = self.newest(direction).filter(|attempt| attempt.ended_at.is_none()) {
            attempt.ended_at = Some(at);
            attempt.error = error.cloned();
            attempt.usage = usage.clone();
        }
        self.agent_wait_since = None;
    }

    /// Ends the step's open attempt from outside. What was counted of it stays.
    fn give_up_attempt(&mut self, at: Timestamp) {
        if let Some(attempt) = self.attempts.last_mut().filter(|attempt| attempt.ended_at.is_none()) {
            attempt.ended_at = Some(at);
        }
        self.agent_wait_since = None;
    }

    fn end(&mut self, life: StepLife, at: Timestamp) {
        self.life = life;
        self.completed_at = Some(at);
    }

    /// Begins a new round. What the last one left stays where others may read it: the completion for a roll-back, and an
    /// approval's output for the steps that run again because of it.
    fn begin_round(&mut self, round: u32, at: Timestamp) {
        self.give_up_attempt(at);
        let before = std::mem::replace(self, Self::pending());
        *self = Self {
            round,
            attempts: before.attempts,
            output: before.output.filter(|_| before.approval_id.is_some()),
            approval_id: before.approval_id,
            reruns: before.reruns,
            feedback: before.feedback,
            children: before.children,
            completion: before.completion,
            ..Self::pending()
        };
    }

    fn reuse(&mut self, reused: &ReusedEnd, at: Timestamp, sequence: u64) {
        let (life, error) = match reused {
            ReusedEnd::Completed => (StepLife::Completed, None),
            ReusedEnd::Failed { error, .. } => (StepLife::Failed { order: sequence }, Some(error)),
            ReusedEnd::Skipped { reason, error } => (StepLife::Skipped { reason: *reason }, error.as_ref()),
        };
        self.error = error.cloned();
        self.reused = true;
        self.end(life, at);
    }
}

fn begin(attempts: &mut Vec<Attempt>, start: &AttemptStart, round: u32, at: Timestamp) {
    if start.again
        && let Some(attempt) = attempts.last_mut()
    {
        attempt.started_at = at;
        attempt.deadline = start.deadline;
        attempt.call_ref = None;
        return;
    }
    attempts.push(Attempt {
        number: start.attempt,
        round,
        started_at: at,
        deadline: start.deadline,
        agent: start.agent.clone(),
        input: start.input,
        call_ref: None,
        reserved: start.reserved,
        interruptions: 0,
        ended_at: None,
        error: None,
        usage: Usage::default(),
    });
}
