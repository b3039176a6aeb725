//! The port of large values.

use std::{
    collections::BTreeMap,
    sync::{MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;

use super::MemoryStore;
use procession_application::ports::{BlobError, BlobStore, is_blob_key};

#[derive(Debug)]
pub(super) struct Blob {
    content: Vec<u8>,
    written_at: i64,
}

#[async_trait]
impl BlobStore for MemoryStore {
    async fn put(&self, key: &str, content: &[u8]) -> Result<(), BlobError> {
        if !is_blob_key(key) {
            return Err(BlobError::Unavailable(format!("`{key}` is not the key of a value")));
        }
        let written_at = self.clock.as_ref().map_or_else(system_time, |clock| clock.now().as_micros());
        let blob = Blob { content: content.to_vec(), written_at };
        self.blobs().entry(key.to_owned()).or_insert(blob);
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Vec<u8>, BlobError> {
        let blobs = self.blobs();
        let blob = blobs.get(key).ok_or_else(|| BlobError::Missing(key.to_owned()))?;
        Ok(blob.content.clone())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, i64)>, BlobError> {
        let blobs = self.blobs();
        let under = blobs.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(under.map(|(key, blob)| (key.clone(), blob.written_at)).collect())
    }

    async fn delete(&self, key: &str) -> Result<(), BlobError> {
        self.blobs().remove(key);
        Ok(())
    }
}

impl MemoryStore {
    fn blobs(&self) -> MutexGuard<'_, BTreeMap<String, Blob>> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn system_time() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
