//! The configuration (spec 8.2): typed values, and where each of them came from.
//!
//! [`KEYS`] is the one table of keys: reading, `config show` and the generated page `docs/configuration.md` walk it. A new
//! key is one field of [`Configuration`] and one line there.
//!
//! Flags beat the environment, that beats the file, and that the defaults. Every problem is reported at once.

mod docs;
mod environment;
mod file;
mod keys;
mod load;
mod log_filter;
mod notifications;
mod suggest;
mod telemetry;
#[cfg(test)]
mod tests;
mod values;
mod webhooks;

use std::{
    collections::BTreeMap,
    fmt,
    net::IpAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
};

pub use docs::configuration_page;
pub use file::unknown as unknown_key;
pub use keys::{KEYS, Key};
pub use load::{ConfigurationError, FlagValue, Sources, load};
pub use log_filter::LogFilter;
pub use notifications::{Channels, Notifications, Smtp};
use procession_application::{deliveries::RetrySettings, retention::RetentionPolicy};
use procession_domain::{
    definition::UndefinedRule,
    value::{Currency, Duration},
};
use secrecy::SecretString;
pub use telemetry::{OtlpHeaders, OtlpProtocol, Share, Telemetry};
pub use values::{ByteSize, DatabaseUrl, ListenAddress, LogFormat, Synchronous, UserRole, Zone};
pub use webhooks::Webhooks;

/// Everything that can be set.
#[derive(Debug, Clone, Default)]
pub struct Configuration {
    /// Where the server listens.
    pub listen: ListenAddress,
    /// The data folder.
    pub data_dir: DataDir,
    /// The database.
    pub database: Database,
    /// Who is let in.
    pub auth: Auth,
    /// Agents.
    pub agents: Agents,
    /// Cost alerts.
    pub alerts: Alerts,
    /// The engine.
    pub engine: Engine,
    /// Sizes and rates.
    pub limits: Limits,
    /// The web server.
    pub http: Http,
    /// Notifications.
    pub notifications: Notifications,
    /// Deliveries.
    pub deliveries: Deliveries,
    /// Webhooks that hear of all processes.
    pub webhooks: Webhooks,
    /// Outgoing requests.
    pub outgoing: Outgoing,
    /// What definitions may read of the environment.
    pub environment: Environment,
    /// For how long things are kept.
    pub retention: Retention,
    /// Measurements.
    pub metrics: Metrics,
    /// Traces.
    pub telemetry: Telemetry,
    /// Logs.
    pub log: Log,
}

/// The data folder's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDir(pub PathBuf);

/// Settings of the database.
#[derive(Debug, Clone, Default)]
pub struct Database {
    /// Which database; by default a SQLite file in the data folder.
    pub url: Option<DatabaseUrl>,
    /// When a commit is on the disk.
    pub synchronous: Synchronous,
}

/// Settings of authentication.
#[derive(Debug, Clone)]
pub struct Auth {
    /// Signs tokens; without one, the data folder's is used.
    pub secret_key: Option<SecretString>,
    /// The password that the user `admin` gets at the first start.
    pub admin_password: Option<SecretString>,
    /// What the stored role `user` means.
    pub user_role: UserRole,
    /// How long a login lasts.
    pub token_lifetime: Duration,
}

/// Settings of agents.
#[derive(Debug, Clone, Default)]
pub struct Agents {
    /// The file of local agents; by default in the data folder.
    pub file: Option<PathBuf>,
    /// The platform's MCP server.
    pub mcp: Mcp,
    /// Whether agents may be programs on this machine.
    pub allow_commands: bool,
    /// Whether models without a price cost what the price list says.
    pub price_list: bool,
}

/// The platform's MCP server.
#[derive(Debug, Clone)]
pub struct Mcp {
    /// Its address.
    pub url: Option<values::WebAddress>,
    /// Its key.
    pub api_key: Option<SecretString>,
    /// How soon its work is looked at first.
    pub poll_first: Duration,
    /// The longest time from one look to the next.
    pub poll_most: Duration,
}

/// Settings of cost alerts.
#[derive(Debug, Clone, Default)]
pub struct Alerts {
    /// The zone whose days and weeks count.
    pub timezone: Zone,
    /// The channel through which people are told.
    pub channel: Option<String>,
    /// Who is told, by channels that have recipients.
    pub recipients: Vec<String>,
}

/// Settings of the engine.
#[derive(Debug, Clone)]
pub struct Engine {
    /// Root executions in work at once.
    pub max_concurrent_executions: NonZeroU32,
    /// Executions of one process at once, where it does not say.
    pub max_concurrent_instances: Option<NonZeroU32>,
    /// Calls of one execution in flight at once, where its process does not say.
    pub max_concurrent_steps: NonZeroU32,
    /// Executions that may wait to start.
    pub queue_length: NonZeroU32,
    /// What undefined references do in processes that don't say.
    pub undefined: Option<UndefinedRule>,
    /// The currency in which costs are counted.
    pub currency: Currency,
}

/// Sizes and rates.
#[derive(Debug, Clone)]
pub struct Limits {
    /// A request's body.
    pub body: ByteSize,
    /// A definition's text.
    pub definition: ByteSize,
    /// Values up to this size are kept in the database.
    pub inline_output: ByteSize,
    /// Larger values are refused.
    pub output: ByteSize,
    /// Starts a minute by one user; 0 = no limit.
    pub starts_per_minute: u32,
}

/// Settings of the web server.
#[derive(Debug, Clone)]
pub struct Http {
    /// Where people and programs reach the server.
    pub public_url: Option<values::WebAddress>,
    /// Other origins whose pages may call the API.
    pub allowed_origins: Vec<String>,
    /// Reverse proxies, which are believed when they say for whom they ask.
    pub trusted_proxies: Vec<IpAddr>,
    /// Connections at once.
    pub max_connections: NonZeroU32,
    /// Of them by one address.
    pub max_connections_per_address: Option<NonZeroU32>,
}

/// Settings of deliveries.
#[derive(Debug, Clone)]
pub struct Deliveries {
    /// How often one is tried.
    pub attempts: NonZeroU32,
    /// How long after each failure.
    pub delays: Vec<Duration>,
}

/// Settings of outgoing requests.
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    /// Hosts that may be reached although they are private.
    pub allow: Vec<String>,
}

/// What definitions may read of the environment.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// Names of variables.
    pub allow: Vec<String>,
}

/// For how long things are kept after their end; no time at all is for ever.
#[derive(Debug, Clone)]
pub struct Retention {
    /// Events of executions.
    pub events: Duration,
    /// Executions, with all that belongs to them.
    pub executions: Duration,
    /// Inputs, outputs and messages of executions.
    pub outputs: Duration,
    /// What was delivered to others.
    pub deliveries: Duration,
    /// Entries of the audit trail.
    pub audit: Duration,
    /// The folder to which executions are written before they are removed.
    pub export: Option<PathBuf>,
}

/// Settings of measurements.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Whether everyone may read them.
    pub public: bool,
}

/// Settings of logs.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// What is logged.
    pub filter: LogFilter,
    /// The output format.
    pub format: LogFormat,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origin {
    /// Nobody set it.
    #[default]
    Default,
    /// A line of the file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
    },
    /// A variable of the environment.
    Environment(String),
    /// A flag of the command line.
    Flag(&'static str),
}

/// A configuration with the origins of its values.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The values in force.
    pub configuration: Configuration,
    /// The origin of each value that someone set, by key.
    origins: BTreeMap<&'static str, Origin>,
}

impl Loaded {
    /// Where a key's value came from.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or_default()
    }
}

impl Configuration {
    /// The data folder.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir.0
    }

    /// The file of local agents.
    pub fn agents_file(&self) -> PathBuf {
        self.agents.file.clone().unwrap_or_else(|| self.data_dir().join("agents.yaml"))
    }

    /// The folder of large values.
    pub fn blobs(&self) -> PathBuf {
        self.data_dir().join("blobs")
    }

    /// The database's file.
    pub fn database_file(&self) -> PathBuf {
        match &self.database.url {
            Some(DatabaseUrl::Sqlite(path)) => path.clone(),
            None => self.data_dir().join("procession.db"),
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        let RetentionPolicy { events, executions, outputs, deliveries, audit } = RetentionPolicy::USUAL;
        Self { events, executions, outputs, deliveries, audit, export: None }
    }
}

impl Default for DataDir {
    fn default() -> Self {
        Self("procession-data".into())
    }
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            secret_key: None,
            admin_password: None,
            user_role: UserRole::default(),
            token_lifetime: Duration::from_secs(7 * 24 * 3_600),
        }
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            max_concurrent_executions: values::count(1_000),
            max_concurrent_instances: None,
            max_concurrent_steps: values::count(50),
            queue_length: values::count(10_000),
            undefined: None,
            currency: Currency::USD,
        }
    }
}

impl Default for Mcp {
    fn default() -> Self {
        Self { url: None, api_key: None, poll_first: Duration::from_millis(250), poll_most: Duration::from_secs(5) }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            public_url: None,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            max_connections: values::count(10_000),
            max_connections_per_address: None,
        }
    }
}

impl Default for Deliveries {
    fn default() -> Self {
        let RetrySettings { attempts, delays } = RetrySettings::default();
        Self { attempts: values::count(attempts), delays }
    }
}

impl Default for Limits {
    fn default() -> Self {
        const KIB: u64 = 1024;
        const MIB: u64 = 1024 * KIB;
        Self {
            body: ByteSize(2 * MIB),
            definition: ByteSize(MIB),
            inline_output: ByteSize(64 * KIB),
            output: ByteSize(16 * MIB),
            starts_per_minute: 0,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}
