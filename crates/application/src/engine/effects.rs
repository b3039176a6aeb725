//! Making calls: agents and notifications. Each result is the next command of its execution.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt as _;
use procession_domain::{
    event::{StepError, Usage},
    execution::{
        AgentInput, Call, CallId, CallInput, Command, Failure, Hold, NotificationInput, Recovery, Refusal, RefusalKind,
        Reply,
    },
    value::{Duration, ErrorCode, ExecutionId, Json, ProcessName, reply::json_of},
};
use procession_language::output_schema;
use serde_json::json;
use tokio::sync::{mpsc::UnboundedSender, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Inner,
    health::Part,
    queues::SlotGuard,
    runner::{Message, Origin, Run, Told},
};
use crate::{
    ports::{AgentFailure, AgentReply, AgentTask, DeliveryFailure, Message as Notice, Recovered, Submitted},
    traces,
};

/// For how long at most an agent is left alone because it limits calls; a step that may wait longer asks then.
const LONGEST_HOLD: Duration = Duration::from_secs(3_600);

/// How much of a message a notification's output shows, in characters.
const MESSAGE_PREVIEW: usize = 200;

/// A call to make.
pub(super) struct CallTask {
    pub engine: Arc<Inner>,
    pub process_name: ProcessName,
    pub call: Call,
    /// Names the message, if it is one: a repetition for want of an answer has the same name, a re-run's has its own.
    pub message_id: String,
    /// The expanded input, if it is at hand.
    pub input: Option<Arc<Json>>,
    /// The schema that the reply must fit.
    pub schema: Option<Json>,
    pub mailbox: UnboundedSender<Message>,
    /// Whether the call was under way before, so that its gateway is asked first.
    pub recovers: bool,
}

/// What came of a call.
enum Outcome {
    /// It has ended, or was refused.
    Ended(Command),
    /// It has to be made again, and keeps its place for that.
    Unknown,
}

impl CallTask {
    /// Makes the call; dropping the guard drops it.
    pub fn spawn(self, place: Option<SlotGuard>) -> DropGuard {
        let token = self.engine.stop.child_token();
        let cancelled = token.clone();
        let engine = Arc::clone(&self.engine);
        engine.spawn(self.run(place, cancelled));
        token.drop_guard()
    }

    async fn run(self, place: Option<SlotGuard>, cancelled: CancellationToken) {
        let outcome = tokio::select! {
            () = cancelled.cancelled() => return,
            outcome = AssertUnwindSafe(self.make()).catch_unwind() => outcome.unwrap_or_else(|_| self.broken()),
        };
        let told = match outcome {
            Outcome::Ended(command) => {
                // The place is free before the result is handled, so that the next step can have it at once.
                drop(place);
                Told { command, place: None, committed: None }
            }
            Outcome::Unknown => {
                let command = Command::Recovered { call: self.call.id.clone(), recovery: Recovery::Unknown };
                let place = place.map(|place| (self.call.id.step_id.clone(), place));
                Told { command, place, committed: None }
            }
        };
        let _ = self.mailbox.send(Message::Command(Box::new(told)));
    }

    /// What comes of a call whose making has ended by a defect: a failure, so that its step does not wait for ever.
    fn broken(&self) -> Outcome {
        self.engine.health.panicked();
        tracing::error!(call = %self.call.id, "making the call ended because of a defect");
        let message = "making the call ended because of a defect; the server's log has the details".to_owned();
        Outcome::Ended(self.failed(StepError { code: ErrorCode::AgentError, message }))
    }

    async fn make(&self) -> Outcome {
        let input = match &self.input {
            Some(input) => Arc::clone(input),
            None => self.load_input().await,
        };
        match CallInput::from_json(&input) {
            Ok(CallInput::Agent(input)) => self.call_agent(&input).await,
            Ok(CallInput::Notification(input)) => Outcome::Ended(self.notify(&input).await),
            Err(error) => {
                let message = format!("what the call was to say can't be read any more: {error}");
                Outcome::Ended(self.failed(StepError { code: ErrorCode::InvalidConfig, message }))
            }
        }
    }

    async fn load_input(&self) -> Arc<Json> {
        loop {
            match self.engine.value(self.call.id.execution_id, &self.call.input).await {
                Ok(input) => return input,
                Err(error) => {
                    tracing::debug!(call = %self.call.id, "waits for the store");
                    self.engine.health.failed(Part::Store, self.engine.now(), &error);
                    self.engine.pause_for_store().await;
                }
            }
        }
    }

    async fn call_agent(&self, input: &AgentInput) -> Outcome {
        let gateway = &self.engine.ports.agents;
        let task = self.task(input);
        let submitted = if self.recovers {
            match gateway.recover(&task, self.call.call_ref.as_deref()).await {
                Ok(Recovered::Finished(result)) => {
                    self.engine.recovery.note(self.engine.now(), |report| report.finished += 1);
                    result.map(Submitted::Done)
                }
                Ok(Recovered::Running(call_ref)) => {
                    self.engine.recovery.note(self.engine.now(), |report| report.running += 1);
                    self.send(Command::Recovered { call: self.call.id.clone(), recovery: Recovery::Running });
                    Ok(Submitted::Accepted(call_ref))
                }
                Ok(Recovered::Unknown) => {
                    self.engine.recovery.note(self.engine.now(), |report| report.sent_again += 1);
                    return Outcome::Unknown;
                }
                Err(failure) => Err(failure),
            }
        } else {
            gateway.submit(&task).await
        };
        let result = match submitted {
            Ok(Submitted::Done(reply)) => Ok(reply),
            Ok(Submitted::Accepted(call_ref)) => {
                if !self.name_is_committed(&call_ref).await {
                    return std::future::pending().await;
                }
                gateway.wait(&task, &call_ref).await
            }
            Err(failure) => Err(failure),
        };
        Outcome::Ended(self.agent_result(&input.agent, result))
    }

    /// Has the gateway's name for the call committed before anything else happens. `false` if its run is gone.
    async fn name_is_committed(&self, call_ref: &str) -> bool {
        if self.call.call_ref.as_deref() == Some(call_ref) {
            return true;
        }
        let (sender, committed) = oneshot::channel();
        let command = Command::Submitted { call: self.call.id.clone(), call_ref: call_ref.to_owned() };
        let told = Told { command, place: None, committed: Some(sender) };
        self.mailbox.send(Message::Command(Box::new(told))).is_ok() && committed.await.is_ok()
    }

    fn agent_result(&self, agent: &str, result: Result<AgentReply, AgentFailure>) -> Command {
        let call = self.call.id.clone();
        let now = self.engine.now();
        let queues = &self.engine.queues;
        match result {
            Ok(reply) => {
                queues.report(agent, None, now);
                match self.schema_problem(&reply) {
                    None => Command::Finished { call, reply: Reply::Agent { text: reply.text, usage: reply.usage } },
                    Some(message) => {
                        let error = StepError { code: ErrorCode::OutputSchemaMismatch, message };
                        Command::Failed { call, failure: Failure { error, usage: reply.usage, retry_after: None } }
                    }
                }
            }
            Err(AgentFailure::Busy { retry_after, reason }) => Command::Refused {
                call,
                refusal: Refusal { kind: RefusalKind::Busy, retry_after, reason: Some(reason) },
            },
            // Whoever says when to come back is not unavailable, and says it to everyone.
            Err(AgentFailure::Failed {
                code: ErrorCode::RateLimited,
                message,
                retry_after: Some(retry_after),
                usage,
            }) if usage.is_unknown() => {
                queues.report(agent, Some(ErrorCode::RateLimited), now);
                queues.hold(agent, now.saturating_add(retry_after.min(LONGEST_HOLD)), Hold::RateLimit);
                let refusal = Refusal { kind: RefusalKind::RateLimit, retry_after, reason: Some(message) };
                Command::Refused { call, refusal }
            }
            Err(AgentFailure::Failed { code, message, retry_after, usage }) => {
                queues.report(agent, Some(code), now);
                Command::Failed { call, failure: Failure { error: StepError { code, message }, usage, retry_after } }
            }
        }
    }

    /// How the reply does not fit the step's schema.
    fn schema_problem(&self, reply: &AgentReply) -> Option<String> {
        let schema = self.schema.as_ref()?;
        // A reply that was cut off says so: that is why it does not fit.
        let cut = reply.usage.finish_reason.as_ref().filter(|reason| reason.is_cut());
        let cut = cut.map(|reason| format!(" ({reason})")).unwrap_or_default();
        let Some(value) = json_of(&reply.text) else {
            return Some(format!("the reply is not JSON, but the step has an output_schema{cut}"));
        };
        let problems = output_schema::problems(schema, &value);
        let told = || format!("the reply does not fit the output_schema: {}{cut}", problems.join("; "));
        (!problems.is_empty()).then(told)
    }

    fn task(&self, input: &AgentInput) -> AgentTask {
        AgentTask {
            agent: input.agent.clone(),
            message: input.message.clone(),
            model: input.model.clone(),
            temperature: input.temperature,
            timeout: self.call.timeout,
            key: self.call.id.to_string(),
            execution_id: self.call.id.execution_id,
            step_id: self.call.id.step_id.clone(),
            attempt: self.call.id.attempt,
            trace: self.engine.settings.traces.map(|sampling| traces::context_of(&self.call.id, sampling)),
        }
    }

    fn failed(&self, error: StepError) -> Command {
        let failure = Failure { error, usage: Usage::default(), retry_after: None };
        Command::Failed { call: self.call.id.clone(), failure }
    }

    /// Sends a notification on each of its channels; it fails only if no channel takes it (spec 1.3). Channels that took
    /// it before a crash are not served again: the call's name lists them.
    async fn notify(&self, input: &NotificationInput) -> Command {
        let call = self.call.id.clone();
        let mut served: Vec<String> =
            self.call.call_ref.iter().flat_map(|served| served.split(',')).map(str::to_owned).collect();
        if self.recovers {
            self.send(Command::Recovered { call: call.clone(), recovery: Recovery::Running });
        }
        let mut deliveries: Vec<Json> =
            served.iter().map(|channel| json!({"channel": channel, "status": "sent"})).collect();
        let mut failures: Vec<(String, DeliveryFailure)> = Vec::new();
        for channel in &input.channels {
            if served.contains(channel) {
                continue;
            }
            match self.engine.ports.notifier.send(&self.notice(channel, input)).await {
                Ok(mut delivery) => {
                    delivery["channel"] = json!(channel);
                    deliveries.push(delivery);
                    served.push(channel.clone());
                    if !self.name_is_committed(&served.join(",")).await {
                        return std::future::pending().await;
                    }
                }
                Err(failure) => failures.push((channel.clone(), failure)),
            }
        }
        if deliveries.is_empty() {
            return self.nobody_told(failures);
        }
        for (channel, failure) in failures {
            deliveries.push(json!({"channel": channel, "status": "failed", "error": failure.message}));
        }
        let output = notification_output(input, &self.message_id, deliveries);
        Command::Finished { call, reply: Reply::Notification { output } }
    }

    fn nobody_told(&self, failures: Vec<(String, DeliveryFailure)>) -> Command {
        let code = failures.first().map_or(ErrorCode::InvalidConfig, |(_, failure)| failure.code);
        let retry_after = failures.iter().filter_map(|(_, failure)| failure.retry_after).max();
        let messages: Vec<String> =
            failures.into_iter().map(|(channel, failure)| format!("{channel}: {}", failure.message)).collect();
        let error = StepError { code, message: messages.join("; ") };
        let failure = Failure { error, usage: Usage::default(), retry_after };
        Command::Failed { call: self.call.id.clone(), failure }
    }

    fn notice(&self, channel: &str, input: &NotificationInput) -> Notice {
        Notice {
            channel: channel.to_owned(),
            message: input.message.clone(),
            subject: input.subject.clone(),
            recipients: input.recipients.clone(),
            url: input.url.clone(),
            process_name: self.process_name.clone(),
            execution_id: self.call.id.execution_id,
            step_id: self.call.id.step_id.clone(),
            delivery_id: format!("{}/{channel}", self.message_id),
            timeout: self.call.timeout,
        }
    }

    fn send(&self, command: Command) {
        let _ = self.mailbox.send(Message::command(command));
    }
}

/// Gives a call up. Its cost may become known later, and is recorded then (spec 3.7).
pub(super) fn abandon(engine: &Arc<Inner>, agent: String, call: CallId, call_ref: Option<String>) {
    engine.spawn(give_up(Arc::clone(engine), agent, call, call_ref));
}

async fn give_up(engine: Arc<Inner>, agent: String, call: CallId, call_ref: Option<String>) {
    let key = call.to_string();
    let late_cost = tokio::select! {
        late_cost = engine.ports.agents.abandon(&agent, &key, call_ref.as_deref()) => late_cost,
        () = engine.stop.cancelled() => None,
    };
    if let Some(usage) = late_cost {
        deliver(&engine, call.execution_id, Command::LateCost { call, usage });
    }
}

/// Gives a command to an execution that may have left memory.
pub(super) fn deliver(engine: &Arc<Inner>, id: ExecutionId, command: Command) {
    if let Err(message) = engine.runs.send(id, Message::command(command))
        && let Message::Command(told) = *message
    {
        engine.spawn(wake_for(Arc::clone(engine), id, told.command));
    }
}

async fn wake_for(engine: Arc<Inner>, id: ExecutionId, command: Command) {
    let lease = engine.lease();
    match engine.ports.stores.executions.claim_one(lease, id, engine.now()).await {
        Ok(true) => Run::begin(&engine, id, lease, Origin::Woken(command)),
        Ok(false) => tracing::warn!(execution = %id, "another node has the execution; a late cost is lost"),
        Err(error) => tracing::error!(execution = %id, %error, "a late cost is lost"),
    }
}

/// The output of a notification (spec 2.4).
fn notification_output(input: &NotificationInput, message_id: &str, deliveries: Vec<Json>) -> Json {
    let preview: String = input.message.chars().take(MESSAGE_PREVIEW).collect();
    let first = deliveries.first().cloned().unwrap_or_default();
    let mut output = json!({
        "channel": first["channel"],
        "status": first["status"],
        "message_preview": preview,
        "delivery_id": message_id,
    });
    if !first["status_code"].is_null() {
        output["status_code"] = first["status_code"].clone();
    }
    output["deliveries"] = Json::Array(deliveries);
    output
}
