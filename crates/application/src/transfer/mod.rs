//! Executions as lines of JSON: written to a file or an archive, and read back, here or in another store (spec 4c, export).
//!
//! * `format`: the lines; `export`: writing them; `import`: reading them;
//! * `trinity`: taking over what a Trinity platform keeps.

mod export;
mod format;
mod import;
mod trinity;

use async_trait::async_trait;
use procession_domain::value::{ContentHash, ExecutionId};

pub use export::{ExportFailure, Exported, Exporter};
pub use import::{ImportReport, Importer, LeftOut};
pub use trinity::{TrinityExecution, TrinityImporter, TrinityLeftOut, TrinityReport, TrinityRow};

use crate::{
    ports::{BlobError, BlobStore, Content, StoreError},
    values::beginning,
};

/// Values up to so many bytes are kept in rows, larger ones in files.
const INLINE: usize = 64 * 1024;

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

/// A value of an execution that comes from elsewhere, a large one in the blob store.
async fn kept_value(
    blobs: &dyn BlobStore,
    execution: ExecutionId,
    hash: ContentHash,
    text: &str,
) -> Result<Content, StoreError> {
    if text.len() <= INLINE {
        return Ok(Content::Inline(text.into()));
    }
    let key = format!("executions/{execution}/imported/{hash}");
    blobs.put(&key, text.as_bytes()).await.map_err(|error| match error {
        BlobError::Missing(what) | BlobError::Unavailable(what) => StoreError::Unavailable(what),
    })?;
    Ok(Content::Blob { key: key.into(), preview: beginning(text).into() })
}
