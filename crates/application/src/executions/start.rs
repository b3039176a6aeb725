//! Starting executions, and repeating those that have failed (spec 3.7).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use indexmap::IndexMap;
use procession_domain::{
    definition::{Definition, InputProblem, Process, ProcessError},
    event::{Creation, ProcessRef, Recorded, TriggerContext, ValueRef},
    execution::{Execution, ValueKey},
    value::{Duration, ExecutionId, Json, ProcessId, ScheduleId, Timestamp, TraceContext},
};
use serde_json::json;

use super::{ExecutionFailure, Executions, TooManyStarts, VisibleExecution};
use crate::{
    access::{Forbidden, Principal, UseCase},
    audit,
    engine::EngineSettings,
    pins::pins_of,
    ports::{
        CallOfStart, Content, IdempotencyKey, ScheduleChange, Start, StartError, Started, StoreError, WebhookCall,
    },
    values::{self, Measured},
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
    /// The id of the signed message that asks for it: each is taken once.
    pub message_key: Option<String>,
    /// How its schedule stands then, if it is a due time of one.
    pub schedule: Option<ScheduleChange>,
    /// The call of a webhook that it is, to be remembered with it.
    pub call: Option<CallOfStart>,
    /// The place in the trace of who asks for it, where the principal does not bring one.
    pub trace: Option<TraceContext>,
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
    /// The schedule and the time for which it was due.
    pub due: Option<(ScheduleId, Timestamp)>,
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
    #[error("the input is too large: {0}")]
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
        let request = StartRequest { trace: trace_of(by).or(request.trace), ..request };
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
            let old = this.in_sight_to_change(&by_whom, id).await?;
            if let Some(user) = by_whom.user() {
                this.start_limit.take(user, this.ports.clock.now())?;
            }
            this.repeat(&old, from, &by_whom).await
        };
        self.door.change(by, UseCase::RetryExecution, retry).await
    }

    /// The same for a use case that has let the principal in, and carries its change through.
    pub(crate) async fn start_within_limit(
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
        let Some(key) = self.idempotency(request, &process, user).0 else { return Ok(None) };
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
        let input = self.measured(&checked.input)?;
        let payload = request.trigger.payload.as_ref().map(|payload| self.measured(payload)).transpose()?;
        let pins = pins_of(&definition, self.ports.definitions.as_ref()).await.map_err(StartError::from)?;
        let keys = self.idempotency(&request, &process, user.as_deref());
        let (schedule, call) = (request.schedule.clone(), request.call.clone());
        let input_and_payload = (input.value, payload.as_ref().map(|payload| payload.value));
        let creation = Creation {
            pins,
            warnings: checked.warnings,
            ..self.creation(&definition, process.id(), request, user, input_and_payload)
        };
        let id = ExecutionId::new(self.ports.ids.new_id());
        let (execution, created) = Execution::create(id, definition, creation, self.ports.clock.now());
        audit::about_named(&id, &execution.creation().process.name);
        let payload = payload.map(|payload| (ValueKey::TriggerPayload, payload));
        let values = std::iter::once((ValueKey::Input, input)).chain(payload).collect();
        let schedule = schedule.map(|change| change.with_execution(id));
        let call = call.map(|noted| {
            let call = WebhookCall { execution_id: Some(id), ..noted.call };
            CallOfStart { call, ..noted }
        });
        let outcome = self.launch(execution, vec![created], values, keys, (schedule, call)).await?;
        Ok(StartOutcome { input: (!outcome.repeated).then_some(checked.input), ..outcome })
    }

    async fn repeat(&self, old: &Execution, from: RetryFrom, by: &Principal) -> Result<StartOutcome, ExecutionFailure> {
        old.check_retry()?;
        let new_id = ExecutionId::new(self.ports.ids.new_id());
        let now = self.ports.clock.now();
        let creation = Creation {
            retry_of: Some(old.id()),
            parent: None,
            triggered_by: "retry".into(),
            user: by.user().map(str::to_owned),
            earlier_users: old.creation().requesters().cloned().collect::<BTreeSet<_>>().into_iter().collect(),
            trace: trace_of(by),
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
        match self.launch(execution, events, values, (None, None), (None, None)).await {
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

    async fn launch(
        &self,
        execution: Execution,
        events: Vec<Recorded>,
        values: Vec<(ValueKey, Measured)>,
        (idempotency, message): (Option<IdempotencyKey>, Option<IdempotencyKey>),
        (schedule, call): (Option<ScheduleChange>, Option<CallOfStart>),
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
            deliveries: Vec::new(),
            idempotency,
            message,
            schedule,
            call,
            admit: None,
        };
        match self.engine.launch(start).await? {
            Started::Created { .. } => {
                Ok(StartOutcome { execution: VisibleExecution::new(execution), repeated: false, input: None })
            }
            Started::Before(id) => {
                audit::about(&id);
                self.outcome_of_before(id).await
            }
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

    pub(super) fn creation(
        &self,
        definition: &Definition,
        id: ProcessId,
        request: StartRequest,
        user: Option<String>,
        (input, payload): (ValueRef, Option<ValueRef>),
    ) -> Creation {
        let settings: &EngineSettings = self.engine.settings();
        let now = self.ports.clock.now();
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
                fired_at: Some(request.trigger.due.map_or(now, |(_, due_at)| due_at)),
                schedule_id: request.trigger.due.map(|(schedule, _)| schedule),
                due_at: request.trigger.due.map(|(_, due_at)| due_at),
                actual_at: request.trigger.due.map(|_| now),
            },
            triggered_by: request.triggered_by,
            user,
            earlier_users: Vec::new(),
            pins: BTreeMap::new(),
            retry_of: None,
            parent: None,
            labels,
            priority: definition.config().priority,
            undefined: definition.config().undefined.or(settings.undefined),
            currency: settings.currency,
            warnings: Vec::new(),
            trace: request.trace,
        }
    }

    /// The keys of a start: its caller's, and that of the message that asks for it.
    fn idempotency(
        &self,
        request: &StartRequest,
        process: &Process,
        user: Option<&str>,
    ) -> (Option<IdempotencyKey>, Option<IdempotencyKey>) {
        let caller = user.unwrap_or(&request.triggered_by);
        let name = process.definition().name();
        let expires_at = self.ports.clock.now().saturating_add(KEY_KEPT);
        let kept =
            |scope: Json| IdempotencyKey { scope: scope.to_string(), digest: digest(request, process), expires_at };
        let of_caller = request.idempotency_key.as_ref().map(|key| kept(json!([caller, name, key])));
        let trigger = &request.trigger.id;
        let of_message = request.message_key.as_ref().map(|key| kept(json!([caller, name, trigger, "message", key])));
        (of_caller, of_message)
    }

    /// A value that is to be kept; one that is too large is refused.
    pub(super) fn measured(&self, value: &Json) -> Result<Measured, StartFailure> {
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
        let (executions, blobs) = (self.ports.executions.as_ref(), self.ports.blobs.as_ref());
        let mut values = Vec::with_capacity(wanted.len());
        for (key, value) in wanted {
            let Some(json) = values::load(executions, blobs, old.id(), &value).await? else {
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

/// The place in the trace of a request that asks for something.
fn trace_of(by: &Principal) -> Option<TraceContext> {
    by.origin().and_then(|origin| origin.trace)
}

/// The digest by which repeated starts are compared: what was asked, not when, and not in which order members stood.
fn digest(request: &StartRequest, process: &Process) -> String {
    // A person asks for a version; what calls or is due asks for the process, whichever version that has by then.
    let what = match request.trigger.id {
        None => json!(process.id()),
        Some(_) => json!(process.definition().name()),
    };
    let mut asked = json!([what, request.input, request.trigger.payload, request.labels]);
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
    format!("the input does not fit: {}", problems.join("; "))
}
