//! What is tidied up beside the work: rows whose time is over, and large values that no row names (spec 2.4).

use std::time::Duration;

use procession_application::ports::{BlobError, Content, Ports, StoreError};
use procession_domain::value::ExecutionId;

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

/// Tidies up again and again.
pub async fn keep_tidy(ports: Ports) {
    tokio::time::sleep(FIRST_AFTER).await;
    loop {
        match sweep(&ports).await {
            Ok((rows, values)) => tracing::debug!(rows, values, "tidied up"),
            Err(error) => tracing::warn!(%error, "could not tidy up; trying again in an hour"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Removes rows whose time is over and old values that no row names: how many of each.
pub async fn sweep(ports: &Ports) -> Result<(u64, u64), SweepError> {
    let now = ports.clock.now();
    let rows = ports.executions.sweep(now).await?;
    let mut values = 0;
    for (key, written_at) in ports.blobs.list("executions/").await? {
        let age = now.since(procession_domain::value::Timestamp::from_micros(written_at));
        if age >= OLD && is_unnamed(ports, &key).await? {
            ports.blobs.delete(&key).await?;
            values += 1;
        }
    }
    Ok((rows, values))
}

/// Whether no row names this value. What is no key of a value is left alone.
async fn is_unnamed(ports: &Ports, key: &str) -> Result<bool, StoreError> {
    let parts =
        key.strip_prefix("executions/").and_then(|rest| Some((rest.split_once('/')?.0, rest.rsplit_once('/')?.1)));
    let Some((Ok(execution), Ok(hash))) =
        parts.map(|(execution, hash)| (execution.parse::<ExecutionId>(), hash.parse()))
    else {
        return Ok(false);
    };
    // The value may be named under another key, or have become small enough for its row.
    let content = ports.executions.value(execution, hash).await?;
    Ok(!matches!(content, Some(Content::Blob { key: named, .. }) if *named == *key))
}
