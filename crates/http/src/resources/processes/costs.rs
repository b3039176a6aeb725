//! What the executions of a version have cost together (spec 4b 3, P11).

use axum::Json;
use procession_application::{access::UseCase, ports::CostsOfProcess};
use procession_domain::value::{Cost, Money, ProcessId, ProcessName};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{extract::IdPath, problem::Problem, session::Session, state::App, wire::ExactCost};

/// What the executions of a version have cost together: those that the session may see.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "process_id": "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33", "process_name": "hello", "execution_count": 12,
    "completed_count": 10, "executions_with_cost": 10, "total_cost": "$0.25", "average_cost": "$0.03", "min_cost": "$0.01",
    "max_cost": "$0.04", "exact_total_cost": {"amount": "0.25", "currency": "USD", "complete": true},
    "exact_average_cost": {"amount": "0.025", "currency": "USD", "complete": true},
    "exact_min_cost": {"amount": "0.0123", "currency": "USD", "complete": true},
    "exact_max_cost": {"amount": "0.04", "currency": "USD", "complete": true},
}))]
pub(super) struct CostStatsResponse {
    process_id: Uuid,
    process_name: String,
    execution_count: u64,
    completed_count: u64,
    /// How many have cost something; the average, least and most are over these.
    executions_with_cost: u64,
    /// All together, rounded.
    total_cost: String,
    average_cost: String,
    min_cost: String,
    max_cost: String,
    exact_total_cost: ExactCost,
    exact_average_cost: ExactCost,
    exact_min_cost: ExactCost,
    exact_max_cost: ExactCost,
}

/// What the executions of a version have cost together.
#[utoipa::path(
    get, path = "/api/processes/{process_id}/cost-stats", tag = "processes",
    params(("process_id" = uuid::Uuid, Path, description = "The version's id")),
    responses(
        (status = 200, description = "Its costs", body = CostStatsResponse),
        (status = 400, description = "Ill-formed id"),
        (status = 404, description = "No such definition"),
    ),
)]
pub(super) async fn cost_stats(
    app: App,
    session: Session,
    path: IdPath<ProcessId>,
) -> Result<Json<CostStatsResponse>, Problem> {
    session.check(UseCase::ReadFigures)?;
    let id = path.id()?;
    let (name, costs) = app.executions.costs_of_process(&session.principal, id).await?;
    Ok(Json(CostStatsResponse::of(id, &name, &costs)))
}

impl CostStatsResponse {
    fn of(id: ProcessId, name: &ProcessName, costs: &CostsOfProcess) -> Self {
        let exact = |amount: Money| ExactCost::from(Cost { amount, complete: costs.is_complete });
        let runs = i64::try_from(costs.with_cost.max(1)).unwrap_or(i64::MAX);
        let average = Money::from_nanos(costs.total.nanos() / runs, costs.total.currency());
        Self {
            process_id: id.uuid(),
            process_name: name.to_string(),
            execution_count: costs.executions,
            completed_count: costs.completed,
            executions_with_cost: costs.with_cost,
            total_cost: costs.total.to_string(),
            average_cost: average.to_string(),
            min_cost: costs.least.to_string(),
            max_cost: costs.most.to_string(),
            exact_total_cost: exact(costs.total),
            exact_average_cost: exact(average),
            exact_min_cost: exact(costs.least),
            exact_max_cost: exact(costs.most),
        }
    }
}
