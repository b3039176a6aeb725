//! The application as a whole: the engine and the services around it, built from ports and settings. The one wiring that
//! the facade, the server, the tests and the bench share.

use std::sync::Arc;

use procession_domain::value::{Duration, Timestamp};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    access::{Access, AccessSettings, Forbidden, Principal, UseCase},
    agents::Agents,
    alerts::Alerts,
    approvals::Approvals,
    audit::Audit,
    dashboard::{Dashboard, DashboardParts},
    definitions::{DefinitionSettings, Definitions},
    deliveries::{DecisionLinks, Deliveries, DeliverySettings, Mails, Outbox, Worker},
    door::Door,
    engine::{Engine, EngineError, EngineSettings, TakesUp},
    events::Events,
    executions::{ExecutionPorts, Executions},
    figures::Figures,
    inbox::{Inbox, InboxParts},
    notifications::{NotificationSettings, Notifications, SettingsInForce},
    owners::Owners,
    ports::{Clock, EventFeed, Ports, StoreError},
    retention::{Retention, RetentionPolicy},
    server_status::ServerStatus,
    templates::Templates,
    transfer::Archive,
    triggers::{Keeper, Spam, TriggerPorts, Triggers},
    variables::Variables,
    views::Views,
    workshop::Workshop,
};

/// How long what is due may take to be sent at the end.
const LAST_POST: std::time::Duration = std::time::Duration::from_secs(2);

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
    /// Use cases of deliveries.
    pub deliveries: Deliveries,
    /// Use cases of agents.
    pub agents: Agents,
    /// Use cases of users and keys.
    pub access: Access,
    /// Use cases of the audit trail.
    pub audit: Audit,
    /// Use cases of notifications.
    pub notifications: Notifications,
    /// Use cases of templates.
    pub templates: Templates,
    /// Use cases of triggers.
    pub triggers: Triggers,
    /// Use cases of figures.
    pub figures: Figures,
    /// Use cases of cost alerts and thresholds.
    pub alerts: Alerts,
    /// Use cases of what waits for people.
    pub inbox: Inbox,
    /// The dashboard.
    pub dashboard: Dashboard,
    /// Use cases of saved views.
    pub views: Views,
    /// Use cases of what is kept, and for how long.
    pub retention: Retention,
    /// Use cases about the server itself.
    pub status: ServerStatus,
    /// Where work is done whose cost strangers decide.
    pub workshop: Workshop,
    door: Door,
    clock: Arc<dyn Clock>,
    feed: Arc<dyn EventFeed>,
    post: PostRoom,
}

/// The worker of deliveries, as a task.
#[derive(Clone)]
struct PostRoom {
    tasks: TaskTracker,
    stop: CancellationToken,
    halt: CancellationToken,
}

/// Settings of the application.
#[derive(Clone, Default)]
pub struct ApplicationSettings {
    /// Of the engine.
    pub engine: EngineSettings,
    /// Of definitions.
    pub definitions: DefinitionSettings,
    /// Of users and their rights.
    pub access: AccessSettings,
    /// Where notifications go, as far as nobody has said so at run time.
    pub notifications: NotificationSettings,
    /// How what is told outside is sent.
    pub deliveries: DeliverySettings,
    /// How many executions a user may start in a minute; 0 = no limit (`limits.starts_per_minute`).
    pub starts_per_minute: u32,
    /// For how long things are kept, as far as nobody has said so at run time; by default for ever (`retention.*`).
    pub retention: RetentionPolicy,
    /// Where executions are written before they are removed.
    pub archive: Option<Arc<dyn Archive>>,
    /// What `${ENV:NAME}` means in the secrets of processes.
    pub variables: Variables,
}

impl Application {
    /// Starts the engine on these ports, and the services around it.
    #[expect(clippy::too_many_lines, reason = "the wiring is read from top to bottom, and decides nothing")]
    pub async fn start(ports: Ports, settings: ApplicationSettings) -> Result<Self, EngineError> {
        let told = Arc::new(settings.deliveries);
        let links = DecisionLinks::of(&told);
        let mails = Mails::new(
            Arc::clone(&ports.stores.access),
            Arc::clone(&ports.stores.approvals),
            SettingsInForce::new(Arc::clone(&ports.stores.access), settings.notifications.clone()),
            links.clone(),
        );
        let outbox = Outbox::new(&ports, mails.clone(), Arc::clone(&told));
        let engine = Engine::start(ports.clone(), outbox.clone(), settings.engine).await?;
        let variables = settings.variables;
        let post = PostRoom::open(|stop| Worker::new(ports.clone(), told, mails, variables.clone(), &outbox, stop));
        let Ports { stores, agents, notifier, webhooks: _, clock, ids } = ports;
        let door = Door::with_audit(Arc::clone(&stores.audit), Arc::clone(&clock), Arc::clone(&ids));
        let currency = settings.definitions.currency;
        let owners = Owners::new(Arc::clone(&stores.executions));
        let agents_service = Agents::new(
            Arc::clone(&agents),
            Arc::clone(&stores.analytics),
            Arc::clone(&clock),
            Arc::clone(&ids),
            engine.clone(),
            door.clone(),
        );
        let retention = Retention::new(
            stores.clone(),
            engine.clone(),
            Arc::clone(&clock),
            Arc::clone(&ids),
            door.clone(),
            settings.retention,
            settings.archive,
        );
        let workshop = Workshop::default();
        let changed = Arc::new(Notify::new());
        let definitions_service = Definitions::new(
            Arc::clone(&stores.definitions),
            Arc::clone(&stores.access),
            agents,
            Arc::clone(&clock),
            Arc::clone(&ids),
            door.clone(),
            settings.definitions,
        )
        .in_workshop(workshop.clone())
        .knowing(Arc::clone(&stores.incoming))
        .telling(Arc::clone(&changed));
        let approvals = Approvals::new(
            stores.approvals,
            Arc::clone(&stores.access),
            Arc::clone(&clock),
            owners,
            engine.clone(),
            links,
            door.clone(),
        );
        let deliveries = Deliveries::new(stores.deliveries, Arc::clone(&clock), outbox.clone(), door.clone());
        let executions = Executions::new(
            ExecutionPorts {
                definitions: Arc::clone(&stores.definitions),
                executions: stores.executions,
                queries: Arc::clone(&stores.queries),
                feed: Arc::clone(&stores.feed),
                blobs: stores.blobs,
                clock: Arc::clone(&clock),
                ids: Arc::clone(&ids),
            },
            engine.clone(),
            door.clone(),
            settings.starts_per_minute,
        );
        let keeper = Keeper {
            schedules: Arc::clone(&stores.schedules),
            executions: executions.clone(),
            feed: Arc::clone(&stores.feed),
            clock: Arc::clone(&clock),
            changed: Arc::clone(&changed),
            poll: engine.settings().poll,
        };
        if engine.settings().takes_up == TakesUp::All {
            engine.run_beside("the keeper of the schedules", move || keeper.clone().keep());
        }
        let people = Access::new(
            Arc::clone(&stores.access),
            Arc::clone(&clock),
            Arc::clone(&ids),
            door.clone(),
            settings.access,
        );
        let triggers = Triggers::new(TriggerPorts {
            definitions: Arc::clone(&stores.definitions),
            schedules: stores.schedules,
            incoming: stores.incoming,
            executions: executions.clone(),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            door: door.clone(),
            variables,
            changed,
            spam: Spam::default(),
        });
        let figures = Figures::new(stores.analytics, Arc::clone(&stores.definitions), Arc::clone(&clock), currency);
        let alerts = Alerts::new(
            stores.thresholds,
            Arc::clone(&stores.definitions),
            Arc::clone(&clock),
            Arc::clone(&ids),
            door.clone(),
            currency,
            engine.clone(),
            outbox,
        );
        let inbox = Inbox::new(InboxParts {
            approvals: approvals.clone(),
            executions: executions.clone(),
            agents: agents_service.clone(),
            marks: stores.notices,
            clock: Arc::clone(&clock),
            engine: engine.clone(),
            door: door.clone(),
        });
        Ok(Self {
            templates: Templates::new(stores.templates, definitions_service.clone(), Arc::clone(&clock), door.clone()),
            dashboard: Dashboard::new(DashboardParts {
                executions: executions.clone(),
                approvals: approvals.clone(),
                figures: figures.clone(),
                triggers: triggers.clone(),
                inbox: inbox.clone(),
                alerts: alerts.clone(),
                deliveries: deliveries.clone(),
                clock: Arc::clone(&clock),
            }),
            views: Views::new(stores.views, Arc::clone(&clock), Arc::clone(&ids), door.clone()),
            triggers,
            figures,
            alerts,
            inbox,
            definitions: definitions_service,
            workshop,
            approvals,
            executions,
            agents: agents_service,
            events: Events::new(Arc::clone(&stores.feed)),
            deliveries,
            access: people,
            audit: Audit::new(stores.audit),
            retention,
            notifications: Notifications::new(stores.access, notifier, ids, door.clone(), settings.notifications),
            status: ServerStatus::new(engine.clone(), stores.queries, stores.definitions),
            clock,
            feed: stores.feed,
            engine,
            door,
            post,
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
        let until = Instant::now() + within.to_std();
        let (are_settled, ()) = tokio::join!(self.settle(within), self.engine.drain(within));
        self.post.close(until.saturating_duration_since(Instant::now()).min(LAST_POST)).await;
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
        self.post.halt.cancel();
    }
}

impl PostRoom {
    /// Lets a worker begin.
    fn open(worker: impl FnOnce(CancellationToken) -> Worker) -> Self {
        let room = Self { tasks: TaskTracker::new(), stop: CancellationToken::new(), halt: CancellationToken::new() };
        let (work, halt) = (worker(room.stop.clone()).work(), room.halt.clone());
        room.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = halt.cancelled() => {}
                () = work => {}
            }
        });
        room
    }

    /// Lets what is due be sent, at most so long. What is not sent then is due at the next start.
    async fn close(&self, within: std::time::Duration) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(within, self.tasks.wait()).await.is_err() {
            tracing::info!("stopping while deliveries are under way; the next start sends them again");
            self.halt.cancel();
        }
    }
}
