//! Figures: how often processes run, how that ends, how long it takes and what it costs (spec 4b 9).
//!
//! All are over the executions that the session may see, and that began within the last so many days.

use axum::Json;
use procession_application::{
    access::UseCase,
    figures::{FiguresQuery, Trends},
    ports::{DayFigures, ProcessFigures, StepFigures},
};
use procession_domain::value::{Cost, Duration, ProcessId};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    HttpState,
    extract::{IdPath, Parameters, Parsed, Query, ReadParameters},
    problem::Problem,
    session::Session,
    state::App,
    wire::{ExactCost, dollars},
};

/// How many days are looked at where the client does not say.
const DAYS: u32 = 30;

/// How many days can be looked at.
const MOST_DAYS: u32 = 365;

/// How many steps are listed where the client does not say.
const STEPS: u32 = 10;

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(trends))
        .routes(routes!(all_processes))
        .routes(routes!(one_process))
        .routes(routes!(steps))
}

/// What happened day by day.
#[derive(Debug, Serialize, ToSchema)]
struct TrendsResponse {
    /// How many days were looked at.
    #[schema(example = 30)]
    days: u32,
    /// Every day in UTC, oldest first; one more than `days`, since the time begins within a day.
    daily_trends: Vec<DailyTrend>,
    #[schema(example = 12)]
    total_executions: u64,
    #[schema(example = 9)]
    total_completed: u64,
    #[schema(example = 1)]
    total_failed: u64,
    /// How many of a hundred that completed or failed have completed; 0 if there are none.
    #[schema(example = 90.0)]
    overall_success_rate: f64,
    /// Rounded.
    #[schema(example = "$1.25")]
    total_cost: String,
    exact_cost: ExactCost,
}

/// What happened on a day.
#[derive(Debug, Serialize, ToSchema)]
struct DailyTrend {
    #[schema(example = "2026-11-21")]
    date: String,
    /// Executions that began on it.
    #[schema(example = 3)]
    execution_count: u64,
    #[schema(example = 2)]
    completed_count: u64,
    #[schema(example = 1)]
    failed_count: u64,
    /// What they cost so far.
    #[schema(example = 0.25)]
    total_cost: f64,
    exact_cost: ExactCost,
    #[schema(example = 66.7)]
    success_rate: f64,
}

/// The figures of one version of a process.
#[derive(Debug, Serialize, ToSchema)]
struct ProcessMetrics {
    process_id: Uuid,
    #[schema(example = "support-triage")]
    process_name: String,
    #[schema(example = 12)]
    execution_count: u64,
    #[schema(example = 9)]
    completed_count: u64,
    #[schema(example = 1)]
    failed_count: u64,
    /// Those that have not ended.
    #[schema(example = 2)]
    running_count: u64,
    /// How many of a hundred that completed or failed have completed; 0 if there are none.
    #[schema(example = 90.0)]
    success_rate: f64,
    /// Of those that completed; null if none has.
    #[schema(example = 81.5)]
    average_duration_seconds: Option<f64>,
    /// Of those that ended; null if none has cost anything.
    #[schema(example = "$0.10")]
    average_cost: Option<String>,
    #[schema(example = "$1.25")]
    total_cost: String,
    exact_cost: ExactCost,
    #[schema(example = 12.25)]
    min_duration_seconds: Option<f64>,
    #[schema(example = 240.0)]
    max_duration_seconds: Option<f64>,
    #[schema(example = "$0.05")]
    min_cost: Option<String>,
    #[schema(example = "$0.40")]
    max_cost: Option<String>,
}

/// The figures of all published versions.
#[derive(Debug, Serialize, ToSchema)]
struct AllProcessesResponse {
    /// The last changed first, also those that did not run.
    processes: Vec<ProcessMetrics>,
    #[schema(example = 30)]
    days: u32,
}

/// Where time and money go.
#[derive(Debug, Serialize, ToSchema)]
struct StepsResponse {
    /// The longest on average first.
    slowest_steps: Vec<StepPerformance>,
    /// The costliest together first; those that cost nothing are left out.
    most_expensive_steps: Vec<StepPerformance>,
}

/// The figures of one step, over all versions of its process.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct StepPerformance {
    #[schema(example = "draft")]
    step_id: String,
    /// The same as `step_id`.
    #[schema(example = "draft")]
    step_name: String,
    #[schema(example = "content-pipeline")]
    process_name: String,
    /// How often it ran to an end.
    #[schema(example = 12)]
    execution_count: u64,
    /// To one decimal; waiting and retries included.
    #[schema(example = 14.2)]
    average_duration_seconds: Option<f64>,
    #[schema(example = "$0.60")]
    total_cost: String,
    exact_cost: ExactCost,
    /// Null if it cost nothing.
    #[schema(example = "$0.05")]
    average_cost: Option<String>,
    /// How many of a hundred failed.
    #[schema(example = 8.3)]
    failure_rate: f64,
}

/// Which time is looked at, and what.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct TrendParameters {
    /// The last so many days.
    #[param(minimum = 1, maximum = 365, example = 30)]
    days: Option<u32>,
    /// Only executions of this version.
    process_id: Option<String>,
    /// Only executions of this process.
    #[param(example = "support-triage")]
    process_name: Option<String>,
}

/// Which time is looked at, and how many steps are listed.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct StepParameters {
    /// The last so many days.
    #[param(minimum = 1, maximum = 365, example = 30)]
    days: Option<u32>,
    /// How many steps in each list.
    #[param(minimum = 1, maximum = 50, example = 10)]
    limit: Option<u32>,
    /// Only executions of this process.
    #[param(example = "support-triage")]
    process_name: Option<String>,
}

/// What happened day by day.
#[utoipa::path(
    get, path = "/api/processes/analytics/trends", tag = "analytics", params(TrendParameters),
    responses(
        (status = 200, description = "The days and their sum", body = TrendsResponse),
        (status = 400, description = "Ill-formed id"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn trends(
    app: App,
    session: Session,
    Query(parameters): Query<TrendParameters>,
) -> Result<Json<TrendsResponse>, Problem> {
    session.check(UseCase::ReadFigures)?;
    let query = parameters.query()?;
    let trends = app.figures.trends(&session.principal, &query).await?;
    Ok(Json(TrendsResponse::of(&trends, query.days)))
}

/// The figures of all published versions.
#[utoipa::path(
    get, path = "/api/processes/analytics/all", tag = "analytics", params(TrendParameters),
    responses(
        (status = 200, description = "The figures", body = AllProcessesResponse),
        (status = 400, description = "Ill-formed id"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn all_processes(
    app: App,
    session: Session,
    Query(parameters): Query<TrendParameters>,
) -> Result<Json<AllProcessesResponse>, Problem> {
    session.check(UseCase::ReadFigures)?;
    let query = parameters.query()?;
    let processes = app.figures.processes(&session.principal, &query).await?;
    let is_meant = |figures: &&ProcessFigures| query.process_id.is_none_or(|id| id == figures.process_id);
    let processes = processes.iter().filter(is_meant).map(ProcessMetrics::of).collect();
    Ok(Json(AllProcessesResponse { processes, days: query.days }))
}

/// The figures of one version.
#[utoipa::path(
    get, path = "/api/processes/{process_id}/analytics", tag = "analytics",
    params(("process_id" = Uuid, Path, description = "The version's id"), TrendParameters),
    responses(
        (status = 200, description = "The figures", body = ProcessMetrics),
        (status = 400, description = "Ill-formed id"),
        (status = 404, description = "No such definition"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn one_process(
    app: App,
    session: Session,
    path: IdPath<ProcessId>,
    Query(parameters): Query<TrendParameters>,
) -> Result<Json<ProcessMetrics>, Problem> {
    session.check(UseCase::ReadFigures)?;
    let days = parameters.days.unwrap_or(DAYS);
    let figures = app.figures.process(&session.principal, path.id()?, days).await?;
    Ok(Json(ProcessMetrics::of(&figures)))
}

/// Where time and money go: the slowest and the most expensive steps.
#[utoipa::path(
    get, path = "/api/executions/analytics/steps", tag = "analytics", params(StepParameters),
    responses(
        (status = 200, description = "The steps", body = StepsResponse),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn steps(
    app: App,
    session: Session,
    Query(parameters): Query<StepParameters>,
) -> Result<Json<StepsResponse>, Problem> {
    let query = FiguresQuery {
        days: parameters.days.unwrap_or(DAYS),
        process_id: None,
        process_name: parameters.process_name.clone(),
    };
    let steps = app.figures.steps(&session.principal, &query).await?;
    Ok(Json(StepsResponse::of(&steps, parameters.limit.unwrap_or(STEPS) as usize)))
}

impl TrendsResponse {
    fn of(trends: &Trends, days: u32) -> Self {
        let total = &trends.total;
        Self {
            days,
            daily_trends: trends.days.iter().map(DailyTrend::of).collect(),
            total_executions: total.executions,
            total_completed: total.completed,
            total_failed: total.failed,
            overall_success_rate: total.success_rate(),
            total_cost: total.cost.amount.to_string(),
            exact_cost: total.cost.into(),
        }
    }
}

impl DailyTrend {
    fn of(figures: &DayFigures) -> Self {
        let counts = &figures.counts;
        Self {
            date: figures.day.to_string().chars().take(10).collect(),
            execution_count: counts.executions,
            completed_count: counts.completed,
            failed_count: counts.failed,
            total_cost: dollars(counts.cost.amount),
            exact_cost: counts.cost.into(),
            success_rate: counts.success_rate(),
        }
    }
}

impl ProcessMetrics {
    fn of(figures: &ProcessFigures) -> Self {
        let (counts, took, cost) = (&figures.counts, figures.took.as_ref(), figures.cost.as_ref());
        Self {
            process_id: figures.process_id.uuid(),
            process_name: figures.process_name.to_string(),
            execution_count: counts.executions,
            completed_count: counts.completed,
            failed_count: counts.failed,
            running_count: counts.running,
            success_rate: counts.success_rate(),
            average_duration_seconds: took.and_then(|took| seconds(took.average)),
            average_cost: cost.and_then(|cost| shown(cost.average)),
            total_cost: counts.cost.amount.to_string(),
            exact_cost: counts.cost.into(),
            min_duration_seconds: took.and_then(|took| seconds(took.least)),
            max_duration_seconds: took.and_then(|took| seconds(took.most)),
            min_cost: cost.and_then(|cost| shown(cost.least)),
            max_cost: cost.and_then(|cost| shown(cost.most)),
        }
    }
}

impl StepsResponse {
    fn of(figures: &[StepFigures], limit: usize) -> Self {
        let first = |mut figures: Vec<&StepFigures>, key: fn(&StepFigures) -> i128| {
            figures.sort_by_key(|figures| std::cmp::Reverse(key(figures)));
            figures.into_iter().take(limit).map(StepPerformance::of).collect()
        };
        let slow = figures.iter().filter(|figures| figures.average > Duration::ZERO).collect();
        let expensive = figures.iter().filter(|figures| figures.cost.amount.nanos() > 0).collect();
        Self {
            slowest_steps: first(slow, |figures| figures.average.as_millis().into()),
            most_expensive_steps: first(expensive, |figures| figures.cost.amount.nanos().into()),
        }
    }
}

impl StepPerformance {
    #[expect(clippy::cast_precision_loss, reason = "averages and shares to one decimal")]
    fn of(figures: &StepFigures) -> Self {
        let one_decimal = |number: f64| (number * 10.0).round() / 10.0;
        let cost = figures.cost;
        let count = i64::try_from(figures.ended).unwrap_or(i64::MAX).max(1);
        let average = procession_domain::value::Money::from_nanos(cost.amount.nanos() / count, cost.amount.currency());
        Self {
            step_id: figures.step_id.to_string(),
            step_name: figures.step_id.to_string(),
            process_name: figures.process_name.to_string(),
            execution_count: figures.ended,
            average_duration_seconds: seconds(figures.average).map(one_decimal),
            total_cost: cost.amount.to_string(),
            exact_cost: cost.into(),
            average_cost: shown(Cost { amount: average, ..cost }),
            failure_rate: one_decimal(figures.failed as f64 / figures.ended.max(1) as f64 * 100.0),
        }
    }
}

/// A time as existing clients show it; none for no time at all.
fn seconds(duration: Duration) -> Option<f64> {
    (duration > Duration::ZERO).then(|| duration.as_secs_f64())
}

/// A cost as existing clients show it; none for nothing.
fn shown(cost: Cost) -> Option<String> {
    (!cost.amount.is_zero()).then(|| cost.amount.to_string())
}

impl ReadParameters for TrendParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self {
            days: parameters.number("days", 1..=MOST_DAYS),
            process_id: parameters.text("process_id"),
            process_name: parameters.text("process_name"),
        }
    }
}

impl ReadParameters for StepParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self {
            days: parameters.number("days", 1..=MOST_DAYS),
            limit: parameters.number("limit", 1..=50),
            process_name: parameters.text("process_name"),
        }
    }
}

impl TrendParameters {
    fn query(self) -> Result<FiguresQuery, Problem> {
        let process_id = self.process_id.as_deref().map(ProcessId::read).transpose()?;
        Ok(FiguresQuery { days: self.days.unwrap_or(DAYS), process_id, process_name: self.process_name })
    }
}
