//! How each event changes the state of its step.

use super::state::{Attempt, CompensationLife, CompensationState, Completion, StepLife, StepState};
use crate::{
    event::{AttemptStart, Event, ReusedEnd, StepError, Usage, Wait},
    value::Timestamp,
};

impl StepState {
    /// Applies an event about this step; `sequence` is the event's number.
    pub(super) fn apply(&mut self, event: &Event, at: Timestamp, sequence: u64) {
        match event {
            Event::StepStarted(start) => start_attempt(self, start, at),
            Event::StepSubmitted { call_ref, .. } => {
                if let Some(attempt) = self.attempts.last_mut() {
                    attempt.call_ref = Some(call_ref.clone());
                }
            }
            Event::StepRetrying { next_retry_at, error, usage, .. } => {
                end_attempt(self, at, Some(error), usage);
                self.life = StepLife::Waiting(Wait::BackOff { until: *next_retry_at });
            }
            Event::StepInterrupted { compensation, in_order, .. } => {
                let attempts = match (compensation, &mut self.compensation) {
                    (true, Some(compensation)) => &mut compensation.attempts,
                    (true, None) | (false, _) => &mut self.attempts,
                };
                if let Some(attempt) = attempts.last_mut() {
                    attempt.interruptions += u32::from(!in_order);
                }
            }
            Event::CostRecorded { attempt, usage, .. } => {
                if let Some(attempt) = self.attempts.iter_mut().find(|known| known.number == *attempt) {
                    attempt.usage = usage.clone();
                }
            }
            Event::StepReset { round, step_id, requested_by, output } => {
                reset(self, *round, at);
                self.output = output.clone().or(self.output.take());
                self.reruns += u32::from(step_id == requested_by);
            }
            Event::GatewayEvaluated { decision, .. } => self.decision = Some(decision.clone()),
            Event::ChildStarted { child_execution_id, .. } => self.children.push(*child_execution_id),
            _ => {
                self.apply_wait(event, at);
                self.apply_end(event, at, sequence);
                self.apply_compensation(event, at);
            }
        }
    }

    fn apply_wait(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::StepWaiting { wait, .. } => {
                match wait {
                    Wait::AgentBusy { .. } | Wait::Breaker { .. } => {
                        self.agent_wait_since.get_or_insert(at);
                    }
                    Wait::Child { .. } | Wait::Timer { .. } | Wait::BackOff { .. } => {}
                }
                self.life = StepLife::Waiting(wait.clone());
            }
            Event::StepWaitingApproval { approval_id, deadline, .. } => {
                self.life = StepLife::WaitingApproval { approval_id: *approval_id, deadline: *deadline };
                self.approval_id = Some(*approval_id);
            }
            Event::ApprovalEscalated { deadline, approval_id, .. } => {
                self.life = StepLife::WaitingApproval { approval_id: *approval_id, deadline: Some(*deadline) };
            }
            _ => {}
        }
    }

    fn apply_end(&mut self, event: &Event, at: Timestamp, sequence: u64) {
        match event {
            Event::StepCompleted { output, usage, .. } => {
                end_attempt(self, at, None, usage);
                self.completion = Some(Completion { order: sequence, output: Some(output.value.clone()) });
                self.output = Some(output.value.clone());
                self.error = None;
                end(self, StepLife::Completed, at);
            }
            Event::StepFailed { error, handled_by, output, usage, .. } => {
                end_attempt(self, at, Some(error), usage);
                self.error = Some(error.clone());
                self.output = output.as_ref().map(|output| output.value.clone());
                end(self, StepLife::Failed { handled_by: handled_by.clone() }, at);
            }
            Event::StepSkipped { reason, condition, decision, error, output, usage, .. } => {
                end_attempt(self, at, error.as_ref(), usage);
                self.error.clone_from(error);
                self.output = output.as_ref().map(|output| output.value.clone());
                self.condition = condition.clone().or(self.condition.take());
                self.decision.clone_from(decision);
                end(self, StepLife::Skipped { reason: *reason }, at);
            }
            Event::StepCancelled { .. } => {
                end_attempt(self, at, None, &Usage::default());
                end(self, StepLife::Cancelled, at);
            }
            Event::StepReused { end: reused, output, decision, .. } => {
                reuse(self, reused, at);
                self.output.clone_from(output);
                self.decision.clone_from(decision);
                if *reused == ReusedEnd::Completed {
                    self.completion = Some(Completion { order: sequence, output: output.clone() });
                }
            }
            _ => {}
        }
    }

    fn apply_compensation(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::CompensationStepStarted(start) => {
                let compensation = self
                    .compensation
                    .get_or_insert(CompensationState { life: CompensationLife::Running, attempts: Vec::new() });
                compensation.life = CompensationLife::Running;
                begin(&mut compensation.attempts, start, 1, at);
            }
            Event::CompensationStepSubmitted { call_ref, .. } => {
                if let Some(attempt) = compensation_attempt(self) {
                    attempt.call_ref = Some(call_ref.clone());
                }
            }
            Event::CompensationStepRetrying { next_retry_at, error, usage, .. } => {
                end_compensation(self, at, Some(error), usage, CompensationLife::BackOff { until: *next_retry_at });
            }
            Event::CompensationCompleted { usage, .. } => {
                end_compensation(self, at, None, usage, CompensationLife::Completed);
            }
            Event::CompensationFailed { error, usage, .. } => {
                end_compensation(self, at, Some(error), usage, CompensationLife::Failed);
            }
            _ => {}
        }
    }
}

fn start_attempt(state: &mut StepState, start: &AttemptStart, at: Timestamp) {
    begin(&mut state.attempts, start, state.round, at);
    state.life = StepLife::Running;
    state.started_at.get_or_insert(at);
    if start.condition.is_some() {
        state.condition.clone_from(&start.condition);
    }
    if !start.warnings.is_empty() {
        state.warnings.clone_from(&start.warnings);
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
        input: start.input.clone(),
        call_ref: None,
        interruptions: 0,
        ended_at: None,
        error: None,
        usage: Usage::default(),
    });
}

fn end_attempt(state: &mut StepState, at: Timestamp, error: Option<&StepError>, usage: &Usage) {
    if let Some(attempt) = state.attempts.last_mut().filter(|attempt| attempt.ended_at.is_none()) {
        attempt.ended_at = Some(at);
        attempt.error = error.cloned();
        attempt.usage = usage.clone();
    }
    state.agent_wait_since = None;
}

fn end(state: &mut StepState, life: StepLife, at: Timestamp) {
    state.life = life;
    state.completed_at = Some(at);
}

/// Begins a new round. What the last one left stays where others may read it: the completion for a roll-back, and an
/// approval's output for the steps that run again because of it.
fn reset(state: &mut StepState, round: u32, at: Timestamp) {
    end_attempt(state, at, None, &Usage::default());
    let before = std::mem::replace(state, StepState::pending());
    *state = StepState {
        round,
        attempts: before.attempts,
        output: before.output.filter(|_| before.approval_id.is_some()),
        approval_id: before.approval_id,
        reruns: before.reruns,
        children: before.children,
        completion: before.completion,
        ..StepState::pending()
    };
}

fn reuse(state: &mut StepState, reused: &ReusedEnd, at: Timestamp) {
    let life = match reused {
        ReusedEnd::Completed => StepLife::Completed,
        ReusedEnd::Failed { error, handled_by } => {
            state.error = Some(error.clone());
            StepLife::Failed { handled_by: Some(handled_by.clone()) }
        }
        ReusedEnd::Skipped { reason } => StepLife::Skipped { reason: *reason },
    };
    end(state, life, at);
}

fn compensation_attempt(state: &mut StepState) -> Option<&mut Attempt> {
    state.compensation.as_mut()?.attempts.last_mut()
}

fn end_compensation(
    state: &mut StepState,
    at: Timestamp,
    error: Option<&StepError>,
    usage: &Usage,
    life: CompensationLife,
) {
    if let Some(attempt) = compensation_attempt(state) {
        attempt.ended_at = Some(at);
        attempt.error = error.cloned();
        attempt.usage = usage.clone();
    }
    if let Some(compensation) = &mut state.compensation {
        compensation.life = life;
    }
}
