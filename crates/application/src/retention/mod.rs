//! Removing what is old (spec 3.11 and 4c): executions, their events and values, and the audit trail, each after its time.
//! At the start of a server and then every hour, in steps so small that nobody who works meanwhile notices.

mod policy;

use std::{sync::Arc, time::Duration as StdDuration};

use procession_domain::{
    execution::Snapshot,
    value::{ExecutionId, Timestamp},
};
use tokio::{sync::Mutex, time::Instant};

use policy::Deadlines;
pub use policy::{RetentionChanges, RetentionPolicy};

use crate::{
    access::{Forbidden, Principal, UseCase, Via},
    audit::PURGE,
    door::Door,
    engine::Engine,
    ports::{
        AuditAnchor, AuditEntry, AuditOutcome, AuditedResource, Clock, IdGenerator, KeptPart, Origin, Overdue, Purged,
        Removal, Setting, StoreError, Stores,
    },
    transfer::{Archive, ArchiveError, Exporter},
};

/// How often it is looked for what is old.
const EVERY: StdDuration = StdDuration::from_hours(1);

/// How many executions are looked for at a time.
const AT_ONCE: u32 = 100;

/// So long a run works while someone waits for it; the next one goes on.
const PATIENCE: StdDuration = StdDuration::from_secs(20);

/// The service for what is kept, and for how long.
#[derive(Clone)]
pub struct Retention(Arc<Inner>);

struct Inner {
    stores: Stores,
    engine: Engine,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    door: Door,
    configured: RetentionPolicy,
    archive: Option<Arc<dyn Archive>>,
    exporter: Exporter,
    /// One run at a time.
    running: Mutex<()>,
}

/// What a run has removed, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionReport {
    /// Executions, their events and their values.
    pub purged: Purged,
    /// Deliveries, besides those of executions.
    pub deliveries: u64,
    /// Entries of the audit trail.
    pub audit: u64,
    /// Executions that were written to the archive first.
    pub archived: u64,
    /// Whether something old is left, which goes with the next run.
    pub is_unfinished: bool,
}

/// Why nothing is removed, or the policy can't be shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum RetentionFailure {
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Another run is under way.
    #[error("old data is being removed already; try again when that is done")]
    Running,
    /// What is to go can't be written to the archive, so that it stays.
    #[error("nothing is removed that can't be written to the archive first: {0}")]
    Archive(#[from] ArchiveError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What someone waits for, or nobody.
struct Run<'a> {
    inner: &'a Inner,
    until: Option<Instant>,
    report: RetentionReport,
}

impl Retention {
    /// The service. `configured` is what the configuration says; with an archive, what goes is written there first.
    pub(crate) fn new(
        stores: Stores,
        engine: Engine,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
        door: Door,
        configured: RetentionPolicy,
        archive: Option<Arc<dyn Archive>>,
    ) -> Self {
        let exporter = Exporter::new(stores.clone());
        let running = Mutex::new(());
        Self(Arc::new(Inner { stores, engine, clock, ids, door, configured, archive, exporter, running }))
    }

    /// For how long things are kept.
    pub async fn policy(&self, by: &Principal) -> Result<RetentionPolicy, RetentionFailure> {
        by.check(UseCase::ReadRetention)?;
        Ok(self.0.policy().await?)
    }

    /// Changes for how long things are kept: what is `None` is as the configuration says. The policy afterwards.
    pub async fn change(&self, by: &Principal, wanted: RetentionChanges) -> Result<RetentionPolicy, RetentionFailure> {
        let inner = Arc::clone(&self.0);
        let change = async move {
            let kept = serde_json::to_string(&inner.configured.differing(wanted));
            let kept = kept.map_err(|error| StoreError::Corrupt(format!("the retention settings: {error}")))?;
            inner.stores.access.set_setting(Setting::Retention, &kept).await?;
            Ok(inner.policy().await?)
        };
        self.0.door.change(by, UseCase::ChangeRetention, change).await
    }

    /// What would be removed now.
    pub async fn preview(&self, by: &Principal) -> Result<RetentionReport, RetentionFailure> {
        by.check(UseCase::RunRetention)?;
        Ok(self.0.preview().await?)
    }

    /// Removes what is old, for 20 s at most; what is left goes with the next run.
    pub async fn run(&self, by: &Principal) -> Result<RetentionReport, RetentionFailure> {
        let inner = Arc::clone(&self.0);
        let change = async move { inner.run(Some(Instant::now() + PATIENCE)).await };
        self.0.door.change(by, UseCase::RunRetention, change).await
    }

    /// Removes what is old again and again.
    pub async fn keep(self) {
        loop {
            match self.0.run(None).await {
                Ok(report) if report == RetentionReport::default() => tracing::debug!("nothing is old"),
                Ok(RetentionReport { purged: Purged { executions, events, values }, deliveries, audit, .. }) => {
                    tracing::info!(
                        executions,
                        events,
                        values,
                        deliveries,
                        audit,
                        "removed what was kept for long enough"
                    );
                }
                Err(RetentionFailure::Running) => {}
                Err(error) => tracing::warn!(%error, "could not remove what is old; trying again in an hour"),
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}

impl Inner {
    async fn policy(&self) -> Result<RetentionPolicy, StoreError> {
        let changes = match self.stores.access.setting(Setting::Retention).await? {
            Some(text) => serde_json::from_str(&text)
                .map_err(|error| StoreError::Corrupt(format!("the retention settings: {error}")))?,
            None => RetentionChanges::default(),
        };
        Ok(self.configured.with(changes))
    }

    async fn deadlines(&self) -> Result<Deadlines, StoreError> {
        Ok(self.policy().await?.deadlines(self.clock.now()))
    }

    async fn preview(&self) -> Result<RetentionReport, StoreError> {
        let deadlines = self.deadlines().await?;
        let count = async |part, before: Option<Timestamp>| match before {
            Some(before) => self.stores.retention.count_overdue(part, before).await,
            None => Ok(0),
        };
        let purged = Purged {
            executions: count(KeptPart::Whole, deadlines.executions).await?,
            events: count(KeptPart::Events, deadlines.events).await?,
            values: count(KeptPart::Values, deadlines.outputs).await?,
        };
        let deliveries = match deadlines.deliveries {
            Some(before) => self.stores.retention.count_old_deliveries(before).await?,
            None => 0,
        };
        let audit = match deadlines.audit {
            Some(before) => {
                let to = self.stores.retention.audit_before(before).await?;
                let from = self.stores.audit.anchor().await?;
                to.map_or(0, |to| to.number.saturating_sub(from.number))
            }
            None => 0,
        };
        Ok(RetentionReport { purged, deliveries, audit, ..RetentionReport::default() })
    }

    /// Removes what is old, until this time at most.
    async fn run(&self, until: Option<Instant>) -> Result<RetentionReport, RetentionFailure> {
        let Ok(_guard) = self.running.try_lock() else { return Err(RetentionFailure::Running) };
        let deadlines = self.deadlines().await?;
        let mut run = Run { inner: self, until, report: RetentionReport::default() };
        for (part, before) in [
            (KeptPart::Whole, deadlines.executions),
            (KeptPart::Events, deadlines.events),
            (KeptPart::Values, deadlines.outputs),
        ] {
            if let Some(before) = before {
                run.purge(part, before).await?;
            }
        }
        if let Some(before) = deadlines.deliveries {
            run.purge_deliveries(before).await?;
        }
        if let Some(before) = deadlines.audit {
            run.purge_audit(before).await?;
        }
        Ok(run.report)
    }

    /// The state of an ended execution, which must stay when its events go; `None` if it can't be read.
    async fn state(&self, id: ExecutionId) -> Result<Option<Box<Snapshot>>, StoreError> {
        let Some(loaded) = self.stores.executions.load(id).await? else { return Ok(None) };
        let Some(runnable) = self.engine.catalog().runnable(loaded.creation.process.id).await? else {
            return Ok(None);
        };
        match loaded.execution(Arc::clone(&runnable.definition)) {
            Ok(execution) => Ok(Some(Box::new(execution.snapshot()))),
            Err(error) => {
                tracing::warn!(%error, execution = %id, "the events of an execution stay, since they can't be read");
                Ok(None)
            }
        }
    }
}

impl Run<'_> {
    /// Removes a part of all executions that have ended before a time.
    async fn purge(&mut self, part: KeptPart, before: Timestamp) -> Result<(), RetentionFailure> {
        loop {
            let found = self.inner.stores.retention.overdue(part, before, AT_ONCE).await?;
            let is_last = found.len() < AT_ONCE as usize;
            self.archive(&found).await?;
            let mut removals = Vec::with_capacity(found.len());
            for overdue in &found {
                let state = if part == KeptPart::Events { self.inner.state(overdue.id).await? } else { None };
                removals.push(Removal { id: overdue.id, state });
            }
            let removed = self.remove(part, removals).await?;
            // What can't be removed now would be found again and again.
            if is_last || !removed || self.is_over() {
                return Ok(());
            }
        }
    }

    /// Removes parts in as many steps as it takes; whether any was removed.
    async fn remove(&mut self, part: KeptPart, mut removals: Vec<Removal>) -> Result<bool, StoreError> {
        let mut removed = false;
        while !removals.is_empty() {
            if self.is_over() {
                return Ok(removed);
            }
            let begun = Instant::now();
            let step = self.inner.stores.retention.purge(part, removals.clone()).await?;
            removed |= step.purged != Purged::default();
            self.report.purged = self.report.purged.plus(step.purged);
            removals.drain(..step.settled.min(removals.len()));
            // Whoever works meanwhile has at least half of the time.
            tokio::time::sleep(begun.elapsed()).await;
        }
        Ok(removed)
    }

    /// Writes executions to the archive that are not there yet.
    async fn archive(&mut self, found: &[Overdue]) -> Result<(), RetentionFailure> {
        let Some(archive) = &self.inner.archive else { return Ok(()) };
        let ids: Vec<ExecutionId> =
            found.iter().filter(|overdue| !overdue.is_archived).map(|overdue| overdue.id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let lines = self.inner.exporter.lines_of(&ids, self.inner.clock.now()).await?;
        archive.keep(lines).await?;
        self.inner.stores.retention.mark_archived(&ids).await?;
        self.report.archived += ids.len() as u64;
        Ok(())
    }

    /// Removes deliveries of which nothing more is tried.
    async fn purge_deliveries(&mut self, before: Timestamp) -> Result<(), StoreError> {
        while !self.is_over() {
            let begun = Instant::now();
            let gone = self.inner.stores.retention.purge_deliveries(before).await?;
            if gone == 0 {
                return Ok(());
            }
            self.report.deliveries += gone;
            tokio::time::sleep(begun.elapsed()).await;
        }
        Ok(())
    }

    /// Removes entries of the audit trail that are older than a time. That they go is an entry of the trail.
    async fn purge_audit(&mut self, before: Timestamp) -> Result<(), StoreError> {
        let retention = &self.inner.stores.retention;
        if let Some(to) = retention.audit_before(before).await? {
            retention.move_audit_anchor(to, &self.inner.purge_entry(to)).await?;
        }
        while !self.is_over() {
            let begun = Instant::now();
            let gone = retention.purge_audit().await?;
            if gone == 0 {
                return Ok(());
            }
            self.report.audit += gone;
            tokio::time::sleep(begun.elapsed()).await;
        }
        Ok(())
    }

    /// Whether the time is over; then something may be left.
    fn is_over(&mut self) -> bool {
        let is_over = self.until.is_some_and(|until| Instant::now() >= until);
        self.report.is_unfinished |= is_over;
        is_over
    }
}

impl Inner {
    fn purge_entry(&self, to: AuditAnchor) -> AuditEntry {
        let system = Principal::system();
        AuditEntry {
            id: self.ids.new_id(),
            at: self.clock.now(),
            actor: system.name().to_owned(),
            via: Via::System.as_str().to_owned(),
            key_id: None,
            origin: Origin::default(),
            action: PURGE.to_owned(),
            resource: AuditedResource {
                kind: "audit".to_owned(),
                id: Some(to.number.to_string()),
                name: Some(to.hash.to_string()),
            },
            outcome: AuditOutcome::Done,
            reason: None,
        }
    }
}
