//! How far the executions of a list are, and for what they wait.

use procession_domain::execution::WaitingFor;

use super::{ExecutionFailure, Executions, VisibleExecution};
use crate::ports::{ExecutionRow, StoreError};

/// How far an execution is that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWay {
    /// How many of its steps have ended, however.
    pub ended: usize,
    /// How many there are.
    pub steps: usize,
    /// For what it and its steps wait.
    pub waits: Vec<WaitingFor>,
}

impl Executions {
    /// How far an execution of a list is; `None` if it has ended. Its state is read for that.
    pub async fn under_way(&self, row: &ExecutionRow) -> Result<Option<UnderWay>, StoreError> {
        if row.status.is_ended() {
            return Ok(None);
        }
        let execution = match self.load(row.id).await {
            Ok(execution) => VisibleExecution::new(execution),
            Err(ExecutionFailure::Store(error)) => return Err(error),
            // It was removed since the list was read.
            Err(_) => return Ok(None),
        };
        Ok(Some(UnderWay {
            ended: execution.steps().filter(|(_, state)| state.status().is_terminal()).count(),
            steps: execution.steps().count(),
            waits: self.waiting_for(&execution),
        }))
    }
}
