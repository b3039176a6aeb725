//! Writes that are rare, or that a few statements of their own decide.

use procession_application::ports::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{audited::Audited, batch::EventNumbers};
use crate::error::Failure;

/// A write that runs its own statements within a transaction that it shares with others.
///
/// A refusal is part of the outcome, and leaves nothing written. A failure undoes the transaction; the write may then be
/// applied again, alone.
pub(crate) trait Change: Send + 'static {
    /// What it answers.
    type Outcome: Send + 'static;

    /// Decides and writes.
    fn apply(&self, connection: &Connection) -> Result<Self::Outcome, Failure>;

    /// The same for one that writes events, which takes their numbers.
    fn apply_numbered(&self, connection: &Connection, _numbers: &mut EventNumbers) -> Result<Self::Outcome, Failure> {
        self.apply(connection)
    }

    /// Whether it has written something, and was not refused: only then the audit trail says that it is done.
    fn is_done(outcome: &Self::Outcome) -> bool;
}

/// A change of any kind, with who waits for it.
pub(super) trait PendingChange: Send {
    /// Applies it, and keeps the outcome until the transaction has committed.
    fn attempt(&mut self, connection: &Connection, numbers: &mut EventNumbers) -> Result<(), Failure>;

    /// Answers with the outcome, or with the failure of the transaction.
    fn answer(self: Box<Self>, result: Result<(), StoreError>);
}

pub(super) struct PendingChangeOf<C: Change> {
    change: C,
    audited: Audited,
    outcome: Option<C::Outcome>,
    reply: oneshot::Sender<Result<C::Outcome, StoreError>>,
}

impl<C: Change> PendingChangeOf<C> {
    pub fn new(change: C, reply: oneshot::Sender<Result<C::Outcome, StoreError>>) -> Self {
        Self { change, audited: Audited::current(), outcome: None, reply }
    }
}

impl<C: Change> PendingChange for PendingChangeOf<C> {
    fn attempt(&mut self, connection: &Connection, numbers: &mut EventNumbers) -> Result<(), Failure> {
        let outcome = self.change.apply_numbered(connection, numbers)?;
        self.audited.append_if(C::is_done(&outcome), connection)?;
        self.outcome = Some(outcome);
        Ok(())
    }

    fn answer(self: Box<Self>, result: Result<(), StoreError>) {
        let Self { outcome, reply, audited, .. } = *self;
        if result.is_ok() {
            audited.committed();
        }
        let not_applied = || StoreError::Unavailable("the write was not carried out".to_owned());
        // Whoever does not wait any more does not need the answer.
        let _ = reply.send(result.and_then(|()| outcome.ok_or_else(not_applied)));
    }
}
