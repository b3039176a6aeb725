//! Figures: how often processes run, how that ends, how long it takes and what it costs (spec 4b 9).
//!
//! All are over the executions that the session may see, and that began within the time that is looked at.

mod export;
mod parameters;

use axum::Json;
use parameters::FiguresParameters;
use procession_application::{
    access::UseCase,
    figures::{DayOfTrend, ProcessFigures, Trends},
    ports::{RunSums, StepFigures},
};
use procession_domain::value::{Cost, Duration, ProcessId};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    HttpState,
    extract::{IdPath, Parameters, Query, ReadParameters},
    problem::Problem,
    session::Session,
    state::App,
    wire::{ExactCost, dollars},
};

/// How many steps are listed where the client does not say.
const STEPS: u32 = 10;

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(trends))
        .routes(routes!(all_processes))
        .routes(routes!(one_process))
        .routes(routes!(steps))
        .merge(export::routes())
}

/// What happened day by day.
#[derive(Debug, Serialize, ToSchema)]
struct TrendsResponse {
    /// How many days were looked at.
    #[schema(example = 30)]
    days: u32,
    /// The zone of the days.
    #[schema(example = "UTC")]
    timezone: String,
    /// Every day, oldest first; one more than `days` where the time begins within a day.
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
    /// Each call counted once, in a process or in one of its sub-processes; of one process, sub-processes are included.
    #[schema(example = "$1.25")]
    total_cost: String,
    exact_cost: ExactCost,
    #[serde(flatten)]
    work: Work,
}

/// How long completed executions took, in seconds, and what the models read and wrote.
#[derive(Debug, Serialize, ToSchema)]
struct Work {
    /// Null if none has completed, as those that follow.
    #[schema(example = 81.5)]
    average: Option<f64>,
    /// Half of them took no longer, to 1.6 %.
    #[schema(example = 62.0)]
    p50: Option<f64>,
    /// Of a hundred, 95 took no longer, to 1.6 %.
    #[schema(example = 230.0)]
    p95: Option<f64>,
    /// How much of the average nothing was at work: it waited for people, times, and places in queues.
    #[schema(example = 60.5)]
    waiting_seconds: Option<f64>,
    /// How much of the average agents, messages and sub-processes were at work.
    #[schema(example = 21.0)]
    working_seconds: Option<f64>,
    #[schema(example = 12)]
    cancelled_count: u64,
    /// Read, those from and for caches included.
    #[schema(example = 120_000)]
    input_tokens: u64,
    #[schema(example = 34_000)]
    output_tokens: u64,
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
    #[serde(flatten)]
    work: Work,
}

/// The figures of one version of a process.
#[derive(Debug, Serialize, ToSchema)]
struct ProcessMetrics {
    process_id: Uuid,
    #[schema(example = "support-triage")]
    process_name: String,
    #[schema(example = "1")]
    version: String,
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
    #[serde(flatten)]
    work: Work,
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
    /// How much of that an agent, a message or a sub-process was at work.
    #[schema(example = 10.5)]
    working_seconds: f64,
    /// The rest of it.
    #[schema(example = 3.75)]
    waiting_seconds: f64,
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

/// How many steps are listed.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct StepParameters {
    /// How many steps in each list.
    #[param(minimum = 1, maximum = 50, example = 10)]
    limit: Option<u32>,
}

/// What happened day by day.
#[utoipa::path(
    get, path = "/api/processes/analytics/trends", tag = "analytics", params(FiguresParameters),
    responses(
        (status = 200, description = "The days and their sum", body = TrendsResponse),
        (status = 400, description = "Ill-formed id"),
        (status = 404, description = "No such process"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn trends(
    app: App,
    session: Session,
    Query(parameters): Query<FiguresParameters>,
) -> Result<Json<TrendsResponse>, Problem> {
    session.check(UseCase::ReadFigures)?;
    let now = app.now();
    let trends = app.figures.trends(&session.principal, &parameters.query(now)?).await?;
    Ok(Json(TrendsResponse::of(&trends, &parameters, parameters.number_of_days(now))))
}

/// The figures of all published versions.
#[utoipa::path(
    get, path = "/api/processes/analytics/all", tag = "analytics", params(FiguresParameters),
    responses(
        (status = 200, description = "The figures", body = AllProcessesResponse),
        (status = 400, description = "Ill-formed id"),
        (status = 404, description = "No such process"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn all_processes(
    app: App,
    session: Session,
    Query(parameters): Query<FiguresParameters>,
) -> Result<Json<AllProcessesResponse>, Problem> {
    session.check(UseCase::ReadFigures)?;
    let now = app.now();
    let processes = app.figures.processes(&session.principal, &parameters.query(now)?).await?;
    let processes = processes.iter().map(ProcessMetrics::of).collect();
    Ok(Json(AllProcessesResponse { processes, days: parameters.number_of_days(now) }))
}

/// The figures of one version.
#[utoipa::path(
    get, path = "/api/processes/{process_id}/analytics", tag = "analytics",
    params(("process_id" = Uuid, Path, description = "The version's id"), FiguresParameters),
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
    Query(parameters): Query<FiguresParameters>,
) -> Result<Json<ProcessMetrics>, Problem> {
    session.check(UseCase::ReadFigures)?;
    let query = parameters.query(app.now())?;
    let figures = app.figures.process(&session.principal, path.id()?, &query).await?;
    Ok(Json(ProcessMetrics::of(&figures)))
}

/// Where time and money go: the slowest and the most expensive steps.
#[utoipa::path(
    get, path = "/api/executions/analytics/steps", tag = "analytics", params(StepParameters, FiguresParameters),
    responses(
        (status = 200, description = "The steps", body = StepsResponse),
        (status = 400, description = "Ill-formed id"),
        (status = 404, description = "No such process"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn steps(
    app: App,
    session: Session,
    Query((listed, parameters)): Query<(StepParameters, FiguresParameters)>,
) -> Result<Json<StepsResponse>, Problem> {
    session.check(UseCase::ReadFigures)?;
    let steps = app.figures.steps(&session.principal, &parameters.query(app.now())?).await?;
    Ok(Json(StepsResponse::of(&steps, listed.limit.unwrap_or(STEPS) as usize)))
}

impl TrendsResponse {
    fn of(trends: &Trends, parameters: &FiguresParameters, days: u32) -> Self {
        let total = &trends.total;
        let cost = total.total_cost();
        Self {
            days,
            timezone: parameters.timezone.name.clone(),
            daily_trends: trends.days.iter().map(DailyTrend::of).collect(),
            total_executions: total.executions(),
            total_completed: total.completed,
            total_failed: total.failed,
            overall_success_rate: total.success_rate(),
            total_cost: cost.amount.to_string(),
            exact_cost: cost.into(),
            work: Work::of(total),
        }
    }
}

impl DailyTrend {
    fn of(DayOfTrend { date, sums }: &DayOfTrend) -> Self {
        let cost = sums.total_cost();
        Self {
            date: date.clone(),
            execution_count: sums.executions(),
            completed_count: sums.completed,
            failed_count: sums.failed,
            total_cost: dollars(cost.amount),
            exact_cost: cost.into(),
            success_rate: sums.success_rate(),
            work: Work::of(sums),
        }
    }
}

impl Work {
    fn of(sums: &RunSums) -> Self {
        let seconds = |duration: Option<Duration>| duration.map(Duration::as_secs_f64);
        Self {
            average: seconds(sums.average()),
            p50: seconds(sums.quantile(0.5)),
            p95: seconds(sums.quantile(0.95)),
            waiting_seconds: seconds(sums.average_waiting()),
            working_seconds: seconds(sums.average_working()),
            cancelled_count: sums.cancelled,
            input_tokens: sums.input_tokens,
            output_tokens: sums.output_tokens,
        }
    }
}

impl ProcessMetrics {
    fn of(ProcessFigures { process, sums }: &ProcessFigures) -> Self {
        let cost = sums.total_cost();
        let amount = |nanos: Option<i64>| nanos.and_then(|nanos| shown(sums.cost_of(nanos)));
        Self {
            process_id: process.id.uuid(),
            process_name: process.name.to_string(),
            version: process.version.to_string(),
            execution_count: sums.executions(),
            completed_count: sums.completed,
            failed_count: sums.failed,
            running_count: sums.running,
            success_rate: sums.success_rate(),
            average_duration_seconds: sums.average().and_then(seconds),
            average_cost: sums.average_cost().and_then(shown),
            total_cost: cost.amount.to_string(),
            exact_cost: cost.into(),
            min_duration_seconds: sums.took_least.and_then(seconds),
            max_duration_seconds: sums.took_most.and_then(seconds),
            min_cost: amount(sums.cost_least),
            max_cost: amount(sums.cost_most),
            work: Work::of(sums),
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
        let waiting = figures.average.as_millis().saturating_sub(figures.working.as_millis());
        let waiting = Duration::from_millis(waiting);
        let average = procession_domain::value::Money::from_nanos(cost.amount.nanos() / count, cost.amount.currency());
        Self {
            step_id: figures.step_id.to_string(),
            step_name: figures.step_id.to_string(),
            process_name: figures.process_name.to_string(),
            execution_count: figures.ended,
            average_duration_seconds: seconds(figures.average).map(one_decimal),
            working_seconds: figures.working.as_secs_f64(),
            waiting_seconds: waiting.as_secs_f64(),
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

impl ReadParameters for StepParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self { limit: parameters.number("limit", 1..=50) }
    }
}
