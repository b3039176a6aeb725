//! Use cases of process definitions: write, check, publish, archive (spec 3.1).
//!
//! * `redaction`: secrets in texts are hidden from who may only read;
//! * `surroundings`: what a check knows beyond the text; `ensure`: a text that is to be published, whatever is there.

mod ensure;
mod redaction;
mod surroundings;

use std::{collections::BTreeSet, sync::Arc};

use procession_domain::{
    definition::{Definition, Process, ProcessError},
    event::DefinitionEvent,
    value::{Currency, ProcessId, ProcessName, Timestamp, Version},
};
use procession_language::{Checked, Diagnostic, Severity};
use tokio::sync::Notify;

pub use ensure::Ensured;

use crate::{
    access::{Forbidden, Principal, UseCase},
    audit,
    door::Door,
    ports::{
        AccessStore, AgentGateway, Clock, DefinitionStore, DefinitionStoreError, IdGenerator, Page, Paging,
        ProcessFilter, ProcessRow, StoreError, WebhookStore,
    },
    workshop::{Overloaded, Workshop},
};

/// The service for process definitions.
#[derive(Clone)]
pub struct Definitions {
    store: Arc<dyn DefinitionStore>,
    access: Arc<dyn AccessStore>,
    agents: Arc<dyn AgentGateway>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    door: Door,
    settings: Arc<DefinitionSettings>,
    workshop: Workshop,
    /// Tells who keeps the schedules that some may have changed.
    changed: Arc<Notify>,
    /// Who has which short address; `None` = nobody is told that one moves.
    webhooks: Option<Arc<dyn WebhookStore>>,
}

/// Settings of definitions.
#[derive(Debug, Clone)]
pub struct DefinitionSettings {
    /// The currency of this server.
    pub currency: Currency,
    /// The names that `${ENV:NAME}` may read in definitions (`environment.allow`).
    pub environment: BTreeSet<String>,
    /// The largest text, in bytes (`limits.definition`).
    pub largest_text: usize,
}

/// The revision on which a change was made: any, unless conditions say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExpectedRevision {
    /// Each names the revisions of which it must be one.
    conditions: Vec<Vec<u32>>,
}

/// Why a definition can't be written or changed.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionFailure {
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is none with this id.
    #[error("Process not found")]
    NotFound,
    /// The text is too large.
    #[error("the definition has {size} bytes; at most {most} are allowed (limits.definition)")]
    TooLarge {
        /// How large it is, in bytes.
        size: usize,
        /// How large it may be, in bytes.
        most: usize,
    },
    /// The text has errors.
    #[error("{}", summary(.0))]
    Invalid(Vec<Diagnostic>),
    /// The text has no place for a version.
    #[error(transparent)]
    Version(#[from] procession_language::SetVersionError),
    /// Its state does not allow it.
    #[error(transparent)]
    State(#[from] ProcessError),
    /// Too many texts wait to be checked.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The store refused it: the name is taken, or someone else was faster.
    #[error(transparent)]
    Store(#[from] DefinitionStoreError),
}

impl From<StoreError> for DefinitionFailure {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

/// A stored definition and what its check had to say.
#[derive(Debug, Clone)]
pub struct Written {
    /// The definition.
    pub process: Process,
    /// Warnings.
    pub warnings: Vec<Diagnostic>,
}

impl Written {
    /// The same as this principal may see it: a key may publish or copy what it may not update.
    fn shown_to(self, by: &Principal) -> Self {
        Self { process: redaction::shown_to(by, self.process), ..self }
    }
}

impl Default for DefinitionSettings {
    fn default() -> Self {
        Self { currency: Currency::USD, environment: BTreeSet::new(), largest_text: 1024 * 1024 }
    }
}

impl ExpectedRevision {
    /// The same, and one of these. Of none of them, nothing fits.
    #[must_use]
    pub fn one_of(mut self, revisions: Vec<u32>) -> Self {
        self.conditions.push(revisions);
        self
    }

    /// The revision that must be found, `current` being the stored one; `None` = any.
    fn against(&self, current: u32) -> Option<u32> {
        let wanted = self.conditions.iter().map(|revisions| {
            // No revision has the number 0.
            let other = || revisions.first().copied().unwrap_or(0);
            if revisions.contains(&current) { current } else { other() }
        });
        // Revisions only rise: of two different ones, the lower is outdated.
        wanted.min()
    }
}

impl Definitions {
    /// The service.
    pub fn new(
        store: Arc<dyn DefinitionStore>,
        access: Arc<dyn AccessStore>,
        agents: Arc<dyn AgentGateway>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
        door: Door,
        settings: DefinitionSettings,
    ) -> Self {
        let (workshop, changed) = (Workshop::default(), Arc::default());
        let settings = Arc::new(settings);
        Self { store, access, agents, clock, ids, door, settings, workshop, changed, webhooks: None }
    }

    /// The same, which warns when the short address of a webhook moves.
    #[must_use]
    pub(crate) fn knowing(self, webhooks: Arc<dyn WebhookStore>) -> Self {
        Self { webhooks: Some(webhooks), ..self }
    }

    /// The same, which tells of changes that may concern schedules.
    #[must_use]
    pub(crate) fn telling(self, changed: Arc<Notify>) -> Self {
        Self { changed, ..self }
    }

    /// The same, where texts are checked in this workshop.
    #[must_use]
    pub(crate) fn in_workshop(self, workshop: Workshop) -> Self {
        Self { workshop, ..self }
    }

    /// Checks a text against all that this server knows: agents, users, other processes.
    pub async fn check(&self, by: &Principal, yaml: &str) -> Result<Checked, DefinitionFailure> {
        by.check(UseCase::CheckDefinition)?;
        self.check_size(yaml)?;
        self.checked(yaml).await
    }

    /// Checks a stored definition by what the server knows now.
    pub async fn check_stored(&self, by: &Principal, id: ProcessId) -> Result<Checked, DefinitionFailure> {
        by.check(UseCase::CheckDefinition)?;
        self.checked(self.load(id).await?.yaml()).await
    }

    /// A definition.
    pub async fn get(&self, by: &Principal, id: ProcessId) -> Result<Process, DefinitionFailure> {
        by.check(UseCase::ReadDefinitions)?;
        Ok(redaction::shown_to(by, self.load(id).await?))
    }

    /// A page of definitions.
    pub async fn list(
        &self,
        by: &Principal,
        filter: &ProcessFilter,
        paging: &Paging,
    ) -> Result<Page<ProcessRow>, DefinitionFailure> {
        by.check(UseCase::ReadDefinitions)?;
        Ok(self.store.list(filter, paging).await?)
    }

    /// The published version that a name leads to: this one, or the newest.
    pub async fn published(
        &self,
        by: &Principal,
        name: &ProcessName,
        version: Option<Version>,
    ) -> Result<Option<ProcessId>, DefinitionFailure> {
        by.check(UseCase::ReadDefinitions)?;
        Ok(self.store.published(name, version).await?.map(|version| version.id))
    }

    /// Creates a draft.
    pub async fn create(&self, by: &Principal, yaml: String) -> Result<Written, DefinitionFailure> {
        let (this, author) = (self.clone(), by.author());
        let create = async move {
            this.check_size(&yaml)?;
            this.draft(yaml, author).await
        };
        self.door.change(by, UseCase::CreateDefinition, create).await
    }

    /// Replaces the text of a draft, if it has the revision on which the edit was made.
    pub async fn update(
        &self,
        by: &Principal,
        id: ProcessId,
        yaml: String,
        expected: ExpectedRevision,
    ) -> Result<Written, DefinitionFailure> {
        let (this, author) = (self.clone(), by.author());
        let update = async move {
            this.check_size(&yaml)?;
            let mut process = this.load_to_change(id).await?;
            let before = process.revision();
            let expected = expected.against(before);
            // The state is looked at first: "not a draft" matters more than an error in the text.
            let definition = Arc::clone(process.definition());
            process.clone().edit(String::new(), definition, expected, None, process.updated_at())?;
            let (definition, warnings) = this.valid(&yaml).await?;
            let event = process.edit(yaml, Arc::new(definition), expected, author, this.clock.now())?;
            this.store.update(&process, before, &event).await?;
            Ok(Written { process, warnings })
        };
        self.door.change(by, UseCase::UpdateDefinition, update).await
    }

    /// Makes a draft startable, if its text is valid by what the server knows now.
    pub async fn publish(&self, by: &Principal, id: ProcessId) -> Result<Written, DefinitionFailure> {
        let (this, author) = (self.clone(), by.author());
        let publish = async move { this.publish_draft(id, author).await };
        self.door.change(by, UseCase::PublishDefinition, publish).await.map(|written| written.shown_to(by))
    }

    /// Gives a published version the triggers and schedules of its process (spec 3.1).
    pub async fn activate(&self, by: &Principal, id: ProcessId) -> Result<Process, DefinitionFailure> {
        self.change(by, UseCase::ActivateDefinition, id, Process::activate).await
    }

    /// Takes a draft or published version out of use.
    pub async fn archive(&self, by: &Principal, id: ProcessId) -> Result<Process, DefinitionFailure> {
        self.change(by, UseCase::ArchiveDefinition, id, Process::archive).await
    }

    /// Changes a version without its text; the version, as the principal may see it.
    async fn change(
        &self,
        by: &Principal,
        use_case: UseCase,
        id: ProcessId,
        change: fn(&mut Process, Option<String>, Timestamp) -> Result<DefinitionEvent, ProcessError>,
    ) -> Result<Process, DefinitionFailure> {
        let (this, author) = (self.clone(), by.author());
        let changed = self.door.change(by, use_case, async move {
            let mut process = this.load_to_change(id).await?;
            let before = process.revision();
            let event = change(&mut process, author, this.clock.now())?;
            this.store.update(&process, before, &event).await?;
            this.changed.notify_one();
            Ok(process)
        });
        changed.await.map(|process| redaction::shown_to(by, process))
    }

    /// Copies any version to a new draft whose major number is one over the highest of its name (spec 3.1).
    pub async fn new_version(&self, by: &Principal, id: ProcessId) -> Result<Written, DefinitionFailure> {
        let (this, author) = (self.clone(), by.author());
        let copy = async move {
            let process = this.load_to_change(id).await?;
            let name = process.definition().name().clone();
            let highest = this.store.highest_version(&name).await?.unwrap_or(Version::FIRST);
            let version = highest.max(process.definition().version()).next_major();
            let yaml = this.workshop.run(move || procession_language::set_version(process.yaml(), version)).await??;
            this.draft(yaml, author).await
        };
        self.door.change(by, UseCase::CopyDefinition, copy).await.map(|written| written.shown_to(by))
    }

    /// Removes a draft or archived version.
    pub async fn delete(&self, by: &Principal, id: ProcessId) -> Result<(), DefinitionFailure> {
        let this = self.clone();
        let delete = async move {
            this.load_to_change(id).await?.check_deletable()?;
            if this.store.delete(id).await? { Ok(()) } else { Err(DefinitionFailure::NotFound) }
        };
        self.door.change(by, UseCase::DeleteDefinition, delete).await
    }

    async fn load(&self, id: ProcessId) -> Result<Process, DefinitionFailure> {
        self.store.load(id).await?.ok_or(DefinitionFailure::NotFound)
    }

    /// The same, and what is done to it is known to be about it.
    async fn load_to_change(&self, id: ProcessId) -> Result<Process, DefinitionFailure> {
        audit::about(&id);
        let process = self.load(id).await?;
        audit::about_named(&id, process.definition().name());
        Ok(process)
    }

    /// Writes a new draft, for who may.
    pub(crate) async fn draft(&self, yaml: String, author: Option<String>) -> Result<Written, DefinitionFailure> {
        let (definition, warnings) = self.valid(&yaml).await?;
        let id = ProcessId::new(self.ids.new_id());
        let (process, event) = Process::draft(id, yaml, Arc::new(definition), author, self.clock.now());
        audit::about_named(&id, process.definition().name());
        self.store.create(&process, &event).await?;
        Ok(Written { process, warnings })
    }

    async fn publish_draft(&self, id: ProcessId, author: Option<String>) -> Result<Written, DefinitionFailure> {
        let process = self.load_to_change(id).await?;
        let before = process.revision();
        let now = self.clock.now();
        process.clone().publish(None, now)?;
        let (definition, warnings) = self.valid(process.yaml()).await?;
        // The model is the one checked now, by today's rules, and executions run on it for good.
        let mut process = Process::restore(procession_domain::definition::ProcessFields {
            definition: Arc::new(definition),
            ..process.into_fields()
        });
        let event = process.publish(author, now)?;
        self.store.update(&process, before, &event).await?;
        self.changed.notify_one();
        Ok(Written { process, warnings })
    }

    /// Refuses a text that is too large.
    pub(crate) fn check_size(&self, yaml: &str) -> Result<(), DefinitionFailure> {
        let (size, most) = (yaml.len(), self.settings.largest_text);
        if size <= most { Ok(()) } else { Err(DefinitionFailure::TooLarge { size, most }) }
    }

    async fn valid(&self, yaml: &str) -> Result<(Definition, Vec<Diagnostic>), DefinitionFailure> {
        let Checked { definition, diagnostics, .. } = self.checked(yaml).await?;
        match definition {
            Some(definition) => Ok((definition, diagnostics)),
            None => Err(DefinitionFailure::Invalid(diagnostics)),
        }
    }
}

/// The diagnostics in one sentence for people (spec 4, errors).
fn summary(diagnostics: &[Diagnostic]) -> String {
    let mut errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let first = errors.next().map(|first| {
        let help =
            first.help().filter(|help| !help.contains('\n')).map_or_else(String::new, |help| format!("; {help}"));
        format!("line {}: {}{help}", first.line, first.message)
    });
    let first = first.unwrap_or_default();
    match errors.count() {
        0 => format!("Validation failed: {first}"),
        more => format!("Validation failed: {first} (and {more} more)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_expects_every_revision_that_was_named() {
        let any = ExpectedRevision::default();
        assert_eq!(any.against(7), None);
        let tagged = any.one_of(vec![2, 4]);
        assert_eq!((tagged.against(4), tagged.against(5)), (Some(4), Some(2)));
        let both = tagged.one_of(vec![3]);
        assert_eq!((both.against(4), both.against(3)), (Some(3), Some(2)));
        assert_eq!(ExpectedRevision::default().one_of(vec![]).against(1), Some(0));
    }
}
