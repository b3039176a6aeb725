//! Webhooks: where they are called, whether they are switched on, and what came of their calls (spec 4b 6, 4c).

use axum::{Json, http::StatusCode};
use procession_application::{
    executions::VisibleExecution,
    ports::ShownWebhook,
    ports::{WebhookAddress, WebhookCall},
};
use procession_domain::value::ExecutionId;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    extract::{NamePath, Origin, Parameters, Query, ReadParameters, TwoNamesPath},
    problem::{Code, Problem},
    session::Session,
    state::App,
    wire::Time,
};

/// How many calls are shown where the client does not say.
const CALLS: u32 = 50;

/// How many calls can be asked for: as many as are kept.
const MOST_CALLS: u32 = 200;

/// A webhook that starts a process.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WebhookTriggerResponse {
    #[schema(example = "new-ticket")]
    id: String,
    /// Always `webhook`.
    #[serde(rename = "type")]
    #[schema(example = "webhook")]
    kind: &'static str,
    #[schema(example = "support-triage")]
    process_name: String,
    process_id: Uuid,
    /// Whether calls start the process.
    enabled: bool,
    /// Its address on this server: the short one, or where another process has that, the full one.
    #[schema(example = "https://procession.example.com/api/triggers/webhook/new-ticket")]
    webhook_url: String,
    /// Its address with the process's name, which no other process has.
    #[schema(example = "https://procession.example.com/api/triggers/webhook/support-triage/new-ticket")]
    full_url: String,
    #[schema(example = "The help desk calls this for each new ticket.")]
    description: String,
    /// Whether callers must show or sign with a secret.
    has_secret: bool,
    /// The header whose value makes repeated calls one.
    #[schema(example = json!(null))]
    dedupe_header: Option<String>,
    /// How many calls of it are remembered, at most 200.
    #[schema(example = 12)]
    calls: u64,
}

/// The calls of a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CallsResponse {
    /// The newest first.
    calls: Vec<CallResponse>,
}

/// A call of a webhook.
#[derive(Debug, Serialize, ToSchema)]
struct CallResponse {
    id: Uuid,
    at: Time,
    /// `started`, `duplicate`, `refused`, `disabled` or `failed`.
    #[schema(example = "started")]
    outcome: &'static str,
    /// The status it was answered with.
    #[schema(example = 202)]
    status: u16,
    /// The execution that it started, for who may see executions of others.
    execution_id: Option<Uuid>,
    /// Why it started none.
    #[schema(example = json!(null))]
    reason: Option<String>,
    /// The size of its body, in bytes.
    #[schema(example = 512)]
    size: u64,
}

/// An execution that begins.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StartedResponse {
    pub execution_id: Uuid,
    #[schema(example = "support-triage")]
    pub process_name: String,
    /// How it stands.
    #[schema(example = "pending")]
    pub status: &'static str,
    #[schema(example = "Execution started successfully via webhook trigger")]
    pub message: &'static str,
}

/// How many calls are asked for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CallsParameters {
    /// How many at most.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
}

/// Lists the webhooks of published processes, the last changed first.
#[utoipa::path(
    get, path = "/api/triggers", tag = "triggers",
    responses((status = 200, description = "The webhooks", body = Vec<WebhookTriggerResponse>)),
)]
pub(super) async fn list_triggers(
    app: App,
    session: Session,
    origin: Origin,
) -> Result<Json<Vec<WebhookTriggerResponse>>, Problem> {
    let webhooks = app.triggers.webhooks(&session.principal).await?;
    Ok(Json(webhooks.iter().map(|shown| WebhookTriggerResponse::of(shown, &origin)).collect()))
}

/// Shows a webhook; of several processes that have one of this id, that of the process published last.
#[utoipa::path(
    get, path = "/api/triggers/webhook/{trigger_id}/info", tag = "triggers",
    params(("trigger_id" = String, Path, description = "The trigger, or `process-name/trigger` with `%2F`", example = "new-ticket")),
    responses(
        (status = 200, description = "The webhook", body = WebhookTriggerResponse),
        (status = 404, description = "No published process has such a webhook"),
    ),
)]
pub(super) async fn webhook_info(
    app: App,
    session: Session,
    origin: Origin,
    path: NamePath,
) -> Result<Json<WebhookTriggerResponse>, Problem> {
    let shown = app.triggers.webhook(&session.principal, &WebhookAddress::parse(&path.0)).await?;
    Ok(Json(WebhookTriggerResponse::of(&shown, &origin)))
}

/// Lists the newest calls of a webhook with what came of them.
#[utoipa::path(
    get, path = "/api/triggers/{trigger_id}/history", tag = "triggers",
    params(
        ("trigger_id" = String, Path, description = "The trigger, or `process-name/trigger` with `%2F`", example = "new-ticket"),
        CallsParameters,
    ),
    responses(
        (status = 200, description = "The calls", body = CallsResponse),
        (status = 404, description = "No published process has such a webhook"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
pub(super) async fn trigger_history(
    app: App,
    session: Session,
    path: NamePath,
    Query(parameters): Query<CallsParameters>,
) -> Result<Json<CallsResponse>, Problem> {
    let limit = parameters.limit.unwrap_or(CALLS);
    let history = app.triggers.calls(&session.principal, &WebhookAddress::parse(&path.0), limit).await?;
    Ok(Json(CallsResponse { calls: history.calls.iter().map(CallResponse::of).collect() }))
}

/// Lets calls of a webhook start its process, whatever the definition says.
#[utoipa::path(
    post, path = "/api/triggers/{trigger_id}/enable", tag = "triggers",
    params(("trigger_id" = String, Path, description = "The trigger, or `process-name/trigger` with `%2F`", example = "new-ticket")),
    responses(
        (status = 200, description = "The webhook", body = WebhookTriggerResponse),
        (status = 404, description = "No published process has such a webhook"),
    ),
)]
pub(super) async fn enable_trigger(
    app: App,
    session: Session,
    origin: Origin,
    path: NamePath,
) -> Result<Json<WebhookTriggerResponse>, Problem> {
    let shown = app.triggers.switch(&session.principal, &WebhookAddress::parse(&path.0), true).await?;
    Ok(Json(WebhookTriggerResponse::of(&shown, &origin)))
}

/// Refuses calls of a webhook until it is enabled again.
#[utoipa::path(
    post, path = "/api/triggers/{trigger_id}/disable", tag = "triggers",
    params(("trigger_id" = String, Path, description = "The trigger, or `process-name/trigger` with `%2F`", example = "new-ticket")),
    responses(
        (status = 200, description = "The webhook", body = WebhookTriggerResponse),
        (status = 404, description = "No published process has such a webhook"),
    ),
)]
pub(super) async fn disable_trigger(
    app: App,
    session: Session,
    origin: Origin,
    path: NamePath,
) -> Result<Json<WebhookTriggerResponse>, Problem> {
    let shown = app.triggers.switch(&session.principal, &WebhookAddress::parse(&path.0), false).await?;
    Ok(Json(WebhookTriggerResponse::of(&shown, &origin)))
}

/// Repeats a call: starts the process once more with the same body.
#[utoipa::path(
    post, path = "/api/triggers/{trigger_id}/history/{call_id}/replay", tag = "triggers",
    params(
        ("trigger_id" = String, Path, description = "The trigger, or `process-name/trigger` with `%2F`", example = "new-ticket"),
        ("call_id" = Uuid, Path, description = "The call"),
    ),
    responses(
        (status = 202, description = "The execution that begins", body = StartedResponse),
        (status = 400, description = "Ill-formed id"),
        (status = 404, description = "No such webhook or call"),
        (status = 409, description = "Its body was not kept, or the version can't be started"),
        (status = 422, description = "The input does not fit"),
        (status = 429, description = "The user is starting too many executions, or too many wait to begin"),
    ),
)]
pub(super) async fn replay_call(
    app: App,
    session: Session,
    TwoNamesPath(trigger, call): TwoNamesPath,
) -> Result<(StatusCode, Json<StartedResponse>), Problem> {
    session.check(procession_application::access::UseCase::ReplayCall)?;
    let call = call.parse().map_err(|_| Problem::bad_request(Code::BadId, "Invalid call ID format"))?;
    let received = app.triggers.replay(&session.principal, &WebhookAddress::parse(&trigger), call).await?;
    let message = "Execution started by a replayed call";
    Ok((StatusCode::ACCEPTED, Json(StartedResponse::of(&received.execution, message))))
}

impl WebhookTriggerResponse {
    fn of(shown: &ShownWebhook, origin: &Origin) -> Self {
        let webhook = &shown.webhook;
        let at = |path: &str| format!("{origin}/api/triggers/webhook/{path}");
        let full_url = at(&format!("{}/{}", in_path(&webhook.process_name), webhook.trigger_id));
        Self {
            id: webhook.trigger_id.to_string(),
            kind: "webhook",
            process_name: webhook.process_name.to_string(),
            process_id: webhook.process_id.uuid(),
            enabled: webhook.is_enabled(),
            webhook_url: if shown.has_short_address { at(webhook.trigger_id.as_str()) } else { full_url.clone() },
            full_url,
            description: webhook.description.clone().unwrap_or_default(),
            has_secret: webhook.secret.is_some(),
            dedupe_header: webhook.dedupe_header.clone(),
            calls: shown.calls,
        }
    }
}

impl CallResponse {
    fn of(call: &WebhookCall) -> Self {
        Self {
            id: call.id,
            at: call.at.into(),
            outcome: call.outcome.as_str(),
            status: call.status,
            execution_id: call.execution_id.map(ExecutionId::uuid),
            reason: call.reason.clone(),
            size: call.size,
        }
    }
}

impl StartedResponse {
    pub fn of(execution: &VisibleExecution, message: &'static str) -> Self {
        Self {
            execution_id: execution.id().uuid(),
            process_name: execution.creation().process.name.to_string(),
            status: execution.status().as_str(),
            message,
        }
    }
}

impl ReadParameters for CallsParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self { limit: parameters.number("limit", 1..=MOST_CALLS) }
    }
}

/// A name as it can stand in a path.
fn in_path(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => path.push(char::from(byte)),
            other => path.extend(['%', digit(other >> 4), digit(other & 15)]),
        }
    }
    path
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0').to_ascii_uppercase()
}
