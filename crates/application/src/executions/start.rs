//! Starting executions, and repeating those that have failed (spec 3.7).

use std::{collections::BTreeMap, sync::Arc};

use indexmap::IndexMap;
use procession_domain::{
    definition::{Definition, InputProblem, Process, ProcessError},
    event::{Creation, ProcessRef, Recorded, TriggerContext, ValueRef},
    execution::{Execution, ValueKey},
    value::{Duration, ExecutionId, Json, ProcessId, Timestamp},
};

use super::{ExecutionFailure, Executions, TooManyStarts, VisibleExecution};
use crate::{
    access::{Forbidden, Principal, UseCase},
    engine::{EngineSettings, ValueLimits},
    pins::pins_of,
    ports::{Content, IdempotencyKey, NewValue, Start, StartError, Started, StoreError},
    values,
};

/// How long an idempotency key is kept.
const KEY_KEPT: Duration = Duration::from_secs(24 * 3_600);

/// A start as it is asked for.
#[derive(Debug, Clone, Default)]
pub struct StartRequest {
    /// The input.
    pub input: Json,
    /// How it was triggered.
    pub trigger: StartTrigger,
    /// Who or what starts it, as the API shows it.
    pub triggered_by: String,
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
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
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
    /// The user starts too many.
    #[error(transparent)]
    TooManyStarts(#[from] TooManyStarts),
    /// The store refused it.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// A start's result.
#[derive(Debug, Clone)]
pub struct StartOutcome {
    /// The execution.
    pub execution: VisibleExecution,
    /// Whether the same start was made before, so that this is the execution of then.
    pub repeated: bool,
    /// The input with its defaults, where it is at hand: of a new start.
    pub input: Option<Json>,
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
    /// Starts a process. It belongs to the principal, if that is a user.
    pub async fn start(
        &self,
        by: &Principal,
        process: ProcessId,
        request: StartRequest,
    ) -> Result<StartOutcome, StartFailure> {
        let (this, user) = (self.clone(), by.user().map(str::to_owned));
        let start = async move { this.start_within_limit(process, request, user).await };
        self.door.change(by, UseCase::StartExecution, start).await
    }

    /// Repeats a failed or cancelled execution as a new one, on the same version and pins.
    pub async fn retry(
        &self,
        by: &Principal,
        id: ExecutionId,
        from: RetryFrom,
    ) -> Result<StartOutcome, ExecutionFailure> {
        let (this, by_whom) = (self.clone(), by.clone());
        let retry = async move {
            let old = this.in_sight(&by_whom, id).await?;
            if let Some(user) = by_whom.user() {
                this.start_limit.take(user, this.ports.clock.now())?;
            }
            this.repeat(&old, from, by_whom.user().map(str::to_owned)).await
        };
        self.door.change(by, UseCase::RetryExecution, retry).await
    }

    async fn start_within_limit(
        &self,
        process: ProcessId,
        request: StartRequest,
        user: Option<String>,
    ) -> Result<StartOutcome, StartFailure> {
        let Some(name) = user.clone() else { return self.create(process, request, None).await };
        let now = self.ports.clock.now();
        if let Err(refused) = self.start_limit.take(&name, now) {
            // What was started before starts nothing now, so that it does not count.
            let before = self.started_before(process, &request, user.as_deref(), now).await?;
            return before.ok_or_else(|| refused.into());
        }
        let outcome = self.create(process, request, user).await?;
        if outcome.repeated {
            self.start_limit.give_back(&name, now);
        }
        Ok(outcome)
    }

    /// The execution that the same request has started before, by its key.
    async fn started_before(
        &self,
        process: ProcessId,
        request: &StartRequest,
        user: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<StartOutcome>, StartFailure> {
        let Some(process) = self.ports.definitions.load(process).await.map_err(StartError::from)? else {
            return Ok(None);
        };
        let Some(key) = self.idempotency(request, &process, user) else { return Ok(None) };
        let found = self.ports.queries.started_under(&key.scope, now).await.map_err(StartError::from)?;
        match found {
            None => Ok(None),
            Some(before) if before.digest == key.digest => self.outcome_of_before(before.execution_id).await.map(Some),
            Some(_) => Err(StartError::KeyReused.into()),
        }
    }

    async fn create(
        &self,
        process: ProcessId,
        request: StartRequest,
        user: Option<String>,
    ) -> Result<StartOutcome, StartFailure> {
        let found = self.ports.definitions.load(process).await.map_err(StartError::from)?;
        let process = found.ok_or(StartFailure::NotFound)?;
        process.check_startable()?;
        let definition = Arc::clone(process.definition());
        let server_rule = self.engine.settings().undefined;
        let checked = definition.check_input(&request.input, server_rule).map_err(StartFailure::InvalidInput)?;
        let (input, input_row) = self.measured(&ValueKey::Input, &checked.input)?;
        let payload = request.trigger.payload.as_ref().map(|payload| self.measured(&ValueKey::TriggerPayload, payload));
        let payload = payload.transpose()?;
        let pins = pins_of(&definition, self.ports.definitions.as_ref()).await.map_err(StartError::from)?;
        let idempotency = self.idempotency(&request, &process, user.as_deref());
        let input_and_payload = (input, payload.as_ref().map(|(value, _)| value.clone()));
        let creation = Creation {
            pins,
            warnings: checked.warnings,
            ..self.creation(&definition, process.id(), request, user, input_and_payload)
        };
        let id = ExecutionId::new(self.ports.ids.new_id());
        let (execution, created) = Execution::create(id, definition, creation, self.ports.clock.now());
        let values = std::iter::once(input_row).chain(payload.map(|(_, row)| row)).collect();
        let start = self.new_start(&execution, vec![created], values, idempotency);
        let outcome = self.launch(execution, start).await?;
        Ok(StartOutcome { input: (!outcome.repeated).then_some(checked.input), ..outcome })
    }

    async fn repeat(
        &self,
        old: &Execution,
        from: RetryFrom,
        user: Option<String>,
    ) -> Result<StartOutcome, ExecutionFailure> {
        old.check_retry()?;
        let new_id = ExecutionId::new(self.ports.ids.new_id());
        let now = self.ports.clock.now();
        let creation = Creation {
            retry_of: Some(old.id()),
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
            RetryFrom::Failed => Execution::retry_from_failed(new_id, old, creation, now)?,
        };
        let values = self.values_of_before(old, new_id, &events).await?;
        let start = self.new_start(&execution, events, values, None);
        match self.launch(execution, start).await {
            Ok(outcome) => Ok(outcome),
            Err(StartFailure::Start(error)) => Err(error.into()),
            Err(StartFailure::Forbidden(forbidden)) => Err(forbidden.into()),
            Err(StartFailure::TooManyStarts(refused)) => Err(refused.into()),
            // A retry brings no input of its own, and its version need not be published.
            Err(StartFailure::NotFound | StartFailure::NotStartable(_) | StartFailure::InvalidInput(_)) => {
                Err(ExecutionFailure::NotFound)
            }
            Err(StartFailure::TooLarge(message)) => Err(StoreError::Corrupt(message).into()),
        }
    }

    async fn launch(&self, execution: Execution, start: Start) -> Result<StartOutcome, StartFailure> {
        for value in &start.values {
            if let Content::Inline(text) = &value.content
                && value.value.size > self.engine.settings().inline_output
            {
                let key = values::blob_key(execution.id(), &value.key);
                let put = self.ports.blobs.put(&key, text.as_bytes()).await;
                put.map_err(|error| StartError::Store(StoreError::Unavailable(error.to_string())))?;
            }
        }
        let inline = self.engine.settings().inline_output;
        let values = start.values.into_iter().map(|value| {
            let content = if value.value.size > inline { Content::Blob } else { value.content };
            NewValue { content, ..value }
        });
        let start = Start { values: values.collect(), ..start };
        match self.engine.launch(start).await? {
            Started::Created => {
                Ok(StartOutcome { execution: VisibleExecution::new(execution), repeated: false, input: None })
            }
            Started::Before(id) => self.outcome_of_before(id).await,
        }
    }

    /// What a start comes to that its caller has made before.
    async fn outcome_of_before(&self, id: ExecutionId) -> Result<StartOutcome, StartFailure> {
        match self.load(id).await {
            Ok(execution) => {
                Ok(StartOutcome { execution: VisibleExecution::new(execution), repeated: true, input: None })
            }
            Err(ExecutionFailure::Store(error)) => Err(StartError::Store(error).into()),
            Err(_) => Err(StartFailure::NotFound),
        }
    }

    fn new_start(
        &self,
        execution: &Execution,
        events: Vec<Recorded>,
        values: Vec<NewValue>,
        idempotency: Option<IdempotencyKey>,
    ) -> Start {
        let config = execution.definition().config();
        let settings = self.engine.settings();
        Start {
            budget: config.budget.clone(),
            instance_limit: config.max_concurrent_instances.or(settings.max_concurrent_instances),
            queue_length: settings.queue_length,
            execution: execution.clone(),
            events,
            values,
            idempotency,
            admit: None,
        }
    }

    fn creation(
        &self,
        definition: &Definition,
        id: ProcessId,
        request: StartRequest,
        user: Option<String>,
        (input, payload): (ValueRef, Option<ValueRef>),
    ) -> Creation {
        let settings: &EngineSettings = self.engine.settings();
        let trigger_type = match request.trigger.trigger_type {
            empty if empty.is_empty() => "manual".to_owned(),
            given => given,
        };
        let mut labels = definition.content().labels.clone();
        labels.extend(request.labels);
        Creation {
            process: ProcessRef { id, name: definition.name().clone(), version: definition.version() },
            input,
            trigger: TriggerContext {
                trigger_type,
                id: request.trigger.id,
                payload,
                fired_at: Some(self.ports.clock.now()),
            },
            triggered_by: request.triggered_by,
            user,
            pins: BTreeMap::new(),
            retry_of: None,
            parent: None,
            labels,
            priority: definition.config().priority,
            undefined: definition.config().undefined.or(settings.undefined),
            warnings: Vec::new(),
        }
    }

    fn idempotency(&self, request: &StartRequest, process: &Process, user: Option<&str>) -> Option<IdempotencyKey> {
        let key = request.idempotency_key.as_ref()?;
        let caller = user.unwrap_or(&request.triggered_by);
        let scope = serde_json::json!([caller, process.definition().name(), key]).to_string();
        let expires_at = self.ports.clock.now().saturating_add(KEY_KEPT);
        Some(IdempotencyKey { scope, digest: digest(request, process.id()), expires_at })
    }

    /// The reference of a value and its row, the text inline whatever its size.
    fn measured(&self, key: &ValueKey, value: &Json) -> Result<(ValueRef, NewValue), StartFailure> {
        let settings = self.engine.settings();
        let text: Arc<str> = value.to_string().into();
        let reference = values::reference(&text);
        if reference.size > settings.output {
            let message = format!("{} bytes, and {} are kept at most (limits.output)", reference.size, settings.output);
            return Err(StartFailure::TooLarge(message));
        }
        let limits = ValueLimits { inline: u64::MAX, most: settings.output };
        Ok((reference.clone(), limits.row(key, &reference, &text)))
    }

    /// The values that a retry takes over: input, payload, outputs of steps that don't run again.
    async fn values_of_before(
        &self,
        old: &Execution,
        new_id: ExecutionId,
        events: &[Recorded],
    ) -> Result<Vec<NewValue>, ExecutionFailure> {
        let creation = old.creation();
        let mut wanted = vec![(ValueKey::Input, creation.input.clone())];
        wanted.extend(creation.trigger.payload.clone().map(|payload| (ValueKey::TriggerPayload, payload)));
        let outputs = Execution::outputs_to_reuse(events);
        wanted.extend(outputs.into_iter().map(|(step, output)| (ValueKey::StepOutput(step), output)));
        let limits = ValueLimits { inline: u64::MAX, most: u64::MAX };
        let (executions, blobs) = (self.ports.executions.as_ref(), self.ports.blobs.as_ref());
        let mut rows = Vec::new();
        for (key, value) in wanted {
            let Some(json) = values::load_from(executions, blobs, old.id(), &key, &value).await? else {
                return Err(match key {
                    ValueKey::StepOutput(step) => ExecutionFailure::OutputPurged(step),
                    _ => StoreError::Corrupt(format!("the {key} of {} is missing for {new_id}", old.id())).into(),
                });
            };
            let text: Arc<str> = json.to_string().into();
            rows.push(limits.row(&key, &value, &text));
        }
        Ok(rows)
    }
}

/// The digest by which repeated starts are compared: what was asked, not when.
fn digest(request: &StartRequest, process: ProcessId) -> String {
    let asked = serde_json::json!([process, request.input, request.trigger.payload, request.labels]);
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
