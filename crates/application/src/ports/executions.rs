//! The store of executions: the heart of durability (spec 3.8).

use std::sync::Arc;

use async_trait::async_trait;
use procession_domain::{
    approval::{Approval, ApprovalStatus},
    definition::Budget,
    event::{Creation, Recorded, ValueRef},
    execution::{CommandError, Execution, ExecutionState, Ledger, Signal, StepState},
    value::{ApprovalId, ExecutionId, Money, ProcessId, StepId, Timestamp},
};
use uuid::Uuid;

use super::StoreError;

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
    pub events: Vec<Recorded>,
    /// Its values: the input, a webhook's payload, outputs taken over.
    pub values: Vec<NewValue>,
    /// Makes repeated starts one.
    pub idempotency: Option<IdempotencyKey>,
    /// The budget of its tree.
    pub budget: Option<Budget>,
    /// How many executions of its process may run at once.
    pub instance_limit: Option<u32>,
    /// How many executions may be pending; beyond that the start is refused.
    pub queue_length: u32,
    /// The lease under which it is admitted at once, whatever limits say; `None` = it waits in the queue, and so it does
    /// under a lease that is over.
    pub admit: Option<Lease>,
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
    Created,
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
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A value to store with a commit.
#[derive(Debug, Clone)]
pub struct NewValue {
    /// Its key within the execution, with the hash behind it: `steps/a/output/{hash}`.
    pub key: String,
    /// Its hash and size.
    pub value: ValueRef,
    /// Where it is.
    pub content: Content,
}

/// Where a value is.
#[derive(Debug, Clone)]
pub enum Content {
    /// In the row: its JSON text.
    Inline(Arc<str>),
    /// In the blob store, written and synced already, under `executions/{execution}/{key}`.
    Blob,
}

/// An execution as it is stored.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What was fixed when it was created.
    pub creation: Arc<Creation>,
    /// Its state.
    pub state: ExecutionState,
    /// The states of its steps; those that have not changed since the creation may be left out.
    pub steps: Vec<(StepId, StepState)>,
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
    /// The version it runs.
    pub process_id: ProcessId,
    /// Under which lease.
    pub lease: Lease,
    /// The number of the last event before the transition.
    pub before: u64,
    /// The state after it.
    pub state: ExecutionState,
    /// The steps that changed.
    pub steps: Vec<(StepId, StepState)>,
    /// What happened.
    pub events: Vec<Recorded>,
    /// New values.
    pub values: Vec<NewValue>,
    /// Changes of approvals.
    pub approvals: Vec<ApprovalWrite>,
    /// Children to create.
    pub children: Vec<NewChild>,
    /// Signals for other executions.
    pub signals: Vec<NewSignal>,
    /// Money spent in this transition, for the ledger of the tree.
    pub spent: Money,
    /// A new limit for the ledger of the tree.
    pub raise_budget: Option<Money>,
    /// The number of the last inbox row that the transition has seen; rows up to it are deleted.
    pub seen: i64,
    /// When it needs attention next.
    pub attention_at: Option<Timestamp>,
    /// Whether it leaves memory: nobody owns it any more.
    pub release: bool,
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
    pub created: Recorded,
    /// Its input.
    pub values: Vec<NewValue>,
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
}

/// Why a commit was refused. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The execution has changed, belongs to another node, ends while a signal waits, or an approval has changed: load it
    /// anew and decide again.
    #[error("the execution was changed at the same time")]
    Conflict,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
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
    /// The same command waits already.
    #[error("The same command is waiting to be carried out already")]
    Waiting,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores executions.
///
/// Promises:
/// * a start is done once: a repeated one, by key or by id, leads to the execution of the first;
/// * a [`Commit`] is written whole or not at all, and durable when it is answered;
/// * it is refused as a conflict if `before` is not the stored state's last event, if the execution does not belong to
///   the commit's lease, if a request that it settles has changed, or if a child's process was deleted; so one that is
///   repeated, since its answer was lost, is a conflict too, and doubles nothing;
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
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError>;

    /// Claims executions for a node.
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, StoreError>;

    /// Claims one execution, whatever its time of attention; `false` if another node has it.
    async fn claim_one(&self, lease: Lease, id: ExecutionId, now: Timestamp) -> Result<bool, StoreError>;

    /// The executions that a node owns and that need attention: signals have come in for them.
    async fn owned_and_due(&self, lease: Lease, now: Timestamp) -> Result<Vec<ExecutionId>, StoreError>;

    /// The earliest time of attention of an execution that nobody owns.
    async fn next_attention(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Puts a signal into an execution's inbox, if it fits the execution's committed state.
    async fn signal(&self, to: ExecutionId, signal: Signal, now: Timestamp) -> Result<(), SignalError>;

    /// A value of an execution: its JSON text, or that it is in the blob store.
    async fn value(&self, id: ExecutionId, key: &str) -> Result<Option<Content>, StoreError>;

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

impl Commit {
    /// Whether it ends the execution, or changes one that has ended.
    pub const fn ends(&self) -> bool {
        self.state.life.status().is_ended()
    }

    /// Whether its events are the next ones of its execution and lead to its state, as every turn's do.
    pub fn is_well_formed(&self) -> bool {
        let numbered = (self.before + 1..).zip(&self.events).all(|(next, event)| event.sequence == next);
        numbered && self.state.sequence == self.before + self.events.len() as u64 && self.state.id == self.execution_id
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
