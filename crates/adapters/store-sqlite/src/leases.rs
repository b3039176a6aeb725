//! Nodes and their leases. Only one process can have the file, so that a node that joins ends all other leases; a lease
//! does not run out by itself, since nobody could take over.

use async_trait::async_trait;
use procession_application::ports::Lease;
use procession_domain::value::Timestamp;
use sqlx::SqliteConnection;
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

#[async_trait]
impl Change for Join {
    type Outcome = Lease;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<Lease, Failure> {
        const END_OTHERS: &str = "UPDATE nodes SET ended = 1 WHERE id <> ?1 AND ended = 0";
        const TAKE: &str = "
            INSERT INTO nodes (id, epoch, lease_until) VALUES (?1, 1, ?2)
            ON CONFLICT (id) DO UPDATE SET epoch = epoch + 1, lease_until = excluded.lease_until, ended = 0
            RETURNING epoch";
        let node = self.node.to_string();
        sqlx::query(END_OTHERS).bind(&node).execute(&mut *connection).await?;
        let epoch: i64 =
            sqlx::query_scalar(TAKE).bind(&node).bind(self.until.as_micros()).fetch_one(connection).await?;
        Ok(Lease { node: self.node, epoch: epoch.unsigned_abs() })
    }
}

#[async_trait]
impl Change for Renew {
    type Outcome = bool;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<bool, Failure> {
        const RENEW: &str = "UPDATE nodes SET lease_until = ?3 WHERE id = ?1 AND epoch = ?2 AND ended = 0";
        let renewed = sqlx::query(RENEW)
            .bind(self.lease.node.to_string())
            .bind(column(self.lease.epoch))
            .bind(self.until.as_micros())
            .execute(connection)
            .await?;
        Ok(renewed.rows_affected() > 0)
    }
}

#[async_trait]
impl Change for Leave {
    type Outcome = ();

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<(), Failure> {
        const END: &str = "UPDATE nodes SET ended = 1 WHERE id = ?1 AND epoch = ?2";
        sqlx::query(END).bind(self.0.node.to_string()).bind(column(self.0.epoch)).execute(connection).await?;
        Ok(())
    }
}

#[async_trait]
impl Change for Sweep {
    type Outcome = u64;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<u64, Failure> {
        const KEYS: &str = "DELETE FROM idempotency_keys WHERE expires_at <= ?1";
        const NODES: &str = "
            DELETE FROM nodes
            WHERE ended = 1 AND lease_until <= ?1
              AND NOT EXISTS (SELECT 1 FROM process_executions WHERE owner = nodes.id)";
        let now = self.0.as_micros();
        let keys = sqlx::query(KEYS).bind(now).execute(&mut *connection).await?;
        let nodes = sqlx::query(NODES).bind(now - KEEP_NODES).execute(connection).await?;
        Ok(keys.rows_affected() + nodes.rows_affected())
    }
}
