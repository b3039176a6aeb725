//! Sums of executions: of what has ended as commits have added it up, of the rest by looking.

use std::collections::{BTreeMap, HashMap};

use procession_application::ports::{Counted, Grouping, HOUR, QUARTER, RunFigures, RunSums};
use procession_domain::{
    event::ProcessRef,
    value::{Currency, Duration, ProcessId, Timestamp},
};
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection, sqlite::SqliteRow};

use crate::{
    SqliteStore,
    codec::{blob, count, process_name, to_json, uuid, version},
    error::Failure,
};

/// A group: the place of its day, and the row of its version.
type Group = (usize, i64);

/// A quarter of an hour as its column holds it.
pub(crate) fn quarter_of(moment: Timestamp) -> i64 {
    moment.as_micros().div_euclid(QUARTER)
}

/// An hour as its column holds it.
pub(crate) fn hour_of(moment: Timestamp) -> i64 {
    moment.as_micros().div_euclid(HOUR)
}

/// Whose figures are meant.
pub(crate) fn whose(counted: &Counted, query: &mut QueryBuilder<Sqlite>) {
    query.push(" AND figures.whole = ").push_bind(counted.user.is_none());
    query.push(" AND figures.user_name = ").push_bind(counted.user.clone().unwrap_or_default());
}

/// Of which processes and versions; `table` has a `definition` and a `name`.
pub(crate) fn of_what(counted: &Counted, table: &str, query: &mut QueryBuilder<Sqlite>) {
    if let Some(id) = counted.process_id {
        query.push(format_args!(" AND {table}.definition = (SELECT key FROM process_definitions WHERE id = "));
        query.push_bind(blob(id.uuid())).push(")");
    }
    if let Some(name) = &counted.process_name {
        query.push(format_args!(" AND {table}.name = (SELECT key FROM process_names WHERE name = "));
        query.push_bind(name.clone()).push(")");
    }
}

impl SqliteStore {
    pub(crate) async fn sum_runs(
        &self,
        counted: &Counted,
        grouping: Grouping<'_>,
        currency: Currency,
    ) -> Result<Vec<RunFigures>, Failure> {
        // One moment for all, so that what ends meanwhile is not missed or counted twice.
        let mut reader = self.readers.begin().await?;
        let firsts = firsts(counted, grouping);
        let mut groups = ended(&mut reader, counted, grouping, &firsts, currency).await?;
        for (group, sums) in live(&mut reader, counted, grouping, &firsts, currency).await? {
            groups.entry(group).or_insert_with(|| RunSums::none(currency)).add(&sums);
        }
        let versions = if grouping.by_process { versions(&mut reader, groups.keys()).await? } else { HashMap::new() };
        reader.rollback().await?;
        let mut figures = Vec::with_capacity(groups.len());
        for ((day, definition), sums) in groups {
            let day = grouping.days.get(day).copied();
            let process = match (grouping.by_process, versions.get(&definition)) {
                (false, _) => None,
                (true, Some(version)) => Some(version.clone()),
                (true, None) => {
                    return Err(Failure::corrupt(format!("figures of the version {definition}, which is not there")));
                }
            };
            figures.push(RunFigures { day, process, sums });
        }
        figures.sort_by_key(|figures| (figures.day, figures.process.as_ref().map(|process| process.id)));
        Ok(figures)
    }
}

/// The first quarter of each day, as far as it is counted; of the whole time where days don't matter.
fn firsts(counted: &Counted, grouping: Grouping<'_>) -> Vec<i64> {
    let from = quarter_of(counted.from);
    if grouping.days.is_empty() {
        return vec![from];
    }
    let until = quarter_of(counted.until).max(from);
    grouping.days.iter().map(|day| quarter_of(*day).clamp(from, until)).collect()
}

/// The column of costs: with sub-processes where one process is looked at, else each call once.
const fn cost_column(counted: &Counted, grouping: Grouping<'_>) -> &'static str {
    let is_of_one = counted.process_id.is_some() || counted.process_name.is_some();
    if is_of_one || grouping.by_process { "cost_nanos" } else { "own_nanos" }
}

async fn ended(
    reader: &mut SqliteConnection,
    counted: &Counted,
    grouping: Grouping<'_>,
    firsts: &[i64],
    currency: Currency,
) -> Result<BTreeMap<Group, RunSums>, Failure> {
    let mut query = QueryBuilder::new("WITH days AS (SELECT key AS day, value AS first, lead(value, 1, ");
    query.push_bind(quarter_of(counted.until)).push(") OVER (ORDER BY key) AS next FROM json_each(");
    query.push_bind(to_json(&firsts)?);
    query.push(")) SELECT days.day, ").push(if grouping.by_process { "figures.definition" } else { "0 AS definition" });
    query.push(format_args!(
        ",
            sum(completed) AS completed, sum(failed) AS failed, sum(cancelled) AS cancelled,
            sum(took) AS took, min(took_least) AS took_least, max(took_most) AS took_most, sum(working) AS working,
            group_concat(durations, '') AS durations,
            sum({}) AS cost, min(cost_least) AS cost_least, max(cost_most) AS cost_most,
            sum(incomplete) AS incomplete, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens
        FROM days
        CROSS JOIN run_figures AS figures
        WHERE figures.quarter >= days.first AND figures.quarter < days.next",
        cost_column(counted, grouping)
    ));
    whose(counted, &mut query);
    of_what(counted, "figures", &mut query);
    query.push(if grouping.by_process { " GROUP BY days.day, figures.definition" } else { " GROUP BY days.day" });
    let rows = query.build().fetch_all(reader).await?;
    rows.iter().map(|row| Ok((group(row)?, ended_sums(row, currency)?))).collect()
}

fn group(row: &SqliteRow) -> Result<Group, Failure> {
    Ok((usize::try_from(count(row, "day")?).unwrap_or(usize::MAX), row.try_get("definition")?))
}

fn ended_sums(row: &SqliteRow, currency: Currency) -> Result<RunSums, Failure> {
    let durations: &str = row.try_get("durations")?;
    let length = |column: &str| {
        let micros: Option<i64> = row.try_get(column)?;
        Ok::<_, Failure>(micros.map(|micros| Duration::from_millis(micros.max(0).unsigned_abs() / 1_000)))
    };
    let cost = row.try_get("cost")?;
    Ok(RunSums {
        completed: count(row, "completed")?,
        failed: count(row, "failed")?,
        cancelled: count(row, "cancelled")?,
        took: count(row, "took")?,
        working: count(row, "working")?,
        took_least: length("took_least")?,
        took_most: length("took_most")?,
        durations: durations.parse().map_err(|_| Failure::corrupt("column durations"))?,
        cost,
        ended_cost: cost,
        cost_least: row.try_get("cost_least")?,
        cost_most: row.try_get("cost_most")?,
        incomplete: count(row, "incomplete")?,
        input_tokens: count(row, "input_tokens")?,
        output_tokens: count(row, "output_tokens")?,
        ..RunSums::none(currency)
    })
}

/// What has begun and not ended.
async fn live(
    reader: &mut SqliteConnection,
    counted: &Counted,
    grouping: Grouping<'_>,
    firsts: &[i64],
    currency: Currency,
) -> Result<Vec<(Group, RunSums)>, Failure> {
    let mut query = QueryBuilder::new("SELECT run.started_at / ");
    query.push_bind(QUARTER).push(" AS quarter, run.definition, ");
    query.push(format_args!(
        "
            count(*) AS running, sum({}) AS cost, count(*) FILTER (WHERE NOT cost_complete) AS incomplete,
            sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens
        FROM process_executions AS run INDEXED BY process_executions_by_status
        WHERE run.status IN (1, 2) AND run.started_at >= ",
        cost_column(counted, grouping)
    ));
    query.push_bind(column_of(counted.from)).push(" AND run.started_at < ").push_bind(column_of(counted.until));
    if let Some(user) = &counted.user {
        query.push(" AND run.user_name = ").push_bind(user.clone());
    }
    of_what(counted, "run", &mut query);
    query.push(" GROUP BY quarter, run.definition");
    let rows = query.build().fetch_all(reader).await?;
    let sums = |row: &SqliteRow| {
        let quarter: i64 = row.try_get("quarter")?;
        let day = firsts.partition_point(|first| *first <= quarter).saturating_sub(1);
        let definition = if grouping.by_process { row.try_get("definition")? } else { 0 };
        let sums = RunSums {
            running: count(row, "running")?,
            cost: row.try_get("cost")?,
            incomplete: count(row, "incomplete")?,
            input_tokens: count(row, "input_tokens")?,
            output_tokens: count(row, "output_tokens")?,
            ..RunSums::none(currency)
        };
        Ok(((day, definition), sums))
    };
    rows.iter().map(sums).collect()
}

/// A moment on a quarter of an hour, as columns of times hold it.
fn column_of(moment: Timestamp) -> i64 {
    quarter_of(moment).saturating_mul(QUARTER)
}

/// What the versions of these groups are.
async fn versions(
    reader: &mut SqliteConnection,
    groups: impl Iterator<Item = &Group>,
) -> Result<HashMap<i64, ProcessRef>, Failure> {
    const READ: &str = "
        SELECT key, id, name, version_major, version_minor
        FROM process_definitions
        WHERE key IN (SELECT value FROM json_each(?1))";
    let mut keys: Vec<i64> = groups.map(|(_, definition)| *definition).collect();
    keys.sort_unstable();
    keys.dedup();
    let rows = sqlx::query(READ).bind(to_json(&keys)?).fetch_all(reader).await?;
    let version = |row: &SqliteRow| {
        let process = ProcessRef {
            id: ProcessId::new(uuid(row, "id")?),
            name: process_name(row, "name")?,
            version: version(row)?,
        };
        Ok((row.try_get("key")?, process))
    };
    rows.iter().map(version).collect()
}
