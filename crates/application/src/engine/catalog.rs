//! Definitions ready to run: parsed and checked once, cached by version, shared.

use std::sync::Arc;

use moka::sync::Cache;
use procession_domain::{definition::Definition, value::ProcessId};
use procession_expression::Evaluator;

use crate::ports::{DefinitionStore, StoreError};

/// How many versions are kept ready.
const KEPT: u64 = 1_000;

/// A definition with the evaluator of its texts.
pub(crate) struct Runnable {
    pub definition: Arc<Definition>,
    pub evaluator: Evaluator,
}

/// The definitions at hand.
#[derive(Clone)]
pub(crate) struct Catalog {
    definitions: Arc<dyn DefinitionStore>,
    cache: Cache<ProcessId, Arc<Runnable>>,
}

impl Catalog {
    pub fn new(definitions: Arc<dyn DefinitionStore>) -> Self {
        Self { definitions, cache: Cache::new(KEPT) }
    }

    /// A version, ready to run. Only published and archived versions are asked for, which never change.
    pub async fn runnable(&self, id: ProcessId) -> Result<Option<Arc<Runnable>>, StoreError> {
        if let Some(found) = self.cache.get(&id) {
            return Ok(Some(found));
        }
        let Some(process) = self.definitions.load(id).await? else { return Ok(None) };
        Ok(Some(self.keep(id, Arc::clone(process.definition()))))
    }

    /// A version that was loaded otherwise, ready to run.
    pub fn keep_if_new(&self, id: ProcessId, definition: &Arc<Definition>) -> Arc<Runnable> {
        self.cache.get(&id).unwrap_or_else(|| self.keep(id, Arc::clone(definition)))
    }

    fn keep(&self, id: ProcessId, definition: Arc<Definition>) -> Arc<Runnable> {
        let evaluator = Evaluator::of(&definition);
        let runnable = Arc::new(Runnable { definition, evaluator });
        self.cache.insert(id, Arc::clone(&runnable));
        runnable
    }
}
