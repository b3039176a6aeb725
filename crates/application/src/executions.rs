//! Use cases of executions: start, look, cancel, pause, resume, retry (spec 3.7).

use std::{collections::BTreeMap, sync::Arc, time::Duration as StdDuration};

use indexmap::IndexMap;
use procession_domain::{
    definition::{Definition, InputProblem, Process, ProcessError, StepKind},
    event::{Creation, Event, PauseReason, ProcessEvent, ProcessRef, Recorded, TriggerContext, ValueRef},
    execution::{CommandError, Execution, Life, RetryError, Signal, StepLife, ValueKey, WaitingFor},
    value::{Duration, ExecutionId, Json, Money, ProcessId, StepId},
};

use crate::{
    engine::{Engine, EngineSettings, RUNS_FOR_ESTIMATE},
    pins::pins_of,
    ports::{
        Content, EventPage, ExecutionFilter, ExecutionRow, IdempotencyKey, Page, Paging, Ports, SignalError, Start,
        StartError, Started, StoreError, StoredEvent,
    },
    values::{self, Measured},
};

/// How long a command waits for the run loop before it answers "pending".
const COMMAND_WAIT: StdDuration = StdDuration::from_secs(5);

/// How long an idempotency key is kept.
const KEY_KEPT: Duration = Duration::from_secs(24 * 3_600);

/// The service for executions.
#[derive(Clone)]
pub struct Executions {
    ports: Ports,
    engine: Engine,
}

/// A start as it is asked for.
#[derive(Debug, Clone, Default)]
pub struct StartRequest {
    /// The input.
    pub input: Json,
    /// How it was triggered.
    pub trigger: StartTrigger,
    /// Who or what starts it, as the API shows it.
    pub triggered_by: String,
    /// The user, if one does.
    pub user: Option<String>,
    /// Labels besides those of the definition.
    pub labels: IndexMap<String, String>,
    /// A key that makes repeated starts by the same caller one.
    pub idempotency_key: Option<String>,
}

/// What triggered a start.
#[derive(Debug, Clone, Default)]
pub struct StartTrigger {
    /// `manual`, `webhook` or `schedule`; `manual` if empty.
    pub trigger_type: String,
    /// The trigger's id.
    pub id: Option<String>,
    /// What a webhook was called with.
    pub payload: Option<Json>,
}

/// Why a start is refused.
#[derive(Debug, thiserror::Error)]
pub enum StartFailure {
    /// There is no such process.
    #[error("Process definition not found")]
    NotFound,
    /// It is not published.
    #[error(transparent)]
    NotStartable(#[from] ProcessError),
    /// The input does not fit.
    #[error("{}", input_summary(.0))]
    InvalidInput(Vec<InputProblem>),
    /// The input is larger than values may be.
    #[error("The input is too large: {0}")]
    TooLarge(String),
    /// The store refused it.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Why an execution can't be shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum ExecutionFailure {
    /// There is none with this id.
    #[error("Execution not found")]
    NotFound,
    /// It has no such step, or no such output.
    #[error("{0}")]
    NothingThere(&'static str),
    /// Its state does not allow it.
    #[error(transparent)]
    Refused(#[from] CommandError),
    /// The same command waits already.
    #[error("The same command is waiting to be carried out already")]
    Waiting,
    /// It can't be retried.
    #[error(transparent)]
    Retry(#[from] RetryError),
    /// An output that a retry from the failure needs is gone.
    #[error("Cannot retry from the failure: the output of `{0}` was purged. Retry from the start instead.")]
    OutputPurged(StepId),
    /// The new execution can't be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A start's result.
#[derive(Debug, Clone)]
pub struct StartOutcome {
    /// The execution.
    pub execution: Execution,
    /// Whether the same start was made before, so that this is the execution of then.
    pub repeated: bool,
    /// The input with its defaults, where it is at hand: of a new start.
    pub input: Option<Json>,
}

/// A command's result.
#[derive(Debug, Clone)]
pub struct CommandOutcome {
    /// The execution as it is now.
    pub execution: Execution,
    /// The command, if it has not been carried out yet.
    pub pending: Option<&'static str>,
}

/// From where an execution is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RetryFrom {
    /// All of it again.
    #[default]
    Start,
    /// What failed, and what comes after that.
    Failed,
}

impl Executions {
    /// The service.
    pub const fn new(ports: Ports, engine: Engine) -> Self {
        Self { ports, engine }
    }

    /// Starts a process.
    pub async fn start(&self, process: ProcessId, request: StartRequest) -> Result<StartOutcome, StartFailure> {
        let found = self.ports.definitions.load(process).await.map_err(StartError::from)?;
        let process = found.ok_or(StartFailure::NotFound)?;
        process.check_startable()?;
        let definition = Arc::clone(process.definition());
        let server_rule = self.engine.settings().undefined;
        let checked = definition.check_input(&request.input, server_rule).map_err(StartFailure::InvalidInput)?;
        let input = self.measured(&checked.input)?;
        let payload = request.trigger.payload.as_ref().map(|payload| self.measured(payload)).transpose()?;
        let pins = pins_of(&definition, self.ports.definitions.as_ref()).await.map_err(StartError::from)?;
        let digest = digest(&request, process.id());
        let idempotency = self.idempotency(&request, &definition, digest);
        let of_payload = payload.as_ref().map(|payload| payload.value);
        let creation = self.creation(&process, request, input.value, of_payload, pins, checked.warnings);
        let id = ExecutionId::new(self.ports.ids.new_id());
        let (execution, created) = Execution::create(id, definition, creation, self.ports.clock.now());
        let payload = payload.map(|payload| (ValueKey::TriggerPayload, payload));
        let values = std::iter::once((ValueKey::Input, input)).chain(payload).collect();
        let outcome = self.launch(execution, vec![created], values, idempotency).await?;
        Ok(StartOutcome { input: (!outcome.repeated).then_some(checked.input), ..outcome })
    }

    /// An execution.
    pub async fn get(&self, id: ExecutionId) -> Result<Execution, ExecutionFailure> {
        let loaded = self.ports.executions.load(id).await?.ok_or(ExecutionFailure::NotFound)?;
        let runnable = self.engine.catalog().runnable(loaded.creation.process.id).await?;
        let missing = || StoreError::Corrupt(format!("the definition of execution {id} is missing"));
        let definition = Arc::clone(&runnable.ok_or_else(missing)?.definition);
        let corrupt = |error| StoreError::Corrupt(format!("execution {id}: {error}"));
        Ok(loaded.execution(definition).map_err(corrupt)?)
    }

    /// What its running steps will cost, as far as their last twenty completed runs tell: the median (spec 3.10).
    pub async fn estimates(&self, execution: &Execution) -> Result<BTreeMap<StepId, Money>, StoreError> {
        let process = &execution.creation().process.name;
        let mut estimates = BTreeMap::new();
        for (step, state) in execution.steps() {
            if state.life == StepLife::Running && matches!(step.kind, StepKind::AgentTask(_)) {
                let costs = self.ports.executions.step_costs(process, &step.id, RUNS_FOR_ESTIMATE).await?;
                if let Some(median) = Money::median(costs) {
                    estimates.insert(step.id.clone(), median);
                }
            }
        }
        Ok(estimates)
    }

    /// For what an execution and its steps wait (spec 3.9).
    pub fn waiting_for(&self, execution: &Execution) -> Vec<WaitingFor> {
        execution.waiting_for(self.engine.settings().max_concurrent_steps as usize)
    }

    /// A page of executions.
    pub async fn list(&self, filter: &ExecutionFilter, paging: &Paging) -> Result<Page<ExecutionRow>, StoreError> {
        self.ports.queries.executions(filter, paging).await
    }

    /// A part of an execution's events.
    pub async fn events(&self, id: ExecutionId, page: EventPage) -> Result<Vec<StoredEvent>, StoreError> {
        self.ports.queries.events(id, page).await
    }

    /// The executions that are sub-processes of this one.
    pub async fn children(&self, id: ExecutionId) -> Result<Vec<ExecutionId>, StoreError> {
        self.ports.queries.children(id).await
    }

    /// A value of an execution: its input, its outputs, a step's output or an attempt's input.
    pub async fn value(&self, id: ExecutionId, value: &ValueRef) -> Result<Option<Arc<Json>>, StoreError> {
        values::load(self.ports.executions.as_ref(), self.ports.blobs.as_ref(), id, value).await
    }

    /// Has a command of a person carried out (spec 3.7). It is written at once; the answer waits a little for its effect.
    pub async fn command(&self, id: ExecutionId, signal: Signal) -> Result<CommandOutcome, ExecutionFailure> {
        let name = signal.name();
        let mut feed = self.ports.feed.subscribe();
        let now = self.ports.clock.now();
        self.ports.executions.signal(id, signal.clone(), now).await.map_err(|error| match error {
            SignalError::Unknown => ExecutionFailure::NotFound,
            SignalError::Refused(refused) => ExecutionFailure::Refused(refused),
            SignalError::Waiting => ExecutionFailure::Waiting,
            SignalError::Store(error) => ExecutionFailure::Store(error),
        })?;
        self.engine.nudge(id);
        let effect = async {
            loop {
                match feed.recv().await {
                    Ok(events) => {
                        let mut events = events.iter().filter(|event| event.execution_id == id);
                        if events.any(|event| shows_effect(&signal, event.event())) {
                            return;
                        }
                    }
                    Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {
                        if self.get(id).await.is_ok_and(|execution| is_carried_out(&signal, &execution.state().life)) {
                            return;
                        }
                    }
                    Err(tokio::sync::broadcast::error::RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        let _ = tokio::time::timeout(COMMAND_WAIT, effect).await;
        let execution = self.get(id).await?;
        let pending = (!is_carried_out(&signal, &execution.state().life)).then_some(name);
        Ok(CommandOutcome { execution, pending })
    }

    /// Repeats a failed or cancelled execution as a new one, on the same version and pins (spec 3.7).
    pub async fn retry(
        &self,
        id: ExecutionId,
        from: RetryFrom,
        user: Option<String>,
    ) -> Result<StartOutcome, ExecutionFailure> {
        let old = self.get(id).await?;
        old.check_retry()?;
        let new_id = ExecutionId::new(self.ports.ids.new_id());
        let now = self.ports.clock.now();
        let creation = Creation {
            retry_of: Some(id),
            parent: None,
            triggered_by: "retry".into(),
            user,
            ..(**old.creation()).clone()
        };
        let (execution, events) = match from {
            RetryFrom::Start => {
                let (execution, created) = Execution::create(new_id, Arc::clone(old.definition()), creation, now);
                (execution, vec![created])
            }
            RetryFrom::Failed => Execution::retry_from_failed(new_id, &old, creation, now)?,
        };
        let values = self.values_of_before(&old, new_id, &events).await?;
        match self.launch(execution, events, values, None).await {
            Ok(outcome) => Ok(outcome),
            Err(StartFailure::Start(error)) => Err(error.into()),
            // A retry brings no input of its own, and its version need not be published.
            Err(StartFailure::NotFound | StartFailure::NotStartable(_) | StartFailure::InvalidInput(_)) => {
                Err(ExecutionFailure::NotFound)
            }
            Err(StartFailure::TooLarge(message)) => Err(StoreError::Corrupt(message).into()),
        }
    }

    async fn launch(
        &self,
        execution: Execution,
        events: Vec<Recorded>,
        values: Vec<(ValueKey, Measured)>,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<StartOutcome, StartFailure> {
        let settings = self.engine.settings();
        let mut rows = Vec::with_capacity(values.len());
        for (key, measured) in &values {
            let row = settings.value_limits().place(execution.id(), key, measured);
            if let Content::Blob { key, .. } = &row.content {
                let put = self.ports.blobs.put(key, measured.text.as_bytes()).await;
                put.map_err(|error| StartError::Store(StoreError::Unavailable(error.to_string())))?;
            }
            rows.push(row);
        }
        let config = execution.definition().config();
        let start = Start {
            budget: config.budget.clone(),
            instance_limit: config.max_concurrent_instances.or(settings.max_concurrent_instances),
            queue_length: settings.queue_length,
            execution: execution.clone(),
            events: events.into_iter().map(Arc::new).collect(),
            values: rows,
            idempotency,
            admit: None,
        };
        match self.engine.launch(start).await? {
            Started::Created { .. } => Ok(StartOutcome { execution, repeated: false, input: None }),
            Started::Before(id) => match self.get(id).await {
                Ok(execution) => Ok(StartOutcome { execution, repeated: true, input: None }),
                Err(ExecutionFailure::Store(error)) => Err(StartError::Store(error).into()),
                Err(_) => Err(StartFailure::NotFound),
            },
        }
    }

    fn creation(
        &self,
        process: &Process,
        request: StartRequest,
        input: ValueRef,
        payload: Option<ValueRef>,
        pins: BTreeMap<StepId, ProcessId>,
        warnings: Vec<String>,
    ) -> Creation {
        let definition = process.definition();
        let settings: &EngineSettings = self.engine.settings();
        let trigger_type = match request.trigger.trigger_type {
            empty if empty.is_empty() => "manual".to_owned(),
            given => given,
        };
        let mut labels = definition.content().labels.clone();
        labels.extend(request.labels);
        Creation {
            process: ProcessRef { id: process.id(), name: definition.name().clone(), version: definition.version() },
            input,
            trigger: TriggerContext {
                trigger_type,
                id: request.trigger.id,
                payload,
                fired_at: Some(self.ports.clock.now()),
            },
            triggered_by: request.triggered_by,
            user: request.user,
            pins,
            retry_of: None,
            parent: None,
            labels,
            priority: definition.config().priority,
            undefined: definition.config().undefined.or(settings.undefined),
            currency: settings.currency,
            warnings,
        }
    }

    fn idempotency(&self, request: &StartRequest, definition: &Definition, digest: String) -> Option<IdempotencyKey> {
        let key = request.idempotency_key.as_ref()?;
        let caller = request.user.as_deref().unwrap_or(&request.triggered_by);
        let scope = serde_json::json!([caller, definition.name(), key]).to_string();
        Some(IdempotencyKey { scope, digest, expires_at: self.ports.clock.now().saturating_add(KEY_KEPT) })
    }

    /// A value that is to be kept; one that is too large is refused.
    fn measured(&self, value: &Json) -> Result<Measured, StartFailure> {
        let most = self.engine.settings().output;
        let measured = Measured::of(value);
        if measured.value.size > most {
            let message = format!("{} bytes, and {most} are kept at most (limits.output)", measured.value.size);
            return Err(StartFailure::TooLarge(message));
        }
        Ok(measured)
    }

    /// The values that a retry takes over: input, payload, outputs of steps that don't run again.
    async fn values_of_before(
        &self,
        old: &Execution,
        new_id: ExecutionId,
        events: &[Recorded],
    ) -> Result<Vec<(ValueKey, Measured)>, ExecutionFailure> {
        let creation = old.creation();
        let mut wanted = vec![(ValueKey::Input, creation.input)];
        wanted.extend(creation.trigger.payload.map(|payload| (ValueKey::TriggerPayload, payload)));
        let outputs = Execution::outputs_to_reuse(events);
        wanted.extend(outputs.into_iter().map(|(step, output)| (ValueKey::StepOutput(step), output)));
        let mut values = Vec::with_capacity(wanted.len());
        for (key, value) in wanted {
            let Some(json) = self.value(old.id(), &value).await? else {
                return Err(match key {
                    ValueKey::StepOutput(step) => ExecutionFailure::OutputPurged(step),
                    _ => StoreError::Corrupt(format!("the {key} of {} is missing for {new_id}", old.id())).into(),
                });
            };
            values.push((key, Measured { value, text: json.to_string().into() }));
        }
        Ok(values)
    }
}

/// Whether an event shows that a command was carried out, or can't be any more.
const fn shows_effect(signal: &Signal, event: &Event) -> bool {
    let Event::Process(event) = event else { return false };
    let ended = matches!(
        event,
        ProcessEvent::Completed { .. }
            | ProcessEvent::Failed { .. }
            | ProcessEvent::Cancelled(_)
            | ProcessEvent::RollBackStarted { .. }
    );
    match signal {
        Signal::Pause { .. } => ended || matches!(event, ProcessEvent::Paused(_)),
        Signal::Resume { .. } => ended || matches!(event, ProcessEvent::Resumed { .. }),
        _ => ended,
    }
}

/// Whether a command has had its effect, or can have none any more.
const fn is_carried_out(signal: &Signal, life: &Life) -> bool {
    let ended = matches!(life, Life::Completed { .. } | Life::Failed(_) | Life::Cancelled(_) | Life::Compensating(_));
    ended
        || match signal {
            Signal::Pause { .. } => matches!(life, Life::Paused(PauseReason::Operator { .. })),
            Signal::Resume { .. } => matches!(life, Life::Running | Life::Paused(PauseReason::People)),
            _ => false,
        }
}

/// The digest by which repeated starts are compared: what was asked, not when, and not in which order members stood.
fn digest(request: &StartRequest, process: ProcessId) -> String {
    let mut asked = serde_json::json!([process, request.input, request.trigger.payload, request.labels]);
    asked.sort_all_objects();
    blake3::hash(asked.to_string().as_bytes()).to_hex().to_string()
}

fn input_summary(problems: &[InputProblem]) -> String {
    let problems: Vec<String> = problems
        .iter()
        .map(|problem| {
            if problem.field.is_empty() {
                problem.message.clone()
            } else {
                format!("`{}` {}", problem.field, problem.message)
            }
        })
        .collect();
    format!("The input does not fit: {}", problems.join("; "))
}
