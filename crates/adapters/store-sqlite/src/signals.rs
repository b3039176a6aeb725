//! Signals from outside: commands of people, checked against the committed state (spec 3.7).

use procession_application::ports::SignalError;
use procession_domain::{
    execution::Signal,
    value::{ExecutionId, Timestamp},
};
use rusqlite::{Connection, OptionalExtension};

use crate::{
    codec::{phase_of, status_of},
    error::Failure,
    writer::{Change, put_signal},
};

/// A signal for one execution.
pub(crate) struct Send {
    pub to: ExecutionId,
    pub signal: Signal,
    pub now: Timestamp,
}

impl Change for Send {
    type Outcome = Result<(), SignalError>;

    fn apply(&self, connection: &Connection) -> Result<Self::Outcome, Failure> {
        const LOOK: &str = "
            SELECT key, status, phase,
                   EXISTS (SELECT 1 FROM execution_inbox WHERE execution = key AND kind = ?2)
            FROM process_executions
            WHERE id = ?1";
        let asked = (self.to.uuid().into_bytes(), self.signal.name());
        let mut look = connection.prepare_cached(LOOK)?;
        let found = look.query_row(asked, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
        let Some((key, status, phase, waits)) = found.optional()? else {
            return Ok(Err(SignalError::Unknown));
        };
        let status = status_of(status)?;
        if let Err(error) = phase_of(phase)?.check(status, &self.signal) {
            return Ok(Err(error.into()));
        }
        if status.is_ended() {
            // It is no command of a person, and nobody will read it.
            return Ok(Ok(()));
        }
        if self.signal.is_command() && waits {
            return Ok(Err(SignalError::Waiting));
        }
        put_signal(key, &self.signal, self.now, connection)?;
        Ok(Ok(()))
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        outcome.is_ok()
    }
}
