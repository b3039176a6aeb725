//! The composition root: configuration becomes an engine, the library that this program is built on, with a web server
//! before it.
//!
//! [`serve`] reads from top to bottom: configuration, store, engine, routes, and then it runs until it is told to stop.
//! `procession run` and the commands on users use the same parts without the web server.

use std::{
    collections::BTreeSet,
    io,
    net::{Ipv4Addr, SocketAddr},
    ops::Deref,
    path::PathBuf,
    sync::Arc,
};

use procession::{
    AgentSourceError, AgentSources, AgentsFileError, AllowedHosts, ApplicationSettings, BadHost, BuildError, Engine,
    FoundAgents, OpenError, Sqlite, SqliteError, SqliteOptions, Synchronous as SqliteSynchronous,
};
use procession_application::{
    Door,
    access::{Access, AccessFailure, AccessSettings},
    alerts::AlertSettings,
    definitions::DefinitionSettings,
    deliveries::{DeliverySettings, LinkKey, RetrySettings},
    engine::{EngineSettings, TakesUp},
    ports::{self, BlobError, EventFeed, ExecutionStore, Meter, StoreError},
    retention::RetentionPolicy,
    system::{SystemClock, UuidGenerator},
    variables::Variables,
};
use procession_domain::value::Duration;
use procession_http::{HttpSettings, HttpState};
use procession_store_sqlite::{FileBlobs, SqliteStore};
use procession_telemetry::{Follower, Metrics, MetricsError, TraceError, TraceExporter};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    archive::ArchiveFolder,
    config::{ByteSize, Configuration, ListenAddress, Loaded, Origin, Synchronous, UserRole},
    data_folder::{DataFolder, DataFolderError},
    host::Machine,
    journal, open_files,
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
    #[error("agents.mcp.url: {0}")]
    Platform(String),
    /// A host that outgoing requests may reach is none.
    #[error(transparent)]
    OutgoingHost(#[from] BadHost),
    /// The measurements can't be set up.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// Traces can't be exported.
    #[error(transparent)]
    Traces(#[from] TraceError),
    /// The engine can't be built.
    #[error(transparent)]
    Engine(BuildError),
    /// The first log-in can't be made.
    #[error("the first login can't be set up: {0}")]
    FirstLogin(#[from] AccessFailure),
    /// The address is taken.
    #[error("{0} is already in use by another program")]
    AddressTaken(ListenAddress),
    /// The address can't be used.
    #[error("can't listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: ListenAddress,
        /// Why.
        reason: io::Error,
    },
    /// The system refuses something that the program needs.
    #[error("the system refused it: {0}")]
    System(#[from] io::Error),
}

/// The stores of a data folder, which this process has to itself.
pub struct Stores {
    /// The folder.
    pub folder: DataFolder,
    sqlite: Sqlite,
}

/// Everything but the web server.
pub struct Application {
    /// The data folder.
    pub folder: DataFolder,
    engine: Engine,
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

    let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"))?);
    let stores = Stores::open_measured(configuration, Some(Arc::clone(&metrics) as _)).await?;
    let listener = listen(&configuration.listen).await?;
    let address = listener.local_addr()?;
    let settings = http_settings(configuration, &stores.folder)?;
    let http = HttpState::new(HttpSettings { meter: Some(Arc::clone(&metrics) as _), ..settings });
    let web = procession_http::serve(listener, http.clone());

    // Before the engine begins, so that the log misses nothing.
    let store = stores.sqlite.store();
    let (live, counted, traced) = (store.subscribe(), store.subscribe(), store.subscribe());
    let newest = store.newest().await?;
    let stop_export = CancellationToken::new();
    let exporter = configuration.telemetry.traces().map(|settings| {
        let marks = Arc::new(store.clone());
        TraceExporter::new(&settings, Arc::clone(&metrics), marks, stop_export.clone())
    });
    let exporter = exporter.transpose()?;
    let application =
        Application::start_at(stores, loaded, TakesUp::All, Some((address, Arc::clone(&metrics) as _))).await?;
    tokio::spawn(journal::keep(application.events.clone(), live.into()));
    let follower = Follower::new(application.events.clone(), counted.into(), newest);
    let running = application.engine.application().clone();
    let export = exporter.map(|exporter| tokio::spawn(exporter.export(running.clone(), traced.into(), newest)));
    tokio::spawn(async move { metrics.count(&running, follower).await });
    let retention = tokio::spawn(application.retention.clone().keep());
    let prepared = prepare(&application).await?;
    http.open(application.engine.application().clone());
    tracing::info!(%address, "ready");
    if let Err(error) = greet(prepared, address) {
        tracing::warn!(%error, "the greeting can't be written; the server runs all the same");
    }

    let stop = signals.next().await;
    tracing::info!(?stop, "stopping");
    tokio::spawn(async move {
        signals.next().await;
        std::process::exit(crate::exit::Exit::Interrupted.code().into());
    });
    http.drain();
    retention.abort();
    application.drain(DRAIN).await;
    stop_export.cancel();
    web.stop(LAST_ANSWERS).await;
    if let Some(export) = export {
        // It ends within two seconds; a defect of it keeps nothing from ending.
        let _ = export.await;
    }
    application.engine.close().await;
    Ok(())
}

impl Stores {
    /// Opens the data folder and its database, creating what is missing.
    pub async fn open(configuration: &Configuration) -> Result<Self, StartError> {
        Self::open_measured(configuration, None).await
    }

    /// The same, where a meter is told how long transactions take.
    async fn open_measured(configuration: &Configuration, meter: Option<Arc<dyn Meter>>) -> Result<Self, StartError> {
        let folder = DataFolder::open(configuration.data_dir())?;
        let options = SqliteOptions { meter, ..database_options(configuration) };
        let sqlite = Sqlite::open_with(options, configuration.blobs()).await?;
        sqlite.store().seal_with(secret_key(configuration, &folder)?.expose_secret()).await?;
        Ok(Self { folder, sqlite })
    }

    /// All of them, as the application takes them.
    pub fn ports(&self) -> ports::Stores {
        procession::Store::stores(&self.sqlite)
    }

    /// Users and keys, without an engine.
    pub async fn access(&self, configuration: &Configuration) -> Result<Access, StartError> {
        let store = Arc::new(self.sqlite.store().clone());
        let clock = Arc::new(SystemClock::starting_at(store.newest_event_time().await?));
        let settings = access_settings(configuration);
        let ids: Arc<UuidGenerator> = Arc::new(UuidGenerator);
        let door = Door::with_audit(Arc::clone(&store) as _, Arc::clone(&clock) as _, Arc::clone(&ids) as _);
        Ok(Access::new(store, clock, ids, door, settings))
    }

    /// Writes what waits and closes the database.
    pub async fn close(&self) {
        self.sqlite.store().close().await;
    }
}

impl Deref for Application {
    type Target = procession_application::Application;

    fn deref(&self) -> &procession_application::Application {
        self.engine.application()
    }
}

impl Application {
    /// Starts everything on these stores, without a web server.
    pub async fn start(stores: Stores, loaded: &Loaded, takes_up: TakesUp) -> Result<Self, StartError> {
        Self::start_at(stores, loaded, takes_up, None).await
    }

    /// Starts everything on these stores, for a web server at this address that has a meter.
    async fn start_at(
        stores: Stores,
        loaded: &Loaded,
        takes_up: TakesUp,
        server: Option<(SocketAddr, Arc<dyn Meter>)>,
    ) -> Result<Self, StartError> {
        let configuration = &loaded.configuration;
        let (address, meter) = server.unzip();
        let deliveries = delivery_settings(configuration, &stores.folder, address, meter)?;
        let engine = Engine::builder()
            .store(stores.sqlite)
            .agents_from(agent_sources(loaded).followed().data_folder(stores.folder.path()))
            .notifications(AllowedHosts::parse(&configuration.outgoing.allow)?)
            .settings(ApplicationSettings { deliveries, ..settings(configuration, takes_up) })
            .build()
            .await?;
        Ok(Self { folder: stores.folder, engine })
    }

    /// Shuts down gracefully: transitions under way commit, and the database is closed.
    pub async fn stop(self) {
        self.engine.drain(DRAIN.to_std()).await;
    }
}

/// The stores of a data folder to read only, beside a server that may have it open.
pub async fn stores_to_read(configuration: &Configuration) -> Result<ports::Stores, StartError> {
    let store = SqliteStore::open_to_read(database_options(configuration)).await?;
    let blobs = FileBlobs::open(configuration.blobs()).await?;
    Ok(ports::Stores::of(&Arc::new(store), Arc::new(blobs)))
}

/// The agents without stores and engine, to list and try them.
pub async fn only_agents(loaded: &Loaded) -> Result<FoundAgents, StartError> {
    Ok(agent_sources(loaded).find(Arc::new(SystemClock::default())).await?)
}

/// All agents that are configured: those of the file, and the platform's.
fn agent_sources(loaded: &Loaded) -> AgentSources {
    let settings = &loaded.configuration.agents;
    let mut sources = AgentSources::default()
        .file(loaded.configuration.agents_file())
        // The operator writes this file, so it may name any variable.
        .environment(|name| std::env::var(name).ok())
        .allow_commands(settings.allow_commands)
        .price_list(settings.price_list);
    // That there is no file is right unless someone has named it.
    if loaded.origin("agents.file") == Origin::Default {
        sources = sources.may_be_missing();
    }
    match &settings.mcp.url {
        Some(url) => sources
            .platform(url.as_str(), settings.mcp.api_key.clone())
            .polling(settings.mcp.poll_first, settings.mcp.poll_most),
        None => sources,
    }
}

async fn listen(address: &ListenAddress) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind((address.host.as_str(), address.port)).await;
    bound.map_err(|reason| match reason.kind() {
        io::ErrorKind::AddrInUse => StartError::AddressTaken(address.clone()),
        _ => StartError::Listen { address: address.clone(), reason },
    })
}

/// How the database is opened.
pub fn database_options(configuration: &Configuration) -> SqliteOptions {
    let synchronous = match configuration.database.synchronous {
        Synchronous::Full => SqliteSynchronous::Full,
        Synchronous::Normal => SqliteSynchronous::Normal,
    };
    SqliteOptions { synchronous, ..SqliteOptions::new(configuration.database_file()) }
}

fn access_settings(configuration: &Configuration) -> AccessSettings {
    AccessSettings { users_write_processes: configuration.auth.user_role == UserRole::Designer }
}

fn settings(configuration: &Configuration, takes_up: TakesUp) -> ApplicationSettings {
    ApplicationSettings {
        engine: EngineSettings { takes_up, ..engine_settings(configuration) },
        definitions: DefinitionSettings {
            currency: configuration.engine.currency,
            environment: configuration.environment.allow.iter().cloned().collect(),
            largest_text: bytes(configuration.limits.definition),
        },
        access: access_settings(configuration),
        notifications: configuration.notifications.settings(),
        starts_per_minute: configuration.limits.starts_per_minute,
        variables: variables(configuration),
        retention: retention_policy(configuration),
        archive: configuration.retention.export.clone().map(|folder| {
            let clock = Arc::new(SystemClock::default());
            Arc::new(ArchiveFolder::new(folder, clock)) as _
        }),
        ..ApplicationSettings::default()
    }
}

const fn retention_policy(configuration: &Configuration) -> RetentionPolicy {
    let kept = &configuration.retention;
    RetentionPolicy {
        events: kept.events,
        executions: kept.executions,
        outputs: kept.outputs,
        deliveries: kept.deliveries,
        audit: kept.audit,
    }
}

/// What definitions may read of this process's environment: what the operator names, as it is when it is read.
fn variables(configuration: &Configuration) -> Variables {
    let allowed: BTreeSet<String> = configuration.environment.allow.iter().cloned().collect();
    Variables::new(move |name| allowed.contains(name).then(|| std::env::var(name).ok()).flatten())
}

fn delivery_settings(
    configuration: &Configuration,
    folder: &DataFolder,
    address: Option<SocketAddr>,
    meter: Option<Arc<dyn Meter>>,
) -> Result<DeliverySettings, DataFolderError> {
    let public_url = match &configuration.http.public_url {
        Some(url) => Some(url.as_str().trim_end_matches('/').to_owned()),
        None => address.map(own_url),
    };
    Ok(DeliverySettings {
        retry: RetrySettings {
            attempts: configuration.deliveries.attempts.get(),
            delays: configuration.deliveries.delays.clone(),
        },
        // What is wrong with them was told when the configuration was loaded.
        webhooks: configuration.webhooks.settings().unwrap_or_default(),
        public_url,
        link_key: Some(LinkKey::of_secret(secret_key(configuration, folder)?.expose_secret())),
        meter,
    })
}

/// Where the server is reached on this machine.
fn own_url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    format!("http://{address}")
}

fn bytes(size: ByteSize) -> usize {
    usize::try_from(size.0).unwrap_or(usize::MAX)
}

fn count(number: std::num::NonZeroU32) -> usize {
    usize::try_from(number.get()).unwrap_or(usize::MAX)
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
        calendar: configuration.alerts.timezone.calendar(),
        alerts: AlertSettings {
            channel: configuration.alerts.channel.clone(),
            recipients: configuration.alerts.recipients.clone(),
        },
        traces: configuration.telemetry.sampling(),
        ..EngineSettings::default()
    }
}

/// The key that signs tokens and, by another derived from it, seals secrets. Whoever asks has the folder to itself.
fn secret_key(configuration: &Configuration, folder: &DataFolder) -> Result<SecretString, DataFolderError> {
    match &configuration.auth.secret_key {
        Some(configured) => Ok(configured.clone()),
        None => folder.secret_key(),
    }
}

fn http_settings(configuration: &Configuration, folder: &DataFolder) -> Result<HttpSettings, DataFolderError> {
    let secret_key = secret_key(configuration, folder)?;
    Ok(HttpSettings {
        token_lifetime: configuration.auth.token_lifetime,
        body_limit: bytes(configuration.limits.body),
        cors_origins: configuration.http.allowed_origins.clone(),
        trusted_proxies: configuration.http.trusted_proxies.clone(),
        host_meter: Machine::with_data_in(folder.path().to_owned()).map(|machine| Arc::new(machine) as _),
        public_metrics: configuration.metrics.public,
        max_connections: open_files::connections(count(configuration.http.max_connections)),
        max_connections_per_address: configuration.http.max_connections_per_address.map(count),
        ..HttpSettings::new(secret_key)
    })
}

impl From<SqliteError> for StartError {
    fn from(error: SqliteError) -> Self {
        match error {
            SqliteError::Open(error) => Self::Open(error),
            SqliteError::Blobs(error) => Self::Blobs(error),
            SqliteError::Temporary(error) => Self::System(error),
        }
    }
}

impl From<AgentSourceError> for StartError {
    fn from(error: AgentSourceError) -> Self {
        match error {
            AgentSourceError::File { path, error } => Self::Agents { path, error },
            AgentSourceError::PlatformAddress(reason) => Self::Platform(reason),
        }
    }
}

impl From<BuildError> for StartError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Agents(error) => error.into(),
            BuildError::Store(error) => Self::Store(error),
            other => Self::Engine(other),
        }
    }
}
