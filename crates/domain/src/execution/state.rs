//! The state of an execution and of its steps: what the events add up to.

use serde::{Deserialize, Serialize};

use crate::{
    event::{
        Cancellation, ExecutionError, GatewayDecision, PauseReason, RollBackCause, SkipReason, StepError, Usage,
        ValueRef, Wait,
    },
    expressions::Evaluation,
    value::{ApprovalId, Cost, Currency, ExecutionId, Money, Timestamp, TokenUsage},
};

/// The status of an execution as people know it (spec 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionStatus {
    /// It waits to be admitted.
    Pending,
    /// It runs, or rolls back.
    Running,
    /// It waits for people only, or an operator paused it.
    Paused,
    /// It ended well.
    Completed,
    /// It failed.
    Failed,
    /// It was cancelled.
    Cancelled,
}

/// Where an execution is in its life, with what exists only there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case")]
pub enum Life {
    /// Waiting to be admitted.
    Pending,
    /// Going forward.
    Running,
    /// Not starting anything.
    Paused(PauseReason),
    /// Rolling back.
    Compensating(RollBackCause),
    /// Ended well.
    Completed {
        /// Its outputs.
        outputs: ValueRef,
        /// Outputs that read something undefined.
        warnings: Vec<String>,
    },
    /// Failed.
    Failed(ExecutionError),
    /// Cancelled.
    Cancelled(Cancellation),
}

/// The state of an execution without its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExecutionState {
    /// Its id.
    pub id: ExecutionId,
    /// When it was created.
    pub created_at: Timestamp,
    /// The number of its last event.
    pub sequence: u64,
    /// The time of its last event.
    pub updated_at: Timestamp,
    /// Where it is in its life.
    pub life: Life,
    /// When it began to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// When it must have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// What its calls cost.
    pub cost: Cost,
    /// What its calls read and wrote.
    pub tokens: TokenUsage,
    /// What was undefined in texts for people and let pass, and the like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// How its budget stands.
    #[serde(default)]
    pub budget: BudgetState,
}

/// What an execution knows of its budget beside the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BudgetState {
    /// Whether the warning at four fifths was given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warned: bool,
    /// The limit, if a person raised it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raised_to: Option<Money>,
    /// The open question whether to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<BudgetQuestion>,
}

/// The open question whether to spend more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetQuestion {
    /// The request.
    pub approval_id: ApprovalId,
    /// Until when it can be answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
}

/// The status of a step as expressions know it (spec 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Not begun.
    #[default]
    Pending,
    /// Its call is in flight, or it is being evaluated.
    Running,
    /// People are asked.
    WaitingApproval,
    /// It waits for a time, a child, its next attempt or a busy agent.
    Waiting,
    /// It ended well.
    Completed,
    /// It failed.
    Failed,
    /// It does not run.
    Skipped,
    /// It was ended from outside.
    Cancelled,
}

/// Where a step is in its life, with what exists only there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case")]
pub enum StepLife {
    /// Not begun.
    Pending,
    /// Its newest attempt is under way.
    Running,
    /// Waiting.
    Waiting(Wait),
    /// People are asked.
    WaitingApproval {
        /// The request.
        approval_id: ApprovalId,
        /// Until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
    },
    /// Ended well.
    Completed,
    /// Failed.
    Failed {
        /// The number of the event that told it: the first failure has the lowest.
        order: u64,
    },
    /// Not run.
    Skipped {
        /// Why.
        reason: SkipReason,
    },
    /// Ended from outside.
    Cancelled,
}

/// The state of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepState {
    /// Where it is in its life.
    pub life: StepLife,
    /// How often it has been begun anew: 1, and one more for each re-run.
    pub round: u32,
    /// Every attempt, over all rounds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// When its first attempt of this round began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended in this round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// Its output, as far as one can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<ValueRef>,
    /// Why it failed, also if that was passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<StepError>,
    /// Its condition and why it was decided so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Evaluation>,
    /// What it decided, if it is a gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<GatewayDecision>,
    /// Its newest request, if it is an approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_id: Option<ApprovalId>,
    /// How often it asked for changes, if it is an approval.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reruns: u32,
    /// What its last decision said that was no approval, if it is an approval; over all rounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<String>,
    /// Who decided it in this round, if it is an approval.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deciders: Vec<String>,
    /// Its sub-process's executions, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<ExecutionId>,
    /// Since when it waits for an agent that takes nothing: it is busy, limits calls, or its breaker is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_wait_since: Option<Timestamp>,
    /// Whether its end was taken over from the execution that this one repeats, so that it cost nothing here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reused: bool,
    /// What was undefined in its texts and let pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Its latest completion, which a roll-back undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion: Option<Completion>,
    /// How it is being undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensation: Option<CompensationState>,
}

impl StepState {
    /// What was undefined in its texts and let pass, and what its condition and its routes read that was not there or did
    /// not compare.
    pub fn all_warnings(&self) -> impl Iterator<Item = &String> {
        let condition = self.condition.iter().flat_map(|condition| &condition.notes);
        let routes = self.decision.iter().flat_map(|decision| &decision.evaluated_conditions);
        self.warnings.iter().chain(condition).chain(routes.flat_map(|route| &route.notes))
    }
}

/// One try of a step or of its compensation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number.
    pub number: u32,
    /// The round it belongs to.
    pub round: u32,
    /// When it began, or was last sent.
    pub started_at: Timestamp,
    /// When it must have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// The agent that does the work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// What it was asked, expanded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<ValueRef>,
    /// The gateway's name for its call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_ref: Option<String>,
    /// What is set aside of the budget until it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved: Option<Money>,
    /// How often a crash has interrupted it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub interruptions: u32,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<StepError>,
    /// What it cost.
    #[serde(default, skip_serializing_if = "Usage::is_unknown")]
    pub usage: Usage,
}

/// A completion that can be undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// The number of the completing event: later ones are undone first.
    pub order: u64,
    /// The output of that round.
    pub output: Option<ValueRef>,
}

/// How a step is being undone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompensationState {
    /// Where it is.
    pub life: CompensationLife,
    /// Every attempt.
    pub attempts: Vec<Attempt>,
}

/// Where undoing a step is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case")]
pub enum CompensationLife {
    /// Its newest attempt is under way.
    Running,
    /// Waiting for its next attempt, or for its agent.
    Waiting(Wait),
    /// Undone.
    Completed,
    /// It could not be undone.
    Failed,
}

impl ExecutionStatus {
    /// Every status, in the order of a life.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Running, Self::Paused, Self::Completed, Self::Failed, Self::Cancelled];

    /// The status as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing can happen any more.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

impl Life {
    /// The status as people know it.
    pub const fn status(&self) -> ExecutionStatus {
        match self {
            Self::Pending => ExecutionStatus::Pending,
            Self::Running | Self::Compensating(_) => ExecutionStatus::Running,
            Self::Paused(_) => ExecutionStatus::Paused,
            Self::Completed { .. } => ExecutionStatus::Completed,
            Self::Failed(_) => ExecutionStatus::Failed,
            Self::Cancelled(_) => ExecutionStatus::Cancelled,
        }
    }
}

impl StepStatus {
    /// Every status, in the order of a life.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Running,
        Self::WaitingApproval,
        Self::Waiting,
        Self::Completed,
        Self::Failed,
        Self::Skipped,
        Self::Cancelled,
    ];

    /// The status as expressions and the API write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::WaitingApproval => "waiting_approval",
            Self::Waiting => "waiting",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the step has ended in this round.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Skipped | Self::Cancelled)
    }
}

impl StepState {
    /// A step that has not begun.
    pub const fn pending() -> Self {
        Self {
            life: StepLife::Pending,
            round: 1,
            attempts: Vec::new(),
            started_at: None,
            completed_at: None,
            output: None,
            error: None,
            condition: None,
            decision: None,
            approval_id: None,
            reruns: 0,
            feedback: None,
            deciders: Vec::new(),
            children: Vec::new(),
            agent_wait_since: None,
            reused: false,
            warnings: Vec::new(),
            completion: None,
            compensation: None,
        }
    }

    /// The status as people know it.
    pub const fn status(&self) -> StepStatus {
        match &self.life {
            StepLife::Pending => StepStatus::Pending,
            StepLife::Running => StepStatus::Running,
            StepLife::Waiting(_) => StepStatus::Waiting,
            StepLife::WaitingApproval { .. } => StepStatus::WaitingApproval,
            StepLife::Completed => StepStatus::Completed,
            StepLife::Failed { .. } => StepStatus::Failed,
            StepLife::Skipped { .. } => StepStatus::Skipped,
            StepLife::Cancelled => StepStatus::Cancelled,
        }
    }

    /// Whether it has ended in this round.
    pub const fn is_terminal(&self) -> bool {
        self.status().is_terminal()
    }

    /// Whether an attempt has begun in this round; what it waits for before that does not count as a beginning
    /// (spec 3.3).
    pub fn has_begun(&self) -> bool {
        self.attempts.last().is_some_and(|attempt| attempt.round == self.round)
    }

    /// Its newest attempt, if that has not ended.
    pub fn open_attempt(&self) -> Option<&Attempt> {
        self.attempts.last().filter(|attempt| attempt.ended_at.is_none())
    }

    /// How many attempts failed in this round.
    pub fn retry_count(&self) -> u32 {
        let failed = |attempt: &&Attempt| attempt.round == self.round && attempt.error.is_some();
        u32::try_from(self.attempts.iter().filter(failed).count()).unwrap_or(u32::MAX)
    }

    /// What it cost, if there was anything to pay for: agents' work, or in an earlier execution of which it is taken over.
    pub fn paid(&self, currency: Currency) -> Option<Cost> {
        let mut worked = self.attempts.iter().filter(|attempt| attempt.ended_at.is_some() && attempt.agent.is_some());
        (self.reused || worked.next().is_some()).then(|| self.cost(currency))
    }

    /// What its attempts cost together, its compensation's not counted, in the currency of its server.
    pub fn cost(&self, currency: Currency) -> Cost {
        let mut cost = Cost::none(currency);
        for attempt in self.attempts.iter().filter(|attempt| attempt.ended_at.is_some() && attempt.agent.is_some()) {
            cost.add(attempt.usage.cost);
        }
        cost
    }

    /// What its attempts read and wrote together; `None` if no agent said so.
    pub fn tokens(&self) -> Option<TokenUsage> {
        let mut known = self.attempts.iter().filter_map(|attempt| attempt.usage.token_usage.as_deref());
        let mut sum = known.next()?.clone();
        known.for_each(|tokens| sum.add(tokens));
        Some(sum)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}
