//! Executions as lines of JSON: written to a file or an archive, and read back, here or in another store (spec 4c, export).
//!
//! * `format`: the lines; `export`: writing them; `import`: reading them.

mod export;
mod format;
mod import;

use async_trait::async_trait;

pub use export::{ExportFailure, Exported, Exporter};
pub use import::{ImportReport, Importer, LeftOut};

/// Where executions are written before they are removed.
#[async_trait]
pub trait Archive: Send + Sync {
    /// Keeps these lines; they are on the disk when this returns.
    async fn keep(&self, lines: Vec<String>) -> Result<(), ArchiveError>;
}

/// Why lines can't be kept.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ArchiveError(pub String);
