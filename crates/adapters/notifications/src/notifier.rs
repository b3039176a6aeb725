//! The port: which channel a message goes through.

use std::sync::Arc;

use async_trait::async_trait;
use procession_application::{
    notifications::{NotificationSettings, SecretText, SettingsInForce},
    ports::{AccessStore, Clock, DeliveryFailure, Message, Notifier},
};
use procession_domain::value::{ErrorCode, Json};
use serde_json::json;

use crate::{
    email,
    failure::{failure, settings_failure},
    safe_http::SafeHttp,
    slack, webhook,
};

/// Sends messages to Slack, by mail and to webhooks, as the settings in force say.
#[derive(Clone)]
pub struct Notifications {
    settings: SettingsInForce,
    /// Users have mail addresses.
    people: Arc<dyn AccessStore>,
    pub(crate) http: SafeHttp,
    pub(crate) clock: Arc<dyn Clock>,
    mail_authority: Option<Arc<[u8]>>,
}

impl Notifications {
    /// Notifications with the settings kept in this store, over those of the configuration.
    pub fn new(
        people: Arc<dyn AccessStore>,
        configured: NotificationSettings,
        http: SafeHttp,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let settings = SettingsInForce::new(Arc::clone(&people), configured);
        Self { settings, people, http, clock, mail_authority: None }
    }

    /// Trusts a mail server whose certificate this authority has signed, besides those that the machine trusts. The
    /// authority's certificate is in PEM.
    #[must_use]
    pub fn with_mail_authority(self, pem: &[u8]) -> Self {
        Self { mail_authority: Some(pem.into()), ..self }
    }

    async fn to_slack(&self, message: &Message, settings: &NotificationSettings) -> Result<Json, DeliveryFailure> {
        let url = address(message, settings.slack_webhook_url.as_ref(), "slack_webhook_url")?;
        slack::send(&self.http, message, url, self.clock.now()).await
    }

    async fn to_webhook(&self, message: &Message, settings: &NotificationSettings) -> Result<Json, DeliveryFailure> {
        let url = address(message, settings.webhook_url.as_ref(), "webhook_url")?;
        let secret = settings.webhook_secret.as_ref().map(SecretText::reveal);
        webhook::send(&self.http, message, url, secret, &webhook::body(message), self.clock.now()).await
    }

    async fn by_mail(&self, message: &Message, settings: &NotificationSettings) -> Result<Json, DeliveryFailure> {
        let Some(smtp) = &settings.smtp else {
            let what_to_do = "no mail server is set: enter one in the notification settings, or set notifications.smtp.host and notifications.smtp.from";
            return Err(failure(ErrorCode::InvalidConfig, what_to_do));
        };
        email::send(&*self.people, smtp, self.mail_authority.as_deref(), message, self.clock.now()).await
    }

    /// A channel that is none of ours: through a webhook if the settings map it, else the message stays undelivered,
    /// which is no failure (spec 1.3).
    async fn to_mapped(&self, message: &Message, settings: &NotificationSettings) -> Result<Json, DeliveryFailure> {
        let Some(url) = settings.channels.as_ref().and_then(|channels| channels.get(&message.channel)) else {
            return Ok(json!({"status": "undelivered"}));
        };
        let secret = settings.webhook_secret.as_ref().map(SecretText::reveal);
        let body = webhook::body_with_channel(message);
        webhook::send(&self.http, message, url.reveal(), secret, &body, self.clock.now()).await
    }
}

#[async_trait]
impl Notifier for Notifications {
    async fn send(&self, message: &Message) -> Result<Json, DeliveryFailure> {
        let settings = self.settings.read().await;
        let settings = settings.map_err(|error| settings_failure(code_of(&message.channel), &error))?;
        let sent = match message.channel.as_str() {
            "slack" => self.to_slack(message, &settings).await,
            "email" => self.by_mail(message, &settings).await,
            "webhook" => self.to_webhook(message, &settings).await,
            _ => self.to_mapped(message, &settings).await,
        };
        if let Err(failure) = &sent {
            tracing::info!(delivery = %message.delivery_id, %failure, "a notification was not accepted");
        }
        sent
    }
}

/// Where the message goes: where the step says, else where the settings say.
fn address<'a>(
    message: &'a Message,
    default: Option<&'a SecretText>,
    setting: &str,
) -> Result<&'a str, DeliveryFailure> {
    let own = message.url.as_deref().filter(|url| !url.trim().is_empty());
    own.or_else(|| default.map(SecretText::reveal)).ok_or_else(|| {
        let channel = &message.channel;
        let message = format!(
            "the step names no `webhook_url` for the channel {channel}, and there is no default: add one, or set `{setting}` in the notification settings (notifications.{setting})"
        );
        failure(ErrorCode::InvalidConfig, message)
    })
}

/// The code of a channel's own failures.
fn code_of(channel: &str) -> ErrorCode {
    match channel {
        "slack" => ErrorCode::SlackError,
        "email" => ErrorCode::EmailError,
        _ => ErrorCode::WebhookError,
    }
}
