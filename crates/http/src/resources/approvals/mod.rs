//! Questions to people: look, vote, ask for changes, pass on (spec 3.5; 4b 5).
//!
//! Who is asked needs no permission; the approval itself knows whom it asks, and refuses others with 403.

mod responses;

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue},
};
use procession_application::{
    access::Permission,
    approvals::ApprovalFailure,
    ports::{ApprovalFilter, ApprovalRow, Page, PageStart, Paging},
};
use procession_domain::{
    approval::{Approval, ApprovalStatus, Ballot},
    value::{ApprovalId, ExecutionId},
};
use responses::{ApprovalDetail, ApprovalSummary, ApproveRequest, ChangesRequest, DelegateRequest, RejectRequest};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    HttpState,
    auth::Session,
    extract::{IdPath, PageParameters, Parameters, Parsed, Query, ReadParameters, Sent, StepPath},
    problem::{Code, FieldError, Problem},
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
    /// Only those that ask this user: by name, e-mail address or role, or everyone who may decide.
    #[param(example = "ann")]
    user: Option<String>,
    /// Only those of this execution.
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
        (status = 400, description = "Ill-formed id"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn list_approvals(
    app: App,
    session: Session,
    Query(parameters): Query<ListParameters>,
) -> Result<(HeaderMap, Json<Vec<ApprovalSummary>>), Problem> {
    require_some_view(&session)?;
    let page = match parameters.filter(&app).await? {
        Some(filter) => list(&app, &session, &filter, &parameters.page).await?,
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
        (status = 403, description = "The session may not see the execution, and its user is not asked"),
        (status = 404, description = "No such approval"),
    ),
)]
async fn get_approval(app: App, session: Session, path: IdPath<ApprovalId>) -> Result<Json<ApprovalDetail>, Problem> {
    require_some_view(&session)?;
    let row = app.approvals.get(path.id()?).await?;
    require_view_of(&app, &session, &row.approval).await?;
    Ok(Json(ApprovalDetail::of(&row, &session.principal)))
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
        (status = 403, description = "The session may not see the execution, and its user is not asked"),
        (status = 404, description = "The step has asked nothing so far, or there is no such step"),
    ),
)]
async fn get_approval_of_step(app: App, session: Session, path: StepPath) -> Result<Json<ApprovalDetail>, Problem> {
    require_some_view(&session)?;
    // Existing clients know no other answer to ill-formed ids here (spec 4b 5).
    let nothing = || Problem::not_found("Approval not found for this step");
    let (execution, step) = path.execution().and_then(|id| Ok((id, path.step()?))).map_err(|_| nothing())?;
    let row = app.approvals.of_step(execution, &step).await.map_err(|failure| match failure {
        ApprovalFailure::NotFound => nothing(),
        other => other.into(),
    })?;
    require_view_of(&app, &session, &row.approval).await?;
    Ok(Json(ApprovalDetail::of(&row, &session.principal)))
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

/// Passes it on: the other user is asked instead of this one.
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
    session.require_own_voice()?;
    check_comment(body.comment.as_deref())?;
    let row = app.approvals.get(path.id()?).await?;
    let approval = app.approvals.delegate(path.id()?, &session.principal, &body.to, body.comment).await?;
    Ok(Json(ApprovalDetail::of(&ApprovalRow { approval, ..row }, &session.principal)))
}

async fn vote(
    app: &App,
    session: &Session,
    path: &IdPath<ApprovalId>,
    ballot: Ballot,
    comment: Option<String>,
) -> Result<Json<ApprovalDetail>, Problem> {
    session.require_own_voice()?;
    check_comment(comment.as_deref())?;
    // Read for what stands beside the approval; the vote itself reads it anew.
    let row = app.approvals.get(path.id()?).await?;
    let approval = app.approvals.vote(path.id()?, &session.principal, ballot, comment).await?;
    Ok(Json(ApprovalDetail::of(&ApprovalRow { approval, ..row }, &session.principal)))
}

async fn list(
    app: &App,
    session: &Session,
    filter: &ApprovalFilter,
    asked: &PageParameters,
) -> Result<Page<ApprovalRow>, Problem> {
    let page = app.approvals.list(filter.clone(), &asked.paging(ALL), &session.principal).await?;
    let is_whole = asked.limit.is_some() || asked.offset.is_some() || asked.cursor.is_some();
    match page.total.checked_sub(u64::from(ALL)).filter(|skipped| *skipped > 0 && !is_whole) {
        // Who asks for all and can't have it needs the newest most.
        Some(skipped) => {
            let newest = Paging { limit: ALL, start: PageStart::Offset(skipped) };
            Ok(app.approvals.list(filter.clone(), &newest, &session.principal).await?)
        }
        None => Ok(page),
    }
}

/// Who may not see executions may still see what they are asked, unless a key is limited to something else.
fn require_some_view(session: &Session) -> Result<(), Problem> {
    if session.principal.may(Permission::ExecutionView) { Ok(()) } else { session.require_own_voice() }
}

/// Who may see the execution may see its approvals, and so may who is asked.
async fn require_view_of(app: &App, session: &Session, approval: &Approval) -> Result<(), Problem> {
    let principal = &session.principal;
    if principal.may(Permission::ExecutionView) || approval.asks(&principal.voter()) {
        return Ok(());
    }
    let execution = app.executions.get(approval.request().execution_id).await?;
    session.require_view_of(execution.creation().user.as_deref())
}

fn check_comment(comment: Option<&str>) -> Result<(), Problem> {
    if comment.is_none_or(|comment| comment.chars().count() <= LONGEST_COMMENT) {
        return Ok(());
    }
    let error = FieldError::new("comment", format!("has more than {LONGEST_COMMENT} characters"));
    Err(Problem::fields(Code::InvalidValue, "The request body does not fit", &[error]))
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
    /// The filter; `None` if no approval can fit it.
    async fn filter(&self, app: &App) -> Result<Option<ApprovalFilter>, Problem> {
        let status = match self.status.as_deref() {
            Some(text) => match ApprovalStatus::ALL.into_iter().find(|status| status.as_str() == text) {
                Some(status) => Some(status),
                None => return Ok(None),
            },
            None => None,
        };
        let assigned_to = match &self.user {
            // A name that is no user's may still stand in a definition.
            Some(name) => match app.access.principal(name).await? {
                Some(principal) => Some(principal.asked_names()),
                None => Some(vec![name.clone()]),
            },
            None => None,
        };
        let execution_id = self.execution_id.as_deref().map(ExecutionId::read).transpose()?;
        Ok(Some(ApprovalFilter { status, execution_id, assigned_to }))
    }
}
