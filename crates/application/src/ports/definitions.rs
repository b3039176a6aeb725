//! The store of process definitions.

use std::sync::Arc;

use async_trait::async_trait;
use indexmap::IndexMap;
use procession_domain::{
    definition::{Definition, Process, ProcessStatus},
    event::DefinitionEvent,
    value::{ProcessId, ProcessName, Timestamp, Version},
};

use super::{Page, Paging, StoreError};

/// Why a definition can't be written.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionStoreError {
    /// Another definition has this name and version.
    #[error(
        "Process '{name}' version {version} already exists; write another version into the YAML, or use new-version"
    )]
    NameTaken {
        /// The name.
        name: ProcessName,
        /// The version.
        version: Version,
    },
    /// It was changed since it was read, or is gone.
    #[error("the process was changed by someone else at the same time; load it again and repeat the change")]
    Stale,
    /// Executions of it have not ended.
    #[error("the process has executions that have not ended; cancel them or wait for their end")]
    HasLiveExecutions,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which definitions a list shows.
#[derive(Debug, Clone, Default)]
pub struct ProcessFilter {
    /// Only those in this status.
    pub status: Option<ProcessStatus>,
    /// Only versions of this process.
    pub name: Option<String>,
    /// Only those whose name or description holds this text, in any case.
    pub text: Option<String>,
}

/// A definition as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessRow {
    /// Its id.
    pub id: ProcessId,
    /// Its name.
    pub name: ProcessName,
    /// Its version.
    pub version: Version,
    /// Its status.
    pub status: ProcessStatus,
    /// What it is for.
    pub description: String,
    /// How many steps it has.
    pub step_count: u32,
    /// Its labels.
    pub labels: IndexMap<String, String>,
    /// Who created it.
    pub created_by: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was published.
    pub published_at: Option<Timestamp>,
    /// When it was last run.
    pub last_run_at: Option<Timestamp>,
}

/// A published version that a name leads to.
#[derive(Debug, Clone)]
pub struct PublishedVersion {
    /// Its id.
    pub id: ProcessId,
    /// Its definition.
    pub definition: Arc<Definition>,
}

/// Stores definitions.
///
/// Promises:
/// * `(name, version)` is unique: two creations at once give one success and one [`DefinitionStoreError::NameTaken`];
/// * [`update`](Self::update) writes only on the revision it was made on;
/// * the author's text comes back byte for byte, and the checked model beside it is the one that was published;
/// * the event is written with the change or not at all;
/// * of the versions of a name at most one is active: writing an active one takes that from the one that was;
/// * a version with executions that have not ended is not deleted, nor is a published one (it is [`Stale`], since who
///   asked believed it to be something else); one with ended executions is hidden: [`load`](Self::load) and
///   [`highest_version`](Self::highest_version) still know it, and its name and version stay taken.
///
/// [`Stale`]: DefinitionStoreError::Stale
#[async_trait]
pub trait DefinitionStore: Send + Sync {
    /// Writes a new definition.
    async fn create(&self, process: &Process, event: &DefinitionEvent) -> Result<(), DefinitionStoreError>;

    /// Reads a definition, hidden ones too.
    async fn load(&self, id: ProcessId) -> Result<Option<Process>, StoreError>;

    /// Writes a changed definition; `before` is the revision that the change was made on.
    async fn update(&self, process: &Process, before: u32, event: &DefinitionEvent)
    -> Result<(), DefinitionStoreError>;

    /// Removes a definition. `false` if there is none.
    async fn delete(&self, id: ProcessId) -> Result<bool, DefinitionStoreError>;

    /// What happened to a version, oldest first.
    async fn events(&self, id: ProcessId) -> Result<Vec<DefinitionEvent>, StoreError>;

    /// A page of definitions, the last changed first.
    async fn list(&self, filter: &ProcessFilter, paging: &Paging) -> Result<Page<ProcessRow>, StoreError>;

    /// The published version that a name leads to: this one, or the newest (the highest number).
    async fn published(
        &self,
        name: &ProcessName,
        version: Option<Version>,
    ) -> Result<Option<PublishedVersion>, StoreError>;

    /// Whether a process has any version, of any status, hidden ones not counted; this one if given.
    async fn exists(&self, name: &ProcessName, version: Option<Version>) -> Result<bool, StoreError>;

    /// The highest version of a process, of any status, hidden ones too.
    async fn highest_version(&self, name: &ProcessName) -> Result<Option<Version>, StoreError>;
}
