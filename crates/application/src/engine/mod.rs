//! The engine: runs executions on this node.
//!
//! * `dispatcher` claims executions that need attention and starts a run for each; it sleeps until the next time of
//!   attention, or until it is woken.
//! * `runner` is one execution in memory; `turn` gathers what has arrived, lets the domain decide, commits, and only then
//!   has the effects done.
//! * `effects` makes calls: agents, notifications; each result is the runner's next input.
//! * `queues` gives out places at agents; `values` holds what texts read; `catalog` keeps definitions ready.
//!
//! Invariants: nothing is told to anyone, and no effect starts, before its transition has committed. An execution is
//! changed by its run only. A run whose commit is refused forgets its state and loads it anew.

mod catalog;
mod dispatcher;
mod effects;
mod queues;
mod recovery;
mod runner;
mod settings;
mod turn;
mod values;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use procession_domain::{
    execution::Execution,
    value::{Duration, ExecutionId, Timestamp},
};
use tokio::sync::{Notify, mpsc::UnboundedSender};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use catalog::{Catalog, Runnable};
use queues::AgentQueues;
use recovery::RecoveryCounts;
pub use recovery::RecoveryReport;
use runner::{Message, Origin, Run};
pub use settings::{BreakerSettings, EngineSettings};
pub(crate) use values::ValueLimits;

use crate::ports::{Lease, Ports, Start, StartError, Started, StoreError};

/// Runs executions. Cheap to clone; all clones are one engine.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

/// Why an engine can't start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(crate) struct Inner {
    ports: Ports,
    settings: EngineSettings,
    catalog: Catalog,
    queues: AgentQueues,
    lease: RwLock<Lease>,
    runs: Mutex<HashMap<ExecutionId, Live>>,
    run_numbers: AtomicU64,
    /// Root executions in memory.
    roots: AtomicUsize,
    /// Whether executions wait to be admitted, so that new ones must queue behind them.
    backlog: AtomicBool,
    wake: Notify,
    draining: AtomicBool,
    /// No new work.
    stop: CancellationToken,
    /// The end of all tasks, wherever they are.
    halt: CancellationToken,
    tasks: TaskTracker,
    recovery: RecoveryCounts,
}

/// An execution in memory.
struct Live {
    /// Tells this run from a later one of the same execution.
    number: u64,
    mailbox: UnboundedSender<Message>,
}

impl Engine {
    /// Joins the store as a node and starts to work.
    pub async fn start(ports: Ports, settings: EngineSettings) -> Result<Self, EngineError> {
        let now = ports.clock.now();
        let node = ports.ids.new_id();
        let lease = ports.executions.join(node, now, now.saturating_add(settings.lease)).await?;
        let engine = Self(Arc::new(Inner {
            catalog: Catalog::new(Arc::clone(&ports.definitions)),
            queues: AgentQueues::new(settings.breaker),
            lease: RwLock::new(lease),
            runs: Mutex::default(),
            run_numbers: AtomicU64::new(0),
            roots: AtomicUsize::new(0),
            backlog: AtomicBool::new(true),
            wake: Notify::new(),
            draining: AtomicBool::new(false),
            stop: CancellationToken::new(),
            halt: CancellationToken::new(),
            tasks: TaskTracker::new(),
            recovery: RecoveryCounts::begin(now),
            ports,
            settings,
        }));
        let inner = &engine.0;
        inner.spawn(dispatcher::dispatch(Arc::clone(inner)));
        inner.spawn(dispatcher::keep_lease(Arc::clone(inner)));
        Ok(engine)
    }

    /// The settings in force.
    pub fn settings(&self) -> &EngineSettings {
        &self.0.settings
    }

    /// Definitions ready to run.
    pub(crate) fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    /// What the start of this engine found under way.
    pub fn recovery_report(&self) -> RecoveryReport {
        self.0.recovery.report()
    }

    /// The lease under which this engine works.
    pub fn lease(&self) -> Lease {
        self.0.lease()
    }

    /// How many executions are in memory.
    pub fn executions_in_memory(&self) -> usize {
        self.0.runs().len()
    }

    /// Creates an execution. It begins at once when there is room, or else waits to be admitted.
    pub(crate) async fn launch(&self, mut start: Start) -> Result<Started, StartError> {
        let inner = &self.0;
        let room = inner.roots.load(Ordering::Relaxed) < inner.settings.max_concurrent_executions as usize;
        let at_once = room && start.instance_limit.is_none() && !inner.backlog.load(Ordering::Relaxed);
        let lease = inner.lease();
        start.admit = (at_once && !inner.draining.load(Ordering::Relaxed)).then_some(lease);
        let execution = start.execution.clone();
        let admitted = start.admit.is_some();
        let started = inner.ports.executions.start(start).await?;
        match (&started, admitted) {
            (Started::Created, true) => inner.begin(execution, lease),
            (Started::Created, false) => {
                inner.backlog.store(true, Ordering::Relaxed);
                inner.wake.notify_one();
            }
            (Started::Before(_), _) => {}
        }
        Ok(started)
    }

    /// Says that something may have come in for an execution: a signal in its inbox.
    pub fn nudge(&self, id: ExecutionId) {
        self.0.nudge(id);
    }

    /// Stops in order: nothing new starts, transitions under way commit, calls in flight are left to the next start.
    /// Returns when that is done, or after `within`.
    pub async fn drain(&self, within: Duration) {
        let inner = &self.0;
        inner.draining.store(true, Ordering::Relaxed);
        inner.stop.cancel();
        inner.wake.notify_waiters();
        for live in inner.runs().values() {
            let _ = live.mailbox.send(Message::Drain);
        }
        inner.tasks.close();
        if tokio::time::timeout(within.to_std(), inner.tasks.wait()).await.is_err() {
            tracing::warn!("stopping with executions still in memory; the next start takes them up again");
            self.halt();
        }
        if let Err(error) = inner.ports.executions.leave(inner.lease()).await {
            tracing::warn!(%error, "could not give the node's lease back");
        }
    }
}

impl Engine {
    /// Ends at once: whatever is under way is dropped where it is, as a crash would. The next start takes it up again.
    pub fn halt(&self) {
        self.0.stop.cancel();
        self.0.halt.cancel();
        self.0.tasks.close();
    }
}

impl Inner {
    /// Runs a task of the engine until it ends or the engine halts.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let halt = self.halt.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = halt.cancelled() => {}
                () = task => {}
            }
        });
    }

    fn lease(&self) -> Lease {
        *self.lease.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_lease(&self, lease: Lease) {
        *self.lease.write().unwrap_or_else(PoisonError::into_inner) = lease;
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<ExecutionId, Live>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs an execution that was just created and admitted.
    fn begin(self: &Arc<Self>, execution: Execution, lease: Lease) {
        Run::begin(self, execution.id(), lease, Origin::Created(Box::new(execution)));
    }

    /// Tells an execution's run that something may have come in; wakes the dispatcher if it has none.
    fn nudge(&self, id: ExecutionId) {
        let live = self.runs().get(&id).is_some_and(|live| live.mailbox.send(Message::Nudge).is_ok());
        if !live {
            self.wake.notify_one();
        }
    }

    fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }
}
