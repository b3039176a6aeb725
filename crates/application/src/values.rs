//! Reading stored values: from their row, or from the blob store (spec 2.4).

use std::sync::Arc;

use procession_domain::{
    event::ValueRef,
    execution::ValueKey,
    value::{ContentHash, ExecutionId, Json},
};

use crate::ports::{BlobError, BlobStore, Content, ExecutionStore, NewValue, StoreError};

/// The largest beginning of a value that stands in an event, in bytes.
pub(crate) const PREVIEW: usize = 4 * 1024;

/// Limits of values, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValueLimits {
    /// Larger ones go to the blob store.
    pub inline: u64,
    /// Larger ones are refused.
    pub most: u64,
}

/// A value with its JSON text, whose hash and size are known.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub value: ValueRef,
    pub text: Arc<str>,
}

impl Measured {
    /// The text and reference of a JSON value.
    pub fn of(json: &Json) -> Self {
        let text: Arc<str> = json.to_string().into();
        let hash = ContentHash::new(*blake3::hash(text.as_bytes()).as_bytes());
        Self { value: ValueRef { hash, size: text.len() as u64 }, text }
    }

    /// The beginning of the text that stands in events and in rows of values that are blobs.
    pub fn preview(&self) -> &str {
        beginning(&self.text)
    }
}

impl ValueLimits {
    /// Where a value of an execution is kept; a large one goes to the blob store under its address.
    pub fn place(self, execution: ExecutionId, key: &ValueKey, measured: &Measured) -> NewValue {
        let content = if measured.value.size > self.inline {
            let hash = measured.value.hash;
            let key = format!("executions/{execution}/{key}/{hash}").into();
            Content::Blob { key, preview: measured.preview().into() }
        } else {
            Content::Inline(Arc::clone(&measured.text))
        };
        NewValue { value: measured.value, content }
    }
}

/// What events show of a value: the value itself if it is short, else the beginning of its text.
pub(crate) fn shown(text: &str, json: &Arc<Json>) -> Arc<Json> {
    if text.len() <= PREVIEW { Arc::clone(json) } else { Arc::new(Json::String(beginning(text).to_owned())) }
}

/// The same, for a store that has kept the first 4 KiB of its text or more. The error says that they are not its JSON text.
pub fn preview(value: &ValueRef, stored: &str) -> Result<Arc<Json>, serde_json::Error> {
    let is_whole = value.size <= PREVIEW as u64;
    let json = if is_whole { serde_json::from_str(stored)? } else { Json::String(beginning(stored).to_owned()) };
    Ok(Arc::new(json))
}

/// A value of an execution; `None` if it is gone.
pub(crate) async fn load(
    executions: &dyn ExecutionStore,
    blobs: &dyn BlobStore,
    execution: ExecutionId,
    value: &ValueRef,
) -> Result<Option<Arc<Json>>, StoreError> {
    let Some(content) = executions.value(execution, value.hash).await? else { return Ok(None) };
    let parsed = match content {
        Content::Inline(text) => serde_json::from_str(&text),
        Content::Blob { key, .. } => match blobs.get(&key).await {
            Ok(bytes) => serde_json::from_slice(&bytes),
            Err(BlobError::Missing(_)) => return Ok(None),
            Err(BlobError::Unavailable(error)) => return Err(StoreError::Unavailable(error)),
        },
    };
    let corrupt = |error| StoreError::Corrupt(format!("value {} of {execution}: {error}", value.hash));
    parsed.map(|json| Some(Arc::new(json))).map_err(corrupt)
}

/// The beginning of a text that stands where the whole is too long.
pub(crate) fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(PREVIEW)]
}
