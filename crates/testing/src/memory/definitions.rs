//! The port of definitions.

use std::sync::Arc;

use async_trait::async_trait;
use procession_domain::{
    definition::{Process, ProcessFields, ProcessStatus},
    event::DefinitionEvent,
    value::{ProcessId, ProcessName, Timestamp, Version},
};

use super::{MemoryStore, StoredProcess, Tables, paging::page};
use procession_application::ports::{
    DefinitionStore, DefinitionStoreError, Page, Paging, ProcessFilter, ProcessRow, PublishedVersion, RowPlace,
    StoreError,
};

#[async_trait]
impl DefinitionStore for MemoryStore {
    async fn create(&self, process: &Process, event: &DefinitionEvent) -> Result<(), DefinitionStoreError> {
        let mut tables = self.tables();
        tables.check_name(process)?;
        tables.put(process, event);
        Ok(())
    }

    async fn load(&self, id: ProcessId) -> Result<Option<Process>, StoreError> {
        let tables = self.tables();
        Ok(tables.definitions.get(&id).map(|stored| stored.process.clone()))
    }

    async fn update(
        &self,
        process: &Process,
        before: u32,
        event: &DefinitionEvent,
    ) -> Result<(), DefinitionStoreError> {
        let mut tables = self.tables();
        let stored = tables.definitions.get(&process.id()).filter(|stored| !stored.hidden);
        if stored.is_none_or(|stored| stored.process.revision() != before) {
            return Err(DefinitionStoreError::Stale);
        }
        tables.check_name(process)?;
        tables.put(process, event);
        Ok(())
    }

    async fn delete(&self, id: ProcessId) -> Result<bool, DefinitionStoreError> {
        let mut tables = self.tables();
        let mut executions = tables.executions.values().filter(|stored| stored.creation.process.id == id);
        let (has_any, has_live) = (executions.clone().next().is_some(), executions.any(|stored| !stored.is_ended()));
        let Some(stored) = tables.definitions.get_mut(&id).filter(|stored| !stored.hidden) else {
            return Ok(false);
        };
        if has_live {
            return Err(DefinitionStoreError::HasLiveExecutions);
        }
        if stored.process.status() == ProcessStatus::Published {
            return Err(DefinitionStoreError::Stale);
        }
        stored.hidden = true;
        if !has_any {
            tables.definitions.remove(&id);
            tables.definition_events.retain(|(process, _)| *process != id);
        }
        Ok(true)
    }

    async fn events(&self, id: ProcessId) -> Result<Vec<DefinitionEvent>, StoreError> {
        let tables = self.tables();
        let events = tables.definition_events.iter().filter(|(process, _)| *process == id);
        Ok(events.map(|(_, event)| event.clone()).collect())
    }

    async fn list(&self, filter: &ProcessFilter, paging: &Paging) -> Result<Page<ProcessRow>, StoreError> {
        let tables = self.tables();
        let rows = tables.definitions.values().filter(|stored| !stored.hidden && fits(&stored.process, filter)).map(
            |stored| {
                let place = RowPlace { at: stored.process.updated_at(), id: stored.process.id().uuid() };
                (place, tables.row(&stored.process))
            },
        );
        let mut rows: Vec<(RowPlace, ProcessRow)> = rows.collect();
        rows.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
        page(rows, paging, |place, after| place < after)
    }

    async fn published(
        &self,
        name: &ProcessName,
        version: Option<Version>,
    ) -> Result<Option<PublishedVersion>, StoreError> {
        let tables = self.tables();
        let published = tables
            .versions(name)
            .filter(|stored| stored.process.status() == ProcessStatus::Published)
            .filter(|stored| version.is_none_or(|version| version == stored.process.definition().version()))
            .max_by_key(|stored| stored.process.definition().version());
        Ok(published.map(|stored| PublishedVersion {
            id: stored.process.id(),
            definition: Arc::clone(stored.process.definition()),
        }))
    }

    async fn exists(&self, name: &ProcessName, version: Option<Version>) -> Result<bool, StoreError> {
        let tables = self.tables();
        let mut shown = tables.versions(name).filter(|stored| !stored.hidden);
        Ok(shown.any(|stored| version.is_none_or(|version| version == stored.process.definition().version())))
    }

    async fn highest_version(&self, name: &ProcessName) -> Result<Option<Version>, StoreError> {
        let tables = self.tables();
        Ok(tables.versions(name).map(|stored| stored.process.definition().version()).max())
    }
}

impl Tables {
    /// Whether the process's name and version are free, or its own.
    fn check_name(&self, process: &Process) -> Result<(), DefinitionStoreError> {
        let (name, version) = (process.definition().name(), process.definition().version());
        let is_other = |stored: &StoredProcess| {
            stored.process.id() != process.id() && stored.process.definition().version() == version
        };
        if self.versions(name).any(is_other) {
            let name = name.clone();
            return Err(DefinitionStoreError::NameTaken { name, version });
        }
        Ok(())
    }

    fn put(&mut self, process: &Process, event: &DefinitionEvent) {
        let name = process.definition().name();
        for other in self.definitions.values_mut().filter(|other| process.is_active() && other.process.is_active()) {
            if other.process.definition().name() == name {
                let fields = ProcessFields { is_active: false, ..other.process.clone().into_fields() };
                other.process = Process::restore(fields);
            }
        }
        let stored = StoredProcess { process: process.clone(), hidden: false };
        self.definitions.insert(process.id(), stored);
        self.follow_schedules(process);
        self.follow_webhooks(process);
        self.definition_events.push((process.id(), event.clone()));
    }

    fn versions<'a>(&'a self, name: &'a ProcessName) -> impl Iterator<Item = &'a StoredProcess> {
        let definitions = self.definitions.values();
        definitions.filter(move |stored| stored.process.definition().name() == name)
    }

    fn row(&self, process: &Process) -> ProcessRow {
        let definition = process.definition();
        ProcessRow {
            id: process.id(),
            name: definition.name().clone(),
            version: definition.version(),
            status: process.status(),
            description: definition.content().description.clone(),
            step_count: u32::try_from(definition.steps().len()).unwrap_or(u32::MAX),
            created_by: process.created_by().map(str::to_owned),
            created_at: process.created_at(),
            updated_at: process.updated_at(),
            published_at: process.published_at(),
            last_run_at: self.last_run(process.id()),
        }
    }

    fn last_run(&self, id: ProcessId) -> Option<Timestamp> {
        let runs = self.executions.values().filter(|stored| stored.creation.process.id == id);
        runs.map(|stored| stored.created_at).max()
    }
}

fn fits(process: &Process, filter: &ProcessFilter) -> bool {
    let definition = process.definition();
    let holds = |text: &String| {
        let text = text.to_lowercase();
        let described = [definition.name().as_str(), definition.content().description.as_str()];
        described.iter().any(|part| part.to_lowercase().contains(&text))
    };
    filter.status.is_none_or(|status| status == process.status())
        && filter.name.as_ref().is_none_or(|name| name == definition.name().as_str())
        && filter.text.as_ref().is_none_or(holds)
}
