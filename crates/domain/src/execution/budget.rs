//! Budgets (spec 3.9): looked at before each call, with the ledger of the whole tree.

use super::{
    Execution,
    boundary::{Context, Ledger, Need, Write},
    state::StepLife,
    turn::Turn,
};
use crate::{
    approval::{Approval, ApprovalRequest},
    definition::{Budget, BudgetAction, StepIndex, StepKind, TimeoutAction},
    event::{
        ApprovalEvent, Decision, Direction, Event, ExecutionError, ProcessEvent, RollBackCause, StepError, Usage,
        Verdict, Wait,
    },
    execution::Signal,
    value::{ApprovalId, Duration, ErrorCode, Money, StepId},
};

/// What budgets say to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BudgetAnswer {
    /// Go.
    Allowed,
    /// The step, or the execution, has failed.
    Refused,
    /// A person is asked first, or calls under way may yet cost what is left.
    Held,
    /// What the step will probably cost is not known yet, and was asked for.
    NeedsEstimate,
}

/// How long a person may take to answer whether to go on.
const QUESTION_PERIOD: Duration = Duration::from_secs(86_400);

impl Turn<'_, '_> {
    /// What the step's `max_cost` and the tree's budget say to the step's next call.
    pub fn check_budget(&mut self, step: StepIndex) -> BudgetAnswer {
        if self.execution.open_attempt(step, Direction::Do).is_some() {
            return BudgetAnswer::Allowed;
        }
        match self.check_step_budget(step) {
            BudgetAnswer::Allowed => self.check_tree_budget(step),
            answer => answer,
        }
    }

    fn check_step_budget(&mut self, step: StepIndex) -> BudgetAnswer {
        let StepKind::AgentTask(task) = &self.step(step).kind else {
            return BudgetAnswer::Allowed;
        };
        let spent = self.state(step).cost(self.execution.creation.currency).amount;
        let Some(limit) = task.max_cost.filter(|limit| matches!(spent.at_least(*limit), Ok(true))) else {
            return BudgetAnswer::Allowed;
        };
        let message = format!("the step's attempts have cost {spent}, and its max_cost is {limit}");
        self.fail_step(step, StepError { code: ErrorCode::BudgetExceeded, message }, Usage::default(), None);
        BudgetAnswer::Refused
    }

    fn check_tree_budget(&mut self, step: StepIndex) -> BudgetAnswer {
        let Some(ledger) = self.context.ledger else {
            return BudgetAnswer::Allowed;
        };
        self.warn_of_budget();
        match ledger.action {
            BudgetAction::Warn => return BudgetAnswer::Allowed,
            BudgetAction::Stop if ledger.is_spent() => {
                self.exceed_budget();
                return BudgetAnswer::Refused;
            }
            BudgetAction::Ask if ledger.is_spent() => {
                self.ask_to_go_on();
                return BudgetAnswer::Held;
            }
            BudgetAction::Stop | BudgetAction::Ask => {}
        }
        if ledger.is_taken() {
            self.transition.waits_for_budget = true;
            return BudgetAnswer::Held;
        }
        let is_agent_task = matches!(self.step(step).kind, StepKind::AgentTask(_));
        if is_agent_task && self.context.values.estimate(&self.step(step).id).is_none() {
            self.need(Need::Estimate(self.id(step)));
            return BudgetAnswer::NeedsEstimate;
        }
        self.transition.budget_seen = ledger.taken();
        BudgetAnswer::Allowed
    }

    /// What is set aside of the tree's budget for a call that begins: what the step has cost before, or else what it may
    /// cost at most.
    pub fn reservation(&self, step: StepIndex, direction: Direction) -> Option<Money> {
        let ledger = self.context.ledger.filter(|ledger| ledger.action != BudgetAction::Warn)?;
        let StepKind::AgentTask(task) = &self.step(step).kind else {
            return None;
        };
        let estimate = self.context.values.estimate(&self.step(step).id).and_then(|estimate| estimate.0);
        let expected = estimate.or(task.max_cost).filter(|_| direction == Direction::Do)?;
        (expected.currency() == ledger.limit.currency()).then_some(expected)
    }

    /// Tells once when four fifths of the budget are spent; with the last call too, when no other one looks at it.
    pub fn warn_of_budget(&mut self) {
        let Some(Ledger { spent, limit, .. }) = self.context.ledger else { return };
        let near = Money::from_nanos(limit.nanos() / 5 * 4, limit.currency());
        let may_tell = !self.execution.state.budget.warned && !self.execution.status().is_ended();
        if may_tell && matches!(spent.at_least(near), Ok(true)) {
            self.emit(Event::Process(ProcessEvent::BudgetWarning { spent, limit }));
        }
    }

    /// Spent, and nobody allows more: no `on_error` applies.
    pub fn exceed_budget(&mut self) {
        let message = match self.context.ledger {
            Some(ledger) => format!("spent {} of the budget of {}", ledger.spent, ledger.limit),
            None => "the budget is spent".to_owned(),
        };
        let error = ExecutionError { code: ErrorCode::BudgetExceeded, message, step_id: None };
        self.stop(RollBackCause::Failure(error), true);
    }

    /// A child found the budget spent. It may have looked at an older limit than the one in force.
    pub fn budget_is_spent(&mut self) -> bool {
        match self.context.ledger {
            Some(ledger) if !ledger.is_spent() => self.tell_children(&Signal::BudgetRaised),
            Some(_) | None => self.ask_to_go_on(),
        }
        true
    }

    /// Opens the question whether to go on. A child has its root ask, and waits.
    pub fn ask_to_go_on(&mut self) {
        if let Some(parent) = &self.execution.creation.parent {
            let to = parent.root_id;
            self.execution.index.held_by_budget = true;
            self.transition.writes.push(Write::Signal { to, signal: Signal::BudgetSpent });
            return;
        }
        let Some(ledger) = self.context.ledger.filter(|_| self.execution.state.budget.question.is_none()) else {
            return;
        };
        let first_limit =
            self.execution.definition.config().budget.as_ref().map_or(ledger.limit, |budget| budget.max_cost);
        let id = ApprovalId::new((self.context.new_id)());
        let title = format!("spent {} of {}: go on with {first_limit} more?", ledger.spent, ledger.limit);
        let deadline = self.now().saturating_add(QUESTION_PERIOD);
        let request = ApprovalRequest {
            id,
            execution_id: self.execution.id(),
            step_id: StepId::budget(),
            title: title.clone(),
            description: String::new(),
            assignees: Vec::new(),
            required_approvals: 1,
            barred: Vec::new(),
            artifacts: Vec::new(),
            allow_comments: true,
            require_reason_on_reject: false,
            deadline: Some(deadline),
            timeout_action: TimeoutAction::Reject,
            escalation_period: QUESTION_PERIOD,
            escalate_to: Vec::new(),
            created_at: self.now(),
        };
        self.transition.writes.push(Write::OpenApproval(Box::new(Approval::open(request))));
        let requested = ApprovalEvent::Requested { title, assignees: Vec::new(), deadline: Some(deadline) };
        self.emit(Event::Approval(StepId::budget(), id, requested));
    }

    /// The question is answered.
    pub fn budget_answered(&mut self, approval_id: ApprovalId, verdict: Verdict) -> bool {
        if !self.execution.is_budget_question(approval_id) {
            return false;
        }
        let (decision, by) = (verdict.decision, verdict.decided_by.clone());
        self.emit(Event::Approval(StepId::budget(), approval_id, ApprovalEvent::Decided(verdict)));
        let budget = self.execution.definition.config().budget.as_ref().map(|budget| budget.max_cost);
        match (decision, self.context.ledger, budget) {
            (Decision::Approved, Some(ledger), Some(step)) => {
                let limit = ledger.limit.checked_add(step).unwrap_or(ledger.limit);
                self.emit(Event::Process(ProcessEvent::BudgetRaised { limit, by }));
                self.transition.writes.push(Write::RaiseBudget(limit));
                self.context.ledger = Some(Ledger { limit, ..ledger });
                self.wake();
                self.tell_children(&Signal::BudgetRaised);
            }
            _ => self.exceed_budget(),
        }
        true
    }

    /// The root has been allowed more.
    pub fn budget_raised(&mut self) -> bool {
        self.execution.index.held_by_budget = false;
        self.tell_children(&Signal::BudgetRaised);
        true
    }

    fn tell_children(&mut self, signal: &Signal) {
        for child in self.execution.running_children() {
            self.transition.writes.push(Write::Signal { to: child, signal: signal.clone() });
        }
    }
}

impl Context<'_> {
    /// Counts what a call has cost, so that the next call of the same turn is looked at with it.
    pub(super) fn spend(&mut self, usage: Option<&Usage>) {
        let cost = usage.and_then(|usage| usage.cost);
        if let (Some(ledger), Some(cost)) = (&mut self.ledger, cost)
            && let Ok(spent) = ledger.spent.checked_add(cost)
        {
            ledger.spent = spent;
        }
    }

    /// Sets aside of the budget, or gives back.
    pub(super) fn reserve(&mut self, nanos: i64) {
        if let Some(ledger) = &mut self.ledger {
            let reserved = ledger.reserved.nanos().saturating_add(nanos);
            ledger.reserved = Money::from_nanos(reserved, ledger.reserved.currency());
        }
    }
}

impl Ledger {
    /// The ledger of a tree that has spent nothing yet.
    pub const fn of(budget: &Budget) -> Self {
        let nothing = Money::from_nanos(0, budget.max_cost.currency());
        Self { spent: nothing, reserved: nothing, limit: budget.max_cost, action: budget.action }
    }

    /// Whether all that may be spent is spent.
    pub fn is_spent(&self) -> bool {
        matches!(self.spent.at_least(self.limit), Ok(true))
    }

    /// Whether what is spent and what calls under way will probably cost leaves nothing.
    pub fn is_taken(&self) -> bool {
        self.taken().is_some_and(|taken| matches!(taken.at_least(self.limit), Ok(true)))
    }

    /// What is spent or set aside; `None` if that can't be added up.
    pub fn taken(&self) -> Option<Money> {
        self.spent.checked_add(self.reserved).ok()
    }
}

impl Execution {
    /// Whether this request asks whether to spend more.
    pub(super) fn is_budget_question(&self, approval_id: ApprovalId) -> bool {
        self.state.budget.question.is_some_and(|question| question.approval_id == approval_id)
    }

    fn running_children(&self) -> Vec<crate::value::ExecutionId> {
        let waits_for = |state: &super::StepState| match &state.life {
            StepLife::Waiting(Wait::Child { execution_id }) => Some(*execution_id),
            _ => None,
        };
        self.steps.iter().filter_map(waits_for).collect()
    }
}
