//! Use cases about the server itself: what its last start found, and how full it is (spec 4b, E10 and E11).

use std::{collections::BTreeMap, sync::Arc};

use procession_domain::{definition::ProcessStatus, execution::ExecutionStatus};

use crate::{
    access::{Forbidden, Principal, UseCase},
    engine::{Engine, RecoveryReport},
    ports::{DefinitionStore, Occupation, PageStart, Paging, ProcessFilter, Queries, Standing, StoreError},
};

/// How many definitions are read at a time.
const PAGE: u32 = 100;

/// The service for the server's own state.
#[derive(Clone)]
pub struct ServerStatus {
    engine: Engine,
    queries: Arc<dyn Queries>,
    definitions: Arc<dyn DefinitionStore>,
}

/// How full the server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitsReport {
    /// Executions at work.
    pub running: u64,
    /// How many may be.
    pub most_running: u32,
    /// Executions that wait to begin.
    pub pending: u64,
    /// How many may.
    pub most_pending: u32,
    /// How many of one process may be at work where it does not say; `None` = no limit.
    pub instances: Option<u32>,
    /// The same for published processes that do say, by name.
    pub instances_of: BTreeMap<String, u32>,
}

/// Why the state can't be told.
#[derive(Debug, thiserror::Error)]
pub enum StatusFailure {
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ServerStatus {
    /// The service.
    pub(crate) const fn new(engine: Engine, queries: Arc<dyn Queries>, definitions: Arc<dyn DefinitionStore>) -> Self {
        Self { engine, queries, definitions }
    }

    /// What the last start found under way, and what became of it.
    pub fn recovery(&self, by: &Principal) -> Result<RecoveryReport, Forbidden> {
        by.check(UseCase::ReadRecovery)?;
        Ok(self.engine.recovery_report())
    }

    /// How full the server is.
    pub async fn limits(&self, by: &Principal) -> Result<LimitsReport, StatusFailure> {
        by.check(UseCase::ReadLimits)?;
        let counts = self.queries.execution_counts().await?;
        let pending = counts.iter().filter(|(status, _)| *status == ExecutionStatus::Pending);
        let settings = self.engine.settings();
        Ok(LimitsReport {
            running: self.engine.executions_in_memory() as u64,
            most_running: settings.max_concurrent_executions,
            pending: pending.map(|(_, count)| count).sum(),
            most_pending: settings.queue_length,
            instances: settings.max_concurrent_instances,
            instances_of: self.instances_of().await?,
        })
    }

    /// How the server stands, for monitoring. How fast its runtime is, whoever runs it knows.
    pub async fn standing(&self, by: &Principal) -> Result<Standing, StatusFailure> {
        by.check(UseCase::ReadMetrics)?;
        let executions = self.queries.live_executions().await?;
        let loads = self.engine.agent_loads().into_iter();
        let agents = loads.map(|(agent, load)| {
            let occupation = Occupation { in_flight: load.in_flight, queued: load.queued };
            (agent, occupation)
        });
        Ok(Standing { executions, agents: agents.collect(), ..Standing::default() })
    }

    /// The limits of the newest published version of each process that has its own.
    async fn instances_of(&self) -> Result<BTreeMap<String, u32>, StoreError> {
        let filter = ProcessFilter { status: Some(ProcessStatus::Published), ..ProcessFilter::default() };
        let mut start = PageStart::Offset(0);
        let mut limits = BTreeMap::new();
        loop {
            let page = self.definitions.list(&filter, &Paging { limit: PAGE, start }).await?;
            for row in page.rows {
                if !limits.contains_key(row.name.as_str())
                    && let Some(newest) = self.definitions.published(&row.name, None).await?
                {
                    limits.insert(row.name.to_string(), newest.definition.config().max_concurrent_instances);
                }
            }
            match page.next_cursor {
                Some(cursor) => start = PageStart::Cursor(cursor),
                None => return Ok(limits.into_iter().filter_map(|(name, limit)| Some((name, limit?))).collect()),
            }
        }
    }
}
