//! The list of executions, with the filters of page 4.

use axum::Json;
use procession_application::{
    access::UseCase,
    executions::UnderWay,
    ports::{Awaited, ExecutionFilter, ExecutionRow, Page, Paging, Sort},
};
use procession_domain::{
    execution::ExecutionStatus,
    value::{ExecutionId, Json as Value, Timestamp},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::summary::{WaitingResponse, seconds};
use crate::{
    extract::{PageParameters, Parameters, Parsed, Query, ReadParameters},
    problem::{Code, FieldError, Problem},
    session::Session,
    state::App,
    wire::{ExactCost, Time},
};

/// How many executions a list without `limit` shows.
const USUAL: u32 = 50;

/// What is said of a wait that lists are not narrowed to.
const NO_SUCH_WAIT: &str = "must be `person`, `child`, `operator` or `limit`";

/// A status of steps that existing clients also ask for; no execution has it (spec 4b 18.A.7).
const SKIPPED: &str = "skipped";

/// The query of the list of executions. Conditions add up; an empty one is none.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParameters {
    /// `pending`, `running`, `paused`, `completed`, `failed` or `cancelled`; several separated by commas.
    #[param(example = "running,paused")]
    status: Option<String>,
    /// Of this version.
    #[param(value_type = Option<Uuid>)]
    process_id: Option<String>,
    /// Of any version of this process.
    process_name: Option<String>,
    /// Begun at or after this time.
    #[param(value_type = Option<String>, format = DateTime)]
    started_after: Option<Timestamp>,
    /// Begun before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    started_before: Option<Timestamp>,
    /// Started by this.
    #[param(example = "schedule")]
    triggered_by: Option<String>,
    /// With this label: `key` or `key=value`.
    #[param(example = "team=press")]
    label: Option<String>,
    /// Whose id begins with this text or ends with it, if that is eight digits, or whose process's name holds it.
    q: Option<String>,
    /// Sub-processes of this execution.
    #[param(value_type = Option<Uuid>)]
    parent_id: Option<String>,
    /// That wait for this: a decision of a `person`, a `child`, an `operator` who paused it, or a place (`limit`).
    #[param(example = "person")]
    waiting_for: Option<String>,
    /// `progress`: how far those are that have not ended, and for what they wait.
    #[param(example = "progress")]
    with: Option<String>,
    /// `newest` first, or `oldest`.
    #[param(example = "newest")]
    sort: Option<String>,
    #[param(ignore)]
    page: PageParameters,
}

/// The filters of the list in a body, by the same names.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ExecutionFilter)]
pub(super) struct RawFilter {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    process_id: Option<String>,
    #[serde(default)]
    process_name: Option<String>,
    #[serde(default)]
    started_after: Option<String>,
    #[serde(default)]
    started_before: Option<String>,
    #[serde(default)]
    triggered_by: Option<String>,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    q: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    parent_id: Option<String>,
    #[serde(default)]
    waiting_for: Option<String>,
}

/// A page of executions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExecutionListResponse {
    executions: Vec<ExecutionSummary>,
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

/// An execution in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199a6f0-7a11-7c55-b0a4-5f0c2d9e8b71", "process_id": "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33",
    "process_name": "hello", "process_version": "1", "status": "completed", "phase": null, "triggered_by": "api",
    "user": "ann", "created_at": "2026-11-21T03:05:00.000000+00:00", "started_at": "2026-11-21T03:05:00.012000+00:00",
    "completed_at": "2026-11-21T03:05:04.512000+00:00", "duration_seconds": 4, "total_cost": "$0.01",
    "exact_cost": {"amount": "0.0123", "currency": "USD", "complete": true}, "retry_of": null,
    "parent_execution_id": null, "labels": {}, "dismissed_at": null,
}))]
struct ExecutionSummary {
    id: Uuid,
    process_id: Uuid,
    process_name: String,
    process_version: String,
    /// `pending`, `running`, `paused`, `completed`, `failed` or `cancelled`.
    status: &'static str,
    /// `compensating` while it rolls back.
    phase: Option<&'static str>,
    triggered_by: String,
    user: Option<String>,
    created_at: Time,
    started_at: Option<Time>,
    completed_at: Option<Time>,
    /// Whole seconds from its start to its end; null until then.
    duration_seconds: Option<u64>,
    /// The cost so far, rounded.
    total_cost: String,
    exact_cost: ExactCost,
    retry_of: Option<Uuid>,
    parent_execution_id: Option<Uuid>,
    #[schema(value_type = HashMap<String, String>)]
    labels: Value,
    /// When a person looked at its failure and put it aside.
    dismissed_at: Option<Time>,
    /// How far it is: of one that has not ended, where the list was asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<ProgressResponse>,
    /// For what it waits: of one that has not ended, where the list was asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<Vec<WaitingResponse>>,
}

/// How far an execution is.
#[derive(Debug, Serialize, ToSchema)]
struct ProgressResponse {
    /// How many of its steps have ended, however.
    #[schema(example = 3)]
    ended: usize,
    /// How many there are.
    #[schema(example = 8)]
    steps: usize,
}

/// Lists executions, the newest first. Viewers see those that they started.
#[utoipa::path(
    get, path = "/api/executions", tag = "executions", params(ListParameters, PageParameters),
    responses(
        (status = 200, description = "A page", body = ExecutionListResponse),
        (status = 400, description = "There is no such status, or a malformed id"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
pub(super) async fn list_executions(
    app: App,
    session: Session,
    Query(parameters): Query<ListParameters>,
) -> Result<Json<ExecutionListResponse>, Problem> {
    session.check(UseCase::ListExecutions)?;
    let paging = parameters.page.paging(USUAL);
    let shows_progress = parameters.with.is_some();
    let page = match parameters.filter()? {
        Some(filter) => app.executions.list(&session.principal, &filter, &paging).await?,
        None => Page { rows: Vec::new(), total: 0, next_cursor: None },
    };
    let mut response = ExecutionListResponse::of(&page, &paging);
    if shows_progress {
        for (summary, row) in response.executions.iter_mut().zip(&page.rows) {
            if let Some(under_way) = app.executions.under_way(row).await? {
                summary.tell(under_way);
            }
        }
    }
    Ok(Json(response))
}

impl ReadParameters for ListParameters {
    fn read(parameters: &mut Parameters) -> Self {
        let sort = parameters.text("sort");
        if sort.as_deref().is_some_and(|sort| order(sort).is_none()) {
            parameters.refuse("sort", "must be `newest` or `oldest`");
        }
        let waiting_for = parameters.text("waiting_for");
        if waiting_for.as_deref().is_some_and(|name| awaited(name).is_none()) {
            parameters.refuse("waiting_for", NO_SUCH_WAIT);
        }
        let with = parameters.text("with");
        if with.as_deref().is_some_and(|with| with != "progress") {
            parameters.refuse("with", "must be `progress`");
        }
        Self {
            status: parameters.text("status"),
            process_id: parameters.text("process_id"),
            process_name: parameters.text("process_name"),
            started_after: parameters.time("started_after"),
            started_before: parameters.time("started_before"),
            triggered_by: parameters.text("triggered_by"),
            label: parameters.text("label"),
            q: parameters.text("q"),
            parent_id: parameters.text("parent_id"),
            waiting_for,
            with,
            sort,
            page: PageParameters::read(parameters, 100),
        }
    }
}

impl ListParameters {
    /// The same from a body. Empty texts are as if they were absent.
    pub(super) fn of_raw(raw: RawFilter) -> Result<Self, Problem> {
        let text = |text: Option<String>| text.filter(|text| !text.is_empty());
        let time = |name: &str, value: Option<String>| {
            let unfit = |error: procession_domain::value::TimestampError| {
                let error = FieldError::new(format!("filter.{name}"), format!("is not a valid time: {error}"));
                Problem::fields(Code::InvalidBody, "the request body does not fit", &[error])
            };
            text(value).map(|value| value.parse::<Timestamp>().map_err(unfit)).transpose()
        };
        let waiting_for = text(raw.waiting_for);
        if waiting_for.as_deref().is_some_and(|name| awaited(name).is_none()) {
            let error = FieldError::new("filter.waiting_for", NO_SUCH_WAIT);
            return Err(Problem::fields(Code::InvalidBody, "the request body does not fit", &[error]));
        }
        Ok(Self {
            status: text(raw.status),
            process_id: text(raw.process_id),
            process_name: text(raw.process_name),
            started_after: time("started_after", raw.started_after)?,
            started_before: time("started_before", raw.started_before)?,
            triggered_by: text(raw.triggered_by),
            label: text(raw.label),
            q: text(raw.q),
            parent_id: text(raw.parent_id),
            waiting_for,
            with: None,
            sort: None,
            page: PageParameters::default(),
        })
    }

    /// The filter; `None` if it leaves nothing, whatever there is.
    pub(super) fn filter(self) -> Result<Option<ExecutionFilter>, Problem> {
        let statuses = self.status.as_deref().map(statuses).transpose()?;
        let process_id = self.process_id.as_deref().map(id_or_nothing).transpose()?;
        let parent_id = self.parent_id.as_deref().map(id_or_nothing).transpose()?;
        let names_nothing = process_id == Some(None) || parent_id == Some(None);
        if names_nothing || statuses.as_ref().is_some_and(Vec::is_empty) {
            return Ok(None);
        }
        Ok(Some(ExecutionFilter {
            statuses: statuses.unwrap_or_default(),
            process_id: process_id.flatten(),
            process_name: self.process_name,
            started_after: self.started_after,
            started_before: self.started_before,
            triggered_by: self.triggered_by,
            user: None,
            label: self.label,
            text: self.q,
            parent_id: parent_id.flatten(),
            waiting_for: self.waiting_for.as_deref().and_then(awaited),
            sort: self.sort.as_deref().and_then(order).unwrap_or_default(),
        }))
    }
}

fn statuses(text: &str) -> Result<Vec<ExecutionStatus>, Problem> {
    let mut found = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != SKIPPED) {
        let status = ExecutionStatus::ALL.into_iter().find(|status| status.as_str() == name);
        found.push(status.ok_or_else(|| Problem::bad_request(Code::BadFilter, format!("Invalid status: {name}")))?);
    }
    Ok(found)
}

fn awaited(name: &str) -> Option<Awaited> {
    Awaited::ALL.into_iter().find(|awaited| awaited.as_str() == name)
}

fn order(name: &str) -> Option<Sort> {
    match name {
        "newest" => Some(Sort::Newest),
        "oldest" => Some(Sort::Oldest),
        _ => None,
    }
}

/// An id, or `None` if the text is one that nothing can have.
fn id_or_nothing<T: Parsed>(text: &str) -> Result<Option<T>, Problem> {
    match T::read(text) {
        Ok(id) => Ok(Some(id)),
        Err(problem) if problem.code == Code::NotFound => Ok(None),
        Err(problem) => Err(problem),
    }
}

impl ExecutionListResponse {
    fn of(page: &Page<ExecutionRow>, paging: &Paging) -> Self {
        Self {
            executions: page.rows.iter().map(ExecutionSummary::of).collect(),
            total: page.total,
            limit: paging.limit,
            offset: paging.offset(),
            next_cursor: page.next_cursor.clone(),
        }
    }
}

impl ExecutionSummary {
    fn of(row: &ExecutionRow) -> Self {
        let duration = row.completed_at.map(|ended| ended.since(row.started_at.unwrap_or(ended)));
        Self {
            id: row.id.uuid(),
            process_id: row.process_id.uuid(),
            process_name: row.process_name.to_string(),
            process_version: row.process_version.to_string(),
            status: row.status.as_str(),
            phase: row.compensating.then_some("compensating"),
            triggered_by: row.triggered_by.clone(),
            user: row.user.clone(),
            created_at: row.created_at.into(),
            started_at: row.started_at.map(Into::into),
            completed_at: row.completed_at.map(Into::into),
            duration_seconds: duration.map(seconds),
            total_cost: row.cost.amount.to_string(),
            exact_cost: row.cost.into(),
            retry_of: row.retry_of.map(ExecutionId::uuid),
            parent_execution_id: row.parent_id.map(ExecutionId::uuid),
            labels: row.labels.clone(),
            dismissed_at: row.dismissed_at.map(Into::into),
            progress: None,
            waiting_for: None,
        }
    }

    fn tell(&mut self, under_way: UnderWay) {
        let UnderWay { ended, steps, waits } = under_way;
        self.progress = Some(ProgressResponse { ended, steps });
        self.waiting_for = Some(waits.into_iter().map(WaitingResponse::of).collect());
    }
}
