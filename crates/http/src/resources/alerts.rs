//! Cost alerts and the thresholds from which on they are raised (spec 4b 8).

use axum::Json;
use procession_application::{
    access::UseCase,
    alerts::WantedThreshold,
    ports::{AlertFilter, AlertStatus, CostAlert, Threshold, ThresholdKind},
};
use procession_domain::value::ProcessId;
use serde::{Deserialize, Serialize};
use serde_json::Number;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    HttpState,
    extract::{NamePath, Parameters, Parsed, Query, ReadParameters, Sent, TwoNamesPath},
    problem::{Code, Problem},
    session::Session,
    state::App,
    wire::{Time, dollars},
};

/// What stands for the server as a whole in the place of a process's id.
const SERVER: &str = "server";

/// How many alerts are listed where the client does not say.
const ALERTS: u32 = 50;

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(list_alerts))
        .routes(routes!(count_alerts))
        .routes(routes!(get_alert))
        .routes(routes!(dismiss_alert))
        .routes(routes!(list_thresholds, set_threshold))
        .routes(routes!(delete_threshold))
}

/// An alert: something cost more than people wanted to hear of.
#[derive(Debug, Serialize, ToSchema)]
struct AlertResponse {
    id: Uuid,
    /// The process, or `server`.
    process_id: String,
    process_name: String,
    /// Null for a day or a week.
    execution_id: Option<Uuid>,
    /// `per_execution`, `daily` or `weekly`.
    threshold_type: &'static str,
    threshold_amount: f64,
    actual_amount: f64,
    #[schema(example = "USD")]
    currency: String,
    /// `warning`, or `critical` for more than twice the threshold.
    severity: &'static str,
    /// `active` or `dismissed`.
    status: &'static str,
    message: String,
    created_at: Time,
    dismissed_at: Option<Time>,
    dismissed_by: Option<String>,
}

/// Alerts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"alerts": [], "total": 0, "active_count": 0}))]
struct AlertListResponse {
    /// The newest first.
    alerts: Vec<AlertResponse>,
    /// How many the filter leaves.
    total: u64,
    /// How many nobody has looked at.
    active_count: u64,
}

/// Alerts that nobody has looked at.
#[derive(Debug, Serialize, ToSchema)]
struct AlertCountResponse {
    /// How many.
    #[schema(example = 0)]
    active_count: u64,
}

/// An alert that was put aside.
#[derive(Debug, Serialize, ToSchema)]
struct DismissedAlertResponse {
    #[schema(example = "Alert dismissed")]
    message: &'static str,
    alert_id: String,
}

/// A cost from which on people are to be told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33", "process_id": "0199a6f0-7a11-7c55-b0a4-5f0c2d9e8b71",
    "threshold_type": "daily", "threshold_amount": 12.5, "currency": "USD", "enabled": true,
    "created_at": "2026-11-21T02:57:59.880423+00:00", "updated_at": "2026-11-21T02:57:59.880423+00:00",
}))]
struct ThresholdResponse {
    id: Uuid,
    /// The process, or `server`.
    process_id: String,
    /// `per_execution`, `daily` or `weekly`.
    threshold_type: &'static str,
    threshold_amount: f64,
    currency: String,
    enabled: bool,
    created_at: Time,
    updated_at: Time,
}

/// The thresholds of a process.
#[derive(Debug, Serialize, ToSchema)]
struct ThresholdListResponse {
    /// The process, or `server`.
    process_id: String,
    thresholds: Vec<ThresholdResponse>,
}

/// A threshold that was set.
#[derive(Debug, Serialize, ToSchema)]
struct SetThresholdResponse {
    #[schema(example = "Threshold updated")]
    message: &'static str,
    threshold: ThresholdResponse,
}

/// A threshold that is gone.
#[derive(Debug, Serialize, ToSchema)]
struct DeletedThresholdResponse {
    #[schema(example = "Threshold deleted")]
    message: &'static str,
}

/// A threshold to set.
#[derive(Debug, Deserialize, ToSchema)]
struct ThresholdRequest {
    /// `per_execution`, `daily` or `weekly`.
    #[schema(example = "daily")]
    threshold_type: String,
    /// In the currency of the server; more than 0.
    #[schema(value_type = f64, example = 12.5)]
    amount: Number,
    /// Whether it counts.
    #[serde(default = "yes")]
    #[schema(default = true)]
    enabled: bool,
}

/// Which alerts a list shows.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct AlertParameters {
    /// `active` or `dismissed`.
    #[param(example = "active")]
    status: Option<String>,
    /// Only those of this version, or with `server` of the server as a whole.
    process_id: Option<String>,
    /// How many at most; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// After so many.
    #[param(minimum = 0)]
    offset: Option<u64>,
}

/// Lists alerts, the newest first. Who sees only their own executions sees the alerts about these.
#[utoipa::path(
    get, path = "/api/alerts", tag = "alerts", params(AlertParameters),
    responses(
        (status = 200, description = "The alerts", body = AlertListResponse),
        (status = 400, description = "There is no such status"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn list_alerts(
    app: App,
    session: Session,
    Query(parameters): Query<AlertParameters>,
) -> Result<Json<AlertListResponse>, Problem> {
    session.check(UseCase::ReadAlerts)?;
    let status = match parameters.status.as_deref() {
        None => None,
        Some(name) => {
            let invalid = || Problem::bad_request(Code::BadFilter, format!("Invalid status: {name}"));
            Some(AlertStatus::of(name).ok_or_else(invalid)?)
        }
    };
    let process = match parameters.process_id.as_deref().map(process) {
        None => None,
        Some(Ok(process)) => Some(process),
        // Any text may be asked for; nothing has an id that is none.
        Some(Err(_)) => Some(Some(ProcessId::new(Uuid::nil()))),
    };
    let filter = AlertFilter { status, process, user: None };
    let (offset, limit) = (parameters.offset.unwrap_or(0), parameters.limit.unwrap_or(ALERTS));
    let page = app.alerts.list(&session.principal, filter, offset, limit).await?;
    let alerts = page.rows.iter().map(AlertResponse::of).collect();
    Ok(Json(AlertListResponse { alerts, total: page.total, active_count: page.active }))
}

/// Counts alerts that nobody has put aside.
#[utoipa::path(
    get, path = "/api/alerts/count", tag = "alerts",
    responses((status = 200, description = "How many", body = AlertCountResponse)),
)]
async fn count_alerts(app: App, session: Session) -> Result<Json<AlertCountResponse>, Problem> {
    session.check(UseCase::ReadAlerts)?;
    Ok(Json(AlertCountResponse { active_count: app.alerts.active(&session.principal).await? }))
}

/// Shows an alert.
#[utoipa::path(
    get, path = "/api/alerts/{alert_id}", tag = "alerts",
    params(("alert_id" = String, Path, description = "The alert")),
    responses(
        (status = 200, description = "The alert", body = AlertResponse),
        (status = 404, description = "No such alert"),
    ),
)]
async fn get_alert(app: App, session: Session, path: NamePath) -> Result<Json<AlertResponse>, Problem> {
    session.check(UseCase::ReadAlerts)?;
    let alert = app.alerts.get(&session.principal, alert_id(&path.0)?).await?;
    Ok(Json(AlertResponse::of(&alert)))
}

/// Puts an alert aside: it is not raised again in its period.
#[utoipa::path(
    post, path = "/api/alerts/{alert_id}/dismiss", tag = "alerts",
    params(("alert_id" = String, Path, description = "The alert")),
    responses(
        (status = 200, description = "It is put aside", body = DismissedAlertResponse),
        (status = 400, description = "It was put aside before"),
        (status = 404, description = "No such alert"),
    ),
)]
async fn dismiss_alert(app: App, session: Session, path: NamePath) -> Result<Json<DismissedAlertResponse>, Problem> {
    session.check(UseCase::DismissAlert)?;
    let id = alert_id(&path.0)?;
    app.alerts.dismiss(&session.principal, id).await?;
    Ok(Json(DismissedAlertResponse { message: "Alert dismissed", alert_id: id.to_string() }))
}

/// Lists the thresholds of a process, or with `server` those of the server as a whole.
#[utoipa::path(
    get, path = "/api/alerts/thresholds/{process_id}", tag = "alerts",
    params(("process_id" = String, Path, description = "The version's id, or `server`", example = "server")),
    responses(
        (status = 200, description = "The thresholds", body = ThresholdListResponse),
        (status = 400, description = "Ill-formed id"),
        (status = 404, description = "No such definition"),
    ),
)]
async fn list_thresholds(app: App, session: Session, path: NamePath) -> Result<Json<ThresholdListResponse>, Problem> {
    session.check(UseCase::ReadThresholds)?;
    let process = process(&path.0)?;
    let thresholds = app.alerts.thresholds(&session.principal, process).await?;
    let thresholds = thresholds.iter().map(ThresholdResponse::of).collect();
    Ok(Json(ThresholdListResponse { process_id: path.0, thresholds }))
}

/// Sets a threshold, in the place of the one of its kind.
#[utoipa::path(
    put, path = "/api/alerts/thresholds/{process_id}", tag = "alerts", request_body = ThresholdRequest,
    params(("process_id" = String, Path, description = "The version's id, or `server`", example = "server")),
    responses(
        (status = 200, description = "The threshold", body = SetThresholdResponse),
        (status = 400, description = "Ill-formed id, or no such kind of threshold"),
        (status = 404, description = "No such definition"),
        (status = 422, description = "Malformed body, or the amount does not do"),
    ),
)]
async fn set_threshold(
    app: App,
    path: NamePath,
    sent: Sent<ThresholdRequest>,
) -> Result<Json<SetThresholdResponse>, Problem> {
    let Sent { session, body } = sent;
    session.check(UseCase::ChangeThresholds)?;
    let kind = ThresholdKind::of(&body.threshold_type).ok_or_else(|| {
        let known = ThresholdKind::ALL.map(ThresholdKind::as_str).join(", ");
        unknown_kind(&format!("{}. Valid: {known}", body.threshold_type))
    })?;
    let wanted =
        WantedThreshold { process_id: process(&path.0)?, kind, amount: body.amount.to_string(), enabled: body.enabled };
    let threshold = app.alerts.set(&session.principal, wanted).await?;
    Ok(Json(SetThresholdResponse { message: "Threshold updated", threshold: ThresholdResponse::of(&threshold) }))
}

/// Removes a threshold.
#[utoipa::path(
    delete, path = "/api/alerts/thresholds/{process_id}/{threshold_type}", tag = "alerts",
    params(
        ("process_id" = String, Path, description = "The version's id, or `server`", example = "server"),
        ("threshold_type" = String, Path, description = "`per_execution`, `daily` or `weekly`", example = "daily"),
    ),
    responses(
        (status = 200, description = "It is gone", body = DeletedThresholdResponse),
        (status = 400, description = "Ill-formed id, or no such kind of threshold"),
        (status = 404, description = "No such definition or threshold"),
    ),
)]
async fn delete_threshold(
    app: App,
    session: Session,
    TwoNamesPath(id, kind): TwoNamesPath,
) -> Result<Json<DeletedThresholdResponse>, Problem> {
    session.check(UseCase::ChangeThresholds)?;
    let kind = ThresholdKind::of(&kind).ok_or_else(|| unknown_kind(&kind))?;
    app.alerts.remove(&session.principal, process(&id)?, kind).await?;
    Ok(Json(DeletedThresholdResponse { message: "Threshold deleted" }))
}

/// The alert of a path. What is no id is that of no alert.
fn alert_id(text: &str) -> Result<Uuid, Problem> {
    text.parse().map_err(|_| Problem::not_found("Alert not found"))
}

/// The process of a path; none for the server as a whole.
fn process(id: &str) -> Result<Option<ProcessId>, Problem> {
    if id == SERVER { Ok(None) } else { ProcessId::read(id).map(Some) }
}

fn unknown_kind(kind: &str) -> Problem {
    Problem::bad_request(Code::BadFilter, format!("Invalid threshold type: {kind}"))
}

const fn yes() -> bool {
    true
}

impl ThresholdResponse {
    fn of(threshold: &Threshold) -> Self {
        Self {
            id: threshold.id,
            process_id: threshold.process_id.map_or_else(|| SERVER.to_owned(), |id| id.to_string()),
            threshold_type: threshold.kind.as_str(),
            threshold_amount: dollars(threshold.amount),
            currency: threshold.amount.currency().to_string(),
            enabled: threshold.enabled,
            created_at: threshold.created_at.into(),
            updated_at: threshold.updated_at.into(),
        }
    }
}

impl AlertResponse {
    fn of(alert: &CostAlert) -> Self {
        Self {
            id: alert.id,
            process_id: alert.process_id.map_or_else(|| SERVER.to_owned(), |id| id.to_string()),
            process_name: alert.process_name.as_ref().map_or_else(|| SERVER.to_owned(), ToString::to_string),
            execution_id: alert.execution_id.map(procession_domain::value::ExecutionId::uuid),
            threshold_type: alert.kind.as_str(),
            threshold_amount: dollars(alert.threshold),
            actual_amount: dollars(alert.actual),
            currency: alert.actual.currency().to_string(),
            severity: alert.severity().as_str(),
            status: alert.status().as_str(),
            message: alert.to_string(),
            created_at: alert.created_at.into(),
            dismissed_at: alert.dismissed_at.map(Into::into),
            dismissed_by: alert.dismissed_by.clone(),
        }
    }
}

impl ReadParameters for AlertParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self {
            status: parameters.text("status"),
            process_id: parameters.text("process_id"),
            limit: parameters.number("limit", 1..=100),
            offset: parameters.number("offset", 0..=i64::MAX.unsigned_abs()),
        }
    }
}
