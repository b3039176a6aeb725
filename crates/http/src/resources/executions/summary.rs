//! Parts that several answers about executions hold.

use std::collections::BTreeMap;

use procession_application::executions::VisibleExecution;
use procession_domain::{
    definition::{Step, StepKind},
    event::{Direction, ExecutionError, SkipReason},
    execution::{Attempt, CompensationLife, CompensationState, Execution, StepLife, StepState, StepStatus, WaitingFor},
    value::{ApprovalId, Duration, ExecutionId, Money, StepId, TokenUsage},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::skipped::SkippedOutput;
use crate::{
    events::max_attempts,
    problem::Problem,
    state::App,
    wire::{ExactCost, Time},
};

/// A step of an execution.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExecutionStep)]
pub(super) struct StepSummary {
    #[schema(example = "review")]
    step_id: String,
    /// Its name for people.
    #[schema(example = "Review the draft")]
    name: String,
    /// As existing clients know it: `pending`, `running`, `waiting_approval`, `completed`, `failed` or `skipped`.
    #[schema(example = "running")]
    status: &'static str,
    /// More exactly: also `waiting` and `cancelled`.
    #[schema(example = "waiting")]
    state: &'static str,
    /// What it waits for.
    waiting_for: Option<WaitingResponse>,
    #[schema(example = "agent_task")]
    step_type: &'static str,
    /// The agent of its newest attempt; before the first one, the agent that its definition names.
    #[schema(example = "writer")]
    agent: Option<String>,
    depends_on: Vec<String>,
    started_at: Option<Time>,
    completed_at: Option<Time>,
    /// Why it failed, or why its last attempt did while there will be another one.
    error: Option<StepErrorResponse>,
    /// The step to which its failure was given.
    handled_by: Option<String>,
    /// Why it did not run.
    #[schema(example = "route_not_taken")]
    skip_reason: Option<String>,
    /// What existing clients look for at a step that did not run: why, in words. Null for every other; what a step puts
    /// out is at `…/output`.
    output: Option<SkippedOutput>,
    /// Whether a roll-back has undone it: `completed`, or `failed`; null if none has tried, or it is still trying.
    #[schema(example = "completed")]
    compensated: Option<&'static str>,
    /// How many attempts failed since it was last begun anew.
    #[schema(example = 0)]
    retry_count: u32,
    /// How many attempts there are at most.
    #[schema(example = 3)]
    max_attempts: u32,
    /// How often it has been begun anew, from 1.
    #[schema(example = 1)]
    round: u32,
    /// The longest path from a first step, from 0.
    #[schema(example = 1)]
    parallel_level: u32,
    /// What its attempts cost, rounded; null where nothing was paid for.
    #[schema(example = "$0.01")]
    cost: Option<String>,
    exact_cost: Option<ExactCost>,
    /// While it runs: what it will cost, by the median of its last runs; an estimate.
    estimated_cost: Option<ExactCost>,
    /// What was undefined in its texts and let pass.
    warnings: Vec<String>,
    /// Its newest question to people.
    approval_id: Option<Uuid>,
    /// The executions of its sub-process, the newest last.
    child_execution_ids: Vec<Uuid>,
    /// The steps that it chose, if it is a gateway that has decided.
    #[schema(example = json!(["publish"]))]
    routes_taken: Option<Vec<String>>,
    /// Whether it was taken over from the execution that this one repeats.
    #[schema(example = false)]
    reused: bool,
}

/// What something waits for (spec 3.9).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct WaitingResponse {
    /// `limit`, `agent_queue`, `agent` (it said that it is busy), `rate_limit`, `breaker`, `timer`, `back_off`, `person`,
    /// `child` or `operator`.
    #[serde(rename = "for")]
    #[schema(example = "person")]
    kind: String,
    /// The step that waits; null when the whole execution does.
    #[schema(example = "review")]
    step_id: Option<String>,
    /// Until when at most, where that is known.
    until: Option<Time>,
    /// Why, where the one that is waited for said so.
    #[schema(example = "another task is running")]
    reason: Option<String>,
}

/// Why a step failed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StepErrorResponse {
    #[schema(example = "the agent writer did not answer within 5m")]
    message: String,
    #[schema(example = "TIMEOUT")]
    code: &'static str,
    /// The attempt that failed.
    #[schema(example = 3)]
    attempt: Option<u32>,
    /// How many there are at most.
    #[schema(example = 3)]
    max_attempts: Option<u32>,
    failed_at: Option<Time>,
}

/// Why an execution failed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExecutionErrorResponse {
    #[schema(example = "TIMEOUT")]
    code: &'static str,
    #[schema(example = "the agent writer did not answer within 5m")]
    message: String,
    /// The step that failed first, if one did.
    #[schema(example = "draft")]
    step_id: Option<String>,
}

/// What models read and wrote; null where no agent said so.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokensResponse {
    /// Tokens read, without those that came from a model's cache or were put into it.
    #[schema(example = 1200)]
    input_tokens: Option<u64>,
    /// Tokens read from a model's cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 800)]
    cached_input_tokens: Option<u64>,
    /// Tokens put into a model's cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 100)]
    cache_write_tokens: Option<u64>,
    #[schema(example = 300)]
    output_tokens: Option<u64>,
    #[schema(example = 2400)]
    total_tokens: Option<u64>,
    /// The model, where the agent says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "large")]
    model: Option<String>,
}

/// What is known of all steps of an execution together.
pub(super) struct Outlook {
    pub waits: Vec<WaitingResponse>,
    estimates: BTreeMap<StepId, Money>,
}

impl Outlook {
    pub async fn of(app: &App, execution: &VisibleExecution) -> Result<Self, Problem> {
        let waits = app.executions.waiting_for(execution).into_iter().map(WaitingResponse::of).collect();
        Ok(Self { waits, estimates: app.executions.estimates(execution).await? })
    }
}

impl StepSummary {
    pub fn of(execution: &Execution, position: usize, step: &Step, state: &StepState, outlook: &Outlook) -> Self {
        let cost = state.paid(execution.creation().currency);
        let mut waits = outlook.waits.iter();
        let ids = |children: &[ExecutionId]| children.iter().map(|id| id.uuid()).collect();
        Self {
            step_id: step.id.to_string(),
            name: step.name.clone(),
            status: known_status(state.status()),
            state: state.status().as_str(),
            waiting_for: waits.find(|wait| wait.step_id.as_deref() == Some(step.id.as_str())).cloned(),
            step_type: step.step_type().as_str(),
            agent: agent_of(step, state),
            depends_on: step.depends_on.iter().map(ToString::to_string).collect(),
            started_at: state.started_at.map(Into::into),
            completed_at: state.completed_at.map(Into::into),
            error: StepErrorResponse::of_step(step, state),
            handled_by: execution.handler_of(position).map(ToString::to_string),
            skip_reason: skip_reason(state),
            output: SkippedOutput::of(execution, position, state),
            compensated: state.compensation.as_ref().and_then(compensated),
            retry_count: state.retry_count(),
            max_attempts: step.retry.max_attempts,
            round: state.round,
            parallel_level: execution.definition().graph().level(position),
            cost: cost.map(|cost| cost.amount.to_string()),
            exact_cost: cost.map(Into::into),
            estimated_cost: outlook.estimates.get(&step.id).copied().map(Into::into),
            warnings: state.warnings.clone(),
            approval_id: state.approval_id.map(ApprovalId::uuid),
            child_execution_ids: ids(&state.children),
            routes_taken: state
                .decision
                .as_ref()
                .map(|decision| decision.taken.iter().map(ToString::to_string).collect()),
            reused: state.reused,
        }
    }

    /// All steps of an execution, in definition order.
    pub fn all(execution: &Execution, outlook: &Outlook) -> Vec<Self> {
        let steps = execution.steps().enumerate();
        steps.map(|(position, (step, state))| Self::of(execution, position, step, state, outlook)).collect()
    }
}

impl WaitingResponse {
    pub fn of(wait: WaitingFor) -> Self {
        Self {
            kind: name_of(wait.kind),
            step_id: wait.step_id.map(|step| step.to_string()),
            until: wait.until.map(Into::into),
            reason: wait.reason,
        }
    }
}

impl StepErrorResponse {
    /// The error of a step: the final one, or that of the last attempt while there will be another one.
    fn of_step(step: &Step, state: &StepState) -> Option<Self> {
        let failed = |attempt: &&Attempt| attempt.round == state.round && attempt.error.is_some();
        let attempt = state.attempts.iter().rev().find(failed);
        let error = state.error.as_ref().or_else(|| attempt.filter(|_| !state.is_terminal())?.error.as_ref())?;
        let failed_at = attempt.and_then(|attempt| attempt.ended_at).or(state.completed_at);
        Some(Self {
            message: error.message.clone(),
            code: error.code.as_str(),
            attempt: attempt.map(|attempt| attempt.number),
            max_attempts: max_attempts(step, Direction::Do),
            failed_at: failed_at.map(Into::into),
        })
    }

    /// The error of one attempt of so many.
    pub fn of_attempt(attempt: &Attempt, max_attempts: Option<u32>) -> Option<Self> {
        attempt.error.as_ref().map(|error| Self {
            message: error.message.clone(),
            code: error.code.as_str(),
            attempt: Some(attempt.number),
            max_attempts,
            failed_at: attempt.ended_at.map(Into::into),
        })
    }
}

impl From<&ExecutionError> for ExecutionErrorResponse {
    fn from(error: &ExecutionError) -> Self {
        Self {
            code: error.code.as_str(),
            message: error.message.clone(),
            step_id: error.step_id.as_ref().map(ToString::to_string),
        }
    }
}

impl From<&TokenUsage> for TokensResponse {
    fn from(tokens: &TokenUsage) -> Self {
        Self {
            input_tokens: tokens.input_tokens,
            cached_input_tokens: tokens.cached_input_tokens,
            cache_write_tokens: tokens.cache_write_tokens,
            output_tokens: tokens.output_tokens,
            total_tokens: tokens.total_tokens,
            model: tokens.model.clone(),
        }
    }
}

/// The status as existing clients know it (spec 4).
pub(super) const fn known_status(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Waiting => StepStatus::Running.as_str(),
        StepStatus::Cancelled => StepStatus::Skipped.as_str(),
        StepStatus::Pending
        | StepStatus::Running
        | StepStatus::WaitingApproval
        | StepStatus::Completed
        | StepStatus::Failed
        | StepStatus::Skipped => status.as_str(),
    }
}

/// Why a step did not run, or no further.
pub(super) fn skip_reason(state: &StepState) -> Option<String> {
    match &state.life {
        StepLife::Skipped { reason } => Some(name_of::<SkipReason>(*reason)),
        StepLife::Cancelled => Some("cancelled".to_owned()),
        StepLife::Pending
        | StepLife::Running
        | StepLife::Waiting(_)
        | StepLife::WaitingApproval { .. }
        | StepLife::Completed
        | StepLife::Failed { .. } => None,
    }
}

/// Whether a step has been undone; nothing while that is still tried.
const fn compensated(state: &CompensationState) -> Option<&'static str> {
    match &state.life {
        CompensationLife::Completed => Some("completed"),
        CompensationLife::Failed => Some("failed"),
        CompensationLife::Running | CompensationLife::Waiting(_) => None,
    }
}

/// Whole seconds, as existing clients read durations.
pub(super) const fn seconds(duration: Duration) -> u64 {
    duration.as_secs()
}

/// The text under which an enumeration of the domain is stored and shown.
pub(super) fn name_of<T: Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

fn agent_of(step: &Step, state: &StepState) -> Option<String> {
    let newest = state.attempts.last().and_then(|attempt| attempt.agent.clone());
    newest.or_else(|| match &step.kind {
        StepKind::AgentTask(task) => Some(task.agent.text.clone()),
        StepKind::HumanApproval(_)
        | StepKind::Gateway(_)
        | StepKind::Timer(_)
        | StepKind::Notification(_)
        | StepKind::SubProcess(_) => None,
    })
}
