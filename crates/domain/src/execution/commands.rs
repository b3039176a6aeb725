//! What comes in from outside: commands of people (spec 3.7), decisions, ends of children.

use serde::{Deserialize, Serialize};

use super::{
    Execution,
    boundary::{Command, Effect, Recovery},
    failure::cancellation,
    state::{ExecutionStatus, Life, StepLife},
    turn::Turn,
};
use crate::{
    definition::StepIndex,
    event::{Decision, Event, PauseReason, RollBackCause, Verdict},
    value::{ApprovalId, ExecutionId},
};

/// A message in an execution's inbox (architecture: signals are rows).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "signal", rename_all = "snake_case")]
pub enum Signal {
    /// End it.
    Cancel {
        /// Who asks.
        by: String,
        /// Why.
        #[serde(default)]
        reason: Option<String>,
        /// Whether completed steps are undone first.
        #[serde(default)]
        compensate: bool,
    },
    /// Start nothing new.
    Pause {
        /// Who asks.
        by: String,
    },
    /// Go on after a pause.
    Resume {
        /// Who asks.
        by: String,
    },
    /// A person voted, and the request is still open.
    ApprovalVoted {
        /// The request.
        approval_id: ApprovalId,
        /// Who.
        by: String,
        /// How.
        decision: Decision,
        /// What was said.
        #[serde(default)]
        comment: Option<String>,
    },
    /// A request was settled.
    ApprovalSettled {
        /// The request.
        approval_id: ApprovalId,
        /// How.
        verdict: Verdict,
    },
    /// An assignee passed a request on.
    ApprovalDelegated {
        /// The request.
        approval_id: ApprovalId,
        /// Who passed it on.
        from: String,
        /// To whom.
        to: String,
        /// What was said.
        #[serde(default)]
        comment: Option<String>,
    },
    /// A child can't go on since the tree's budget is spent.
    BudgetSpent,
    /// The tree's budget was raised.
    BudgetRaised,
    /// A child has ended.
    ChildEnded {
        /// The child.
        execution_id: ExecutionId,
    },
}

/// Why a command does not fit an execution's state; the API answers 409.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// It has ended.
    #[error("Cannot {command} execution in status: {}", .status.as_str())]
    Ended {
        /// What was asked.
        command: &'static str,
        /// Its status.
        status: ExecutionStatus,
    },
    /// It rolls back.
    #[error("Cannot {command} execution while it rolls back; wait until it has ended")]
    RollingBack {
        /// What was asked.
        command: &'static str,
    },
    /// It has not begun.
    #[error("Cannot {command} execution in status: pending")]
    NotStarted {
        /// What was asked.
        command: &'static str,
    },
    /// An operator has paused it already.
    #[error("The execution is paused already")]
    AlreadyPaused,
    /// It is not paused, or only waits for people.
    #[error("The execution is not paused by an operator; if it waits for people, decide the open approvals")]
    NotPaused,
}

impl Signal {
    /// The command's name for people: what the API reports as pending.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Cancel { .. } => "cancel",
            Self::Pause { .. } => "pause",
            Self::Resume { .. } => "resume",
            Self::ApprovalVoted { .. } => "approval_voted",
            Self::ApprovalSettled { .. } => "approval_settled",
            Self::ApprovalDelegated { .. } => "approval_delegated",
            Self::BudgetSpent => "budget_spent",
            Self::BudgetRaised => "budget_raised",
            Self::ChildEnded { .. } => "child_ended",
        }
    }

    /// Whether it is a command of a person, which has to fit the execution's state (spec 3.7).
    pub const fn is_command(&self) -> bool {
        match self {
            Self::Cancel { .. } | Self::Pause { .. } | Self::Resume { .. } => true,
            Self::ApprovalVoted { .. }
            | Self::ApprovalSettled { .. }
            | Self::ApprovalDelegated { .. }
            | Self::BudgetSpent
            | Self::BudgetRaised
            | Self::ChildEnded { .. } => false,
        }
    }
}

impl Life {
    /// Whether a command of a person fits this point of a life (spec 3.7). What comes from inside always fits.
    pub fn check(&self, signal: &Signal) -> Result<(), CommandError> {
        let command = signal.name();
        if !signal.is_command() {
            return Ok(());
        }
        match (self, signal) {
            (Self::Completed { .. } | Self::Failed(_) | Self::Cancelled(_), _) => {
                Err(CommandError::Ended { command, status: self.status() })
            }
            (Self::Compensating(_), _) => Err(CommandError::RollingBack { command }),
            (Self::Pending, Signal::Pause { .. } | Signal::Resume { .. }) => Err(CommandError::NotStarted { command }),
            (Self::Paused(PauseReason::Operator { .. }), Signal::Pause { .. }) => Err(CommandError::AlreadyPaused),
            (Self::Running | Self::Paused(PauseReason::People), Signal::Resume { .. }) => Err(CommandError::NotPaused),
            (Self::Pending | Self::Running | Self::Paused(_), _) => Ok(()),
        }
    }
}

impl Turn<'_, '_> {
    /// Takes one command; one that fits nothing any more is dropped and counted.
    pub fn obey(&mut self, command: Command) {
        let taken = match command {
            Command::Start => self.begin(),
            Command::Signal(signal) => self.take_signal(signal),
            Command::ChildEnded(end) => self.child_ended(&end),
            Command::Interrupted { in_order } => self.interrupt(in_order),
            Command::Submitted { call, call_ref } => self.submitted(&call, call_ref),
            Command::Finished { call, reply } => self.with_open_call(&call, |turn, step| {
                if call.compensation {
                    turn.finish_compensation(step, reply);
                } else {
                    turn.finish_call(step, reply);
                }
            }),
            Command::Failed { call, error, usage, retry_after } => self.with_open_call(&call, |turn, step| {
                if call.compensation {
                    turn.fail_compensation(step, error, usage, retry_after);
                } else {
                    turn.fail_attempt(step, error, usage, retry_after);
                }
            }),
            Command::Busy { call, retry_after } => self.with_open_call(&call, |turn, step| {
                if call.compensation {
                    turn.delay_compensation(step, retry_after);
                } else {
                    turn.wait_for_busy_agent(step, retry_after);
                }
            }),
            Command::Recovered { call, recovery } => {
                self.with_open_call(&call, |turn, step| match (recovery, call.compensation) {
                    (Recovery::Running, _) => {}
                    (Recovery::Unknown, true) => turn.send_compensation_again(step),
                    (Recovery::Unknown, false) => turn.send_again(step),
                })
            }
            Command::LateCost { call, usage } => self.record_late_cost(&call, usage),
            Command::SlotFree { step_id } => self.slot_is_free(&step_id),
        };
        self.transition.dropped += u32::from(!taken);
    }

    /// Begins to run.
    fn begin(&mut self) -> bool {
        if self.execution.state.life != Life::Pending {
            return false;
        }
        let timeout = self.execution.definition.config().timeout;
        let deadline = timeout.map(|timeout| self.now().saturating_add(timeout));
        self.emit(Event::ProcessStarted { deadline });
        true
    }

    fn take_signal(&mut self, signal: Signal) -> bool {
        if self.execution.state.life.check(&signal).is_err() {
            return false;
        }
        match signal {
            Signal::Cancel { by, reason, compensate } => {
                let cause = RollBackCause::Cancel(cancellation(&by, reason.as_ref()));
                self.stop(cause, compensate);
                true
            }
            Signal::Pause { by } => {
                self.emit(Event::ProcessPaused(PauseReason::Operator { by }));
                true
            }
            Signal::Resume { by } => {
                self.emit(Event::ProcessResumed { by: Some(by) });
                true
            }
            Signal::ApprovalVoted { approval_id, by, decision, comment } => {
                self.approval_voted(approval_id, by, decision, comment)
            }
            Signal::ApprovalSettled { approval_id, verdict } => self.approval_settled(approval_id, verdict),
            Signal::ApprovalDelegated { approval_id, from, to, comment } => {
                self.approval_delegated(approval_id, from, to, comment)
            }
            Signal::BudgetSpent => {
                self.ask_to_go_on();
                true
            }
            Signal::BudgetRaised => self.budget_raised(),
            // The engine looks the child up and gives a command that says how it ended.
            Signal::ChildEnded { .. } => false,
        }
    }

    fn submitted(&mut self, call: &super::CallId, call_ref: String) -> bool {
        let (step_id, attempt, compensation) = (call.step_id.clone(), call.attempt, call.compensation);
        self.with_open_call(call, |turn, _| {
            turn.emit(if compensation {
                Event::CompensationStepSubmitted { step_id, attempt, call_ref }
            } else {
                Event::StepSubmitted { step_id, attempt, call_ref }
            });
        })
    }

    fn slot_is_free(&mut self, step_id: &str) -> bool {
        let Some(step) = self.execution.definition.position(step_id) else {
            return false;
        };
        if !self.execution.index.queued.remove(&step) {
            return false;
        }
        // A compensation that waited for the slot is found by the roll-back itself.
        if !matches!(self.state(step).life, StepLife::Completed) {
            self.resume_attempt(step);
        }
        true
    }

    fn record_late_cost(&mut self, call: &super::CallId, usage: crate::event::Usage) -> bool {
        let Some(step) = self.execution.definition.position(&call.step_id) else {
            return false;
        };
        let known = |attempt: &super::Attempt| attempt.number == call.attempt && attempt.usage.cost.is_none();
        if call.compensation || !self.state(step).attempts.iter().any(known) {
            return false;
        }
        self.emit(Event::CostRecorded { step_id: call.step_id.clone(), attempt: call.attempt, usage });
        true
    }

    /// Does something with the step of a call, if that call is still in flight.
    fn with_open_call(&mut self, call: &super::CallId, act: impl FnOnce(&mut Self, StepIndex)) -> bool {
        let Some(step) = self.execution.open_call(call) else {
            return false;
        };
        self.execution.index.recovering.remove(&step);
        act(self, step);
        true
    }
}

impl Execution {
    /// Whether a command of a person fits now (spec 3.7).
    pub fn check_command(&self, signal: &Signal) -> Result<(), CommandError> {
        self.state.life.check(signal)
    }
}

impl Turn<'_, '_> {
    /// Asks the gateway what became of the calls that were in flight (spec 3.8), before their time-outs are looked at.
    pub fn recover_call(&mut self, step: StepIndex, effect: Effect) {
        self.execution.index.recovering.insert(step);
        self.transition.effects.push(effect);
    }
}
