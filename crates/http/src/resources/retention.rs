//! For how long things are kept, for administrators (spec 4c, retention).

use axum::Json;
use procession_application::retention::{RetentionChanges, RetentionPolicy, RetentionReport};
use procession_domain::value::Duration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    HttpState,
    extract::{Sent, SentOrNothing},
    problem::{Code, FieldError, Problem},
    session::Session,
    state::App,
};

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(get_retention, put_retention)).routes(routes!(run_retention))
}

/// For how long things are kept after their end: durations such as `30d`; `0s` is for ever.
#[derive(Debug, Serialize, ToSchema)]
struct RetentionResponse {
    /// Events of executions.
    #[schema(example = "30d")]
    events: String,
    /// Executions, with all that belongs to them.
    #[schema(example = "90d")]
    executions: String,
    /// Inputs, outputs and messages of executions.
    #[schema(example = "30d")]
    outputs: String,
    /// What was delivered to others.
    #[schema(example = "30d")]
    deliveries: String,
    /// Entries of the audit trail.
    #[schema(example = "2555d")]
    audit: String,
}

/// For how long things are to be kept: durations such as `30d`, or `0` for ever. What is null or left out is as the
/// configuration says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"events": "14d", "executions": "30d", "outputs": "14d"}))]
struct RetentionRequest {
    #[serde(default)]
    events: Option<String>,
    #[serde(default)]
    executions: Option<String>,
    #[serde(default)]
    outputs: Option<String>,
    #[serde(default)]
    deliveries: Option<String>,
    #[serde(default)]
    audit: Option<String>,
}

/// Whether something is removed, or only counted.
#[derive(Debug, Default, Deserialize, ToSchema)]
struct RunRequest {
    /// Only count what would be removed.
    #[serde(default)]
    #[schema(example = true)]
    dry_run: bool,
}

/// What was removed, or would be.
#[derive(Debug, Serialize, ToSchema)]
struct RunResponse {
    dry_run: bool,
    #[schema(example = 12)]
    executions: u64,
    /// Their events, and those of executions that stay.
    #[schema(example = 480)]
    events: u64,
    /// Their inputs, outputs and messages, and those of executions that stay.
    #[schema(example = 96)]
    outputs: u64,
    /// Deliveries of which nothing more is tried.
    #[schema(example = 7)]
    deliveries: u64,
    /// Entries of the audit trail.
    #[schema(example = 0)]
    audit: u64,
    /// Executions that were written to the archive first.
    #[schema(example = 0)]
    archived: u64,
    /// Whether nothing old is left; otherwise it goes with the next run, within the hour.
    #[schema(example = true)]
    complete: bool,
}

/// Shows for how long things are kept.
#[utoipa::path(
    get, path = "/api/settings/retention", tag = "settings",
    responses(
        (status = 200, description = "The policy in force", body = RetentionResponse),
        (status = 403, description = "For administrators"),
    ),
)]
async fn get_retention(app: App, session: Session) -> Result<Json<RetentionResponse>, Problem> {
    Ok(Json(app.retention.policy(&session.principal).await?.into()))
}

/// Sets for how long things are kept; the next run goes by it.
#[utoipa::path(
    put, path = "/api/settings/retention", tag = "settings", request_body = RetentionRequest,
    responses(
        (status = 200, description = "The policy in force", body = RetentionResponse),
        (status = 403, description = "For administrators"),
        (status = 422, description = "Malformed body, or a value is no duration"),
    ),
)]
async fn put_retention(app: App, sent: Sent<RetentionRequest>) -> Result<Json<RetentionResponse>, Problem> {
    let Sent { session, body } = sent;
    session.check(procession_application::access::UseCase::ChangeRetention)?;
    Ok(Json(app.retention.change(&session.principal, body.changes()?).await?.into()))
}

/// Removes what was kept for long enough, or counts it. A server does this by itself when it starts and every hour.
#[utoipa::path(
    post, path = "/api/retention/run", tag = "settings", request_body = Option<RunRequest>,
    responses(
        (status = 200, description = "What was removed, or would be", body = RunResponse),
        (status = 403, description = "For administrators"),
        (status = 409, description = "A run is under way"),
        (status = 422, description = "Malformed body"),
    ),
)]
async fn run_retention(app: App, sent: SentOrNothing<RunRequest>) -> Result<Json<RunResponse>, Problem> {
    let SentOrNothing { session, body: RunRequest { dry_run } } = sent;
    let report = if dry_run {
        app.retention.preview(&session.principal).await?
    } else {
        app.retention.run(&session.principal).await?
    };
    let RetentionReport { purged, deliveries, audit, archived, is_unfinished } = report;
    Ok(Json(RunResponse {
        dry_run,
        executions: purged.executions,
        events: purged.events,
        outputs: purged.values,
        deliveries,
        audit,
        archived,
        complete: !is_unfinished && !dry_run,
    }))
}

impl RetentionRequest {
    fn changes(self) -> Result<RetentionChanges, Problem> {
        let mut errors = Vec::new();
        let mut read = |field: &str, text: Option<String>| -> Option<Duration> {
            let read: Result<Duration, _> = text?.parse();
            read.map_err(|error| errors.push(FieldError::new(field, error.to_string()))).ok()
        };
        let changes = RetentionChanges {
            events: read("events", self.events),
            executions: read("executions", self.executions),
            outputs: read("outputs", self.outputs),
            deliveries: read("deliveries", self.deliveries),
            audit: read("audit", self.audit),
        };
        if errors.is_empty() {
            return Ok(changes);
        }
        Err(Problem::invalid(Code::InvalidValue, "the policy has values that are no durations").with_errors(errors))
    }
}

impl From<RetentionPolicy> for RetentionResponse {
    fn from(policy: RetentionPolicy) -> Self {
        let RetentionPolicy { events, executions, outputs, deliveries, audit } = policy;
        Self {
            events: events.to_string(),
            executions: executions.to_string(),
            outputs: outputs.to_string(),
            deliveries: deliveries.to_string(),
            audit: audit.to_string(),
        }
    }
}
