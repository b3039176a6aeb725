//! The queue of things that a person can answer: an answer decides what it is about.

use axum::Json;
use procession_application::{
    access::UseCase,
    inbox::{InboxItem, Subject},
};
use procession_domain::{
    approval::ApprovalStatus,
    value::{ExecutionId, Timestamp},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::Words;
use crate::{
    HttpState,
    extract::{NamePath, Parameters, Query, ReadParameters, Sent},
    problem::Problem,
    resources::approvals::check_comment,
    session::Session,
    state::App,
    wire::Time,
};

/// How many items are shown where the client does not say.
const ITEMS: u32 = 100;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(list_items)).routes(routes!(respond))
}

/// Things to answer.
#[derive(Debug, Serialize, ToSchema)]
struct QueueResponse {
    /// The newest first.
    items: Vec<QueueItemResponse>,
    /// How many the filter leaves in all.
    #[schema(example = 1)]
    count: usize,
}

/// Something that a person can answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "approval-0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33", "agent_name": "document-approval", "type": "approval",
    "status": "pending", "priority": "high", "title": "Approve the document?", "question": "The document is ready.",
    "options": ["approve", "reject", "request_changes"],
    "context": {"process_name": "document-approval", "step_id": "review", "approval_id": "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33"},
    "execution_id": "0199a6f0-7a11-7c55-b0a4-5f0c2d9e8b71", "created_at": "2026-11-21T02:57:59.880423+00:00",
    "expires_at": null, "response": null, "response_text": null, "responded_by_id": null, "responded_by_email": null,
    "responded_at": null, "acknowledged_at": null,
}))]
struct QueueItemResponse {
    id: String,
    /// The agent, or the process that asks or failed.
    agent_name: String,
    /// `approval` of a process, or `alert` of a failure or an agent.
    #[serde(rename = "type")]
    kind: &'static str,
    /// `pending`, `responded`, or `acknowledged` for an alert that the user has seen.
    status: &'static str,
    /// `critical`, `high`, `medium` or `low`.
    priority: &'static str,
    title: String,
    question: String,
    /// The answers that it takes.
    options: Vec<&'static str>,
    context: QueueContext,
    execution_id: Option<Uuid>,
    created_at: Time,
    /// Until when it can be answered.
    expires_at: Option<Time>,
    /// What was answered.
    response: Option<String>,
    /// What was said to it.
    response_text: Option<String>,
    /// The name of who answered.
    responded_by_id: Option<String>,
    /// The same, where it is an e-mail address.
    responded_by_email: Option<String>,
    responded_at: Option<Time>,
    acknowledged_at: Option<Time>,
}

/// What an item is about.
#[derive(Debug, Serialize, ToSchema)]
struct QueueContext {
    process_name: Option<String>,
    step_id: Option<String>,
    approval_id: Option<Uuid>,
}

/// An answer.
#[derive(Debug, Deserialize, ToSchema)]
struct RespondRequest {
    /// One of the item's `options`.
    #[schema(example = "approve")]
    response: String,
    /// What to say to it.
    #[serde(default)]
    #[schema(example = "Well written", max_length = 10_000)]
    response_text: Option<String>,
}

/// Which items are asked for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct QueueParameters {
    /// `pending`, `responded` or `acknowledged`; another text leaves none.
    #[param(example = "pending")]
    status: Option<String>,
    /// `approval` or `alert`; another text leaves none.
    #[param(rename = "type", example = "approval")]
    kind: Option<String>,
    /// `critical`, `high`, `medium` or `low`; another text leaves none.
    #[param(example = "high")]
    priority: Option<String>,
    /// Of this agent or process.
    agent_name: Option<String>,
    /// Only those since then.
    #[param(value_type = Option<String>, example = "2026-11-21T00:00:00Z")]
    since: Option<Timestamp>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// After so many.
    #[param(minimum = 0)]
    offset: Option<u64>,
}

/// Lists what the user can answer, and questions that were answered: approvals of processes that ask the user, failures
/// that nobody has put aside, agents that take no work.
#[utoipa::path(
    get, path = "/api/operator-queue", tag = "inbox", params(QueueParameters),
    responses(
        (status = 200, description = "The items", body = QueueResponse),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn list_items(
    app: App,
    session: Session,
    Query(parameters): Query<QueueParameters>,
) -> Result<Json<QueueResponse>, Problem> {
    session.check(UseCase::ReadFrame)?;
    let items = app.inbox.queue(&session.principal).await?;
    let since = |item: &&InboxItem| parameters.since.is_none_or(|since| item.created_at >= since);
    let items: Vec<QueueItemResponse> =
        items.iter().filter(since).map(QueueItemResponse::of).filter(|item| parameters.admits(item)).collect();
    let count = items.len();
    let offset = usize::try_from(parameters.offset.unwrap_or(0)).unwrap_or(usize::MAX);
    let limit = parameters.limit.unwrap_or(ITEMS) as usize;
    Ok(Json(QueueResponse { items: items.into_iter().skip(offset).take(limit).collect(), count }))
}

/// Answers an item: votes on an approval, retries or puts aside a failure, notes that an agent's trouble was seen.
#[utoipa::path(
    post, path = "/api/operator-queue/{item_id}/respond", tag = "inbox", request_body = RespondRequest,
    params(("item_id" = String, Path, description = "The item")),
    responses(
        (status = 200, description = "The item as it is now", body = QueueItemResponse),
        (status = 404, description = "No such item that the session may know of"),
        (status = 409, description = "It was answered already, or what it is about does not allow it"),
        (status = 422, description = "Malformed body, or it takes other answers"),
        (status = 429, description = "The user starts too many executions, or too many wait to start"),
    ),
)]
async fn respond(app: App, path: NamePath, sent: Sent<RespondRequest>) -> Result<Json<QueueItemResponse>, Problem> {
    let Sent { session, body } = sent;
    let RespondRequest { response, response_text } = body;
    let text = response_text.filter(|text| !text.trim().is_empty());
    check_comment(text.as_deref())?;
    let item = app.inbox.respond(&session.principal, &path.0, &response, text).await?;
    Ok(Json(QueueItemResponse::of(&item)))
}

impl QueueItemResponse {
    fn of(item: &InboxItem) -> Self {
        let Words { source, title, text } = Words::of(item);
        let bare = Self {
            id: item.id.clone(),
            agent_name: source,
            kind: "alert",
            status: if item.mark.is_some() { "acknowledged" } else { "pending" },
            priority: "high",
            title,
            question: text,
            options: item.subject.options().to_vec(),
            context: QueueContext { process_name: None, step_id: None, approval_id: None },
            execution_id: item.execution_id().map(ExecutionId::uuid),
            created_at: item.created_at.into(),
            expires_at: None,
            response: None,
            response_text: None,
            responded_by_id: None,
            responded_by_email: None,
            responded_at: None,
            acknowledged_at: item.mark.as_ref().map(|mark| mark.at.into()),
        };
        match &item.subject {
            Subject::Approval(row) => bare.of_approval(row),
            Subject::Failure(row) => Self {
                status: if row.dismissed_at.is_some() { "responded" } else { bare.status },
                responded_at: row.dismissed_at.map(Time::from),
                context: QueueContext { process_name: Some(row.process_name.to_string()), ..bare.context },
                ..bare
            },
            Subject::Agent { .. } => Self { priority: "medium", ..bare },
        }
    }

    fn of_approval(self, row: &procession_application::ports::ApprovalRow) -> Self {
        let (approval, request) = (&row.approval, row.approval.request());
        let is_open = approval.status() == ApprovalStatus::Pending;
        let vote = approval.votes().last();
        let by = vote.map(|vote| vote.by.clone());
        Self {
            kind: "approval",
            status: if is_open { self.status } else { "responded" },
            context: QueueContext {
                process_name: Some(row.process_name.to_string()),
                step_id: Some(request.step_id.to_string()),
                approval_id: Some(approval.id().uuid()),
            },
            expires_at: request.deadline.map(Time::from),
            response: (!is_open).then(|| approval.status().as_str().to_owned()),
            response_text: vote.and_then(|vote| vote.comment.clone()),
            responded_by_email: by.clone().filter(|by| by.contains('@')),
            responded_by_id: by,
            responded_at: vote.map(|vote| vote.at.into()),
            ..self
        }
    }
}

impl ReadParameters for QueueParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self {
            status: parameters.text("status"),
            kind: parameters.text("type"),
            priority: parameters.text("priority"),
            agent_name: parameters.text("agent_name"),
            since: parameters.time("since"),
            limit: parameters.number("limit", 1..=500),
            offset: parameters.number("offset", 0..=i64::MAX.unsigned_abs()),
        }
    }
}

impl QueueParameters {
    fn admits(&self, item: &QueueItemResponse) -> bool {
        let is = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|wanted| wanted == is);
        is(&self.status, item.status)
            && is(&self.kind, item.kind)
            && is(&self.priority, item.priority)
            && is(&self.agent_name, &item.agent_name)
    }
}
