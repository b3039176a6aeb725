//! The entry of the audit trail that is written in the transaction of a change.

use procession_application::audit::AuditNote;
use rusqlite::Connection;

use crate::{audit, error::Failure};

/// The note of the change for whose sake something is written, if it is written for one.
pub(super) struct Audited {
    note: Option<AuditNote>,
    /// Whether the transaction under way has the entry.
    is_appended: bool,
}

impl Audited {
    /// For the change that the calling task carries through.
    pub fn current() -> Self {
        Self { note: AuditNote::current(), is_appended: false }
    }

    /// Appends the entry if something was done, unless an earlier write of the same change has appended it.
    pub fn append_if(&mut self, is_done: bool, connection: &Connection) -> Result<(), Failure> {
        let entry = self.note.as_ref().filter(|_| is_done).and_then(AuditNote::unwritten);
        self.is_appended = entry.is_some();
        entry.map_or(Ok(()), |entry| audit::append(&entry, connection))
    }

    /// The transaction has committed.
    pub fn committed(&self) {
        if let Some(note) = self.note.as_ref().filter(|_| self.is_appended) {
            note.mark_written();
        }
    }
}
