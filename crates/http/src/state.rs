//! What all handlers share: settings, sessions, and the services of the application once they run.

use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
};

use axum::{extract::FromRequestParts, http::request::Parts};
use procession_application::{
    access::Access, approvals::Approvals, definitions::Definitions, engine::Engine, executions::Executions,
    notifications::Notifications, ports::Ports,
};
use procession_domain::value::Timestamp;
use tokio::sync::watch;

use crate::{
    HttpSettings,
    auth::{Sessions, StartLimit, Tokens},
    events::{Messages, PublishedDefinitions},
    problem::Problem,
};

/// What all handlers share. Cheap to clone; all clones are one.
///
/// It begins without services, so that a server can answer `/readyz` while it starts; [`open`](Self::open) brings them.
#[derive(Clone)]
pub struct HttpState(Arc<Shell>);

/// What handlers share besides the services.
pub(crate) struct Shell {
    pub settings: HttpSettings,
    pub tokens: Tokens,
    pub sessions: Sessions,
    pub start_limit: StartLimit,
    pub published: PublishedDefinitions,
    pub messages: Messages,
    services: OnceLock<Arc<Services>>,
    phase: watch::Sender<Phase>,
}

/// The services of the application.
#[derive(Clone)]
pub struct Services {
    /// The ports beneath them.
    pub ports: Ports,
    /// The engine.
    pub engine: Engine,
    /// Definitions.
    pub definitions: Definitions,
    /// Executions.
    pub executions: Executions,
    /// Approvals.
    pub approvals: Approvals,
    /// Users and keys.
    pub access: Access,
    /// Settings of notifications.
    pub notifications: Notifications,
}

/// Whether requests are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not yet.
    Starting,
    /// They are.
    Ready,
    /// Those that change nothing; the server is about to stop.
    Draining,
}

impl HttpState {
    /// The state of a server that starts.
    pub fn new(settings: HttpSettings) -> Self {
        Self(Arc::new(Shell {
            tokens: Tokens::new(&settings.secret_key, settings.token_lifetime),
            sessions: Sessions::new(),
            start_limit: StartLimit::new(settings.starts_per_minute),
            published: PublishedDefinitions::new(),
            messages: Messages::new(),
            services: OnceLock::new(),
            phase: watch::Sender::new(Phase::Starting),
            settings,
        }))
    }

    /// From now on requests are answered, by these services. A second call changes nothing.
    pub fn open(&self, services: Services) {
        if self.0.services.set(Arc::new(services)).is_ok() {
            self.0.phase.send_if_modified(|phase| {
                let opens = *phase == Phase::Starting;
                *phase = if opens { Phase::Ready } else { *phase };
                opens
            });
        }
    }

    /// From now on nothing is changed any more, `/readyz` says so, and WebSockets and event streams end.
    pub fn drain(&self) {
        self.0.phase.send_replace(Phase::Draining);
    }

    /// Whether requests are answered.
    pub fn phase(&self) -> Phase {
        *self.0.phase.borrow()
    }

    /// What handlers share besides the services.
    pub(crate) fn shell(&self) -> &Shell {
        &self.0
    }

    /// Returns when the server is about to stop.
    pub(crate) async fn drained(&self) {
        let mut phases = self.0.phase.subscribe();
        drop(phases.wait_for(|phase| *phase == Phase::Draining).await);
    }
}

/// The running application, with the state around it; 503 while it starts.
#[derive(Clone)]
pub(crate) struct App {
    pub state: HttpState,
    services: Arc<Services>,
}

impl App {
    pub fn of(state: &HttpState) -> Result<Self, Problem> {
        let services = state.0.services.get().map(Arc::clone).ok_or_else(Problem::starting)?;
        Ok(Self { state: state.clone(), services })
    }

    /// What handlers share besides the services.
    pub fn shell(&self) -> &Shell {
        self.state.shell()
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.services.ports.clock.now()
    }
}

impl Deref for App {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.services
    }
}

impl FromRequestParts<HttpState> for App {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        Self::of(state)
    }
}
