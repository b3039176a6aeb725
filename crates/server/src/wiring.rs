//! The composition root: the one place that names every adapter.
//!
//! [`serve`] reads from top to bottom: configuration, stores, agents, engine, services, routes, and then it runs until it is
//! told to stop. `procession run` and the commands on users use the same parts without the web server.

use std::{io, net::SocketAddr, ops::Deref, path::PathBuf, sync::Arc};

use procession_agents::{AgentsFileError, Platform, Router};
use procession_application::{
    ApplicationSettings, Door,
    access::{Access, AccessFailure, AccessSettings},
    definitions::DefinitionSettings,
    engine::{EngineError, EngineSettings},
    housekeeping::Housekeeping,
    ports::{self, BlobError, ExecutionStore, Ports, StoreError},
    system::{SystemClock, UuidGenerator},
};
use procession_domain::value::Duration;
use procession_http::{HttpSettings, HttpState};
use procession_notifications::{AllowedHosts, BadHost, ClientError, Notifications as Notifier, SafeHttp};
use procession_store_sqlite::{FileBlobs, OpenError, Options, SqliteStore, Synchronous as SqliteSynchronous};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    agents::{self, LocalFile},
    config::{ByteSize, Configuration, ListenAddress, Loaded, Synchronous, UserRole},
    data_folder::{DataFolder, DataFolderError},
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
    /// The engine and its services.
    behind: procession_application::Application,
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
    http.open(application.behind.clone());
    tracing::info!(%address, "ready");
    greet(prepared, address)?;

    let stop = signals.next().await;
    tracing::info!(?stop, "stopping");
    tokio::spawn(async move {
        signals.next().await;
        std::process::exit(crate::exit::Exit::Interrupted.code().into());
    });
    http.drain();
    application.behind.drain(DRAIN).await;
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
        let stores = ports::Stores::of(&sqlite, Arc::new(self.blobs.clone()));
        Ok(Ports::on(stores, agents, Arc::new(notifier), self.clock.clone(), Arc::new(UuidGenerator)))
    }

    /// Users and keys, without an engine.
    pub fn access(&self, configuration: &Configuration) -> Access {
        let (store, settings) = (Arc::new(self.sqlite.clone()), access_settings(configuration));
        Access::new(store, self.clock.clone(), Arc::new(UuidGenerator), Door::default(), settings)
    }
}

impl Deref for Application {
    type Target = procession_application::Application;

    fn deref(&self) -> &procession_application::Application {
        &self.behind
    }
}

impl Application {
    /// Starts everything on these stores.
    pub async fn start(stores: Stores, loaded: &Loaded) -> Result<Self, StartError> {
        let configuration = &loaded.configuration;
        let mut background = JoinSet::new();
        let (agents, platform) = agents::router(configuration, stores.clock.clone());
        let file = read_agents(&agents, loaded).await?;
        background.spawn(file.follow(Arc::clone(&agents)));
        if let Some(platform) = platform {
            background.spawn(agents::check_platform(platform));
        }
        let ports = stores.ports(agents, configuration)?;
        let (executions, blobs) = (Arc::clone(&ports.executions), Arc::clone(&ports.blobs));
        background.spawn(Housekeeping::new(executions, blobs, Arc::clone(&ports.clock)).keep_tidy());
        let behind = procession_application::Application::start(ports, settings(configuration)).await?;
        Ok(Self { stores, behind, background })
    }

    /// Stops in order: transitions under way commit, and the database is closed.
    pub async fn stop(mut self) {
        self.behind.drain(DRAIN).await;
        self.background.abort_all();
        self.stores.sqlite.close().await;
    }
}

/// The agents without stores and engine, to list and try them.
pub async fn only_agents(loaded: &Loaded) -> Result<(Arc<Router>, Option<Arc<Platform>>), StartError> {
    let clock = Arc::new(SystemClock::default());
    let (agents, platform) = agents::router(&loaded.configuration, clock);
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

fn settings(configuration: &Configuration) -> ApplicationSettings {
    ApplicationSettings {
        engine: engine_settings(configuration),
        definitions: DefinitionSettings {
            currency: configuration.engine.currency,
            environment: configuration.environment.allow.iter().cloned().collect(),
            largest_text: bytes(configuration.limits.definition),
        },
        access: access_settings(configuration),
        notifications: configuration.notifications.settings(),
        starts_per_minute: configuration.limits.starts_per_minute,
    }
}

fn bytes(size: ByteSize) -> usize {
    usize::try_from(size.0).unwrap_or(usize::MAX)
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
    Ok(HttpSettings {
        token_lifetime: configuration.auth.token_lifetime,
        body_limit: bytes(configuration.limits.body),
        cors_origins: configuration.http.allowed_origins.clone(),
        trusted_proxies: configuration.http.trusted_proxies.clone(),
        ..HttpSettings::new(secret_key)
    })
}
