//! One action for many executions (spec 4c).

use axum::Json;
use procession_application::{
    access::UseCase,
    executions::{BulkAction, BulkResult, MOST_IN_BULK, RetryFrom},
};
use procession_domain::value::ExecutionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::list::{ListParameters, RawFilter};
use crate::{
    extract::Sent,
    problem::{Code, FieldError, Problem},
    state::App,
};

/// What is done with which executions.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"action": "cancel", "filter": {"process_name": "hello", "status": "running"}, "dry_run": true}))]
pub(super) struct BulkRequest {
    action: Action,
    /// These executions, at most 1,000; or `filter`.
    #[serde(default)]
    ids: Option<Vec<Uuid>>,
    /// Those that the list with this filter shows, at most 1,000.
    #[serde(default)]
    filter: Option<RawFilter>,
    /// Whether to say only what would be done.
    #[serde(default)]
    dry_run: bool,
    /// From where executions are retried: `failed` if absent.
    #[serde(default)]
    from: Option<From>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BulkAction)]
enum Action {
    Cancel,
    Retry,
    Dismiss,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BulkRetryFrom)]
enum From {
    Start,
    Failed,
}

/// What became of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"matched": 1, "results": [
    {"id": "0199a6f0-7a11-7c55-b0a4-5f0c2d9e8b71", "ok": true, "detail": "It would be cancelled"},
]}))]
pub(super) struct BulkResponse {
    /// How many were named, or the filter leaves.
    matched: u64,
    /// One for each, in the order asked for, or the newest first.
    results: Vec<BulkItem>,
}

/// What became of one execution.
#[derive(Debug, Serialize, ToSchema)]
struct BulkItem {
    id: Uuid,
    /// Whether it was done, or would be.
    ok: bool,
    /// What was done, or why not.
    detail: String,
}

/// Cancels, retries or puts aside many executions, each on its own, or says what that would do.
#[utoipa::path(
    post, path = "/api/executions/bulk", tag = "executions", request_body = BulkRequest,
    responses(
        (status = 200, description = "What became of each", body = BulkResponse),
        (status = 400, description = "There is no such status, or a malformed id"),
        (status = 422, description = "Malformed body, or the filter leaves more than 1,000"),
    ),
)]
pub(super) async fn bulk(app: App, sent: Sent<BulkRequest>) -> Result<Json<BulkResponse>, Problem> {
    let Sent { session, body } = sent;
    let (action, use_case) = match body.action {
        Action::Cancel => (BulkAction::Cancel, UseCase::CancelExecution),
        Action::Dismiss => (BulkAction::Dismiss, UseCase::DismissExecution),
        Action::Retry => {
            let from = match body.from {
                Some(From::Start) => RetryFrom::Start,
                Some(From::Failed) | None => RetryFrom::Failed,
            };
            (BulkAction::Retry(from), UseCase::RetryExecution)
        }
    };
    session.check(use_case)?;
    let (matched, ids) = match (body.ids, body.filter) {
        (Some(ids), None) => (ids.len() as u64, ids.into_iter().map(ExecutionId::new).collect()),
        (None, Some(filter)) => match ListParameters::of_raw(filter)?.filter()? {
            Some(filter) => app.executions.matching(&session.principal, &filter).await?,
            None => (0, Vec::new()),
        },
        (Some(_), Some(_)) | (None, None) => {
            let error = FieldError::new("ids", "must be given, or else `filter`, and not both");
            return Err(Problem::fields(Code::InvalidBody, "the request body does not fit", &[error]));
        }
    };
    if matched > MOST_IN_BULK as u64 {
        let message = format!("leaves {matched} executions, and at most {MOST_IN_BULK} can be acted on; narrow it");
        return Err(Problem::fields(
            Code::InvalidBody,
            "the request body does not fit",
            &[FieldError::new("filter", message)],
        ));
    }
    let results = app.executions.bulk(&session.principal, action, ids, body.dry_run).await?;
    Ok(Json(BulkResponse { matched, results: results.into_iter().map(BulkItem::of).collect() }))
}

impl BulkItem {
    fn of(result: BulkResult) -> Self {
        let id = result.id.uuid();
        match result.outcome {
            Ok(detail) => Self { id, ok: true, detail },
            Err(failure) => Self { id, ok: false, detail: failure.to_string() },
        }
    }
}
