//! Waiting for the end of an execution, and what its trigger was called with.

use std::time::Duration as StdDuration;

use procession_domain::{
    execution::Execution,
    value::{ExecutionId, Json},
};
use tokio::sync::broadcast::error::RecvError;

use super::{ExecutionFailure, Executions, VisibleExecution};
use crate::{ports::StoreError, values};

impl Executions {
    /// Waits until an execution has ended, at most so long. How it is then.
    pub(crate) async fn until_ended(
        &self,
        execution: &VisibleExecution,
        within: StdDuration,
    ) -> Result<VisibleExecution, StoreError> {
        let id = execution.id();
        let mut feed = self.ports.feed.subscribe();
        let end = async {
            loop {
                let now = self.read(id).await?;
                if now.status().is_ended() {
                    return Ok(now);
                }
                loop {
                    match feed.recv().await {
                        // Only the last event of several tells how it stands.
                        Ok(events) if events.iter().any(|event| event.execution_id == id) => break,
                        Ok(_) => {}
                        Err(RecvError::Lagged(_)) => break,
                        Err(RecvError::Closed) => std::future::pending().await,
                    }
                }
            }
        };
        let ended = match tokio::time::timeout(within, end).await {
            Ok(ended) => ended?,
            Err(_) => self.read(id).await?,
        };
        Ok(VisibleExecution::new(ended))
    }

    /// What a webhook was called with that started an execution; `None` if that is gone, or was nothing.
    pub(crate) async fn trigger_payload(&self, id: ExecutionId) -> Result<Option<Json>, StoreError> {
        let execution = match self.load(id).await {
            Ok(execution) => execution,
            Err(ExecutionFailure::Store(error)) => return Err(error),
            Err(_) => return Ok(None),
        };
        let Some(payload) = execution.creation().trigger.payload else { return Ok(None) };
        let (executions, blobs) = (self.ports.executions.as_ref(), self.ports.blobs.as_ref());
        let value = values::load(executions, blobs, id, &payload).await?;
        Ok(value.map(|value| (*value).clone()))
    }

    async fn read(&self, id: ExecutionId) -> Result<Execution, StoreError> {
        self.load(id).await.map_err(|failure| match failure {
            ExecutionFailure::Store(error) => error,
            other => StoreError::Corrupt(format!("execution {id}: {other}")),
        })
    }
}
