//! Running everything that may run: decide steps whose edges are settled, start those that are due to start, until
//! nothing more can be done in this turn.

use std::collections::BTreeSet;

use super::{budget::BudgetAnswer, routing::Decision, turn::Turn};
use crate::{
    definition::{Priority, StepIndex, StepKind},
    event::{Direction, Event, GatewayDecision, SkipReason, Skipped, StepError, StepEvent, Usage},
    expressions::Evaluation,
    value::ErrorCode,
};

/// Whether a step could go on in this turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It started, waits elsewhere, or ended.
    Done,
    /// A value is missing, which was asked for.
    NeedsValues,
    /// A limit is reached.
    Held,
}

impl Turn<'_, '_> {
    /// Decides and starts steps until nothing more can go on.
    pub fn advance(&mut self) {
        let mut missing: BTreeSet<StepIndex> = BTreeSet::new();
        let mut missing_ready: BTreeSet<(Priority, StepIndex)> = BTreeSet::new();
        while self.may_go_forward() {
            if let Some(step) = self.execution.index.to_decide.pop_first() {
                if self.decide(step) == Progress::NeedsValues {
                    missing.insert(step);
                }
                continue;
            }
            let Some(next) = self.execution.index.ready.pop_first() else {
                break;
            };
            match self.start_ready(next.1) {
                Progress::Done => {}
                Progress::NeedsValues => drop(missing_ready.insert(next)),
                Progress::Held => {
                    self.execution.index.ready.insert(next);
                    break;
                }
            }
        }
        self.execution.index.to_decide.extend(missing);
        self.execution.index.ready.extend(missing_ready);
    }

    fn may_go_forward(&self) -> bool {
        use super::state::Life;
        self.execution.may_start() && !matches!(self.execution.state.life, Life::Compensating(_))
    }

    fn decide(&mut self, step: StepIndex) -> Progress {
        if !self.execution.index.may_decide(&self.execution.definition, step, self.state(step)) {
            return Progress::Done;
        }
        match self.execution.decide(step) {
            Decision::Wait => {
                self.execution.index.undecided.insert(step);
                Progress::Done
            }
            Decision::Skip(reason) => {
                self.skip(step, reason, None);
                if reason == SkipReason::UpstreamFailed {
                    self.skip_behind_failures();
                }
                Progress::Done
            }
            Decision::Run => self.run_if_condition_holds(step),
        }
    }

    /// Rule 4: only now is the step's own condition looked at.
    fn run_if_condition_holds(&mut self, step: StepIndex) -> Progress {
        if let Some(condition) = self.step(step).condition.clone() {
            let Some(scope) = self.scope_of(step) else {
                return Progress::NeedsValues;
            };
            match self.context.expressions.condition(&condition, &scope) {
                Ok(evaluation) if evaluation.result => {
                    self.execution.index.passed.insert(step, evaluation);
                }
                Ok(evaluation) => {
                    self.skip(step, SkipReason::ConditionFalse, Some(evaluation));
                    return Progress::Done;
                }
                Err(error) => {
                    let error = StepError { code: ErrorCode::ConditionError, message: error.to_string() };
                    self.fail_step(step, error, Usage::default(), None);
                    return Progress::Done;
                }
            }
        }
        match &self.step(step).kind {
            StepKind::AgentTask(_) | StepKind::Notification(_) => {
                let priority = self.execution.definition.priority_of(step);
                self.execution.index.ready.insert((priority, step));
                Progress::Done
            }
            StepKind::Gateway(_) => self.start_gateway(step),
            StepKind::HumanApproval(_) => self.start_approval(step),
            StepKind::Timer(_) => self.start_timer(step),
            StepKind::SubProcess(_) => self.start_sub_process(step),
        }
    }

    /// Starts, or sends again, the call of a step that is ready for it, as far as limits allow.
    fn start_ready(&mut self, step: StepIndex) -> Progress {
        let most = self.execution.definition.config().max_concurrent_steps;
        let most = most.map_or(self.context.settings.max_concurrent_steps, |most| most as usize);
        if self.execution.index.running.len() >= most {
            return Progress::Held;
        }
        match self.check_budget(step) {
            BudgetAnswer::Allowed => {}
            BudgetAnswer::Refused => return Progress::Done,
            BudgetAnswer::Held => return Progress::Held,
            BudgetAnswer::NeedsEstimate => return Progress::NeedsValues,
        }
        match &self.step(step).kind {
            StepKind::AgentTask(_) | StepKind::Notification(_) => self.start_attempt(step, Direction::Do),
            StepKind::Gateway(_) => self.start_gateway(step),
            StepKind::HumanApproval(_) => self.start_approval(step),
            StepKind::Timer(_) => self.start_timer(step),
            StepKind::SubProcess(_) => self.start_sub_process(step),
        }
    }

    /// Lets a step that waited for its next attempt go on: now if it makes no call, else when limits allow.
    pub fn resume_attempt(&mut self, step: StepIndex) {
        let priority = self.execution.definition.priority_of(step);
        self.execution.index.ready.insert((priority, step));
    }

    /// Skips a step. A gateway skipped by its own condition takes its default route.
    pub fn skip(&mut self, step: StepIndex, reason: SkipReason, condition: Option<Evaluation>) {
        let decision = (reason == SkipReason::ConditionFalse).then(|| self.default_decision(step)).flatten();
        let output = decision.as_ref().and_then(|decision| self.default_output(step, decision));
        let skipped = Skipped { condition, decision, output, ..Skipped::because(reason) };
        self.emit(Event::Step(self.id(step), StepEvent::Skipped(Box::new(skipped))));
        if self.execution.is_unwilling_handler(step) && !self.execution.failures_for(step).is_empty() {
            self.fail_unhandled();
        }
    }

    /// What a gateway takes when it is skipped.
    pub fn default_decision(&self, step: StepIndex) -> Option<GatewayDecision> {
        let StepKind::Gateway(gateway) = &self.step(step).kind else {
            return None;
        };
        let target = gateway.default_route.clone()?;
        Some(GatewayDecision {
            gateway_type: gateway.gateway_type,
            taken: vec![target],
            is_default: true,
            evaluated_conditions: Vec::new(),
        })
    }

    /// The condition that let a step start, once.
    pub fn take_passed(&mut self, step: StepIndex) -> Option<Evaluation> {
        self.execution.index.passed.remove(&step)
    }
}
