//! Use cases of triggers: what the published definitions declare (spec 4b 6).

use std::{collections::BTreeSet, sync::Arc};

use procession_domain::{
    definition::{Process, ProcessStatus, Schedule, Trigger, TriggerKind},
    value::{ProcessId, ProcessName, Timestamp},
};
use procession_language::schedule::due_times;

use crate::{
    access::{Forbidden, Principal, UseCase},
    figures::visible_user,
    ports::{Clock, DefinitionStore, ExecutionFilter, PageStart, Paging, ProcessFilter, Queries, Sort, StoreError},
};

/// How many definitions are read at a time.
const PAGE: u32 = 100;

/// What `triggered_by` says of an execution that a schedule started.
const BY_SCHEDULE: &str = "schedule";

/// The service for triggers.
#[derive(Clone)]
pub struct Triggers {
    definitions: Arc<dyn DefinitionStore>,
    queries: Arc<dyn Queries>,
    clock: Arc<dyn Clock>,
}

/// A trigger with the version that declares it.
#[derive(Debug, Clone)]
pub struct DeclaredTrigger {
    /// The version.
    pub process_id: ProcessId,
    /// The process.
    pub process_name: ProcessName,
    /// The trigger.
    pub trigger: Trigger,
}

/// A schedule with the version that declares it.
#[derive(Debug, Clone)]
pub struct DeclaredSchedule {
    /// The trigger that it is.
    pub declared: DeclaredTrigger,
    /// When it is due.
    pub schedule: Schedule,
    /// The next due times, the soonest first; none of one that is switched off or whose version can't be started.
    pub next_runs: Vec<Timestamp>,
    /// When it last started an execution that the principal may see.
    pub last_run_at: Option<Timestamp>,
}

/// Why triggers can't be shown.
#[derive(Debug, thiserror::Error)]
pub enum TriggerFailure {
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such process.
    #[error("Process not found")]
    NoProcess,
    /// There is no such webhook.
    #[error("Trigger not found: {0}")]
    NoWebhook(String),
    /// There is no such schedule.
    #[error("Schedule trigger not found: {0}")]
    NoSchedule(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Triggers {
    /// The service.
    pub(crate) const fn new(
        definitions: Arc<dyn DefinitionStore>,
        queries: Arc<dyn Queries>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { definitions, queries, clock }
    }

    /// The webhooks of the newest published version of each process, the last changed first.
    pub async fn webhooks(&self, by: &Principal) -> Result<Vec<DeclaredTrigger>, TriggerFailure> {
        by.check(UseCase::ReadTriggers)?;
        let published = self.newest_published().await?;
        let is_webhook = |declared: &DeclaredTrigger| matches!(declared.trigger.kind, TriggerKind::Webhook { .. });
        Ok(published.iter().flat_map(triggers_of).filter(is_webhook).collect())
    }

    /// The webhook of an id: of several processes with one, that of the process published last. Also by
    /// `process-name/trigger-id`.
    pub async fn webhook(&self, by: &Principal, id: &str) -> Result<DeclaredTrigger, TriggerFailure> {
        let mut webhooks = self.webhooks(by).await?;
        let is_meant = |declared: &DeclaredTrigger| match id.split_once('/') {
            Some((process, trigger)) => {
                declared.process_name.as_str() == process && declared.trigger.id.as_str() == trigger
            }
            None => declared.trigger.id.as_str() == id,
        };
        let place = webhooks.iter().position(is_meant).ok_or_else(|| TriggerFailure::NoWebhook(id.to_owned()))?;
        Ok(webhooks.swap_remove(place))
    }

    /// The schedules of the newest published version of each process, the last changed first.
    pub async fn schedules(&self, by: &Principal, next: usize) -> Result<Vec<DeclaredSchedule>, TriggerFailure> {
        by.check(UseCase::ReadTriggers)?;
        let mut schedules = Vec::new();
        for process in self.newest_published().await? {
            schedules.extend(self.schedules_in(by, &process, next).await?);
        }
        Ok(schedules)
    }

    /// The schedule of an id ([`DeclaredSchedule::id`]) in a published version.
    pub async fn schedule(&self, by: &Principal, id: &str, next: usize) -> Result<DeclaredSchedule, TriggerFailure> {
        by.check(UseCase::ReadTriggers)?;
        let unknown = || TriggerFailure::NoSchedule(id.to_owned());
        let (process, _) = id.split_once('.').ok_or_else(unknown)?;
        let process = process.parse::<ProcessId>().map_err(|_| unknown())?;
        let process = self.definitions.load(process).await?.ok_or_else(unknown)?;
        let schedules = self.schedules_in(by, &process, next).await?;
        schedules.into_iter().find(|schedule| schedule.id() == id).ok_or_else(unknown)
    }

    /// The schedules of a version, whatever its status.
    pub async fn schedules_of(
        &self,
        by: &Principal,
        process: ProcessId,
        next: usize,
    ) -> Result<Vec<DeclaredSchedule>, TriggerFailure> {
        by.check(UseCase::ReadTriggers)?;
        let process = self.definitions.load(process).await?.ok_or(TriggerFailure::NoProcess)?;
        self.schedules_in(by, &process, next).await
    }

    async fn schedules_in(
        &self,
        by: &Principal,
        process: &Process,
        next: usize,
    ) -> Result<Vec<DeclaredSchedule>, TriggerFailure> {
        let declared: Vec<(DeclaredTrigger, Schedule)> = triggers_of(process)
            .into_iter()
            .filter_map(|declared| match &declared.trigger.kind {
                TriggerKind::Schedule(schedule) => Some((declared.clone(), schedule.clone())),
                TriggerKind::Manual | TriggerKind::Webhook { .. } => None,
            })
            .collect();
        // Lists do not tell which schedule of several has started an execution.
        let last_run_at = if declared.len() == 1 { self.last_run(by, process.id()).await? } else { None };
        let now = self.clock.now();
        let is_published = process.status() == ProcessStatus::Published;
        let schedules = declared.into_iter().map(|(declared, schedule)| {
            let next = if is_published && declared.trigger.enabled { next } else { 0 };
            let next_runs = due_times(&schedule.cron_expression, &schedule.timezone, now, next);
            DeclaredSchedule { declared, schedule, next_runs, last_run_at }
        });
        Ok(schedules.collect())
    }

    /// When a schedule last started a version, as far as the principal may see that.
    async fn last_run(&self, by: &Principal, process: ProcessId) -> Result<Option<Timestamp>, StoreError> {
        let filter = ExecutionFilter {
            process_id: Some(process),
            triggered_by: Some(BY_SCHEDULE.to_owned()),
            user: visible_user(by),
            sort: Sort::Newest,
            ..ExecutionFilter::default()
        };
        let page = self.queries.executions(&filter, &Paging { limit: 1, start: PageStart::Offset(0) }).await?;
        Ok(page.rows.first().map(|row| row.created_at))
    }

    /// The newest published version of each process, the last changed first.
    async fn newest_published(&self) -> Result<Vec<Process>, StoreError> {
        let filter = ProcessFilter { status: Some(ProcessStatus::Published), ..ProcessFilter::default() };
        let mut start = PageStart::Offset(0);
        let mut seen = BTreeSet::new();
        let mut newest = Vec::new();
        loop {
            let page = self.definitions.list(&filter, &Paging { limit: PAGE, start }).await?;
            for row in page.rows {
                if !seen.insert(row.name.clone()) {
                    continue;
                }
                let published = self.definitions.published(&row.name, None).await?;
                let id = published.map_or(row.id, |published| published.id);
                newest.extend(self.definitions.load(id).await?);
            }
            match page.next_cursor {
                Some(cursor) => start = PageStart::Cursor(cursor),
                None => return Ok(newest),
            }
        }
    }
}

impl DeclaredSchedule {
    /// Its id: the version's and the trigger's.
    pub fn id(&self) -> String {
        format!("{}.{}", self.declared.process_id, self.declared.trigger.id)
    }
}

fn triggers_of(process: &Process) -> Vec<DeclaredTrigger> {
    let definition = process.definition();
    let declared = |trigger: &Trigger| DeclaredTrigger {
        process_id: process.id(),
        process_name: definition.name().clone(),
        trigger: trigger.clone(),
    };
    definition.content().triggers.iter().map(declared).collect()
}
