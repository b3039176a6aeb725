//! Questions to people: look, vote, ask for changes, pass on (spec 3.5; 4b 5).
//!
//! Who is asked needs no permission; the approval itself knows whom it asks, and refuses others who may know of it with
//! 403.

mod responses;

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue},
};
use procession_application::{
    access::UseCase,
    approvals::{ApprovalFailure, ApprovalQuery},
    ports::{ApprovalRow, Page, PageStart, Paging},
};
use procession_domain::{
    approval::{ApprovalStatus, Ballot},
    value::{ApprovalId, ExecutionId},
};
pub(crate) use responses::ApprovalDetail;
use responses::{ApprovalSummary, ApproveRequest, ChangesRequest, DelegateRequest, RejectRequest};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    HttpState,
    extract::{IdPath, PageParameters, Parameters, Parsed, Query, ReadParameters, Sent, StepPath},
    problem::{Code, FieldError, Problem},
    session::Session,
    state::App,
};

/// How many approvals a list without `limit` shows: existing clients never ask for a second page.
const ALL: u32 = 1_000;

/// The most characters of a comment.
const LONGEST_COMMENT: usize = 10_000;

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(list_approvals))
        .routes(routes!(get_approval))
        .routes(routes!(get_approval_of_step))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(request_changes))
        .routes(routes!(delegate))
}

/// The query of the list of approvals.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParameters {
    /// `pending`, `approved`, `rejected`, `changes_requested`, `expired` or `cancelled`; another text leaves none.
    #[param(example = "pending")]
    status: Option<String>,
    /// Only those that ask this user: by name, email address or role, or everyone who may decide.
    #[param(example = "ann")]
    user: Option<String>,
    /// Only those of this execution.
    #[param(value_type = Option<uuid::Uuid>)]
    execution_id: Option<String>,
    #[param(ignore)]
    page: PageParameters,
}

/// Lists approvals, the oldest first. Without `limit`, the newest 1,000 of them.
#[utoipa::path(
    get, path = "/api/approvals", tag = "approvals", params(ListParameters, PageParameters),
    responses(
        (status = 200, description = "Those that the session may see: all, or those that ask its user", body = Vec<ApprovalSummary>,
            headers(
                ("X-Total-Count" = u64, description = "How many the filter leaves in all"),
                ("X-Next-Cursor" = String, description = "Where the next page begins; absent at the end"),
            )),
        (status = 400, description = "Malformed id"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn list_approvals(
    app: App,
    session: Session,
    Query(parameters): Query<ListParameters>,
) -> Result<(HeaderMap, Json<Vec<ApprovalSummary>>), Problem> {
    session.check(UseCase::ListApprovals)?;
    let page = match parameters.query()? {
        Some(query) => list(&app, &session, &query, &parameters.page).await?,
        None => Page { rows: Vec::new(), total: 0, next_cursor: None },
    };
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("x-total-count"), page.total.into());
    if let Some(cursor) = page.next_cursor.and_then(|cursor| HeaderValue::from_str(&cursor).ok()) {
        headers.insert(HeaderName::from_static("x-next-cursor"), cursor);
    }
    let rows = page.rows.iter().map(|row| ApprovalSummary::of(row, &session.principal)).collect();
    Ok((headers, Json(rows)))
}

/// Shows an approval.
#[utoipa::path(
    get, path = "/api/approvals/{approval_id}", tag = "approvals",
    params(("approval_id" = uuid::Uuid, Path, description = "The approval's id")),
    responses(
        (status = 200, description = "The approval", body = ApprovalDetail),
        (status = 404, description = "No such approval that the session may know of"),
    ),
)]
async fn get_approval(app: App, session: Session, path: IdPath<ApprovalId>) -> Result<Json<ApprovalDetail>, Problem> {
    session.check(UseCase::ReadApproval)?;
    let row = app.approvals.get(&session.principal, path.id()?).await?;
    detail(&app, &session, &row).await
}

/// Shows the newest approval of a step.
#[utoipa::path(
    get, path = "/api/approvals/execution/{execution_id}/step/{step_id}", tag = "approvals",
    params(
        ("execution_id" = uuid::Uuid, Path, description = "The execution's id"),
        ("step_id" = String, Path, description = "The step's id; `_budget` for a spent budget"),
    ),
    responses(
        (status = 200, description = "The approval", body = ApprovalDetail),
        (status = 404, description = "The step has asked nothing so far, or nothing that the session may know of"),
    ),
)]
async fn get_approval_of_step(app: App, session: Session, path: StepPath) -> Result<Json<ApprovalDetail>, Problem> {
    session.check(UseCase::ReadApproval)?;
    // Existing clients know no other answer to ill-formed ids here (spec 4b 5).
    let nothing = || Problem::not_found("Approval not found for this step");
    let (execution, step) = path.execution().and_then(|id| Ok((id, path.step()?))).map_err(|_| nothing())?;
    let row = app.approvals.of_step(&session.principal, execution, &step).await.map_err(|failure| match failure {
        ApprovalFailure::NotFound => nothing(),
        other => other.into(),
    })?;
    detail(&app, &session, &row).await
}

/// Votes for it.
#[utoipa::path(
    post, path = "/api/approvals/{approval_id}/approve", tag = "approvals", request_body = ApproveRequest,
    params(("approval_id" = uuid::Uuid, Path, description = "The approval's id")),
    responses(
        (status = 200, description = "The approval with this vote", body = ApprovalDetail),
        (status = 403, description = "The user is not asked"),
        (status = 404, description = "No such approval"),
        (status = 409, description = "It is settled, its deadline has passed, or this user has voted"),
        (status = 422, description = "Malformed body"),
    ),
)]
async fn approve(
    app: App,
    path: IdPath<ApprovalId>,
    sent: Sent<ApproveRequest>,
) -> Result<Json<ApprovalDetail>, Problem> {
    vote(&app, &sent.session, &path, Ballot::Approve, sent.body.comment).await
}

/// Votes against it; the first such vote settles it.
#[utoipa::path(
    post, path = "/api/approvals/{approval_id}/reject", tag = "approvals", request_body = RejectRequest,
    params(("approval_id" = uuid::Uuid, Path, description = "The approval's id")),
    responses(
        (status = 200, description = "The approval with this vote", body = ApprovalDetail),
        (status = 403, description = "The user is not asked"),
        (status = 404, description = "No such approval"),
        (status = 409, description = "It is settled, its deadline has passed, or this user has voted"),
        (status = 422, description = "Malformed body, or a comment is needed"),
    ),
)]
async fn reject(
    app: App,
    path: IdPath<ApprovalId>,
    sent: Sent<RejectRequest>,
) -> Result<Json<ApprovalDetail>, Problem> {
    vote(&app, &sent.session, &path, Ballot::Reject, sent.body.comment).await
}

/// Asks for another round: the step named by `on_changes_requested` runs again, with the comment as feedback.
#[utoipa::path(
    post, path = "/api/approvals/{approval_id}/request-changes", tag = "approvals", request_body = ChangesRequest,
    params(("approval_id" = uuid::Uuid, Path, description = "The approval's id")),
    responses(
        (status = 200, description = "The approval with this vote", body = ApprovalDetail),
        (status = 403, description = "The user is not asked"),
        (status = 404, description = "No such approval"),
        (status = 409, description = "It is settled, its deadline has passed, or this user has voted"),
        (status = 422, description = "Malformed body, or an empty comment"),
    ),
)]
async fn request_changes(
    app: App,
    path: IdPath<ApprovalId>,
    sent: Sent<ChangesRequest>,
) -> Result<Json<ApprovalDetail>, Problem> {
    vote(&app, &sent.session, &path, Ballot::RequestChanges, Some(sent.body.comment)).await
}

/// Delegates it: the other user is asked instead of this one.
#[utoipa::path(
    post, path = "/api/approvals/{approval_id}/delegate", tag = "approvals", request_body = DelegateRequest,
    params(("approval_id" = uuid::Uuid, Path, description = "The approval's id")),
    responses(
        (status = 200, description = "The approval, which asks the other user now", body = ApprovalDetail),
        (status = 403, description = "The user is not asked"),
        (status = 404, description = "No such approval"),
        (status = 409, description = "It is settled, its deadline has passed, or the other user is asked already"),
        (status = 422, description = "Malformed body, or there is no such user"),
    ),
)]
async fn delegate(
    app: App,
    path: IdPath<ApprovalId>,
    sent: Sent<DelegateRequest>,
) -> Result<Json<ApprovalDetail>, Problem> {
    let Sent { session, body } = sent;
    session.check(UseCase::DelegateApproval)?;
    check_comment(body.comment.as_deref())?;
    let row = app.approvals.delegate(&session.principal, path.id()?, &body.to, body.comment).await?;
    Ok(Json(ApprovalDetail::of(&row, &session.principal)))
}

/// An approval by itself, with what each decision leads to.
async fn detail(app: &App, session: &Session, row: &ApprovalRow) -> Result<Json<ApprovalDetail>, Problem> {
    let consequences = app.approvals.consequences(&session.principal, row).await?;
    Ok(Json(ApprovalDetail::of(row, &session.principal).leading_to(consequences)))
}

async fn vote(
    app: &App,
    session: &Session,
    path: &IdPath<ApprovalId>,
    ballot: Ballot,
    comment: Option<String>,
) -> Result<Json<ApprovalDetail>, Problem> {
    session.check(UseCase::DecideApproval)?;
    check_comment(comment.as_deref())?;
    let row = app.approvals.vote(&session.principal, path.id()?, ballot, comment).await?;
    Ok(Json(ApprovalDetail::of(&row, &session.principal)))
}

async fn list(
    app: &App,
    session: &Session,
    query: &ApprovalQuery,
    asked: &PageParameters,
) -> Result<Page<ApprovalRow>, Problem> {
    let page = app.approvals.list(&session.principal, query.clone(), &asked.paging(ALL)).await?;
    let is_whole = asked.limit.is_some() || asked.offset.is_some() || asked.cursor.is_some();
    match page.total.checked_sub(u64::from(ALL)).filter(|skipped| *skipped > 0 && !is_whole) {
        // Who asks for all and can't have it needs the newest most.
        Some(skipped) => {
            let newest = Paging { limit: ALL, start: PageStart::Offset(skipped) };
            Ok(app.approvals.list(&session.principal, query.clone(), &newest).await?)
        }
        None => Ok(page),
    }
}

/// Refuses a comment that is too long.
pub(super) fn check_comment(comment: Option<&str>) -> Result<(), Problem> {
    if comment.is_none_or(|comment| comment.chars().count() <= LONGEST_COMMENT) {
        return Ok(());
    }
    let error = FieldError::new("comment", format!("has more than {LONGEST_COMMENT} characters"));
    Err(Problem::fields(Code::InvalidValue, "the request body does not fit", &[error]))
}

impl ReadParameters for ListParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self {
            status: parameters.text("status"),
            user: parameters.text("user"),
            execution_id: parameters.text("execution_id"),
            page: PageParameters::read(parameters, 100),
        }
    }
}

impl ListParameters {
    /// The query; `None` if no approval can fit it.
    fn query(&self) -> Result<Option<ApprovalQuery>, Problem> {
        let status = match self.status.as_deref() {
            Some(text) => match ApprovalStatus::ALL.into_iter().find(|status| status.as_str() == text) {
                Some(status) => Some(status),
                None => return Ok(None),
            },
            None => None,
        };
        let execution_id = self.execution_id.as_deref().map(ExecutionId::read).transpose()?;
        Ok(Some(ApprovalQuery { status, execution_id, asking: self.user.clone() }))
    }
}
