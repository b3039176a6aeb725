//! The port of figures: sums that the database makes.

use async_trait::async_trait;
use procession_application::ports::{
    AgentActivity, AgentFigures, Counted, DayFigures, EndedStep, FigureStore, ProcessFigures, RunCounts, Spread,
    StepFigures, StoreError,
};
use procession_domain::{
    event::Creation,
    value::{Cost, Duration, ExecutionId, ProcessId, StepId, Timestamp},
};
use sqlx::{QueryBuilder, Row, Sqlite, sqlite::SqliteRow};

use crate::{
    SqliteStore,
    codec::{blob, count, json, money, process_name, small_count, time, uuid},
    error::Failure,
};

/// The microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// What is counted of executions, as [`run_counts`] reads it. A server has one currency.
const COUNTS: &str = "
    count(*) AS executions,
    count(*) FILTER (WHERE run.status = 3) AS completed,
    count(*) FILTER (WHERE run.status = 4) AS failed,
    count(*) FILTER (WHERE run.status < 3) AS running,
    sum(run.cost_nanos) AS nanos,
    max(run.cost_currency) AS currency,
    min(run.cost_complete) AS complete";

#[async_trait]
impl FigureStore for SqliteStore {
    async fn process_figures(&self, counted: &Counted) -> Result<Vec<ProcessFigures>, StoreError> {
        Ok(self.sum_processes(counted).await?)
    }

    async fn day_figures(&self, counted: &Counted) -> Result<Vec<DayFigures>, StoreError> {
        Ok(self.sum_days(counted).await?)
    }

    async fn step_figures(&self, counted: &Counted) -> Result<Vec<StepFigures>, StoreError> {
        Ok(self.sum_steps(counted).await?)
    }

    async fn agent_figures(&self, since: Timestamp, user: Option<&str>) -> Result<Vec<AgentFigures>, StoreError> {
        Ok(self.sum_agents(since, user).await?)
    }

    async fn agent_activities(
        &self,
        since: Timestamp,
        user: Option<&str>,
        limit: u32,
    ) -> Result<Vec<AgentActivity>, StoreError> {
        Ok(self.read_activities(since, user, limit).await?)
    }
}

impl SqliteStore {
    async fn sum_processes(&self, counted: &Counted) -> Result<Vec<ProcessFigures>, Failure> {
        let mut query = QueryBuilder::new("SELECT process.id AS process_id, process.name AS process_name, ");
        query.push(COUNTS).push(
            ",
                avg(completed_at - started_at) FILTER (WHERE run.status = 3) AS average,
                min(completed_at - started_at) FILTER (WHERE run.status = 3) AS least,
                max(completed_at - started_at) FILTER (WHERE run.status = 3) AS most,
                avg(cost_nanos) FILTER (WHERE run.status >= 3) AS average_nanos,
                min(cost_nanos) FILTER (WHERE run.status >= 3) AS least_nanos,
                max(cost_nanos) FILTER (WHERE run.status >= 3) AS most_nanos
            FROM process_executions AS run
            JOIN process_definitions AS process ON process.key = run.definition",
        );
        among(counted, &mut query);
        query.push(" GROUP BY run.definition ORDER BY process.id");
        let rows = query.build().fetch_all(&self.readers).await?;
        rows.iter().map(process_figures).collect()
    }

    async fn sum_days(&self, counted: &Counted) -> Result<Vec<DayFigures>, Failure> {
        let mut query = QueryBuilder::new("SELECT run.started_at / ");
        query.push_bind(DAY).push(" AS day, ").push(COUNTS).push(" FROM process_executions AS run");
        among(counted, &mut query);
        query.push(" GROUP BY day ORDER BY day");
        let rows = query.build().fetch_all(&self.readers).await?;
        let figures = |row: &SqliteRow| {
            let day: i64 = row.try_get("day")?;
            Ok(DayFigures { day: Timestamp::from_micros(day.saturating_mul(DAY)), counts: run_counts(row)? })
        };
        rows.iter().map(figures).collect()
    }

    async fn sum_steps(&self, counted: &Counted) -> Result<Vec<StepFigures>, Failure> {
        let mut query = QueryBuilder::new(
            "
            SELECT
                process_names.name AS process_name, step.step,
                count(*) AS ended,
                count(*) FILTER (WHERE NOT step.completed) AS failed,
                avg(step.ended_at - step.started_at) AS average,
                sum(coalesce(step.cost_nanos, 0)) AS nanos,
                max(run.cost_currency) AS currency,
                min(coalesce(step.cost_complete, 1)) AS complete
            FROM process_executions AS run
            JOIN ended_steps AS step ON step.execution = run.key
            JOIN process_names ON process_names.key = run.name",
        );
        among(counted, &mut query);
        query.push(" GROUP BY run.name, step.step ORDER BY process_names.name, step.step");
        let rows = query.build().fetch_all(&self.readers).await?;
        let figures = |row: &SqliteRow| {
            Ok(StepFigures {
                process_name: process_name(row, "process_name")?,
                step_id: step_id(row)?,
                ended: count(row, "ended")?,
                failed: count(row, "failed")?,
                average: average(row, "average")?.unwrap_or_default(),
                cost: cost(row, "nanos", "currency", "complete")?,
            })
        };
        rows.iter().map(figures).collect()
    }

    async fn sum_agents(&self, since: Timestamp, user: Option<&str>) -> Result<Vec<AgentFigures>, Failure> {
        const SUM: &str = "
            SELECT
                step.agent,
                count(*) AS ended,
                count(*) FILTER (WHERE NOT step.completed) AS failed,
                sum(step.attempts) AS calls,
                sum(step.failed_attempts) AS failed_calls,
                sum(coalesce(step.cost_nanos, 0)) AS nanos,
                max(run.cost_currency) AS currency,
                min(coalesce(step.cost_complete, 1)) AS complete,
                max(step.ended_at) AS last_ended_at
            FROM ended_steps AS step
            JOIN process_executions AS run ON run.key = step.execution
            WHERE step.agent IS NOT NULL AND step.ended_at >= ?1 AND (?2 IS NULL OR run.user_name = ?2)
            GROUP BY step.agent
            ORDER BY step.agent";
        let query = sqlx::query(SUM).bind(since.as_micros()).bind(user.map(str::to_owned));
        let figures = |row: &SqliteRow| {
            Ok(AgentFigures {
                agent: row.try_get("agent")?,
                ended: count(row, "ended")?,
                failed: count(row, "failed")?,
                calls: count(row, "calls")?,
                failed_calls: count(row, "failed_calls")?,
                cost: cost(row, "nanos", "currency", "complete")?,
                last_ended_at: time(row, "last_ended_at")?,
            })
        };
        query.fetch_all(&self.readers).await?.iter().map(figures).collect()
    }

    async fn read_activities(
        &self,
        since: Timestamp,
        user: Option<&str>,
        limit: u32,
    ) -> Result<Vec<AgentActivity>, Failure> {
        const READ: &str = "
            SELECT
                run.id, run.creation, step.sequence, step.step, step.agent, step.completed, step.started_at,
                step.ended_at, step.attempts, step.failed_attempts, step.cost_nanos,
                coalesce(step.cost_currency, run.cost_currency) AS currency, coalesce(step.cost_complete, 1) AS complete
            FROM ended_steps AS step
            JOIN process_executions AS run ON run.key = step.execution
            WHERE step.agent IS NOT NULL AND step.ended_at >= ?1 AND (?2 IS NULL OR run.user_name = ?2)
            ORDER BY step.ended_at DESC, step.execution DESC, step.sequence DESC
            LIMIT ?3";
        let query = sqlx::query(READ).bind(since.as_micros()).bind(user.map(str::to_owned)).bind(limit);
        query.fetch_all(&self.readers).await?.iter().map(activity).collect()
    }
}

/// Which executions are meant; names them `run`.
fn among(counted: &Counted, query: &mut QueryBuilder<Sqlite>) {
    query.push(" WHERE run.started_at >= ").push_bind(counted.from.as_micros());
    query.push(" AND run.started_at < ").push_bind(counted.until.as_micros());
    if let Some(user) = &counted.user {
        query.push(" AND run.user_name = ").push_bind(user.clone());
    }
    if let Some(id) = counted.process_id {
        query.push(" AND run.definition = (SELECT key FROM process_definitions WHERE id = ");
        query.push_bind(blob(id.uuid())).push(")");
    }
    if let Some(name) = &counted.process_name {
        query.push(" AND run.name = (SELECT key FROM process_names WHERE name = ").push_bind(name.clone()).push(")");
    }
}

fn process_figures(row: &SqliteRow) -> Result<ProcessFigures, Failure> {
    let took = match (average(row, "average")?, micros(row, "least")?, micros(row, "most")?) {
        (Some(average), Some(least), Some(most)) => Some(Spread { average, least, most }),
        _ => None,
    };
    let currency: &str = row.try_get("currency")?;
    let complete = row.try_get("complete")?;
    let of = |nanos: i64| money(nanos, currency).map(|amount| Cost { amount, complete });
    let average_nanos: Option<f64> = row.try_get("average_nanos")?;
    let cost = match (average_nanos, row.try_get("least_nanos")?, row.try_get("most_nanos")?) {
        (Some(average), Some(least), Some(most)) => {
            Some(Spread { average: of(rounded(average))?, least: of(least)?, most: of(most)? })
        }
        _ => None,
    };
    Ok(ProcessFigures {
        process_id: ProcessId::new(uuid(row, "process_id")?),
        process_name: process_name(row, "process_name")?,
        counts: run_counts(row)?,
        took,
        cost,
    })
}

fn activity(row: &SqliteRow) -> Result<AgentActivity, Failure> {
    let creation: Creation = json(row, "creation")?;
    let nanos: Option<i64> = row.try_get("cost_nanos")?;
    Ok(AgentActivity {
        execution_id: ExecutionId::new(uuid(row, "id")?),
        process_name: creation.process.name,
        triggered_by: creation.triggered_by,
        step: EndedStep {
            sequence: count(row, "sequence")?,
            step_id: step_id(row)?,
            agent: row.try_get("agent")?,
            completed: row.try_get("completed")?,
            started_at: time(row, "started_at")?,
            ended_at: time(row, "ended_at")?,
            attempts: small_count(row, "attempts")?,
            failed_attempts: small_count(row, "failed_attempts")?,
            cost: nanos.map(|_| cost(row, "cost_nanos", "currency", "complete")).transpose()?,
        },
    })
}

fn run_counts(row: &SqliteRow) -> Result<RunCounts, Failure> {
    Ok(RunCounts {
        executions: count(row, "executions")?,
        completed: count(row, "completed")?,
        failed: count(row, "failed")?,
        running: count(row, "running")?,
        cost: cost(row, "nanos", "currency", "complete")?,
    })
}

fn cost(row: &SqliteRow, nanos: &str, currency: &str, complete: &str) -> Result<Cost, Failure> {
    let amount = money(row.try_get(nanos)?, row.try_get(currency)?)?;
    Ok(Cost { amount, complete: row.try_get(complete)? })
}

fn step_id(row: &SqliteRow) -> Result<StepId, Failure> {
    let text: &str = row.try_get("step")?;
    StepId::new(text).map_err(|error| Failure::corrupt(format!("column step: {error}")))
}

/// A number of microseconds.
fn micros(row: &SqliteRow, column: &str) -> Result<Option<Duration>, Failure> {
    let micros: Option<i64> = row.try_get(column)?;
    Ok(micros.map(|micros| Duration::from_millis(micros.max(0).unsigned_abs() / 1_000)))
}

/// An average number of microseconds.
fn average(row: &SqliteRow, column: &str) -> Result<Option<Duration>, Failure> {
    let micros: Option<f64> = row.try_get(column)?;
    Ok(micros.map(|micros| Duration::from_millis(rounded(micros / 1_000.0).max(0).unsigned_abs())))
}

#[expect(clippy::cast_possible_truncation, reason = "what does not fit becomes the nearest number that does")]
fn rounded(number: f64) -> i64 {
    number.round() as i64
}
