//! Agents of an `agents.yaml`, read again when it changes, and those of the platform.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

pub use procession_agents::{AgentsFileError, Environment, install_tls};
use procession_agents::{Platform, PlatformSettings, Proxies, Router, Surroundings};
use procession_application::ports::{AgentGateway, Clock};
use procession_domain::value::Duration;
use secrecy::SecretString;
use tokio::task::JoinSet;

/// How often a file is looked at.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_secs(1);

/// Where agents are found that are no functions of the program.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct AgentSources {
    file: Option<PathBuf>,
    may_be_missing: bool,
    is_followed: bool,
    platform: Option<PlatformSource>,
    data_folder: Option<PathBuf>,
    environment: Environment,
    allow_commands: bool,
    price_list: bool,
}

/// A platform, and how often its work is looked at where that was said.
#[derive(Clone)]
struct PlatformSource {
    url: String,
    key: Option<SecretString>,
    polling: Option<(Duration, Duration)>,
}

/// Agents that were found.
pub struct FoundAgents {
    router: Arc<Router>,
    platform: Option<Arc<Platform>>,
    file: Option<SeenFile>,
}

/// A file, and its state when it was read.
struct SeenFile {
    path: PathBuf,
    seen: Option<FileState>,
}

/// What tells one state of a file from the next: when it was written, and its size.
type FileState = (Option<SystemTime>, u64);

/// Why agents can't be used.
#[derive(Debug, thiserror::Error)]
pub enum AgentSourceError {
    /// The file is refused.
    #[error("{error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: AgentsFileError,
    },
    /// The platform's address is none.
    #[error("the platform's address: {0}")]
    PlatformAddress(String),
}

impl Default for AgentSources {
    fn default() -> Self {
        Self {
            file: None,
            may_be_missing: false,
            is_followed: false,
            platform: None,
            data_folder: None,
            environment: Arc::new(|_| None),
            allow_commands: false,
            price_list: false,
        }
    }
}

impl AgentSources {
    /// The agents of this file, which must be there.
    #[must_use]
    pub fn file(self, path: impl Into<PathBuf>) -> Self {
        Self { file: Some(path.into()), ..self }
    }

    /// That the file is not there is no error: then it holds no agents.
    #[must_use]
    pub fn may_be_missing(self) -> Self {
        Self { may_be_missing: true, ..self }
    }

    /// Reads the file again whenever it changes. A bad file is refused, and the agents in force stay.
    #[must_use]
    pub fn followed(self) -> Self {
        Self { is_followed: true, ..self }
    }

    /// The agents of the platform whose MCP server is at this address; without a key only a server that checks none
    /// answers.
    #[must_use]
    pub fn platform(self, url: impl Into<String>, key: Option<SecretString>) -> Self {
        Self { platform: Some(PlatformSource { url: url.into(), key, polling: None }), ..self }
    }

    /// How soon the platform's work is looked at first, and the longest time from one look to the next.
    #[must_use]
    pub fn polling(mut self, first: Duration, most: Duration) -> Self {
        if let Some(platform) = &mut self.platform {
            platform.polling = Some((first, most));
        }
        self
    }

    /// The folder that this process has to itself. Programs of agents that an earlier one has left behind are ended.
    #[must_use]
    pub fn data_folder(self, path: impl Into<PathBuf>) -> Self {
        Self { data_folder: Some(path.into()), ..self }
    }

    /// What `${ENV:NAME}` means in the file, and through which proxies agents are reached (`HTTP_PROXY`, `HTTPS_PROXY`,
    /// `NO_PROXY`). By default it means nothing: a library reads no environment on its own.
    #[must_use]
    pub fn environment(self, look_up: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { environment: Arc::new(look_up), ..self }
    }

    /// Whether agents of kind `command` may run; by default they may not.
    #[must_use]
    pub fn allow_commands(self, allow: bool) -> Self {
        Self { allow_commands: allow, ..self }
    }

    /// Whether models whose agents have no `price` cost what the price list says that comes with the program; by default
    /// their cost is unknown.
    #[must_use]
    pub fn price_list(self, use_it: bool) -> Self {
        Self { price_list: use_it, ..self }
    }

    /// Reads the file, and makes the way to all agents.
    ///
    /// # Errors
    /// If the file is missing or has mistakes, or the platform's address is none.
    pub async fn find(&self, clock: Arc<dyn Clock>) -> Result<FoundAgents, AgentSourceError> {
        let platform = match &self.platform {
            Some(source) => Some(Arc::new(Platform::new(self.platform_settings(source)?, Arc::clone(&clock)))),
            None => None,
        };
        let environment = Arc::clone(&self.environment);
        let surroundings =
            Surroundings { clock, environment, allow_commands: self.allow_commands, price_list: self.price_list };
        let router = Router::new(surroundings, platform.clone());
        let router = Arc::new(match &self.data_folder {
            Some(folder) => router.of_data_folder(folder),
            None => router,
        });
        let left_behind = router.end_leftovers();
        if left_behind > 0 {
            tracing::warn!(
                count = left_behind,
                "programs of agents had outlived the server before this one, and were ended"
            );
        }
        let file = match &self.file {
            None => None,
            Some(path) => {
                // A change that comes while it is read is seen as one afterwards.
                let seen = state_of(path).await;
                match router.reload(path).await {
                    Ok(_) => {}
                    Err(AgentsFileError::Missing(_)) if self.may_be_missing => {}
                    Err(error) => return Err(AgentSourceError::File { path: path.clone(), error }),
                }
                self.is_followed.then(|| SeenFile { path: path.clone(), seen })
            }
        };
        Ok(FoundAgents { router, platform, file })
    }

    fn platform_settings(&self, source: &PlatformSource) -> Result<PlatformSettings, AgentSourceError> {
        let settings = PlatformSettings::new(source.url.as_str(), source.key.clone());
        let mut settings = settings.map_err(AgentSourceError::PlatformAddress)?;
        settings.proxies = Proxies::from_environment(&self.environment);
        if let Some((first, most)) = source.polling {
            settings.poll_first = first;
            settings.poll_most = most;
        }
        Ok(settings)
    }
}

impl FoundAgents {
    /// The way to them.
    pub fn gateway(&self) -> Arc<dyn AgentGateway> {
        Arc::clone(&self.router) as _
    }

    /// Does what goes on beside them: follows the file, and says in the log whether the platform can be used.
    pub(crate) fn look_after(self, background: &mut JoinSet<()>) {
        if let Some(file) = self.file {
            background.spawn(file.follow(self.router));
        }
        if let Some(platform) = self.platform {
            background.spawn(check_platform(platform));
        }
    }
}

impl SeenFile {
    async fn follow(mut self, router: Arc<Router>) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = state_of(&self.path).await;
            if now == self.seen {
                continue;
            }
            self.seen = now;
            let file = self.path.display();
            match router.reload(&self.path).await {
                Ok(count) => tracing::info!(count, %file, "the agents were read again"),
                Err(error) => tracing::error!(%file, %error, "the file is refused; the agents in force stay"),
            }
        }
    }
}

async fn check_platform(platform: Arc<Platform>) {
    match platform.check().await {
        Ok(()) => tracing::info!("the platform's agents can be used"),
        Err(failure) => tracing::warn!(%failure, "the platform's agents can't be used now"),
    }
}

async fn state_of(path: &Path) -> Option<FileState> {
    let metadata = tokio::fs::metadata(path).await.ok()?;
    Some((metadata.modified().ok(), metadata.len()))
}
