//! A version of a process with its life cycle: draft, published, archived (spec 3.1).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Definition;
use crate::{
    event::{DefinitionEvent, DefinitionSubject},
    value::{ProcessId, Timestamp},
};

/// The life cycle of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessStatus {
    /// Being written; can be edited.
    Draft,
    /// Can be started; never changes again.
    Published,
    /// Can't be started any more.
    Archived,
}

/// One version of a process: the author's text, the definition made from it, and where it is in its life.
#[derive(Debug, Clone, PartialEq)]
pub struct Process {
    id: ProcessId,
    yaml: String,
    definition: Arc<Definition>,
    status: ProcessStatus,
    revision: u32,
    created_by: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    published_at: Option<Timestamp>,
    is_active: bool,
}

/// The stored fields of a [`Process`], for the stores to read and write.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessFields {
    /// Its id.
    pub id: ProcessId,
    /// The author's text, byte for byte.
    pub yaml: String,
    /// The definition made from the text.
    pub definition: Arc<Definition>,
    /// Where it is in its life.
    pub status: ProcessStatus,
    /// Counts the edits, from 1.
    pub revision: u32,
    /// The user who created it.
    pub created_by: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was published.
    pub published_at: Option<Timestamp>,
    /// Whether the triggers and schedules of its process are its own; at most one version of a name is so.
    pub is_active: bool,
}

/// Why a version can't change so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProcessError {
    /// Only drafts are edited.
    #[error("Cannot update process in '{0}' status. Only DRAFT processes can be updated.")]
    NotEditable(ProcessStatus),
    /// Only drafts are published.
    #[error("Cannot publish process in '{0}' status. Only DRAFT processes can be published.")]
    NotPublishable(ProcessStatus),
    /// Only published versions have triggers.
    #[error("Cannot activate process in '{0}' status. Only PUBLISHED processes can be activated.")]
    NotActivatable(ProcessStatus),
    /// It is archived already.
    #[error("Process is already archived")]
    AlreadyArchived,
    /// A published version is never deleted.
    #[error("Cannot delete PUBLISHED processes. Archive them first.")]
    NotDeletable,
    /// Only published versions are started.
    #[error("Process is not published (status: {0})")]
    NotStartable(ProcessStatus),
    /// The edit was made on an older revision than the stored one.
    #[error(
        "the process was changed by someone else: your edit is based on revision {expected}, the current one is {current}; load it again and repeat the change"
    )]
    Stale {
        /// The revision the edit was based on.
        expected: u32,
        /// The stored one.
        current: u32,
    },
}

impl Process {
    /// A new draft.
    pub fn draft(
        id: ProcessId,
        yaml: String,
        definition: Arc<Definition>,
        created_by: Option<String>,
        now: Timestamp,
    ) -> (Self, DefinitionEvent) {
        let process = Self {
            id,
            yaml,
            definition,
            status: ProcessStatus::Draft,
            revision: 1,
            created_by,
            created_at: now,
            updated_at: now,
            published_at: None,
            is_active: false,
        };
        let event = DefinitionEvent::ProcessCreated(process.event_subject(process.created_by.clone()));
        (process, event)
    }

    /// A version as it was stored.
    pub fn restore(fields: ProcessFields) -> Self {
        let ProcessFields {
            id,
            yaml,
            definition,
            status,
            revision,
            created_by,
            created_at,
            updated_at,
            published_at,
            is_active,
        } = fields;
        Self { id, yaml, definition, status, revision, created_by, created_at, updated_at, published_at, is_active }
    }

    /// Its stored fields.
    pub fn into_fields(self) -> ProcessFields {
        let Self {
            id,
            yaml,
            definition,
            status,
            revision,
            created_by,
            created_at,
            updated_at,
            published_at,
            is_active,
        } = self;
        ProcessFields {
            id,
            yaml,
            definition,
            status,
            revision,
            created_by,
            created_at,
            updated_at,
            published_at,
            is_active,
        }
    }

    /// Its id.
    pub const fn id(&self) -> ProcessId {
        self.id
    }

    /// The author's text, byte for byte.
    pub fn yaml(&self) -> &str {
        &self.yaml
    }

    /// The definition made from the text.
    pub const fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// Where it is in its life.
    pub const fn status(&self) -> ProcessStatus {
        self.status
    }

    /// Counts the edits, from 1.
    pub const fn revision(&self) -> u32 {
        self.revision
    }

    /// The user who created it.
    pub fn created_by(&self) -> Option<&str> {
        self.created_by.as_deref()
    }

    /// When it was created.
    pub const fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When it last changed.
    pub const fn updated_at(&self) -> Timestamp {
        self.updated_at
    }

    /// When it was published.
    pub const fn published_at(&self) -> Option<Timestamp> {
        self.published_at
    }

    /// Whether the triggers and schedules of its process are its own: it was published or activated last.
    pub const fn is_active(&self) -> bool {
        self.is_active
    }

    /// Replaces the text of a draft. `expected` is the revision the edit was made on; `None` writes whatever it is.
    pub fn edit(
        &mut self,
        yaml: String,
        definition: Arc<Definition>,
        expected: Option<u32>,
        by: Option<String>,
        now: Timestamp,
    ) -> Result<DefinitionEvent, ProcessError> {
        if self.status != ProcessStatus::Draft {
            return Err(ProcessError::NotEditable(self.status));
        }
        if let Some(expected) = expected.filter(|expected| *expected != self.revision) {
            return Err(ProcessError::Stale { expected, current: self.revision });
        }
        self.yaml = yaml;
        self.definition = definition;
        self.changed(now);
        Ok(DefinitionEvent::ProcessUpdated(self.event_subject(by)))
    }

    /// Publishes a draft, so that it can be started.
    pub fn publish(&mut self, by: Option<String>, now: Timestamp) -> Result<DefinitionEvent, ProcessError> {
        if self.status != ProcessStatus::Draft {
            return Err(ProcessError::NotPublishable(self.status));
        }
        self.status = ProcessStatus::Published;
        self.published_at = Some(now);
        self.is_active = true;
        self.changed(now);
        Ok(DefinitionEvent::ProcessPublished(self.event_subject(by)))
    }

    /// Gives it the triggers and schedules of its process, which another published version had.
    pub fn activate(&mut self, by: Option<String>, now: Timestamp) -> Result<DefinitionEvent, ProcessError> {
        if self.status != ProcessStatus::Published {
            return Err(ProcessError::NotActivatable(self.status));
        }
        self.is_active = true;
        self.changed(now);
        Ok(DefinitionEvent::ProcessActivated(self.event_subject(by)))
    }

    /// Archives a draft or published version; executions of it go on.
    pub fn archive(&mut self, by: Option<String>, now: Timestamp) -> Result<DefinitionEvent, ProcessError> {
        if self.status == ProcessStatus::Archived {
            return Err(ProcessError::AlreadyArchived);
        }
        self.status = ProcessStatus::Archived;
        self.is_active = false;
        self.changed(now);
        Ok(DefinitionEvent::ProcessArchived(self.event_subject(by)))
    }

    /// Whether it may be deleted, as far as its own state tells.
    pub fn check_deletable(&self) -> Result<(), ProcessError> {
        if self.status == ProcessStatus::Published { Err(ProcessError::NotDeletable) } else { Ok(()) }
    }

    /// Whether it may be started.
    pub fn check_startable(&self) -> Result<(), ProcessError> {
        if self.status == ProcessStatus::Published { Ok(()) } else { Err(ProcessError::NotStartable(self.status)) }
    }

    fn changed(&mut self, now: Timestamp) {
        self.revision += 1;
        self.updated_at = now;
    }

    fn event_subject(&self, user_id: Option<String>) -> DefinitionSubject {
        DefinitionSubject {
            process_id: self.id,
            name: self.definition.name().clone(),
            version: self.definition.version(),
            user_id,
        }
    }
}

impl ProcessStatus {
    /// The status as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Archived => "archived",
        }
    }
}

impl std::fmt::Display for ProcessStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for ProcessStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Draft, Self::Published, Self::Archived].into_iter().find(|status| status.as_str() == text).ok_or(())
    }
}
