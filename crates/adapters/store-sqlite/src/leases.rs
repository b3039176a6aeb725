//! Nodes and their leases. Only one process can have the file, so that a node that joins ends all other leases; a lease
//! does not run out by itself, since nobody could take over.

use procession_application::ports::Lease;
use procession_domain::value::Timestamp;
use rusqlite::Connection;
use uuid::Uuid;

use crate::{codec::column, error::Failure, writer::Change};

/// How long the row of a node whose lease is over is kept, in microseconds: its epochs must not begin anew before
/// everything that it had begun is over.
const KEEP_NODES: i64 = 86_400_000_000;

/// A node takes a lease.
pub(crate) struct Join {
    pub node: Uuid,
    pub until: Timestamp,
}

/// A node prolongs its lease.
pub(crate) struct Renew {
    pub lease: Lease,
    pub until: Timestamp,
}

/// A node gives its lease back.
pub(crate) struct Leave(pub Lease);

/// Rows whose time is over.
pub(crate) struct Sweep(pub Timestamp);

impl Change for Join {
    type Outcome = Lease;

    fn apply(&self, connection: &Connection) -> Result<Lease, Failure> {
        const END_OTHERS: &str = "UPDATE nodes SET ended = 1 WHERE id <> ?1 AND ended = 0";
        const TAKE: &str = "
            INSERT INTO nodes (id, epoch, lease_until) VALUES (?1, 1, ?2)
            ON CONFLICT (id) DO UPDATE SET epoch = epoch + 1, lease_until = excluded.lease_until, ended = 0
            RETURNING epoch";
        let node = self.node.as_bytes();
        connection.prepare_cached(END_OTHERS)?.execute([node])?;
        let taken = connection.prepare_cached(TAKE)?.query_row((node, self.until.as_micros()), |row| row.get(0));
        let epoch: i64 = taken?;
        Ok(Lease { node: self.node, epoch: epoch.unsigned_abs() })
    }

    /// Nobody has asked for it.
    fn is_done(_: &Self::Outcome) -> bool {
        false
    }
}

impl Change for Renew {
    type Outcome = bool;

    fn apply(&self, connection: &Connection) -> Result<bool, Failure> {
        const RENEW: &str = "UPDATE nodes SET lease_until = ?3 WHERE id = ?1 AND epoch = ?2 AND ended = 0";
        let lease = (self.lease.node.as_bytes(), column(self.lease.epoch), self.until.as_micros());
        Ok(connection.prepare_cached(RENEW)?.execute(lease)? > 0)
    }

    /// Nobody has asked for it.
    fn is_done(_: &Self::Outcome) -> bool {
        false
    }
}

impl Change for Leave {
    type Outcome = ();

    fn apply(&self, connection: &Connection) -> Result<(), Failure> {
        const END: &str = "UPDATE nodes SET ended = 1 WHERE id = ?1 AND epoch = ?2";
        connection.prepare_cached(END)?.execute((self.0.node.as_bytes(), column(self.0.epoch)))?;
        Ok(())
    }

    /// Nobody has asked for it.
    fn is_done((): &()) -> bool {
        false
    }
}

impl Change for Sweep {
    type Outcome = u64;

    fn apply(&self, connection: &Connection) -> Result<u64, Failure> {
        const KEYS: &str = "DELETE FROM idempotency_keys WHERE expires_at <= ?1";
        const NODES: &str = "
            DELETE FROM nodes
            WHERE ended = 1 AND lease_until <= ?1
              AND NOT EXISTS (SELECT 1 FROM process_executions WHERE owner = nodes.key)";
        // An estimate looks at the last twenty (spec 3.10).
        const COSTS: &str = "
            DELETE FROM step_costs
            WHERE event < (
                SELECT newer.event FROM step_costs AS newer
                WHERE newer.name = step_costs.name AND newer.step = step_costs.step
                ORDER BY newer.event DESC
                LIMIT 1 OFFSET 19)";
        let now = self.0.as_micros();
        let keys = connection.prepare_cached(KEYS)?.execute([now])?;
        let nodes = connection.prepare_cached(NODES)?.execute([now - KEEP_NODES])?;
        let costs = connection.prepare_cached(COSTS)?.execute(())?;
        Ok((keys + nodes + costs) as u64)
    }

    /// Nobody has asked for it.
    fn is_done(_: &Self::Outcome) -> bool {
        false
    }
}
