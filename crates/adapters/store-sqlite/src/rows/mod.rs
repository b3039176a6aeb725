//! New rows of one transaction: gathered first, then each kind written with one statement over one JSON parameter.
//!
//! Every statement is a hop to SQLite's thread, so their number must not grow with the number of commits.

mod approvals;
mod events;
mod executions;
mod signals;
mod steps;
mod trees;
mod values;

use serde::Serialize;
use sqlx::SqliteConnection;

pub(crate) use approvals::{ApprovalRow, stored_approvals};
pub(crate) use events::EventRow;
pub(crate) use executions::{ExecutionRow, StatusColumns};
pub(crate) use signals::{HeardRow, SignalRow};
pub(crate) use steps::StepRow;
pub(crate) use trees::{BudgetRow, KeyRow, LedgerRow};
pub(crate) use values::ValueRow;

use crate::error::Failure;

/// The rows that a transaction adds or replaces.
#[derive(Default)]
pub(crate) struct Rows<'a> {
    /// New executions.
    pub executions: Vec<ExecutionRow<'a>>,
    /// New ledgers.
    pub budgets: Vec<BudgetRow>,
    /// Ledgers that have changed.
    pub ledgers: Vec<LedgerRow>,
    /// New values.
    pub values: Vec<ValueRow<'a>>,
    /// New events.
    pub events: Vec<EventRow<'a>>,
    /// Steps that have changed.
    pub steps: Vec<StepRow<'a>>,
    /// Approvals that are new or have changed.
    pub approvals: Vec<ApprovalRow>,
    /// Signals that were taken, up to a number.
    pub heard: Vec<HeardRow>,
    /// New signals.
    pub signals: Vec<SignalRow>,
    /// Keys of starts.
    pub keys: Vec<KeyRow<'a>>,
}

impl Rows<'_> {
    /// Writes everything, in an order that foreign keys allow.
    pub async fn write(&self, connection: &mut SqliteConnection) -> Result<(), Failure> {
        write_all(connection, executions::INSERT, &self.executions).await?;
        write_all(connection, trees::INSERT_BUDGETS, &self.budgets).await?;
        write_all(connection, trees::UPDATE_LEDGERS, &self.ledgers).await?;
        write_all(connection, trees::INSERT_KEYS, &self.keys).await?;
        write_all(connection, values::INSERT, &self.values).await?;
        write_all(connection, events::INSERT, &self.events).await?;
        write_all(connection, steps::UPSERT, &self.steps).await?;
        write_all(connection, approvals::UPSERT, &self.approvals).await?;
        write_all(connection, signals::DELETE_HEARD, &self.heard).await?;
        // New signals come last: they call the attention of executions that were just written, too.
        write_all(connection, signals::INSERT, &self.signals).await?;
        write_all(connection, signals::CALL_ATTENTION, &self.signals).await
    }
}

/// Runs a statement over rows, as the JSON array in its only parameter; nothing without rows.
pub(crate) async fn write_all<T: Serialize>(
    connection: &mut SqliteConnection,
    statement: &'static str,
    rows: &[T],
) -> Result<(), Failure> {
    if !rows.is_empty() {
        let parameter = serde_json::to_string(rows)?;
        sqlx::query(statement).bind(parameter).execute(connection).await?;
    }
    Ok(())
}
