//! What people tell executions (spec 3.7). A command is written at once; the answer waits a little for its effect.

use std::time::Duration as StdDuration;

use procession_domain::{
    event::{Event, PauseReason, ProcessEvent},
    execution::{ExecutionStatus, Life, Signal},
    value::ExecutionId,
};

use super::{ExecutionFailure, Executions, VisibleExecution};
use crate::{
    access::{Principal, UseCase},
    ports::SignalError,
};

/// How long a command waits for the run loop before it answers "pending".
const COMMAND_WAIT: StdDuration = StdDuration::from_secs(5);

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// End it: what runs is ended, what waits does not start.
    Cancel {
        /// Why.
        reason: Option<String>,
        /// Whether completed steps are undone first.
        compensate: bool,
    },
    /// Let what runs go on to its end, and start nothing new.
    Pause,
    /// Let a paused execution go on.
    Resume,
}

/// A command's result.
#[derive(Debug, Clone)]
pub struct CommandOutcome {
    /// The execution as it is now.
    pub execution: VisibleExecution,
    /// The command, if it has not been carried out yet.
    pub pending: Option<&'static str>,
}

impl Command {
    const fn use_case(&self) -> UseCase {
        match self {
            Self::Cancel { .. } => UseCase::CancelExecution,
            Self::Pause => UseCase::PauseExecution,
            Self::Resume => UseCase::ResumeExecution,
        }
    }

    fn signal(self, by: &Principal) -> Signal {
        let by = by.name().to_owned();
        match self {
            Self::Cancel { reason, compensate } => Signal::Cancel { by, reason, compensate },
            Self::Pause => Signal::Pause { by },
            Self::Resume => Signal::Resume { by },
        }
    }
}

impl Executions {
    /// Has a command of a person carried out.
    pub async fn command(
        &self,
        by: &Principal,
        id: ExecutionId,
        command: Command,
    ) -> Result<CommandOutcome, ExecutionFailure> {
        let mut feed = self.ports.feed.subscribe();
        let signal = self.tell(by, id, command).await?;
        let effect = async {
            loop {
                match feed.recv().await {
                    Ok(events) => {
                        let mut events = events.iter().filter(|event| event.execution_id == id);
                        if events.any(|event| shows_effect(&signal, event.event())) {
                            return;
                        }
                    }
                    Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {
                        if self.load(id).await.is_ok_and(|execution| is_carried_out(&signal, &execution.state().life)) {
                            return;
                        }
                    }
                    Err(tokio::sync::broadcast::error::RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        let _ = tokio::time::timeout(COMMAND_WAIT, effect).await;
        let execution = self.in_sight(by, id).await?;
        let pending = (!is_carried_out(&signal, &execution.state().life)).then_some(signal.name());
        Ok(CommandOutcome { execution, pending })
    }

    /// Writes a command, and does not wait for its effect. What was written.
    pub(crate) async fn tell(
        &self,
        by: &Principal,
        id: ExecutionId,
        command: Command,
    ) -> Result<Signal, ExecutionFailure> {
        let use_case = command.use_case();
        let signal = command.signal(by);
        let (this, principal) = (self.clone(), by.clone());
        let write = async move {
            this.in_sight_to_change(&principal, id).await?;
            this.ports.executions.signal(id, signal.clone(), this.ports.clock.now()).await?;
            this.engine.nudge(id);
            Ok::<_, ExecutionFailure>(signal)
        };
        self.door.change(by, use_case, write).await
    }

    /// Dismisses a failure that someone has looked at, or takes that back.
    pub async fn dismiss(
        &self,
        by: &Principal,
        id: ExecutionId,
        is_dismissed: bool,
    ) -> Result<VisibleExecution, ExecutionFailure> {
        let (this, principal) = (self.clone(), by.clone());
        let dismiss = async move {
            let execution = this.in_sight_to_change(&principal, id).await?;
            if execution.status() != ExecutionStatus::Failed {
                return Err(ExecutionFailure::NotFailed(execution.status()));
            }
            let at = is_dismissed.then(|| this.ports.clock.now());
            this.ports.queries.dismiss(id, at).await?;
            Ok(execution)
        };
        self.door.change(by, UseCase::DismissExecution, dismiss).await
    }
}

impl From<SignalError> for ExecutionFailure {
    fn from(error: SignalError) -> Self {
        match error {
            SignalError::Unknown => Self::NotFound,
            SignalError::Refused(refused) => Self::Refused(refused),
            SignalError::Waiting => Self::Waiting,
            SignalError::Store(error) => Self::Store(error),
        }
    }
}

/// Whether an event shows that a command was carried out, or can't be any more.
const fn shows_effect(signal: &Signal, event: &Event) -> bool {
    let Event::Process(event) = event else { return false };
    let ended = matches!(
        event,
        ProcessEvent::Completed { .. }
            | ProcessEvent::Failed { .. }
            | ProcessEvent::Cancelled(_)
            | ProcessEvent::RollBackStarted { .. }
    );
    match signal {
        Signal::Pause { .. } => ended || matches!(event, ProcessEvent::Paused(_)),
        Signal::Resume { .. } => ended || matches!(event, ProcessEvent::Resumed { .. }),
        _ => ended,
    }
}

/// Whether a command has had its effect, or can have none any more.
const fn is_carried_out(signal: &Signal, life: &Life) -> bool {
    let ended = matches!(life, Life::Completed { .. } | Life::Failed(_) | Life::Cancelled(_) | Life::Compensating(_));
    ended
        || match signal {
            Signal::Pause { .. } => matches!(life, Life::Paused(PauseReason::Operator { .. })),
            Signal::Resume { .. } => matches!(life, Life::Running | Life::Paused(PauseReason::People)),
            _ => false,
        }
}
