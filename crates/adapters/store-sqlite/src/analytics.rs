//! The port of figures: sums that the database makes.

use async_trait::async_trait;
use procession_application::ports::{
    AgentActivity, AgentFigures, Counted, EndedStep, FigureStore, Grouping, RecentRuns, RunFigures, StepFigures,
    StoreError,
};
use procession_domain::{
    event::Creation,
    value::{Cost, Currency, Duration, ExecutionId, Money, ProcessId, StepId, Timestamp},
};
use sqlx::{QueryBuilder, Row, sqlite::SqliteRow};

use crate::{
    SqliteStore,
    codec::{count, json, money, process_name, small_count, time, to_json, uuid},
    error::Failure,
    figures::{hour_of, of_what, whose},
};

#[async_trait]
impl FigureStore for SqliteStore {
    async fn run_figures(
        &self,
        counted: &Counted,
        grouping: Grouping<'_>,
        currency: Currency,
    ) -> Result<Vec<RunFigures>, StoreError> {
        Ok(self.sum_runs(counted, grouping, currency).await?)
    }

    async fn step_figures(&self, counted: &Counted, currency: Currency) -> Result<Vec<StepFigures>, StoreError> {
        Ok(self.sum_steps(counted, currency).await?)
    }

    async fn recent_runs(
        &self,
        versions: &[ProcessId],
        user: Option<&str>,
        most: u32,
    ) -> Result<Vec<RecentRuns>, StoreError> {
        Ok(self.read_recent_runs(versions, user, most).await?)
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
    async fn read_recent_runs(
        &self,
        versions: &[ProcessId],
        user: Option<&str>,
        most: u32,
    ) -> Result<Vec<RecentRuns>, Failure> {
        const READ: &str = "
            SELECT
                process.id,
                count(*) AS ended,
                count(*) FILTER (WHERE run.status = 3) AS completed,
                count(*) FILTER (WHERE run.status = 4) AS failed,
                sum(run.cost_nanos) AS cost,
                min(run.cost_complete) AS is_complete
            FROM json_each(?1) AS wanted
            CROSS JOIN process_definitions AS process ON process.id = unhex(wanted.value)
            CROSS JOIN process_executions AS run ON run.key IN (
                SELECT key
                FROM process_executions
                WHERE definition = process.key AND status >= 3 AND (?2 IS NULL OR user_name = ?2)
                ORDER BY created_at DESC, id DESC
                LIMIT ?3)
            GROUP BY process.key
            ORDER BY process.id";
        let ids: Vec<String> = versions.iter().map(|id| id.uuid().simple().to_string()).collect();
        let query = sqlx::query(READ).bind(to_json(&ids)?).bind(user.map(str::to_owned)).bind(most);
        let runs = |row: &SqliteRow| {
            Ok(RecentRuns {
                process_id: ProcessId::new(uuid(row, "id")?),
                ended: small_count(row, "ended")?,
                completed: small_count(row, "completed")?,
                failed: small_count(row, "failed")?,
                cost: row.try_get("cost")?,
                is_complete: row.try_get("is_complete")?,
            })
        };
        query.fetch_all(&self.readers).await?.iter().map(runs).collect()
    }

    async fn sum_steps(&self, counted: &Counted, currency: Currency) -> Result<Vec<StepFigures>, Failure> {
        let mut query = QueryBuilder::new(
            "
            SELECT
                process_names.name AS process_name, figures.step,
                sum(figures.ended) AS ended,
                sum(figures.failed) AS failed,
                sum(figures.took) AS took,
                sum(figures.working) AS working,
                sum(figures.cost_nanos) AS nanos,
                sum(figures.incomplete) AS incomplete
            FROM step_figures AS figures
            JOIN process_names ON process_names.key = figures.name
            WHERE figures.hour >= ",
        );
        query.push_bind(hour_of(counted.from)).push(" AND figures.hour < ").push_bind(hour_of(counted.until));
        whose(counted, &mut query);
        of_what(counted, "figures", &mut query);
        query.push(" GROUP BY figures.name, figures.step ORDER BY process_names.name, figures.step");
        let rows = query.build().fetch_all(&self.readers).await?;
        let figures = |row: &SqliteRow| {
            let ended = count(row, "ended")?;
            let average = |column: &str| {
                Ok::<_, Failure>(Duration::from_millis((count(row, column)? / ended.max(1) + 500) / 1_000))
            };
            let amount = Money::from_nanos(row.try_get("nanos")?, currency);
            Ok(StepFigures {
                process_name: process_name(row, "process_name")?,
                step_id: step_id(row)?,
                ended,
                failed: count(row, "failed")?,
                average: average("took")?,
                working: average("working")?,
                cost: Cost { amount, complete: count(row, "incomplete")? == 0 },
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
                step.ended_at, step.attempts, step.failed_attempts, step.working, step.cost_nanos,
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
            working: Duration::from_millis(count(row, "working")? / 1_000),
            cost: nanos.map(|_| cost(row, "cost_nanos", "currency", "complete")).transpose()?,
        },
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
