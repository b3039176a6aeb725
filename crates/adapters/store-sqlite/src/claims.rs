//! Claims: which executions a node works on. Claims are changes of the one writer, so they never overlap.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use procession_application::ports::{Claim, ClaimKind, ClaimRequest, Lease};
use procession_domain::value::{ExecutionId, Timestamp};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use crate::{
    codec::{column, count, parsed, to_json},
    error::Failure,
    writer::Change,
};

/// How many pending executions are looked at in one go.
const QUEUE_PAGE: usize = 256;

/// What needs attention, what is left over, what there is room for.
pub(crate) struct ClaimSome(pub ClaimRequest);

/// One execution.
pub(crate) struct ClaimOne {
    pub lease: Lease,
    pub id: ExecutionId,
}

/// What there is to claim.
struct Outlook {
    has_orphans: bool,
    has_due: bool,
    has_queue: bool,
}

/// A place in the queue, and who stands there.
struct Queued {
    id: ExecutionId,
    priority: i64,
    created_at: i64,
    process_name: String,
    instance_limit: Option<i64>,
}

#[async_trait]
impl Change for ClaimSome {
    type Outcome = Vec<Claim>;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<Vec<Claim>, Failure> {
        let request = &self.0;
        let mut claims = Vec::new();
        let Some(outlook) = self.look(connection).await? else {
            return Ok(claims);
        };
        if outlook.has_orphans {
            claims.extend(self.take_over(connection).await?);
        }
        let left = i64::from(request.most) - i64::try_from(claims.len()).unwrap_or(i64::MAX);
        if outlook.has_due && left > 0 {
            claims.extend(self.claim_due(left, connection).await?);
        }
        // What an orphan had only been given room for is in the queue now.
        if outlook.has_queue || outlook.has_orphans {
            claims.extend(self.admit(connection).await?);
        }
        Ok(claims)
    }
}

impl ClaimSome {
    /// What there is to claim; `None` for a node whose lease is over.
    async fn look(&self, connection: &mut SqliteConnection) -> Result<Option<Outlook>, Failure> {
        const LOOK: &str = "
            SELECT
                EXISTS (
                    SELECT 1 FROM process_executions WHERE owner IN (SELECT id FROM nodes WHERE ended = 1)
                    UNION ALL
                    SELECT 1 FROM process_executions WHERE owner = ?1 AND owner_epoch < ?2) AS has_orphans,
                EXISTS (SELECT 1 FROM process_executions WHERE owner IS NULL AND attention_at <= ?3) AS has_due,
                EXISTS (
                    SELECT 1 FROM process_executions
                    WHERE status = 'pending' AND owner IS NULL AND parent_id IS NULL) AS has_queue
            FROM nodes
            WHERE id = ?1 AND epoch = ?2 AND ended = 0";
        let row = sqlx::query(LOOK)
            .bind(self.0.lease.node.to_string())
            .bind(column(self.0.lease.epoch))
            .bind(self.0.now.as_micros())
            .fetch_optional(connection)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Outlook {
            has_orphans: row.try_get("has_orphans")?,
            has_due: row.try_get("has_due")?,
            has_queue: row.try_get("has_queue")?,
        }))
    }

    /// Takes over what belongs to nodes that are gone. What was only admitted goes back to the queue.
    async fn take_over(&self, connection: &mut SqliteConnection) -> Result<Vec<Claim>, Failure> {
        const PUT_BACK: &str = "
            UPDATE process_executions
            SET owner = NULL, owner_epoch = NULL
            WHERE (owner IN (SELECT id FROM nodes WHERE ended = 1) OR (owner = ?1 AND owner_epoch < ?2))
              AND status = 'pending' AND parent_id IS NULL";
        const FIND: &str = "
            SELECT id FROM process_executions
            WHERE owner IN (SELECT id FROM nodes WHERE ended = 1) OR (owner = ?1 AND owner_epoch < ?2)
            ORDER BY id
            LIMIT ?3";
        let (node, epoch) = (self.0.lease.node.to_string(), column(self.0.lease.epoch));
        sqlx::query(PUT_BACK).bind(&node).bind(epoch).execute(&mut *connection).await?;
        let rows = sqlx::query(FIND).bind(&node).bind(epoch).bind(self.0.most).fetch_all(&mut *connection).await?;
        self.give(&ids(&rows)?, ClaimKind::TakenOver, connection).await
    }

    async fn claim_due(&self, most: i64, connection: &mut SqliteConnection) -> Result<Vec<Claim>, Failure> {
        const FIND: &str = "
            SELECT id FROM process_executions
            WHERE owner IS NULL AND attention_at <= ?1
            ORDER BY attention_at, id
            LIMIT ?2";
        let rows = sqlx::query(FIND).bind(self.0.now.as_micros()).bind(most).fetch_all(&mut *connection).await?;
        self.give(&ids(&rows)?, ClaimKind::Due, connection).await
    }

    /// Admits pending roots by priority and age, up to the limits of the server and of each process (spec 3.9).
    async fn admit(&self, connection: &mut SqliteConnection) -> Result<Vec<Claim>, Failure> {
        let (mut running, in_work) = running_roots(connection).await?;
        let mut room = u64::from(self.0.most_running).saturating_sub(in_work);
        let mut full: HashSet<String> = HashSet::new();
        let mut admitted = Vec::new();
        let mut last: Option<Queued> = None;
        while room > 0 {
            let mut queue = Queued::after(last.as_ref(), &full, connection).await?;
            let is_last = queue.len() < QUEUE_PAGE;
            for queued in &queue {
                let of_process = running.entry(queued.process_name.clone()).or_default();
                if queued.instance_limit.is_some_and(|limit| *of_process >= limit) {
                    full.insert(queued.process_name.clone());
                } else if room > 0 {
                    *of_process += 1;
                    room -= 1;
                    admitted.push(queued.id);
                }
            }
            last = queue.pop();
            if is_last {
                break;
            }
        }
        self.give(&admitted, ClaimKind::Admitted, connection).await
    }

    /// Makes the node the owner.
    async fn give(
        &self,
        ids: &[ExecutionId],
        kind: ClaimKind,
        connection: &mut SqliteConnection,
    ) -> Result<Vec<Claim>, Failure> {
        if !ids.is_empty() {
            give(ids, self.0.lease, connection).await?;
        }
        let claim = |id: &ExecutionId| Claim { execution_id: *id, kind };
        Ok(ids.iter().map(claim).collect())
    }
}

impl Queued {
    /// A part of the queue behind a place, without processes that are full.
    async fn after(
        last: Option<&Self>,
        full: &HashSet<String>,
        connection: &mut SqliteConnection,
    ) -> Result<Vec<Self>, Failure> {
        const READ: &str = "
            SELECT id, priority, created_at, process_name, instance_limit
            FROM process_executions
            WHERE status = 'pending' AND owner IS NULL AND parent_id IS NULL
              AND (priority, created_at, id) > (?1, ?2, ?3)
              AND (instance_limit IS NULL OR process_name NOT IN (SELECT value FROM json_each(?4)))
            ORDER BY priority, created_at, id
            LIMIT ?5";
        let rows = sqlx::query(READ)
            .bind(last.map_or(-1, |last| last.priority))
            .bind(last.map_or(0, |last| last.created_at))
            .bind(last.map(|last| last.id.to_string()).unwrap_or_default())
            .bind(to_json(full)?)
            .bind(column(QUEUE_PAGE as u64))
            .fetch_all(connection)
            .await?;
        rows.iter().map(Self::from_row).collect()
    }

    fn from_row(row: &SqliteRow) -> Result<Self, Failure> {
        Ok(Self {
            id: parsed(row, "id")?,
            priority: row.try_get("priority")?,
            created_at: row.try_get("created_at")?,
            process_name: row.try_get("process_name")?,
            instance_limit: row.try_get("instance_limit")?,
        })
    }
}

#[async_trait]
impl Change for ClaimOne {
    type Outcome = bool;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<bool, Failure> {
        const LOOK: &str = "
            SELECT
                EXISTS (SELECT 1 FROM nodes WHERE id = ?1 AND epoch = ?2 AND ended = 0) AS is_live,
                owner IS ?1 AND owner_epoch IS ?2 AS is_own,
                EXISTS (SELECT 1 FROM nodes WHERE id = owner AND epoch = owner_epoch AND ended = 0) AS is_anothers
            FROM process_executions
            WHERE id = ?3";
        let row = sqlx::query(LOOK)
            .bind(self.lease.node.to_string())
            .bind(column(self.lease.epoch))
            .bind(self.id.to_string())
            .fetch_optional(&mut *connection)
            .await?;
        let Some(row) = row else { return Ok(false) };
        let (is_live, is_own): (bool, bool) = (row.try_get("is_live")?, row.try_get("is_own")?);
        if !is_live || is_own {
            return Ok(is_live);
        }
        if row.try_get("is_anothers")? {
            return Ok(false);
        }
        give(&[self.id], self.lease, connection).await?;
        Ok(true)
    }
}

/// The claim is the answer to what called attention; the owner's next commit says when it is needed again.
async fn give(ids: &[ExecutionId], lease: Lease, connection: &mut SqliteConnection) -> Result<(), Failure> {
    const GIVE: &str = "
        UPDATE process_executions
        SET owner = ?1, owner_epoch = ?2, attention_at = NULL
        WHERE id IN (SELECT value FROM json_each(?3))";
    sqlx::query(GIVE)
        .bind(lease.node.to_string())
        .bind(column(lease.epoch))
        .bind(to_json(&ids)?)
        .execute(connection)
        .await?;
    Ok(())
}

/// How many roots of each process are in work, and of all together.
async fn running_roots(connection: &mut SqliteConnection) -> Result<(HashMap<String, i64>, u64), Failure> {
    const COUNT: &str = "
        SELECT process_name, count(*) AS roots
        FROM process_executions
        WHERE owner IS NOT NULL AND parent_id IS NULL AND status NOT IN ('completed', 'failed', 'cancelled')
        GROUP BY process_name";
    let rows = sqlx::query(COUNT).fetch_all(connection).await?;
    let mut running = HashMap::new();
    let mut in_work = 0;
    for row in &rows {
        running.insert(row.try_get("process_name")?, row.try_get("roots")?);
        in_work += count(row, "roots")?;
    }
    Ok((running, in_work))
}

fn ids(rows: &[SqliteRow]) -> Result<Vec<ExecutionId>, Failure> {
    rows.iter().map(|row| parsed(row, "id")).collect()
}

/// The executions that a node owns and that need attention.
pub(crate) async fn owned_and_due(
    lease: Lease,
    now: Timestamp,
    connection: &mut SqliteConnection,
) -> Result<Vec<ExecutionId>, Failure> {
    const READ: &str = "
        SELECT id FROM process_executions
        WHERE owner = ?1 AND owner_epoch = ?2 AND attention_at <= ?3
        ORDER BY attention_at, id";
    let rows = sqlx::query(READ)
        .bind(lease.node.to_string())
        .bind(column(lease.epoch))
        .bind(now.as_micros())
        .fetch_all(connection)
        .await?;
    ids(&rows)
}
