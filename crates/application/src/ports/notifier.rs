//! Telling people and other systems (spec 5.5).

use async_trait::async_trait;
use procession_domain::value::{Duration, ErrorCode, ExecutionId, Json, ProcessName, StepId};

/// One message for one channel, filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The channel: `slack`, `email`, `webhook`, or one that the server maps to a webhook.
    pub channel: String,
    /// The text.
    pub message: String,
    /// The subject of a mail.
    pub subject: String,
    /// Who gets it.
    pub recipients: Vec<String>,
    /// Where it goes, if the step says so.
    pub url: Option<String>,
    /// The process.
    pub process_name: ProcessName,
    /// The execution.
    pub execution_id: ExecutionId,
    /// The step.
    pub step_id: StepId,
    /// The same for every repetition of this message on this channel, so that receivers can tell.
    pub delivery_id: String,
    /// How long to wait for the reply.
    pub timeout: Option<Duration>,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct DeliveryFailure {
    /// The code.
    pub code: ErrorCode,
    /// What happened, without secrets.
    pub message: String,
    /// How long the receiver asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// Sends messages.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Sends one message on one channel. The facts of the delivery that the step's output shows (spec 2.4):
    /// `status` (`sent`, or `undelivered` for an unknown channel), `status_code` where there is one.
    async fn send(&self, message: &Message) -> Result<Json, DeliveryFailure>;
}
