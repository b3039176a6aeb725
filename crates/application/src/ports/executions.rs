//! The store of executions: the heart of durability (spec 3.8).

use std::sync::Arc;

use async_trait::async_trait;
use procession_domain::{
    approval::{Approval, ApprovalStatus},
    definition::{Budget, Definition},
    event::{Creation, Recorded, ValueRef},
    execution::{CommandError, Execution, Ledger, ReplayError, Signal, Snapshot, Standing},
    value::{ApprovalId, ContentHash, Duration, ExecutionId, Money, ProcessName, StepId, Timestamp},
};
use uuid::Uuid;

use super::{AlertAudiences, CallOfStart, CostDay, EndedStep, NewDelivery, ScheduleChange, Spending, StoreError};

/// The right of a node to work on executions: its id, new at every start, and the epoch of its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The node.
    pub node: Uuid,
    /// Counts how often the node had to take its lease anew.
    pub epoch: u64,
}

/// A new execution.
#[derive(Debug, Clone)]
pub struct Start {
    /// The execution.
    pub execution: Execution,
    /// Its first events: the creation, and what it takes over from one that it repeats.
    pub events: Vec<Arc<Recorded>>,
    /// Its values: the input, a webhook's payload, outputs taken over.
    pub values: Vec<NewValue>,
    /// What is told outside of its events.
    pub deliveries: Vec<NewDelivery>,
    /// Makes repeated starts one.
    pub idempotency: Option<IdempotencyKey>,
    /// Another key that does so: a signed message is taken once, whatever its sender says besides.
    pub message: Option<IdempotencyKey>,
    /// The schedule whose due time it is, as that stands when this start is made.
    pub schedule: Option<ScheduleChange>,
    /// The call of a webhook that makes it, to be remembered with it.
    pub call: Option<CallOfStart>,
    /// The budget of its tree.
    pub budget: Option<Budget>,
    /// How many executions of its process may run at once.
    pub instance_limit: Option<u32>,
    /// How many executions may be pending; beyond that the start is refused.
    pub queue_length: u32,
    /// For whom it is admitted at once if the limits allow it; `None` = it waits in the queue.
    pub admit: Option<Admission>,
}

/// The wish to run a new execution at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// Under which lease; one that is over admits nothing.
    pub lease: Lease,
    /// How many root executions may be in work at once, over all nodes.
    pub most_running: u32,
}

/// A key that makes repeated starts one (spec 3.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Whose key, for which process, and the key itself, as one text.
    pub scope: String,
    /// The digest of what was asked; another one under the same key is refused.
    pub digest: String,
    /// Until when the key is kept.
    pub expires_at: Timestamp,
}

/// What a start did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Started {
    /// The execution was created.
    Created {
        /// Whether it belongs to the node that asked for it, and begins; otherwise it waits in the queue.
        admitted: bool,
    },
    /// The same start was made before, with the same key or under the same id; this is its execution.
    Before(ExecutionId),
}

/// Why a start was refused.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The key was used with another body.
    #[error("The Idempotency-Key was used before with a different request")]
    KeyReused,
    /// Too many executions are pending.
    #[error("{pending} executions are waiting to start, which is the limit (engine.queue_length); try again later")]
    QueueFull {
        /// How many.
        pending: u64,
    },
    /// Its process was deleted meanwhile.
    #[error("Process definition not found")]
    ProcessGone,
    /// Its schedule was changed meanwhile, or another node was faster.
    #[error("the schedule was changed at the same time; look at it again")]
    Outrun,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A value to store with a commit. Within an execution it is known by its hash, so that equal ones are stored once.
#[derive(Debug, Clone)]
pub struct NewValue {
    /// Its hash and size.
    pub value: ValueRef,
    /// Where it is.
    pub content: Content,
}

/// Where a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// In the row: its JSON text.
    Inline(Arc<str>),
    /// In the blob store, written and synced already, under this key; with the beginning of its JSON text.
    Blob {
        /// The key.
        key: Arc<str>,
        /// The beginning.
        preview: Arc<str>,
    },
}

/// An execution as it is stored.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Its id.
    pub id: ExecutionId,
    /// What was fixed when it was created.
    pub creation: Arc<Creation>,
    /// How it stands.
    pub standing: Standing,
    /// Its state at some event, if it was stored.
    pub snapshot: Option<Snapshot>,
    /// The events after that; all of them without a snapshot.
    pub events: Vec<Recorded>,
    /// The signals in its inbox, oldest first.
    pub inbox: Vec<InboxRow>,
    /// The ledger of its tree, if that has a budget.
    pub ledger: Option<Ledger>,
}

/// A signal in an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxRow {
    /// Its number, rising.
    pub number: i64,
    /// The signal.
    pub signal: Signal,
}

/// One transition of an execution, to be written whole or not at all.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The execution.
    pub execution_id: ExecutionId,
    /// What was fixed when it was created.
    pub creation: Arc<Creation>,
    /// Under which lease.
    pub lease: Lease,
    /// The number of the last event before the transition.
    pub before: u64,
    /// How it stands afterwards.
    pub standing: Standing,
    /// What happened.
    pub events: Vec<Arc<Recorded>>,
    /// The state after it, if it is to be stored, so that the events before need not be read again.
    pub snapshot: Option<Snapshot>,
    /// New values.
    pub values: Vec<NewValue>,
    /// Changes of approvals.
    pub approvals: Vec<ApprovalWrite>,
    /// Children to create.
    pub children: Vec<NewChild>,
    /// Signals for other executions.
    pub signals: Vec<NewSignal>,
    /// Steps that have run to an end, for figures.
    pub ended_steps: Vec<EndedStep>,
    /// The day, by the calendar of alerts, on which its cost counts.
    pub day: CostDay,
    /// Who is told of the cost alerts that it raises.
    pub alerted: AlertAudiences,
    /// How long the execution was at work, if it ends with this.
    pub working: Duration,
    /// What is told outside of it.
    pub deliveries: Vec<NewDelivery>,
    /// What it does to the ledger of the tree.
    pub budget: BudgetChange,
    /// The number of the last inbox row that the transition has seen; rows up to it are deleted.
    pub seen: i64,
    /// When it needs attention next.
    pub attention_at: Option<Timestamp>,
    /// Whether it leaves memory: nobody owns it any more.
    pub release: bool,
}

/// What a transition does to the ledger of its tree; nothing where the tree has no budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BudgetChange {
    /// Money spent.
    pub spent: Money,
    /// Money set aside for calls that begin, less what is given back for those that have ended.
    pub reserved: Money,
    /// What the transition had itself spent and set aside when it allowed its last call; `None` if it allowed none. The
    /// commit is refused if so much with what others have spent and set aside meanwhile is the limit or more.
    pub allowed_after: Option<Money>,
    /// A new limit.
    pub raise: Option<Money>,
    /// Whether a call waits until others give back what is set aside for them.
    pub waits: bool,
}

/// A change of an approval by its execution.
#[derive(Debug, Clone)]
pub enum ApprovalWrite {
    /// A new request.
    Open(Box<Approval>),
    /// A request that nobody needs any more; nothing if it is settled.
    Cancel(ApprovalId),
    /// A deadline's effect; the commit is refused if the stored request has changed since it was read.
    Settle(Box<Approval>),
}

/// A child to create with its parent's transition; it needs attention at once.
#[derive(Debug, Clone)]
pub struct NewChild {
    /// The child.
    pub execution: Execution,
    /// Its first event.
    pub created: Arc<Recorded>,
    /// Its input.
    pub values: Vec<NewValue>,
    /// What is told outside of its creation.
    pub deliveries: Vec<NewDelivery>,
    /// Its own budget, if it is the root of a tree of its own.
    pub budget: Option<Budget>,
}

/// A signal for another execution, which then needs attention at once; nothing if that has ended.
#[derive(Debug, Clone)]
pub struct NewSignal {
    /// The execution.
    pub to: ExecutionId,
    /// The signal.
    pub signal: Signal,
}

/// What a commit tells its runner.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Committed {
    /// Whether signals came in that the transition has not seen.
    pub has_unseen_signals: bool,
    /// The ledger after it, if the tree has a budget.
    pub ledger: Option<Ledger>,
    /// The root of the tree, if it was sent a signal since something of the budget was given back for which others wait.
    pub told_root: Option<ExecutionId>,
}

/// Why a commit was refused. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The execution has changed, belongs to another node, ends while a signal waits, an approval has changed, or others have
    /// spent what is left of the budget: load it anew and decide again.
    #[error("the execution was changed at the same time")]
    Conflict,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which executions a node works on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum WorkScope {
    /// All that the store holds.
    #[default]
    All,
    /// These and their sub-processes, whether these are waited for or not; the others wait for another node.
    Below(Vec<ExecutionId>),
}

/// What a dispatcher asks for.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// For which node.
    pub lease: Lease,
    /// The time.
    pub now: Timestamp,
    /// How many executions that need attention at most.
    pub most: u32,
    /// How many root executions may be in work at once, over all nodes; pending ones are admitted up to that.
    pub most_running: u32,
    /// Among which executions.
    pub scope: WorkScope,
}

/// An execution that a node now owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Why.
    pub kind: ClaimKind,
}

/// Why an execution was claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimKind {
    /// It needs attention: a time has come, or a signal.
    Due,
    /// It was pending, and there is room for it.
    Admitted,
    /// Its owner is gone.
    TakenOver,
}

/// Why a command was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SignalError {
    /// There is no such execution.
    #[error("Execution not found")]
    Unknown,
    /// It does not fit the execution's state.
    #[error(transparent)]
    Refused(#[from] CommandError),
    /// The same command is already waiting.
    #[error("the same command is already waiting to be carried out")]
    Waiting,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores executions.
///
/// Promises:
/// * a start is done once: a repeated one, by either key or by id, leads to the execution of the first;
/// * it is admitted at once only if nobody waits before it and the limits of the server and of its process leave room, as
///   the start's own transaction sees them: of starts at once no more are admitted than there is room for;
/// * a [`Commit`] is written whole or not at all, and durable when it is answered;
/// * it is refused as a conflict if `before` is not the stored state's last event, if the execution does not belong to
///   the commit's lease, if a request that it settles has changed, if a child's process was deleted, or if the budget no
///   longer allows its calls; so one that is repeated, since its answer was lost, is a conflict too, and doubles nothing;
/// * what is given back of a budget for which a call waits is told the root of the tree by [`Signal::BudgetRaised`];
/// * an execution is read as its newest snapshot and the events after it, all of one moment;
/// * a commit that *ends* the execution is refused as a conflict while an inbox row newer than `seen` exists; any other
///   commit then sets the time of attention to now, whatever it asked for, and says so;
/// * inbox rows up to `seen` are deleted with the commit that consumed them, and only then; their numbers rise and are
///   never used again;
/// * a bad commit among several that are written together does not harm the others;
/// * the events of commits get rising numbers in the order of commits, and reach the feed in that order;
/// * a signal for an execution makes it need attention at once, also when it is pending or owned; to one that has ended
///   it is nothing;
/// * [`claim`](Self::claim) gives an execution to one node only, admits pending roots by priority and age and within their
///   process's limit, and takes over those whose owner's lease has run out; what such an owner had only been given room
///   for goes back to the queue instead. Being claimed is the answer to what called attention;
/// * a claim in a scope leaves what is outside of it as it is, and is not held back by what nobody works on there;
/// * a lease has run out when another node has noticed it, by joining or claiming after its time: until then it can be
///   prolonged, and its node has lost nothing.
#[async_trait]
pub trait ExecutionStore: Send + Sync {
    /// Creates an execution.
    async fn start(&self, start: Start) -> Result<Started, StartError>;

    /// Reads an execution.
    async fn load(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError>;

    /// The inbox rows of an execution behind a number.
    async fn inbox(&self, id: ExecutionId, after: i64) -> Result<Vec<InboxRow>, StoreError>;

    /// Writes a transition.
    async fn commit(&self, commit: Arc<Commit>) -> Result<Committed, CommitError>;

    /// Claims executions for a node.
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, StoreError>;

    /// Claims one execution, whatever its time of attention; `false` if another node has it.
    async fn claim_one(&self, lease: Lease, id: ExecutionId, now: Timestamp) -> Result<bool, StoreError>;

    /// The executions that a node owns and that need attention: signals have come in for them.
    async fn owned_and_due(&self, lease: Lease, now: Timestamp) -> Result<Vec<ExecutionId>, StoreError>;

    /// All executions that a node owns.
    async fn owned(&self, lease: Lease) -> Result<Vec<ExecutionId>, StoreError>;

    /// How the ledger of an execution's tree stands, if that has a budget.
    async fn ledger(&self, id: ExecutionId) -> Result<Option<Ledger>, StoreError>;

    /// What a step cost in its latest completed runs, newest first, over all versions of its process: `limit` at most.
    async fn step_costs(&self, process: &ProcessName, step: &StepId, limit: u32) -> Result<Vec<Money>, StoreError>;

    /// The earliest time of attention of an execution in this scope that nobody owns.
    async fn next_attention(&self, scope: &WorkScope) -> Result<Option<Timestamp>, StoreError>;

    /// Puts a signal into an execution's inbox, if it fits the execution's committed state.
    async fn signal(&self, to: ExecutionId, signal: Signal, now: Timestamp) -> Result<(), SignalError>;

    /// A value of an execution: its JSON text, or that it is in the blob store.
    async fn value(&self, id: ExecutionId, hash: ContentHash) -> Result<Option<Content>, StoreError>;

    /// Takes a lease for a new node, until `until`. Where only one node can be (a file that this process has locked),
    /// every other node's lease ends.
    async fn join(&self, node: Uuid, now: Timestamp, until: Timestamp) -> Result<Lease, StoreError>;

    /// Prolongs a lease. `false` if it had run out: the node must take a new epoch by joining again.
    async fn renew(&self, lease: Lease, until: Timestamp) -> Result<bool, StoreError>;

    /// Gives a lease back.
    async fn leave(&self, lease: Lease) -> Result<(), StoreError>;

    /// The time of the newest event; the clock starts no earlier (spec 3.4).
    async fn newest_event_time(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Deletes idempotency keys that have expired, and other rows whose time is over. How many.
    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError>;
}

impl ApprovalWrite {
    /// What these writes leave, of the requests that `stored` knows: a conflict if one that is to be settled has changed
    /// since it was read.
    pub fn carry_out(
        writes: &[Self],
        stored: impl Fn(ApprovalId) -> Option<Approval>,
    ) -> Result<Vec<Approval>, CommitError> {
        let mut after: Vec<Approval> = Vec::new();
        for write in writes {
            let position = after.iter().position(|approval| approval.id() == write.id());
            let current = || position.and_then(|place| after.get(place).cloned()).or_else(|| stored(write.id()));
            let changed = match write {
                Self::Open(approval) => Some((**approval).clone()),
                Self::Cancel(_) => current().map(|mut approval| {
                    approval.cancel();
                    approval
                }),
                Self::Settle(approval) => {
                    let is_current = |stored: &Approval| {
                        stored.status() == ApprovalStatus::Pending && stored.revision() + 1 == approval.revision()
                    };
                    current().filter(is_current).ok_or(CommitError::Conflict)?;
                    Some((**approval).clone())
                }
            };
            match (position.and_then(|place| after.get_mut(place)), changed) {
                (Some(place), Some(changed)) => *place = changed,
                (None, Some(changed)) => after.push(changed),
                (_, None) => {}
            }
        }
        Ok(after)
    }

    /// The request that it is about.
    pub const fn id(&self) -> ApprovalId {
        match self {
            Self::Open(approval) | Self::Settle(approval) => approval.id(),
            Self::Cancel(id) => *id,
        }
    }
}

impl BudgetChange {
    /// Nothing spent, nothing set aside.
    pub const NONE: Self =
        Self { spent: Money::ZERO, reserved: Money::ZERO, allowed_after: None, raise: None, waits: false };

    /// The ledger after this change.
    #[must_use]
    pub fn applied_to(&self, ledger: Ledger) -> Ledger {
        // An amount of another currency can't be added up (spec 3.9).
        let sum = |before: Money, change: Money| before.checked_add(change).unwrap_or(before);
        Ledger {
            spent: sum(ledger.spent, self.spent),
            reserved: sum(ledger.reserved, self.reserved),
            limit: self.raise.unwrap_or(ledger.limit),
            action: ledger.action,
        }
    }

    /// Whether the budget still is what the transition was decided on: it allows its calls, and has something set aside
    /// for those of others if one of its own waits for that, now that others have spent what this ledger says.
    pub fn is_allowed_by(&self, ledger: &Ledger) -> bool {
        let after = self.applied_to(*ledger);
        if self.waits && (after.is_spent() || !after.is_taken()) {
            return false;
        }
        let Some(own) = self.allowed_after else { return true };
        let limit = self.raise.unwrap_or(ledger.limit);
        let taken = ledger.taken().and_then(|taken| taken.checked_add(own).ok());
        taken.is_none_or(|taken| !matches!(taken.at_least(limit), Ok(true)))
    }

    /// Whether it gives back more than it sets aside.
    pub const fn gives_back(&self) -> bool {
        self.reserved.nanos() < 0
    }

    /// Whether it leaves a ledger as it is.
    pub fn is_none(&self) -> bool {
        self.spent.is_zero() && self.reserved.is_zero() && self.raise.is_none() && !self.waits
    }
}

impl Loaded {
    /// The execution, with the definition that it runs.
    pub fn execution(&self, definition: Arc<Definition>) -> Result<Execution, ReplayError> {
        let creation = Arc::clone(&self.creation);
        match &self.snapshot {
            Some(snapshot) => Execution::restore(definition, creation, snapshot.clone(), &self.events),
            None => Execution::replay(self.id, definition, creation, &self.events),
        }
    }
}

impl Commit {
    /// Whether it ends the execution, or changes one that has ended.
    pub const fn ends(&self) -> bool {
        self.standing.status.is_ended()
    }

    /// What the calls that it tells of have used.
    pub fn spending(&self) -> Spending {
        let currency = self.standing.cost.amount.currency();
        Spending::of(self.events.iter().map(|recorded| &**recorded), currency)
    }

    /// Whether something is told outside of it or of a child that it creates.
    pub fn tells_outside(&self) -> bool {
        let may_raise_alerts = self.alerted != AlertAudiences::default() && self.spending().nanos != 0;
        may_raise_alerts
            || !self.deliveries.is_empty()
            || self.children.iter().any(|child| !child.deliveries.is_empty())
    }

    /// Whether its events are the next ones of its execution and lead to its state, as every turn's do.
    pub fn is_well_formed(&self) -> bool {
        let numbered = (self.before + 1..).zip(&self.events).all(|(next, event)| event.sequence == next);
        numbered && self.standing.sequence == self.before + self.events.len() as u64
    }
}

/// The execution at the top of the tree to which an execution belongs, whose ledger it uses: its own if nobody waits
/// for it.
pub fn root_of_tree(id: ExecutionId, creation: &Creation) -> ExecutionId {
    match &creation.parent {
        Some(parent) if parent.waits => parent.root_id,
        Some(_) | None => id,
    }
}
