//! What all handlers share: settings, sessions, and the application once it runs.

use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
};

use axum::{extract::FromRequestParts, http::request::Parts};
use procession_application::Application;
use tokio::sync::watch;

use crate::{
    HttpSettings,
    auth::{Sessions, Tokens},
    events::Messages,
    problem::Problem,
    pulse::Pulse,
};

/// What all handlers share. Cheap to clone; all clones are one.
///
/// It begins without an application, so that a server can answer `/readyz` while it starts; [`open`](Self::open) brings
/// it.
#[derive(Clone)]
pub struct HttpState(Arc<Shell>);

/// What handlers share besides the application.
pub(crate) struct Shell {
    pub settings: HttpSettings,
    pub sessions: Sessions,
    pub messages: Messages,
    pub pulse: Pulse,
    application: OnceLock<Arc<Application>>,
    phase: watch::Sender<Phase>,
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
            sessions: Sessions::new(Tokens::new(&settings.secret_key, settings.token_lifetime)),
            messages: Messages::new(),
            pulse: Pulse::default(),
            application: OnceLock::new(),
            phase: watch::Sender::new(Phase::Starting),
            settings,
        }))
    }

    /// From now on requests are answered, by this application. A second call changes nothing.
    pub fn open(&self, application: Application) {
        if self.0.application.set(Arc::new(application)).is_ok() {
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

    /// What handlers share besides the application.
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
    application: Arc<Application>,
}

impl App {
    pub fn of(state: &HttpState) -> Result<Self, Problem> {
        let application = state.0.application.get().map(Arc::clone).ok_or_else(Problem::starting)?;
        Ok(Self { state: state.clone(), application })
    }

    /// What handlers share besides the application.
    pub fn shell(&self) -> &Shell {
        self.state.shell()
    }
}

impl Deref for App {
    type Target = Application;

    fn deref(&self) -> &Application {
        &self.application
    }
}

impl FromRequestParts<HttpState> for App {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        Self::of(state)
    }
}
