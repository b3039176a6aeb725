//! Sending one delivery, once.

use std::sync::Arc;

use procession_domain::{
    event::ValueRef,
    value::{Duration, ErrorCode, ExecutionId, Json, ProcessName, StepId},
};
use serde_json::json;

use super::{
    DeliverySettings,
    links::DecisionToken,
    mails::Mails,
    webhooks::{digest, links},
};
use crate::{
    engine::Catalog,
    ports::{
        AgentFailure, AgentTask, DeliveryContent, DeliveryFailure, DueDelivery, Endpoint, MailReason, Message, Ports,
        StoreError, WebhookPost,
    },
    values,
    variables::Variables,
};

/// How long the receiver of a webhook may take to answer.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a mail server, or a channel, may take.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long an agent may take to hear a message.
const AGENT_TIMEOUT: Duration = Duration::from_secs(120);

/// The largest outputs that are sent along, in bytes (spec 5.6).
const LARGEST_OUTPUTS: u64 = 64 * 1024;

/// What came of a try.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The receiver took it.
    Taken(Option<u16>),
    /// It did not; another try may help.
    Refused { status: Option<u16>, error: String, retry_after: Option<Duration> },
    /// It takes no more for now.
    Busy { error: String, retry_after: Duration },
    /// No other try would help.
    Hopeless { status: Option<u16>, error: String },
    /// Nobody needs it any more.
    NotNeeded,
}

/// Sends deliveries.
pub(super) struct Sender {
    ports: Ports,
    settings: Arc<DeliverySettings>,
    catalog: Catalog,
    mails: Mails,
    variables: Variables,
}

/// A webhook's address and secret.
struct Address {
    url: String,
    secret: Option<String>,
}

impl Sender {
    pub fn new(ports: Ports, settings: Arc<DeliverySettings>, mails: Mails, variables: Variables) -> Self {
        let catalog = Catalog::new(Arc::clone(&ports.stores.definitions));
        Self { ports, settings, catalog, mails, variables }
    }

    /// Sends a delivery.
    pub async fn send(&self, due: &DueDelivery) -> Outcome {
        let sent = match &due.content {
            DeliveryContent::Webhook { endpoint, body, outputs } => {
                self.post(due, endpoint, body.clone(), outputs.as_ref()).await
            }
            DeliveryContent::AgentMessage { step_id, message } => Ok(self.tell(due, step_id, message.clone()).await),
            DeliveryContent::ApprovalMail { approval_id, person, address, reason, deadline } => {
                let token = DecisionToken { approval_id: *approval_id, person: person.clone() };
                self.mail(due, &token, address, (*reason, *deadline)).await
            }
            DeliveryContent::Message { channel, subject, text, recipients } => {
                let (server, step_id) = names_of_an_alert();
                let message = Message {
                    channel: channel.clone(),
                    message: text.clone(),
                    subject: subject.clone(),
                    recipients: recipients.clone(),
                    url: None,
                    process_name: due.process_name.clone().unwrap_or(server),
                    execution_id: due.execution_id.unwrap_or_else(|| ExecutionId::new(due.id)),
                    step_id,
                    delivery_id: due.id.to_string(),
                    timeout: Some(MESSAGE_TIMEOUT),
                };
                Ok(self.notify(&message).await)
            }
        };
        // The store failed, which says nothing of the receiver; it counts as a try all the same.
        sent.unwrap_or_else(|error| Outcome::Refused { status: None, error: error.to_string(), retry_after: None })
    }

    async fn post(
        &self,
        due: &DueDelivery,
        endpoint: &Endpoint,
        mut body: Json,
        outputs: Option<&ValueRef>,
    ) -> Result<Outcome, StoreError> {
        let Address { url, secret } = match self.address(endpoint).await? {
            Ok(address) => address,
            Err(problem) => return Ok(hopeless(problem)),
        };
        body["event_id"] = json!(due.event_id);
        if let Some(execution) = due.execution_id {
            body["links"] = links(self.settings.public_url.as_deref(), execution);
            if let Some(outputs) = outputs {
                match self.outputs(execution, outputs).await? {
                    Some(outputs) => body["outputs"] = outputs,
                    None => body["outputs_truncated"] = json!(true),
                }
            }
        }
        let post = WebhookPost {
            url,
            secret,
            id: due.id.to_string(),
            body: body.to_string().into_bytes(),
            timeout: WEBHOOK_TIMEOUT,
        };
        Ok(match self.ports.webhooks.post(&post).await {
            Ok(status) => Outcome::Taken(Some(status)),
            Err(failure) if failure.is_final => Outcome::Hopeless { status: failure.status, error: failure.message },
            Err(failure) => {
                Outcome::Refused { status: failure.status, error: failure.message, retry_after: failure.retry_after }
            }
        })
    }

    /// Where a webhook is, or why nobody knows.
    async fn address(&self, endpoint: &Endpoint) -> Result<Result<Address, String>, StoreError> {
        let (url, secret) = match endpoint {
            Endpoint::Process { process_id, index } => {
                let runnable = self.catalog.runnable(*process_id).await?;
                let hook = runnable.and_then(|found| found.definition.content().webhooks.get(*index).cloned());
                let Some(hook) = hook else {
                    return Ok(Err("the version of the process that names this webhook is gone".to_owned()));
                };
                (hook.url, hook.secret.map(|secret| self.variables.resolve(&secret)).transpose())
            }
            Endpoint::Server(wanted) => {
                let hook = self.settings.webhooks.iter().find(|hook| digest(hook.url.reveal()) == *wanted);
                let Some(hook) = hook else {
                    return Ok(Err("the configuration does not name this webhook any more (`webhooks`)".to_owned()));
                };
                let secret = hook.secret.as_ref().map(|secret| secret.reveal().to_owned());
                (hook.url.reveal().to_owned(), Ok(secret))
            }
        };
        let address = secret.map(|secret| Address { url, secret });
        Ok(address.map_err(|name| {
            format!(
                "its secret is the variable {name}, which is not set, or which `environment.allow` does not name; set it, \
                 start the server again and send this again"
            )
        }))
    }

    /// Outputs that are small enough to be sent along.
    async fn outputs(&self, execution: ExecutionId, value: &ValueRef) -> Result<Option<Json>, StoreError> {
        if value.size > LARGEST_OUTPUTS {
            return Ok(None);
        }
        let stores = &self.ports.stores;
        let found = values::load(stores.executions.as_ref(), stores.blobs.as_ref(), execution, value).await?;
        Ok(found.map(|found| (*found).clone()))
    }

    async fn tell(&self, due: &DueDelivery, step_id: &StepId, mut message: Json) -> Outcome {
        let Some(execution_id) = due.execution_id else { return hopeless("its execution is gone") };
        message["event_id"] = json!(due.event_id);
        let task = AgentTask {
            agent: due.target.clone(),
            message: message.to_string(),
            model: None,
            temperature: None,
            timeout: Some(AGENT_TIMEOUT),
            key: format!("delivery/{}", due.id),
            execution_id,
            step_id: step_id.clone(),
            attempt: 1,
            trace: None,
        };
        let told = tokio::time::timeout(AGENT_TIMEOUT.to_std(), self.ports.agents.tell(&task)).await;
        match told {
            Ok(Ok(())) => Outcome::Taken(None),
            Ok(Err(AgentFailure::Busy { retry_after, reason })) => Outcome::Busy { error: reason, retry_after },
            Ok(Err(AgentFailure::Failed { code: ErrorCode::AgentNotFound, message, .. })) => hopeless(message),
            Ok(Err(AgentFailure::Failed { code, message, retry_after, .. })) => {
                Outcome::Refused { status: None, error: format!("{code}: {message}"), retry_after }
            }
            Err(_) => {
                let error = format!("the agent did not answer within {} s", AGENT_TIMEOUT.as_secs());
                Outcome::Refused { status: None, error, retry_after: None }
            }
        }
    }

    async fn mail(
        &self,
        due: &DueDelivery,
        token: &DecisionToken,
        address: &str,
        (reason, deadline): (MailReason, Option<procession_domain::value::Timestamp>),
    ) -> Result<Outcome, StoreError> {
        let Some(mail) = self.mails.compose(token, reason, deadline).await? else { return Ok(Outcome::NotNeeded) };
        let request = mail.row.approval.request();
        let message = Message {
            channel: "email".to_owned(),
            message: mail.text,
            subject: mail.subject,
            recipients: vec![address.to_owned()],
            url: None,
            process_name: mail.row.process_name.clone(),
            execution_id: request.execution_id,
            step_id: request.step_id.clone(),
            delivery_id: due.id.to_string(),
            timeout: Some(MESSAGE_TIMEOUT),
        };
        Ok(self.notify(&message).await)
    }

    /// Sends a message through a channel of notifications.
    async fn notify(&self, message: &Message) -> Outcome {
        match self.ports.notifier.send(message).await {
            Ok(answer) if answer["status"] == "undelivered" => {
                hopeless(format!("the settings map no channel `{}`", message.channel))
            }
            Ok(answer) => Outcome::Taken(answer["status_code"].as_u64().and_then(|status| u16::try_from(status).ok())),
            Err(DeliveryFailure { code: ErrorCode::InvalidConfig, message, .. }) => hopeless(message),
            Err(DeliveryFailure { code, message, retry_after }) => {
                Outcome::Refused { status: None, error: format!("{code}: {message}"), retry_after }
            }
        }
    }
}

fn hopeless(error: impl Into<String>) -> Outcome {
    Outcome::Hopeless { status: None, error: error.into() }
}

/// What an alert about the server names as its process, and any alert as its step.
#[expect(clippy::expect_used, reason = "both are constants that fit the rules of names")]
fn names_of_an_alert() -> (ProcessName, StepId) {
    (ProcessName::new("server").expect("a process name"), StepId::new("cost_alert").expect("the id of a step"))
}
