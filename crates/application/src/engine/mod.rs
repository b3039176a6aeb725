//! The engine: runs executions on this node.
//!
//! * `dispatcher` claims executions that need attention and starts a run for each; it sleeps until the next time of
//!   attention, or until it is woken.
//! * `runs` knows who is in memory: an execution has one run at most. `runner` is one execution in memory; `turn` gathers
//!   what has arrived, lets the domain decide, and writes the `commit` of what was decided.
//! * After each commit, the `calls` that the state says are in flight are compared with those that the run waits for: what has
//!   just begun is made, what is missing otherwise is recovered, what is too many is dropped. So nothing depends on an
//!   effect that lived only in memory.
//! * `effects` makes calls: agents, notifications; each result is the run's next input.
//! * `queues` gives out places at agents; `values` holds what texts read; `catalog` keeps definitions ready; `health` tells
//!   whether the store can be written, and counts defects.
//!
//! Invariants: nothing is told to anyone, and no call starts, before its transition has committed. An execution is
//! changed by its run only. A run whose commit is refused forgets its state and loads it anew. A run that ends by a defect is
//! taken up again; an execution that this node owns and nobody runs is found.

mod calls;
mod catalog;
mod commit;
mod dispatcher;
mod effects;
mod health;
mod pressure;
mod queues;
mod recovery;
mod runner;
mod runs;
mod settings;
mod turn;
mod values;

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use futures::FutureExt;
use procession_domain::{
    event::ExecutionError,
    execution::{Command, Execution},
    value::{Duration, ErrorCode, ExecutionId, Timestamp},
};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use catalog::{Catalog, Runnable};
pub use health::EngineHealth;
use health::{Broken, Health, Panics};
use pressure::Pressure;
use queues::AgentQueues;
pub use queues::{AgentLoad, BreakerState};
use recovery::RecoveryCounts;
pub use recovery::RecoveryReport;
use runner::{Message, Origin, Run};
use runs::Runs;
pub use settings::{BreakerSettings, EngineSettings, TakesUp};
pub(crate) use turn::RUNS_FOR_ESTIMATE;
use values::ValueCache;

use crate::{
    deliveries::{Outbox, Told},
    ports::{Admission, Lease, Ports, Start, StartError, Started, StoreError, WorkScope},
};

/// How often an execution is taken up again whose run has ended by a defect.
const TAKEN_UP_AGAIN: u32 = 3;

/// How long it rests before that.
const REST: Duration = Duration::from_secs(1);

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
    outbox: Outbox,
    settings: EngineSettings,
    catalog: Catalog,
    queues: AgentQueues,
    values: ValueCache,
    lease: RwLock<Lease>,
    runs: Arc<Runs>,
    /// What it works on, where that is not everything.
    own: Mutex<Vec<ExecutionId>>,
    /// Root executions in memory.
    roots: Arc<AtomicUsize>,
    /// Whether executions wait to be admitted.
    backlog: AtomicBool,
    wake: Notify,
    draining: AtomicBool,
    /// No new work.
    stop: CancellationToken,
    /// The end of all tasks, wherever they are.
    halt: CancellationToken,
    pressure: Pressure,
    tasks: TaskTracker,
    recovery: RecoveryCounts,
    health: Health,
    panics: Panics,
    broken: Broken,
}

impl Engine {
    /// Joins the store as a node and starts to work.
    pub(crate) async fn start(ports: Ports, outbox: Outbox, settings: EngineSettings) -> Result<Self, EngineError> {
        let now = ports.clock.now();
        let node = ports.ids.new_id();
        let lease = ports.stores.executions.join(node, now, now.saturating_add(settings.lease)).await?;
        let engine = Self(Arc::new(Inner {
            catalog: Catalog::new(Arc::clone(&ports.stores.definitions)),
            queues: AgentQueues::new(settings.breaker),
            values: ValueCache::new(),
            lease: RwLock::new(lease),
            runs: Arc::default(),
            own: Mutex::default(),
            roots: Arc::default(),
            backlog: AtomicBool::new(true),
            wake: Notify::new(),
            draining: AtomicBool::new(false),
            stop: CancellationToken::new(),
            halt: CancellationToken::new(),
            pressure: Pressure::default(),
            tasks: TaskTracker::new(),
            recovery: RecoveryCounts::begin(now),
            health: Health::default(),
            panics: Panics::default(),
            broken: Broken::default(),
            ports,
            outbox,
            settings,
        }));
        let inner = &engine.0;
        inner.keep_going("the dispatcher", dispatcher::dispatch);
        inner.keep_going("the keeper of the lease", dispatcher::keep_lease);
        inner.keep_going("the search for executions that nobody runs", dispatcher::find_abandoned);
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

    /// Whether it can do its work.
    pub fn health(&self) -> EngineHealth {
        self.0.health.report()
    }

    /// The lease under which this engine works.
    pub fn lease(&self) -> Lease {
        self.0.lease()
    }

    /// How the queues of agents stand on this node, by agent; one that is not there is idle.
    pub fn agent_loads(&self) -> BTreeMap<String, AgentLoad> {
        self.0.queues.loads(self.0.now())
    }

    /// How many executions are in memory.
    pub fn executions_in_memory(&self) -> usize {
        self.0.runs.count()
    }

    /// Creates an execution, as soon as the engine is not behind with those it has. It begins at once when there is room, or
    /// else waits to be admitted. Use cases carry it through,
    /// also if whoever asked for it does not wait for the answer ([`crate::Door`]).
    pub(crate) async fn launch(&self, start: Start) -> Result<Started, StartError> {
        self.0.launch(start).await
    }

    /// Works on this execution and its sub-processes too, if it does not work on everything ([`TakesUp::Own`]).
    pub fn take_up(&self, id: ExecutionId) {
        self.0.own(id);
        self.0.backlog.store(true, Ordering::Relaxed);
        self.0.wake.notify_one();
    }

    /// Runs a task of the application as long as the engine takes new work, and begins it anew when it ends by a defect.
    pub(crate) fn run_beside<F>(&self, name: &'static str, begin: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.0.keep_going(name, move |engine| {
            let task = begin();
            async move {
                tokio::select! {
                    biased;
                    () = engine.stop.cancelled() => {}
                    () = task => {}
                }
            }
        });
    }

    /// An execution as it is stored, with its definition.
    pub(crate) async fn execution(&self, id: ExecutionId) -> Result<Option<Execution>, StoreError> {
        let Some(loaded) = self.0.ports.stores.executions.load(id).await? else { return Ok(None) };
        let runnable = self.0.catalog.runnable(loaded.creation.process.id).await?;
        let missing = || StoreError::Corrupt(format!("the definition of execution {id} is missing"));
        let definition = Arc::clone(&runnable.ok_or_else(missing)?.definition);
        let corrupt = |error| StoreError::Corrupt(format!("execution {id}: {error}"));
        Ok(Some(loaded.execution(definition).map_err(corrupt)?))
    }

    /// Says that something may have come in for an execution: a signal in its inbox.
    pub fn nudge(&self, id: ExecutionId) {
        self.0.nudge(id);
    }

    /// Shuts down gracefully: nothing new starts, transitions under way commit, calls in flight are left to the next
    /// start. Returns when that is done, or after `within`.
    pub async fn drain(&self, within: Duration) {
        let inner = &self.0;
        inner.draining.store(true, Ordering::Relaxed);
        inner.queues.close();
        inner.stop.cancel();
        inner.wake.notify_waiters();
        inner.runs.tell_all(|| Message::Drain);
        inner.tasks.close();
        if tokio::time::timeout(within.to_std(), inner.tasks.wait()).await.is_err() {
            tracing::warn!("stopping with executions still in memory; the next start resumes them");
            self.halt();
        }
        if let Err(error) = inner.ports.stores.executions.leave(inner.lease()).await {
            tracing::warn!(%error, "could not release the node's lease");
        }
    }

    /// Ends at once: whatever is under way is dropped where it is, as a crash would. The next start takes it up again.
    pub fn halt(&self) {
        self.0.stop.cancel();
        self.0.halt.cancel();
        self.0.tasks.close();
    }
}

impl Inner {
    async fn launch(self: &Arc<Self>, mut start: Start) -> Result<Started, StartError> {
        self.pressure.relief(self.ports.clock.as_ref()).await;
        let lease = self.lease();
        let most_running = self.settings.max_concurrent_executions;
        start.admit = (!self.draining.load(Ordering::Relaxed)).then_some(Admission { lease, most_running });
        let execution = start.execution.clone();
        // Before it is stored, so that it is found wherever it is.
        self.own(execution.id());
        let told = Told { execution: &execution, events: &start.events, approvals: &[] };
        start.deliveries = self.outbox.plan(told).await?;
        let tells = !start.deliveries.is_empty();
        let started = self.ports.stores.executions.start(start).await?;
        if tells {
            self.outbox.nudge();
        }
        match started {
            Started::Created { admitted: true } => {
                Run::begin(self, execution.id(), lease, Origin::Created(Box::new(execution)));
            }
            Started::Created { admitted: false } => {
                self.backlog.store(true, Ordering::Relaxed);
                self.wake.notify_one();
            }
            Started::Before(_) => {}
        }
        Ok(started)
    }

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

    /// Runs a task that lasts as long as the engine, and begins it anew when it ends by a defect.
    fn keep_going<F>(self: &Arc<Self>, name: &'static str, begin: impl Fn(Arc<Self>) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let engine = Arc::clone(self);
        self.spawn(async move {
            while AssertUnwindSafe(begin(Arc::clone(&engine))).catch_unwind().await.is_err() {
                engine.health.panicked();
                tracing::error!(task = name, "a task of the engine ended because of a defect; starting it again");
                engine.ports.clock.sleep_until(engine.now().saturating_add(REST)).await;
            }
        });
    }

    /// Runs an execution. If that ends by a defect it is taken up again, some times; then the execution fails.
    fn supervise(self: &Arc<Self>, id: ExecutionId, run: impl Future<Output = ()> + Send + 'static) {
        let engine = Arc::clone(self);
        // Held once: a future that is moved into others takes its place in each of them.
        let run = Box::pin(run);
        self.spawn(async move {
            if AssertUnwindSafe(run).catch_unwind().await.is_ok() {
                engine.panics.forget(id);
                return;
            }
            engine.health.panicked();
            let times = engine.panics.count(id);
            tracing::error!(execution = %id, times, "running the execution ended because of a defect");
            if times > TAKEN_UP_AGAIN + 1 {
                engine.broken.insert(id);
                return;
            }
            engine.ports.clock.sleep_until(engine.now().saturating_add(REST)).await;
            let origin = if times > TAKEN_UP_AGAIN { Origin::Woken(given_up()) } else { Origin::Abandoned };
            Run::begin(&engine, id, engine.lease(), origin);
        });
    }

    fn lease(&self) -> Lease {
        *self.lease.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_lease(&self, lease: Lease) {
        *self.lease.write().unwrap_or_else(PoisonError::into_inner) = lease;
    }

    /// Tells an execution's run that something may have come in; wakes the dispatcher if it has none.
    fn nudge(&self, id: ExecutionId) {
        if self.runs.send(id, Message::Nudge).is_err() {
            self.wake.notify_one();
        }
    }

    fn own(&self, id: ExecutionId) {
        match self.settings.takes_up {
            TakesUp::All => {}
            TakesUp::Own => self.own.lock().unwrap_or_else(PoisonError::into_inner).push(id),
        }
    }

    /// What this engine works on.
    fn scope(&self) -> WorkScope {
        match self.settings.takes_up {
            TakesUp::All => WorkScope::All,
            TakesUp::Own => WorkScope::Below(self.own.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        }
    }

    fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }
}

fn given_up() -> Command {
    let message = format!(
        "running this execution ended {} times because of a defect of the engine; its log has the details",
        TAKEN_UP_AGAIN + 1
    );
    Command::GiveUp(ExecutionError { code: ErrorCode::Internal, message, step_id: None })
}
