//! Where notifications go, and a test of that, for administrators (spec 5.5).

use std::collections::BTreeMap;

use axum::Json;
use procession_application::notifications::{
    NotificationSettings, SecretText, SmtpSecurity, SmtpSettings, TestMessage,
};
use procession_domain::value::Json as JsonValue;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{HttpState, extract::Sent, problem::Problem, session::Session, state::App};

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(get_settings, put_settings)).routes(routes!(send_test))
}

/// Where notifications go. What is null is as the configuration of the server says.
///
/// Secrets are shown as `********`, addresses of webhooks with their host. What is sent back as it was shown stays.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "slack_webhook_url": "https://hooks.slack.com/********", "smtp": null, "webhook_url": null, "webhook_secret": null,
    "channels": {"pager": "https://pager.example.com/********"},
}))]
struct NotificationSettingsDocument {
    /// The incoming webhook of Slack.
    #[serde(default)]
    slack_webhook_url: Option<String>,
    /// The mail server.
    #[serde(default)]
    smtp: Option<MailServer>,
    /// Where the channel `webhook` posts, if a step does not say.
    #[serde(default)]
    webhook_url: Option<String>,
    /// Signs what webhooks get (Standard Webhooks).
    #[serde(default)]
    webhook_secret: Option<String>,
    /// Further channels by name, each with the address of its webhook.
    #[serde(default)]
    channels: Option<BTreeMap<String, String>>,
}

/// A mail server.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MailServer {
    /// Its name or address.
    #[schema(example = "smtp.example.com")]
    host: String,
    /// Its port; null = the usual one.
    #[serde(default)]
    #[schema(example = 587)]
    port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    security: MailSecurity,
    /// The user, if it asks for one.
    #[serde(default)]
    #[schema(example = "procession")]
    username: Option<String>,
    /// The user's password.
    #[serde(default)]
    #[schema(example = "********")]
    password: Option<String>,
    /// The address that emails come from.
    #[schema(example = "Procession <procession@example.com>")]
    from: String,
}

/// How the connection to a mail server is protected: `starttls` changes to TLS before anything else, `tls` is TLS from
/// its first byte, `none` is for a server on the same machine or network.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum MailSecurity {
    #[default]
    StartTls,
    Tls,
    None,
}

/// A test message.
#[derive(Deserialize, ToSchema)]
struct TestRequest {
    /// `slack`, `email`, `webhook`, or one that the settings name.
    #[schema(example = "slack")]
    channel: String,
    /// The text.
    #[serde(default)]
    #[schema(example = "Does this arrive?")]
    message: Option<String>,
    /// Who gets it: addresses or users for `email`.
    #[serde(default)]
    #[schema(example = json!(["ann@example.com"]))]
    recipients: Vec<String>,
    /// Where it goes, instead of where the settings say.
    #[serde(default)]
    #[schema(example = json!(null))]
    url: Option<String>,
}

/// Shows where notifications go.
#[utoipa::path(
    get, path = "/api/settings/notifications", tag = "settings",
    responses(
        (status = 200, description = "The settings in force, without secrets", body = NotificationSettingsDocument),
        (status = 403, description = "For administrators"),
    ),
)]
async fn get_settings(app: App, session: Session) -> Result<Json<NotificationSettingsDocument>, Problem> {
    Ok(Json(app.notifications.settings(&session.principal).await?.into()))
}

/// Sets where notifications go, all of it; the next message goes there.
#[utoipa::path(
    put, path = "/api/settings/notifications", tag = "settings", request_body = NotificationSettingsDocument,
    responses(
        (status = 200, description = "The settings in force, without secrets", body = NotificationSettingsDocument),
        (status = 403, description = "For administrators"),
        (status = 422, description = "Malformed body, or a value is not valid"),
    ),
)]
async fn put_settings(
    app: App,
    sent: Sent<NotificationSettingsDocument>,
) -> Result<Json<NotificationSettingsDocument>, Problem> {
    Ok(Json(app.notifications.change(&sent.session.principal, sent.body.into()).await?.into()))
}

/// Sends a test through a channel and waits for its end.
#[utoipa::path(
    post, path = "/api/notifications/test", tag = "settings", request_body = TestRequest,
    responses(
        (status = 200, description = "It was taken; what the receiver answered", body = Object,
            example = json!({"status": "sent", "status_code": 200})),
        (status = 403, description = "For administrators"),
        (status = 422, description = "Malformed body, no such channel, or it was not delivered: `detail` says why"),
    ),
)]
async fn send_test(app: App, sent: Sent<TestRequest>) -> Result<Json<JsonValue>, Problem> {
    let Sent { session, body } = sent;
    let TestRequest { channel, message, recipients, url } = body;
    let message = TestMessage { channel, message: given(message), recipients, url: given(url) };
    Ok(Json(app.notifications.test(&session.principal, message).await?))
}

impl From<NotificationSettings> for NotificationSettingsDocument {
    fn from(settings: NotificationSettings) -> Self {
        let shown = |secret: Option<SecretText>| secret.map(|secret| secret.reveal().to_owned());
        let channels = settings
            .channels
            .map(|channels| channels.into_iter().map(|(name, address)| (name, address.reveal().to_owned())).collect());
        let smtp = settings.smtp.map(|smtp| MailServer {
            port: smtp.port,
            security: match smtp.security {
                SmtpSecurity::StartTls => MailSecurity::StartTls,
                SmtpSecurity::Tls => MailSecurity::Tls,
                SmtpSecurity::None => MailSecurity::None,
            },
            password: shown(smtp.password),
            username: smtp.username,
            host: smtp.host,
            from: smtp.from,
        });
        Self {
            slack_webhook_url: shown(settings.slack_webhook_url),
            smtp,
            webhook_url: shown(settings.webhook_url),
            webhook_secret: shown(settings.webhook_secret),
            channels,
        }
    }
}

impl From<NotificationSettingsDocument> for NotificationSettings {
    fn from(document: NotificationSettingsDocument) -> Self {
        let secret = |text: Option<String>| given(text).map(SecretText::new);
        let smtp = document.smtp.map(|server| SmtpSettings {
            host: server.host,
            port: server.port,
            security: match server.security {
                MailSecurity::StartTls => SmtpSecurity::StartTls,
                MailSecurity::Tls => SmtpSecurity::Tls,
                MailSecurity::None => SmtpSecurity::None,
            },
            username: given(server.username),
            password: secret(server.password),
            from: server.from,
        });
        let channels = document
            .channels
            .map(|channels| channels.into_iter().map(|(name, address)| (name, SecretText::new(address))).collect());
        Self {
            slack_webhook_url: secret(document.slack_webhook_url),
            smtp,
            webhook_url: secret(document.webhook_url),
            webhook_secret: secret(document.webhook_secret),
            channels,
        }
    }
}

/// What forms leave empty is not given.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
