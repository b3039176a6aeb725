//! How the server stands: what its last start found, and how full it is (spec 4b, E10 and E11).

use std::collections::BTreeMap;

use axum::Json;
use procession_application::engine::RecoveryReport;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{problem::Problem, session::Session, state::App, wire::Time};

/// What the last start of the server found under way.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "status": "completed", "started_at": "2026-11-21T03:00:00.000000+00:00",
    "completed_at": "2026-11-21T03:00:00.250000+00:00", "duration_ms": 250, "has_errors": false,
    "counts": {"resumed": 3, "retried": 1, "failed": 0, "skipped": 0, "errors": 0, "total": 3},
    "attempts": {"total": 3, "finished": 1, "running": 1, "sent_again": 1},
}))]
pub(super) struct RecoveryResponse {
    /// Always `completed`: every start looks for what was under way.
    status: &'static str,
    started_at: Time,
    /// When the last execution found was taken up.
    completed_at: Time,
    duration_ms: u64,
    counts: RecoveryCounts,
    attempts: AttemptCounts,
    has_errors: bool,
}

/// Executions that were found under way, under the names that existing clients read.
#[derive(Debug, Serialize, ToSchema)]
struct RecoveryCounts {
    /// They go on.
    resumed: u64,
    /// Steps whose call was sent again.
    retried: u64,
    /// Executions that failed because of the interruption: none, since what is interrupted is taken up again.
    failed: u64,
    /// Executions that were left alone: none.
    skipped: u64,
    /// They could not be loaded.
    errors: u64,
    total: u64,
}

/// Attempts that were found under way.
#[derive(Debug, Serialize, ToSchema)]
struct AttemptCounts {
    total: u64,
    /// Their agent had finished them meanwhile.
    finished: u64,
    /// They went on at their agent.
    running: u64,
    /// Nobody knew them, and they were sent again.
    sent_again: u64,
}

/// How full the server is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "global": {"current": 12, "limit": 1000}, "queue": {"current": 0, "limit": 10000},
    "per_process_default": null, "process_overrides": {"nightly-report": 1},
}))]
pub(super) struct LimitsResponse {
    /// Executions at work, and how many may be.
    global: Fill,
    /// Executions that wait to begin, and how many may.
    queue: Fill,
    /// How many of one process may be at work where it does not say; null = no limit.
    per_process_default: Option<u32>,
    /// The same for published processes that do say, by name.
    process_overrides: BTreeMap<String, u32>,
}

/// How much of a limit is used.
#[derive(Debug, Serialize, ToSchema)]
struct Fill {
    current: u64,
    limit: u32,
}

/// What the last start of the server found under way, and what became of it.
#[utoipa::path(
    get, path = "/api/executions/recovery/status", tag = "executions",
    responses((status = 200, description = "The report", body = RecoveryResponse)),
)]
pub(super) async fn recovery_status(app: App, session: Session) -> Result<Json<RecoveryResponse>, Problem> {
    Ok(Json(RecoveryResponse::of(&app.status.recovery(&session.principal)?)))
}

/// How many executions are at work and how many may be. For administrators.
#[utoipa::path(
    get, path = "/api/executions/limits/status", tag = "executions",
    responses((status = 200, description = "The limits", body = LimitsResponse)),
)]
pub(super) async fn limits_status(app: App, session: Session) -> Result<Json<LimitsResponse>, Problem> {
    let limits = app.status.limits(&session.principal).await?;
    Ok(Json(LimitsResponse {
        global: Fill { current: limits.running, limit: limits.most_running },
        queue: Fill { current: limits.pending, limit: limits.most_pending },
        per_process_default: limits.instances,
        process_overrides: limits.instances_of,
    }))
}

impl RecoveryResponse {
    fn of(report: &RecoveryReport) -> Self {
        Self {
            status: "completed",
            started_at: report.started_at.into(),
            completed_at: report.completed_at.unwrap_or(report.started_at).into(),
            duration_ms: report.duration().as_millis(),
            counts: RecoveryCounts {
                resumed: report.resumed,
                retried: report.sent_again,
                failed: 0,
                skipped: 0,
                errors: report.errors,
                total: report.resumed.saturating_add(report.errors),
            },
            attempts: AttemptCounts {
                total: report.attempts,
                finished: report.finished,
                running: report.running,
                sent_again: report.sent_again,
            },
            has_errors: report.errors > 0,
        }
    }
}
