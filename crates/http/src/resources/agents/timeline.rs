//! What agents did, one after the other, as the landing page of existing clients draws it (spec 4b 17).

use axum::Json;
use procession_application::{agents::MOST_ACTIVITIES, ports::AgentActivity};
use procession_domain::value::{Duration, Timestamp};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    HttpState,
    extract::{Parameters, Query, ReadParameters},
    problem::Problem,
    session::Session,
    state::App,
    wire::{ExactCost, Time},
};

/// How far back is looked where the client does not say.
const BACK: Duration = Duration::from_secs(86_400);

/// How many activities are told where the client does not say.
const ACTIVITIES: u32 = 100;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(timeline))
}

/// What agents did.
#[derive(Debug, Serialize, ToSchema)]
struct TimelineResponse {
    /// How many.
    #[schema(example = 1)]
    count: usize,
    /// The newest first.
    activities: Vec<ActivityResponse>,
}

/// An agent's work on a step, which has ended.
#[derive(Debug, Serialize, ToSchema)]
struct ActivityResponse {
    /// The execution, and the number of the event that told of the end.
    #[schema(example = "0199a6f0-7a11-7c55-b0a4-5f0c2d9e8b71/7")]
    id: String,
    #[schema(example = "writer")]
    agent_name: String,
    /// `schedule_start` if a schedule started the execution, else `chat_start`: the names that existing clients draw.
    #[schema(example = "chat_start")]
    activity_type: &'static str,
    /// `completed` or `failed`.
    #[schema(example = "completed")]
    activity_state: &'static str,
    started_at: Time,
    completed_at: Time,
    #[schema(example = 2500)]
    duration_ms: u64,
    /// What started the execution.
    #[schema(example = "api")]
    triggered_by: String,
    related_execution_id: Uuid,
    details: ActivityDetails,
}

/// What an activity was about.
#[derive(Debug, Serialize, ToSchema)]
struct ActivityDetails {
    #[schema(example = "content-pipeline")]
    process_name: String,
    #[schema(example = "draft")]
    step_id: String,
    #[schema(example = 1)]
    attempts: u32,
    exact_cost: Option<ExactCost>,
}

/// Which activities are asked for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct TimelineParameters {
    /// Some of `chat_start` and `schedule_start`, with commas; others leave none.
    #[param(example = "schedule_start,chat_start")]
    activity_types: Option<String>,
    /// Those that ended at or after; 24 hours ago by default.
    #[param(value_type = Option<String>, example = "2026-11-21T00:00:00Z")]
    start_time: Option<Timestamp>,
    /// How many at most.
    #[param(minimum = 1, maximum = 1000, example = 500)]
    limit: Option<u32>,
}

/// What agents did, in executions that the session may see. Work is told once its step has ended.
#[utoipa::path(
    get, path = "/api/activities/timeline", tag = "agents", params(TimelineParameters),
    responses(
        (status = 200, description = "The activities", body = TimelineResponse),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn timeline(
    app: App,
    session: Session,
    Query(parameters): Query<TimelineParameters>,
) -> Result<Json<TimelineResponse>, Problem> {
    let day_ago = Timestamp::from_micros(app.now().as_micros() - i64::try_from(BACK.as_millis()).unwrap_or(0) * 1_000);
    let since = parameters.start_time.unwrap_or(day_ago);
    let limit = parameters.limit.unwrap_or(ACTIVITIES);
    let work = app.agents.activities(&session.principal, since, limit).await?;
    let activities: Vec<ActivityResponse> =
        work.into_iter().map(ActivityResponse::of).filter(|activity| parameters.admits(activity)).collect();
    Ok(Json(TimelineResponse { count: activities.len(), activities }))
}

impl ActivityResponse {
    fn of(activity: AgentActivity) -> Self {
        let AgentActivity { execution_id, process_name, triggered_by, step } = activity;
        Self {
            id: format!("{execution_id}/{}", step.sequence),
            agent_name: step.agent.unwrap_or_default(),
            activity_type: if triggered_by == "schedule" { "schedule_start" } else { "chat_start" },
            activity_state: if step.completed { "completed" } else { "failed" },
            started_at: step.started_at.into(),
            completed_at: step.ended_at.into(),
            duration_ms: step.ended_at.since(step.started_at).as_millis(),
            triggered_by,
            related_execution_id: execution_id.uuid(),
            details: ActivityDetails {
                process_name: process_name.to_string(),
                step_id: step.step_id.to_string(),
                attempts: step.attempts,
                exact_cost: step.cost.map(ExactCost::from),
            },
        }
    }
}

impl TimelineParameters {
    fn admits(&self, activity: &ActivityResponse) -> bool {
        let is_listed = |types: &String| types.split(',').any(|wanted| wanted.trim() == activity.activity_type);
        self.activity_types.as_ref().is_none_or(is_listed)
    }
}

impl ReadParameters for TimelineParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self {
            activity_types: parameters.text("activity_types"),
            start_time: parameters.time("start_time"),
            limit: parameters.number("limit", 1..=MOST_ACTIVITIES),
        }
    }
}
