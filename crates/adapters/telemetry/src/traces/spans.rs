//! Spans from events: each is made when what it tells of has ended, from the events of its execution alone.

use std::collections::HashMap;

use opentelemetry_proto::tonic::trace::v1::{
    Span,
    span::{Event as SpanEvent, SpanKind},
};
use procession_application::{
    ports::StoredEvent,
    traces::{SpanName, TraceSampling, span_id, trace_id},
};
use procession_domain::{
    definition::{Definition, StepKind},
    event::{
        ApprovalEvent, AttemptEvent, Direction, Event, ExecutionError, ProcessEvent, StepError, StepEvent, Usage, Wait,
    },
    execution::CallId,
    value::{Cost, ExecutionId, StepId, Timestamp},
};

use super::otlp;

/// Of so many executions it is remembered what is under way. What is forgotten is read again when it goes on.
const MOST_REMEMBERED: usize = 20_000;

/// Makes spans, and remembers of what is under way when it began.
pub(super) struct SpanMaker {
    sampling: TraceSampling,
    under_way: HashMap<ExecutionId, UnderWay>,
}

/// What is under way of an execution.
struct UnderWay {
    created_at: Timestamp,
    attempts: HashMap<(StepId, Direction), Begun>,
    waits: HashMap<(StepId, Direction), Begun>,
    /// Requests to people, by their ids.
    requests: HashMap<String, Begun>,
}

/// Something that has begun, as a span without an end.
struct Begun {
    span: Span,
    step: StepId,
    attempt: u32,
}

/// How something ended.
struct Ending<'a> {
    at: Timestamp,
    error: Option<(&'a str, &'a str)>,
    usage: Option<&'a Usage>,
}

impl SpanMaker {
    /// Of this share of executions.
    pub fn new(sampling: TraceSampling) -> Self {
        Self { sampling, under_way: HashMap::new() }
    }

    /// Whether the events before this one must be taken first, since what they began is not remembered.
    pub fn needs_history(&self, event: &StoredEvent) -> bool {
        event.sequence() > 1
            && self.sampling.takes(event.execution_id)
            && !self.under_way.contains_key(&event.execution_id)
    }

    /// Takes the next event of an execution that runs this definition. The spans that end with it.
    pub fn take(&mut self, event: &StoredEvent, definition: Option<&Definition>) -> Vec<Span> {
        let id = event.execution_id;
        if !self.sampling.takes(id) {
            return Vec::new();
        }
        if self.under_way.len() >= MOST_REMEMBERED
            && !self.under_way.contains_key(&id)
            && let Some(other) = self.under_way.keys().next().copied()
        {
            self.under_way.remove(&other);
        }
        let under_way = self.under_way.entry(id).or_insert_with(|| UnderWay::since(event.at()));
        let mut ended = Vec::new();
        match event.event() {
            Event::Process(of_process) => {
                if let Some(root) = under_way.root(event, of_process) {
                    under_way.end_everything(event.at(), &mut ended);
                    ended.push(root);
                    self.under_way.remove(&id);
                }
            }
            Event::Step(step, of_step) => under_way.take_step(event, step, of_step, &mut ended),
            Event::Attempt(step, direction, of_attempt) => {
                let model = definition.and_then(|definition| model_of(definition, step, *direction));
                under_way.take_attempt(event, (step, *direction), of_attempt, model, &mut ended);
            }
            Event::Approval(step, request, of_approval) => {
                under_way.take_approval(event, step, &request.to_string(), of_approval, &mut ended);
            }
            Event::Child(..) => {}
        }
        ended
    }
}

impl UnderWay {
    fn since(created_at: Timestamp) -> Self {
        Self { created_at, attempts: HashMap::new(), waits: HashMap::new(), requests: HashMap::new() }
    }

    /// The span of the execution, if it has ended.
    fn root(&self, stored: &StoredEvent, event: &ProcessEvent) -> Option<Span> {
        let id = stored.execution_id;
        let (status, cost, error): (_, Option<&Cost>, Option<&ExecutionError>) = match event {
            ProcessEvent::Completed { total_cost, .. } => ("completed", Some(total_cost), None),
            ProcessEvent::Failed { error, total_cost } => ("failed", Some(total_cost), Some(error)),
            ProcessEvent::Cancelled(_) => ("cancelled", None, None),
            ProcessEvent::Created(_)
            | ProcessEvent::Started { .. }
            | ProcessEvent::Paused(_)
            | ProcessEvent::Resumed { .. }
            | ProcessEvent::RollBackStarted { .. }
            | ProcessEvent::BudgetWarning { .. }
            | ProcessEvent::BudgetRaised { .. } => return None,
        };
        let creation = &stored.creation;
        let name = creation.process.name.to_string();
        let mut span = otlp::span(id, SpanName::Root, format!("invoke_workflow {name}"), SpanKind::Internal);
        span.start_time_unix_nano = otlp::nanos(self.created_at);
        span.attributes = vec![
            otlp::text("gen_ai.operation.name", "invoke_workflow"),
            otlp::text("gen_ai.agent.name", name.clone()),
            otlp::text("procession.execution.id", id.to_string()),
            otlp::text("procession.process.name", name),
            otlp::text("procession.process.version", creation.process.version.to_string()),
            otlp::text("procession.execution.status", status),
            otlp::text("procession.triggered_by", creation.triggered_by.clone()),
        ];
        if let Some(cost) = cost {
            span.attributes.extend(otlp::cost(cost.amount));
            span.attributes.push(otlp::flag("procession.cost.complete", cost.complete));
        }
        let root_of = |other: ExecutionId| otlp::link(trace_id(other), span_id(other, SpanName::Root), true);
        span.links.extend(creation.trace.map(|trace| otlp::link(trace.trace_id, trace.span_id, trace.is_sampled)));
        span.links.extend(creation.parent.as_ref().map(|parent| root_of(parent.execution_id)));
        span.links.extend(creation.retry_of.map(root_of));
        let error = error.map(|error| (error.code.as_str(), error.message.as_str()));
        otlp::end(&mut span, stored.at(), error);
        Some(span)
    }

    fn take_attempt(
        &mut self,
        stored: &StoredEvent,
        (step, direction): (&StepId, Direction),
        event: &AttemptEvent,
        model: Option<&str>,
        ended: &mut Vec<Span>,
    ) {
        let key = (step.clone(), direction);
        let at = stored.at();
        match event {
            AttemptEvent::Started(start) => {
                let call = CallId {
                    execution_id: stored.execution_id,
                    step_id: step.clone(),
                    attempt: start.attempt,
                    direction,
                };
                match self.attempts.get_mut(&key) {
                    Some(begun) if begun.attempt == start.attempt => begun.note("sent_again", at, None),
                    _ => {
                        let lost = Ending { at, error: Some(("interrupted", "the server stopped")), usage: None };
                        ended.extend(self.attempts.remove(&key).map(|begun| begun.ended(&lost)));
                        self.attempts.insert(key, Begun::attempt(&call, at, start.agent.as_deref(), model));
                    }
                }
            }
            AttemptEvent::Waiting(wait) => self.take_wait(stored, key, wait),
            AttemptEvent::Interrupted { .. } => {
                if let Some(begun) = self.attempts.get_mut(&key) {
                    begun.note("interrupted", at, None);
                }
            }
            AttemptEvent::Retrying { error, usage, .. } | AttemptEvent::Failed { error, usage, .. } => {
                self.end_step(&key, &Ending::failed(at, error, usage), ended);
            }
            AttemptEvent::Completed { usage, .. } => {
                self.end_step(&key, &Ending { at, error: None, usage: Some(usage) }, ended);
            }
            // What becomes known of a cost after its call has ended can't be told of a span that is gone.
            AttemptEvent::Submitted { .. } | AttemptEvent::Resumed { .. } | AttemptEvent::CostRecorded { .. } => {}
        }
    }

    fn take_wait(&mut self, stored: &StoredEvent, key: (StepId, Direction), wait: &Wait) {
        let (what, child) = match wait {
            Wait::Timer { .. } => ("timer", None),
            Wait::Child { execution_id } => ("child", Some(*execution_id)),
            Wait::BackOff { .. } => return,
            Wait::AgentBusy { .. } => return self.note_wait(&key, "agent_busy", stored.at()),
            Wait::RateLimit { .. } => return self.note_wait(&key, "rate_limit", stored.at()),
            Wait::Breaker { .. } => return self.note_wait(&key, "breaker_open", stored.at()),
        };
        let attempt = self.attempts.get(&key).map_or(1, |begun| begun.attempt);
        let (step_id, direction) = key.clone();
        let call = CallId { execution_id: stored.execution_id, step_id, attempt, direction };
        let mut begun = Begun::wait(stored.execution_id, SpanName::Wait(&call), &call.step_id, stored.at(), what);
        begun.span.attributes.push(otlp::count("procession.attempt", attempt.into()));
        if let Some(child) = child {
            begun.span.attributes.push(otlp::text("procession.child.execution.id", child.to_string()));
            begun.span.links.push(otlp::link(trace_id(child), span_id(child, SpanName::Root), true));
        }
        self.waits.insert(key, begun);
    }

    fn note_wait(&mut self, key: &(StepId, Direction), what: &str, at: Timestamp) {
        if let Some(begun) = self.attempts.get_mut(key) {
            begun.note("waiting", at, Some(what));
        }
    }

    fn take_step(&mut self, stored: &StoredEvent, step: &StepId, event: &StepEvent, ended: &mut Vec<Span>) {
        let at = stored.at();
        let ending = match event {
            StepEvent::Skipped(skipped) => {
                let error = skipped.error.as_ref().map(|error| (error.code.as_str(), error.message.as_str()));
                Ending { at, error, usage: Some(&skipped.usage) }
            }
            StepEvent::Cancelled => Ending { at, error: Some(("cancelled", "the step was cancelled")), usage: None },
            StepEvent::Reset { .. } => Ending { at, error: None, usage: None },
            // The request of people tells more than that the step waits for it.
            StepEvent::WaitingApproval { .. } | StepEvent::Reused { .. } | StepEvent::GatewayEvaluated(_) => return,
        };
        for direction in [Direction::Do, Direction::Undo] {
            self.end_step(&(step.clone(), direction), &ending, ended);
        }
    }

    fn take_approval(
        &mut self,
        stored: &StoredEvent,
        step: &StepId,
        request: &str,
        event: &ApprovalEvent,
        ended: &mut Vec<Span>,
    ) {
        let id = stored.execution_id;
        let (decision, at) = match event {
            ApprovalEvent::Requested { .. } => {
                let begun = Begun::wait(id, SpanName::People(request), step, stored.at(), "people");
                self.requests.insert(request.to_owned(), begun);
                return;
            }
            ApprovalEvent::Decided(verdict) => (otlp::word(verdict.decision), stored.at()),
            ApprovalEvent::Voted { .. }
            | ApprovalEvent::Delegated { .. }
            | ApprovalEvent::Escalated { .. }
            | ApprovalEvent::Expired => return,
        };
        if let Some(mut begun) = self.requests.remove(request) {
            begun.span.attributes.push(otlp::text("procession.approval.decision", decision));
            ended.push(begun.ended(&Ending { at, error: None, usage: None }));
        }
    }

    /// Ends what a step has under way. Of what it waited for it is no error that the step ended otherwise.
    fn end_step(&mut self, key: &(StepId, Direction), ending: &Ending<'_>, ended: &mut Vec<Span>) {
        let of_wait = Ending { at: ending.at, error: None, usage: None };
        let requests: Vec<String> = match key.1 {
            Direction::Do => {
                self.requests.iter().filter(|(_, begun)| begun.step == key.0).map(|(id, _)| id.clone()).collect()
            }
            Direction::Undo => Vec::new(),
        };
        for request in requests {
            ended.extend(self.requests.remove(&request).map(|begun| begun.ended(&of_wait)));
        }
        ended.extend(self.waits.remove(key).map(|begun| begun.ended(&of_wait)));
        // Only what an agent does is a span of its own; what else has attempts waits, or is done at once.
        let attempt = self.attempts.remove(key).filter(Begun::is_call);
        ended.extend(attempt.map(|begun| begun.ended(ending)));
    }

    fn end_everything(&mut self, at: Timestamp, ended: &mut Vec<Span>) {
        let ending = Ending { at, error: None, usage: None };
        let cancelled = Ending { error: Some(("cancelled", "the execution ended")), ..ending };
        let calls = self.attempts.drain().map(|(_, begun)| begun).filter(Begun::is_call);
        ended.extend(calls.map(|begun| begun.ended(&cancelled)));
        let waits = self.waits.drain().map(|(_, begun)| begun);
        ended.extend(waits.chain(self.requests.drain().map(|(_, begun)| begun)).map(|begun| begun.ended(&ending)));
    }
}

impl Begun {
    fn attempt(call: &CallId, at: Timestamp, agent: Option<&str>, model: Option<&str>) -> Self {
        let name = agent.map(|agent| format!("invoke_agent {agent}")).unwrap_or_default();
        let mut span = otlp::span(call.execution_id, SpanName::Attempt(call), name, SpanKind::Client);
        span.start_time_unix_nano = otlp::nanos(at);
        span.attributes = vec![
            otlp::text("gen_ai.operation.name", "invoke_agent"),
            otlp::text("gen_ai.agent.name", agent.unwrap_or_default()),
            otlp::text("procession.step.id", call.step_id.as_str()),
            otlp::count("procession.attempt", call.attempt.into()),
        ];
        span.attributes.extend(model.map(|model| otlp::text("gen_ai.request.model", model)));
        if call.direction == Direction::Undo {
            span.attributes.push(otlp::flag("procession.compensation", true));
        }
        Self { span, step: call.step_id.clone(), attempt: call.attempt }
    }

    fn wait(execution: ExecutionId, name: SpanName<'_>, step: &StepId, at: Timestamp, what: &str) -> Self {
        let mut span = otlp::span(execution, name, format!("wait {step}"), SpanKind::Internal);
        span.start_time_unix_nano = otlp::nanos(at);
        span.attributes =
            vec![otlp::text("procession.step.id", step.as_str()), otlp::text("procession.wait.for", what)];
        Self { span, step: step.clone(), attempt: 1 }
    }

    /// Whether it is a call of an agent.
    fn is_call(&self) -> bool {
        !self.span.name.is_empty()
    }

    fn note(&mut self, name: &str, at: Timestamp, wait_for: Option<&str>) {
        let attributes = wait_for.map(|what| otlp::text("procession.wait.for", what)).into_iter().collect();
        let time_unix_nano = otlp::nanos(at);
        self.span.events.push(SpanEvent { time_unix_nano, name: name.to_owned(), attributes, ..SpanEvent::default() });
    }

    fn ended(self, ending: &Ending<'_>) -> Span {
        let mut span = self.span;
        if let Some(usage) = ending.usage {
            otlp::add_usage(&mut span, usage);
        }
        otlp::end(&mut span, ending.at, ending.error);
        span
    }
}

impl<'a> Ending<'a> {
    fn failed(at: Timestamp, error: &'a StepError, usage: &'a Usage) -> Self {
        Self { at, error: Some((error.code.as_str(), &error.message)), usage: Some(usage) }
    }
}

/// The model that a step asks for, if it asks for one.
fn model_of<'d>(definition: &'d Definition, step: &StepId, direction: Direction) -> Option<&'d str> {
    let step = definition.step(definition.position(step.as_str())?);
    match (direction, &step.kind) {
        (Direction::Do, StepKind::AgentTask(task)) => task.model.as_deref(),
        (Direction::Do | Direction::Undo, _) => None,
    }
}
