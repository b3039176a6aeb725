//! A text that is to be published: by the version that has it already, or by a new one.

use procession_domain::{
    definition::{Definition, Process, ProcessStatus},
    value::{ProcessId, Version},
};
use procession_language::{Diagnostic, set_version};

use super::{DefinitionFailure, Definitions};
use crate::{
    access::{Principal, UseCase},
    ports::{PageStart, Paging, ProcessFilter},
};

/// How many versions of a process are looked at for the same text.
const LOOKED_AT: u32 = 100;

/// A text that is published.
#[derive(Debug, Clone)]
pub struct Ensured {
    /// The version that has it.
    pub id: ProcessId,
    /// The number of that version. It is not the one in the text if another text had that.
    pub version: Version,
    /// Whether it was published just now.
    pub is_new: bool,
    /// What the check had to say.
    pub warnings: Vec<Diagnostic>,
}

impl Definitions {
    /// Sees to it that a version with this text is published: one that is there, or a new one. When the version's number
    /// belongs to another text, the next free major number is taken.
    pub async fn ensure_published(&self, by: &Principal, yaml: String) -> Result<Ensured, DefinitionFailure> {
        by.check(UseCase::CreateDefinition)?;
        let (this, author) = (self.clone(), by.author());
        let ensure = async move {
            this.check_size(&yaml)?;
            let (definition, warnings) = this.valid(&yaml).await?;
            let versions = this.versions_of(&definition).await?;
            match version_with(&yaml, &versions) {
                Some(process) if process.status() == ProcessStatus::Published => {
                    let version = process.definition().version();
                    Ok(Ensured { id: process.id(), version, is_new: false, warnings })
                }
                Some(draft) => Ok(this.publish_draft(draft.id(), author).await?.into()),
                None => {
                    let yaml = this.with_free_version(yaml, &definition, &versions).await?;
                    let draft = this.draft(yaml, author.clone()).await?;
                    Ok(this.publish_draft(draft.process.id(), author).await?.into())
                }
            }
        };
        self.door.change(by, UseCase::PublishDefinition, ensure).await
    }

    /// The text under a number that no other version has.
    async fn with_free_version(
        &self,
        yaml: String,
        definition: &Definition,
        versions: &[Process],
    ) -> Result<String, DefinitionFailure> {
        let version = definition.version();
        let highest = self.store.highest_version(definition.name()).await?;
        let is_taken = versions.iter().any(|process| process.definition().version() == version);
        match highest.filter(|_| is_taken) {
            Some(highest) => Ok(set_version(&yaml, highest.max(version).next_major())?),
            None => Ok(yaml),
        }
    }

    /// The versions of a process, the last changed first.
    async fn versions_of(&self, definition: &Definition) -> Result<Vec<Process>, DefinitionFailure> {
        let filter = ProcessFilter { name: Some(definition.name().to_string()), ..ProcessFilter::default() };
        let paging = Paging { limit: LOOKED_AT, start: PageStart::Offset(0) };
        let mut versions = Vec::new();
        for row in self.store.list(&filter, &paging).await?.rows {
            versions.extend(self.store.load(row.id).await?);
        }
        Ok(versions)
    }
}

/// The published version or draft that has this text, or had it before it was given another number.
fn version_with<'v>(yaml: &str, versions: &'v [Process]) -> Option<&'v Process> {
    let renumbered =
        |process: &&Process| set_version(yaml, process.definition().version()).is_ok_and(|text| text == process.yaml());
    let same = versions.iter().filter(|process| process.yaml() == yaml).chain(versions.iter().filter(renumbered));
    same.into_iter().find(|process| process.status() != ProcessStatus::Archived)
}

impl From<super::Written> for Ensured {
    fn from(written: super::Written) -> Self {
        let version = written.process.definition().version();
        Self { id: written.process.id(), version, is_new: true, warnings: written.warnings }
    }
}
