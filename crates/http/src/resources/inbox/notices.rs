//! Notices: each user's own view of what waits, what failed, and which agents are not well.

use axum::Json;
use procession_application::{
    access::UseCase,
    inbox::{InboxItem, Subject},
    ports::Mark,
};
use procession_domain::value::{ApprovalId, ExecutionId};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::Words;
use crate::{
    HttpState,
    extract::{NamePath, Parameters, Query, ReadParameters},
    problem::{Code, Problem},
    session::Session,
    state::App,
    wire::Time,
};

/// How many notices are shown where the client does not say.
const NOTICES: u32 = 50;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(list_notices)).routes(routes!(acknowledge)).routes(routes!(dismiss))
}

/// Notices.
#[derive(Debug, Serialize, ToSchema)]
struct NoticeListResponse {
    /// How many the filter leaves in all.
    #[schema(example = 1)]
    count: usize,
    /// The newest first.
    notifications: Vec<NoticeResponse>,
}

/// Something that a person should know of.
#[derive(Debug, Serialize, ToSchema)]
struct NoticeResponse {
    #[schema(example = "approval-0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33")]
    id: String,
    /// The agent, or the process that asks or failed.
    #[schema(example = "document-approval")]
    agent_name: String,
    /// `question` of a process, or `alert` of a failure or an agent.
    #[schema(example = "question")]
    notification_type: &'static str,
    #[schema(example = "Approve the document?")]
    title: String,
    #[schema(example = "The document is ready.")]
    message: Option<String>,
    /// `high` for questions and failures, `normal` for agents.
    #[schema(example = "high")]
    priority: &'static str,
    /// `approval`, `failure` or `agent`.
    #[schema(example = "approval")]
    category: Option<&'static str>,
    metadata: Option<NoticeMetadata>,
    /// `pending`, or `acknowledged` or `dismissed` by the user of the session.
    #[schema(example = "pending")]
    status: &'static str,
    created_at: Time,
    acknowledged_at: Option<Time>,
    #[schema(example = json!(null))]
    acknowledged_by: Option<String>,
}

/// What a notice is about.
#[derive(Debug, Serialize, ToSchema)]
struct NoticeMetadata {
    execution_id: Option<Uuid>,
    approval_id: Option<Uuid>,
}

/// A notice that was marked.
#[derive(Debug, Serialize, ToSchema)]
struct MarkedNoticeResponse {
    #[schema(example = "approval-0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33")]
    id: String,
    /// `acknowledged` or `dismissed`.
    #[schema(example = "acknowledged")]
    status: &'static str,
    acknowledged_at: Option<Time>,
    #[schema(example = "ann")]
    acknowledged_by: Option<String>,
}

/// Which notices are asked for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct NoticeParameters {
    /// Of this agent or process.
    agent_name: Option<String>,
    /// `pending`, `acknowledged` or `dismissed`.
    #[param(example = "pending")]
    status: Option<String>,
    /// Some of `low`, `normal`, `high`, `urgent`, with commas.
    #[param(example = "high,urgent")]
    priority: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// Lists what waits for the user: questions of processes that ask them, failures, agents that take no work.
#[utoipa::path(
    get, path = "/api/notifications", tag = "inbox", params(NoticeParameters),
    responses(
        (status = 200, description = "The notices", body = NoticeListResponse),
        (status = 400, description = "No such status or priority"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn list_notices(
    app: App,
    session: Session,
    Query(parameters): Query<NoticeParameters>,
) -> Result<Json<NoticeListResponse>, Problem> {
    session.check(UseCase::ReadFrame)?;
    parameters.check()?;
    let items = app.inbox.notices(&session.principal).await?;
    let mut notices: Vec<NoticeResponse> =
        items.iter().map(NoticeResponse::of).filter(|notice| parameters.admits(notice)).collect();
    let count = notices.len();
    notices.truncate(parameters.limit.unwrap_or(NOTICES) as usize);
    Ok(Json(NoticeListResponse { count, notifications: notices }))
}

/// Notes that the user has seen a notice; what it is about stays as it is, and others see it as before.
#[utoipa::path(
    post, path = "/api/notifications/{notification_id}/acknowledge", tag = "inbox",
    params(("notification_id" = String, Path, description = "The notice")),
    responses(
        (status = 200, description = "It is noted", body = MarkedNoticeResponse),
        (status = 404, description = "No such notice"),
    ),
)]
async fn acknowledge(app: App, session: Session, path: NamePath) -> Result<Json<MarkedNoticeResponse>, Problem> {
    let item = app.inbox.mark(&session.principal, &path.0, Mark::Acknowledged).await?;
    Ok(Json(MarkedNoticeResponse::of(item)))
}

/// Puts a notice aside for the user; what it is about stays as it is, and others see it as before.
#[utoipa::path(
    post, path = "/api/notifications/{notification_id}/dismiss", tag = "inbox",
    params(("notification_id" = String, Path, description = "The notice")),
    responses(
        (status = 200, description = "It is put aside", body = MarkedNoticeResponse),
        (status = 404, description = "No such notice"),
    ),
)]
async fn dismiss(app: App, session: Session, path: NamePath) -> Result<Json<MarkedNoticeResponse>, Problem> {
    let item = app.inbox.mark(&session.principal, &path.0, Mark::Dismissed).await?;
    Ok(Json(MarkedNoticeResponse::of(item)))
}

fn status_of(item: &InboxItem) -> &'static str {
    item.mark.as_ref().map_or("pending", |mark| mark.mark.as_str())
}

impl NoticeResponse {
    fn of(item: &InboxItem) -> Self {
        let Words { source, title, text } = Words::of(item);
        let (notification_type, priority, category) = match &item.subject {
            Subject::Approval(_) => ("question", "high", "approval"),
            Subject::Failure(_) => ("alert", "high", "failure"),
            Subject::Agent { .. } => ("alert", "normal", "agent"),
        };
        Self {
            id: item.id.clone(),
            agent_name: source,
            notification_type,
            title,
            message: Some(text).filter(|text| !text.is_empty()),
            priority,
            category: Some(category),
            metadata: Some(NoticeMetadata {
                execution_id: item.execution_id().map(ExecutionId::uuid),
                approval_id: item.approval_id().map(ApprovalId::uuid),
            }),
            status: status_of(item),
            created_at: item.created_at.into(),
            acknowledged_at: item.mark.as_ref().map(|mark| mark.at.into()),
            acknowledged_by: item.mark.as_ref().map(|mark| mark.user.clone()),
        }
    }
}

impl MarkedNoticeResponse {
    fn of(item: InboxItem) -> Self {
        Self {
            status: status_of(&item),
            acknowledged_at: item.mark.as_ref().map(|mark| mark.at.into()),
            acknowledged_by: item.mark.map(|mark| mark.user),
            id: item.id,
        }
    }
}

impl ReadParameters for NoticeParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self {
            agent_name: parameters.text("agent_name"),
            status: parameters.text("status"),
            priority: parameters.text("priority"),
            limit: parameters.number("limit", 1..=500),
        }
    }
}

impl NoticeParameters {
    fn check(&self) -> Result<(), Problem> {
        let refuse =
            |name: &str, value: &str| Problem::bad_request(Code::BadFilter, format!("Invalid {name}: {value}"));
        if let Some(status) = &self.status
            && !["pending", "acknowledged", "dismissed"].contains(&status.as_str())
        {
            return Err(refuse("status", status));
        }
        match self.priorities().find(|priority| !["low", "normal", "high", "urgent"].contains(priority)) {
            Some(priority) => Err(refuse("priority", priority)),
            None => Ok(()),
        }
    }

    fn priorities(&self) -> impl Iterator<Item = &str> {
        self.priority.iter().flat_map(|list| list.split(',')).map(str::trim)
    }

    fn admits(&self, notice: &NoticeResponse) -> bool {
        self.agent_name.as_ref().is_none_or(|name| *name == notice.agent_name)
            && self.status.as_ref().is_none_or(|status| status == notice.status)
            && (self.priority.is_none() || self.priorities().any(|priority| priority == notice.priority))
    }
}
