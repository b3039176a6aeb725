//! Figures that commits add up (spec 4b 9): each execution that ends and each step that does, once for who sees all and
//! once for the user who started the execution.

use procession_application::ports::{
    Booking, Commit, Durations, EndedStep, ExecutionCopy, HOUR, QUARTER, Spending, working_time,
};
use procession_domain::{
    execution::{ExecutionStatus, Standing},
    value::{Cost, Duration, Timestamp},
};
use rusqlite::{Connection, OptionalExtension, ToSql};

use crate::{codec::column, error::Failure};

/// Where an execution is counted.
struct Place<'a> {
    quarter: i64,
    definition: i64,
    name: i64,
    user: Option<&'a str>,
    /// What its calls have used in all.
    spending: Spending,
}

/// What is known of an execution before a commit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    /// Whether it has ended.
    pub is_ended: bool,
    /// What it has cost.
    pub cost: Cost,
    /// What its calls have used.
    pub spending: Spending,
    /// The row of its version.
    pub definition: i64,
}

/// Adds up what a commit ends: the execution, and steps. `name` is the row of the process's name.
pub(super) fn count(
    commit: &Commit,
    name: i64,
    before: Before,
    booking: Option<&Booking<'_>>,
    connection: &Connection,
) -> Result<(), Failure> {
    let ends = commit.ends() && !before.is_ended;
    let is_late = before.is_ended && booking.is_some();
    // What has never begun is not counted.
    let Some(started_at) = commit.standing.started_at.filter(|_| ends || is_late || !commit.ended_steps.is_empty())
    else {
        return Ok(());
    };
    let place = Place::of(commit, name, before, started_at);
    for step in &commit.ended_steps {
        count_step(step, &place, connection)?;
    }
    if ends {
        return count_run(&commit.standing, commit.working, &place, connection);
    }
    match booking.filter(|_| is_late) {
        Some(booking) => add_late_cost(commit, before, booking, &place, connection),
        None => Ok(()),
    }
}

/// Adds up an execution that has come from another store, and its steps. One that was here before and was removed after
/// its time is counted already.
pub(crate) fn count_copy(
    copy: &ExecutionCopy,
    (key, definition, name): (i64, i64, i64),
    connection: &Connection,
) -> Result<(), Failure> {
    const SPENT: &str =
        "UPDATE process_executions SET own_nanos = ?2, input_tokens = ?3, output_tokens = ?4 WHERE key = ?1";
    const REMOVED: &str = "SELECT 1 FROM removed_executions WHERE id = ?1";
    let standing = copy.execution.standing();
    let events = copy.events.iter().map(|recorded| &**recorded);
    let spending = Spending::of(events, standing.cost.amount.currency());
    let tokens = (column(spending.input_tokens), column(spending.output_tokens));
    connection.prepare_cached(SPENT)?.execute((key, spending.nanos, tokens.0, tokens.1))?;
    let id = copy.execution.id().uuid();
    let is_counted = connection.prepare_cached(REMOVED)?.exists([id.as_bytes()])?;
    let Some(started_at) = standing.started_at.filter(|_| !is_counted && standing.status.is_ended()) else {
        return Ok(());
    };
    let quarter = started_at.as_micros().div_euclid(QUARTER);
    let user = copy.execution.creation().user.as_deref();
    let place = Place { quarter, definition, name, user, spending };
    for step in &copy.ended_steps {
        count_step(step, &place, connection)?;
    }
    count_run(&standing, working_time(&copy.execution), &place, connection)
}

impl<'a> Place<'a> {
    fn of(commit: &'a Commit, name: i64, before: Before, started_at: Timestamp) -> Self {
        let mut spending = before.spending;
        spending.add(commit.spending());
        Self {
            quarter: started_at.as_micros().div_euclid(QUARTER),
            definition: before.definition,
            name,
            user: commit.creation.user.as_deref(),
            spending,
        }
    }

    /// The hour in which it began.
    const fn hour(&self) -> i64 {
        self.quarter.div_euclid(HOUR / QUARTER)
    }

    /// Who sees it: everyone who sees all, and its own user.
    fn seen_by(&self) -> impl Iterator<Item = (bool, &str)> {
        [(true, "")].into_iter().chain(self.user.map(|user| (false, user)))
    }
}

fn count_run(standing: &Standing, worked: Duration, place: &Place<'_>, connection: &Connection) -> Result<(), Failure> {
    const KNOWN: &str = "
        SELECT durations FROM run_figures WHERE whole = ?1 AND user_name = ?2 AND quarter = ?3 AND definition = ?4";
    const COUNT: &str = "
        INSERT INTO run_figures (
            whole, user_name, quarter, definition, name, completed, failed, cancelled, took, took_least, took_most,
            working, durations, cost_nanos, cost_least, cost_most, own_nanos, incomplete, input_tokens, output_tokens)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?12, ?13, ?13, ?13, ?14, ?15, ?16, ?17)
        ON CONFLICT (whole, user_name, quarter, definition) DO UPDATE SET
            completed = completed + excluded.completed,
            failed = failed + excluded.failed,
            cancelled = cancelled + excluded.cancelled,
            took = took + excluded.took,
            took_least = min(coalesce(took_least, excluded.took_least), coalesce(excluded.took_least, took_least)),
            took_most = max(coalesce(took_most, excluded.took_most), coalesce(excluded.took_most, took_most)),
            working = working + excluded.working,
            durations = excluded.durations,
            cost_nanos = cost_nanos + excluded.cost_nanos,
            cost_least = min(cost_least, excluded.cost_least),
            cost_most = max(cost_most, excluded.cost_most),
            own_nanos = own_nanos + excluded.own_nanos,
            incomplete = incomplete + excluded.incomplete,
            input_tokens = input_tokens + excluded.input_tokens,
            output_tokens = output_tokens + excluded.output_tokens";
    let is = |status: ExecutionStatus| i64::from(standing.status == status);
    let whole_time = standing.started_at.zip(standing.completed_at).map(|(from, until)| until.since(from));
    let took = whole_time.filter(|_| standing.status == ExecutionStatus::Completed);
    let took_micros = took.map(micros);
    let working = if took.is_some() { micros(worked) } else { 0 };
    let cost = standing.cost;
    for (whole, user) in place.seen_by() {
        let row: [&dyn ToSql; 4] = [&whole, &user, &place.quarter, &place.definition];
        let known: Option<String> = connection.prepare_cached(KNOWN)?.query_row(row, |row| row.get(0)).optional()?;
        let durations = match (took, known) {
            (None, known) => known.unwrap_or_default(),
            (Some(took), known) => {
                let unreadable = |_| Failure::corrupt("column durations");
                let mut durations: Durations = known.unwrap_or_default().parse().map_err(unreadable)?;
                durations.add(took);
                durations.to_string()
            }
        };
        connection.prepare_cached(COUNT)?.execute(rusqlite::params![
            whole,
            user,
            place.quarter,
            place.definition,
            place.name,
            is(ExecutionStatus::Completed),
            is(ExecutionStatus::Failed),
            is(ExecutionStatus::Cancelled),
            took_micros.unwrap_or(0),
            took_micros,
            working,
            durations,
            cost.amount.nanos(),
            place.spending.nanos,
            !cost.complete,
            column(place.spending.input_tokens),
            column(place.spending.output_tokens),
        ])?;
    }
    Ok(())
}

/// Adds a cost that became known after the end.
fn add_late_cost(
    commit: &Commit,
    before: Before,
    booking: &Booking<'_>,
    place: &Place<'_>,
    connection: &Connection,
) -> Result<(), Failure> {
    const ADD: &str = "
        UPDATE run_figures SET
            cost_nanos = cost_nanos + ?5,
            cost_most = max(cost_most, ?6),
            own_nanos = own_nanos + ?7,
            incomplete = incomplete + ?8,
            input_tokens = input_tokens + ?9,
            output_tokens = output_tokens + ?10
        WHERE whole = ?1 AND user_name = ?2 AND quarter = ?3 AND definition = ?4";
    let spending = commit.spending();
    let cost = commit.standing.cost;
    for (whole, user) in place.seen_by() {
        connection.prepare_cached(ADD)?.execute(rusqlite::params![
            whole,
            user,
            place.quarter,
            place.definition,
            booking.grown.nanos(),
            cost.amount.nanos(),
            booking.own.nanos(),
            i64::from(!cost.complete) - i64::from(!before.cost.complete),
            column(spending.input_tokens),
            column(spending.output_tokens),
        ])?;
    }
    Ok(())
}

fn count_step(step: &EndedStep, place: &Place<'_>, connection: &Connection) -> Result<(), Failure> {
    const COUNT: &str = "
        INSERT INTO step_figures (
            whole, user_name, hour, definition, step, name, ended, failed, took, working, cost_nanos, incomplete)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8, ?9, ?10, ?11)
        ON CONFLICT (whole, user_name, hour, definition, step) DO UPDATE SET
            ended = ended + 1,
            failed = failed + excluded.failed,
            took = took + excluded.took,
            working = working + excluded.working,
            cost_nanos = cost_nanos + excluded.cost_nanos,
            incomplete = incomplete + excluded.incomplete";
    for (whole, user) in place.seen_by() {
        connection.prepare_cached(COUNT)?.execute(rusqlite::params![
            whole,
            user,
            place.hour(),
            place.definition,
            step.step_id.as_str(),
            place.name,
            !step.completed,
            micros(step.ended_at.since(step.started_at)),
            micros(step.working),
            step.cost.map_or(0, |cost| cost.amount.nanos()),
            step.cost.is_some_and(|cost| !cost.complete),
        ])?;
    }
    Ok(())
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).saturating_mul(1_000)
}
