//! The application as a whole: the engine and the services around it, built from ports and settings. The one wiring that
//! the facade, the server, the tests and the bench share.

use std::sync::Arc;

use procession_domain::value::{Duration, Timestamp};

use crate::{
    access::{Access, AccessSettings, Forbidden, Principal, UseCase},
    agents::Agents,
    approvals::Approvals,
    audit::Audit,
    definitions::{DefinitionSettings, Definitions},
    door::Door,
    engine::{Engine, EngineError, EngineSettings},
    events::Events,
    executions::{ExecutionPorts, Executions},
    notifications::{NotificationSettings, Notifications},
    owners::Owners,
    ports::{Clock, EventFeed, Ports, StoreError},
    server_status::ServerStatus,
};

/// Everything behind the doors. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Application {
    /// The engine.
    pub engine: Engine,
    /// Use cases of definitions.
    pub definitions: Definitions,
    /// Use cases of executions.
    pub executions: Executions,
    /// Use cases of approvals.
    pub approvals: Approvals,
    /// Use cases of events.
    pub events: Events,
    /// Use cases of agents.
    pub agents: Agents,
    /// Use cases of users and keys.
    pub access: Access,
    /// Use cases of the audit trail.
    pub audit: Audit,
    /// Use cases of notifications.
    pub notifications: Notifications,
    /// Use cases about the server itself.
    pub status: ServerStatus,
    door: Door,
    clock: Arc<dyn Clock>,
    feed: Arc<dyn EventFeed>,
}

/// Settings of the application.
#[derive(Debug, Clone, Default)]
pub struct ApplicationSettings {
    /// Of the engine.
    pub engine: EngineSettings,
    /// Of definitions.
    pub definitions: DefinitionSettings,
    /// Of users and their rights.
    pub access: AccessSettings,
    /// Where notifications go, as far as nobody has said so at run time.
    pub notifications: NotificationSettings,
    /// How many executions a user may start in a minute; 0 = no limit (`limits.starts_per_minute`).
    pub starts_per_minute: u32,
}

impl Application {
    /// Starts the engine on these ports, and the services around it.
    pub async fn start(ports: Ports, settings: ApplicationSettings) -> Result<Self, EngineError> {
        let engine = Engine::start(ports.clone(), settings.engine).await?;
        let Ports {
            definitions,
            executions,
            approvals,
            queries,
            feed,
            blobs,
            access,
            audit,
            agents,
            notifier,
            clock,
            ids,
        } = ports;
        let door = Door::with_audit(Arc::clone(&audit), Arc::clone(&clock), Arc::clone(&ids));
        let owners = Owners::new(Arc::clone(&executions));
        Ok(Self {
            definitions: Definitions::new(
                Arc::clone(&definitions),
                Arc::clone(&access),
                Arc::clone(&agents),
                Arc::clone(&clock),
                Arc::clone(&ids),
                door.clone(),
                settings.definitions,
            ),
            approvals: Approvals::new(
                approvals,
                Arc::clone(&access),
                Arc::clone(&clock),
                owners,
                engine.clone(),
                door.clone(),
            ),
            events: Events::new(Arc::clone(&feed)),
            agents: Agents::new(agents),
            access: Access::new(
                Arc::clone(&access),
                Arc::clone(&clock),
                Arc::clone(&ids),
                door.clone(),
                settings.access,
            ),
            audit: Audit::new(audit),
            notifications: Notifications::new(access, notifier, Arc::clone(&ids), door.clone(), settings.notifications),
            status: ServerStatus::new(engine.clone(), Arc::clone(&queries), Arc::clone(&definitions)),
            clock: Arc::clone(&clock),
            feed: Arc::clone(&feed),
            executions: Executions::new(
                ExecutionPorts { definitions, executions, queries, feed, blobs, clock, ids },
                engine.clone(),
                door.clone(),
                settings.starts_per_minute,
            ),
            engine,
            door,
        })
    }

    /// The time, by the clock that everything goes by.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Refuses who may not ask for a use case at all, before it is looked at what they ask it of. The use case itself
    /// decides, and decides again.
    pub fn look_at(&self, by: &Principal, use_case: UseCase) -> Result<(), Forbidden> {
        self.door.look_at(by, use_case)
    }

    /// Whether the store answers and, as far as the engine's last try told, can be written.
    pub async fn is_ready(&self) -> Result<(), StoreError> {
        self.feed.newest().await?;
        match self.engine.health().store_problem {
            Some(problem) => Err(StoreError::Unavailable(problem)),
            None => Ok(()),
        }
    }

    /// Shuts down gracefully: changes that were asked for are carried through, nothing new starts, transitions under way
    /// commit, calls in flight are left to the next start. Returns when that is done, or after `within`.
    pub async fn drain(&self, within: Duration) {
        let (are_settled, ()) = tokio::join!(self.settle(within), self.engine.drain(within));
        if !are_settled {
            tracing::warn!("stopping before everything that was asked for is done");
        }
    }

    /// Waits until every change that was asked for is carried through, at most so long. `false` if some are not.
    pub async fn settle(&self, within: Duration) -> bool {
        self.door.settle(within).await
    }

    /// Ends at once, as a crash would. The next start takes up whatever is under way.
    pub fn halt(&self) {
        self.engine.halt();
    }
}
