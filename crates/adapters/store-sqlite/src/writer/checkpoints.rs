//! Moving the log into the database. SQLite would do it within some commit; here it happens between batches.

use rusqlite::Connection;

use crate::error::Failure;

/// A frame of the log: a page and its header.
const FRAME: i64 = 4_096 + 24;

/// The log is moved when so much of it has not been.
const MOVE_OVER: i64 = 4 * 1024 * 1024;

/// The log's file is cut down when it has grown over this, since a reader had kept it from being used anew.
const CUT_OVER: i64 = 64 * 1024 * 1024;

/// How many transactions, and how many writes in them, go by between two looks at the log.
const LOOK_AFTER: (u32, usize) = (16, 64);

/// Counts what was written since the last look at the log.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    transactions: u32,
    writes: usize,
}

/// How large the log is, in bytes.
struct Log {
    whole: i64,
    not_moved: i64,
}

impl Checkpoints {
    /// Notes a transaction; moves the log when it is time.
    pub fn after_transaction(&mut self, writes: usize, connection: &Connection) -> Result<(), Failure> {
        self.transactions += 1;
        self.writes += writes;
        if self.transactions < LOOK_AFTER.0 && self.writes < LOOK_AFTER.1 {
            return Ok(());
        }
        *self = Self::default();
        let log = run(connection, "PRAGMA wal_checkpoint(NOOP)")?;
        if log.not_moved >= MOVE_OVER {
            run(connection, "PRAGMA wal_checkpoint(PASSIVE)")?;
        }
        if log.whole >= CUT_OVER {
            run(connection, "PRAGMA wal_checkpoint(TRUNCATE)")?;
        }
        Ok(())
    }

    /// Moves the whole log, as far as no reader stands in the way.
    pub fn finish(connection: &Connection) -> Result<(), Failure> {
        run(connection, "PRAGMA wal_checkpoint(TRUNCATE)").map(drop)
    }
}

fn run(connection: &Connection, checkpoint: &'static str) -> Result<Log, Failure> {
    let mut statement = connection.prepare_cached(checkpoint)?;
    let sizes = statement.query_row((), |row| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)));
    let (frames, moved) = sizes?;
    Ok(Log { whole: frames * FRAME, not_moved: (frames - moved) * FRAME })
}
