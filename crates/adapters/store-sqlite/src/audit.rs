//! The port of the audit trail: appended to by the writer alone, which knows the hash of the row before.

use async_trait::async_trait;
use procession_application::ports::{
    AuditAnchor, AuditEntry, AuditFilter, AuditTrail, AuditedResource, KeptAuditEntry, Origin, Page, Paging, StoreError,
};
use procession_domain::value::ContentHash;
use rusqlite::{Connection, OptionalExtension};
use sqlx::{QueryBuilder, Row, Sqlite, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{
    SqliteStore,
    codec::{blob, column, count, parsed, time, uuid},
    error::Failure,
    paging::List,
    writer::Change,
};

const COLUMNS: &str = "
    number, id, at, actor, via, key_id, address, user_agent, request_id, action, resource_kind, resource_id,
    resource_name, outcome, reason, previous, hash";

const LIST: List =
    List { columns: COLUMNS, tables: "audit_entries", at: "at", at_column: "at", id: "id", newest_first: true };

#[async_trait]
impl AuditTrail for SqliteStore {
    async fn append(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.writer.change(Append(entry.clone())).await
    }

    async fn entries(&self, filter: &AuditFilter, paging: &Paging) -> Result<Page<KeptAuditEntry>, StoreError> {
        let conditions = |query: &mut QueryBuilder<Sqlite>| filter_entries(filter, query);
        Ok(LIST.page(paging, &self.readers, conditions, kept_entry).await?)
    }

    async fn entry(&self, id: Uuid) -> Result<Option<KeptAuditEntry>, StoreError> {
        let mut query = QueryBuilder::new("SELECT ");
        query.push(COLUMNS).push(" FROM audit_entries WHERE id = ").push_bind(blob(id));
        let row = query.build().fetch_optional(&self.readers).await.map_err(Failure::from)?;
        Ok(row.as_ref().map(kept_entry).transpose()?)
    }

    async fn after(&self, number: u64, limit: u32) -> Result<Vec<KeptAuditEntry>, StoreError> {
        let mut query = QueryBuilder::new("SELECT ");
        query.push(COLUMNS).push(" FROM audit_entries WHERE number > ").push_bind(column(number));
        query.push(" ORDER BY number LIMIT ").push_bind(i64::from(limit));
        let rows = query.build().fetch_all(&self.readers).await.map_err(Failure::from)?;
        Ok(rows.iter().map(kept_entry).collect::<Result<_, _>>()?)
    }

    async fn anchor(&self) -> Result<AuditAnchor, StoreError> {
        Ok(self.read_audit_anchor().await?)
    }

    async fn ever(&self) -> Result<u64, StoreError> {
        const READ: &str = "SELECT coalesce(max(seq), 0) AS ever FROM sqlite_sequence WHERE name = 'audit_entries'";
        let row = sqlx::query(READ).fetch_one(&self.readers).await.map_err(Failure::from)?;
        Ok(count(&row, "ever")?)
    }
}

/// An entry of its own, of something that wrote nothing else.
struct Append(AuditEntry);

impl Change for Append {
    type Outcome = ();

    fn apply(&self, connection: &Connection) -> Result<(), Failure> {
        append(&self.0, connection)
    }

    fn is_done((): &()) -> bool {
        true
    }
}

/// Appends an entry in the transaction under way.
pub(crate) fn append(entry: &AuditEntry, connection: &Connection) -> Result<(), Failure> {
    const LAST: &str = "SELECT number, hash FROM audit_entries ORDER BY number DESC LIMIT 1";
    const APPEND: &str = "
        INSERT INTO audit_entries (
            number, id, at, actor, via, key_id, address, user_agent, request_id, action, resource_kind, resource_id,
            resource_name, outcome, reason, previous, hash)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
    let last: Option<(i64, [u8; 32])> =
        connection.prepare_cached(LAST)?.query_row((), |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (number, previous) = match last {
        Some((number, hash)) => (number + 1, ContentHash::new(hash)),
        None => (1, AuditEntry::BEGINNING),
    };
    let hash = entry.hash(number.unsigned_abs(), &previous);
    connection.prepare_cached(APPEND)?.execute(rusqlite::params![
        number,
        entry.id.as_bytes(),
        entry.at.as_micros(),
        entry.actor,
        entry.via,
        entry.key_id.map(|id| id.to_string()),
        entry.origin.address,
        entry.origin.user_agent,
        entry.origin.request_id,
        entry.action,
        entry.resource.kind,
        entry.resource.id,
        entry.resource.name,
        entry.outcome.as_str(),
        entry.reason,
        previous.as_bytes(),
        hash.as_bytes(),
    ])?;
    Ok(())
}

fn filter_entries(filter: &AuditFilter, query: &mut QueryBuilder<Sqlite>) {
    let AuditFilter { actor, action, resource_kind, resource, outcome, since, until } = filter;
    for (condition, wanted) in
        [(" AND actor = ", actor), (" AND action = ", action), (" AND resource_kind = ", resource_kind)]
    {
        if let Some(wanted) = wanted {
            query.push(condition).push_bind(wanted.clone());
        }
    }
    if let Some(resource) = resource {
        query.push(" AND (resource_id = ").push_bind(resource.clone());
        query.push(" OR resource_name = ").push_bind(resource.clone()).push(")");
    }
    if let Some(outcome) = outcome {
        query.push(" AND outcome = ").push_bind(outcome.as_str());
    }
    if let Some(since) = since {
        query.push(" AND at >= ").push_bind(since.as_micros());
    }
    if let Some(until) = until {
        query.push(" AND at <= ").push_bind(until.as_micros());
    }
}

fn kept_entry(row: &SqliteRow) -> Result<KeptAuditEntry, Failure> {
    let key_id: Option<String> = row.try_get("key_id")?;
    let entry = AuditEntry {
        id: uuid(row, "id")?,
        at: time(row, "at")?,
        actor: row.try_get("actor")?,
        via: row.try_get("via")?,
        key_id: key_id.map(|_| parsed(row, "key_id")).transpose()?,
        origin: Origin {
            address: row.try_get("address")?,
            user_agent: row.try_get("user_agent")?,
            request_id: row.try_get("request_id")?,
            trace: None,
        },
        action: row.try_get("action")?,
        resource: AuditedResource {
            kind: row.try_get("resource_kind")?,
            id: row.try_get("resource_id")?,
            name: row.try_get("resource_name")?,
        },
        outcome: row
            .try_get::<&str, _>("outcome")?
            .parse()
            .map_err(|()| Failure::corrupt("column outcome".to_owned()))?,
        reason: row.try_get("reason")?,
    };
    let (previous, hash) = (hash_in(row, "previous")?, hash_in(row, "hash")?);
    Ok(KeptAuditEntry { number: count(row, "number")?, entry, previous, hash })
}

fn hash_in(row: &SqliteRow, column: &str) -> Result<ContentHash, Failure> {
    let bytes: &[u8] = row.try_get(column)?;
    let bytes = bytes.try_into().map_err(|_| Failure::corrupt(format!("column {column}: no hash")))?;
    Ok(ContentHash::new(bytes))
}
