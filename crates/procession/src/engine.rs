//! The engine as the program holds it.

use std::{sync::Arc, time::Duration as StdDuration};

use procession_application::{Application, access::Principal};
use procession_domain::value::{Duration, ExecutionId};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{EngineBuilder, EventQuery, Input, Run, StartRun, Store};

/// An engine that runs processes. Cheap to clone; all clones are one engine.
///
/// It works in the tokio runtime in which it was built, in tasks of its own. When the last clone is dropped it stops as a
/// crash would stop it: nothing is lost, and the next engine on the same store goes on. [`drain`](Self::drain) stops it in
/// order.
///
/// An engine acts for somebody: for the program itself, which may do everything, or for the user of
/// [`as_user`](Self::as_user), who may do what their roles allow.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    by: Arc<Principal>,
}

/// What all clones share. Nothing that the engine runs holds it, so that it goes with the last clone.
struct Shared {
    application: Application,
    store: Box<dyn Store>,
    /// What goes on beside the engine; it ends with this.
    _background: JoinSet<()>,
    /// Whether it has stopped, for who waits.
    stopped: CancellationToken,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stopped.cancel();
        self.application.halt();
    }
}

impl Engine {
    /// Begins to put an engine together.
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    pub(crate) fn new(application: Application, store: Box<dyn Store>, background: JoinSet<()>) -> Self {
        let stopped = CancellationToken::new();
        let shared = Shared { application, store, _background: background, stopped };
        Self { shared: Arc::new(shared), by: Arc::new(Principal::system()) }
    }

    /// The same engine, acting for this user. The program answers for the name and the roles: `admin`, `designer`,
    /// `operator`, `approver`, `viewer`.
    #[must_use]
    pub fn as_user(&self, name: &str, roles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { shared: Arc::clone(&self.shared), by: Arc::new(Principal::of_library(name, roles)) }
    }

    /// The same engine, acting for the program itself.
    #[must_use]
    pub fn as_system(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), by: Arc::new(Principal::system()) }
    }

    /// For whom it acts.
    pub fn principal(&self) -> &Principal {
        &self.by
    }

    /// Starts a published process, the newest version of it, when it is awaited. What it is given further comes before
    /// that: [`idempotency_key`](StartRun::idempotency_key), [`label`](StartRun::label).
    pub fn start(&self, process: &str, input: Input) -> StartRun {
        StartRun::new(self.clone(), process, input)
    }

    /// A run that was started before, by its id.
    pub fn run(&self, id: ExecutionId) -> Run {
        Run::new(self.clone(), id)
    }

    /// The events of all runs that one may know of.
    pub fn events(&self) -> EventQuery {
        EventQuery::new(self.clone())
    }

    /// The use cases themselves, which take a [`Principal`] each: for what this type does not offer, and for further
    /// doors. They end with the engine.
    pub fn application(&self) -> &Application {
        &self.shared.application
    }

    /// Shuts down gracefully: what was asked for is carried through, nothing new starts, transitions under way are stored,
    /// calls of agents in flight are left to the next engine; then the store is closed. Returns when that is done, or
    /// after `within`.
    pub async fn drain(&self, within: StdDuration) {
        let within = Duration::from_millis(u64::try_from(within.as_millis()).unwrap_or(u64::MAX));
        self.shared.application.drain(within).await;
        self.close().await;
    }

    /// Closes the store, whatever is under way. [`drain`](Self::drain) does it last.
    pub async fn close(&self) {
        self.shared.stopped.cancel();
        self.shared.application.halt();
        self.shared.store.close().await;
    }

    /// Ends when the engine has stopped.
    pub(crate) fn stopped(&self) -> &CancellationToken {
        &self.shared.stopped
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let in_memory = self.shared.application.engine.executions_in_memory();
        f.debug_struct("Engine").field("by", &self.by).field("in_memory", &in_memory).finish_non_exhaustive()
    }
}
