//! One execution with its steps (spec 4b 4.1, and the fields of page 4).

use std::sync::Arc;

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use indexmap::IndexMap;
use procession_application::executions::VisibleExecution;
use procession_domain::{
    event::Cancellation,
    execution::{Execution, Life},
    value::{ExecutionId, Json as Value, ScheduleId},
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::summary::{ExecutionErrorResponse, Outlook, StepSummary, TokensResponse, WaitingResponse, name_of, seconds};
use crate::{
    extract::IdPath,
    problem::Problem,
    session::Session,
    state::App,
    wire::{ExactCost, Time},
};

/// An execution.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199a6f0-7a11-7c55-b0a4-5f0c2d9e8b71", "process_id": "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33",
    "process_name": "hello", "process_version": "1", "status": "completed", "phase": null, "triggered_by": "api",
    "user": "ann", "trigger": {"type": "manual", "id": null, "fired_at": "2026-11-21T03:05:00.000000+00:00"},
    "input_data": {"name": "Ben"}, "output_data": {"greeting": "Hello Ben"}, "output_warnings": [],
    "total_cost": "$0.01", "exact_cost": {"amount": "0.0123", "currency": "USD", "complete": true},
    "token_usage": {"input_tokens": 1200, "output_tokens": 300, "total_tokens": 1500},
    "created_at": "2026-11-21T03:05:00.000000+00:00", "started_at": "2026-11-21T03:05:00.012000+00:00",
    "completed_at": "2026-11-21T03:05:04.512000+00:00", "deadline": null, "duration_seconds": 4, "error": null,
    "waiting_for": [], "warnings": [], "labels": {}, "priority": "normal", "has_parallel_steps": false,
    "retry_of": null, "parent_execution_id": null, "parent_step_id": null, "child_execution_ids": [],
    "dismissed_at": null,
    "steps": [{
        "step_id": "greet", "name": "greet", "status": "completed", "state": "completed", "waiting_for": null,
        "step_type": "agent_task", "agent": "echo-bot", "depends_on": [],
        "started_at": "2026-11-21T03:05:00.012000+00:00", "completed_at": "2026-11-21T03:05:04.500000+00:00",
        "error": null, "handled_by": null, "skip_reason": null, "retry_count": 0, "round": 1, "parallel_level": 0,
        "cost": "$0.01", "exact_cost": {"amount": "0.0123", "currency": "USD", "complete": true},
        "estimated_cost": null, "approval_id": null, "child_execution_ids": [],
    }],
}))]
pub(super) struct ExecutionResponse {
    id: Uuid,
    process_id: Uuid,
    process_name: String,
    process_version: String,
    /// `pending`, `running`, `paused`, `completed`, `failed` or `cancelled`.
    status: &'static str,
    /// `compensating` while it rolls back.
    phase: Option<&'static str>,
    /// What started it, as the caller named it.
    triggered_by: String,
    /// The user who started it.
    user: Option<String>,
    trigger: StartedBy,
    #[schema(value_type = Object)]
    input_data: Arc<Value>,
    /// Its outputs by name; empty until it has completed. Of a failed one `{error}`, of a cancelled one
    /// `{cancelled_reason}`; null once they were purged.
    #[schema(value_type = Option<Object>)]
    output_data: Arc<Value>,
    /// Outputs that read something undefined, and are null.
    output_warnings: Vec<String>,
    /// The cost so far, rounded.
    total_cost: String,
    exact_cost: ExactCost,
    /// What it may cost at most with its sub-processes, where its process says so; their budget is that of the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<ExactCost>,
    token_usage: TokensResponse,
    created_at: Time,
    started_at: Option<Time>,
    completed_at: Option<Time>,
    /// When it must have ended.
    deadline: Option<Time>,
    /// Whole seconds from its start to its end; null until then.
    duration_seconds: Option<u64>,
    /// Why it failed or is going to.
    error: Option<ExecutionErrorResponse>,
    waiting_for: Vec<WaitingResponse>,
    warnings: Vec<String>,
    #[schema(value_type = HashMap<String, String>)]
    labels: IndexMap<String, String>,
    priority: String,
    /// Its steps, in definition order.
    steps: Vec<StepSummary>,
    /// Whether steps stand side by side.
    has_parallel_steps: bool,
    /// The execution that it repeats.
    retry_of: Option<Uuid>,
    /// The execution of which it is a sub-process.
    parent_execution_id: Option<Uuid>,
    parent_step_id: Option<String>,
    /// Its sub-processes.
    child_execution_ids: Vec<Uuid>,
    /// When a person looked at its failure and put it aside.
    dismissed_at: Option<Time>,
    /// A command that has been taken and is not carried out yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_command: Option<&'static str>,
}

/// How an execution was started.
#[derive(Debug, Serialize, ToSchema)]
struct StartedBy {
    /// `manual`, `webhook`, `schedule`, `sub_process` or `retry`.
    #[serde(rename = "type")]
    kind: String,
    /// The trigger's id.
    id: Option<String>,
    /// When it fired; of a schedule, the time for which it was due.
    fired_at: Option<Time>,
    /// The schedule, if one started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule_id: Option<Uuid>,
    /// When that was due.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<Time>,
    /// When the start was in fact made.
    #[serde(skip_serializing_if = "Option::is_none")]
    actual_at: Option<Time>,
}

/// Shows an execution.
#[utoipa::path(
    get, path = "/api/executions/{execution_id}", tag = "executions",
    params(("execution_id" = Uuid, Path, description = "The execution")),
    responses(
        (status = 200, description = "The execution", body = ExecutionResponse),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such execution"),
    ),
)]
pub(super) async fn get_execution(
    app: App,
    session: Session,
    path: IdPath<ExecutionId>,
) -> Result<Json<ExecutionResponse>, Problem> {
    let execution = app.executions.get(&session.principal, path.id()?).await?;
    Ok(Json(ExecutionResponse::of(&app, &execution, None).await?))
}

impl ExecutionResponse {
    /// An execution with its values. `input` saves reading it, where it is at hand.
    pub async fn of(app: &App, execution: &VisibleExecution, input: Option<Value>) -> Result<Self, Problem> {
        let input = if let Some(input) = input {
            Arc::new(input)
        } else {
            let stored = &execution.creation().input;
            app.executions.value(execution, stored).await?.unwrap_or_default()
        };
        let output = output_data(app, execution).await?;
        let outlook = Outlook::of(app, execution).await?;
        let dismissed_at = app.executions.dismissed_at(execution).await?.map(Into::into);
        Ok(Self { dismissed_at, ..Self::of_state(execution, outlook, input, output) })
    }

    /// The same, with a command that is not carried out yet.
    pub fn with_pending(self, pending_command: Option<&'static str>) -> Self {
        Self { pending_command, ..self }
    }

    fn of_state(execution: &Execution, outlook: Outlook, input_data: Arc<Value>, output_data: Arc<Value>) -> Self {
        let (creation, state) = (execution.creation(), execution.state());
        let duration = state.completed_at.map(|ended| ended.since(state.started_at.unwrap_or(ended)));
        let parent = creation.parent.as_ref();
        let budget = execution.definition().config().budget.as_ref().filter(|_| parent.is_none());
        Self {
            id: execution.id().uuid(),
            process_id: creation.process.id.uuid(),
            process_name: creation.process.name.to_string(),
            process_version: creation.process.version.to_string(),
            status: execution.status().as_str(),
            phase: phase(&state.life),
            triggered_by: creation.triggered_by.clone(),
            user: creation.user.clone(),
            trigger: StartedBy {
                kind: creation.trigger.trigger_type.clone(),
                id: creation.trigger.id.clone(),
                fired_at: creation.trigger.fired_at.map(Into::into),
                schedule_id: creation.trigger.schedule_id.map(ScheduleId::uuid),
                due_at: creation.trigger.due_at.map(Into::into),
                actual_at: creation.trigger.actual_at.map(Into::into),
            },
            input_data,
            output_data,
            output_warnings: output_warnings(&state.life),
            total_cost: state.cost.amount.to_string(),
            exact_cost: state.cost.into(),
            budget: budget.map(|budget| budget.max_cost.into()),
            token_usage: (&state.tokens).into(),
            created_at: state.created_at.into(),
            started_at: state.started_at.map(Into::into),
            completed_at: state.completed_at.map(Into::into),
            deadline: state.deadline.map(Into::into),
            duration_seconds: duration.map(seconds),
            error: execution.failure().as_ref().map(Into::into),
            warnings: execution.warnings(),
            labels: creation.labels.clone(),
            priority: name_of(creation.priority),
            steps: StepSummary::all(execution, &outlook),
            waiting_for: outlook.waits,
            has_parallel_steps: has_parallel_steps(execution),
            retry_of: creation.retry_of.map(ExecutionId::uuid),
            parent_execution_id: parent.map(|parent| parent.execution_id.uuid()),
            parent_step_id: parent.map(|parent| parent.step_id.to_string()),
            child_execution_ids: children(execution),
            dismissed_at: None,
            pending_command: None,
        }
    }

    /// The answer to a start: where the execution is stands in its head.
    pub fn created(self, status: StatusCode) -> Response {
        let mut headers = HeaderMap::new();
        if let Ok(location) = HeaderValue::from_str(&format!("/api/executions/{}", self.id)) {
            headers.insert(header::LOCATION, location);
        }
        (status, headers, Json(self)).into_response()
    }
}

/// What an execution puts out (spec 4b 4.1).
pub(in crate::resources) async fn output_data(app: &App, execution: &VisibleExecution) -> Result<Arc<Value>, Problem> {
    Ok(match &execution.state().life {
        Life::Completed { outputs, .. } => app.executions.value(execution, outputs).await?.unwrap_or_default(),
        Life::Failed(error) => Arc::new(json!({"error": error.message})),
        Life::Cancelled(cancellation) => Arc::new(json!({"cancelled_reason": cancelled_reason(cancellation)})),
        Life::Pending | Life::Running | Life::Paused(_) | Life::Compensating(_) => Arc::new(json!({})),
    })
}

fn cancelled_reason(cancellation: &Cancellation) -> String {
    let by = &cancellation.cancelled_by;
    match &cancellation.reason {
        Some(reason) => format!("Cancelled by {by}: {reason}"),
        None => format!("Cancelled by {by}"),
    }
}

pub(super) const fn phase(life: &Life) -> Option<&'static str> {
    match life {
        Life::Compensating(_) => Some("compensating"),
        Life::Pending
        | Life::Running
        | Life::Paused(_)
        | Life::Completed { .. }
        | Life::Failed(_)
        | Life::Cancelled(_) => None,
    }
}

fn output_warnings(life: &Life) -> Vec<String> {
    match life {
        Life::Completed { warnings, .. } => warnings.clone(),
        Life::Pending
        | Life::Running
        | Life::Paused(_)
        | Life::Compensating(_)
        | Life::Failed(_)
        | Life::Cancelled(_) => Vec::new(),
    }
}

fn has_parallel_steps(execution: &Execution) -> bool {
    let graph = execution.definition().graph();
    let mut levels: Vec<u32> = (0..execution.definition().steps().len()).map(|step| graph.level(step)).collect();
    levels.sort_unstable();
    levels.windows(2).any(|pair| pair[0] == pair[1])
}

fn children(execution: &Execution) -> Vec<Uuid> {
    execution.steps().flat_map(|(_, state)| state.children.iter().map(|id| id.uuid())).collect()
}
