//! What an execution cost, step by step (spec 3.10; 4b, E8).

use axum::Json;
use procession_domain::{
    definition::Step,
    execution::{Execution, StepState},
    value::{Cost, Currency, ExecutionId},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::summary::{TokensResponse, known_status};
use crate::{extract::IdPath, problem::Problem, session::Session, state::App, wire::ExactCost};

/// What an execution cost.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "execution_id": "0199a6f0-7a11-7c55-b0a4-5f0c2d9e8b71", "process_name": "hello", "status": "completed",
    "total_cost": "$0.01", "exact_cost": {"amount": "0.0123", "currency": "USD", "complete": true},
    "token_usage": {"input_tokens": 1200, "output_tokens": 300, "total_tokens": 1500},
    "steps": [{
        "step_id": "greet", "status": "completed", "cost": "$0.01",
        "exact_cost": {"amount": "0.0123", "currency": "USD", "complete": true},
        "compensation_cost": null,
        "token_usage": {"input_tokens": 1200, "output_tokens": 300, "total_tokens": 1500},
    }],
}))]
pub(super) struct CostsResponse {
    execution_id: Uuid,
    process_name: String,
    status: &'static str,
    /// The cost so far, rounded; without that of sub-processes, which have their own.
    total_cost: String,
    exact_cost: ExactCost,
    token_usage: TokensResponse,
    steps: Vec<StepCost>,
}

/// What a step cost.
#[derive(Debug, Serialize, ToSchema)]
struct StepCost {
    step_id: String,
    status: &'static str,
    /// All attempts together, rounded; null where nothing was paid for.
    cost: Option<String>,
    exact_cost: Option<ExactCost>,
    /// What undoing it cost.
    compensation_cost: Option<ExactCost>,
    /// Absent where no agent said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_usage: Option<TokensResponse>,
}

/// What an execution cost.
#[utoipa::path(
    get, path = "/api/executions/{execution_id}/costs", tag = "executions",
    params(("execution_id" = Uuid, Path, description = "The execution")),
    responses(
        (status = 200, description = "Its costs", body = CostsResponse),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such execution"),
    ),
)]
pub(super) async fn execution_costs(
    app: App,
    session: Session,
    path: IdPath<ExecutionId>,
) -> Result<Json<CostsResponse>, Problem> {
    Ok(Json(CostsResponse::of(&*app.executions.get(&session.principal, path.id()?).await?)))
}

impl CostsResponse {
    fn of(execution: &Execution) -> Self {
        let (state, currency) = (execution.state(), execution.creation().currency);
        Self {
            execution_id: execution.id().uuid(),
            process_name: execution.creation().process.name.to_string(),
            status: execution.status().as_str(),
            total_cost: state.cost.amount.to_string(),
            exact_cost: state.cost.into(),
            token_usage: (&state.tokens).into(),
            steps: execution.steps().map(|(step, state)| StepCost::of(step, state, currency)).collect(),
        }
    }
}

impl StepCost {
    fn of(step: &Step, state: &StepState, currency: Currency) -> Self {
        let cost = state.paid(currency);
        Self {
            step_id: step.id.to_string(),
            status: known_status(state.status()),
            cost: cost.map(|cost| cost.amount.to_string()),
            exact_cost: cost.map(Into::into),
            compensation_cost: compensation_cost(state, currency).map(Into::into),
            token_usage: state.tokens().as_ref().map(Into::into),
        }
    }
}

fn compensation_cost(state: &StepState, currency: Currency) -> Option<Cost> {
    let attempts = state.compensation.as_ref()?.attempts.iter();
    let mut paid = attempts.filter(|attempt| attempt.ended_at.is_some() && attempt.agent.is_some()).peekable();
    paid.peek()?;
    let mut cost = Cost::none(currency);
    paid.for_each(|attempt| cost.add(attempt.usage.cost));
    Some(cost)
}
