//! One step of an execution: its attempts with what they were asked, why it ran or did not, and its output.

use std::sync::Arc;

use axum::Json;
use procession_domain::{
    definition::Step,
    event::{Direction, ValueRef},
    execution::{Attempt, CompensationLife, CompensationState, Execution, StepState},
    value::{ExecutionId, Json as Value, StepId},
};
use serde::Serialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::{
    skipped::SkippedOutput,
    summary::{Outlook, StepErrorResponse, StepSummary, TokensResponse},
};
use crate::{
    events::{max_attempts, output_url},
    extract::{Parameters, Query, ReadParameters, StepPath},
    problem::Problem,
    session::Session,
    state::App,
    wire::{ExactCost, Time},
};

/// A step with everything that is known of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StepDetailResponse {
    #[serde(flatten)]
    summary: StepSummary,
    /// What the attempt asked for was asked, expanded: the newest one, or that of `?attempt`. Null if it asked nothing
    /// or that was purged.
    #[schema(value_type = Option<Object>)]
    input: Option<Arc<Value>>,
    /// Where its output is; null if it has none.
    output_ref: Option<ReferenceResponse>,
    /// Its condition and why it was decided so.
    #[schema(value_type = Option<Object>)]
    condition: Option<Value>,
    /// What it decided, if it is a gateway.
    #[schema(value_type = Option<Object>)]
    decision: Option<Value>,
    /// Every attempt, of all rounds.
    attempts: Vec<AttemptResponse>,
    /// How it is undone, if that was begun.
    compensation: Option<UndoResponse>,
}

/// Where a value is.
#[derive(Debug, Serialize, ToSchema)]
struct ReferenceResponse {
    /// The hash of its JSON text.
    hash: String,
    /// The length of its JSON text, in bytes.
    size: u64,
    /// Where it can be read.
    url: Option<String>,
}

/// One try of a step.
#[derive(Debug, Serialize, ToSchema)]
struct AttemptResponse {
    /// Its number: from 1, over all rounds.
    number: u32,
    /// How many there are at most, in each round.
    max_attempts: Option<u32>,
    round: u32,
    agent: Option<String>,
    started_at: Time,
    ended_at: Option<Time>,
    /// When it must have ended.
    deadline: Option<Time>,
    /// What it was asked.
    input_ref: Option<ReferenceResponse>,
    /// The agent's name for its work.
    call_ref: Option<String>,
    /// How often the server's end has interrupted it.
    interruptions: u32,
    error: Option<StepErrorResponse>,
    /// What it cost, rounded; null if that is unknown.
    cost: Option<String>,
    exact_cost: Option<ExactCost>,
    token_usage: Option<TokensResponse>,
    /// Why the model stopped writing, in its provider's words: `stop`, `length`, …
    finish_reason: Option<String>,
}

/// How a step is undone.
#[derive(Debug, Serialize, ToSchema)]
struct UndoResponse {
    /// `running`, `waiting`, `completed` or `failed`.
    status: &'static str,
    /// When its next attempt starts.
    until: Option<Time>,
    attempts: Vec<AttemptResponse>,
}

/// An output.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"output": {"response": "Hello Ben", "agent": "echo-bot"}}))]
pub(super) struct OutputResponse {
    /// Any value.
    #[schema(value_type = serde_json::Value)]
    output: Arc<Value>,
}

/// Which attempt is looked at.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StepParameters {
    /// The attempt whose input is shown; the newest if absent.
    #[param(minimum = 1)]
    attempt: Option<u32>,
}

/// Shows a step with its attempts.
#[utoipa::path(
    get, path = "/api/executions/{execution_id}/steps/{step_id}", tag = "executions",
    params(
        ("execution_id" = Uuid, Path, description = "The execution"),
        ("step_id" = String, Path, description = "The step", example = "greet"),
        StepParameters,
    ),
    responses(
        (status = 200, description = "The step", body = StepDetailResponse),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such execution, step or attempt"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
pub(super) async fn get_step(
    app: App,
    session: Session,
    Query(parameters): Query<StepParameters>,
    path: StepPath,
) -> Result<Json<StepDetailResponse>, Problem> {
    let (id, step) = (path.execution()?, path.step()?);
    let execution = app.executions.get(&session.principal, id).await?;
    let (_, state) = execution.step(step.as_str()).ok_or_else(|| Problem::not_found("Step not found"))?;
    let asked = match parameters.attempt {
        None => state.attempts.last(),
        Some(number) => {
            let found = state.attempts.iter().find(|attempt| attempt.number == number);
            Some(found.ok_or_else(|| Problem::not_found("the step has no such attempt"))?)
        }
    };
    let input = match asked.and_then(|attempt| attempt.input.as_ref()) {
        Some(input) => app.executions.value(&execution, input).await?,
        None => None,
    };
    let outlook = Outlook::of(&app, &execution).await?;
    Ok(Json(StepDetailResponse::of(&execution, &step, state, &outlook, input)))
}

/// Shows a step's output.
#[utoipa::path(
    get, path = "/api/executions/{execution_id}/steps/{step_id}/output", tag = "executions",
    params(
        ("execution_id" = Uuid, Path, description = "The execution"),
        ("step_id" = String, Path, description = "The step", example = "greet"),
    ),
    responses(
        (status = 200, description = "The output", body = OutputResponse),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such execution or step, or it has no output (yet, or any more)"),
    ),
)]
pub(super) async fn get_step_output(
    app: App,
    session: Session,
    path: StepPath,
) -> Result<Json<OutputResponse>, Problem> {
    let (id, step) = (path.execution()?, path.step()?);
    let execution = app.executions.get(&session.principal, id).await?;
    let none = || Problem::not_found("Step output not found");
    let (_, state) = execution.step(step.as_str()).ok_or_else(none)?;
    let output = if let Some(output) = &state.output {
        app.executions.value(&execution, output).await?
    } else {
        // What existing clients look for at steps that did not run (spec 4b 4.4).
        let position = execution.definition().position(step.as_str()).unwrap_or_default();
        SkippedOutput::of(&execution, position, state).map(|skipped| Arc::new(json!(skipped)))
    };
    Ok(Json(OutputResponse { output: output.ok_or_else(none)? }))
}

impl ReadParameters for StepParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self { attempt: parameters.number("attempt", 1..=u32::MAX) }
    }
}

impl StepDetailResponse {
    pub fn of(
        execution: &Execution,
        id: &StepId,
        state: &StepState,
        outlook: &Outlook,
        input: Option<Arc<Value>>,
    ) -> Self {
        let definition = execution.definition();
        let position = definition.position(id.as_str()).unwrap_or_default();
        let step = definition.step(position);
        let url = output_url(execution.id(), id);
        Self {
            summary: StepSummary::of(execution, position, step, state, outlook),
            input,
            output_ref: state.output.as_ref().map(|output| ReferenceResponse::of(output, Some(url))),
            condition: state.condition.as_ref().and_then(|condition| serde_json::to_value(condition).ok()),
            decision: state.decision.as_ref().and_then(|decision| serde_json::to_value(decision).ok()),
            attempts: attempts(execution.id(), step, &state.attempts),
            compensation: state.compensation.as_ref().map(|state| UndoResponse::of(step, state)),
        }
    }
}

fn attempts(execution: ExecutionId, step: &Step, attempts: &[Attempt]) -> Vec<AttemptResponse> {
    let url = |attempt: &Attempt| format!("/api/executions/{execution}/steps/{}?attempt={}", step.id, attempt.number);
    let most = max_attempts(step, Direction::Do);
    attempts.iter().map(|attempt| AttemptResponse::of(attempt, most, Some(url(attempt)))).collect()
}

impl AttemptResponse {
    fn of(attempt: &Attempt, max_attempts: Option<u32>, input_url: Option<String>) -> Self {
        let cost = attempt.usage.cost.filter(|_| attempt.agent.is_some());
        Self {
            number: attempt.number,
            max_attempts,
            round: attempt.round,
            agent: attempt.agent.clone(),
            started_at: attempt.started_at.into(),
            ended_at: attempt.ended_at.map(Into::into),
            deadline: attempt.deadline.map(Into::into),
            input_ref: attempt.input.as_ref().map(|input| ReferenceResponse::of(input, input_url)),
            call_ref: attempt.call_ref.clone(),
            interruptions: attempt.interruptions,
            error: StepErrorResponse::of_attempt(attempt, max_attempts),
            cost: cost.map(|cost| cost.to_string()),
            exact_cost: cost.map(Into::into),
            token_usage: attempt.usage.token_usage.as_deref().map(Into::into),
            finish_reason: attempt.usage.finish_reason.as_ref().map(|reason| reason.as_str().to_owned()),
        }
    }
}

impl UndoResponse {
    fn of(step: &Step, state: &CompensationState) -> Self {
        let (status, until) = match &state.life {
            CompensationLife::Running => ("running", None),
            CompensationLife::Waiting(wait) => ("waiting", wait.until().map(Into::into)),
            CompensationLife::Completed => ("completed", None),
            CompensationLife::Failed => ("failed", None),
        };
        let most = max_attempts(step, Direction::Undo);
        let attempts = state.attempts.iter().map(|attempt| AttemptResponse::of(attempt, most, None)).collect();
        Self { status, until, attempts }
    }
}

impl ReferenceResponse {
    fn of(value: &ValueRef, url: Option<String>) -> Self {
        Self { hash: value.hash.to_string(), size: value.size, url }
    }
}
