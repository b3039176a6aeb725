//! Large values, kept outside of the database (spec 2.4).

use async_trait::async_trait;

/// Why a blob can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// No blob has this key.
    #[error("the value {0} is missing from the blob store")]
    Missing(String),
    /// The store can't be used.
    #[error("the blob store is not available: {0}")]
    Unavailable(String),
}

/// Content-addressed values.
///
/// Promises:
/// * after [`put`](Self::put) has returned, the blob survives a crash of the machine: file and folder are synced;
/// * a blob is never overwritten: a `put` of an existing key keeps what is there, which has the same hash;
/// * a blob that was not written whole is never read.
#[async_trait]
pub trait BlobStore: Send + Sync {
    /// Writes a blob under `executions/{execution}/{value key}/{hash}`.
    async fn put(&self, key: &str, content: &[u8]) -> Result<(), BlobError>;

    /// Reads a blob.
    async fn get(&self, key: &str) -> Result<Vec<u8>, BlobError>;

    /// All keys with this beginning, with the time of their writing in microseconds since 1970.
    async fn list(&self, prefix: &str) -> Result<Vec<(String, i64)>, BlobError>;

    /// Removes a blob; nothing if it is not there.
    async fn delete(&self, key: &str) -> Result<(), BlobError>;
}
