//! Schedules: when they are due, what became of that, and what people do with them (spec 4b 6, 4c).

use axum::{Json, http::StatusCode};
use procession_application::{
    access::UseCase,
    ports::LastFiring,
    triggers::{ScheduleState, ShownSchedule},
};
use procession_domain::value::{ExecutionId, ProcessId};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::webhooks::StartedResponse;
use crate::{
    extract::{IdPath, NamePath, Parameters, Query, ReadParameters},
    problem::Problem,
    session::Session,
    state::App,
    wire::Time,
};

/// How many due times of each schedule are told.
const NEXT_RUNS: usize = 5;

/// How many due times of one schedule can be asked for.
const MOST_NEXT_RUNS: u32 = 100;

/// A schedule that starts a process.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ScheduleResponse {
    /// Its id, which stays the same from version to version; of a version that does not have its process's triggers, the
    /// version's id and the trigger's, with a dot between them.
    #[schema(example = "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33")]
    id: String,
    /// Always `schedule`.
    #[serde(rename = "type")]
    #[schema(example = "schedule")]
    kind: &'static str,
    #[schema(example = "nightly-check")]
    process_name: String,
    process_id: Uuid,
    #[schema(example = "every-night")]
    trigger_id: String,
    /// The cron line as the author wrote it.
    #[schema(example = "daily")]
    cron: String,
    /// The five fields it stands for.
    #[schema(example = "0 9 * * *")]
    cron_expression: String,
    #[schema(example = "Europe/Berlin")]
    timezone: String,
    enabled: bool,
    #[schema(example = "")]
    description: String,
    /// When it is due next; null where it starts nothing.
    next_run_at: Option<Time>,
    /// When it last started an execution.
    last_run_at: Option<Time>,
    /// `active`, `paused` by a person, or `disabled` by its definition or since another version has the triggers.
    #[schema(example = "active")]
    state: &'static str,
    /// The next due times, the soonest first.
    next_runs: Vec<Time>,
    /// What became of the last due time.
    last: Option<LastFiringResponse>,
    /// How many due times have passed without a start since the last one.
    #[schema(example = 0)]
    missed: u64,
}

/// What became of a due time.
#[derive(Debug, Serialize, ToSchema)]
struct LastFiringResponse {
    due_at: Time,
    /// The execution that it started, for who may see executions of others.
    execution_id: Option<Uuid>,
    /// `started`, `skipped` since an execution was under way, `missed`, or `queued` behind one that is under way.
    #[schema(example = "started")]
    outcome: &'static str,
    /// Why it started none.
    #[schema(example = json!(null))]
    reason: Option<String>,
}

/// A schedule as the landing page of existing clients draws it.
#[derive(Debug, Serialize, ToSchema)]
struct OperationsScheduleResponse {
    #[serde(flatten)]
    schedule: ScheduleResponse,
    /// What it starts.
    #[schema(example = "nightly-check")]
    name: String,
    /// Always null: it starts a process, and that calls its agents.
    #[schema(example = json!(null))]
    agent_name: Option<String>,
}

/// The schedules of the server.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OperationsSchedulesResponse {
    schedules: Vec<OperationsScheduleResponse>,
    /// How many.
    #[schema(example = 1)]
    total: usize,
}

/// How much is asked of one schedule.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ScheduleParameters {
    /// How many due times.
    #[param(minimum = 1, maximum = 100, example = 5)]
    count: Option<u32>,
}

/// Which schedules are asked for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OperationsParameters {
    /// `true` for those that are switched on only.
    #[param(example = "true")]
    enabled_only: Option<String>,
}

/// Lists the schedules of published processes, the last changed first.
#[utoipa::path(
    get, path = "/api/triggers/schedules", tag = "triggers",
    responses((status = 200, description = "The schedules, those that are switched off too", body = Vec<ScheduleResponse>)),
)]
pub(super) async fn list_schedules(app: App, session: Session) -> Result<Json<Vec<ScheduleResponse>>, Problem> {
    let schedules = app.triggers.schedules(&session.principal, NEXT_RUNS).await?;
    Ok(Json(schedules.iter().map(ScheduleResponse::of).collect()))
}

/// Shows a schedule.
#[utoipa::path(
    get, path = "/api/triggers/schedules/{schedule_id}", tag = "triggers",
    params(
        ("schedule_id" = String, Path, description = "The schedule", example = "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33"),
        ScheduleParameters,
    ),
    responses(
        (status = 200, description = "The schedule", body = ScheduleResponse),
        (status = 404, description = "No such schedule"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
pub(super) async fn get_schedule(
    app: App,
    session: Session,
    path: NamePath,
    Query(parameters): Query<ScheduleParameters>,
) -> Result<Json<ScheduleResponse>, Problem> {
    let count = parameters.count.map_or(NEXT_RUNS, |count| count as usize);
    let schedule = app.triggers.schedule(&session.principal, &path.0, count).await?;
    Ok(Json(ScheduleResponse::of(&schedule)))
}

/// Lists the schedules of one version, whatever its status.
#[utoipa::path(
    get, path = "/api/triggers/process/{process_id}/schedules", tag = "triggers",
    params(("process_id" = Uuid, Path, description = "The version")),
    responses(
        (status = 200, description = "Its schedules", body = Vec<ScheduleResponse>),
        (status = 400, description = "Ill-formed id"),
        (status = 404, description = "No such definition"),
    ),
)]
pub(super) async fn schedules_of_process(
    app: App,
    session: Session,
    path: IdPath<ProcessId>,
) -> Result<Json<Vec<ScheduleResponse>>, Problem> {
    session.check(UseCase::ReadTriggers)?;
    let schedules = app.triggers.schedules_of(&session.principal, path.id()?, NEXT_RUNS).await?;
    Ok(Json(schedules.iter().map(ScheduleResponse::of).collect()))
}

/// Has a schedule start nothing until it is resumed; what comes due meanwhile is not made up for.
#[utoipa::path(
    post, path = "/api/schedules/{schedule_id}/pause", tag = "triggers",
    params(("schedule_id" = String, Path, description = "The schedule", example = "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33")),
    responses(
        (status = 200, description = "The schedule", body = ScheduleResponse),
        (status = 404, description = "No such schedule"),
        (status = 409, description = "Others keep changing it"),
    ),
)]
pub(super) async fn pause_schedule(
    app: App,
    session: Session,
    path: NamePath,
) -> Result<Json<ScheduleResponse>, Problem> {
    let shown = app.triggers.pause(&session.principal, &path.0, NEXT_RUNS).await?;
    Ok(Json(ScheduleResponse::of(&shown)))
}

/// Lets a paused schedule go on with its next due time.
#[utoipa::path(
    post, path = "/api/schedules/{schedule_id}/resume", tag = "triggers",
    params(("schedule_id" = String, Path, description = "The schedule", example = "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33")),
    responses(
        (status = 200, description = "The schedule", body = ScheduleResponse),
        (status = 404, description = "No such schedule"),
        (status = 409, description = "Others keep changing it"),
    ),
)]
pub(super) async fn resume_schedule(
    app: App,
    session: Session,
    path: NamePath,
) -> Result<Json<ScheduleResponse>, Problem> {
    let shown = app.triggers.resume(&session.principal, &path.0, NEXT_RUNS).await?;
    Ok(Json(ScheduleResponse::of(&shown)))
}

/// Starts what a schedule starts, now, whatever is due and whatever runs.
#[utoipa::path(
    post, path = "/api/schedules/{schedule_id}/run", tag = "triggers",
    params(("schedule_id" = String, Path, description = "The schedule", example = "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33")),
    responses(
        (status = 202, description = "The execution that begins", body = StartedResponse),
        (status = 404, description = "No such schedule"),
        (status = 409, description = "Others keep changing it, or its version can't be started"),
        (status = 422, description = "The schedule's input does not fit"),
        (status = 429, description = "The user is starting too many executions, or too many wait to begin"),
    ),
)]
pub(super) async fn run_schedule(
    app: App,
    session: Session,
    path: NamePath,
) -> Result<(StatusCode, Json<StartedResponse>), Problem> {
    let execution = app.triggers.run(&session.principal, &path.0).await?;
    Ok((StatusCode::ACCEPTED, Json(StartedResponse::of(&execution, "Execution started by its schedule"))))
}

/// Lists the schedules of the server, for the landing page of existing clients.
#[utoipa::path(
    get, path = "/api/ops/schedules", tag = "triggers", params(OperationsParameters),
    responses(
        (status = 200, description = "The schedules", body = OperationsSchedulesResponse),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
pub(super) async fn operations_schedules(
    app: App,
    session: Session,
    Query(parameters): Query<OperationsParameters>,
) -> Result<Json<OperationsSchedulesResponse>, Problem> {
    let schedules = app.triggers.schedules(&session.principal, NEXT_RUNS).await?;
    let enabled_only = parameters.enabled_only.is_some_and(|text| text.eq_ignore_ascii_case("true") || text == "1");
    let schedules: Vec<OperationsScheduleResponse> = schedules
        .iter()
        .filter(|schedule| schedule.state == ScheduleState::Active || !enabled_only)
        .map(|schedule| OperationsScheduleResponse {
            name: schedule.process_name.to_string(),
            schedule: ScheduleResponse::of(schedule),
            agent_name: None,
        })
        .collect();
    Ok(Json(OperationsSchedulesResponse { total: schedules.len(), schedules }))
}

impl ScheduleResponse {
    fn of(shown: &ShownSchedule) -> Self {
        Self {
            id: shown.id.clone(),
            kind: "schedule",
            process_name: shown.process_name.to_string(),
            process_id: shown.process_id.uuid(),
            trigger_id: shown.trigger_id.to_string(),
            cron: shown.schedule.cron.clone(),
            cron_expression: shown.schedule.cron_expression.clone(),
            timezone: shown.schedule.timezone.clone(),
            enabled: shown.enabled,
            description: shown.description.clone().unwrap_or_default(),
            next_run_at: shown.next_runs.first().copied().map(Time::from),
            last_run_at: shown.last_run_at.map(Time::from),
            state: shown.state.as_str(),
            next_runs: shown.next_runs.iter().copied().map(Time::from).collect(),
            last: shown.last.as_ref().map(LastFiringResponse::of),
            missed: shown.missed,
        }
    }
}

impl LastFiringResponse {
    fn of(last: &LastFiring) -> Self {
        Self {
            due_at: last.due_at.into(),
            execution_id: last.execution_id.map(ExecutionId::uuid),
            outcome: last.outcome.as_str(),
            reason: last.reason.clone(),
        }
    }
}

impl ReadParameters for ScheduleParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self { count: parameters.number("count", 1..=MOST_NEXT_RUNS) }
    }
}

impl ReadParameters for OperationsParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self { enabled_only: parameters.text("enabled_only") }
    }
}
