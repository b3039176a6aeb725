//! The runs in memory: at most one of each execution. Whatever is for an execution goes to its run, or begins one.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use procession_domain::value::ExecutionId;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::runner::Message;

/// All runs in memory.
#[derive(Default)]
pub(super) struct Runs {
    live: Mutex<HashMap<ExecutionId, Live>>,
    numbers: AtomicU64,
}

/// An execution in memory.
struct Live {
    /// Tells this run from a later one of the same execution.
    number: u64,
    mailbox: UnboundedSender<Message>,
}

/// A run's place among those in memory; dropping it gives the place back.
pub(super) struct Registration {
    runs: Arc<Runs>,
    id: ExecutionId,
    number: u64,
}

/// What comes of wanting to run an execution.
pub(super) enum Entry {
    /// Nobody runs it: this is the new run's place and mailbox.
    New(Registration, UnboundedSender<Message>, UnboundedReceiver<Message>),
    /// It runs already.
    Live(UnboundedSender<Message>),
}

impl Runs {
    /// Enters an execution, unless it is in memory already.
    pub fn enter(self: &Arc<Self>, id: ExecutionId) -> Entry {
        let mut live = self.lock();
        if let Some(known) = live.get(&id) {
            return Entry::Live(known.mailbox.clone());
        }
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let (sender, mailbox) = unbounded_channel();
        live.insert(id, Live { number, mailbox: sender.clone() });
        Entry::New(Registration { runs: Arc::clone(self), id, number }, sender, mailbox)
    }

    /// Gives a message to an execution's run; gives it back if there is none.
    pub fn send(&self, id: ExecutionId, message: Message) -> Result<(), Box<Message>> {
        // While the lock is held no run leaves, so that whatever is sent is looked at.
        match self.lock().get(&id) {
            Some(live) => live.mailbox.send(message).map_err(|error| Box::new(error.0)),
            None => Err(Box::new(message)),
        }
    }

    /// Whether an execution is in memory.
    pub fn contains(&self, id: ExecutionId) -> bool {
        self.lock().contains_key(&id)
    }

    /// How many executions are in memory.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Gives every run a message.
    pub fn tell_all(&self, message: impl Fn() -> Message) {
        for live in self.lock().values() {
            let _ = live.mailbox.send(message());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ExecutionId, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registration {
    /// Leaves, unless something has come into the mailbox, which is then handed out: the run has to go on.
    pub fn leave_unless(&self, mailbox: &mut UnboundedReceiver<Message>) -> Option<Message> {
        let mut live = self.runs.lock();
        if let Ok(message) = mailbox.try_recv() {
            return Some(message);
        }
        self.remove(&mut live);
        None
    }

    fn remove(&self, live: &mut HashMap<ExecutionId, Live>) {
        if live.get(&self.id).is_some_and(|live| live.number == self.number) {
            live.remove(&self.id);
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.remove(&mut self.runs.lock());
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> ExecutionId {
        ExecutionId::new(Uuid::from_u128(number))
    }

    #[test]
    fn an_execution_is_run_once_and_again_when_its_run_has_left() {
        let runs = Arc::new(Runs::default());
        let Entry::New(registration, _, mut mailbox) = runs.enter(id(1)) else { panic!("nobody runs it") };
        assert!(matches!(runs.enter(id(1)), Entry::Live(_)));
        assert!(matches!(runs.enter(id(2)), Entry::New(..)), "another one");
        assert!(registration.leave_unless(&mut mailbox).is_none());
        assert!(matches!(runs.enter(id(1)), Entry::New(..)));
    }

    #[test]
    fn what_was_sent_to_a_run_keeps_it_from_leaving() {
        let runs = Arc::new(Runs::default());
        let Entry::New(registration, _, mut mailbox) = runs.enter(id(1)) else { panic!("nobody runs it") };
        assert!(runs.send(id(1), Message::Nudge).is_ok());
        assert!(registration.leave_unless(&mut mailbox).is_some());
        assert!(registration.leave_unless(&mut mailbox).is_none());
        assert!(runs.send(id(1), Message::Nudge).is_err(), "it has left");
    }

    #[test]
    fn a_run_that_is_gone_takes_nothing_from_the_next_one() {
        let runs = Arc::new(Runs::default());
        let Entry::New(first, _, mut mailbox) = runs.enter(id(1)) else { panic!("nobody runs it") };
        assert!(first.leave_unless(&mut mailbox).is_none());
        let Entry::New(_second, ..) = runs.enter(id(1)) else { panic!("nobody runs it") };
        drop(first);
        assert!(runs.contains(id(1)));
    }
}
