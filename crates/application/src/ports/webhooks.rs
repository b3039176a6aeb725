//! Posting to webhooks (spec 5.6).

use async_trait::async_trait;
use procession_domain::value::Duration;

/// A signed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookPost {
    /// Where it goes.
    pub url: String,
    /// Signs it: `whsec_` and base64, or any other text; without one it is not signed.
    pub secret: Option<String>,
    /// Its id, the same at each try.
    pub id: String,
    /// The body, JSON.
    pub body: Vec<u8>,
    /// How long the answer may take.
    pub timeout: Duration,
}

/// Why a request was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct WebhookFailure {
    /// What the receiver answered, if it did.
    pub status: Option<u16>,
    /// What happened, without secrets.
    pub message: String,
    /// How long the receiver asks to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether no repetition would help.
    pub is_final: bool,
}

/// Posts to webhooks.
#[async_trait]
pub trait WebhookSender: Send + Sync {
    /// Posts once. The status of an answer that is a success.
    async fn post(&self, post: &WebhookPost) -> Result<u16, WebhookFailure>;
}

/// Posts nothing, and says so.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoWebhooks;

#[async_trait]
impl WebhookSender for NoWebhooks {
    async fn post(&self, _: &WebhookPost) -> Result<u16, WebhookFailure> {
        Err(WebhookFailure {
            status: None,
            message: "nothing posts to webhooks here: give the engine a way with `.notifications(…)`".to_owned(),
            retry_after: None,
            is_final: true,
        })
    }
}
