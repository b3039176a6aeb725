//! The agents of this server: the local file, read again when it changes, and the platform.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use procession_agents::{AgentsFileError, Platform, PlatformSettings, Router, Surroundings};
use procession_application::ports::Clock;

use crate::config::{Configuration, Origin};

/// How often the file is looked at.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_secs(1);

/// The router to all agents that are configured, with no local ones yet.
pub fn router(configuration: &Configuration, clock: Arc<dyn Clock>) -> (Arc<Router>, Option<Arc<Platform>>) {
    let settings = &configuration.agents;
    let platform = settings.mcp.url.as_ref().map(|url| {
        let settings = PlatformSettings::new(url.as_str(), settings.mcp.api_key.clone());
        Arc::new(Platform::new(settings, Arc::clone(&clock)))
    });
    let surroundings = Surroundings {
        clock,
        // The operator writes this file, so it may name any variable.
        environment: Arc::new(|name| std::env::var(name).ok()),
        allow_commands: settings.allow_commands,
    };
    (Arc::new(Router::new(surroundings, platform.clone())), platform)
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
