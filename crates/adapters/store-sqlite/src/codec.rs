//! Between columns and the domain's values.

use std::str::FromStr;

use procession_application::ports::RowPlace;
use procession_domain::{
    definition::{BudgetAction, Priority},
    execution::{ExecutionStatus, Ledger, Phase},
    value::{Currency, ExecutionId, Money, ProcessName, Timestamp, Version},
};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Row, sqlite::SqliteRow};
use uuid::Uuid;

use crate::error::Failure;

/// The JSON text of a value.
pub(crate) fn to_json(value: &impl Serialize) -> Result<String, Failure> {
    Ok(serde_json::to_string(value)?)
}

/// A value from a column that holds its JSON text.
pub(crate) fn json<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> Result<T, Failure> {
    let text: &str = row.try_get(column)?;
    serde_json::from_str(text).map_err(|error| Failure::corrupt(format!("column {column}: {error}")))
}

/// A UUID from a column that holds its bytes.
pub(crate) fn uuid(row: &SqliteRow, column: &str) -> Result<Uuid, Failure> {
    uuid_from(row.try_get(column)?, column)
}

/// A UUID's bytes, to bind.
pub(crate) fn blob(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

/// Ids for `unhex` and `json_each`.
pub(crate) fn ids_as_json(ids: &[ExecutionId]) -> Result<String, Failure> {
    to_json(&ids.iter().map(|id| id.uuid().simple().to_string()).collect::<Vec<_>>())
}

/// A UUID from its bytes.
pub(crate) fn uuid_from(bytes: &[u8], column: &str) -> Result<Uuid, Failure> {
    Uuid::from_slice(bytes).map_err(|error| Failure::corrupt(format!("column {column}: {error}")))
}

/// A value from a column that holds its text.
pub(crate) fn parsed<T: FromStr>(row: &SqliteRow, column: &str) -> Result<T, Failure> {
    let text: &str = row.try_get(column)?;
    parse(text, column)
}

fn parse<T: FromStr>(text: &str, column: &str) -> Result<T, Failure> {
    let unreadable = |_| Failure::corrupt(format!("column {column}: `{text}`"));
    text.parse().map_err(unreadable)
}

/// The name of a process.
pub(crate) fn process_name(row: &SqliteRow, column: &str) -> Result<ProcessName, Failure> {
    let text: &str = row.try_get(column)?;
    ProcessName::new(text).map_err(|error| Failure::corrupt(format!("column {column}: {error}")))
}

/// A time.
pub(crate) fn time(row: &SqliteRow, column: &str) -> Result<Timestamp, Failure> {
    Ok(Timestamp::from_micros(row.try_get(column)?))
}

/// A time, if there is one.
pub(crate) fn time_if_any(row: &SqliteRow, column: &str) -> Result<Option<Timestamp>, Failure> {
    let micros: Option<i64> = row.try_get(column)?;
    Ok(micros.map(Timestamp::from_micros))
}

/// A number that is never negative.
pub(crate) fn count(row: &SqliteRow, column: &str) -> Result<u64, Failure> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number).map_err(|_| Failure::corrupt(format!("column {column}: {number}")))
}

/// The same, up to 32 bits.
pub(crate) fn small_count(row: &SqliteRow, column: &str) -> Result<u32, Failure> {
    let number: i64 = row.try_get(column)?;
    u32::try_from(number).map_err(|_| Failure::corrupt(format!("column {column}: {number}")))
}

/// A number for a column; numbers that no column can hold don't occur.
pub(crate) fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The version in `version_major` and `version_minor`.
pub(crate) fn version(row: &SqliteRow) -> Result<Version, Failure> {
    let (major, minor) = (small_count(row, "version_major")?, small_count(row, "version_minor")?);
    Version::new(major, minor).map_err(|error| Failure::corrupt(error.to_string()))
}

/// An amount of money.
pub(crate) fn money(nanos: i64, currency: &str) -> Result<Money, Failure> {
    let currency = Currency::try_from(currency.to_owned()).map_err(|error| Failure::corrupt(error.to_string()))?;
    Ok(Money::from_nanos(nanos, currency))
}

/// The ledger in the columns of `budgets`; none if they are NULL.
pub(crate) fn ledger(row: &SqliteRow) -> Result<Option<Ledger>, Failure> {
    let Some(spent) = row.try_get::<Option<i64>, _>("spent_nanos")? else {
        return Ok(None);
    };
    let currency: &str = row.try_get("currency")?;
    let action: &str = row.try_get("action")?;
    Ok(Some(Ledger {
        spent: money(spent, currency)?,
        reserved: money(row.try_get("reserved_nanos")?, currency)?,
        limit: money(row.try_get("limit_nanos")?, currency)?,
        action: budget_action(action)?,
    }))
}

/// What a spent budget does, in its column.
pub(crate) const fn budget_action_name(action: BudgetAction) -> &'static str {
    match action {
        BudgetAction::Stop => "stop",
        BudgetAction::Ask => "ask",
        BudgetAction::Warn => "warn",
    }
}

pub(crate) fn budget_action(name: &str) -> Result<BudgetAction, Failure> {
    [BudgetAction::Stop, BudgetAction::Ask, BudgetAction::Warn]
        .into_iter()
        .find(|action| budget_action_name(*action) == name)
        .ok_or_else(|| Failure::corrupt(format!("column action: `{name}`")))
}

/// A place in queues as a number: lower comes first.
pub(crate) const fn priority_rank(priority: Priority) -> i64 {
    match priority {
        Priority::High => 0,
        Priority::Normal => 1,
        Priority::Low => 2,
    }
}

/// The place of a row in a list that is ordered by the column `at`, then `id`.
pub(crate) fn place(row: &SqliteRow, at: &str) -> Result<RowPlace, Failure> {
    Ok(RowPlace { at: time(row, at)?, id: uuid(row, "id")? })
}

/// A status as its column holds it.
pub(crate) const fn status_code(status: ExecutionStatus) -> i64 {
    match status {
        ExecutionStatus::Pending => 0,
        ExecutionStatus::Running => 1,
        ExecutionStatus::Paused => 2,
        ExecutionStatus::Completed => 3,
        ExecutionStatus::Failed => 4,
        ExecutionStatus::Cancelled => 5,
    }
}

/// The status that its column holds.
pub(crate) fn status_of(code: i64) -> Result<ExecutionStatus, Failure> {
    let found = ExecutionStatus::ALL.into_iter().find(|status| status_code(*status) == code);
    found.ok_or_else(|| Failure::corrupt(format!("column status: {code}")))
}

/// A phase as its column holds it.
pub(crate) const fn phase_code(phase: Phase) -> i64 {
    match phase {
        Phase::Plain => 0,
        Phase::RollingBack => 1,
        Phase::Held => 2,
    }
}

/// The phase that its column holds.
pub(crate) fn phase_of(code: i64) -> Result<Phase, Failure> {
    let found = [Phase::Plain, Phase::RollingBack, Phase::Held].into_iter().find(|phase| phase_code(*phase) == code);
    found.ok_or_else(|| Failure::corrupt(format!("column phase: {code}")))
}
