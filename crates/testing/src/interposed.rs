//! Stores with something between them and who uses them: at every call it may wait, count, or do something else beside.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use procession_application::ports::{
    AccessError, AccessStore, AgentActivity, AgentEvent, AgentFigures, AlertAudience, AlertFilter, AlertPage, ApiKey,
    ApprovalChange, ApprovalFilter, ApprovalRow, ApprovalStore, ApprovalStoreError, AttemptEnd, AuditAnchor,
    AuditEntry, AuditFilter, AuditTrail, BlobError, BlobStore, Claim, ClaimRequest, Commit, CommitError, Committed,
    Content, CopyOutcome, CostAlert, CostDay, CostsOfProcess, Counted, DefinitionStore, DefinitionStoreError,
    DeliveryAttempt, DeliveryFilter, DeliveryRow, DeliveryState, DeliveryStore, DueDelivery, DueRequest, EventFeed,
    EventPage, ExecutionCopy, ExecutionFilter, ExecutionRow, ExecutionStore, FigureStore, Grouping, InboxRow,
    KeptAuditEntry, KeptPart, KeptSchedule, KeptStart, KeptWebhook, Lease, LiveExecutions, Loaded, NewDelivery,
    NewUser, NoticeMark, NoticeStore, Overdue, Page, Paging, ProcessFilter, ProcessRow, ProcessTemplate,
    PublishedVersion, PurgeStep, Queries, RecentRuns, Removal, RetentionStore, RunFigures, SavedView, ScheduleChange,
    ScheduleStore, Setting, ShownWebhook, SignalError, Start, StartError, Started, StepFigures, StoreError,
    StoredEvent, Stores, TemplateStore, Threshold, ThresholdKind, ThresholdStore, TransferStore, User, ViewStore,
    WebhookAddress, WebhookCall, WebhookStore, WorkScope,
};
use procession_domain::{
    definition::Process,
    event::DefinitionEvent,
    execution::{ExecutionStatus, Ledger, Signal},
    value::{
        ApprovalId, ContentHash, Currency, ExecutionId, Money, ProcessId, ProcessName, ScheduleId, StepId, Timestamp,
        TriggerId, UserId, Version,
    },
};
use tokio::sync::broadcast;
use uuid::Uuid;

/// What happens at every call of a store.
pub trait Interpose: Send + Sync + 'static {
    /// Makes a call, whose work is this, sooner or later.
    fn pass<T: Send>(&self, work: impl Future<Output = T> + Send) -> impl Future<Output = T> + Send;

    /// Writes a start, or does something else; by default it is a call like any other.
    fn start(
        &self,
        store: &dyn ExecutionStore,
        start: Start,
    ) -> impl Future<Output = Result<Started, StartError>> + Send {
        self.pass(store.start(start))
    }

    /// Writes a commit, or does something else; by default it is a call like any other.
    fn commit(
        &self,
        store: &dyn ExecutionStore,
        commit: Arc<Commit>,
    ) -> impl Future<Output = Result<Committed, CommitError>> + Send {
        self.pass(store.commit(commit))
    }
}

/// Stores behind something.
pub struct Interposed<I> {
    stores: Stores,
    between: I,
}

impl<I: Interpose> Interposed<I> {
    /// Puts something between stores and who uses them.
    pub const fn new(stores: Stores, between: I) -> Self {
        Self { stores, between }
    }

    /// What is between.
    pub const fn between(&self) -> &I {
        &self.between
    }
}

/// Stops the runtime's paused time while a store works.
///
/// Paused time jumps when every task waits; a database works in threads of its own, so that everything seems to wait
/// while it does. A blocking task beside each call keeps the time from jumping.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoppedTime;

impl Interpose for StoppedTime {
    async fn pass<T: Send>(&self, work: impl Future<Output = T> + Send) -> T {
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let watch = tokio::task::spawn_blocking(move || {
            let _ = wait.recv();
        });
        let result = work.await;
        drop(done);
        let _ = watch.await;
        result
    }
}

/// Starts and commits that fail where a test wants them to.
pub struct Faults(Mutex<Box<Fates>>);

type Fates = dyn FnMut(Writing<'_>) -> Fate + Send;

/// What is to be written.
#[derive(Debug, Clone, Copy)]
pub enum Writing<'a> {
    /// A start.
    Start(&'a Start),
    /// A commit.
    Commit(&'a Commit),
}

/// What becomes of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is written and answered.
    Written,
    /// It is written, and its answer is lost.
    Lost,
    /// It is not written, since the store is away.
    Failed,
    /// It is not written, and never can be.
    Corrupt,
}

impl Faults {
    /// Every write's fate is what this says.
    pub fn by(fates: impl FnMut(Writing<'_>) -> Fate + Send + 'static) -> Self {
        Self(Mutex::new(Box::new(fates)))
    }

    fn of(&self, writing: Writing<'_>) -> Fate {
        let mut fates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        fates(writing)
    }
}

impl Fate {
    /// Carries it out on a write whose work is this.
    async fn befall<A, E: From<StoreError>>(self, work: impl Future<Output = Result<A, E>> + Send) -> Result<A, E> {
        let away = || StoreError::Unavailable("the test says so".to_owned());
        match self {
            Self::Written => work.await,
            Self::Lost => match work.await {
                Ok(_) => Err(away().into()),
                Err(refused) => Err(refused),
            },
            Self::Failed => Err(away().into()),
            Self::Corrupt => Err(StoreError::Corrupt("the test says so".to_owned()).into()),
        }
    }
}

impl Interpose for Faults {
    async fn pass<T: Send>(&self, work: impl Future<Output = T> + Send) -> T {
        work.await
    }

    async fn start(&self, store: &dyn ExecutionStore, start: Start) -> Result<Started, StartError> {
        let fate = self.of(Writing::Start(&start));
        fate.befall(store.start(start)).await
    }

    async fn commit(&self, store: &dyn ExecutionStore, commit: Arc<Commit>) -> Result<Committed, CommitError> {
        let fate = self.of(Writing::Commit(&commit));
        fate.befall(store.commit(commit)).await
    }
}

macro_rules! interposed {
    (
        $port:ident as $field:ident { $(fn $name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)* }
        $(and { $($own:item)* })?
    ) => {
        #[async_trait]
        impl<I: Interpose> $port for Interposed<I> {
            $($($own)*)?

            $(async fn $name(&self, $($arg: $type),*) -> $answer {
                self.between.pass(self.stores.$field.$name($($arg),*)).await
            })*
        }
    };
}

interposed!(DefinitionStore as definitions {
    fn create(process: &Process, event: &DefinitionEvent) -> Result<(), DefinitionStoreError>;
    fn load(id: ProcessId) -> Result<Option<Process>, StoreError>;
    fn update(process: &Process, before: u32, event: &DefinitionEvent) -> Result<(), DefinitionStoreError>;
    fn delete(id: ProcessId) -> Result<bool, DefinitionStoreError>;
    fn events(id: ProcessId) -> Result<Vec<DefinitionEvent>, StoreError>;
    fn list(filter: &ProcessFilter, paging: &Paging) -> Result<Page<ProcessRow>, StoreError>;
    fn published(name: &ProcessName, version: Option<Version>) -> Result<Option<PublishedVersion>, StoreError>;
    fn exists(name: &ProcessName, version: Option<Version>) -> Result<bool, StoreError>;
    fn highest_version(name: &ProcessName) -> Result<Option<Version>, StoreError>;
});

interposed!(ExecutionStore as executions {
    fn load(id: ExecutionId) -> Result<Option<Loaded>, StoreError>;
    fn inbox(id: ExecutionId, after: i64) -> Result<Vec<InboxRow>, StoreError>;
    fn claim(request: ClaimRequest) -> Result<Vec<Claim>, StoreError>;
    fn claim_one(lease: Lease, id: ExecutionId, now: Timestamp) -> Result<bool, StoreError>;
    fn owned_and_due(lease: Lease, now: Timestamp) -> Result<Vec<ExecutionId>, StoreError>;
    fn owned(lease: Lease) -> Result<Vec<ExecutionId>, StoreError>;
    fn ledger(id: ExecutionId) -> Result<Option<Ledger>, StoreError>;
    fn step_costs(process: &ProcessName, step: &StepId, limit: u32) -> Result<Vec<Money>, StoreError>;
    fn next_attention(scope: &WorkScope) -> Result<Option<Timestamp>, StoreError>;
    fn signal(to: ExecutionId, signal: Signal, now: Timestamp) -> Result<(), SignalError>;
    fn value(id: ExecutionId, hash: ContentHash) -> Result<Option<Content>, StoreError>;
    fn join(node: Uuid, now: Timestamp, until: Timestamp) -> Result<Lease, StoreError>;
    fn renew(lease: Lease, until: Timestamp) -> Result<bool, StoreError>;
    fn leave(lease: Lease) -> Result<(), StoreError>;
    fn newest_event_time() -> Result<Option<Timestamp>, StoreError>;
    fn sweep(now: Timestamp) -> Result<u64, StoreError>;
} and {
    async fn start(&self, start: Start) -> Result<Started, StartError> {
        self.between.start(self.stores.executions.as_ref(), start).await
    }

    async fn commit(&self, commit: Arc<Commit>) -> Result<Committed, CommitError> {
        self.between.commit(self.stores.executions.as_ref(), commit).await
    }
});

interposed!(ApprovalStore as approvals {
    fn approval(id: ApprovalId) -> Result<Option<ApprovalRow>, StoreError>;
    fn of_step(execution: ExecutionId, step: &StepId) -> Result<Option<ApprovalRow>, StoreError>;
    fn approvals(filter: &ApprovalFilter, paging: &Paging) -> Result<Page<ApprovalRow>, StoreError>;
    fn change(change: ApprovalChange) -> Result<(), ApprovalStoreError>;
});

interposed!(Queries as queries {
    fn executions(filter: &ExecutionFilter, paging: &Paging) -> Result<Page<ExecutionRow>, StoreError>;
    fn children(parent: ExecutionId) -> Result<Vec<ExecutionId>, StoreError>;
    fn events(execution: ExecutionId, page: EventPage) -> Result<Vec<StoredEvent>, StoreError>;
    fn costs_of_process(process: ProcessId, user: Option<&str>, currency: Currency) -> Result<CostsOfProcess, StoreError>;
    fn execution_counts() -> Result<Vec<(ExecutionStatus, u64)>, StoreError>;
    fn live_executions() -> Result<LiveExecutions, StoreError>;
    fn started_under(scope: &str, now: Timestamp) -> Result<Option<KeptStart>, StoreError>;
    fn dismissed_at(execution: ExecutionId) -> Result<Option<Timestamp>, StoreError>;
    fn dismiss(execution: ExecutionId, at: Option<Timestamp>) -> Result<bool, StoreError>;
});

interposed!(TemplateStore as templates {
    fn create_template(template: &ProcessTemplate) -> Result<bool, StoreError>;
    fn replace_template(template: &ProcessTemplate) -> Result<bool, StoreError>;
    fn template(name: &str) -> Result<Option<ProcessTemplate>, StoreError>;
    fn templates() -> Result<Vec<ProcessTemplate>, StoreError>;
    fn remove_template(name: &str) -> Result<bool, StoreError>;
});

interposed!(FigureStore as analytics {
    fn run_figures(counted: &Counted, grouping: Grouping<'_>, currency: Currency) -> Result<Vec<RunFigures>, StoreError>;
    fn step_figures(counted: &Counted, currency: Currency) -> Result<Vec<StepFigures>, StoreError>;
    fn recent_runs(versions: &[ProcessId], user: Option<&str>, most: u32) -> Result<Vec<RecentRuns>, StoreError>;
    fn agent_figures(since: Timestamp, user: Option<&str>) -> Result<Vec<AgentFigures>, StoreError>;
    fn agent_activities(since: Timestamp, user: Option<&str>, limit: u32) -> Result<Vec<AgentActivity>, StoreError>;
});

interposed!(ThresholdStore as thresholds {
    fn thresholds(process: Option<ProcessId>) -> Result<Vec<Threshold>, StoreError>;
    fn set_threshold(threshold: &Threshold, today: CostDay, told: Option<&AlertAudience>) -> Result<Threshold, StoreError>;
    fn remove_threshold(process: Option<ProcessId>, kind: ThresholdKind) -> Result<bool, StoreError>;
    fn alerts(filter: &AlertFilter, offset: u64, limit: u32) -> Result<AlertPage, StoreError>;
    fn alert(id: Uuid) -> Result<Option<CostAlert>, StoreError>;
    fn dismiss_alert(id: Uuid, by: Option<&str>, at: Timestamp) -> Result<bool, StoreError>;
});

interposed!(ViewStore as views {
    fn views(user: &str) -> Result<Vec<SavedView>, StoreError>;
    fn save_view(view: &SavedView) -> Result<SavedView, StoreError>;
    fn remove_view(user: &str, id: Uuid) -> Result<bool, StoreError>;
});

interposed!(NoticeStore as notices {
    fn notice_marks(user: &str) -> Result<Vec<NoticeMark>, StoreError>;
    fn mark_notice(mark: &NoticeMark) -> Result<(), StoreError>;
});

interposed!(ScheduleStore as schedules {
    fn schedules() -> Result<Vec<KeptSchedule>, StoreError>;
    fn schedule(id: ScheduleId) -> Result<Option<KeptSchedule>, StoreError>;
    fn due_schedules(now: Timestamp, most: u32) -> Result<Vec<KeptSchedule>, StoreError>;
    fn next_schedule_attention() -> Result<Option<Timestamp>, StoreError>;
    fn change_schedule(change: &ScheduleChange) -> Result<bool, StoreError>;
    fn runs_under_way(id: ScheduleId) -> Result<Vec<ExecutionId>, StoreError>;
});

interposed!(WebhookStore as incoming {
    fn webhooks() -> Result<Vec<ShownWebhook>, StoreError>;
    fn webhook(address: &WebhookAddress) -> Result<Option<KeptWebhook>, StoreError>;
    fn switch_webhook(process: &ProcessName, trigger: &TriggerId, on: bool) -> Result<bool, StoreError>;
    fn note_call(call: &WebhookCall, kept: u32) -> Result<(), StoreError>;
    fn calls(process: &ProcessName, trigger: &TriggerId, limit: u32) -> Result<Vec<WebhookCall>, StoreError>;
    fn count_calls(process: &ProcessName, trigger: &TriggerId) -> Result<u64, StoreError>;
    fn call(process: &ProcessName, trigger: &TriggerId, id: Uuid) -> Result<Option<WebhookCall>, StoreError>;
});

interposed!(DeliveryStore as deliveries {
    fn enqueue(deliveries: &[NewDelivery]) -> Result<(), StoreError>;
    fn due(request: &DueRequest) -> Result<Vec<DueDelivery>, StoreError>;
    fn next_due(after: Timestamp) -> Result<Option<Timestamp>, StoreError>;
    fn record(end: &AttemptEnd) -> Result<(), StoreError>;
    fn withdraw(id: Uuid) -> Result<bool, StoreError>;
    fn delivery(id: Uuid) -> Result<Option<DeliveryRow>, StoreError>;
    fn attempts(id: Uuid) -> Result<Vec<DeliveryAttempt>, StoreError>;
    fn deliveries(filter: &DeliveryFilter, paging: &Paging) -> Result<Page<DeliveryRow>, StoreError>;
    fn resend(id: Uuid, now: Timestamp) -> Result<bool, StoreError>;
    fn agent_events(agent: &str, after: u64, limit: u32, user: Option<&str>) -> Result<Vec<AgentEvent>, StoreError>;
    fn purge_deliveries(before: Timestamp, limit: u32) -> Result<u64, StoreError>;
    fn delivery_counts() -> Result<Vec<(DeliveryState, u64)>, StoreError>;
});

interposed!(BlobStore as blobs {
    fn put(key: &str, content: &[u8]) -> Result<(), BlobError>;
    fn get(key: &str) -> Result<Vec<u8>, BlobError>;
    fn list(prefix: &str) -> Result<Vec<(String, i64)>, BlobError>;
    fn delete(key: &str) -> Result<(), BlobError>;
});

interposed!(AccessStore as access {
    fn create_user(user: &NewUser) -> Result<(), AccessError>;
    fn user(name: &str) -> Result<Option<User>, StoreError>;
    fn users() -> Result<Vec<User>, StoreError>;
    fn set_role(name: &str, role: &str) -> Result<(), AccessError>;
    fn set_password(name: &str, hash: &str) -> Result<(), AccessError>;
    fn logged_in(name: &str, at: Timestamp) -> Result<(), StoreError>;
    fn remove_user(name: &str) -> Result<(), AccessError>;
    fn create_key(key: &ApiKey) -> Result<(), AccessError>;
    fn key(hash: &str) -> Result<Option<ApiKey>, StoreError>;
    fn keys() -> Result<Vec<ApiKey>, StoreError>;
    fn revoke_key(id: UserId, at: Timestamp) -> Result<(), AccessError>;
    fn key_used(id: UserId, at: Timestamp) -> Result<(), StoreError>;
    fn setting(setting: Setting) -> Result<Option<String>, StoreError>;
    fn set_setting(setting: Setting, value: &str) -> Result<(), StoreError>;
    fn end_sessions(name: &str) -> Result<(), AccessError>;
    fn end_session(token: &[u8; 32], until: Option<Timestamp>, now: Timestamp) -> Result<(), StoreError>;
    fn is_session_ended(token: &[u8; 32]) -> Result<bool, StoreError>;
    fn complete_setup(admin: &NewUser) -> Result<bool, StoreError>;
});

interposed!(AuditTrail as audit {
    fn append(entry: &AuditEntry) -> Result<(), StoreError>;
    fn entries(filter: &AuditFilter, paging: &Paging) -> Result<Page<KeptAuditEntry>, StoreError>;
    fn entry(id: Uuid) -> Result<Option<KeptAuditEntry>, StoreError>;
    fn after(number: u64, limit: u32) -> Result<Vec<KeptAuditEntry>, StoreError>;
    fn ever() -> Result<u64, StoreError>;
    fn anchor() -> Result<AuditAnchor, StoreError>;
});

interposed!(RetentionStore as retention {
    fn overdue(part: KeptPart, before: Timestamp, limit: u32) -> Result<Vec<Overdue>, StoreError>;
    fn count_overdue(part: KeptPart, before: Timestamp) -> Result<u64, StoreError>;
    fn purge(part: KeptPart, removals: Vec<Removal>) -> Result<PurgeStep, StoreError>;
    fn mark_archived(executions: &[ExecutionId]) -> Result<(), StoreError>;
    fn count_old_deliveries(before: Timestamp) -> Result<u64, StoreError>;
    fn purge_deliveries(before: Timestamp) -> Result<u64, StoreError>;
    fn audit_before(before: Timestamp) -> Result<Option<AuditAnchor>, StoreError>;
    fn move_audit_anchor(to: AuditAnchor, entry: &AuditEntry) -> Result<(), StoreError>;
    fn purge_audit() -> Result<u64, StoreError>;
});

interposed!(TransferStore as transfer {
    fn values_of(execution: ExecutionId) -> Result<Vec<(ContentHash, Content)>, StoreError>;
    fn put_copy(copy: ExecutionCopy) -> Result<CopyOutcome, StoreError>;
});

#[async_trait]
impl<I: Interpose> EventFeed for Interposed<I> {
    async fn after(&self, id: u64, execution: Option<ExecutionId>, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        self.between.pass(self.stores.feed.after(id, execution, limit)).await
    }

    async fn newest(&self) -> Result<u64, StoreError> {
        self.between.pass(self.stores.feed.newest()).await
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<[StoredEvent]>> {
        self.stores.feed.subscribe()
    }
}
