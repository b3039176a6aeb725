//! Events of executions.

use serde::{Deserialize, Serialize};

use super::{
    AttemptStart, Cancellation, Creation, Decision, ExecutionError, GatewayDecision, PauseReason, ProcessRef,
    ReusedEnd, RollBackCause, Shown, SkipReason, StepError, Usage, ValueRef, Verdict, Wait,
};
use crate::{
    expressions::Evaluation,
    value::{ApprovalId, Cost, Duration, ExecutionId, Money, StepId, Timestamp},
};

/// An event of an execution with its place in that execution's history.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// From 1, without gaps.
    pub sequence: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// What happened to an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event_type", content = "payload")]
pub enum Event {
    /// It was created and waits to be admitted.
    ExecutionCreated(Box<Creation>),
    /// It began to run.
    ProcessStarted {
        /// When it must have ended, if its process says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
    },
    /// Nothing new starts until it is resumed, or until a person decides.
    ProcessPaused(PauseReason),
    /// It goes on.
    ProcessResumed {
        /// The operator; `None` when a decision let it go on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// It ended well.
    ProcessCompleted {
        /// Its outputs.
        output: Shown,
        /// Outputs that read something undefined, and are null.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        output_warnings: Vec<String>,
        /// What it cost.
        total_cost: Cost,
        /// How long it took.
        duration: Duration,
    },
    /// It failed.
    ProcessFailed {
        /// Why.
        #[serde(flatten)]
        error: ExecutionError,
        /// What it cost.
        total_cost: Cost,
    },
    /// It was cancelled.
    ProcessCancelled(Cancellation),
    /// It rolls back.
    CompensationStarted {
        /// How many steps are to be undone, at most.
        compensation_count: u32,
        /// Why.
        #[serde(flatten)]
        cause: RollBackCause,
    },
    /// Four fifths of the budget are spent.
    BudgetWarning {
        /// What is spent.
        spent: Money,
        /// The limit.
        limit: Money,
    },
    /// A person allowed more.
    BudgetRaised {
        /// The new limit.
        limit: Money,
        /// Who.
        by: Option<String>,
    },
    /// The cost of a call became known after its step had ended.
    CostRecorded {
        /// The step.
        step_id: StepId,
        /// The attempt.
        attempt: u32,
        /// What it cost.
        #[serde(flatten)]
        usage: Usage,
    },
    /// An attempt began, or was sent again.
    StepStarted(Box<AttemptStart>),
    /// A gateway took an attempt's call and named it.
    StepSubmitted {
        /// The step.
        step_id: StepId,
        /// The attempt.
        attempt: u32,
        /// The gateway's name for the call.
        call_ref: String,
    },
    /// A step ended well.
    StepCompleted {
        /// The step.
        step_id: StepId,
        /// Its output.
        output: Shown,
        /// What the last attempt cost.
        #[serde(flatten)]
        usage: Usage,
    },
    /// A step failed for good.
    StepFailed {
        /// The step.
        step_id: StepId,
        /// Why.
        error: StepError,
        /// How many attempts failed in this round.
        retry_count: u32,
        /// The handler to which the error goes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        handled_by: Option<StepId>,
        /// The output that stays readable: an approval's decision.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<Shown>,
        /// What the last attempt cost.
        #[serde(flatten)]
        usage: Usage,
    },
    /// An attempt failed and will be repeated.
    StepRetrying {
        /// The step.
        step_id: StepId,
        /// The attempt that failed.
        attempt: u32,
        /// How many there may be in this round.
        max_attempts: u32,
        /// When the next one starts.
        next_retry_at: Timestamp,
        /// Why.
        error: StepError,
        /// What the attempt cost.
        #[serde(flatten)]
        usage: Usage,
    },
    /// A step does not run, or no further.
    StepSkipped {
        /// The step.
        step_id: StepId,
        /// Why.
        reason: SkipReason,
        /// Its condition, where that is why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        condition: Option<Evaluation>,
        /// What a skipped gateway takes: its default route.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<GatewayDecision>,
        /// The error that is passed over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StepError>,
        /// The output that stays readable.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<Shown>,
        /// What the last attempt cost.
        #[serde(flatten)]
        usage: Usage,
    },
    /// A step waits; its attempt, if one began, goes on afterwards.
    StepWaiting {
        /// The step.
        step_id: StepId,
        /// For what.
        #[serde(flatten)]
        wait: Wait,
    },
    /// A step waits for people.
    StepWaitingApproval {
        /// The step.
        step_id: StepId,
        /// The request.
        approval_id: ApprovalId,
        /// What is to be decided.
        title: String,
        /// Who is asked.
        assignees: Vec<String>,
        /// Until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
    },
    /// A step that had not ended was ended from outside.
    StepCancelled {
        /// The step.
        step_id: StepId,
    },
    /// An attempt was under way when the server stopped.
    StepInterrupted {
        /// The step.
        step_id: StepId,
        /// The attempt.
        attempt: u32,
        /// Whether it was the step's compensation.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        compensation: bool,
        /// Whether the server had stopped in order; such an interruption does not count.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        in_order: bool,
    },
    /// A step will run again, because changes were requested.
    StepReset {
        /// The step.
        step_id: StepId,
        /// The new round, from 2.
        round: u32,
        /// The approval that asked for changes.
        requested_by: StepId,
        /// What that approval said, for the steps that run again to read; only with the approval itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<ValueRef>,
    },
    /// A step's end is taken over from the execution that this one repeats.
    StepReused {
        /// The step.
        step_id: StepId,
        /// How it ended.
        #[serde(flatten)]
        end: ReusedEnd,
        /// Its output.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<ValueRef>,
        /// What it decided, if it is a gateway.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<GatewayDecision>,
    },
    /// A gateway decided.
    GatewayEvaluated {
        /// The step.
        step_id: StepId,
        /// What.
        #[serde(flatten)]
        decision: GatewayDecision,
    },
    /// Undoing a step began, or was sent again.
    CompensationStepStarted(Box<AttemptStart>),
    /// A gateway took a compensation's call and named it.
    CompensationStepSubmitted {
        /// The step.
        step_id: StepId,
        /// The attempt.
        attempt: u32,
        /// The gateway's name for the call.
        call_ref: String,
    },
    /// An attempt to undo a step failed and will be repeated.
    CompensationStepRetrying {
        /// The step.
        step_id: StepId,
        /// The attempt that failed.
        attempt: u32,
        /// How many there may be.
        max_attempts: u32,
        /// When the next one starts.
        next_retry_at: Timestamp,
        /// Why.
        error: StepError,
        /// What the attempt cost.
        #[serde(flatten)]
        usage: Usage,
    },
    /// A step was undone.
    CompensationCompleted {
        /// The step.
        step_id: StepId,
        /// What the last attempt cost.
        #[serde(flatten)]
        usage: Usage,
    },
    /// A step could not be undone.
    CompensationFailed {
        /// The step.
        step_id: StepId,
        /// Why.
        error: StepError,
        /// What the last attempt cost.
        #[serde(flatten)]
        usage: Usage,
    },
    /// People were asked.
    ApprovalRequested {
        /// The step; `_budget` for a spent budget.
        step_id: StepId,
        /// The request.
        approval_id: ApprovalId,
        /// What is to be decided.
        title: String,
        /// Who is asked.
        assignees: Vec<String>,
        /// Until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
    },
    /// A person voted, and more votes are needed.
    ApprovalVoted {
        /// The step.
        step_id: StepId,
        /// The request.
        approval_id: ApprovalId,
        /// Who.
        by: String,
        /// How.
        decision: Decision,
        /// What was said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    /// An approval was settled.
    ApprovalDecided {
        /// The step.
        step_id: StepId,
        /// The request.
        approval_id: ApprovalId,
        /// How.
        #[serde(flatten)]
        verdict: Verdict,
    },
    /// An assignee passed a request on.
    ApprovalDelegated {
        /// The step.
        step_id: StepId,
        /// The request.
        approval_id: ApprovalId,
        /// Who passed it on.
        from: String,
        /// To whom.
        to: String,
        /// What was said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    /// Others were asked too, since the deadline passed.
    ApprovalEscalated {
        /// The step.
        step_id: StepId,
        /// The request.
        approval_id: ApprovalId,
        /// Who is asked now.
        assignees: Vec<String>,
        /// The new deadline.
        deadline: Timestamp,
    },
    /// The deadline passed.
    ApprovalExpired {
        /// The step.
        step_id: StepId,
        /// The request.
        approval_id: ApprovalId,
    },
    /// A sub-process was started.
    ChildStarted {
        /// The step.
        step_id: StepId,
        /// The child.
        child_execution_id: ExecutionId,
        /// What it runs.
        process: ProcessRef,
    },
    /// A sub-process ended.
    ChildCompleted {
        /// The step.
        step_id: StepId,
        /// The child.
        child_execution_id: ExecutionId,
        /// Its final status.
        status: String,
        /// What it cost.
        cost: Cost,
    },
}
