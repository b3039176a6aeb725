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
/// * a blob that was not written whole is never read;
/// * what is no key ([`is_blob_key`]) is refused, and is the key of no blob.
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

/// Whether a text is a key of a blob: names with `/` between them, none of which a file system could take for something
/// else than a name below the store's own folder.
pub fn is_blob_key(key: &str) -> bool {
    let is_name = |name: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && name.chars().all(plain)
    };
    key.split('/').all(is_name)
}
