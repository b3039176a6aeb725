//! The platform as a running server, in threads of its own so that it can go down at any moment.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, middleware, routing::get, serve::ListenerExt as _};
use rmcp::transport::{
    StreamableHttpServerConfig, StreamableHttpService,
    streamable_http_server::session::local::{LocalSessionManager, SessionConfig},
};
use tokio::{net::TcpListener, runtime::Runtime};

use super::{
    CallLog, Plan, PlannedFault,
    events::Events,
    gate::{Gate, gate},
    store::Store,
    tools::Tools,
};

/// How soon a client is told to come back to a broken stream.
const RETRY: Duration = Duration::from_millis(100);

/// A running platform. It ends when it is dropped.
pub struct FakePlatform {
    tools: Tools,
    address: SocketAddr,
    running: Option<(Runtime, Gate)>,
}

impl FakePlatform {
    /// Starts a platform on a free port of this machine.
    ///
    /// # Errors
    /// When the machine refuses a port.
    pub fn start(plan: Plan) -> anyhow::Result<Self> {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), plan, CallLog::default())
    }

    /// The same at this address, with this log.
    ///
    /// # Errors
    /// When the address is taken.
    pub fn start_at(address: SocketAddr, plan: Plan, log: CallLog) -> anyhow::Result<Self> {
        let tools = Tools { store: Arc::new(Store::new(plan)), log: Arc::new(log) };
        let mut platform = Self { tools, address, running: None };
        platform.come_up()?;
        Ok(platform)
    }

    /// The address of its MCP server.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// What it was asked.
    pub fn calls(&self) -> &CallLog {
        &self.tools.log
    }

    /// Puts a new plan in force; what runs goes on.
    pub fn set_plan(&self, plan: Plan) {
        self.tools.store.set_plan(plan);
    }

    /// Lets calls go wrong.
    pub fn add_fault(&self, fault: PlannedFault) {
        self.tools.store.add_fault(fault);
    }

    /// Forgets all sessions, as a restart does.
    pub async fn lose_sessions(&self) {
        if let Some((_, gate)) = &self.running {
            gate.lose_sessions().await;
        }
    }

    /// Ends the server with all its connections and sessions. Its executions go on, as the backend's do.
    pub fn go_down(&mut self) {
        if let Some((runtime, _)) = self.running.take() {
            runtime.shutdown_background();
        }
    }

    /// Starts the server again, at the same address.
    ///
    /// # Errors
    /// When the address has been taken meanwhile.
    pub fn come_up(&mut self) -> anyhow::Result<()> {
        self.go_down();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("fake-platform")
            .enable_all()
            .build()?;
        let listener = bind(self.address)?;
        self.address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let gate = Gate { tools: self.tools.clone(), sessions: Arc::new(sessions()) };
        let routes = routes(&gate);
        let guard = runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        drop(guard);
        // Without it every small answer would wait for the client's delayed acknowledgement.
        let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
        runtime.spawn(async move { axum::serve(listener, routes).await });
        self.running = Some((runtime, gate));
        Ok(())
    }
}

impl Drop for FakePlatform {
    fn drop(&mut self) {
        self.go_down();
    }
}

/// Binds the address. Connections of the server before may take a moment to be closed.
fn bind(address: SocketAddr) -> anyhow::Result<std::net::TcpListener> {
    let mut tries = 0;
    loop {
        match std::net::TcpListener::bind(address) {
            Ok(listener) => return Ok(listener),
            Err(error) if tries >= 100 || address.port() == 0 => return Err(error.into()),
            Err(_) => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

fn sessions() -> LocalSessionManager {
    let mut config = SessionConfig::default();
    config.channel_capacity = 1_024;
    // The platform's sessions do not expire.
    config.keep_alive = None;
    config.sse_retry = Some(RETRY);
    let mut sessions = LocalSessionManager::default().with_event_store(Arc::new(Events::default()));
    sessions.session_config = config;
    sessions
}

fn routes(gate_state: &Gate) -> Router {
    let tools = gate_state.tools.clone();
    let config = StreamableHttpServerConfig::default()
        .with_sse_keep_alive(None)
        .with_sse_retry(Some(RETRY))
        .with_max_request_body_bytes(64 * 1024 * 1024);
    let service = StreamableHttpService::new(move || Ok(tools.clone()), Arc::clone(&gate_state.sessions), config);
    Router::new()
        .nest_service("/mcp", service)
        .layer(middleware::from_fn_with_state(gate_state.clone(), gate))
        .route("/health", get(|| async { "ok" }))
        .route("/ping", get(|| async { "pong" }))
}
