//! Reading stored values: from their row, or from the blob store (spec 2.4).

use std::sync::Arc;

use procession_domain::{
    event::ValueRef,
    execution::ValueKey,
    value::{ExecutionId, Json},
};

use crate::ports::{BlobError, BlobStore, Content, ExecutionStore, Ports, StoreError};

/// The address of a value within its execution: its key with its hash behind it.
pub(crate) fn address(key: &ValueKey, value: &ValueRef) -> String {
    format!("{key}/{}", value.hash)
}

/// The key of a value in the blob store.
pub(crate) fn blob_key(execution: ExecutionId, address: &str) -> String {
    format!("executions/{execution}/{address}")
}

/// The reference of a JSON text.
pub(crate) fn reference(text: &str) -> ValueRef {
    ValueRef { hash: blake3::hash(text.as_bytes()).to_hex().to_string(), size: text.len() as u64 }
}

/// A value of an execution; `None` if it is gone.
pub(crate) async fn load(
    ports: &Ports,
    execution: ExecutionId,
    key: &ValueKey,
    value: &ValueRef,
) -> Result<Option<Arc<Json>>, StoreError> {
    load_from(ports.executions.as_ref(), ports.blobs.as_ref(), execution, key, value).await
}

/// The same, from these stores.
pub(crate) async fn load_from(
    executions: &dyn ExecutionStore,
    blobs: &dyn BlobStore,
    execution: ExecutionId,
    key: &ValueKey,
    value: &ValueRef,
) -> Result<Option<Arc<Json>>, StoreError> {
    let address = address(key, value);
    let Some(content) = executions.value(execution, &address).await? else { return Ok(None) };
    let parsed = match content {
        Content::Inline(text) => serde_json::from_str(&text),
        Content::Blob => match blobs.get(&blob_key(execution, &address)).await {
            Ok(bytes) => serde_json::from_slice(&bytes),
            Err(BlobError::Missing(_)) => return Ok(None),
            Err(BlobError::Unavailable(error)) => return Err(StoreError::Unavailable(error)),
        },
    };
    parsed.map(|json| Some(Arc::new(json))).map_err(|error| StoreError::Corrupt(format!("value {address}: {error}")))
}
