//! One execution in memory: its mailbox, loading it, and when it leaves. What a turn does is in `turn`.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use procession_domain::{
    execution::{CallId, Command, Execution, Ledger, Life},
    value::{Duration, ExecutionId, StepId, Timestamp},
};
use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender},
    oneshot,
};
use tokio_util::sync::DropGuard;

use super::{
    Inner, Runnable,
    health::Part,
    queues::SlotGuard,
    runs::{Entry, Registration},
    values::RunValues,
};
use crate::ports::{ClaimKind, InboxRow, Lease, StoreError};

/// How long an execution stays in memory for a child that may end soon. Loading it anew takes the longer the more steps it
/// has, so that without this a long chain of quick sub-processes would take the square of its length.
pub(super) const LINGER: Duration = Duration::from_millis(250);

/// What comes into a run's mailbox.
pub(super) enum Message {
    /// Something may have come into the inbox.
    Nudge,
    /// Something for the execution's next turn. Boxed, since every mailbox has room for many messages of the largest kind.
    Command(Box<Told>),
    /// A place at an agent is free for a step; without a guard, it should ask again.
    SlotFree { step_id: StepId, guard: Option<SlotGuard> },
    /// Leave memory in order.
    Drain,
}

/// A command, and what goes with it.
pub(super) struct Told {
    pub command: Command,
    /// The place at an agent that the call had and still needs, since it will be made again.
    pub place: Option<(StepId, SlotGuard)>,
    /// Who wants to know when the transition with it has committed.
    pub committed: Option<oneshot::Sender<()>>,
}

/// Why a run begins.
pub(super) enum Origin {
    /// Its execution was just created, and admitted.
    Created(Box<Execution>),
    /// It was claimed.
    Claimed(ClaimKind),
    /// This node owns it, and nobody ran it.
    Abandoned,
    /// It was claimed for the sake of this command.
    Woken(Command),
}

/// How a run goes on after a turn.
#[derive(PartialEq, Eq)]
pub(super) enum After {
    /// Wait for what comes next.
    Wait,
    /// It has left memory, or belongs to another node.
    Leave,
}

/// An execution's run.
pub(super) struct Run {
    pub engine: Arc<Inner>,
    pub id: ExecutionId,
    pub lease: Lease,
    mailbox: UnboundedReceiver<Message>,
    pub sender: UnboundedSender<Message>,
    registration: Registration,
    counted: Counted,
    pub runnable: Option<Arc<Runnable>>,
    pub execution: Option<Execution>,
    /// Whether it was loaded since the last turn, so that calls may be in flight that nobody waits for.
    pub is_fresh: bool,
    /// The number of the last event that need not be read again.
    pub snapshot_at: u64,
    pub values: RunValues,
    pub ledger: Option<Ledger>,
    /// Commands that no committed transition has taken yet.
    pub pending: Vec<Command>,
    /// Who wants to know when they have.
    pub acknowledgements: Vec<oneshot::Sender<()>>,
    /// Signals that no committed transition has taken yet.
    pub inbox: Vec<InboxRow>,
    /// The number of the last signal taken.
    pub seen: i64,
    /// Places at agents that steps were given and have not used yet.
    pub places: HashMap<StepId, SlotGuard>,
    /// Calls that this run waits for; a call is dropped with its guard.
    pub calls: HashMap<CallId, DropGuard>,
    /// Whether whoever ran the execution before stopped in order, as long as its calls have not been taken up again.
    pub stopped_in_order: bool,
    pub draining: bool,
    /// The time of attention as it is stored.
    pub stored_attention: Option<Timestamp>,
    /// Until when it stays in memory for a child, though it could leave.
    pub lingers_until: Option<Timestamp>,
}

/// Counts a root execution in memory for as long as this lives.
struct Counted {
    roots: Arc<AtomicUsize>,
    counts: bool,
}

impl Message {
    /// A command with nothing beside it.
    pub fn command(command: Command) -> Self {
        Self::Command(Box::new(Told { command, place: None, committed: None }))
    }
}

impl Run {
    /// Runs an execution; if it is in memory already, its run is told.
    pub fn begin(engine: &Arc<Inner>, id: ExecutionId, lease: Lease, origin: Origin) {
        match engine.runs.enter(id) {
            Entry::New(registration, sender, mailbox) => {
                let run = Self {
                    engine: Arc::clone(engine),
                    id,
                    lease,
                    mailbox,
                    sender,
                    registration,
                    counted: Counted { roots: Arc::clone(&engine.roots), counts: false },
                    runnable: None,
                    execution: None,
                    is_fresh: false,
                    snapshot_at: 0,
                    values: RunValues::new(engine.settings.value_limits(), engine.values.clone()),
                    ledger: None,
                    pending: Vec::new(),
                    acknowledgements: Vec::new(),
                    inbox: Vec::new(),
                    seen: 0,
                    places: HashMap::new(),
                    calls: HashMap::new(),
                    stopped_in_order: true,
                    draining: engine.draining.load(Ordering::Relaxed),
                    stored_attention: None,
                    lingers_until: None,
                };
                engine.supervise(id, run.live(origin));
            }
            Entry::Live(mailbox) => {
                let message = match origin {
                    Origin::Created(_) | Origin::Claimed(_) | Origin::Abandoned => Message::Nudge,
                    Origin::Woken(command) => Message::command(command),
                };
                let _ = mailbox.send(message);
            }
        }
    }

    async fn live(mut self, origin: Origin) {
        let mut runs = self.take_up(origin).await;
        loop {
            while runs && self.turn().await == After::Wait {
                self.wait().await;
            }
            if self.leave_unless_told().await {
                break;
            }
            runs = self.execution.is_some() || self.load_again().await;
        }
        self.calls.clear();
        self.engine.queues.leave(&self.sender, None);
        if self.engine.backlog.load(Ordering::Relaxed) {
            self.engine.wake.notify_one();
        }
    }

    /// Leaves memory, unless something has come in that needs a turn. `true` if it has left.
    async fn leave_unless_told(&mut self) -> bool {
        loop {
            let Some(message) = self.registration.leave_unless(&mut self.mailbox) else { return true };
            // Whoever takes the execution up after a drain finds all of it in the store, but for what a given-up call has cost.
            let must_go_on = match &message {
                Message::Nudge => !self.draining,
                Message::Command(told) => !self.draining || matches!(told.command, Command::LateCost { .. }),
                Message::SlotFree { .. } | Message::Drain => false,
            };
            if self.take_in(message) {
                self.read_inbox().await;
            }
            if must_go_on {
                return false;
            }
        }
    }

    /// Brings the execution into memory. `false` if there is nothing to run.
    async fn take_up(&mut self, origin: Origin) -> bool {
        match origin {
            Origin::Created(execution) => {
                let process = execution.creation().process.id;
                self.runnable = Some(self.engine.catalog.keep_if_new(process, execution.definition()));
                self.counted.count(&execution);
                // Before its first call, too: a budget of nothing allows none.
                let budget = execution.definition().config().budget.as_ref();
                self.ledger = budget.filter(|_| execution.creation().parent.is_none()).map(Ledger::of);
                self.execution = Some(*execution);
                self.pending.push(Command::Start);
                true
            }
            Origin::Claimed(kind) => {
                self.stopped_in_order = kind != ClaimKind::TakenOver;
                let loaded = self.load().await;
                if loaded {
                    self.start_if_admitted(kind);
                    self.note_taken_over(kind);
                }
                loaded
            }
            Origin::Abandoned => {
                let loaded = self.load().await;
                // What was claimed for a signal waits to be admitted still; all else of this node's was admitted.
                if loaded && self.inbox.is_empty() {
                    self.start_if_admitted(ClaimKind::Admitted);
                }
                loaded
            }
            Origin::Woken(command) => {
                self.pending.push(command);
                self.load().await
            }
        }
    }

    /// Has a pending execution begin: a child is never held back, a root only when there is room for it.
    fn start_if_admitted(&mut self, kind: ClaimKind) {
        let Some(execution) = &self.execution else { return };
        let is_child = execution.creation().parent.is_some();
        let starts = match kind {
            ClaimKind::Admitted | ClaimKind::TakenOver => true,
            // A pending root that needs attention has a signal.
            ClaimKind::Due => is_child,
        };
        if starts && execution.state().life == Life::Pending {
            self.pending.push(Command::Start);
        }
    }

    fn note_taken_over(&self, kind: ClaimKind) {
        let was_running = self.execution.as_ref().is_some_and(|execution| execution.state().life != Life::Pending);
        if kind == ClaimKind::TakenOver && was_running {
            self.engine.recovery.note(self.engine.now(), |report| report.resumed += 1);
        }
    }

    /// Loads the state anew, if the execution is still this node's, or nobody's.
    pub async fn load_again(&mut self) -> bool {
        loop {
            self.lease = self.engine.lease();
            let now = self.engine.now();
            match self.engine.ports.stores.executions.claim_one(self.lease, self.id, now).await {
                Ok(true) => return self.load().await,
                Ok(false) => return false,
                Err(error) => self.pause_for_store(&error).await,
            }
        }
    }

    /// Loads the execution, however long the store takes. `false` if it does not exist or can't be run.
    async fn load(&mut self) -> bool {
        loop {
            match self.try_load().await {
                Ok(found) => return found,
                Err(StoreError::Corrupt(error)) => {
                    self.leave_as_it_is(&error);
                    return false;
                }
                Err(error) => self.pause_for_store(&error).await,
            }
        }
    }

    /// Has nobody take the execution up again before the next start: what is stored of it can't be used.
    pub fn leave_as_it_is(&mut self, error: &str) {
        tracing::error!(execution = %self.id, error, "the execution can't be read or written and is left as it is");
        self.engine.recovery.note(self.engine.now(), |report| report.errors += 1);
        self.engine.broken.insert(self.id);
        self.execution = None;
    }

    async fn try_load(&mut self) -> Result<bool, StoreError> {
        let Some(loaded) = self.engine.ports.stores.executions.load(self.id).await? else { return Ok(false) };
        let process = loaded.creation.process.id;
        let Some(runnable) = self.engine.catalog.runnable(process).await? else {
            return Err(StoreError::Corrupt(format!("its definition {process} is missing")));
        };
        let execution = loaded.execution(Arc::clone(&runnable.definition));
        let execution = execution.map_err(|error| StoreError::Corrupt(error.to_string()))?;
        self.snapshot_at = loaded.snapshot.as_ref().map_or(0, |snapshot| snapshot.state.sequence);
        self.counted.count(&execution);
        self.execution = Some(execution);
        self.is_fresh = true;
        self.runnable = Some(runnable);
        self.inbox = loaded.inbox;
        self.ledger = loaded.ledger;
        Ok(true)
    }

    /// Reads how the tree's budget stands, from which others have spent since this execution last wrote.
    pub async fn read_ledger(&mut self) {
        loop {
            match self.engine.ports.stores.executions.ledger(self.id).await {
                Ok(ledger) => {
                    self.ledger = ledger;
                    return;
                }
                Err(error) => self.pause_for_store(&error).await,
            }
        }
    }

    /// Waits until something arrives or a stored time comes, and takes in all that has arrived.
    async fn wait(&mut self) {
        let due = self.execution.as_ref().and_then(Execution::attention_at);
        let due = due.into_iter().chain(self.lingers_until).min();
        let clock = Arc::clone(&self.engine.ports.clock);
        let message = match due {
            None => self.mailbox.recv().await,
            Some(due) => tokio::select! {
                message = self.mailbox.recv() => message,
                () = clock.sleep_until(due) => None,
            },
        };
        let mut nudged = message.is_some_and(|message| self.take_in(message));
        while let Ok(message) = self.mailbox.try_recv() {
            nudged |= self.take_in(message);
        }
        if nudged {
            self.read_inbox().await;
        }
    }

    /// Takes a message in. `true` if the inbox should be looked at.
    fn take_in(&mut self, message: Message) -> bool {
        match message {
            Message::Nudge => return true,
            Message::Command(told) => {
                let Told { command, place, committed } = *told;
                self.pending.push(command);
                self.places.extend(place);
                self.acknowledgements.extend(committed);
            }
            Message::SlotFree { step_id, guard } => {
                self.pending.push(Command::SlotFree { step_id: step_id.clone() });
                self.places.extend(guard.map(|guard| (step_id, guard)));
            }
            Message::Drain => self.draining = true,
        }
        false
    }

    async fn read_inbox(&mut self) {
        let known = self.inbox.last().map_or(self.seen, |row| row.number);
        loop {
            match self.engine.ports.stores.executions.inbox(self.id, known).await {
                Ok(rows) => {
                    self.inbox.extend(rows);
                    return;
                }
                Err(error) => self.pause_for_store(&error).await,
            }
        }
    }

    /// Waits a little for a store that failed.
    pub async fn pause_for_store(&self, error: &StoreError) {
        tracing::debug!(execution = %self.id, "waits for the store");
        self.engine.health.failed(Part::Store, self.engine.now(), error);
        self.engine.pause_for_store().await;
    }
}

impl Inner {
    /// Waits a little for a store that failed.
    pub(super) async fn pause_for_store(&self) {
        let now = self.now();
        self.ports.clock.sleep_until(now.saturating_add(self.health.pause(now))).await;
    }
}

impl Counted {
    fn count(&mut self, execution: &Execution) {
        if execution.creation().parent.is_none() && !self.counts {
            self.counts = true;
            self.roots.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.counts {
            self.roots.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
