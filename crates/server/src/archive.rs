//! The archive of executions that are about to be removed: a file of lines for each day, which `procession import` reads.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use procession_application::{
    ports::Clock,
    transfer::{Archive, ArchiveError},
};

/// A folder of files, one a day.
pub struct ArchiveFolder {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
}

impl ArchiveFolder {
    /// The archive in this folder, which is made when there is something to keep.
    pub fn new(folder: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self { folder, clock }
    }

    fn file(&self) -> PathBuf {
        // A timestamp begins with its day.
        let now = self.clock.now().to_string();
        let day = now.get(..10).unwrap_or("undated");
        self.folder.join(format!("executions-{day}.jsonl"))
    }
}

#[async_trait]
impl Archive for ArchiveFolder {
    async fn keep(&self, lines: Vec<String>) -> Result<(), ArchiveError> {
        let file = self.file();
        let shown = file.display().to_string();
        let kept = tokio::task::spawn_blocking(move || append(&file, &lines)).await;
        let kept = kept.unwrap_or_else(|_| Err(io::Error::other("writing was given up")));
        kept.map_err(|error| ArchiveError(format!("{shown}: {error} (retention.export)")))
    }
}

/// Appends lines to a file that only its owner reads; they are on the disk afterwards.
fn append(file: &Path, lines: &[String]) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(file)?;
    let mut text = lines.join("\n");
    text.push('\n');
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
