//! A stage on which processes run: stores, scripted agents, a clock, and the services around an engine. For tests that
//! run definitions written as YAML from their start to their end.

#![expect(clippy::expect_used, clippy::panic, reason = "a stage that cannot be set up fails the test it is for")]

use std::{
    collections::BTreeMap,
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use procession_domain::{
    approval::{Approval, ApprovalStatus, Ballot},
    event::ValueRef,
    execution::{Execution, ExecutionStatus, StepLife},
    value::{Duration, ExecutionId, Json, ProcessId, Timestamp},
};
use serde_json::json;

use super::{MemoryStore, ScriptedAgents, SequentialIds, VirtualClock};
use procession_application::{
    Application, ApplicationSettings,
    access::Principal,
    approvals::ApprovalQuery,
    engine::EngineSettings,
    executions::{StartRequest, VisibleExecution},
    ports::{
        Clock, DeliveryFailure, EventPage, Message, Notifier, PageStart, Paging, Ports, StoreError, StoredEvent, Stores,
    },
};

/// The first moment on every stage.
pub const CURTAIN: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// An application with everything around it. The stage itself may do everything.
pub struct Stage {
    /// The ports that everything uses.
    pub ports: Ports,
    /// The engine and its services.
    pub application: Application,
    /// Who acts where a test names nobody: the program itself.
    pub system: Principal,
    /// The agents.
    pub agents: Arc<ScriptedAgents>,
    /// The messages that were sent.
    pub messages: Arc<KeptMessages>,
}

/// A notifier that keeps what it is told, and fails on the channels it is told to.
#[derive(Default)]
pub struct KeptMessages {
    sent: Mutex<Vec<Message>>,
    failures: Mutex<BTreeMap<String, Vec<DeliveryFailure>>>,
}

impl KeptMessages {
    /// The messages so far, in order.
    pub fn sent(&self) -> Vec<Message> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the next sends on a channel fail so, one after the other.
    pub fn fail(&self, channel: &str, failures: Vec<DeliveryFailure>) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).insert(channel.to_owned(), failures);
    }
}

#[async_trait]
impl Notifier for KeptMessages {
    async fn send(&self, message: &Message) -> Result<Json, DeliveryFailure> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(failures) = failures.get_mut(&message.channel).filter(|failures| !failures.is_empty()) {
            return Err(failures.remove(0));
        }
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(message.clone());
        Ok(json!({"status": "sent", "status_code": 200}))
    }
}

impl Deref for Stage {
    type Target = Application;

    fn deref(&self) -> &Application {
        &self.application
    }
}

impl Stage {
    /// A stage in memory, in the runtime's time.
    pub async fn in_memory(agents: impl FnOnce(Arc<dyn Clock>) -> ScriptedAgents, settings: EngineSettings) -> Self {
        let settings = ApplicationSettings { engine: settings, ..ApplicationSettings::default() };
        Self::in_memory_with(agents, settings).await
    }

    /// The same, with more settings than those of the engine.
    pub async fn in_memory_with(
        agents: impl FnOnce(Arc<dyn Clock>) -> ScriptedAgents,
        settings: ApplicationSettings,
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::starting_at(CURTAIN));
        let store = Arc::new(MemoryStore::with_clock(Arc::clone(&clock)));
        let agents = Arc::new(agents(Arc::clone(&clock)));
        let messages = Arc::new(KeptMessages::default());
        let stores = Stores::of(&store, store.clone());
        let ids = Arc::new(SequentialIds::default());
        let ports = Ports::on(stores, Arc::clone(&agents) as _, Arc::clone(&messages) as _, clock, ids);
        Self::with(ports, agents, messages, settings).await
    }

    /// A stage on these ports.
    ///
    /// # Panics
    /// If the engine can't start.
    pub async fn on(
        ports: Ports,
        agents: Arc<ScriptedAgents>,
        messages: Arc<KeptMessages>,
        settings: EngineSettings,
    ) -> Self {
        Self::with(ports, agents, messages, ApplicationSettings { engine: settings, ..ApplicationSettings::default() })
            .await
    }

    /// A stage on these ports, with more settings than those of the engine.
    ///
    /// # Panics
    /// If the engine can't start.
    pub async fn with(
        ports: Ports,
        agents: Arc<ScriptedAgents>,
        messages: Arc<KeptMessages>,
        settings: ApplicationSettings,
    ) -> Self {
        let application = Application::start(ports.clone(), settings).await.expect("the engine starts");
        Self { ports, application, system: Principal::system(), agents, messages }
    }

    /// Creates and publishes a process.
    ///
    /// # Panics
    /// If the text has errors.
    pub async fn publish(&self, yaml: &str) -> ProcessId {
        let created = self.definitions.create(&self.system, yaml.to_owned()).await;
        let id = created.unwrap_or_else(|error| panic!("{error}\n{yaml}")).process.id();
        self.definitions.publish(&self.system, id).await.unwrap_or_else(|error| panic!("{error}\n{yaml}"));
        id
    }

    /// Starts a process.
    ///
    /// # Panics
    /// If it can't be started.
    pub async fn start(&self, process: ProcessId, input: Json) -> ExecutionId {
        self.start_by(&self.system, process, input).await
    }

    /// Has someone start a process.
    ///
    /// # Panics
    /// If it can't be started.
    pub async fn start_by(&self, by: &Principal, process: ProcessId, input: Json) -> ExecutionId {
        let request = StartRequest { input, triggered_by: "test".into(), ..StartRequest::default() };
        self.executions.start(by, process, request).await.expect("the process starts").execution.id()
    }

    /// The execution as it is stored.
    ///
    /// # Panics
    /// If it does not exist.
    pub async fn execution(&self, id: ExecutionId) -> Execution {
        self.shown(id).await.into_inner()
    }

    /// The same, to ask for what belongs to it.
    ///
    /// # Panics
    /// If it does not exist.
    pub async fn shown(&self, id: ExecutionId) -> VisibleExecution {
        self.executions.get(&self.system, id).await.expect("the execution exists")
    }

    /// A value of an execution; `None` if it is gone.
    pub async fn value(&self, id: ExecutionId, value: &ValueRef) -> Result<Option<Arc<Json>>, StoreError> {
        self.executions.value(&self.shown(id).await, value).await
    }

    /// The sub-processes of an execution.
    pub async fn children(&self, id: ExecutionId) -> Result<Vec<ExecutionId>, StoreError> {
        self.executions.children(&self.shown(id).await).await
    }

    /// Lets the execution run until it is as wanted.
    ///
    /// # Panics
    /// If that does not happen within a year of the clock.
    pub async fn until(&self, id: ExecutionId, is_wanted: impl Fn(&Execution) -> bool) -> Execution {
        let last = self.ports.clock.now().saturating_add(Duration::from_secs(366 * 86_400));
        let mut feed = self.ports.stores.feed.subscribe();
        loop {
            let execution = self.execution(id).await;
            if is_wanted(&execution) {
                return execution;
            }
            tokio::select! {
                _ = feed.recv() => {}
                () = self.ports.clock.sleep_until(last) => panic!("not within a year: {}", statuses(&execution)),
            }
        }
    }

    /// Lets the execution run to its end.
    pub async fn until_ended(&self, id: ExecutionId) -> Execution {
        self.until(id, |execution| execution.status().is_ended()).await
    }

    /// Lets time pass.
    pub async fn pass(&self, time: Duration) {
        self.ports.clock.sleep_until(self.ports.clock.now().saturating_add(time)).await;
    }

    /// A user of this name and role.
    ///
    /// # Panics
    /// If it can't be created.
    pub async fn person(&self, name: &str, role: &str) -> Principal {
        if self.access.principal(name).await.expect("users can be read").is_none() {
            let created = self.access.create_user(&self.system, name, role, None, None).await;
            created.expect("the user can be created");
        }
        self.access.principal(name).await.expect("users can be read").expect("the user exists")
    }

    /// The open approval of a step, as soon as there is one.
    ///
    /// # Panics
    /// If none is asked within a year of the clock.
    pub async fn open_approval(&self, id: ExecutionId, step: &str) -> Approval {
        // After a vote it takes a moment until the execution has learnt of it and asks again.
        for _ in 0..10_000 {
            self.until(id, |execution| {
                execution.step(step).is_some_and(|(_, state)| matches!(state.life, StepLife::WaitingApproval { .. }))
            })
            .await;
            let query = ApprovalQuery { execution_id: Some(id), ..ApprovalQuery::default() };
            let paging = Paging { limit: 100, start: PageStart::Offset(0) };
            let page = self.approvals.list(&self.system, query, &paging).await.expect("approvals can be listed");
            let is_open = |approval: &Approval| {
                approval.request().step_id.as_str() == step && approval.status() == ApprovalStatus::Pending
            };
            if let Some(open) = page.rows.into_iter().map(|row| row.approval).find(is_open) {
                return open;
            }
            self.pass(Duration::from_millis(1)).await;
        }
        panic!("`{step}` waits for an approval that is settled");
    }

    /// Has a person vote on the open approval of a step.
    ///
    /// # Panics
    /// If the vote is refused.
    pub async fn vote(&self, id: ExecutionId, step: &str, by: &Principal, ballot: Ballot, comment: Option<&str>) {
        let approval = self.open_approval(id, step).await;
        let voted = self.approvals.vote(by, approval.id(), ballot, comment.map(str::to_owned)).await;
        voted.expect("the vote counts");
    }

    /// The events of an execution.
    ///
    /// # Panics
    /// If they can't be read.
    pub async fn events(&self, id: ExecutionId) -> Vec<StoredEvent> {
        let page = EventPage { offset: 0, limit: 100_000 };
        self.executions.events(&self.shown(id).await, page).await.expect("events can be read")
    }

    /// The types of an execution's events with their steps, in order: `StepStarted write`.
    pub async fn event_names(&self, id: ExecutionId) -> Vec<String> {
        let name = |event: &StoredEvent| match event.event().step_id() {
            Some(step) => format!("{} {step}", event.event().event_type()),
            None => event.event().event_type().to_owned(),
        };
        self.events(id).await.iter().map(name).collect()
    }
}

/// The status of the execution and of every step, with skip reasons: `completed: a=completed b=skipped(dead_path)`.
pub fn statuses(execution: &Execution) -> String {
    let steps: Vec<String> = execution
        .steps()
        .map(|(step, state)| match &state.life {
            StepLife::Skipped { reason } => {
                format!("{}=skipped({})", step.id, json!(reason).as_str().unwrap_or_default())
            }
            _ => format!("{}={}", step.id, state.status().as_str()),
        })
        .collect();
    let status: ExecutionStatus = execution.status();
    format!("{}: {}", status.as_str(), steps.join(" "))
}
