//! How each event changes the state. Nothing else changes it, so folding the events gives it (spec 3.11).

use super::{
    Execution,
    state::{Attempt, BudgetQuestion, CompensationLife, CompensationState, Completion, Life, StepLife, StepState},
};
use crate::{
    definition::StepIndex,
    event::{AttemptStart, Event, ExecutionError, Recorded, ReusedEnd, RollBackCause, SkipReason, StepError, Usage},
    value::{StepId, Timestamp},
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

impl Execution {
    /// Applies an event of this execution that has its next number.
    pub(super) fn apply(&mut self, recorded: &Recorded) -> Result<(), ReplayError> {
        if recorded.sequence != self.state.sequence + 1 {
            return Err(ReplayError::Gap {
                before: self.state.sequence,
                found: recorded.sequence,
            });
        }
        let at = recorded.at;
        match recorded.event.step_id().filter(|step| **step != StepId::budget()) {
            None => self.apply_to_execution(&recorded.event, at),
            Some(step_id) => {
                let unknown = || ReplayError::UnknownStep {
                    sequence: recorded.sequence,
                    step_id: step_id.clone(),
                };
                let step = self.definition.position(step_id).ok_or_else(unknown)?;
                self.count_usage(&recorded.event);
                self.apply_to_step(step, &recorded.event, at, recorded.sequence);
                self.note_failure(step, &recorded.event);
                self.changed.insert(step);
                // A reset makes edges unsettled again; who resets steps builds the index anew when all are reset.
                if !matches!(recorded.event, Event::StepReset { .. }) {
                    self.index.step_changed(&self.definition, step, &self.steps[step]);
                }
            }
        }
        self.state.sequence = recorded.sequence;
        self.state.updated_at = at;
        Ok(())
    }

    fn apply_to_execution(&mut self, event: &Event, at: Timestamp) {
        let state = &mut self.state;
        match event {
            Event::ProcessStarted { deadline } => {
                state.life = Life::Running;
                state.started_at = Some(at);
                state.deadline = *deadline;
            }
            Event::ProcessPaused(reason) => state.life = Life::Paused(reason.clone()),
            Event::ProcessResumed { .. } => state.life = Life::Running,
            Event::ProcessCompleted {
                output,
                output_warnings,
                ..
            } => {
                state.life = Life::Completed {
                    outputs: output.value.clone(),
                    warnings: output_warnings.clone(),
                };
                state.completed_at = Some(at);
            }
            Event::ProcessFailed { error, .. } => {
                state.life = Life::Failed(error.clone());
                state.completed_at = Some(at);
            }
            Event::ProcessCancelled(cancellation) => {
                state.life = Life::Cancelled(cancellation.clone());
                state.completed_at = Some(at);
            }
            Event::CompensationStarted { cause, .. } => {
                if let RollBackCause::Failure(error) = cause {
                    state.failure.get_or_insert_with(|| error.clone());
                }
                state.life = Life::Compensating(cause.clone());
            }
            Event::BudgetWarning { .. } => state.budget.warned = true,
            Event::BudgetRaised { limit, .. } => state.budget.raised_to = Some(*limit),
            // What remains with no step of its own are the approval events of the budget's question.
            Event::ApprovalRequested {
                approval_id, deadline, ..
            } => {
                state.budget.question = Some(BudgetQuestion {
                    approval_id: *approval_id,
                    deadline: *deadline,
                });
            }
            Event::ApprovalDecided { .. } => state.budget.question = None,
            _ => {}
        }
        self.index.execution_changed(&self.state);
    }

    fn apply_to_step(&mut self, step: StepIndex, event: &Event, at: Timestamp, sequence: u64) {
        let state = &mut self.steps[step];
        match event {
            Event::StepStarted(start) => start_attempt(state, start, at),
            Event::StepSubmitted { call_ref, .. } => {
                if let Some(attempt) = state.attempts.last_mut() {
                    attempt.call_ref = Some(call_ref.clone());
                }
            }
            Event::StepCompleted { output, usage, .. } => {
                end_attempt(state, at, None, usage);
                state.completion = Some(Completion {
                    order: sequence,
                    output: Some(output.value.clone()),
                });
                state.output = Some(output.value.clone());
                state.error = None;
                end(state, StepLife::Completed, at);
            }
            Event::StepFailed {
                error,
                handled_by,
                output,
                usage,
                ..
            } => {
                end_attempt(state, at, Some(error), usage);
                state.error = Some(error.clone());
                state.output = output.as_ref().map(|output| output.value.clone());
                end(
                    state,
                    StepLife::Failed {
                        handled_by: handled_by.clone(),
                    },
                    at,
                );
            }
            Event::StepRetrying {
                next_retry_at,
                error,
                usage,
                ..
            } => {
                end_attempt(state, at, Some(error), usage);
                state.life = StepLife::Waiting(crate::event::Wait::BackOff { until: *next_retry_at });
            }
            Event::StepSkipped {
                reason,
                condition,
                decision,
                error,
                output,
                usage,
                ..
            } => {
                end_attempt(state, at, error.as_ref(), usage);
                state.error.clone_from(error);
                state.output = output.as_ref().map(|output| output.value.clone());
                state.condition = condition.clone().or(state.condition.take());
                state.decision.clone_from(decision);
                end(state, StepLife::Skipped { reason: *reason }, at);
            }
            Event::StepWaiting { wait, .. } => {
                use crate::event::Wait;
                match wait {
                    Wait::AgentBusy { .. } | Wait::Breaker { .. } => {
                        state.agent_wait_since.get_or_insert(at);
                    }
                    Wait::Child { .. } | Wait::Timer { .. } | Wait::BackOff { .. } => {}
                }
                state.life = StepLife::Waiting(wait.clone());
            }
            Event::StepWaitingApproval {
                approval_id, deadline, ..
            } => {
                state.life = StepLife::WaitingApproval {
                    approval_id: *approval_id,
                    deadline: *deadline,
                };
                state.approval_id = Some(*approval_id);
            }
            Event::StepCancelled { .. } => {
                end_attempt(state, at, None, &Usage::default());
                end(state, StepLife::Cancelled, at);
            }
            Event::StepInterrupted {
                compensation, in_order, ..
            } => {
                let attempts = match (compensation, &mut state.compensation) {
                    (true, Some(compensation)) => &mut compensation.attempts,
                    (true, None) | (false, _) => &mut state.attempts,
                };
                if let Some(attempt) = attempts.last_mut() {
                    attempt.interruptions += u32::from(!in_order);
                }
            }
            Event::StepReset {
                round,
                step_id,
                requested_by,
                output,
            } => {
                reset(state, *round, at);
                state.output = output.clone().or(state.output.take());
                state.reruns += u32::from(step_id == requested_by);
            }
            Event::StepReused {
                end, output, decision, ..
            } => {
                reuse(state, end, at);
                state.output.clone_from(output);
                state.decision.clone_from(decision);
                if *end == ReusedEnd::Completed {
                    state.completion = Some(Completion {
                        order: sequence,
                        output: output.clone(),
                    });
                }
            }
            Event::GatewayEvaluated { decision, .. } => state.decision = Some(decision.clone()),
            Event::ApprovalEscalated {
                deadline, approval_id, ..
            } => {
                state.life = StepLife::WaitingApproval {
                    approval_id: *approval_id,
                    deadline: Some(*deadline),
                };
            }
            Event::ChildStarted { child_execution_id, .. } => state.children.push(*child_execution_id),
            Event::CostRecorded { attempt, usage, .. } => {
                if let Some(attempt) = state.attempts.iter_mut().find(|known| known.number == *attempt) {
                    attempt.usage = usage.clone();
                }
            }
            _ => apply_to_compensation(state, event, at),
        }
    }

    /// Remembers the first failure that nothing handles: a failed step without handler, or the one whose handler turned
    /// out not to run (spec 3.2, rule 4).
    fn note_failure(&mut self, step: StepIndex, event: &Event) {
        let failed = match event {
            Event::StepFailed { handled_by: None, .. } => Some(step),
            Event::StepFailed {
                handled_by: Some(handler),
                ..
            } => {
                let handler = self.definition.position(handler);
                handler
                    .filter(|handler| self.is_unwilling_handler(*handler))
                    .map(|_| step)
            }
            Event::StepSkipped {
                reason: SkipReason::ConditionFalse,
                ..
            } => self.failures_for(step).first().copied(),
            _ => None,
        };
        let Some(failed) = failed else { return };
        let step_id = self.definition.step(failed).id.clone();
        if let Some(StepError { code, message }) = self.steps[failed].error.clone() {
            let error = ExecutionError {
                code,
                message,
                step_id: Some(step_id),
            };
            self.state.failure.get_or_insert(error);
        }
    }

    fn count_usage(&mut self, event: &Event) {
        let (usage, known_only) = match event {
            Event::CostRecorded { usage, .. } => (usage, true),
            Event::StepCompleted { step_id, usage, .. }
            | Event::StepFailed { step_id, usage, .. }
            | Event::StepRetrying { step_id, usage, .. }
            | Event::StepSkipped { step_id, usage, .. } => {
                let step = self.definition.position(step_id).map(|step| &self.steps[step]);
                let called = step
                    .and_then(StepState::open_attempt)
                    .is_some_and(|attempt| attempt.agent.is_some());
                (usage, !called)
            }
            Event::CompensationStepRetrying { step_id, usage, .. }
            | Event::CompensationCompleted { step_id, usage, .. }
            | Event::CompensationFailed { step_id, usage, .. } => {
                let step = self
                    .definition
                    .position(step_id)
                    .and_then(|step| self.steps[step].compensation.as_ref());
                let called = step.and_then(|compensation| compensation.attempts.last());
                (usage, called.is_none_or(|attempt| attempt.agent.is_none()))
            }
            Event::ChildCompleted { cost, .. } => {
                self.state.cost.add(Some(cost.amount));
                self.state.cost.complete &= cost.complete;
                return;
            }
            _ => return,
        };
        if usage.cost.is_some() || !known_only {
            self.state.cost.add(usage.cost);
        }
        if let Some(tokens) = &usage.token_usage {
            self.state.tokens.add(tokens);
        }
    }
}

/// Events of undoing a step. The rest says something about a step without changing it.
fn apply_to_compensation(state: &mut StepState, event: &Event, at: Timestamp) {
    match event {
        Event::CompensationStepStarted(start) => {
            let compensation = state.compensation.get_or_insert(CompensationState {
                life: CompensationLife::Running,
                attempts: Vec::new(),
            });
            compensation.life = CompensationLife::Running;
            begin(&mut compensation.attempts, start, 1, at);
        }
        Event::CompensationStepSubmitted { call_ref, .. } => {
            if let Some(attempt) = compensation_attempt(state) {
                attempt.call_ref = Some(call_ref.clone());
            }
        }
        Event::CompensationStepRetrying {
            next_retry_at,
            error,
            usage,
            ..
        } => {
            end_compensation(
                state,
                at,
                Some(error),
                usage,
                CompensationLife::BackOff { until: *next_retry_at },
            );
        }
        Event::CompensationCompleted { usage, .. } => {
            end_compensation(state, at, None, usage, CompensationLife::Completed);
        }
        Event::CompensationFailed { error, usage, .. } => {
            end_compensation(state, at, Some(error), usage, CompensationLife::Failed);
        }
        _ => {}
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
            StepLife::Failed {
                handled_by: Some(handled_by.clone()),
            }
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
