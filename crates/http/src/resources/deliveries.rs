//! Deliveries: what was told outside, and what of it failed (spec 4c).

use std::collections::BTreeMap;

use axum::{Json, http::StatusCode};
use procession_application::{
    access::UseCase,
    ports::{DeliveryAttempt, DeliveryFilter, DeliveryKind, DeliveryRow, DeliveryState},
};
use procession_domain::value::ExecutionId;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    HttpState,
    extract::{NamePath, PageParameters, Parameters, Parsed, Query, ReadParameters},
    problem::{Code, Problem},
    session::Session,
    state::App,
    wire::Time,
};

/// How many deliveries a list shows that does not say.
const DEFAULT: u32 = 50;

/// How many it shows at most.
const MOST: u32 = 100;

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(list_deliveries)).routes(routes!(get_delivery)).routes(routes!(resend_delivery))
}

/// A page of deliveries.
#[derive(Debug, Serialize, ToSchema)]
struct DeliveryListResponse {
    /// The newest first.
    deliveries: Vec<DeliveryResponse>,
    /// How many there are in each state, whatever the filter.
    #[schema(value_type = HashMap<String, u64>, example = json!({"delivered": 40, "dead": 2}))]
    counts: BTreeMap<&'static str, u64>,
    /// How many the filter leaves in all.
    #[schema(example = 1)]
    total: u64,
    #[schema(example = 50)]
    limit: u32,
    #[schema(example = 0)]
    offset: u64,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}

/// Something that is told outside.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33", "kind": "webhook", "event_id": 42, "event": "process_completed",
    "execution_id": "0199a6f0-7a11-7c55-b0a4-5f0c2d9e8b71", "process_name": "report",
    "target": "https://example.org/********", "state": "retrying", "attempts": 1,
    "next_attempt_at": "2026-11-21T03:05:05.000000+00:00", "last_status": 503,
    "last_error": "WEBHOOK_ERROR: https://example.org answered 503 Service Unavailable",
    "created_at": "2026-11-21T03:05:00.000000+00:00", "delivered_at": null,
}))]
struct DeliveryResponse {
    /// The same at each try; a webhook's `webhook-id`.
    id: Uuid,
    /// `webhook`, `informed`, `monitor`, `mail` or `slack`.
    kind: &'static str,
    /// The event of which it tells.
    event_id: Option<u64>,
    /// What is told: `process_completed`.
    event: String,
    execution_id: Option<Uuid>,
    process_name: Option<String>,
    /// Where it goes: an address without what may be secret of it, an agent, a mail address.
    target: String,
    /// `waiting`, `retrying`, `delivered`, `dead` or `undeliverable`.
    state: &'static str,
    /// How often it was tried.
    attempts: u32,
    next_attempt_at: Option<Time>,
    /// What the receiver answered last.
    last_status: Option<u16>,
    /// Why it was not taken last.
    last_error: Option<String>,
    created_at: Time,
    delivered_at: Option<Time>,
}

/// A delivery with its tries.
#[derive(Debug, Serialize, ToSchema)]
struct DeliveryDetail {
    #[serde(flatten)]
    delivery: DeliveryResponse,
    /// The tries, oldest first.
    history: Vec<DeliveryAttemptResponse>,
}

/// A try.
#[derive(Debug, Serialize, ToSchema)]
struct DeliveryAttemptResponse {
    /// From 1.
    #[schema(example = 1)]
    attempt: usize,
    at: Time,
    #[schema(example = 0.25)]
    duration_seconds: f64,
    /// What the receiver answered.
    #[schema(example = 503)]
    status: Option<u16>,
    /// Why it was not taken; null where it was.
    #[schema(example = "https://example.org answered 503 Service Unavailable")]
    error: Option<String>,
}

/// Which deliveries are asked for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct DeliveryParameters {
    /// `waiting`, `retrying`, `delivered`, `dead` or `undeliverable`.
    #[param(example = "dead")]
    state: Option<String>,
    /// `webhook`, `informed`, `monitor`, `mail` or `slack`.
    #[param(example = "webhook")]
    kind: Option<String>,
    /// Of this execution.
    #[param(value_type = Option<uuid::Uuid>)]
    execution_id: Option<String>,
    /// Of this process.
    #[param(example = "report")]
    process_name: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// After so many.
    #[param(minimum = 0)]
    offset: Option<u64>,
    /// Behind the last page, by its `next_cursor`; then `offset` does not count.
    cursor: Option<String>,
}

/// Lists what is told outside, the newest first.
#[utoipa::path(
    get, path = "/api/deliveries", tag = "deliveries", params(DeliveryParameters),
    responses(
        (status = 200, description = "A page", body = DeliveryListResponse),
        (status = 400, description = "A filter can't be read"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn list_deliveries(
    app: App,
    session: Session,
    Query(parameters): Query<DeliveryParameters>,
) -> Result<Json<DeliveryListResponse>, Problem> {
    session.check(UseCase::ReadDeliveries)?;
    let DeliveryParameters { limit, offset, cursor, .. } = &parameters;
    let paging = PageParameters { limit: *limit, offset: *offset, cursor: cursor.clone() }.paging(DEFAULT);
    let page = app.deliveries.list(&session.principal, &parameters.filter()?, &paging).await?;
    let counts = app.deliveries.counts(&session.principal).await?;
    Ok(Json(DeliveryListResponse {
        deliveries: page.rows.into_iter().map(DeliveryResponse::of).collect(),
        counts: counts.into_iter().map(|(state, count)| (state.as_str(), count)).collect(),
        total: page.total,
        limit: paging.limit,
        offset: paging.offset(),
        next_cursor: page.next_cursor,
    }))
}

/// Shows a delivery with its tries.
#[utoipa::path(
    get, path = "/api/deliveries/{delivery_id}", tag = "deliveries",
    params(("delivery_id" = String, Path, description = "The delivery")),
    responses(
        (status = 200, description = "The delivery", body = DeliveryDetail),
        (status = 404, description = "No such delivery"),
    ),
)]
async fn get_delivery(app: App, session: Session, NamePath(id): NamePath) -> Result<Json<DeliveryDetail>, Problem> {
    let (row, tries) = app.deliveries.get(&session.principal, &id).await?;
    let history = (1..).zip(tries).map(|(number, attempt)| DeliveryAttemptResponse::of(number, attempt)).collect();
    Ok(Json(DeliveryDetail { delivery: DeliveryResponse::of(row), history }))
}

/// Sends a delivery again, whatever became of it, under its id.
#[utoipa::path(
    post, path = "/api/deliveries/{delivery_id}/resend", tag = "deliveries",
    params(("delivery_id" = String, Path, description = "The delivery")),
    responses(
        (status = 202, description = "It is due now", body = DeliveryResponse),
        (status = 404, description = "No such delivery"),
    ),
)]
async fn resend_delivery(
    app: App,
    session: Session,
    NamePath(id): NamePath,
) -> Result<(StatusCode, Json<DeliveryResponse>), Problem> {
    let row = app.deliveries.resend(&session.principal, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryResponse::of(row))))
}

impl ReadParameters for DeliveryParameters {
    fn read(parameters: &mut Parameters) -> Self {
        let PageParameters { limit, offset, cursor } = PageParameters::read(parameters, MOST);
        Self {
            state: parameters.text("state"),
            kind: parameters.text("kind"),
            execution_id: parameters.text("execution_id"),
            process_name: parameters.text("process_name"),
            limit,
            offset,
            cursor,
        }
    }
}

impl DeliveryParameters {
    fn filter(&self) -> Result<DeliveryFilter, Problem> {
        let bad = |what: &str, text: &str| Problem::bad_request(Code::BadFilter, format!("Invalid {what}: {text}"));
        let state = self.state.as_deref();
        let state = state.map(|text| DeliveryState::named(text).ok_or_else(|| bad("state", text))).transpose()?;
        let kind = self.kind.as_deref();
        let kind = kind.map(|text| DeliveryKind::named(text).ok_or_else(|| bad("kind", text))).transpose()?;
        let execution_id = self.execution_id.as_deref().map(ExecutionId::read).transpose()?;
        Ok(DeliveryFilter { state, kind, execution_id, process_name: self.process_name.clone() })
    }
}

impl DeliveryResponse {
    fn of(row: DeliveryRow) -> Self {
        Self {
            id: row.id,
            kind: row.kind.as_str(),
            event_id: row.event_id,
            event: row.event,
            execution_id: row.execution_id.map(ExecutionId::uuid),
            process_name: row.process_name.map(|name| name.to_string()),
            target: row.target,
            state: row.state.as_str(),
            attempts: row.attempts,
            next_attempt_at: row.next_attempt_at.map(Time::from),
            last_status: row.last_status,
            last_error: row.last_error,
            created_at: row.created_at.into(),
            delivered_at: row.delivered_at.map(Time::from),
        }
    }
}

impl DeliveryAttemptResponse {
    fn of(attempt: usize, tried: DeliveryAttempt) -> Self {
        let DeliveryAttempt { at, took, status, error } = tried;
        Self { attempt, at: at.into(), duration_seconds: took.as_secs_f64(), status, error }
    }
}
