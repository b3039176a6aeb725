//! What a commit books: sums by day, and the alerts that are due then (spec 4b 8).

use procession_application::ports::{
    AlertAudience, Booking, BookingScope, CostAlert, CostDay, Threshold, ThresholdKind, published_thresholds,
};
use procession_domain::{
    definition::Process,
    value::{Currency, Money, ProcessId, ProcessName, Timestamp},
};
use rusqlite::{Connection, OptionalExtension, Row};

use super::rows::insert_delivery;
use crate::{
    codec::{money, uuid_from},
    error::Failure,
};

/// The row that stands for the server in the place of a process's name.
const SERVER: i64 = 0;

/// The process of a threshold as its column holds it.
pub(crate) fn process_column(process: Option<ProcessId>) -> Vec<u8> {
    process.map(|id| id.uuid().as_bytes().to_vec()).unwrap_or_default()
}

/// Adds a booking to the sums of its day, and raises what alerts are due then. `name` is the row of the process's name.
pub(super) fn book(booking: &Booking<'_>, name: i64, connection: &Connection) -> Result<(), Failure> {
    add(name, booking.day, booking.grown, connection)?;
    add(SERVER, booking.day, booking.own, connection)?;
    let of_process = thresholds(Some(booking.process.id), connection)?;
    for threshold in of_process.iter().chain(&thresholds(None, connection)?) {
        let alert = match threshold.days(booking.day) {
            None => booking.alert_of_execution(threshold),
            Some(days) => {
                let (scope, process) = match threshold.scope() {
                    BookingScope::Process => (name, Some(&booking.process.name)),
                    BookingScope::Server => (SERVER, None),
                };
                let actual = sum(scope, days, threshold.amount.currency(), connection)?;
                threshold.alert_of_period(days.0, actual, process, booking.at)
            }
        };
        if let Some(alert) = alert {
            raise(&alert, booking.audiences.of(threshold.scope()), connection)?;
        }
    }
    Ok(())
}

/// Raises the alert of a threshold that the day or week of today has passed already.
pub(crate) fn raise_if_passed(
    threshold: &Threshold,
    today: CostDay,
    told: Option<&AlertAudience>,
    connection: &Connection,
) -> Result<(), Failure> {
    const NAME: &str = "
        SELECT process_names.key, process_names.name
        FROM process_definitions AS process
        JOIN process_names ON process_names.name = process.name
        WHERE process.id = ?1";
    let Some(days) = threshold.days(today) else { return Ok(()) };
    let (scope, process) = match threshold.process_id {
        None => (SERVER, None),
        Some(id) => {
            let mut find = connection.prepare_cached(NAME)?;
            let found = find.query_row([id.uuid().as_bytes()], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
            let Some((key, name)) = found.optional()? else { return Ok(()) };
            let name = ProcessName::new(&name).map_err(|_| Failure::corrupt(format!("column name: `{name}`")))?;
            (key, Some(name))
        }
    };
    let actual = sum(scope, days, threshold.amount.currency(), connection)?;
    match threshold.alert_of_period(days.0, actual, process.as_ref(), threshold.updated_at) {
        Some(alert) => raise(&alert, told, connection),
        None => Ok(()),
    }
}

/// Gives a version that is being published its thresholds. To be called before the version active so far ceases to be it.
pub(crate) fn set_published(process: &Process, connection: &Connection) -> Result<(), Failure> {
    const ACTIVE: &str = "SELECT id FROM process_definitions WHERE name = ?1 AND active = 1 AND id <> ?2";
    let id = process.id();
    let mut find = connection.prepare_cached(ACTIVE)?;
    let active = find.query_row(rusqlite::params![process.definition().name().as_str(), id.uuid().as_bytes()], |row| {
        row.get::<_, Vec<u8>>(0)
    });
    let before = match active.optional()? {
        Some(active) => thresholds(Some(ProcessId::new(uuid_from(&active, "id")?)), connection)?,
        None => Vec::new(),
    };
    for threshold in published_thresholds(process, &thresholds(Some(id), connection)?, &before) {
        set(&threshold, connection)?;
    }
    Ok(())
}

/// Sets a threshold; one of its process and kind keeps its id and its first time.
pub(crate) fn set(threshold: &Threshold, connection: &Connection) -> Result<(), Failure> {
    const SET: &str = "
        INSERT INTO cost_thresholds (id, process, kind, nanos, currency, enabled, created_at, updated_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        ON CONFLICT (process, kind) DO UPDATE SET
            nanos = excluded.nanos,
            currency = excluded.currency,
            enabled = excluded.enabled,
            updated_at = excluded.updated_at";
    connection.prepare_cached(SET)?.execute(rusqlite::params![
        threshold.id.as_bytes(),
        process_column(threshold.process_id),
        threshold.kind.as_str(),
        threshold.amount.nanos(),
        threshold.amount.currency().as_str(),
        threshold.enabled,
        threshold.created_at.as_micros(),
        threshold.updated_at.as_micros(),
    ])?;
    Ok(())
}

fn add(scope: i64, day: CostDay, amount: Money, connection: &Connection) -> Result<(), Failure> {
    const ADD: &str = "
        INSERT INTO booked_costs (scope, day, currency, nanos) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (scope, day, currency) DO UPDATE SET nanos = nanos + excluded.nanos";
    if !amount.is_zero() {
        let currency = amount.currency();
        let row = rusqlite::params![scope, day.number(), currency.as_str(), amount.nanos()];
        connection.prepare_cached(ADD)?.execute(row)?;
    }
    Ok(())
}

fn sum(
    scope: i64,
    (first, last): (CostDay, CostDay),
    currency: Currency,
    connection: &Connection,
) -> Result<Money, Failure> {
    const SUM: &str = "
        SELECT coalesce(sum(nanos), 0)
        FROM booked_costs
        WHERE scope = ?1 AND day BETWEEN ?2 AND ?3 AND currency = ?4";
    let asked = rusqlite::params![scope, first.number(), last.number(), currency.as_str()];
    let nanos = connection.prepare_cached(SUM)?.query_row(asked, |row| row.get(0))?;
    Ok(Money::from_nanos(nanos, currency))
}

fn thresholds(process: Option<ProcessId>, connection: &Connection) -> Result<Vec<Threshold>, Failure> {
    const READ: &str = "
        SELECT id, kind, nanos, currency, enabled, created_at, updated_at
        FROM cost_thresholds
        WHERE process = ?1
        ORDER BY kind";
    let mut read = connection.prepare_cached(READ)?;
    let mut rows = read.query([process_column(process)])?;
    let mut thresholds = Vec::new();
    while let Some(row) = rows.next()? {
        thresholds.push(threshold(process, row)?);
    }
    Ok(thresholds)
}

fn threshold(process_id: Option<ProcessId>, row: &Row<'_>) -> Result<Threshold, Failure> {
    let kind: String = row.get(1)?;
    Ok(Threshold {
        id: uuid_from(&row.get::<_, Vec<u8>>(0)?, "id")?,
        process_id,
        kind: ThresholdKind::of(&kind).ok_or_else(|| Failure::corrupt(format!("column kind: `{kind}`")))?,
        amount: money(row.get(2)?, &row.get::<_, String>(3)?)?,
        enabled: row.get(4)?,
        created_at: Timestamp::from_micros(row.get(5)?),
        updated_at: Timestamp::from_micros(row.get(6)?),
    })
}

/// Raises an alert and writes what tells of it, or lets the one that was raised before follow the cost.
fn raise(alert: &CostAlert, told: Option<&AlertAudience>, connection: &Connection) -> Result<(), Failure> {
    const RAISE: &str = "
        INSERT INTO cost_alerts (
            id, process, process_name, kind, execution, user_name, first_day, threshold_nanos, actual_nanos, currency,
            created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
        ON CONFLICT (id) DO NOTHING";
    const FOLLOW: &str = "UPDATE cost_alerts SET actual_nanos = ?2 WHERE id = ?1 AND dismissed_at IS NULL";
    let raised = connection.prepare_cached(RAISE)?.execute(rusqlite::params![
        alert.id.as_bytes(),
        process_column(alert.process_id),
        alert.process_name.as_ref().map(ProcessName::as_str),
        alert.kind.as_str(),
        alert.execution_id.map(|id| id.uuid().as_bytes().to_vec()),
        alert.user,
        alert.first_day.map(CostDay::number),
        alert.threshold.nanos(),
        alert.actual.nanos(),
        alert.actual.currency().as_str(),
        alert.created_at.as_micros(),
    ])?;
    if raised == 0 {
        let row = rusqlite::params![alert.id.as_bytes(), alert.actual.nanos()];
        connection.prepare_cached(FOLLOW)?.execute(row)?;
    } else if let Some(told) = told {
        insert_delivery(&alert.delivery(told), None, connection)?;
    }
    Ok(())
}
