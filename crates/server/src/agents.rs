//! The agents of this server: the local file, read again when it changes, and the platform.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use procession_agents::{AgentsFileError, Environment, Platform, PlatformSettings, Proxies, Router, Surroundings};
use procession_application::ports::Clock;

use crate::config::{Configuration, Mcp, Origin};

/// How often the file is looked at.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_secs(1);

/// The agents' settings can't be used.
#[derive(Debug, thiserror::Error)]
#[error("agents.mcp.url: {0}")]
pub struct BadPlatformAddress(String);

/// The router to all agents that are configured, with no local ones yet; for the server of a data folder, if there is
/// one.
pub fn router(
    configuration: &Configuration,
    clock: Arc<dyn Clock>,
    data_folder: Option<&Path>,
) -> Result<(Arc<Router>, Option<Arc<Platform>>), BadPlatformAddress> {
    // The operator writes the file of agents, so it may name any variable.
    let environment: Environment = Arc::new(|name| std::env::var(name).ok());
    let settings = &configuration.agents;
    let platform = match &settings.mcp.url {
        Some(url) => {
            let settings = platform_settings(url.as_str(), &settings.mcp, &environment).map_err(BadPlatformAddress)?;
            Some(Arc::new(Platform::new(settings, Arc::clone(&clock))))
        }
        None => None,
    };
    let surroundings = Surroundings { clock, environment, allow_commands: settings.allow_commands };
    let router = Router::new(surroundings, platform.clone());
    let router = match data_folder {
        Some(folder) => router.of_data_folder(folder),
        None => router,
    };
    Ok((Arc::new(router), platform))
}

fn platform_settings(url: &str, mcp: &Mcp, environment: &Environment) -> Result<PlatformSettings, String> {
    let mut settings = PlatformSettings::new(url, mcp.api_key.clone())?;
    settings.proxies = Proxies::from_environment(environment);
    settings.poll_first = mcp.poll_first;
    settings.poll_most = mcp.poll_most;
    Ok(settings)
}

/// Ends the programs that an earlier server of the data folder has left behind.
pub fn end_leftovers(router: &Router) {
    let count = router.end_leftovers();
    if count > 0 {
        tracing::warn!(count, "programs of agents had outlived the server before this one, and were ended");
    }
}

/// The file of local agents.
#[derive(Debug)]
pub struct LocalFile {
    path: PathBuf,
    seen: Option<FileState>,
}

/// What tells one state of a file from the next: when it was written, and its size.
type FileState = (Option<SystemTime>, u64);

impl LocalFile {
    /// Puts the agents of the file in force. That there is none is right unless someone has named it.
    pub async fn read(router: &Router, path: PathBuf, origin: &Origin) -> Result<Self, AgentsFileError> {
        // A change that comes while it is read is seen as one afterwards.
        let seen = state_of(&path).await;
        match router.reload(&path).await {
            Ok(_) => {}
            Err(AgentsFileError::Missing(_)) if *origin == Origin::Default => {}
            Err(error) => return Err(error),
        }
        Ok(Self { path, seen })
    }

    /// Reads the file again whenever it changes. A bad file is refused, and the agents in force stay.
    pub async fn follow(mut self, router: Arc<Router>) {
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

/// Says in the log whether the platform can be used, without holding up the start.
pub async fn check_platform(platform: Arc<Platform>) {
    match platform.check().await {
        Ok(()) => tracing::info!("the platform's agents can be used"),
        Err(failure) => tracing::warn!(%failure, "the platform's agents can't be used now"),
    }
}

async fn state_of(path: &Path) -> Option<FileState> {
    let metadata = tokio::fs::metadata(path).await.ok()?;
    Some((metadata.modified().ok(), metadata.len()))
}
