//! The interface between the aggregate and the engine: the commands that go in, what surrounds a turn, and what comes
//! out of it.

use std::{collections::BTreeMap, sync::Arc};

use uuid::Uuid;

use super::{Execution, Signal};
use crate::{
    approval::Approval,
    definition::{BudgetAction, Definition, Priority, UndefinedRule},
    event::{Direction, ExecutionError, ProcessRef, Recorded, Shown, StepError, Usage, ValueRef},
    expressions::Expressions,
    value::{ApprovalId, Cost, Duration, ExecutionId, Json, Money, ProcessId, StepId, Timestamp},
};

/// A call of one attempt, in flight or not: the idempotency key that agents see (spec 3.8).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The step.
    pub step_id: StepId,
    /// The attempt.
    pub attempt: u32,
    /// Whether it does the step or undoes it.
    pub direction: Direction,
}

impl std::fmt::Display for CallId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let part = match self.direction {
            Direction::Do => "",
            Direction::Undo => "/compensation",
        };
        write!(f, "{}/{}{part}/{}", self.execution_id, self.step_id, self.attempt)
    }
}

/// What a turn is given.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// It is admitted and begins to run.
    Start,
    /// Running it fails again and again: it ends, for this reason.
    GiveUp(ExecutionError),
    /// Someone or something outside did something; from the execution's inbox.
    Signal(Signal),
    /// A call's gateway took it and named it.
    Submitted {
        /// The call.
        call: CallId,
        /// The gateway's name for it.
        call_ref: String,
    },
    /// A call ended well.
    Finished {
        /// The call.
        call: CallId,
        /// What it brought.
        reply: Reply,
    },
    /// A call failed.
    Failed {
        /// The call.
        call: CallId,
        /// Why, and what it cost all the same.
        failure: Failure,
    },
    /// A call's agent took nothing; the same attempt asks it again later (spec 5.3).
    Refused {
        /// The call.
        call: CallId,
        /// Why.
        refusal: Refusal,
    },
    /// The cost of a call became known after it was given up.
    LateCost {
        /// The call.
        call: CallId,
        /// What it cost.
        usage: Usage,
    },
    /// Calls are in flight that nobody waits for any more: the server had stopped, say.
    Interrupted {
        /// The calls.
        calls: Vec<CallId>,
        /// Whether the server had shut down gracefully.
        in_order: bool,
    },
    /// A gateway said what became of an interrupted call.
    Recovered {
        /// The call.
        call: CallId,
        /// What.
        recovery: Recovery,
    },
    /// A sub-process ended.
    ChildEnded(Box<ChildEnd>),
    /// A slot of an agent's queue is free for a step that waits for it.
    SlotFree {
        /// The step.
        step_id: StepId,
    },
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Why.
    pub error: StepError,
    /// What it cost.
    pub usage: Usage,
    /// How long the other side asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// An agent that takes no call for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub kind: RefusalKind,
    /// How long to wait before it is asked again.
    pub retry_after: Duration,
    /// What it said.
    pub reason: Option<String>,
}

/// Why an agent takes no call for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// It does other work.
    Busy,
    /// It, or its model's provider, limits calls.
    RateLimit,
}

/// What became of an interrupted call that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// It goes on; its result will come.
    Running,
    /// The gateway does not know it: it is sent again under the same key.
    Unknown,
}

/// What a call brought.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// An agent's text.
    Agent {
        /// The text.
        text: String,
        /// What it cost.
        usage: Usage,
    },
    /// A notification's delivery.
    Notification {
        /// The output of the step (spec 2.4).
        output: Json,
    },
}

/// How a sub-process ended.
#[derive(Debug, Clone, PartialEq)]
pub struct ChildEnd {
    /// The child.
    pub execution_id: ExecutionId,
    /// What it ran.
    pub process: ProcessRef,
    /// How it ended; its outputs, or why there are none.
    pub outcome: ChildOutcome,
    /// What it cost.
    pub cost: Cost,
    /// How long it took.
    pub duration: Duration,
}

/// The outcome of a sub-process.
#[derive(Debug, Clone, PartialEq)]
pub enum ChildOutcome {
    /// It completed.
    Completed(Arc<Json>),
    /// It failed.
    Failed(ExecutionError),
    /// It was cancelled.
    Cancelled,
}

/// A call to make, once the transition is committed.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Its key.
    pub id: CallId,
    /// The agent it goes to; `None` for a notification.
    pub agent: Option<String>,
    /// Where its expanded input is.
    pub input: ValueRef,
    /// The key under which that is kept.
    pub input_key: ValueKey,
    /// How long to wait for the reply.
    pub timeout: Option<Duration>,
    /// The gateway's name for it, if it is to be recovered and has one.
    pub call_ref: Option<String>,
}

/// Something to do in the world after the commit, besides making the calls that are in flight by then.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Give a call up.
    Abandon {
        /// The call.
        call: CallId,
        /// The agent it went to; `None` for a notification.
        agent: Option<String>,
        /// The gateway's name for it.
        call_ref: Option<String>,
    },
    /// Take a step out of its agent's queue.
    LeaveQueue {
        /// The step.
        step_id: StepId,
    },
}

/// A row of another aggregate to write in the same commit.
#[derive(Debug, Clone)]
pub enum Write {
    /// A new request for a decision.
    OpenApproval(Box<Approval>),
    /// A request that nobody needs any more; nothing if it is settled.
    CancelApproval(ApprovalId),
    /// A deadline's effect on a request. The commit is refused if a vote came first.
    SettleApproval(Box<Approval>),
    /// A child, created.
    StartChild {
        /// The child.
        child: Box<Execution>,
        /// Its first event.
        created: Box<Recorded>,
        /// Its input.
        input: Json,
    },
    /// A signal for another execution's inbox.
    Signal {
        /// The execution.
        to: ExecutionId,
        /// The signal.
        signal: Signal,
    },
    /// A new limit for the ledger of the tree.
    RaiseBudget(Money),
}

/// Something that must be at hand before the turn can go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// A value of this execution.
    Value {
        /// The key under which it is kept.
        key: ValueKey,
        /// Its reference.
        value: ValueRef,
    },
    /// What a step runs as a sub-process.
    Child(StepId),
    /// A request whose deadline has passed.
    Approval(ApprovalId),
    /// What a step will probably cost, to set that aside of the budget.
    Estimate(StepId),
}

/// The name of a value within its execution. Its text, with the value's hash behind it, is the value's address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ValueKey {
    /// What the execution was started with.
    Input,
    /// What a webhook was called with.
    TriggerPayload,
    /// The process's outputs.
    Outputs,
    /// A step's output.
    StepOutput(StepId),
    /// The expanded input of an attempt.
    AttemptInput(StepId, Direction, u32),
}

impl std::fmt::Display for ValueKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Input => f.write_str("input"),
            Self::TriggerPayload => f.write_str("trigger"),
            Self::Outputs => f.write_str("outputs"),
            Self::StepOutput(step) => write!(f, "steps/{step}/output"),
            Self::AttemptInput(step, Direction::Do, attempt) => write!(f, "steps/{step}/input/{attempt}"),
            Self::AttemptInput(step, Direction::Undo, attempt) => write!(f, "steps/{step}/compensation/{attempt}"),
        }
    }
}

/// Values of the execution at hand, and where new ones go (spec 2.4).
pub trait Values {
    /// A value, if it is at hand; otherwise the turn asks for it and goes on without the steps that need it.
    fn get(&self, value: &ValueRef) -> Option<Arc<Json>>;

    /// Takes a new value, which is committed together with the events that name it.
    fn put(&mut self, key: ValueKey, value: Json) -> Result<Shown, TooLarge>;

    /// The reference of a value that another execution will keep.
    fn measure(&self, value: &Json) -> Result<ValueRef, TooLarge>;

    /// What a step runs as a sub-process, if that has been looked up.
    fn child(&self, step: &StepId) -> Option<ChildPlan>;

    /// A request, if it has been loaded.
    fn approval(&self, id: ApprovalId) -> Option<Approval>;

    /// What a step will probably cost (spec 3.10), if that has been looked up.
    fn estimate(&self, step: &StepId) -> Option<Estimate>;
}

/// What a step will probably cost: nothing is said of a step that never ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate(pub Option<Money>);

/// A value is larger than the server keeps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the value has {size} bytes, and {limit} are kept at most (limits.output)")]
pub struct TooLarge {
    /// Its size.
    pub size: u64,
    /// The limit.
    pub limit: u64,
}

/// What a step runs as a sub-process.
#[derive(Debug, Clone)]
pub enum ChildPlan {
    /// Nothing: no such process, or no published version of it.
    Missing,
    /// This version.
    Found(Arc<ChildVersion>),
}

/// The version that a sub-process runs, and what is fixed with it.
#[derive(Debug)]
pub struct ChildVersion {
    /// The version.
    pub process: ProcessRef,
    /// Its definition.
    pub definition: Arc<Definition>,
    /// The versions of its own sub-processes.
    pub pins: BTreeMap<StepId, ProcessId>,
}

/// The queues of agents (spec 5.3): whether a call may be made now.
pub trait Slots {
    /// Asks for a slot. A slot that is given belongs to the step until its call has ended.
    fn take(&mut self, step: &StepId, agent: &str, priority: Priority) -> Slot;
}

/// A queue's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Go.
    Granted,
    /// Wait; [`Command::SlotFree`] will come.
    Queued,
    /// The agent gets no calls until then.
    Held {
        /// When it may be asked again.
        until: Timestamp,
        /// Why.
        why: Hold,
    },
}

/// Why an agent gets no calls for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Its circuit breaker is open.
    Breaker,
    /// It, or its model's provider, limits calls.
    RateLimit,
}

/// Settings of the server that rule executions.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many calls of one execution are in flight at once, if its process does not say.
    pub max_concurrent_steps: usize,
    /// How long an attempt waits for an agent in all.
    pub agent_wait: Duration,
    /// What an undefined reference does in processes that don't say; `None` = by the place where it stands.
    pub undefined: Option<UndefinedRule>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_concurrent_steps: 50, agent_wait: Duration::from_secs(3_600), undefined: None }
    }
}

/// How the budget of a root execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ledger {
    /// What is spent, by the whole tree.
    pub spent: Money,
    /// What is set aside for calls in flight, of the whole tree.
    pub reserved: Money,
    /// What may be spent.
    pub limit: Money,
    /// What reaching the limit does.
    pub action: BudgetAction,
}

/// What surrounds a turn.
pub struct Context<'a> {
    /// Evaluates texts.
    pub expressions: &'a dyn Expressions,
    /// Values at hand.
    pub values: &'a mut dyn Values,
    /// Queues of agents.
    pub slots: &'a mut dyn Slots,
    /// Makes ids.
    pub new_id: &'a mut dyn FnMut() -> Uuid,
    /// The time.
    pub now: Timestamp,
    /// Varies delays.
    pub seed: u64,
    /// Settings of the server.
    pub settings: &'a Settings,
    /// The budget's ledger, if the tree's root has a budget.
    pub ledger: Option<Ledger>,
}

/// What a turn did and asks for.
#[derive(Debug, Default)]
pub struct Transition {
    /// What happened, in order.
    pub events: Vec<Recorded>,
    /// Calls that begin with this transition: they are made, while others in flight are recovered.
    pub calls: Vec<CallId>,
    /// What else to do after the commit.
    pub effects: Vec<Effect>,
    /// What was spent and set aside of the budget when it allowed its last call; `None` if it allowed none. If others of the
    /// tree have spent more meanwhile, so that it would not be allowed now, the commit is refused.
    pub budget_seen: Option<Money>,
    /// Whether a call waits until others of the tree have ended and given back what is set aside for them.
    pub waits_for_budget: bool,
    /// Other rows of the same commit.
    pub writes: Vec<Write>,
    /// What is missing: the turn is not over until these are at hand and [`Execution::handle`] was called again.
    pub needs: Vec<Need>,
    /// Commands that fit nothing any more: late replies, signals for an ended execution.
    pub dropped: u32,
}

impl Transition {
    /// Appends what a continued turn did.
    pub fn extend(&mut self, next: Self) {
        self.events.extend(next.events);
        self.calls.extend(next.calls);
        self.effects.extend(next.effects);
        self.budget_seen = next.budget_seen.or(self.budget_seen);
        self.waits_for_budget = next.waits_for_budget;
        self.writes.extend(next.writes);
        self.needs = next.needs;
        self.dropped += next.dropped;
    }
}

impl Command {
    /// Its place in a turn (architecture: cancel, other signals, results).
    pub(super) const fn weight(&self) -> u8 {
        match self {
            Self::Signal(Signal::Cancel { .. }) => 0,
            Self::Start | Self::GiveUp(_) => 1,
            Self::Signal(_) | Self::ChildEnded(_) => 2,
            Self::Interrupted { .. } => 3,
            Self::Submitted { .. } => 4,
            Self::Finished { .. }
            | Self::Failed { .. }
            | Self::Refused { .. }
            | Self::Recovered { .. }
            | Self::LateCost { .. }
            | Self::SlotFree { .. } => 5,
        }
    }
}
