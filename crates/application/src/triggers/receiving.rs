//! A call of a webhook (spec 5.7): found, let in, read, and started once.
//!
//! Whoever calls is a stranger until the secret fits: before that, one row is read and one signature is made, and what is
//! remembered of it is little.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use procession_domain::value::{Duration, Json, ProcessName, Timestamp, TriggerId, json::exact_text};

use super::{
    Triggers,
    signatures::{self, LetIn, NotLetIn},
};
use crate::{
    access::{Principal, Via},
    executions::{StartFailure, StartOutcome, StartRequest, StartTrigger, VisibleExecution},
    ports::{CallOfStart, CallOutcome, KeptWebhook, Origin, StartError, StoreError, WebhookAddress, WebhookCall},
};

/// How many calls of each webhook are remembered.
const KEPT_CALLS: u32 = 200;

/// How much of a body is remembered, in bytes.
const KEPT_BODY: usize = 64 * 1024;

/// How many calls that are not let in are remembered of one webhook in a minute.
const MOST_REFUSED: u32 = 20;

/// What `triggered_by` says of an execution that a call started.
const BY_WEBHOOK: &str = "webhook";

/// The longest value of a header by which repeated calls are known.
const LONGEST_KEY: usize = 255;

/// A call as it comes in.
pub struct IncomingCall<'a> {
    /// What was called.
    pub address: WebhookAddress,
    /// Looks up a header by its name in lower case.
    pub header: &'a (dyn Fn(&str) -> Option<String> + Send + Sync),
    /// The body.
    pub body: &'a [u8],
    /// From where it came.
    pub origin: Origin,
}

/// What a call came to.
#[derive(Debug, Clone)]
pub struct Received {
    /// The execution that it started.
    pub execution: VisibleExecution,
    /// Whether the same call had been made before, so that this is the execution of then.
    pub is_repeated: bool,
    /// Whether the call was signed.
    pub is_signed: bool,
}

/// Why a call starts nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallFailure {
    /// There is no such webhook.
    #[error("Trigger not found: {0}")]
    NotFound(WebhookAddress),
    /// It is switched off.
    #[error("Trigger is disabled")]
    Disabled,
    /// The caller is not let in.
    #[error("{0}")]
    NotLetIn(String),
    /// The secret that callers must show can't be read here.
    #[error("the webhook can't be called: its secret is not in the server's environment; tell its operator")]
    NoSecret,
    /// The body is not JSON.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// A header that makes repeated calls one does not do.
    #[error("the header `{0}` must have at most 255 characters")]
    BadHeader(String),
    /// The execution can't be started.
    #[error(transparent)]
    Start(#[from] StartFailure),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CallFailure {
    /// The status it is answered with.
    pub const fn status(&self) -> u16 {
        match self {
            Self::NotFound(_) => 404,
            Self::Disabled | Self::NotLetIn(_) => 403,
            Self::NotJson(_) => 400,
            Self::BadHeader(_) => 422,
            Self::NoSecret | Self::Store(_) => 503,
            Self::Start(failure) => match failure {
                StartFailure::Forbidden(_) => 403,
                StartFailure::NotFound => 404,
                StartFailure::NotStartable(_) => 409,
                StartFailure::InvalidInput(_) => 422,
                StartFailure::TooLarge(_) => 413,
                StartFailure::TooManyStarts(_) => 429,
                StartFailure::Start(error) => match error {
                    StartError::KeyReused | StartError::Outrun => 409,
                    StartError::QueueFull { .. } => 429,
                    StartError::ProcessGone => 404,
                    StartError::Store(_) => 503,
                },
            },
        }
    }

    const fn outcome(&self) -> CallOutcome {
        match self {
            Self::Disabled => CallOutcome::Disabled,
            Self::NotFound(_) | Self::NotLetIn(_) | Self::NotJson(_) | Self::BadHeader(_) => CallOutcome::Refused,
            Self::NoSecret | Self::Start(_) | Self::Store(_) => CallOutcome::Failed,
        }
    }
}

/// How many calls that were not let in have been remembered lately, of each webhook.
#[derive(Debug, Default)]
pub(crate) struct Spam(Mutex<HashMap<(ProcessName, TriggerId), (Timestamp, u32)>>);

impl Spam {
    /// Whether one more may be remembered.
    fn has_room(&self, webhook: &KeptWebhook, now: Timestamp) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (webhook.process_name.clone(), webhook.trigger_id.clone());
        let (since, count) = counts.entry(key).or_insert((now, 0));
        if now.since(*since) >= Duration::from_secs(60) {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count <= MOST_REFUSED
    }
}

impl Triggers {
    /// Takes a call: starts the process that it calls, once for each message.
    pub async fn receive(&self, call: IncomingCall<'_>) -> Result<Received, CallFailure> {
        let Some(webhook) = self.0.incoming.webhook(&call.address).await? else {
            return Err(CallFailure::NotFound(call.address));
        };
        let now = self.0.clock.now();
        let let_in = self.let_in(&webhook, &call, now);
        let was_let_in = let_in.is_ok();
        let noted = as_a_start(&webhook, &call, self.0.ids.new_id(), now);
        let received = match let_in {
            Ok(let_in) => self.start_for(&webhook, &call, let_in, noted.clone()).await,
            Err(failure) => Err(failure),
        };
        // One that has started something is remembered with that start.
        if let Some(noted) = without_a_start(noted, &received, was_let_in)
            && (was_let_in || self.0.spam.has_room(&webhook, now))
            && let Err(error) = self.0.incoming.note_call(&noted, KEPT_CALLS).await
        {
            tracing::warn!(%error, "a call of a webhook could not be remembered");
        }
        received
    }

    fn let_in(&self, webhook: &KeptWebhook, call: &IncomingCall<'_>, now: Timestamp) -> Result<LetIn, CallFailure> {
        if !webhook.is_enabled() {
            return Err(CallFailure::Disabled);
        }
        let Some(secret) = &webhook.secret else { return Ok(LetIn::Plain) };
        let secret = self.0.variables.resolve(secret).map_err(|name| {
            let (process, trigger) = (&webhook.process_name, &webhook.trigger_id);
            tracing::error!(
                %process, %trigger, name,
                "a webhook can't be called: set this variable, and name it in environment.allow"
            );
            CallFailure::NoSecret
        })?;
        signatures::check(&secret, call.header, call.body, now)
            .map_err(|not_let_in: NotLetIn| CallFailure::NotLetIn(not_let_in.to_string()))
    }

    /// Waits until the execution of a call has ended, at most so long. How it is then.
    pub async fn until_ended(
        &self,
        received: &Received,
        within: std::time::Duration,
    ) -> Result<VisibleExecution, StoreError> {
        self.0.executions.until_ended(&received.execution, within).await
    }

    async fn start_for(
        &self,
        webhook: &KeptWebhook,
        call: &IncomingCall<'_>,
        let_in: LetIn,
        noted: WebhookCall,
    ) -> Result<Received, CallFailure> {
        let payload = payload(call.body)?;
        let message = match &let_in {
            LetIn::Plain => None,
            LetIn::Signed(id) => id.clone(),
        };
        let request = StartRequest {
            idempotency_key: dedupe_key(webhook, call)?,
            message_key: message,
            call: Some(CallOfStart { call: noted, kept: KEPT_CALLS }),
            ..request_of(webhook, payload)
        };
        let by = Principal::of_trigger(Via::Webhook, &webhook.process_name, webhook.trigger_id.as_str());
        let by = by.coming_from(call.origin.clone());
        let outcome = self.0.executions.start(&by, webhook.process_id, request).await?;
        Ok(Received {
            is_repeated: outcome.repeated,
            execution: outcome.execution,
            is_signed: matches!(let_in, LetIn::Signed(_)),
        })
    }

    /// Starts a webhook's process for a person.
    pub(super) async fn start_with(
        &self,
        webhook: &KeptWebhook,
        payload: Json,
        user: Option<String>,
    ) -> Result<StartOutcome, StartFailure> {
        self.0.executions.start_within_limit(webhook.process_id, request_of(webhook, payload), user).await
    }
}

/// The start of a call: its body at `trigger.payload`, and the fields of an object as the input too.
fn request_of(webhook: &KeptWebhook, payload: Json) -> StartRequest {
    let input = if payload.is_object() { payload.clone() } else { Json::Object(serde_json::Map::new()) };
    StartRequest {
        input,
        trigger: StartTrigger {
            trigger_type: BY_WEBHOOK.to_owned(),
            id: Some(webhook.trigger_id.to_string()),
            payload: Some(payload),
            due: None,
        },
        triggered_by: BY_WEBHOOK.to_owned(),
        ..StartRequest::default()
    }
}

/// The body as JSON; nothing is `null`.
fn payload(body: &[u8]) -> Result<Json, CallFailure> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Json::Null);
    }
    // Whole numbers that JSON's own can't hold are texts of their digits, as in every body.
    if let Ok(text) = str::from_utf8(body)
        && let Cow::Owned(exact) = exact_text(text)
        && let Ok(payload) = serde_json::from_str(&exact)
    {
        return Ok(payload);
    }
    serde_json::from_slice(body).map_err(|error| CallFailure::NotJson(error.to_string()))
}

/// What makes repeated calls one, if the definition names a header for it and the caller sends that.
fn dedupe_key(webhook: &KeptWebhook, call: &IncomingCall<'_>) -> Result<Option<String>, CallFailure> {
    let Some(name) = &webhook.dedupe_header else { return Ok(None) };
    match (call.header)(&name.to_ascii_lowercase()) {
        Some(value) if value.len() > LONGEST_KEY => Err(CallFailure::BadHeader(name.clone())),
        Some(value) if !value.trim().is_empty() => Ok(Some(format!("{}\n{value}", webhook.trigger_id))),
        Some(_) | None => Ok(None),
    }
}

/// A call as it is remembered if it starts an execution.
fn as_a_start(webhook: &KeptWebhook, call: &IncomingCall<'_>, id: uuid::Uuid, at: Timestamp) -> WebhookCall {
    WebhookCall {
        id,
        process_name: webhook.process_name.clone(),
        trigger_id: webhook.trigger_id.clone(),
        at,
        outcome: CallOutcome::Started,
        status: 202,
        execution_id: None,
        reason: None,
        size: call.body.len() as u64,
        body: Some(beginning_of(call.body)),
    }
}

/// A call that has started none, as it is remembered; `None` if it has.
fn without_a_start(
    noted: WebhookCall,
    received: &Result<Received, CallFailure>,
    was_let_in: bool,
) -> Option<WebhookCall> {
    match received {
        Ok(Received { is_repeated: false, .. }) => None,
        Ok(Received { is_signed, execution, .. }) => Some(WebhookCall {
            outcome: CallOutcome::Duplicate,
            status: if *is_signed { 200 } else { 202 },
            execution_id: Some(execution.id()),
            ..noted
        }),
        Err(failure) => Some(WebhookCall {
            outcome: failure.outcome(),
            status: failure.status(),
            reason: Some(failure.to_string()),
            body: noted.body.filter(|_| was_let_in),
            ..noted
        }),
    }
}

/// The beginning of a body, as far as it is text.
fn beginning_of(body: &[u8]) -> String {
    let cut = body.get(..KEPT_BODY).unwrap_or(body);
    match str::from_utf8(cut) {
        Ok(text) => text.to_owned(),
        Err(error) => String::from_utf8_lossy(cut.get(..error.valid_up_to()).unwrap_or_default()).into_owned(),
    }
}
