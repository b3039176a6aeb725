//! Claims: which executions a node works on. Claims are changes of the one writer, so they never overlap.

use std::collections::{HashMap, HashSet};

use procession_application::ports::{Claim, ClaimKind, ClaimRequest, Lease, WorkScope};
use procession_domain::value::ExecutionId;
use rusqlite::{Connection, OptionalExtension, Params};

use crate::{
    codec::{column, ids_as_json, to_json, uuid_from},
    error::Failure,
    writer::{Change, node_key},
};

/// How many pending executions are looked at in one go.
const QUEUE_PAGE: u32 = 256;

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

/// The node that claims: its row, and the epoch of its lease.
#[derive(Clone, Copy)]
struct Claimant {
    node: i64,
    epoch: i64,
}

/// The rows among which is claimed: their keys as JSON, or nothing for all.
struct Within(Option<String>);

/// An execution that can be claimed.
#[derive(Clone, Copy)]
struct Candidate {
    key: i64,
    id: ExecutionId,
}

/// A place in the queue, and who stands there.
struct Queued {
    candidate: Candidate,
    priority: i64,
    created_at: i64,
    name: i64,
    instance_limit: Option<u32>,
}

/// How many roots of each process are in work, and of all together.
struct InWork {
    of_process: HashMap<i64, u32>,
    all: u32,
}

impl Change for ClaimSome {
    type Outcome = Vec<Claim>;

    fn apply(&self, connection: &Connection) -> Result<Vec<Claim>, Failure> {
        let request = &self.0;
        let Some(claimant) = Claimant::of(request.lease, connection)? else {
            // Its lease is over.
            return Ok(Vec::new());
        };
        let outlook = self.look(claimant, connection)?;
        let within = Within::of(&self.0.scope, connection)?;
        let mut claims = Vec::new();
        if outlook.has_orphans {
            claims.extend(self.take_over(&within, claimant, connection)?);
        }
        let left = request.most.saturating_sub(u32::try_from(claims.len()).unwrap_or(u32::MAX));
        if outlook.has_due && left > 0 {
            claims.extend(self.claim_due(left, &within, claimant, connection)?);
        }
        // What an orphan had only been given room for is in the queue now.
        if outlook.has_queue || outlook.has_orphans {
            claims.extend(self.admit(&within, claimant, connection)?);
        }
        Ok(claims)
    }

    /// Nobody has asked for it.
    fn is_done(_: &Self::Outcome) -> bool {
        false
    }
}

impl ClaimSome {
    fn look(&self, claimant: Claimant, connection: &Connection) -> Result<Outlook, Failure> {
        const LOOK: &str = "
            SELECT
                EXISTS (
                    SELECT 1 FROM process_executions WHERE owner IN (SELECT key FROM nodes WHERE ended = 1)
                    UNION ALL
                    SELECT 1 FROM process_executions WHERE owner = ?1 AND owner_epoch < ?2),
                EXISTS (SELECT 1 FROM process_executions WHERE owner IS NULL AND attention_at <= ?3),
                (SELECT waiting FROM queue_length) > 0";
        let mut look = connection.prepare_cached(LOOK)?;
        let outlook = look.query_row((claimant.node, claimant.epoch, self.0.now.as_micros()), |row| {
            Ok(Outlook { has_orphans: row.get(0)?, has_due: row.get(1)?, has_queue: row.get(2)? })
        });
        Ok(outlook?)
    }

    /// Takes over what belongs to nodes that are gone. What was only admitted goes back to the queue.
    fn take_over(&self, within: &Within, claimant: Claimant, connection: &Connection) -> Result<Vec<Claim>, Failure> {
        const PUT_BACK: &str = "
            UPDATE process_executions
            SET owner = NULL, owner_epoch = NULL
            WHERE (owner IN (SELECT key FROM nodes WHERE ended = 1) OR (owner = ?1 AND owner_epoch < ?2))
              AND status = 0 AND parent IS NULL";
        const FIND: &str = "
            SELECT key, id FROM process_executions
            WHERE (owner IN (SELECT key FROM nodes WHERE ended = 1) OR (owner = ?1 AND owner_epoch < ?2))
              AND (?4 IS NULL OR key IN (SELECT value FROM json_each(?4)))
            ORDER BY created_at, id
            LIMIT ?3";
        let Claimant { node, epoch } = claimant;
        connection.prepare_cached(PUT_BACK)?.execute((node, epoch))?;
        let found = candidates(FIND, (node, epoch, self.0.most, &within.0), connection)?;
        claimant.take(&found, ClaimKind::TakenOver, connection)
    }

    fn claim_due(
        &self,
        most: u32,
        within: &Within,
        claimant: Claimant,
        connection: &Connection,
    ) -> Result<Vec<Claim>, Failure> {
        const FIND: &str = "
            SELECT key, id FROM process_executions
            WHERE owner IS NULL AND attention_at <= ?1
              AND (?3 IS NULL OR key IN (SELECT value FROM json_each(?3)))
            ORDER BY attention_at, id
            LIMIT ?2";
        let found = candidates(FIND, (self.0.now.as_micros(), most, &within.0), connection)?;
        claimant.take(&found, ClaimKind::Due, connection)
    }

    /// Admits pending roots by priority and age, up to the limits of the server and of each process (spec 3.9).
    fn admit(&self, within: &Within, claimant: Claimant, connection: &Connection) -> Result<Vec<Claim>, Failure> {
        // In a scope, what belongs to nodes that are gone stays with them, so that it holds nobody back.
        let mut in_work = match self.0.scope {
            WorkScope::All => InWork::count(None, connection)?,
            WorkScope::Below(_) => InWork::count(Some(claimant.node), connection)?,
        };
        let mut room = self.0.most_running.saturating_sub(in_work.all);
        let mut full: HashSet<i64> = HashSet::new();
        let mut admitted = Vec::new();
        let mut last = None;
        while room > 0 {
            let page = Queued::after(last.as_ref(), &full, within, connection)?;
            let is_last = page.len() < QUEUE_PAGE as usize;
            for queued in page {
                let running = in_work.of_process.entry(queued.name).or_default();
                if queued.instance_limit.is_some_and(|limit| *running >= limit) {
                    full.insert(queued.name);
                } else if room > 0 {
                    *running += 1;
                    room -= 1;
                    admitted.push(queued.candidate);
                }
                last = Some(queued);
            }
            if is_last {
                break;
            }
        }
        claimant.take(&admitted, ClaimKind::Admitted, connection)
    }
}

impl Within {
    fn of(scope: &WorkScope, connection: &Connection) -> Result<Self, Failure> {
        const BELOW: &str = "
            WITH RECURSIVE below (key) AS (
                SELECT key FROM process_executions WHERE id IN (SELECT unhex(value) FROM json_each(?1))
                UNION
                SELECT child.key FROM process_executions AS child JOIN below ON child.parent = below.key)
            SELECT json_group_array(key) FROM below";
        let WorkScope::Below(roots) = scope else { return Ok(Self(None)) };
        let keys = connection.prepare_cached(BELOW)?.query_row([ids_as_json(roots)?], |row| row.get(0))?;
        Ok(Self(Some(keys)))
    }
}

impl Claimant {
    /// The row of a node; `None` if its lease is over.
    fn of(lease: Lease, connection: &Connection) -> Result<Option<Self>, Failure> {
        let node = node_key(lease, connection)?;
        Ok(node.map(|node| Self { node, epoch: column(lease.epoch) }))
    }

    /// Makes the node the owner. The claim is the answer to what called attention; the owner's next commit says when it is
    /// needed again.
    fn take(self, found: &[Candidate], kind: ClaimKind, connection: &Connection) -> Result<Vec<Claim>, Failure> {
        const TAKE: &str = "
            UPDATE process_executions SET owner = ?2, owner_epoch = ?3, attention_at = NULL WHERE key = ?1";
        let mut take = connection.prepare_cached(TAKE)?;
        for candidate in found {
            take.execute((candidate.key, self.node, self.epoch))?;
        }
        Ok(found.iter().map(|candidate| Claim { execution_id: candidate.id, kind }).collect())
    }
}

impl Queued {
    /// A part of the queue behind a place, without processes that are full.
    fn after(
        last: Option<&Self>,
        full: &HashSet<i64>,
        within: &Within,
        connection: &Connection,
    ) -> Result<Vec<Self>, Failure> {
        const READ: &str = "
            SELECT key, id, priority, created_at, name, instance_limit
            FROM process_executions
            WHERE status = 0 AND owner IS NULL AND parent IS NULL
              AND (priority, created_at, id) > (?1, ?2, ?3)
              AND (instance_limit IS NULL OR name NOT IN (SELECT value FROM json_each(?4)))
              AND (?6 IS NULL OR key IN (SELECT value FROM json_each(?6)))
            ORDER BY priority, created_at, id
            LIMIT ?5";
        let place = last.map(|last| (last.priority, last.created_at, *last.candidate.id.uuid().as_bytes()));
        let (priority, created_at, id) = place.unwrap_or((-1, 0, [0; 16]));
        let mut read = connection.prepare_cached(READ)?;
        let mut rows = read.query((priority, created_at, id, to_json(full)?, QUEUE_PAGE, &within.0))?;
        let mut queue = Vec::new();
        while let Some(row) = rows.next()? {
            let id: [u8; 16] = row.get(1)?;
            queue.push(Self {
                candidate: Candidate { key: row.get(0)?, id: ExecutionId::new(uuid_from(&id, "id")?) },
                priority: row.get(2)?,
                created_at: row.get(3)?,
                name: row.get(4)?,
                instance_limit: row.get(5)?,
            });
        }
        Ok(queue)
    }
}

impl InWork {
    /// Of all nodes, or of one.
    fn count(node: Option<i64>, connection: &Connection) -> Result<Self, Failure> {
        const COUNT: &str = "
            SELECT name, count(*)
            FROM process_executions INDEXED BY process_executions_owned
            WHERE owner IS NOT NULL AND parent IS NULL AND (?1 IS NULL OR owner = ?1)
            GROUP BY name";
        let mut count = connection.prepare_cached(COUNT)?;
        let rows = count.query_map([node], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let of_process: HashMap<i64, u32> = rows.collect::<Result<_, _>>()?;
        let all = of_process.values().sum();
        Ok(Self { of_process, all })
    }
}

impl Change for ClaimOne {
    type Outcome = bool;

    fn apply(&self, connection: &Connection) -> Result<bool, Failure> {
        const LOOK: &str = "
            SELECT key, owner, owner_epoch,
                   EXISTS (SELECT 1 FROM nodes WHERE nodes.key = owner AND epoch = owner_epoch AND ended = 0)
            FROM process_executions
            WHERE id = ?1";
        let Some(claimant) = Claimant::of(self.lease, connection)? else { return Ok(false) };
        let mut look = connection.prepare_cached(LOOK)?;
        let found = look.query_row([self.id.uuid().as_bytes()], |row| {
            Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, Option<i64>>(2)?, row.get(3)?))
        });
        let Some((key, owner, epoch, has_live_owner)) = found.optional()? else { return Ok(false) };
        if owner == Some(claimant.node) && epoch == Some(claimant.epoch) {
            return Ok(true);
        }
        if has_live_owner {
            return Ok(false);
        }
        claimant.take(&[Candidate { key, id: self.id }], ClaimKind::Due, connection)?;
        Ok(true)
    }

    /// Nobody has asked for it.
    fn is_done(_: &Self::Outcome) -> bool {
        false
    }
}

fn candidates(find: &'static str, asked: impl Params, connection: &Connection) -> Result<Vec<Candidate>, Failure> {
    let mut find = connection.prepare_cached(find)?;
    let mut rows = find.query(asked)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let id: [u8; 16] = row.get(1)?;
        found.push(Candidate { key: row.get(0)?, id: ExecutionId::new(uuid_from(&id, "id")?) });
    }
    Ok(found)
}
