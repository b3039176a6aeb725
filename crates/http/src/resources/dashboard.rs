//! The dashboard (spec 4c).

use axum::Json;
use procession_application::{
    access::UseCase,
    dashboard::{Attention, NextRun, Overview, ProcessHealth},
};
use procession_domain::value::{ApprovalId, Duration, ExecutionId};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    HttpState,
    problem::Problem,
    session::Session,
    state::App,
    wire::{ExactCost, Time},
};

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(dashboard))
}

/// How the server stands, over what the session may see.
#[derive(Debug, Serialize, ToSchema)]
struct DashboardResponse {
    /// Executions that run or are paused.
    #[schema(example = 4)]
    active: u64,
    /// Executions that wait to begin.
    #[schema(example = 0)]
    pending: u64,
    /// Questions that wait for an answer.
    #[schema(example = 2)]
    waiting_for_people: u64,
    /// Those of them that ask this session's user.
    #[schema(example = 1)]
    approvals_for_me: u64,
    /// Of the executions that began in the last 24 hours, those that failed.
    #[schema(example = 1)]
    failed_24h: u64,
    #[schema(example = 42)]
    runs_24h: u64,
    /// How many of a hundred that completed or failed have completed; null if there are none.
    #[schema(example = 97.6)]
    success_24h: Option<f64>,
    /// What they cost so far, rounded; null where nothing is known of it.
    #[schema(example = "$1.25")]
    cost_24h: Option<String>,
    exact_cost_24h: ExactCost,
    /// What is due next, the soonest first.
    next_runs: Vec<NextRunResponse>,
    /// What someone should look at, the newest first.
    needs_attention: Vec<AttentionResponse>,
    /// How processes have gone in the last 30 days, those that ran most first.
    health: Vec<ProcessHealthResponse>,
}

/// A due time.
#[derive(Debug, Serialize, ToSchema)]
struct NextRunResponse {
    #[schema(example = "weekly-brief")]
    process_name: String,
    #[schema(example = "monday")]
    schedule_id: String,
    due_at: Time,
}

/// Something that someone should look at.
#[derive(Debug, Serialize, ToSchema)]
struct AttentionResponse {
    /// `failed`, `overdue_approval`, `breaker_open`, `missed_schedule` or `cost_alert`.
    #[schema(example = "failed")]
    kind: &'static str,
    /// Since when.
    at: Time,
    #[schema(example = "An execution of 'support-triage' failed")]
    text: String,
    process_name: Option<String>,
    execution_id: Option<Uuid>,
    approval_id: Option<Uuid>,
    alert_id: Option<Uuid>,
    agent: Option<String>,
}

/// How a process has gone, in all its versions.
#[derive(Debug, Serialize, ToSchema)]
struct ProcessHealthResponse {
    #[schema(example = "support-triage")]
    process_name: String,
    #[schema(example = 120)]
    runs: u64,
    /// How many of a hundred that completed or failed have completed; null if there are none.
    #[schema(example = 98.3)]
    success: Option<f64>,
    /// In seconds; half of those that completed took no longer. Null if none has.
    #[schema(example = 62.0)]
    p50: Option<f64>,
    /// In seconds.
    #[schema(example = 81.5)]
    average: Option<f64>,
    /// What one cost on average, rounded; null where nothing is known of it.
    #[schema(example = "$0.10")]
    cost: Option<String>,
    exact_cost: Option<ExactCost>,
    /// When it is due next.
    next_run: Option<Time>,
}

/// How the server stands: what runs, what waits, what went wrong, what is due.
#[utoipa::path(
    get, path = "/api/dashboard", tag = "analytics",
    responses((status = 200, description = "The figures", body = DashboardResponse)),
)]
async fn dashboard(app: App, session: Session) -> Result<Json<DashboardResponse>, Problem> {
    session.check(UseCase::ReadFigures)?;
    Ok(Json(DashboardResponse::of(&app.dashboard.overview(&session.principal).await?)))
}

impl DashboardResponse {
    fn of(overview: &Overview) -> Self {
        let day = &overview.last_day;
        let cost = day.total_cost();
        Self {
            active: overview.active,
            pending: overview.pending,
            waiting_for_people: overview.waiting_for_people,
            approvals_for_me: overview.approvals_for_me,
            failed_24h: day.failed,
            runs_24h: day.executions(),
            success_24h: (day.completed + day.failed > 0).then(|| day.success_rate()),
            cost_24h: is_known(cost).then(|| cost.amount.to_string()),
            exact_cost_24h: cost.into(),
            next_runs: overview.next_runs.iter().map(NextRunResponse::of).collect(),
            needs_attention: overview.needs_attention.iter().map(AttentionResponse::of).collect(),
            health: overview.health.iter().map(ProcessHealthResponse::of).collect(),
        }
    }
}

/// Whether anything is known of a cost: nothing at all is never told as $0.
const fn is_known(cost: procession_domain::value::Cost) -> bool {
    cost.complete || !cost.amount.is_zero()
}

impl NextRunResponse {
    fn of(run: &NextRun) -> Self {
        Self {
            process_name: run.process_name.to_string(),
            schedule_id: run.schedule_id.clone(),
            due_at: run.due_at.into(),
        }
    }
}

impl AttentionResponse {
    fn of(attention: &Attention) -> Self {
        Self {
            kind: attention.kind.as_str(),
            at: attention.at.into(),
            text: attention.text.clone(),
            process_name: attention.process_name.as_ref().map(ToString::to_string),
            execution_id: attention.execution_id.map(ExecutionId::uuid),
            approval_id: attention.approval_id.map(ApprovalId::uuid),
            alert_id: attention.alert_id,
            agent: attention.agent.clone(),
        }
    }
}

impl ProcessHealthResponse {
    fn of(health: &ProcessHealth) -> Self {
        let sums = &health.sums;
        Self {
            process_name: health.process_name.to_string(),
            runs: sums.executions(),
            success: (sums.completed + sums.failed > 0).then(|| sums.success_rate()),
            p50: sums.quantile(0.5).map(Duration::as_secs_f64),
            average: sums.average().map(Duration::as_secs_f64),
            cost: health.cost.filter(|cost| is_known(*cost)).map(|cost| cost.amount.to_string()),
            exact_cost: health.cost.map(Into::into),
            next_run: health.next_run.map(Into::into),
        }
    }
}
