//! Which user has started an execution: what decides whether others may know of it. It never changes, so that it is
//! remembered.

use std::sync::Arc;

use moka::sync::Cache;
use procession_domain::value::ExecutionId;

use crate::{
    access::{Permission, Principal, Reach},
    ports::{ExecutionStore, StoreError},
};

/// How many executions are remembered.
const MOST_REMEMBERED: u64 = 10_000;

/// The users who have started executions.
#[derive(Clone)]
pub(crate) struct Owners {
    executions: Arc<dyn ExecutionStore>,
    known: Cache<ExecutionId, Option<Arc<str>>>,
}

impl Owners {
    pub fn new(executions: Arc<dyn ExecutionStore>) -> Self {
        Self { executions, known: Cache::new(MOST_REMEMBERED) }
    }

    /// Whether this principal may know of an execution; of one that is gone, nobody may.
    pub async fn shows(&self, by: &Principal, execution: ExecutionId) -> Result<bool, StoreError> {
        match by.reach(Permission::ExecutionView) {
            Reach::All => Ok(true),
            Reach::Nothing => Ok(false),
            Reach::Own => {
                if let Some(owner) = self.known.get(&execution) {
                    return Ok(by.sees_execution_of(owner.as_deref()));
                }
                let Some(loaded) = self.executions.load(execution).await? else { return Ok(false) };
                let owner: Option<Arc<str>> = loaded.creation.user.as_deref().map(Into::into);
                self.known.insert(execution, owner.clone());
                Ok(by.sees_execution_of(owner.as_deref()))
            }
        }
    }
}
