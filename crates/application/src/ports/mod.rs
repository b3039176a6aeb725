//! The ports: what the application asks of the world, as traits that adapters implement.
//!
//! A repository method is one unit of work; no transaction crosses a port. The docs of each trait state the promises an
//! implementation must keep, and the contract suite (`crates/testing`) tests each of them by name.

mod access;
mod agents;
mod analytics;
mod approvals;
mod audit;
mod blobs;
mod clock;
mod cost_alerts;
mod definitions;
mod deliveries;
mod durations;
mod executions;
mod feed;
mod incoming;
mod meter;
mod notices;
mod notifier;
mod queries;
mod retention;
mod run_sums;
mod schedules;
mod templates;
mod thresholds;
mod transfer;
mod views;
mod webhooks;
mod work;

use std::sync::Arc;

pub use crate::values::preview;
pub use access::{AccessError, AccessStore, ApiKey, NewUser, Role, Setting, User};
pub use agents::{AgentFailure, AgentGateway, AgentListing, AgentReply, AgentStatus, AgentTask, Recovered, Submitted};
pub use analytics::{
    AgentActivity, AgentFigures, Counted, EndedStep, FigureStore, Grouping, HOUR, QUARTER, RecentRuns, RunFigures,
    StepFigures,
};
pub use approvals::{ApprovalChange, ApprovalFilter, ApprovalRow, ApprovalStore, ApprovalStoreError, Asked};
pub use audit::{AuditEntry, AuditFilter, AuditOutcome, AuditTrail, AuditedResource, KeptAuditEntry, Origin};
pub use blobs::{BlobError, BlobStore, is_blob_key};
pub use clock::{Clock, IdGenerator};
pub use cost_alerts::{
    AlertAudience, AlertAudiences, AlertFilter, AlertPage, AlertSeverity, AlertStatus, Booking, BookingScope,
    CostAlert, CostDay, published_thresholds,
};
pub use definitions::{DefinitionStore, DefinitionStoreError, ProcessFilter, ProcessRow, PublishedVersion};
pub use deliveries::{
    AgentEvent, AttemptEnd, DeliveryAttempt, DeliveryContent, DeliveryFilter, DeliveryKind, DeliveryRow, DeliveryState,
    DeliveryStore, DueDelivery, DueRequest, Endpoint, MailReason, NewDelivery,
};
pub use durations::{Durations, NoDurations};
pub use executions::{
    Admission, ApprovalWrite, BudgetChange, Claim, ClaimKind, ClaimRequest, Commit, CommitError, Committed, Content,
    ExecutionStore, IdempotencyKey, InboxRow, Lease, Loaded, NewChild, NewSignal, NewValue, SignalError, Start,
    StartError, Started, WorkScope, root_of_tree,
};
pub use feed::{EventFeed, FeedError, StoredEvent};
pub use incoming::{CallOfStart, CallOutcome, KeptWebhook, ShownWebhook, WebhookAddress, WebhookCall, WebhookStore};
pub use meter::{AnsweredRequest, Meter, MeterPage, Occupation, Standing};
pub use notices::{Mark, NoticeMark, NoticeStore};
pub use notifier::{DeliveryFailure, Message, Notifier};
pub use queries::{
    Awaited, CostsOfProcess, EventPage, ExecutionFilter, ExecutionRow, KeptStart, LiveExecutions, Page, PageStart,
    Paging, Queries, RowPlace, Sort,
};
pub use retention::{AuditAnchor, KeptPart, Overdue, PurgeStep, Purged, Removal, RetentionStore};
pub use run_sums::RunSums;
pub use schedules::{FiringOutcome, KeptSchedule, LastFiring, ScheduleChange, ScheduleStanding, ScheduleStore};
pub use templates::{Complexity, ProcessTemplate, TemplateStore, Visibility};
pub use thresholds::{Threshold, ThresholdKind, ThresholdStore};
pub use transfer::{CopyOutcome, ExecutionCopy, TransferStore};
pub use views::{SavedView, ViewStore};
pub use webhooks::{NoWebhooks, WebhookFailure, WebhookPost, WebhookSender};
pub use work::{Spending, working_time};

/// Why a store could not do what it was asked, whatever that was.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It can't be reached, its disk is full, or it is too slow. Trying again may help.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// It holds something that can't be read.
    #[error("the store holds something that can't be read: {0}")]
    Corrupt(String),
    /// A list was asked to go on after a row that no list has ended with.
    #[error(
        "`{0}` is not a cursor of this list: use `next_cursor` of the previous page, or leave it out to start over"
    )]
    UnknownCursor(String),
}

/// Everything that is kept.
#[derive(Clone)]
pub struct Stores {
    /// Definitions.
    pub definitions: Arc<dyn DefinitionStore>,
    /// Executions.
    pub executions: Arc<dyn ExecutionStore>,
    /// Approvals.
    pub approvals: Arc<dyn ApprovalStore>,
    /// Lists.
    pub queries: Arc<dyn Queries>,
    /// Events, stored and live.
    pub feed: Arc<dyn EventFeed>,
    /// Large values.
    pub blobs: Arc<dyn BlobStore>,
    /// Users, keys, settings.
    pub access: Arc<dyn AccessStore>,
    /// Who did what.
    pub audit: Arc<dyn AuditTrail>,
    /// Templates of users.
    pub templates: Arc<dyn TemplateStore>,
    /// Figures of executions.
    pub analytics: Arc<dyn FigureStore>,
    /// Cost thresholds.
    pub thresholds: Arc<dyn ThresholdStore>,
    /// What people did with notices.
    pub notices: Arc<dyn NoticeStore>,
    /// Saved views.
    pub views: Arc<dyn ViewStore>,
    /// What is old.
    pub retention: Arc<dyn RetentionStore>,
    /// Executions as a whole.
    pub transfer: Arc<dyn TransferStore>,
    /// Schedules.
    pub schedules: Arc<dyn ScheduleStore>,
    /// Webhooks that start processes, and the calls of them.
    pub incoming: Arc<dyn WebhookStore>,
    /// What is told outside.
    pub deliveries: Arc<dyn DeliveryStore>,
}

/// Everything that the application asks of the world. Only where things are wired it is handed on whole; each service
/// keeps what it uses.
#[derive(Clone)]
pub struct Ports {
    /// Everything that is kept.
    pub stores: Stores,
    /// Agents.
    pub agents: Arc<dyn AgentGateway>,
    /// Messages to people and systems.
    pub notifier: Arc<dyn Notifier>,
    /// Requests to webhooks.
    pub webhooks: Arc<dyn WebhookSender>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn IdGenerator>,
}

impl Stores {
    /// The ports of one store that has them all but the blobs.
    pub fn of<S>(store: &Arc<S>, blobs: Arc<dyn BlobStore>) -> Self
    where
        S: DefinitionStore
            + ExecutionStore
            + ApprovalStore
            + Queries
            + EventFeed
            + AccessStore
            + AuditTrail
            + TemplateStore
            + FigureStore
            + ThresholdStore
            + NoticeStore
            + ViewStore
            + RetentionStore
            + TransferStore
            + ScheduleStore
            + WebhookStore
            + DeliveryStore
            + 'static,
    {
        Self {
            definitions: Arc::clone(store) as _,
            executions: Arc::clone(store) as _,
            approvals: Arc::clone(store) as _,
            queries: Arc::clone(store) as _,
            feed: Arc::clone(store) as _,
            access: Arc::clone(store) as _,
            audit: Arc::clone(store) as _,
            templates: Arc::clone(store) as _,
            analytics: Arc::clone(store) as _,
            thresholds: Arc::clone(store) as _,
            notices: Arc::clone(store) as _,
            views: Arc::clone(store) as _,
            retention: Arc::clone(store) as _,
            transfer: Arc::clone(store) as _,
            schedules: Arc::clone(store) as _,
            incoming: Arc::clone(store) as _,
            deliveries: Arc::clone(store) as _,
            blobs,
        }
    }
}

impl Ports {
    /// The ports on these stores. Nothing posts to webhooks yet.
    pub fn on(
        stores: Stores,
        agents: Arc<dyn AgentGateway>,
        notifier: Arc<dyn Notifier>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
    ) -> Self {
        Self { stores, agents, notifier, webhooks: Arc::new(NoWebhooks), clock, ids }
    }

    /// The same, with a way to post to webhooks.
    #[must_use]
    pub fn with_webhooks(self, webhooks: Arc<dyn WebhookSender>) -> Self {
        Self { webhooks, ..self }
    }
}
