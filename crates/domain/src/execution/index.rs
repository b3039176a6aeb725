//! What is looked up on every turn, kept beside the state so that no turn scans all steps: counters of unsettled edges,
//! stored times in order, and the steps that can go on. Derived from the state; rebuilt when an execution is loaded.

use std::collections::{BTreeMap, BTreeSet};

use super::state::{CompensationLife, ExecutionState, Life, StepLife, StepState, StepStatus};
use crate::{
    definition::{Definition, EdgeKind, Priority, StepIndex},
    event::{Direction, Wait},
    expressions::Evaluation,
    value::Timestamp,
};

/// What is due at a stored time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A timer fires.
    Timer,
    /// A step's next attempt, or its next call to a busy agent, may start.
    Attempt,
    /// A step's attempt has taken too long.
    Timeout,
    /// An approval's deadline.
    Deadline,
    /// The next attempt to undo a step may start.
    Compensation,
    /// An attempt to undo a step has taken too long.
    CompensationTimeout,
    /// The execution has taken too long.
    ExecutionTimeout,
    /// The deadline of the question whether to spend more.
    BudgetDeadline,
}

/// A stored time: when, what, and for which step (0 for the execution's own).
pub(super) type DueEntry = (Timestamp, Due, StepIndex);

#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// Plain, route and order-only edges into each step whose source is not terminal.
    unsettled: Vec<usize>,
    /// How each step was last counted.
    counted: Vec<Counted>,
    due: BTreeSet<DueEntry>,
    execution_due: Vec<DueEntry>,
    /// Steps that have not ended.
    pub open: usize,
    /// Attempts that run: their calls are in flight.
    pub running: BTreeSet<(StepIndex, Direction)>,
    /// What is set aside of the budget for attempts that have not ended, in 10⁻⁹ units of the server's currency.
    pub reserved: i64,
    /// Steps that wait for people.
    pub asking: usize,
    /// Steps that wait for anything else.
    pub waiting: usize,
    /// Pending steps whose edges may now decide.
    pub to_decide: BTreeSet<StepIndex>,
    /// Pending steps that wait for a step between a taken route and themselves.
    pub undecided: BTreeSet<StepIndex>,
    /// Steps that make a call and may do so now.
    pub ready: BTreeSet<(Priority, StepIndex)>,
    /// Steps that wait in their agent's queue.
    pub queued: BTreeSet<StepIndex>,
    /// Conditions that were true, until their step starts.
    pub passed: BTreeMap<StepIndex, Evaluation>,
    /// Interrupted attempts whose gateway has not yet said what became of them; their time-outs are not looked at.
    pub recovering: BTreeSet<StepIndex>,
    /// Deadlines that have come and whose requests are being loaded.
    pub expiring: Vec<DueEntry>,
    /// Whether the tree's budget is spent and its root asks a person.
    pub held_by_budget: bool,
}

/// What a step contributes to the counters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Counted {
    status: StepStatus,
    undoes: bool,
    reserved: i64,
    due: Vec<(Timestamp, Due)>,
}

impl Index {
    /// The index of a state.
    pub fn of(definition: &Definition, state: &ExecutionState, steps: &[StepState]) -> Self {
        let graph = definition.graph();
        let settles = |kind: EdgeKind| kind != EdgeKind::Error;
        let unsettled = |step: StepIndex| graph.incoming(step).iter().filter(|edge| settles(edge.kind)).count();
        let mut index = Self {
            unsettled: (0..steps.len()).map(unsettled).collect(),
            counted: vec![Counted::default(); steps.len()],
            open: steps.len(),
            ..Self::default()
        };
        for (step, state) in steps.iter().enumerate() {
            index.step_changed(definition, step, state);
        }
        index.execution_changed(state);
        index.to_decide = (0..steps.len()).filter(|step| index.may_decide(definition, *step, &steps[*step])).collect();
        index
    }

    /// Counts a step anew after its state has changed.
    pub fn step_changed(&mut self, definition: &Definition, step: StepIndex, state: &StepState) {
        let now = Counted::of(state);
        let before = std::mem::replace(&mut self.counted[step], now.clone());
        for (at, due) in &before.due {
            self.due.remove(&(*at, *due, step));
        }
        self.due.extend(now.due.iter().map(|(at, due)| (*at, *due, step)));
        self.note_running((step, Direction::Do), now.status == StepStatus::Running);
        self.note_running((step, Direction::Undo), now.undoes);
        self.reserved = self.reserved + now.reserved - before.reserved;
        let change = |status| (usize::from(now.status == status), usize::from(before.status == status));
        let (asks, asked) = change(StepStatus::WaitingApproval);
        self.asking = self.asking + asks - asked;
        let (waits, waited) = change(StepStatus::Waiting);
        self.waiting = self.waiting + waits - waited;
        if now.status.is_terminal() && !before.status.is_terminal() {
            self.open -= 1;
            self.forget(definition, step);
            self.settle_outgoing(definition, step);
        }
    }

    fn note_running(&mut self, attempt: (StepIndex, Direction), runs: bool) {
        if runs {
            self.running.insert(attempt);
        } else {
            self.running.remove(&attempt);
        }
    }

    /// Takes over the execution's own deadlines.
    pub fn execution_changed(&mut self, state: &ExecutionState) {
        for entry in self.execution_due.drain(..) {
            self.due.remove(&entry);
        }
        if matches!(state.life, Life::Running | Life::Paused(_)) {
            let question = state.budget.question.and_then(|question| question.deadline);
            self.execution_due.extend(state.deadline.map(|at| (at, Due::ExecutionTimeout, 0)));
            self.execution_due.extend(question.map(|at| (at, Due::BudgetDeadline, 0)));
            self.due.extend(self.execution_due.iter().copied());
        }
    }

    /// The entries that are due, earliest first; entries of attempts that are being recovered stay.
    pub fn take_due(&mut self, now: Timestamp) -> Vec<DueEntry> {
        let due: Vec<DueEntry> = self
            .due
            .iter()
            .take_while(|(at, _, _)| *at <= now)
            .filter(|(_, due, step)| !self.is_held_back(*due, *step))
            .copied()
            .collect();
        for entry in &due {
            self.due.remove(entry);
        }
        due
    }

    /// The earliest stored time; while nothing new may start, times at which only an attempt would start don't count.
    pub fn next_due(&self, may_start: bool) -> Option<Timestamp> {
        let counts = |due: Due, step| {
            !self.is_held_back(due, step) && (may_start || !matches!(due, Due::Attempt | Due::Compensation))
        };
        self.due.iter().find(|(_, due, step)| counts(*due, *step)).map(|(at, _, _)| *at)
    }

    /// Whether a pending step's edges allow a decision, as far as counters tell.
    pub fn may_decide(&self, definition: &Definition, step: StepIndex, state: &StepState) -> bool {
        matches!(state.life, StepLife::Pending) && (self.unsettled[step] == 0 || definition.graph().is_handler(step))
    }

    /// Whether anything can still start without news from outside.
    pub fn is_busy(&self) -> bool {
        !(self.to_decide.is_empty() && self.ready.is_empty() && self.queued.is_empty())
    }

    /// Takes a step out of everything that waits to start.
    fn forget(&mut self, definition: &Definition, step: StepIndex) {
        self.to_decide.remove(&step);
        self.undecided.remove(&step);
        self.ready.remove(&(definition.priority_of(step), step));
        self.queued.remove(&step);
        self.passed.remove(&step);
        self.recovering.remove(&step);
    }

    fn is_held_back(&self, due: Due, step: StepIndex) -> bool {
        matches!(due, Due::Timeout | Due::CompensationTimeout) && self.recovering.contains(&step)
    }

    fn settle_outgoing(&mut self, definition: &Definition, step: StepIndex) {
        let graph = definition.graph();
        for edge in graph.outgoing(step) {
            if edge.kind != EdgeKind::Error {
                self.unsettled[edge.target] -= 1;
            }
            let decidable = self.unsettled[edge.target] == 0 || graph.is_handler(edge.target);
            if decidable && !self.counted[edge.target].status.is_terminal() {
                self.to_decide.insert(edge.target);
            }
        }
        self.to_decide.append(&mut self.undecided);
    }
}

impl Counted {
    fn of(step: &StepState) -> Self {
        let mut due = Vec::new();
        let attempt_deadline = step.open_attempt().and_then(|attempt| attempt.deadline);
        match &step.life {
            StepLife::Running => due.extend(attempt_deadline.map(|at| (at, Due::Timeout))),
            StepLife::Waiting(wait) => match wait {
                Wait::Timer { until } => {
                    due.push((*until, Due::Timer));
                    due.extend(attempt_deadline.map(|at| (at, Due::Timeout)));
                }
                Wait::Child { .. } => due.extend(attempt_deadline.map(|at| (at, Due::Timeout))),
                Wait::BackOff { until }
                | Wait::AgentBusy { until, .. }
                | Wait::RateLimit { until, .. }
                | Wait::Breaker { until } => due.push((*until, Due::Attempt)),
            },
            StepLife::WaitingApproval { deadline, .. } => due.extend(deadline.map(|at| (at, Due::Deadline))),
            StepLife::Pending
            | StepLife::Completed
            | StepLife::Failed { .. }
            | StepLife::Skipped { .. }
            | StepLife::Cancelled => {}
        }
        let mut undoes = false;
        if let Some(compensation) = &step.compensation {
            match &compensation.life {
                CompensationLife::Running => {
                    undoes = true;
                    let attempt = compensation.attempts.last();
                    due.extend(attempt.and_then(|attempt| attempt.deadline).map(|at| (at, Due::CompensationTimeout)));
                }
                CompensationLife::Waiting(wait) => due.extend(wait.until().map(|until| (until, Due::Compensation))),
                CompensationLife::Completed | CompensationLife::Failed => {}
            }
        }
        let reserved = step.open_attempt().and_then(|attempt| attempt.reserved);
        Self { status: step.status(), undoes, reserved: reserved.map_or(0, crate::value::Money::nanos), due }
    }
}
