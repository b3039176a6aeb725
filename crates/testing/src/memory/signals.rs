//! Signals from outside: commands of people, checked against the committed state (spec 3.7).

use procession_domain::{
    execution::Signal,
    value::{ExecutionId, Timestamp},
};

use super::MemoryStore;
use procession_application::ports::{InboxRow, SignalError};

impl MemoryStore {
    pub(super) fn signal_now(&self, to: ExecutionId, signal: Signal, now: Timestamp) -> Result<(), SignalError> {
        let mut tables = self.tables();
        let number = tables.last_signal + 1;
        let stored = tables.executions.get_mut(&to).ok_or(SignalError::Unknown)?;
        stored.standing.phase.check(stored.standing.status, &signal)?;
        if stored.is_ended() {
            // It is no command of a person, and nobody will read it.
            return Ok(());
        }
        let waits = |row: &InboxRow| row.signal.name() == signal.name();
        if signal.is_command() && stored.inbox.iter().any(waits) {
            return Err(SignalError::Waiting);
        }
        stored.inbox.push(InboxRow { number, signal });
        stored.call_attention(now);
        tables.last_signal = number;
        Ok(())
    }
}
