//! The definitions that recent events speak of, so that live events cost no look-ups.

use std::sync::Arc;

use moka::sync::Cache;
use procession_application::definitions::DefinitionFailure;
use procession_domain::{definition::Definition, value::ProcessId};

use crate::{problem::Problem, state::App};

/// How many are remembered.
const MOST_REMEMBERED: u64 = 1_000;

/// Definitions by their version's id. Only published versions run, and they never change again.
pub(crate) struct PublishedDefinitions(Cache<ProcessId, Arc<Definition>>);

impl PublishedDefinitions {
    pub fn new() -> Self {
        Self(Cache::new(MOST_REMEMBERED))
    }

    /// A definition; `None` if it is gone.
    pub async fn of(&self, app: &App, id: ProcessId) -> Result<Option<Arc<Definition>>, Problem> {
        if let Some(known) = self.0.get(&id) {
            return Ok(Some(known));
        }
        match app.definitions.get(id).await {
            Ok(process) => {
                self.0.insert(id, Arc::clone(process.definition()));
                Ok(Some(Arc::clone(process.definition())))
            }
            Err(DefinitionFailure::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
