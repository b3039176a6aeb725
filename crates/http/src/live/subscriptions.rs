//! What a WebSocket wants to hear, and what of it has been told already.

use procession_application::ports::StoredEvent;
use procession_domain::value::{ExecutionId, ProcessId};

/// What a subscription is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Everything that the client may see.
    All,
    /// One execution.
    Execution(ExecutionId),
    /// All executions of one version of a process.
    Process(ProcessId),
}

/// The subscriptions of a client. One that never subscribes hears everything (spec 4b 14.1).
#[derive(Debug, Clone, Default)]
pub(super) struct Subscriptions {
    entries: Vec<Entry>,
    /// Whether the one entry is what every client has before it first subscribes.
    is_unasked: bool,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    scope: Scope,
    /// Everything in its scope behind this event has been told, or will be told live.
    from: u64,
}

/// How many subscriptions a client may have.
const MOST: usize = 200;

impl Scope {
    pub fn holds(self, event: &StoredEvent) -> bool {
        match self {
            Self::All => true,
            Self::Execution(id) => event.execution_id == id,
            Self::Process(id) => event.process_id() == id,
        }
    }

    /// The execution to which reading the store can be limited.
    pub const fn execution(self) -> Option<ExecutionId> {
        match self {
            Self::Execution(id) => Some(id),
            Self::All | Self::Process(_) => None,
        }
    }
}

impl Subscriptions {
    /// Those of a client that has just come: everything behind `position`.
    pub fn unasked(position: u64) -> Self {
        Self { entries: vec![Entry { scope: Scope::All, from: position }], is_unasked: true }
    }

    /// Whether an event that happens now is wanted.
    pub fn want(&self, event: &StoredEvent) -> bool {
        self.entries.iter().any(|entry| entry.scope.holds(event))
    }

    /// Whether an event of the past has been told.
    pub fn have_told(&self, event: &StoredEvent) -> bool {
        self.entries.iter().any(|entry| event.id > entry.from && entry.scope.holds(event))
    }

    /// Adds a subscription that is complete behind `from`; `false` if there are too many.
    pub fn add(&mut self, scope: Scope, from: u64) -> bool {
        if std::mem::take(&mut self.is_unasked) {
            self.entries.clear();
        }
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.scope == scope) {
            entry.from = entry.from.min(from);
            return true;
        }
        let has_room = self.entries.len() < MOST;
        if has_room {
            self.entries.push(Entry { scope, from });
        }
        has_room
    }

    pub fn remove(&mut self, scope: Scope) {
        if !self.is_unasked {
            self.entries.retain(|entry| entry.scope != scope);
        }
    }
}
