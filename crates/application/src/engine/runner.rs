//! One execution in memory: its mailbox, loading it, and when it leaves. What a turn does is in `turn`.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
};

use procession_domain::{
    execution::{CallId, Command, Execution, Ledger, Life},
    value::{Duration, ExecutionId, StepId, Timestamp},
};
use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    oneshot,
};
use tokio_util::sync::CancellationToken;

use super::{
    Inner, Live, Runnable,
    queues::SlotGuard,
    values::{RunValues, ValueLimits},
};
use crate::ports::{ClaimKind, InboxRow, Lease, Loaded, StoreError};

/// How long a run waits before it tries a failed store again.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// How long an execution stays in memory for a child that may end soon. Loading it anew takes the longer the more steps it
/// has, so that without this a long chain of quick sub-processes would take the square of its length.
pub(super) const LINGER: Duration = Duration::from_millis(250);

/// What comes into a run's mailbox.
pub(super) enum Message {
    /// Something may have come into the inbox.
    Nudge,
    /// A result, and who wants to know when the transition with it has committed.
    Command(Box<Command>, Option<oneshot::Sender<()>>),
    /// A place at an agent is free for a step; without a guard, it should ask again.
    SlotFree { step_id: StepId, guard: Option<SlotGuard> },
    /// Leave memory in order.
    Drain,
}

/// Why a run begins.
pub(super) enum Origin {
    /// Its execution was just created, and admitted.
    Created(Box<Execution>),
    /// It was claimed.
    Claimed(ClaimKind),
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
    pub runnable: Option<Arc<Runnable>>,
    pub execution: Option<Execution>,
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
    /// Calls in flight; cancelling the token drops the call.
    pub calls: HashMap<CallId, CancellationToken>,
    pub draining: bool,
    /// The time of attention as it is stored.
    pub stored_attention: Option<Timestamp>,
    /// Until when it stays in memory for a child, though it could leave.
    pub lingers_until: Option<Timestamp>,
    registration: Registration,
}

/// A run's entry among the live ones; dropping it takes the entry out.
struct Registration {
    engine: Arc<Inner>,
    id: ExecutionId,
    number: u64,
    counts_as_root: bool,
}

impl Run {
    /// Starts a run.
    pub fn begin(engine: &Arc<Inner>, id: ExecutionId, lease: Lease, origin: Origin) {
        let (sender, mailbox) = unbounded_channel();
        let registration = Registration::new(engine, id, sender.clone());
        let limits = ValueLimits { inline: engine.settings.inline_output, most: engine.settings.output };
        let run = Self {
            engine: Arc::clone(engine),
            id,
            lease,
            mailbox,
            sender,
            runnable: None,
            execution: None,
            values: RunValues::new(limits),
            ledger: None,
            pending: Vec::new(),
            acknowledgements: Vec::new(),
            inbox: Vec::new(),
            seen: 0,
            places: HashMap::new(),
            calls: HashMap::new(),
            draining: engine.draining.load(Ordering::Relaxed),
            stored_attention: None,
            lingers_until: None,
            registration,
        };
        engine.spawn(run.live(origin));
    }

    async fn live(mut self, origin: Origin) {
        if self.take_up(origin).await {
            while self.turn().await == After::Wait {
                self.wait().await;
            }
        }
        self.leave();
    }

    /// Brings the execution into memory. `false` if there is nothing to run.
    async fn take_up(&mut self, origin: Origin) -> bool {
        match origin {
            Origin::Created(execution) => {
                let process = execution.creation().process.id;
                self.runnable = Some(self.engine.catalog.keep_if_new(process, execution.definition()));
                self.registration.count(&execution);
                self.execution = Some(*execution);
                self.pending.push(Command::Start);
                true
            }
            Origin::Claimed(kind) => {
                let loaded = self.load().await;
                if loaded {
                    self.pending.extend(self.first_commands(kind));
                }
                loaded
            }
            Origin::Woken(command) => {
                self.pending.push(command);
                self.load().await
            }
        }
    }

    /// What a claimed execution is told first.
    fn first_commands(&self, kind: ClaimKind) -> Vec<Command> {
        let Some(execution) = &self.execution else { return Vec::new() };
        let is_child = execution.creation().parent.is_some();
        if execution.state().life == Life::Pending {
            let starts = match kind {
                ClaimKind::Admitted | ClaimKind::TakenOver => true,
                // A pending root that needs attention has a signal; a child is never held back.
                ClaimKind::Due => is_child,
            };
            return if starts { vec![Command::Start] } else { Vec::new() };
        }
        if kind == ClaimKind::TakenOver {
            let now = self.engine.now();
            self.engine.recovery.note(now, |report| report.resumed += 1);
        }
        vec![Command::Interrupted { in_order: kind != ClaimKind::TakenOver }]
    }

    /// Loads the execution, however long the store takes. `false` if it does not exist or can't be run.
    pub async fn load(&mut self) -> bool {
        loop {
            match self.try_load().await {
                Ok(found) => return found,
                Err(StoreError::Corrupt(error)) => {
                    tracing::error!(execution = %self.id, error, "the execution can't be read and is left as it is");
                    self.engine.recovery.note(self.engine.now(), |report| report.errors += 1);
                    return false;
                }
                Err(error) => self.pause_for_store(&error).await,
            }
        }
    }

    async fn try_load(&mut self) -> Result<bool, StoreError> {
        let Some(loaded) = self.engine.ports.executions.load(self.id).await? else { return Ok(false) };
        let Loaded { creation, state, steps, inbox, ledger } = loaded;
        let Some(runnable) = self.engine.catalog.runnable(creation.process.id).await? else {
            return Err(StoreError::Corrupt(format!("its definition {} is missing", creation.process.id)));
        };
        let definition = Arc::clone(&runnable.definition);
        let execution = Execution::restore(definition, creation, state, steps);
        self.registration.count(&execution);
        self.execution = Some(execution);
        self.runnable = Some(runnable);
        self.inbox = inbox;
        self.ledger = ledger;
        Ok(true)
    }

    /// Reads how the tree's budget stands, which a child has spent from since this execution last wrote.
    pub async fn read_ledger(&mut self) {
        loop {
            match self.engine.ports.executions.load(self.id).await {
                Ok(loaded) => {
                    self.ledger = loaded.and_then(|loaded| loaded.ledger);
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
            Message::Command(command, acknowledgement) => {
                self.pending.push(*command);
                self.acknowledgements.extend(acknowledgement);
            }
            Message::SlotFree { step_id, guard } => {
                self.pending.push(Command::SlotFree { step_id: step_id.clone() });
                if let Some(guard) = guard {
                    self.places.insert(step_id, guard);
                }
            }
            Message::Drain => self.draining = true,
        }
        false
    }

    async fn read_inbox(&mut self) {
        let known = self.inbox.last().map_or(self.seen, |row| row.number);
        loop {
            match self.engine.ports.executions.inbox(self.id, known).await {
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
        tracing::error!(execution = %self.id, %error, "the store failed; trying again");
        let until = self.engine.now().saturating_add(STORE_PAUSE);
        self.engine.ports.clock.sleep_until(until).await;
    }

    /// Leaves memory. Calls still in flight are dropped: whoever takes the execution up again recovers them.
    fn leave(mut self) {
        for call in self.calls.values() {
            call.cancel();
        }
        self.engine.queues.leave(&self.sender, None);
        drop(self.registration);
        // What came in since the last turn is in the store, except for the cost of a call that was given up.
        self.mailbox.close();
        while let Ok(message) = self.mailbox.try_recv() {
            match message {
                Message::Command(command, _) if matches!(*command, Command::LateCost { .. }) => {
                    super::effects::deliver(&self.engine, self.id, *command);
                }
                Message::Nudge | Message::Command(..) | Message::SlotFree { .. } | Message::Drain => {
                    self.engine.wake.notify_one();
                }
            }
        }
    }
}

impl Registration {
    fn new(engine: &Arc<Inner>, id: ExecutionId, mailbox: UnboundedSender<Message>) -> Self {
        let number = engine.run_numbers.fetch_add(1, Ordering::Relaxed);
        engine.runs().insert(id, Live { number, mailbox });
        Self { engine: Arc::clone(engine), id, number, counts_as_root: false }
    }

    /// Counts a root execution against the limit of those in work.
    fn count(&mut self, execution: &Execution) {
        if execution.creation().parent.is_none() && !self.counts_as_root {
            self.counts_as_root = true;
            self.engine.roots.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut runs = self.engine.runs();
        if runs.get(&self.id).is_some_and(|live| live.number == self.number) {
            runs.remove(&self.id);
        }
        drop(runs);
        if self.counts_as_root {
            self.engine.roots.fetch_sub(1, Ordering::Relaxed);
        }
        if self.engine.backlog.load(Ordering::Relaxed) {
            self.engine.wake.notify_one();
        }
    }
}
