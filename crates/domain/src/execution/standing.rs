//! What lists, limits and commands know of an execution without its steps.

use super::{CommandError, Execution, ExecutionStatus, Life, Signal};
use crate::{
    event::PauseReason,
    value::{Cost, Timestamp},
};

/// How an execution stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// The number of its last event.
    pub sequence: u64,
    /// The time of its last event.
    pub updated_at: Timestamp,
    /// Its status.
    pub status: ExecutionStatus,
    /// What its status does not tell.
    pub phase: Phase,
    /// When it began to run.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// What it cost so far.
    pub cost: Cost,
}

/// What the status of an execution does not tell, and commands depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It does what its status says.
    Plain,
    /// An operator paused it; it does not only wait for people.
    Held,
    /// It rolls back.
    RollingBack,
}

impl Phase {
    /// Whether a command of a person fits an execution of this status (spec 3.7). What comes from inside always fits.
    pub fn check(self, status: ExecutionStatus, signal: &Signal) -> Result<(), CommandError> {
        let command = signal.name();
        if !signal.is_command() {
            return Ok(());
        }
        let (pauses, resumes) = (matches!(signal, Signal::Pause { .. }), matches!(signal, Signal::Resume { .. }));
        match (status, self) {
            (ExecutionStatus::Completed | ExecutionStatus::Failed | ExecutionStatus::Cancelled, _) => {
                Err(CommandError::Ended { command, status })
            }
            (_, Self::RollingBack) => Err(CommandError::RollingBack { command }),
            (ExecutionStatus::Pending, _) if pauses || resumes => Err(CommandError::NotStarted { command }),
            (ExecutionStatus::Running | ExecutionStatus::Paused, Self::Held) if pauses => {
                Err(CommandError::AlreadyPaused)
            }
            (ExecutionStatus::Running | ExecutionStatus::Paused, Self::Plain) if resumes => {
                Err(CommandError::NotPaused)
            }
            (ExecutionStatus::Pending | ExecutionStatus::Running | ExecutionStatus::Paused, _) => Ok(()),
        }
    }
}

impl Execution {
    /// How it stands.
    pub const fn standing(&self) -> Standing {
        let state = &self.state;
        Standing {
            sequence: state.sequence,
            updated_at: state.updated_at,
            status: state.life.status(),
            phase: match state.life {
                Life::Compensating(_) => Phase::RollingBack,
                Life::Paused(PauseReason::Operator { .. }) => Phase::Held,
                _ => Phase::Plain,
            },
            started_at: state.started_at,
            completed_at: state.completed_at,
            cost: state.cost,
        }
    }

    /// Whether a command of a person fits now (spec 3.7).
    pub fn check_command(&self, signal: &Signal) -> Result<(), CommandError> {
        let standing = self.standing();
        standing.phase.check(standing.status, signal)
    }
}
