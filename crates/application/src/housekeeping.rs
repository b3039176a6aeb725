//! What is tidied up beside the work: rows whose time is over, and large values that no row names (spec 2.4).

use std::{sync::Arc, time::Duration};

use procession_domain::value::{ContentHash, ExecutionId, Timestamp};

use crate::ports::{BlobError, BlobStore, Clock, Content, ExecutionStore, StoreError};

/// How long after the start it begins, so that it does not slow the start down.
const FIRST_AFTER: Duration = Duration::from_mins(10);

/// How often it is done.
const EVERY: Duration = Duration::from_hours(1);

/// How old a value must be: one that was just written is named by a row a moment later.
const OLD: procession_domain::value::Duration = procession_domain::value::Duration::from_secs(24 * 3_600);

/// Why something was not tidied up.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The blob store failed.
    #[error(transparent)]
    Blobs(#[from] BlobError),
}

/// Tidies up stores.
#[derive(Clone)]
pub struct Housekeeping {
    executions: Arc<dyn ExecutionStore>,
    blobs: Arc<dyn BlobStore>,
    clock: Arc<dyn Clock>,
}

impl Housekeeping {
    /// For these stores.
    pub const fn new(executions: Arc<dyn ExecutionStore>, blobs: Arc<dyn BlobStore>, clock: Arc<dyn Clock>) -> Self {
        Self { executions, blobs, clock }
    }

    /// Tidies up again and again.
    pub async fn keep_tidy(self) {
        tokio::time::sleep(FIRST_AFTER).await;
        loop {
            match self.sweep().await {
                Ok((rows, values)) => tracing::debug!(rows, values, "tidied up"),
                Err(error) => tracing::warn!(%error, "could not tidy up; trying again in an hour"),
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Removes rows whose time is over and old values that no row names: how many of each.
    pub async fn sweep(&self) -> Result<(u64, u64), SweepError> {
        let now = self.clock.now();
        let rows = self.executions.sweep(now).await?;
        let mut values = 0;
        for (key, written_at) in self.blobs.list("executions/").await? {
            let age = now.since(Timestamp::from_micros(written_at));
            if age >= OLD && self.is_unnamed(&key).await? {
                self.blobs.delete(&key).await?;
                values += 1;
            }
        }
        Ok((rows, values))
    }

    /// Whether no row names this value. What is not a key of a value is left alone.
    async fn is_unnamed(&self, key: &str) -> Result<bool, StoreError> {
        let parts = key.strip_prefix("executions/");
        let parts = parts.and_then(|rest| Some((rest.split_once('/')?.0, rest.rsplit_once('/')?.1)));
        let Some((Ok(execution), Ok(hash))) =
            parts.map(|(execution, hash)| (execution.parse::<ExecutionId>(), hash.parse::<ContentHash>()))
        else {
            return Ok(false);
        };
        // The same value may be kept under another key, since each is stored once.
        let content = self.executions.value(execution, hash).await?;
        Ok(!matches!(content, Some(Content::Blob { key: named, .. }) if *named == *key))
    }
}
