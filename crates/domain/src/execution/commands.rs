//! What comes in from outside: commands of people (spec 3.7), decisions, ends of children.

use serde::{Deserialize, Serialize};

use super::{
    boundary::{CallId, Command, Recovery},
    failure::cancellation,
    state::{ExecutionStatus, Life, StepLife},
    turn::Turn,
};
use crate::{
    definition::StepIndex,
    event::{AttemptEvent, Decision, Event, ExecutionError, PauseReason, ProcessEvent, RollBackCause, Verdict},
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
    #[error("the execution is already paused")]
    AlreadyPaused,
    /// It is not paused, or only waits for people.
    #[error("the execution is not paused by an operator; if it waits for people, decide the open approvals")]
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

impl Turn<'_, '_> {
    /// Takes one command; one that fits nothing any more is dropped and counted.
    pub fn obey(&mut self, command: &Command) {
        let taken = match command {
            Command::Start => self.begin(),
            Command::GiveUp(error) => self.give_up(error.clone()),
            Command::Signal(signal) => self.take_signal(signal.clone()),
            Command::ChildEnded(end) => self.child_ended(end),
            Command::Interrupted { calls, in_order } => self.interrupt(calls, *in_order),
            Command::Submitted { call, call_ref } => self.submitted(call, call_ref.clone()),
            Command::Finished { call, reply } => {
                self.with_open_call(call, |turn, step| turn.finish_call(step, call.direction, reply))
            }
            Command::Failed { call, failure } => {
                self.with_open_call(call, |turn, step| turn.fail_attempt(step, call.direction, failure.clone()))
            }
            Command::Refused { call, refusal } => {
                self.with_open_call(call, |turn, step| turn.refused(step, call.direction, refusal.clone()))
            }
            Command::Recovered { call, recovery } => self.with_open_call(call, |turn, step| match recovery {
                Recovery::Running => {}
                Recovery::Unknown => {
                    turn.start_attempt(step, call.direction);
                }
            }),
            Command::LateCost { call, usage } => self.record_late_cost(call, usage.clone()),
            Command::SlotFree { step_id } => self.slot_is_free(step_id),
        };
        self.transition.dropped += u32::from(!taken);
    }

    /// Ends at once, without rolling back: whoever runs the execution can't go on with it.
    fn give_up(&mut self, error: ExecutionError) -> bool {
        if self.execution.status().is_ended() {
            return false;
        }
        self.stop(RollBackCause::Failure(error), false);
        true
    }

    /// Begins to run.
    fn begin(&mut self) -> bool {
        if self.execution.state.life != Life::Pending {
            return false;
        }
        let timeout = self.execution.definition.config().timeout;
        let deadline = timeout.map(|timeout| self.now().saturating_add(timeout));
        self.emit(Event::Process(ProcessEvent::Started { deadline }));
        true
    }

    fn take_signal(&mut self, signal: Signal) -> bool {
        if self.execution.check_command(&signal).is_err() {
            return false;
        }
        match signal {
            Signal::Cancel { by, reason, compensate } => {
                let cause = RollBackCause::Cancel(cancellation(&by, reason.as_ref()));
                self.stop(cause, compensate);
                true
            }
            Signal::Pause { by } => {
                self.emit(Event::Process(ProcessEvent::Paused(PauseReason::Operator { by })));
                true
            }
            Signal::Resume { by } => {
                self.emit(Event::Process(ProcessEvent::Resumed { by: Some(by) }));
                true
            }
            Signal::ApprovalVoted { approval_id, by, decision, comment } => {
                self.approval_voted(approval_id, by, decision, comment)
            }
            Signal::ApprovalSettled { approval_id, verdict } => self.approval_settled(approval_id, verdict),
            Signal::ApprovalDelegated { approval_id, from, to, comment } => {
                self.approval_delegated(approval_id, from, to, comment)
            }
            Signal::BudgetSpent => self.budget_is_spent(),
            Signal::BudgetRaised => self.budget_raised(),
            // The engine looks the child up and gives a command that says how it ended.
            Signal::ChildEnded { .. } => false,
        }
    }

    fn submitted(&mut self, call: &CallId, call_ref: String) -> bool {
        let submitted = AttemptEvent::Submitted { attempt: call.attempt, call_ref };
        self.with_open_call(call, |turn, step| turn.emit(turn.attempt_event(step, call.direction, submitted)))
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

    /// Does something with the step of a call, if that call is still in flight.
    pub fn with_open_call(&mut self, call: &CallId, act: impl FnOnce(&mut Self, StepIndex)) -> bool {
        let Some(step) = self.execution.open_call(call) else {
            return false;
        };
        self.execution.index.recovering.remove(&step);
        act(self, step);
        true
    }
}
