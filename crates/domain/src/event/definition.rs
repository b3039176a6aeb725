//! Events of definitions.

use serde::{Deserialize, Serialize};

use crate::value::{ProcessId, ProcessName, Version};

/// What happened to a version of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event_type", content = "payload")]
pub enum DefinitionEvent {
    /// A draft was created.
    ProcessCreated(DefinitionSubject),
    /// A draft was edited.
    ProcessUpdated(DefinitionSubject),
    /// It was published.
    ProcessPublished(DefinitionSubject),
    /// It was given the triggers of its process.
    ProcessActivated(DefinitionSubject),
    /// It was archived.
    ProcessArchived(DefinitionSubject),
}

/// The version that a [`DefinitionEvent`] is about, and who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinitionSubject {
    /// The version's id.
    pub process_id: ProcessId,
    /// The process's name.
    pub name: ProcessName,
    /// The version.
    pub version: Version,
    /// The user who did it.
    pub user_id: Option<String>,
}

impl DefinitionEvent {
    /// The type's name.
    pub const fn event_type(&self) -> &'static str {
        match self {
            Self::ProcessCreated(_) => "ProcessCreated",
            Self::ProcessUpdated(_) => "ProcessUpdated",
            Self::ProcessPublished(_) => "ProcessPublished",
            Self::ProcessActivated(_) => "ProcessActivated",
            Self::ProcessArchived(_) => "ProcessArchived",
        }
    }

    /// What it is about.
    pub const fn subject(&self) -> &DefinitionSubject {
        match self {
            Self::ProcessCreated(subject)
            | Self::ProcessUpdated(subject)
            | Self::ProcessPublished(subject)
            | Self::ProcessActivated(subject)
            | Self::ProcessArchived(subject) => subject,
        }
    }
}
