//! The port of definitions.

use std::sync::Arc;

use async_trait::async_trait;
use procession_application::ports::{
    DefinitionStore, DefinitionStoreError, Page, Paging, ProcessFilter, ProcessRow, PublishedVersion, StoreError,
};
use procession_domain::{
    definition::{Definition, Process, ProcessFields, ProcessStatus},
    event::DefinitionEvent,
    value::{ProcessId, ProcessName, Timestamp, Version},
};
use rusqlite::{Connection, OptionalExtension};
use sqlx::{QueryBuilder, Row, Sqlite, sqlite::SqliteRow};

use crate::{
    SqliteStore,
    codec::{blob, column, json, process_name, small_count, time, time_if_any, to_json, uuid, version},
    error::Failure,
    incoming,
    paging::List,
    schedules,
    writer::Change,
};

const LIST: List = List {
    columns: "
        id, name, version_major, version_minor, status, description, step_count, created_by,
        created_at, updated_at, published_at,
        (SELECT max(created_at) FROM process_executions WHERE definition = process_definitions.key) AS last_run_at",
    tables: "process_definitions",
    at: "updated_at",
    at_column: "updated_at",
    id: "id",
    newest_first: true,
};

#[async_trait]
impl DefinitionStore for SqliteStore {
    async fn create(&self, process: &Process, event: &DefinitionEvent) -> Result<(), DefinitionStoreError> {
        let change = Write::new(process, None, event)?;
        self.writer.change(change).await?
    }

    async fn load(&self, id: ProcessId) -> Result<Option<Process>, StoreError> {
        Ok(self.read_process(id).await?)
    }

    async fn update(
        &self,
        process: &Process,
        before: u32,
        event: &DefinitionEvent,
    ) -> Result<(), DefinitionStoreError> {
        let change = Write::new(process, Some(before), event)?;
        self.writer.change(change).await?
    }

    async fn delete(&self, id: ProcessId) -> Result<bool, DefinitionStoreError> {
        self.writer.change(Delete(id)).await?
    }

    async fn events(&self, id: ProcessId) -> Result<Vec<DefinitionEvent>, StoreError> {
        Ok(self.read_definition_events(id).await?)
    }

    async fn list(&self, filter: &ProcessFilter, paging: &Paging) -> Result<Page<ProcessRow>, StoreError> {
        let conditions = |query: &mut QueryBuilder<Sqlite>| filter_processes(filter, query);
        Ok(LIST.page(paging, &self.readers, conditions, process_row).await?)
    }

    async fn published(
        &self,
        name: &ProcessName,
        version: Option<Version>,
    ) -> Result<Option<PublishedVersion>, StoreError> {
        Ok(self.read_published(name, version).await?)
    }

    async fn exists(&self, name: &ProcessName, version: Option<Version>) -> Result<bool, StoreError> {
        const READ: &str = "
            SELECT EXISTS (
                SELECT 1 FROM process_definitions
                WHERE name = ?1 AND hidden = 0
                  AND (?2 IS NULL OR (version_major = ?2 AND version_minor = ?3)))";
        let exists = sqlx::query_scalar(READ)
            .bind(name.as_str().to_owned())
            .bind(version.map(Version::major))
            .bind(version.map(Version::minor))
            .fetch_one(&self.readers)
            .await;
        Ok(exists.map_err(Failure::from)?)
    }

    async fn highest_version(&self, name: &ProcessName) -> Result<Option<Version>, StoreError> {
        const READ: &str = "
            SELECT version_major, version_minor FROM process_definitions
            WHERE name = ?1
            ORDER BY version_major DESC, version_minor DESC
            LIMIT 1";
        let row = sqlx::query(READ)
            .bind(name.as_str().to_owned())
            .fetch_optional(&self.readers)
            .await
            .map_err(Failure::from)?;
        Ok(row.as_ref().map(version).transpose()?)
    }
}

impl SqliteStore {
    async fn read_process(&self, id: ProcessId) -> Result<Option<Process>, Failure> {
        const READ: &str = "
            SELECT id, yaml, model, status, revision, created_by, created_at, updated_at, published_at, active
            FROM process_definitions
            WHERE id = ?1";
        let row = sqlx::query(READ).bind(blob(id.uuid())).fetch_optional(&self.readers).await?;
        let Some(row) = row else { return Ok(None) };
        let fields = ProcessFields {
            id: ProcessId::new(uuid(&row, "id")?),
            yaml: row.try_get("yaml")?,
            definition: Arc::new(json::<Definition>(&row, "model")?),
            status: status(&row)?,
            revision: small_count(&row, "revision")?,
            created_by: row.try_get("created_by")?,
            created_at: time(&row, "created_at")?,
            updated_at: time(&row, "updated_at")?,
            published_at: time_if_any(&row, "published_at")?,
            is_active: row.try_get("active")?,
        };
        Ok(Some(Process::restore(fields)))
    }

    async fn read_definition_events(&self, id: ProcessId) -> Result<Vec<DefinitionEvent>, Failure> {
        const READ: &str = "
            SELECT event
            FROM process_definition_events
            WHERE definition = (SELECT key FROM process_definitions WHERE id = ?1)
            ORDER BY id";
        let rows = sqlx::query(READ).bind(blob(id.uuid())).fetch_all(&self.readers).await?;
        rows.iter().map(|row| json(row, "event")).collect()
    }

    async fn read_published(
        &self,
        name: &ProcessName,
        version: Option<Version>,
    ) -> Result<Option<PublishedVersion>, Failure> {
        const READ: &str = "
            SELECT id, model FROM process_definitions
            WHERE name = ?1 AND status = 'published'
              AND (?2 IS NULL OR (version_major = ?2 AND version_minor = ?3))
            ORDER BY version_major DESC, version_minor DESC
            LIMIT 1";
        let row = sqlx::query(READ)
            .bind(name.as_str().to_owned())
            .bind(version.map(Version::major))
            .bind(version.map(Version::minor))
            .fetch_optional(&self.readers)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(PublishedVersion {
            id: ProcessId::new(uuid(&row, "id")?),
            definition: Arc::new(json::<Definition>(&row, "model")?),
        }))
    }
}

fn filter_processes(filter: &ProcessFilter, query: &mut QueryBuilder<Sqlite>) {
    query.push(" AND hidden = 0");
    if let Some(status) = filter.status {
        query.push(" AND status = ").push_bind(status.as_str());
    }
    if let Some(name) = &filter.name {
        query.push(" AND name = ").push_bind(name.clone());
    }
    if let Some(text) = &filter.text {
        let text = text.to_lowercase();
        query.push(" AND (instr(name_lower, ").push_bind(text.clone());
        query.push(") > 0 OR instr(description_lower, ").push_bind(text).push(") > 0)");
    }
}

fn process_row(row: &SqliteRow) -> Result<ProcessRow, Failure> {
    Ok(ProcessRow {
        id: ProcessId::new(uuid(row, "id")?),
        name: process_name(row, "name")?,
        version: version(row)?,
        status: status(row)?,
        description: row.try_get("description")?,
        step_count: small_count(row, "step_count")?,
        created_by: row.try_get("created_by")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
        published_at: time_if_any(row, "published_at")?,
        last_run_at: time_if_any(row, "last_run_at")?,
    })
}

fn status(row: &SqliteRow) -> Result<ProcessStatus, Failure> {
    status_named(row.try_get("status")?)
}

fn status_named(name: &str) -> Result<ProcessStatus, Failure> {
    name.parse().map_err(|()| Failure::corrupt(format!("column status: `{name}`")))
}

/// A definition that is new, or changed on a revision, with what happened.
struct Write {
    process: Process,
    /// The revision that the change was made on; `None` for a new one.
    before: Option<u32>,
    model: String,
    event: String,
}

impl Write {
    fn new(process: &Process, before: Option<u32>, event: &DefinitionEvent) -> Result<Self, Failure> {
        Ok(Self { process: process.clone(), before, model: to_json(&**process.definition())?, event: to_json(event)? })
    }

    fn has_its_name(&self, connection: &Connection) -> Result<bool, Failure> {
        const TAKEN: &str = "
            SELECT EXISTS (
                SELECT 1 FROM process_definitions
                WHERE name = ?1 AND version_major = ?2 AND version_minor = ?3 AND id <> ?4)";
        let definition = self.process.definition();
        let (name, version) = (definition.name().as_str(), definition.version());
        let asked = (name, version.major(), version.minor(), self.process.id().uuid().into_bytes());
        let taken: bool = connection.prepare_cached(TAKEN)?.query_row(asked, |row| row.get(0))?;
        Ok(!taken)
    }

    fn is_current(&self, connection: &Connection) -> Result<bool, Failure> {
        const CURRENT: &str = "
            SELECT EXISTS (SELECT 1 FROM process_definitions WHERE id = ?1 AND revision = ?2 AND hidden = 0)";
        let Some(before) = self.before else {
            return Ok(true);
        };
        let asked = (self.process.id().uuid().into_bytes(), before);
        Ok(connection.prepare_cached(CURRENT)?.query_row(asked, |row| row.get(0))?)
    }

    fn put(&self, connection: &Connection) -> Result<(), Failure> {
        const PUT: &str = "
            INSERT INTO process_definitions (
                id, name, version_major, version_minor, status, revision, yaml, model, description, step_count,
                name_lower, description_lower, created_by, created_at, updated_at, published_at, active)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
            ON CONFLICT (id) DO UPDATE SET
                name = excluded.name,
                version_major = excluded.version_major,
                version_minor = excluded.version_minor,
                status = excluded.status,
                revision = excluded.revision,
                yaml = excluded.yaml,
                model = excluded.model,
                description = excluded.description,
                step_count = excluded.step_count,
                name_lower = excluded.name_lower,
                description_lower = excluded.description_lower,
                updated_at = excluded.updated_at,
                published_at = excluded.published_at,
                active = excluded.active";
        const TAKE_OVER: &str = "UPDATE process_definitions SET active = 0 WHERE name = ?1 AND active = 1";
        const NOTE: &str = "
            INSERT INTO process_definition_events (definition, at, event)
            SELECT key, ?2, ?3 FROM process_definitions WHERE id = ?1";
        const KEY: &str = "SELECT key FROM process_definitions WHERE id = ?1";
        let process = &self.process;
        let definition = process.definition();
        let (name, description) = (definition.name().as_str(), &definition.content().description);
        let id = process.id().uuid().into_bytes();
        if process.is_active() {
            connection.prepare_cached(TAKE_OVER)?.execute([name])?;
        }
        connection.prepare_cached(PUT)?.execute(rusqlite::params![
            id,
            name,
            definition.version().major(),
            definition.version().minor(),
            process.status().as_str(),
            process.revision(),
            process.yaml(),
            self.model,
            description,
            column(definition.steps().len() as u64),
            name.to_lowercase(),
            description.to_lowercase(),
            process.created_by(),
            process.created_at().as_micros(),
            process.updated_at().as_micros(),
            process.published_at().map(Timestamp::as_micros),
            process.is_active(),
        ])?;
        let note = (id, process.updated_at().as_micros(), &self.event);
        connection.prepare_cached(NOTE)?.execute(note)?;
        let definition = connection.prepare_cached(KEY)?.query_row([id], |row| row.get(0))?;
        schedules::follow(process, definition, connection)?;
        incoming::follow(process, definition, connection)
    }
}

impl Change for Write {
    type Outcome = Result<(), DefinitionStoreError>;

    fn apply(&self, connection: &Connection) -> Result<Self::Outcome, Failure> {
        if !self.is_current(connection)? {
            return Ok(Err(DefinitionStoreError::Stale));
        }
        if !self.has_its_name(connection)? {
            let definition = self.process.definition();
            return Ok(Err(DefinitionStoreError::NameTaken {
                name: definition.name().clone(),
                version: definition.version(),
            }));
        }
        self.put(connection)?;
        Ok(Ok(()))
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        outcome.is_ok()
    }
}

/// A definition that is removed, or hidden if it was run.
struct Delete(ProcessId);

impl Change for Delete {
    type Outcome = Result<bool, DefinitionStoreError>;

    fn apply(&self, connection: &Connection) -> Result<Self::Outcome, Failure> {
        const LOOK: &str = "
            SELECT
                key,
                status,
                EXISTS (SELECT 1 FROM process_executions WHERE definition = process_definitions.key),
                EXISTS (SELECT 1 FROM process_executions WHERE definition = process_definitions.key AND status < 3)
            FROM process_definitions
            WHERE id = ?1 AND hidden = 0";
        const HIDE: &str = "UPDATE process_definitions SET hidden = 1 WHERE key = ?1";
        const REMOVE: &str = "DELETE FROM process_definitions WHERE key = ?1";
        let mut look = connection.prepare_cached(LOOK)?;
        let found = look.query_row([self.0.uuid().as_bytes()], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?))
        });
        let Some((key, status, was_run, is_live)) = found.optional()? else { return Ok(Ok(false)) };
        if is_live {
            return Ok(Err(DefinitionStoreError::HasLiveExecutions));
        }
        if status_named(&status)? == ProcessStatus::Published {
            return Ok(Err(DefinitionStoreError::Stale));
        }
        let statement = if was_run { HIDE } else { REMOVE };
        connection.prepare_cached(statement)?.execute([key])?;
        Ok(Ok(true))
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        matches!(outcome, Ok(true))
    }
}
