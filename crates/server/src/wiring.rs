//! The composition root: the one place that names every adapter.
//!
//! [`serve`] reads from top to bottom: configuration, stores, agents, engine, services, routes, and then it runs until it is
//! told to stop. `procession run` and the commands on users use the same parts without the web server.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use procession_agents::{AgentsFileError, Platform, Router};
use procession_application::{
    access::{Access, AccessFailure, AccessSettings},
    approvals::Approvals,
    definitions::Definitions,
    engine::{Engine, EngineError, EngineSettings},
    executions::Executions,
    notifications::Notifications,
    ports::{BlobError, ExecutionStore, Ports, StoreError},
    system::{SystemClock, UuidGenerator},
};
use procession_domain::value::Duration;
use procession_http::{HttpSettings, HttpState, Services};
use procession_notifications::{AllowedHosts, BadHost, ClientError, Notifications as Notifier, SafeHttp};
use procession_store_sqlite::{FileBlobs, OpenError, Options, SqliteStore, Synchronous as SqliteSynchronous};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    agents::{self, LocalFile},
    config::{Configuration, ListenAddress, Loaded, Synchronous, UserRole},
    data_folder::{DataFolder, DataFolderError},
    housekeeping,
    signals::StopSignals,
};

/// How long transitions under way may take to commit when the server stops; with what follows it stays below 10 s.
const DRAIN: Duration = Duration::from_secs(7);

/// How long open requests may take to end after that.
const LAST_ANSWERS: std::time::Duration = std::time::Duration::from_secs(2);

/// Why the program can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder can't be used.
    #[error(transparent)]
    Folder(#[from] DataFolderError),
    /// The database can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Large values can't be kept.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file of agents is refused.
    #[error("{error}")]
    Agents {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: AgentsFileError,
    },
    /// The platform can't be spoken to.
    #[error(transparent)]
    Platform(#[from] agents::BadPlatformAddress),
    /// A host that outgoing requests may reach is none.
    #[error(transparent)]
    OutgoingHost(#[from] BadHost),
    /// Outgoing requests can't be made.
    #[error(transparent)]
    Outgoing(#[from] ClientError),
    /// The engine can't start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The first log-in can't be made.
    #[error("the first log-in can't be made: {0}")]
    FirstLogin(#[from] AccessFailure),
    /// The address is taken.
    #[error("{0} is taken by another program")]
    AddressTaken(ListenAddress),
    /// The address can't be used.
    #[error("{address} can't be listened on: {reason}")]
    Listen {
        /// The address.
        address: ListenAddress,
        /// Why.
        reason: io::Error,
    },
    /// The system refuses something that the program needs.
    #[error("the system refuses it: {0}")]
    System(#[from] io::Error),
}

/// The stores of a data folder, which this process has to itself.
pub struct Stores {
    /// The folder.
    pub folder: DataFolder,
    /// The database.
    pub sqlite: SqliteStore,
    blobs: FileBlobs,
    clock: Arc<SystemClock>,
}

/// Everything but the web server.
pub struct Application {
    /// The stores.
    pub stores: Stores,
    /// What the services stand on.
    pub ports: Ports,
    /// The engine.
    pub engine: Engine,
    /// Use cases of definitions.
    pub definitions: Definitions,
    /// Use cases of executions.
    pub executions: Executions,
    /// Use cases of approvals.
    pub approvals: Approvals,
    /// Use cases of users and keys.
    pub access: Access,
    /// Use cases of notifications.
    pub notifications: Notifications,
    /// What goes on beside the engine; it ends with this.
    background: JoinSet<()>,
}

/// Runs the server until it is told to stop. `prepare` is called before anyone is answered; `greet` as soon as everyone
/// is, with what was prepared and the address.
pub async fn serve<P>(
    loaded: &Loaded,
    prepare: impl AsyncFnOnce(&Application) -> Result<P, StartError>,
    greet: impl FnOnce(P, SocketAddr) -> io::Result<()>,
) -> Result<(), StartError> {
    let configuration = &loaded.configuration;
    let mut signals = StopSignals::listen()?;

    let stores = Stores::open(configuration).await?;
    let listener = listen(&configuration.listen).await?;
    let address = listener.local_addr()?;
    let http = HttpState::new(http_settings(configuration, &stores.folder)?);
    let web = procession_http::serve(listener, http.clone());

    let application = Application::start(stores, loaded).await?;
    let prepared = prepare(&application).await?;
    http.open(application.services());
    tracing::info!(%address, "ready");
    greet(prepared, address)?;

    let stop = signals.next().await;
    tracing::info!(?stop, "stopping");
    tokio::spawn(async move {
        signals.next().await;
        std::process::exit(crate::exit::Exit::Interrupted.code().into());
    });
    http.drain();
    application.engine.drain(DRAIN).await;
    web.stop(LAST_ANSWERS).await;
    application.stores.sqlite.close().await;
    Ok(())
}

impl Stores {
    /// Opens the data folder and its database, creating what is missing.
    pub async fn open(configuration: &Configuration) -> Result<Self, StartError> {
        let folder = DataFolder::open(configuration.data_dir())?;
        let sqlite = SqliteStore::open(database_options(configuration)).await?;
        let blobs = FileBlobs::open(folder.blobs()).await?;
        let clock = Arc::new(SystemClock::starting_at(sqlite.newest_event_time().await?));
        Ok(Self { folder, sqlite, blobs, clock })
    }

    /// All ports, with these agents.
    pub fn ports(&self, agents: Arc<Router>, configuration: &Configuration) -> Result<Ports, StartError> {
        let sqlite = Arc::new(self.sqlite.clone());
        let outgoing = SafeHttp::new(AllowedHosts::parse(&configuration.outgoing.allow)?)?;
        let settings = configuration.notifications.settings();
        let notifier = Notifier::new(sqlite.clone(), settings, outgoing, self.clock.clone());
        Ok(Ports {
            definitions: sqlite.clone(),
            executions: sqlite.clone(),
            approvals: sqlite.clone(),
            queries: sqlite.clone(),
            feed: sqlite.clone(),
            access: sqlite,
            blobs: Arc::new(self.blobs.clone()),
            agents,
            notifier: Arc::new(notifier),
            clock: self.clock.clone(),
            ids: Arc::new(UuidGenerator),
        })
    }

    /// Users and keys, without an engine.
    pub fn access(&self, configuration: &Configuration) -> Result<Access, StartError> {
        let (agents, _) = agents::router(configuration, self.clock.clone(), None)?;
        Ok(Access::new(self.ports(agents, configuration)?, access_settings(configuration)))
    }
}

impl Application {
    /// Starts everything on these stores.
    pub async fn start(stores: Stores, loaded: &Loaded) -> Result<Self, StartError> {
        let configuration = &loaded.configuration;
        let mut background = JoinSet::new();
        let (agents, platform) = agents::router(configuration, stores.clock.clone(), Some(stores.folder.path()))?;
        agents::end_leftovers(&agents);
        let file = read_agents(&agents, loaded).await?;
        background.spawn(file.follow(Arc::clone(&agents)));
        if let Some(platform) = platform {
            background.spawn(agents::check_platform(platform));
        }
        let ports = stores.ports(agents, configuration)?;
        background.spawn(housekeeping::keep_tidy(ports.clone()));
        let settings = engine_settings(configuration);
        let environment = configuration.environment.allow.iter().cloned().collect();
        let engine = Engine::start(ports.clone(), settings).await?;
        Ok(Self {
            definitions: Definitions::new(ports.clone(), configuration.engine.currency, environment),
            executions: Executions::new(ports.clone(), engine.clone()),
            approvals: Approvals::new(ports.clone(), engine.clone()),
            access: Access::new(ports.clone(), access_settings(configuration)),
            notifications: Notifications::new(ports.clone(), configuration.notifications.settings()),
            engine,
            ports,
            stores,
            background,
        })
    }

    /// Stops in order: transitions under way commit, and the database is closed.
    pub async fn stop(mut self) {
        self.engine.drain(DRAIN).await;
        self.background.abort_all();
        self.stores.sqlite.close().await;
    }

    fn services(&self) -> Services {
        Services {
            ports: self.ports.clone(),
            engine: self.engine.clone(),
            definitions: self.definitions.clone(),
            executions: self.executions.clone(),
            approvals: self.approvals.clone(),
            access: self.access.clone(),
            notifications: self.notifications.clone(),
        }
    }
}

/// The agents without stores and engine, to list and try them.
pub async fn only_agents(loaded: &Loaded) -> Result<(Arc<Router>, Option<Arc<Platform>>), StartError> {
    let clock = Arc::new(SystemClock::default());
    let (agents, platform) = agents::router(&loaded.configuration, clock, None)?;
    read_agents(&agents, loaded).await?;
    Ok((agents, platform))
}

async fn read_agents(agents: &Router, loaded: &Loaded) -> Result<LocalFile, StartError> {
    let path = loaded.configuration.agents_file();
    let read = LocalFile::read(agents, path.clone(), &loaded.origin("agents.file")).await;
    read.map_err(|error| StartError::Agents { path, error })
}

async fn listen(address: &ListenAddress) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind((address.host.as_str(), address.port)).await;
    bound.map_err(|reason| match reason.kind() {
        io::ErrorKind::AddrInUse => StartError::AddressTaken(address.clone()),
        _ => StartError::Listen { address: address.clone(), reason },
    })
}

/// How the database is opened.
pub fn database_options(configuration: &Configuration) -> Options {
    let synchronous = match configuration.database.synchronous {
        Synchronous::Full => SqliteSynchronous::Full,
        Synchronous::Normal => SqliteSynchronous::Normal,
    };
    Options { synchronous, ..Options::new(configuration.database_file()) }
}

fn access_settings(configuration: &Configuration) -> AccessSettings {
    AccessSettings { users_write_processes: configuration.auth.user_role == UserRole::Designer }
}

fn engine_settings(configuration: &Configuration) -> EngineSettings {
    let engine = &configuration.engine;
    EngineSettings {
        max_concurrent_executions: engine.max_concurrent_executions.get(),
        max_concurrent_instances: engine.max_concurrent_instances.map(std::num::NonZero::get),
        max_concurrent_steps: engine.max_concurrent_steps.get(),
        queue_length: engine.queue_length.get(),
        undefined: engine.undefined,
        inline_output: configuration.limits.inline_output.0,
        output: configuration.limits.output.0,
        currency: engine.currency,
        ..EngineSettings::default()
    }
}

fn http_settings(configuration: &Configuration, folder: &DataFolder) -> Result<HttpSettings, DataFolderError> {
    let secret_key = match &configuration.auth.secret_key {
        Some(configured) => configured.clone(),
        None => folder.secret_key()?,
    };
    let bytes = |size: crate::config::ByteSize| usize::try_from(size.0).unwrap_or(usize::MAX);
    Ok(HttpSettings {
        token_lifetime: configuration.auth.token_lifetime,
        body_limit: bytes(configuration.limits.body),
        definition_limit: bytes(configuration.limits.definition),
        starts_per_minute: configuration.limits.starts_per_minute,
        cors_origins: configuration.http.allowed_origins.clone(),
        trusted_proxies: configuration.http.trusted_proxies.clone(),
        ..HttpSettings::new(secret_key)
    })
}
