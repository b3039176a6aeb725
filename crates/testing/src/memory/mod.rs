//! All store ports in memory: plain maps behind one lock, so that every method is one unit of work.
//!
//! It keeps the same promises as a database, durability excepted, and the contract suite holds it to them. Several nodes
//! may work on it at once.

mod access;
mod alerts;
mod analytics;
mod approvals;
mod audit;
mod blobs;
mod claims;
mod commits;
mod definitions;
mod deliveries;
mod executions;
mod feed;
mod incoming;
mod pages;
mod paging;
mod queries;
mod retention;
mod schedules;
mod signals;
mod starts;
mod transfer;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use procession_domain::{
    approval::Approval,
    definition::Process,
    event::{AttemptEvent, Creation, DefinitionEvent, Direction, Event, Recorded},
    execution::{Ledger, Snapshot, Standing},
    value::{
        ApprovalId, ContentHash, Duration, ExecutionId, Money, ProcessId, ProcessName, ScheduleId, StepId, Timestamp,
    },
};
use tokio::sync::broadcast;
use uuid::Uuid;

use procession_application::ports::{
    ApiKey, AuditAnchor, Clock, Content, CostAlert, CostDay, EndedStep, IdempotencyKey, InboxRow, KeptAuditEntry,
    KeptSchedule, KeptWebhook, Lease, NoticeMark, ProcessTemplate, SavedView, Spending, StoredEvent, Threshold, User,
    WebhookCall,
};

/// How many commits a slow reader of the feed may lag behind.
const FEED_CAPACITY: usize = 4_096;

/// All stores, in memory.
pub struct MemoryStore {
    /// Tells when blobs are written; the system's time without one.
    clock: Option<Arc<dyn Clock>>,
    tables: Mutex<Tables>,
    blobs: Mutex<BTreeMap<String, blobs::Blob>>,
    feed: broadcast::Sender<Arc<[StoredEvent]>>,
}

#[derive(Debug, Default)]
struct Tables {
    definitions: BTreeMap<ProcessId, StoredProcess>,
    definition_events: Vec<(ProcessId, DefinitionEvent)>,
    executions: BTreeMap<ExecutionId, StoredExecution>,
    events: Vec<StoredEvent>,
    /// The number of the newest event, also if that is purged.
    last_event: u64,
    /// The number of the last signal; never used again, since commits name the last one seen.
    last_signal: i64,
    approvals: BTreeMap<ApprovalId, Approval>,
    nodes: HashMap<Uuid, Node>,
    idempotency_keys: HashMap<String, KeptKey>,
    ledgers: HashMap<ExecutionId, KeptLedger>,
    /// What completed attempts have cost, the newest last.
    step_costs: Vec<(ProcessName, StepId, Money)>,
    users: Vec<User>,
    api_keys: Vec<ApiKey>,
    settings: HashMap<&'static str, String>,
    audit: Vec<KeptAuditEntry>,
    audit_anchor: AuditAnchor,
    /// Steps that ended, in the order of commits.
    ended_steps: Vec<(ExecutionId, EndedStep)>,
    /// Executions that were removed, which figures still count.
    removed: Vec<StoredExecution>,
    templates: BTreeMap<String, ProcessTemplate>,
    thresholds: Vec<Threshold>,
    /// What days have cost, by process; `None` is the server.
    booked_costs: HashMap<(Option<ProcessName>, CostDay), i64>,
    /// Alerts, each with when people are to be told and how often that was tried.
    alerts: Vec<CostAlert>,
    /// The newest first.
    notice_marks: Vec<NoticeMark>,
    views: Vec<SavedView>,
    deliveries: Vec<deliveries::KeptDelivery>,
    /// The number of the last delivery; never used again.
    last_delivery: u64,
    ended_sessions: HashMap<[u8; 32], Option<Timestamp>>,
    schedules: Vec<KeptSchedule>,
    /// The executions that schedules have started.
    schedule_runs: Vec<(ScheduleId, ExecutionId)>,
    /// With the time at which the version got each.
    webhooks: Vec<(Timestamp, KeptWebhook)>,
    /// The oldest first.
    webhook_calls: Vec<WebhookCall>,
}

#[derive(Debug)]
struct StoredProcess {
    process: Process,
    hidden: bool,
}

#[derive(Debug)]
struct StoredExecution {
    id: ExecutionId,
    creation: Arc<Creation>,
    created_at: Timestamp,
    standing: Standing,
    snapshot: Option<Snapshot>,
    values: HashMap<ContentHash, Content>,
    inbox: Vec<InboxRow>,
    root_of_tree: ExecutionId,
    instance_limit: Option<u32>,
    owner: Option<Lease>,
    attention_at: Option<Timestamp>,
    dismissed_at: Option<Timestamp>,
    /// What its own calls have used.
    spending: Spending,
    /// How long it was at work, if it has ended.
    working: Duration,
    is_without_events: bool,
    is_without_values: bool,
    is_archived: bool,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    epoch: u64,
    /// `None` once its end was noticed.
    until: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy)]
struct KeptLedger {
    ledger: Ledger,
    /// Whether a call of the tree waits for what is set aside for others.
    waits: bool,
}

#[derive(Debug)]
struct KeptKey {
    key: IdempotencyKey,
    execution: ExecutionId,
}

impl MemoryStore {
    /// Empty stores.
    pub fn new() -> Self {
        Self {
            clock: None,
            tables: Mutex::default(),
            blobs: Mutex::default(),
            feed: broadcast::Sender::new(FEED_CAPACITY),
        }
    }

    /// Empty stores that note the time of blobs by this clock.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { clock: Some(clock), ..Self::new() }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the feed of events. The tables are still locked, so that the order is that of the commits.
    fn publish(&self, _tables: &MutexGuard<'_, Tables>, events: Vec<StoredEvent>) {
        if !events.is_empty() {
            // Without subscribers nobody needs to be told.
            let _ = self.feed.send(events.into());
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Tables {
    /// Appends the events of one execution, which exists.
    fn append(&mut self, id: ExecutionId, creation: &Arc<Creation>, events: &[Arc<Recorded>]) -> Vec<StoredEvent> {
        let first = self.last_event + 1;
        let stored: Vec<StoredEvent> = (first..)
            .zip(events)
            .map(|(number, recorded)| StoredEvent {
                id: number,
                execution_id: id,
                creation: Arc::clone(creation),
                recorded: Arc::clone(recorded),
            })
            .collect();
        for recorded in events {
            if let Event::Attempt(step, Direction::Do, AttemptEvent::Completed { usage, .. }) = &recorded.event
                && let Some(cost) = usage.cost
            {
                self.step_costs.push((creation.process.name.clone(), step.clone(), cost));
            }
        }
        self.last_event += stored.len() as u64;
        self.events.extend(stored.iter().cloned());
        stored
    }

    /// Whether a node still has this lease, as far as anyone has noticed.
    fn is_live(&self, lease: Lease) -> bool {
        self.nodes.get(&lease.node).is_some_and(|node| node.epoch == lease.epoch && node.until.is_some())
    }

    /// Which of the processes of these ids exist, hidden ones too.
    fn known_processes(&self) -> HashSet<ProcessId> {
        self.definitions.keys().copied().collect()
    }
}

impl StoredExecution {
    fn is_ended(&self) -> bool {
        self.standing.status.is_ended()
    }

    fn is_root(&self) -> bool {
        self.creation.parent.is_none()
    }

    /// Makes it need attention no later than `at`.
    fn call_attention(&mut self, at: Timestamp) {
        self.attention_at = Some(self.attention_at.map_or(at, |before| before.min(at)));
    }
}
