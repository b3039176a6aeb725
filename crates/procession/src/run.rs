//! Runs: started, waited for, steered.

use std::future::IntoFuture;

use futures::{FutureExt as _, future::BoxFuture};
use indexmap::IndexMap;
use procession_application::{
    executions::{Command, RetryFrom, StartRequest, VisibleExecution},
    ports::StoredEvent,
};
use procession_domain::{
    execution::{Execution, ExecutionStatus, Life},
    value::{ExecutionId, Json, ProcessName, Version},
};
use serde::de::DeserializeOwned;

use crate::{Engine, EventQuery, Input, OutputError, RunError, StartRunError};

/// A run that is about to start, when it is awaited.
#[must_use = "a run starts when this is awaited"]
pub struct StartRun {
    engine: Engine,
    process: String,
    version: Option<String>,
    request: StartRequest,
}

/// A run of a process.
#[derive(Debug, Clone)]
pub struct Run {
    engine: Engine,
    id: ExecutionId,
}

/// The end of a run.
#[derive(Debug, Clone)]
pub struct End {
    execution: Execution,
    outputs: Json,
}

impl StartRun {
    pub(crate) fn new(engine: Engine, process: &str, input: Input) -> Self {
        let request =
            StartRequest { input: input.into_json(), triggered_by: "library".to_owned(), ..StartRequest::default() };
        Self { engine, process: process.to_owned(), version: None, request }
    }

    /// Starts this version, not the newest one.
    pub fn version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned());
        self
    }

    /// Makes repeated starts with this key one, for a day, as long as they ask for the same.
    pub fn idempotency_key(mut self, key: &str) -> Self {
        self.request.idempotency_key = Some(key.to_owned());
        self
    }

    /// Marks the run, for lists.
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.request.labels.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Marks the run with all of these.
    pub fn labels(mut self, labels: IndexMap<String, String>) -> Self {
        self.request.labels.extend(labels);
        self
    }

    async fn start(self) -> Result<Run, StartRunError> {
        let no_name = |reason: String| StartRunError::NoName(self.process.clone(), reason);
        let name = ProcessName::new(&self.process).map_err(|error| no_name(error.to_string()))?;
        let version = match &self.version {
            Some(version) => {
                Some(version.parse::<Version>().map_err(|_| no_name(format!("`{version}` is not a version")))?)
            }
            None => None,
        };
        let (application, by) = (self.engine.application(), self.engine.principal());
        let process = application.definitions.published(by, &name, version).await?;
        let process = process.ok_or_else(|| StartRunError::NotPublished(self.process.clone()))?;
        let started = application.executions.start(by, process, self.request).await?;
        Ok(Run::new(self.engine.clone(), started.execution.id()))
    }
}

impl IntoFuture for StartRun {
    type Output = Result<Run, StartRunError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.start().boxed()
    }
}

impl Run {
    pub(crate) const fn new(engine: Engine, id: ExecutionId) -> Self {
        Self { engine, id }
    }

    /// Its id, by which [`Engine::run`] finds it again.
    pub const fn id(&self) -> ExecutionId {
        self.id
    }

    /// How it stands.
    ///
    /// # Errors
    /// If there is no such run that one may know of.
    pub async fn status(&self) -> Result<ExecutionStatus, RunError> {
        Ok(self.look().await?.status())
    }

    /// All that is known of it: its steps, attempts, costs.
    ///
    /// # Errors
    /// If there is no such run that one may know of.
    pub async fn execution(&self) -> Result<Execution, RunError> {
        Ok(self.look().await?.into_inner())
    }

    /// Waits for its end, whatever that is.
    ///
    /// # Errors
    /// If there is no such run that one may know of, or the engine stops before.
    pub async fn wait(&self) -> Result<End, RunError> {
        tokio::select! {
            biased;
            end = self.until_ended() => end,
            () = self.engine.stopped().cancelled() => Err(RunError::Stopped),
        }
    }

    /// Its events, from the first one on.
    pub fn events(&self) -> EventQuery {
        self.engine.events().of(self.id).after(0)
    }

    /// Cancels it: what runs is ended, what waits does not start.
    ///
    /// # Errors
    /// If it has ended, or one may not.
    pub async fn cancel(&self, reason: impl Into<String>) -> Result<(), RunError> {
        self.command(Command::Cancel { reason: Some(reason.into()), compensate: false }).await
    }

    /// Cancels it and undoes what is done.
    ///
    /// # Errors
    /// If it has ended, or one may not.
    pub async fn cancel_and_compensate(&self, reason: impl Into<String>) -> Result<(), RunError> {
        self.command(Command::Cancel { reason: Some(reason.into()), compensate: true }).await
    }

    /// Pauses it: what runs goes on to its end, nothing new starts.
    ///
    /// # Errors
    /// If it has ended or is paused, or one may not.
    pub async fn pause(&self) -> Result<(), RunError> {
        self.command(Command::Pause).await
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// If nobody has paused it, or one may not.
    pub async fn resume(&self) -> Result<(), RunError> {
        self.command(Command::Resume).await
    }

    /// Repeats it, which has failed or was cancelled, as a new run.
    ///
    /// # Errors
    /// If it has not ended so, or one may not.
    pub async fn retry(&self, from: RetryFrom) -> Result<Self, RunError> {
        let executions = &self.engine.application().executions;
        let again = executions.retry(self.engine.principal(), self.id, from).await?;
        Ok(Self::new(self.engine.clone(), again.execution.id()))
    }

    async fn command(&self, command: Command) -> Result<(), RunError> {
        let executions = &self.engine.application().executions;
        executions.command(self.engine.principal(), self.id, command).await?;
        Ok(())
    }

    async fn look(&self) -> Result<VisibleExecution, RunError> {
        Ok(self.engine.application().executions.get(self.engine.principal(), self.id).await?)
    }

    async fn until_ended(&self) -> Result<End, RunError> {
        let events = &self.engine.application().events;
        // Listening begins before the state is read, so that nothing lies between.
        let mut live = events.subscribe();
        loop {
            let execution = self.look().await?;
            if execution.status().is_ended() {
                return End::of(&self.engine, execution).await;
            }
            let is_ours = |event: &StoredEvent| event.execution_id == self.id;
            while let Ok(told) = live.next().await {
                if !events.visible(self.engine.principal(), &told, is_ours).is_empty() {
                    break;
                }
            }
        }
    }
}

impl End {
    async fn of(engine: &Engine, execution: VisibleExecution) -> Result<Self, RunError> {
        let outputs = match &execution.state().life {
            Life::Completed { outputs, .. } => {
                let value = engine.application().executions.value(&execution, outputs).await?;
                value.map(|value| (*value).clone()).unwrap_or_default()
            }
            Life::Pending
            | Life::Running
            | Life::Paused(_)
            | Life::Compensating(_)
            | Life::Failed(_)
            | Life::Cancelled(_) => Json::Null,
        };
        Ok(Self { execution: execution.into_inner(), outputs })
    }

    /// How it ended.
    pub const fn status(&self) -> ExecutionStatus {
        self.execution.status()
    }

    /// Whether all went well.
    pub fn is_completed(&self) -> bool {
        self.status() == ExecutionStatus::Completed
    }

    /// Why it failed or was cancelled, as a sentence.
    pub fn message(&self) -> Option<String> {
        match &self.execution.state().life {
            Life::Failed(error) => Some(error.message.clone()),
            Life::Cancelled(cancellation) => Some(match &cancellation.reason {
                Some(reason) => format!("cancelled by {}: {reason}", cancellation.cancelled_by),
                None => format!("cancelled by {}", cancellation.cancelled_by),
            }),
            Life::Pending | Life::Running | Life::Paused(_) | Life::Compensating(_) | Life::Completed { .. } => None,
        }
    }

    /// An output of the process, as any type that can be read from JSON.
    ///
    /// # Errors
    /// If the run has not completed, has no such output, or that is of another type.
    pub fn output<T: DeserializeOwned>(&self, name: &str) -> Result<T, OutputError> {
        if !self.is_completed() {
            return Err(OutputError::NotCompleted { status: self.status(), message: self.message() });
        }
        let Some(value) = self.outputs.get(name) else {
            let known = self.outputs.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
            return Err(OutputError::Unknown { name: name.to_owned(), known });
        };
        T::deserialize(value).map_err(|reason| OutputError::Type { name: name.to_owned(), reason })
    }

    /// All outputs as a JSON object; null if the run has not completed.
    pub const fn outputs(&self) -> &Json {
        &self.outputs
    }

    /// All that is known of the run: its steps, attempts, costs.
    pub const fn execution(&self) -> &Execution {
        &self.execution
    }
}
