//! The real engine on the real store, in a folder of its own, with an agent that answers at once.

use std::{
    collections::HashSet,
    ops::Deref,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use futures::{StreamExt as _, stream::FuturesUnordered};
use procession_application::{
    Application, ApplicationSettings,
    access::Principal,
    executions::StartRequest,
    ports::{
        AgentFailure, AgentGateway, AgentListing, AgentReply, AgentStatus, AgentTask, DeliveryFailure, EventFeed,
        Message, Notifier, Ports, Recovered, StoredEvent, Stores, Submitted,
    },
    system::{SystemClock, UuidGenerator},
};
use procession_domain::{
    event::{Event, ProcessEvent, Usage},
    execution::ExecutionStatus,
    value::{ErrorCode, ExecutionId, Json, Money, ProcessId},
};
use procession_store_sqlite::{FileBlobs, Options, SqliteStore};
use tempfile::TempDir;
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// How long anything may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_mins(5);

/// An application with all around it.
pub struct Stage {
    folder: TempDir,
    store: SqliteStore,
    application: Application,
    /// Who acts: the program itself.
    pub system: Principal,
}

/// What is left of a stage: its database.
pub struct Leftover {
    folder: TempDir,
}

impl Leftover {
    /// The database.
    pub fn database(&self) -> PathBuf {
        database_in(self.folder.path())
    }
}

impl Deref for Stage {
    type Target = Application;

    fn deref(&self) -> &Application {
        &self.application
    }
}

impl Stage {
    /// Everything new, in a folder inside this one.
    pub async fn open(inside: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir_in(inside)?;
        let store = SqliteStore::open(Options::new(database_in(folder.path()))).await?;
        let blobs = FileBlobs::open(folder.path().join("blobs")).await?;
        let stores = Stores::of(&Arc::new(store.clone()), Arc::new(blobs));
        let (clock, ids) = (Arc::new(SystemClock::default()), Arc::new(UuidGenerator));
        let ports = Ports::on(stores, Arc::new(Echo), Arc::new(Nobody), clock, ids);
        let application = Application::start(ports, ApplicationSettings::default()).await?;
        Ok(Self { folder, store, application, system: Principal::system() })
    }

    /// Stops in order. The database stays as long as what is left.
    pub async fn close(self) -> Leftover {
        self.application.drain(procession_domain::value::Duration::from_secs(10)).await;
        self.store.close().await;
        Leftover { folder: self.folder }
    }

    /// Creates and publishes a process.
    pub async fn publish(&self, yaml: String) -> anyhow::Result<ProcessId> {
        let id = self.definitions.create(&self.system, yaml).await?.process.id();
        self.definitions.publish(&self.system, id).await?;
        Ok(id)
    }

    /// Starts an execution.
    pub async fn start(&self, process: ProcessId, input: Json) -> anyhow::Result<ExecutionId> {
        let request = StartRequest { input, triggered_by: "bench".to_owned(), ..StartRequest::default() };
        Ok(self.executions.start(&self.system, process, request).await?.execution.id())
    }

    /// Events from now on.
    pub fn feed(&self) -> Receiver<Arc<[StoredEvent]>> {
        self.store.subscribe()
    }

    /// Runs one execution; the time from asking for it to being told of its end.
    pub async fn run(&self, process: ProcessId, input: Json) -> anyhow::Result<Duration> {
        let mut feed = self.feed();
        let begun = Instant::now();
        let id = self.start(process, input).await?;
        self.until_ended(&mut feed, HashSet::from([id])).await?;
        Ok(begun.elapsed())
    }

    /// Runs so many executions, so many at once; the time until all have ended.
    pub async fn run_many(&self, process: ProcessId, count: usize, at_once: usize) -> anyhow::Result<Duration> {
        let mut feed = self.feed();
        let begun = Instant::now();
        let mut starting = FuturesUnordered::new();
        let mut open = HashSet::new();
        // Those of whose end is heard before the start was answered.
        let mut ended_early = HashSet::new();
        let (mut left, mut ended) = (count, 0);
        while ended < count {
            while left > 0 && starting.len() + open.len() < at_once {
                starting.push(self.start(process, topic()));
                left -= 1;
            }
            tokio::select! {
                Some(started) = starting.next() => {
                    let id = started?;
                    if !ended_early.remove(&id) {
                        open.insert(id);
                    }
                }
                told = feed.recv() => {
                    for id in ends_in(&told?)? {
                        ended += 1;
                        if !open.remove(&id) {
                            ended_early.insert(id);
                        }
                    }
                }
                () = tokio::time::sleep(PATIENCE) => bail!("{ended} of {count} executions have ended, and no more do"),
            }
        }
        Ok(begun.elapsed())
    }

    /// Waits until these executions have completed. `feed` must be older than they are.
    pub async fn until_ended(
        &self,
        feed: &mut Receiver<Arc<[StoredEvent]>>,
        mut open: HashSet<ExecutionId>,
    ) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !open.is_empty() {
            let told = tokio::time::timeout_at(deadline, feed.recv()).await;
            match told.with_context(|| format!("{} executions have not ended", open.len()))? {
                Ok(events) => {
                    for id in ends_in(&events)? {
                        open.remove(&id);
                    }
                }
                Err(RecvError::Lagged(_)) => self.look_for_ends(&mut open).await?,
                Err(RecvError::Closed) => bail!("the store has closed"),
            }
        }
        Ok(())
    }

    async fn look_for_ends(&self, open: &mut HashSet<ExecutionId>) -> anyhow::Result<()> {
        for id in open.clone() {
            let status = self.executions.get(&self.system, id).await?.status();
            match status {
                ExecutionStatus::Completed => drop(open.remove(&id)),
                ExecutionStatus::Failed | ExecutionStatus::Cancelled => bail!("an execution ended as {status:?}"),
                ExecutionStatus::Pending | ExecutionStatus::Running | ExecutionStatus::Paused => {}
            }
        }
        Ok(())
    }
}

/// The executions that these events say have completed.
fn ends_in(events: &[StoredEvent]) -> anyhow::Result<Vec<ExecutionId>> {
    let mut ended = Vec::new();
    for event in events {
        match event.event() {
            Event::Process(ProcessEvent::Completed { .. }) => ended.push(event.execution_id),
            Event::Process(ProcessEvent::Failed { error, .. }) => bail!("an execution failed: {error:?}"),
            Event::Process(ProcessEvent::Cancelled(_)) => bail!("an execution was cancelled"),
            _ => {}
        }
    }
    Ok(ended)
}

/// The input of every execution.
pub fn topic() -> Json {
    serde_json::json!({"topic": "tides, and why there are two of them on most days"})
}

fn database_in(folder: &Path) -> PathBuf {
    folder.join("procession.db")
}

/// An agent that says at once what it is told.
struct Echo;

#[async_trait]
impl AgentGateway for Echo {
    async fn submit(&self, task: &AgentTask) -> Result<Submitted, AgentFailure> {
        let usage = Usage::of_cost(Some(Money::ZERO));
        Ok(Submitted::Done(AgentReply { text: task.message.clone(), usage }))
    }

    async fn wait(&self, _: &AgentTask, _: &str) -> Result<AgentReply, AgentFailure> {
        Err(AgentFailure::Failed {
            code: ErrorCode::AgentError,
            message: "no call was accepted under a name".to_owned(),
            retry_after: None,
            usage: Usage::default(),
        })
    }

    async fn recover(&self, _: &AgentTask, _: Option<&str>) -> Result<Recovered, AgentFailure> {
        Ok(Recovered::Unknown)
    }

    async fn abandon(&self, _: &str, _: &str, _: Option<&str>) -> Option<Usage> {
        None
    }

    async fn list(&self) -> Result<Vec<AgentListing>, AgentFailure> {
        Ok(vec![AgentListing {
            name: "echo".to_owned(),
            description: None,
            kind: "echo".to_owned(),
            status: AgentStatus::Running,
            reason: None,
            concurrency: self.concurrency("echo"),
        }])
    }

    async fn health(&self, _: &str) -> Result<AgentStatus, AgentFailure> {
        Ok(AgentStatus::Running)
    }

    fn concurrency(&self, _: &str) -> usize {
        64
    }
}

/// No messages are sent.
struct Nobody;

#[async_trait]
impl Notifier for Nobody {
    async fn send(&self, _: &Message) -> Result<Json, DeliveryFailure> {
        let message = "nobody is told anything here".to_owned();
        Err(DeliveryFailure { code: ErrorCode::InvalidConfig, message, retry_after: None })
    }
}
