//! Putting an engine together.

use std::sync::Arc;

use procession_application::{
    Application, ApplicationSettings, Door,
    access::Principal,
    definitions::{DefinitionFailure, Definitions},
    housekeeping::Housekeeping,
    ports::{AgentGateway, Clock, IdGenerator, NoWebhooks, Notifier, Ports, WebhookSender},
    system::{SystemClock, UuidGenerator},
};
use procession_domain::value::AgentName;
use procession_language::Diagnostic;
use tokio::task::JoinSet;

use crate::{
    Approval, BuildError, Decision, Diagnostics, Engine, Store,
    agents::{AgentFunction, OwnAgents},
    approvals::Judge,
    notifier::NoNotifier,
};

/// An engine that is being put together. [`build`](Self::build) makes it.
#[must_use = "an engine is made by `build`"]
#[derive(Default)]
pub struct EngineBuilder {
    store: Option<Box<dyn Store>>,
    agents: OwnAgents,
    names: Vec<String>,
    others: Option<Arc<dyn AgentGateway>>,
    #[cfg(feature = "agents")]
    sources: Option<crate::AgentSources>,
    processes: Vec<String>,
    judge: Option<Judge>,
    notifier: Option<Arc<dyn Notifier>>,
    #[cfg(feature = "notifications")]
    outgoing: Option<procession_notifications::AllowedHosts>,
    settings: ApplicationSettings,
    clock: Option<Arc<dyn Clock>>,
    ids: Option<Arc<dyn IdGenerator>>,
}

/// What tells the world outside: by messages, and by webhooks.
type Outside = (Arc<dyn Notifier>, Arc<dyn WebhookSender>);

impl EngineBuilder {
    /// Where the engine keeps everything. It is the one thing that an engine must have.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Box::new(store));
        self
    }

    /// Adds an agent that is an async function of the program:
    /// `async fn(Task) -> Result<Reply, AgentError>`, with up to four [`State`](crate::State)s behind the task.
    pub fn agent<A: 'static>(mut self, name: &str, function: impl AgentFunction<A>) -> Self {
        self.names.push(name.to_owned());
        self.agents.add(name.to_owned(), function);
        self
    }

    /// Gives the agents a value that they may ask for by its type.
    pub fn state<T: Clone + Send + Sync + 'static>(mut self, state: T) -> Self {
        self.agents.give(state);
        self
    }

    /// Where agents are found that are no functions of the program.
    pub fn gateway(mut self, gateway: Arc<dyn AgentGateway>) -> Self {
        self.others = Some(gateway);
        self
    }

    /// Adds the agents of an `agents.yaml`.
    #[cfg(feature = "agents")]
    pub fn agents_file(self, path: impl Into<std::path::PathBuf>) -> Self {
        let mut sources = self.sources.clone().unwrap_or_default();
        sources = sources.file(path);
        self.agents_from(sources)
    }

    /// Adds the agents of the platform whose MCP server is at this address.
    #[cfg(feature = "agents")]
    pub fn platform(self, url: impl Into<String>, key: impl Into<String>) -> Self {
        let mut sources = self.sources.clone().unwrap_or_default();
        sources = sources.platform(url, Some(key.into().into()));
        self.agents_from(sources)
    }

    /// Adds the agents of these sources, in place of those named before.
    #[cfg(feature = "agents")]
    pub fn agents_from(mut self, sources: crate::AgentSources) -> Self {
        self.sources = Some(sources);
        self
    }

    /// Publishes a process when the engine is built, if no version with this text is published yet. If its version's
    /// number belongs to another text, it gets the next one.
    pub fn process(mut self, yaml: impl Into<String>) -> Self {
        self.processes.push(yaml.into());
        self
    }

    /// Shows every open approval to a function, which decides it or leaves it to people. It has one voice where several
    /// must approve.
    pub fn approvals<F, D>(mut self, decide: F) -> Self
    where
        F: Fn(Approval) -> D + Send + Sync + 'static,
        D: Future<Output = Decision> + Send + 'static,
    {
        self.judge = Some(Judge::new(decide));
        self
    }

    /// How messages of notification steps are sent.
    pub fn notifier(mut self, notifier: Arc<dyn Notifier>) -> Self {
        self.notifier = Some(notifier);
        self
    }

    /// Sends messages of notification steps to Slack, by mail and to webhooks, as the settings say
    /// ([`ApplicationSettings::notifications`]), and posts to the outgoing webhooks of processes. Besides the public internet, requests may go to these hosts.
    #[cfg(feature = "notifications")]
    pub fn notifications(mut self, outgoing: procession_notifications::AllowedHosts) -> Self {
        self.outgoing = Some(outgoing);
        self
    }

    /// Limits and other settings.
    pub fn settings(mut self, settings: ApplicationSettings) -> Self {
        self.settings = settings;
        self
    }

    /// The clock, in place of the machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// What makes ids, in place of UUIDs whose first characters are random.
    pub fn ids(mut self, ids: Arc<dyn IdGenerator>) -> Self {
        self.ids = Some(ids);
        self
    }

    /// Makes the engine, and lets it go on with what its store holds. It must be awaited in a tokio runtime, in which the
    /// engine then works.
    ///
    /// # Errors
    /// All that is wrong with the processes at once ([`BuildError::Definitions`]), or whatever else is missing.
    pub async fn build(mut self) -> Result<Engine, BuildError> {
        let store = self.store.take().ok_or(BuildError::NoStore)?;
        let built = self.build_on(store.as_ref()).await;
        match built {
            Ok((application, background)) => Ok(Engine::new(application, store, background)),
            Err(error) => {
                store.close().await;
                Err(error)
            }
        }
    }

    async fn build_on(mut self, store: &dyn Store) -> Result<(Application, JoinSet<()>), BuildError> {
        self.check_agents()?;
        let stores = store.stores();
        let clock = match self.clock.take() {
            Some(clock) => clock,
            None => Arc::new(SystemClock::starting_at(stores.executions.newest_event_time().await?)),
        };
        let ids = self.ids.take().unwrap_or_else(|| Arc::new(UuidGenerator));
        let mut background = JoinSet::new();
        let others = self.others(Arc::clone(&clock), &mut background).await?;
        let (notifier, webhooks) = self.notifier_on(&stores, Arc::clone(&clock))?;
        let agents = Arc::new(std::mem::take(&mut self.agents).or(others));
        let ports = Ports::on(stores, agents, notifier, clock, ids).with_webhooks(webhooks);
        // Before anything runs: an engine with bad processes does nothing at all.
        self.publish(&ports).await?;
        let (executions, blobs, clock) =
            (Arc::clone(&ports.stores.executions), Arc::clone(&ports.stores.blobs), Arc::clone(&ports.clock));
        let live = ports.stores.feed.subscribe();
        let application = Application::start(ports, self.settings).await?;
        background.spawn(Housekeeping::new(executions, blobs, clock).keep_tidy());
        if let Some(judge) = self.judge {
            background.spawn(judge.sit(application.clone(), live.into()));
        }
        Ok((application, background))
    }

    fn check_agents(&self) -> Result<(), BuildError> {
        for name in &self.names {
            let checked = AgentName::new(name);
            checked.map_err(|reason| BuildError::AgentName { name: name.clone(), reason })?;
        }
        match self.agents.lacking() {
            Some((agent, state)) => Err(BuildError::MissingState { agent: agent.to_owned(), state }),
            None => Ok(()),
        }
    }

    #[cfg(feature = "agents")]
    async fn others(
        &mut self,
        clock: Arc<dyn Clock>,
        background: &mut JoinSet<()>,
    ) -> Result<Option<Arc<dyn AgentGateway>>, BuildError> {
        let Some(sources) = self.sources.take() else { return Ok(self.others.take()) };
        let found = sources.find(clock).await?;
        let gateway = found.gateway();
        found.look_after(background);
        Ok(Some(gateway))
    }

    #[cfg(not(feature = "agents"))]
    async fn others(
        &mut self,
        _clock: Arc<dyn Clock>,
        _background: &mut JoinSet<()>,
    ) -> Result<Option<Arc<dyn AgentGateway>>, BuildError> {
        std::future::ready(Ok(self.others.take())).await
    }

    #[cfg(feature = "notifications")]
    fn notifier_on(
        &mut self,
        stores: &procession_application::ports::Stores,
        clock: Arc<dyn Clock>,
    ) -> Result<Outside, BuildError> {
        use procession_notifications::{Notifications, SafeHttp};
        let sent = match self.outgoing.take() {
            Some(outgoing) => {
                let (people, settings) = (Arc::clone(&stores.access), self.settings.notifications.clone());
                Some(Arc::new(Notifications::new(people, settings, SafeHttp::new(outgoing)?, clock)))
            }
            None => None,
        };
        let webhooks: Arc<dyn WebhookSender> = match &sent {
            Some(sent) => Arc::clone(sent) as _,
            None => Arc::new(NoWebhooks),
        };
        let notifier: Arc<dyn Notifier> = match (self.notifier.take(), sent) {
            (Some(notifier), _) => notifier,
            (None, Some(sent)) => sent,
            (None, None) => Arc::new(NoNotifier),
        };
        Ok((notifier, webhooks))
    }

    #[cfg(not(feature = "notifications"))]
    #[expect(clippy::unnecessary_wraps, reason = "with the feature it can fail")]
    fn notifier_on(
        &mut self,
        _stores: &procession_application::ports::Stores,
        _clock: Arc<dyn Clock>,
    ) -> Result<Outside, BuildError> {
        let notifier = self.notifier.take().unwrap_or_else(|| Arc::new(NoNotifier));
        Ok((notifier, Arc::new(NoWebhooks)))
    }

    /// Publishes all processes, or says all that is wrong with them.
    async fn publish(&self, ports: &Ports) -> Result<(), BuildError> {
        let definitions = Definitions::new(
            Arc::clone(&ports.stores.definitions),
            Arc::clone(&ports.stores.access),
            Arc::clone(&ports.agents),
            Arc::clone(&ports.clock),
            Arc::clone(&ports.ids),
            Door::with_audit(Arc::clone(&ports.stores.audit), Arc::clone(&ports.clock), Arc::clone(&ports.ids)),
            self.settings.definitions.clone(),
        );
        let system = Principal::system();
        let named = (1..).map(|number| format!("process {number}")).zip(&self.processes);
        let mut refused = Vec::new();
        for (name, yaml) in named.clone() {
            let checked = definitions.check(&system, yaml).await.map_err(|reason| publish_error(&name, reason))?;
            if checked.definition.is_none() {
                let found = checked.diagnostics.into_iter().filter(Diagnostic::is_error).collect();
                refused.push(Diagnostics { name, text: yaml.clone(), found });
            }
        }
        if !refused.is_empty() {
            return Err(BuildError::Definitions(refused));
        }
        for (name, yaml) in named {
            let published = definitions.ensure_published(&system, yaml.clone()).await;
            published.map_err(|reason| publish_error(&name, reason))?;
        }
        Ok(())
    }
}

fn publish_error(name: &str, reason: DefinitionFailure) -> BuildError {
    BuildError::Publish { name: name.to_owned(), reason: Box::new(reason) }
}
