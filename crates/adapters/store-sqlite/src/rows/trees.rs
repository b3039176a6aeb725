//! Rows of `budgets` and of `idempotency_keys`.

use procession_application::ports::IdempotencyKey;
use procession_domain::{definition::Budget, execution::Ledger, value::ExecutionId};
use serde::Serialize;

use crate::codec::budget_action_name;

pub(super) const INSERT_BUDGETS: &str = "
    INSERT INTO budgets (root_id, spent_nanos, limit_nanos, currency, action)
    SELECT value ->> 'root_id', 0, value ->> 'limit_nanos', value ->> 'currency', value ->> 'action'
    FROM jsonb_each(?1)";

pub(super) const UPDATE_LEDGERS: &str = "
    UPDATE budgets
    SET spent_nanos = new.value ->> 'spent_nanos', limit_nanos = new.value ->> 'limit_nanos'
    FROM jsonb_each(?1) AS new
    WHERE budgets.root_id = new.value ->> 'root_id'";

/// A key that has expired makes room for a new one.
pub(super) const INSERT_KEYS: &str = "
    INSERT INTO idempotency_keys (scope, digest, execution_id, expires_at)
    SELECT value ->> 'scope', value ->> 'digest', value ->> 'execution_id', value ->> 'expires_at'
    FROM jsonb_each(?1)
    WHERE true
    ON CONFLICT (scope) DO UPDATE SET
        digest = excluded.digest,
        execution_id = excluded.execution_id,
        expires_at = excluded.expires_at";

/// A new ledger.
#[derive(Serialize)]
pub(crate) struct BudgetRow {
    root_id: ExecutionId,
    limit_nanos: i64,
    currency: String,
    action: &'static str,
}

/// A ledger after a commit.
#[derive(Serialize)]
pub(crate) struct LedgerRow {
    root_id: ExecutionId,
    spent_nanos: i64,
    limit_nanos: i64,
}

/// The key of a start.
#[derive(Serialize)]
pub(crate) struct KeyRow<'a> {
    scope: &'a str,
    digest: &'a str,
    execution_id: ExecutionId,
    expires_at: i64,
}

impl BudgetRow {
    /// The ledger of a tree with this budget.
    pub fn new(root_id: ExecutionId, budget: &Budget) -> Self {
        Self {
            root_id,
            limit_nanos: budget.max_cost.nanos(),
            currency: budget.max_cost.currency().as_str().to_owned(),
            action: budget_action_name(budget.action),
        }
    }
}

impl LedgerRow {
    /// A tree's ledger as it is now.
    pub const fn new(root_id: ExecutionId, ledger: &Ledger) -> Self {
        Self { root_id, spent_nanos: ledger.spent.nanos(), limit_nanos: ledger.limit.nanos() }
    }
}

impl<'a> KeyRow<'a> {
    /// A key that leads to an execution.
    pub fn new(execution_id: ExecutionId, key: &'a IdempotencyKey) -> Self {
        Self { scope: &key.scope, digest: &key.digest, execution_id, expires_at: key.expires_at.as_micros() }
    }
}
