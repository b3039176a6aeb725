//! What starts processes, as their definitions declare it (spec 4b 6, 4c).

use axum::Json;
use procession_application::{
    access::UseCase,
    triggers::{DeclaredSchedule, DeclaredTrigger},
};
use procession_domain::value::ProcessId;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    HttpState,
    extract::{IdPath, NamePath, Origin, Parameters, Query, ReadParameters},
    problem::Problem,
    session::Session,
    state::App,
    wire::Time,
};

/// How many due times of each schedule are told.
const NEXT_RUNS: usize = 5;

/// How many due times of one schedule can be asked for.
const MOST_NEXT_RUNS: u32 = 100;

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(list_triggers))
        .routes(routes!(webhook_info))
        .routes(routes!(list_schedules))
        .routes(routes!(get_schedule))
        .routes(routes!(schedules_of_process))
        .routes(routes!(operations_schedules))
}

/// A webhook that starts a process.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookTriggerResponse {
    #[schema(example = "new-ticket")]
    id: String,
    /// Always `webhook`.
    #[serde(rename = "type")]
    #[schema(example = "webhook")]
    kind: &'static str,
    #[schema(example = "support-triage")]
    process_name: String,
    process_id: Uuid,
    enabled: bool,
    /// Its address on this server.
    #[schema(example = "https://procession.example.com/api/triggers/webhook/new-ticket")]
    webhook_url: String,
    #[schema(example = "The help desk calls this for each new ticket.")]
    description: String,
}

/// A schedule that starts a process.
#[derive(Debug, Serialize, ToSchema)]
struct ScheduleResponse {
    /// The version's id and the trigger's, with a dot between them.
    #[schema(example = "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33.every-night")]
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
    /// When it is due next; null where it is switched off or its version can't be started.
    next_run_at: Option<Time>,
    /// When it last started an execution that the session may see; null as well where a process has several schedules.
    last_run_at: Option<Time>,
    /// `active` or `disabled`.
    #[schema(example = "active")]
    state: &'static str,
    /// The next due times, the soonest first.
    next_runs: Vec<Time>,
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
struct OperationsSchedulesResponse {
    schedules: Vec<OperationsScheduleResponse>,
    /// How many.
    #[schema(example = 1)]
    total: usize,
}

/// How much is asked of one schedule.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct ScheduleParameters {
    /// How many due times.
    #[param(minimum = 1, maximum = 100, example = 5)]
    count: Option<u32>,
}

/// Which schedules are asked for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct OperationsParameters {
    /// `true` for those that are switched on only.
    #[param(example = "true")]
    enabled_only: Option<String>,
}

/// Lists the webhooks of published processes, the last changed first.
#[utoipa::path(
    get, path = "/api/triggers", tag = "triggers",
    responses((status = 200, description = "The webhooks", body = Vec<WebhookTriggerResponse>)),
)]
async fn list_triggers(
    app: App,
    session: Session,
    origin: Origin,
) -> Result<Json<Vec<WebhookTriggerResponse>>, Problem> {
    let webhooks = app.triggers.webhooks(&session.principal).await?;
    Ok(Json(webhooks.iter().map(|declared| WebhookTriggerResponse::of(declared, &origin)).collect()))
}

/// Shows a webhook; of several processes that have one of this id, that of the process changed last.
#[utoipa::path(
    get, path = "/api/triggers/webhook/{trigger_id}/info", tag = "triggers",
    params(("trigger_id" = String, Path, description = "The trigger, or `process-name/trigger` with `%2F`", example = "new-ticket")),
    responses(
        (status = 200, description = "The webhook", body = WebhookTriggerResponse),
        (status = 404, description = "No published process has such a webhook"),
    ),
)]
async fn webhook_info(
    app: App,
    session: Session,
    origin: Origin,
    path: NamePath,
) -> Result<Json<WebhookTriggerResponse>, Problem> {
    let declared = app.triggers.webhook(&session.principal, &path.0).await?;
    Ok(Json(WebhookTriggerResponse::of(&declared, &origin)))
}

/// Lists the schedules of published processes, the last changed first.
#[utoipa::path(
    get, path = "/api/triggers/schedules", tag = "triggers",
    responses((status = 200, description = "The schedules, those that are switched off too", body = Vec<ScheduleResponse>)),
)]
async fn list_schedules(app: App, session: Session) -> Result<Json<Vec<ScheduleResponse>>, Problem> {
    let schedules = app.triggers.schedules(&session.principal, NEXT_RUNS).await?;
    Ok(Json(schedules.iter().map(ScheduleResponse::of).collect()))
}

/// Shows a schedule.
#[utoipa::path(
    get, path = "/api/triggers/schedules/{schedule_id}", tag = "triggers",
    params(
        ("schedule_id" = String, Path, description = "The schedule", example = "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33.every-night"),
        ScheduleParameters,
    ),
    responses(
        (status = 200, description = "The schedule", body = ScheduleResponse),
        (status = 404, description = "No such schedule"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn get_schedule(
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
async fn schedules_of_process(
    app: App,
    session: Session,
    path: IdPath<ProcessId>,
) -> Result<Json<Vec<ScheduleResponse>>, Problem> {
    session.check(UseCase::ReadTriggers)?;
    let schedules = app.triggers.schedules_of(&session.principal, path.id()?, NEXT_RUNS).await?;
    Ok(Json(schedules.iter().map(ScheduleResponse::of).collect()))
}

/// Lists the schedules of the server, for the landing page of existing clients.
#[utoipa::path(
    get, path = "/api/ops/schedules", tag = "triggers", params(OperationsParameters),
    responses(
        (status = 200, description = "The schedules", body = OperationsSchedulesResponse),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn operations_schedules(
    app: App,
    session: Session,
    Query(parameters): Query<OperationsParameters>,
) -> Result<Json<OperationsSchedulesResponse>, Problem> {
    let schedules = app.triggers.schedules(&session.principal, NEXT_RUNS).await?;
    let enabled_only = parameters.enabled_only.is_some_and(|text| text.eq_ignore_ascii_case("true") || text == "1");
    let schedules: Vec<OperationsScheduleResponse> = schedules
        .iter()
        .filter(|schedule| schedule.declared.trigger.enabled || !enabled_only)
        .map(|schedule| OperationsScheduleResponse {
            name: schedule.declared.process_name.to_string(),
            schedule: ScheduleResponse::of(schedule),
            agent_name: None,
        })
        .collect();
    Ok(Json(OperationsSchedulesResponse { total: schedules.len(), schedules }))
}

impl WebhookTriggerResponse {
    fn of(declared: &DeclaredTrigger, origin: &Origin) -> Self {
        let trigger = &declared.trigger;
        Self {
            id: trigger.id.to_string(),
            kind: "webhook",
            process_name: declared.process_name.to_string(),
            process_id: declared.process_id.uuid(),
            enabled: trigger.enabled,
            webhook_url: format!("{origin}/api/triggers/webhook/{}", trigger.id),
            description: trigger.description.clone().unwrap_or_default(),
        }
    }
}

impl ScheduleResponse {
    fn of(schedule: &DeclaredSchedule) -> Self {
        let DeclaredTrigger { process_id, process_name, trigger } = &schedule.declared;
        Self {
            id: schedule.id(),
            kind: "schedule",
            process_name: process_name.to_string(),
            process_id: process_id.uuid(),
            trigger_id: trigger.id.to_string(),
            cron: schedule.schedule.cron.clone(),
            cron_expression: schedule.schedule.cron_expression.clone(),
            timezone: schedule.schedule.timezone.clone(),
            enabled: trigger.enabled,
            description: trigger.description.clone().unwrap_or_default(),
            next_run_at: schedule.next_runs.first().copied().map(Time::from),
            last_run_at: schedule.last_run_at.map(Time::from),
            state: if trigger.enabled { "active" } else { "disabled" },
            next_runs: schedule.next_runs.iter().copied().map(Time::from).collect(),
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
