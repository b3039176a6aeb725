//! Triggers as a definition's answer shows them: without secrets.

use procession_domain::definition::{Trigger, TriggerKind};
use serde::Serialize;
use utoipa::ToSchema;

/// What starts a process.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "nightly", "type": "schedule", "enabled": true, "description": null, "cron": "daily",
    "cron_expression": "0 9 * * *", "timezone": "Europe/Berlin",
}))]
pub(super) struct TriggerResponse {
    id: String,
    /// `manual`, `webhook` or `schedule`.
    #[serde(rename = "type")]
    kind: &'static str,
    enabled: bool,
    description: Option<String>,
    /// A schedule's cron line as the author wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cron: Option<String>,
    /// The five fields it stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    cron_expression: Option<String>,
    /// A schedule's time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
    /// Whether a webhook asks for a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    has_secret: Option<bool>,
}

impl TriggerResponse {
    pub fn of(trigger: &Trigger) -> Self {
        let bare = Self {
            id: trigger.id.to_string(),
            kind: "manual",
            enabled: trigger.enabled,
            description: trigger.description.clone(),
            cron: None,
            cron_expression: None,
            timezone: None,
            has_secret: None,
        };
        match &trigger.kind {
            TriggerKind::Manual => bare,
            TriggerKind::Webhook { secret, .. } => Self { kind: "webhook", has_secret: Some(secret.is_some()), ..bare },
            TriggerKind::Schedule(schedule) => Self {
                kind: "schedule",
                cron: Some(schedule.cron.clone()),
                cron_expression: Some(schedule.cron_expression.clone()),
                timezone: Some(schedule.timezone.clone()),
                ..bare
            },
        }
    }
}
