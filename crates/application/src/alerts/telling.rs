//! Telling people of alerts through a channel of notifications, at least once.

use std::{sync::Arc, time::Duration as StdDuration};

use procession_domain::value::{Duration, ExecutionId, ProcessName, StepId, Timestamp};

use crate::ports::{
    AlertSeverity, Clock, CostAlert, DefinitionStore, Message, Notifier, StoreError, ThresholdStore, UntoldAlert,
};

/// How often it is looked for alerts that wait to be told.
const EVERY: StdDuration = StdDuration::from_secs(5);

/// How many alerts are told in one go.
const AT_ONCE: u32 = 20;

/// How long a channel may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How long to wait after each try that failed, in seconds; after the last one it is given up.
const DELAYS: [u64; 6] = [5, 30, 120, 600, 3_600, 14_400];

/// Who is told of alerts whose definitions don't say (`alerts.*`).
#[derive(Debug, Clone, Default)]
pub struct AlertSettings {
    /// The channel; `None` = alerts are only shown.
    pub channel: Option<String>,
    /// The recipients, of channels that have them.
    pub recipients: Vec<String>,
}

/// Tells people of alerts.
#[derive(Clone)]
pub struct Teller {
    alerts: Arc<dyn ThresholdStore>,
    definitions: Arc<dyn DefinitionStore>,
    notifier: Arc<dyn Notifier>,
    clock: Arc<dyn Clock>,
    settings: AlertSettings,
}

impl Teller {
    /// For these stores.
    pub const fn new(
        alerts: Arc<dyn ThresholdStore>,
        definitions: Arc<dyn DefinitionStore>,
        notifier: Arc<dyn Notifier>,
        clock: Arc<dyn Clock>,
        settings: AlertSettings,
    ) -> Self {
        Self { alerts, definitions, notifier, clock, settings }
    }

    /// Tells of what waits, again and again.
    pub async fn keep_telling(self) {
        loop {
            if let Err(error) = self.tell().await {
                tracing::debug!(%error, "could not look for alerts to tell; trying again soon");
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Tells of every alert that waits for it now. How many.
    ///
    /// An alert is noted as told after its message was taken: a crash in between tells it twice, under one delivery id.
    pub async fn tell(&self) -> Result<usize, StoreError> {
        let waiting = self.alerts.alerts_to_tell(self.clock.now(), AT_ONCE).await?;
        let count = waiting.len();
        for UntoldAlert { alert, tries } in waiting {
            let next = match self.channel_of(&alert).await? {
                None => None,
                Some(channel) => self.send(&alert, channel, tries).await,
            };
            self.alerts.note_telling(alert.id, next).await?;
        }
        Ok(count)
    }

    /// The channel that the alert's definition names, or else the server's.
    async fn channel_of(&self, alert: &CostAlert) -> Result<Option<String>, StoreError> {
        let process = match alert.process_id {
            Some(id) => self.definitions.load(id).await?,
            None => None,
        };
        let rule = process.and_then(|process| process.definition().config().cost_alert.clone());
        Ok(rule.and_then(|rule| rule.channel).or_else(|| self.settings.channel.clone()))
    }

    /// Sends the message; when to try again, if that is to be done.
    async fn send(&self, alert: &CostAlert, channel: String, tries: u32) -> Option<Timestamp> {
        let message = message_of(alert, channel, self.settings.recipients.clone());
        let failure = self.notifier.send(&message).await.err()?;
        let Some(delay) = DELAYS.get(tries as usize) else {
            tracing::warn!(alert = %alert.id, channel = message.channel, %failure, "gave up telling of a cost alert");
            return None;
        };
        tracing::debug!(alert = %alert.id, channel = message.channel, %failure, "could not tell of a cost alert");
        let wait = failure.retry_after.unwrap_or_default().max(Duration::from_secs(*delay));
        Some(self.clock.now().saturating_add(wait))
    }
}

fn message_of(alert: &CostAlert, channel: String, recipients: Vec<String>) -> Message {
    let severity = match alert.severity() {
        AlertSeverity::Warning => "Cost alert",
        AlertSeverity::Critical => "Critical cost alert",
    };
    let (server, step_id) = names_of_an_alert();
    let process_name = alert.process_name.clone().unwrap_or(server);
    Message {
        channel,
        message: format!("{severity}: {alert}."),
        subject: format!("{severity} of {process_name}"),
        recipients,
        url: None,
        process_name,
        execution_id: alert.execution_id.unwrap_or_else(|| ExecutionId::new(alert.id)),
        step_id,
        delivery_id: format!("cost-alert/{}", alert.id),
        timeout: Some(TIMEOUT),
    }
}

/// What an alert about the server names as its process, and any alert as its step.
#[expect(clippy::expect_used, reason = "both are constants that fit the rules of names")]
fn names_of_an_alert() -> (ProcessName, StepId) {
    (ProcessName::new("server").expect("a process name"), StepId::new("cost_alert").expect("the id of a step"))
}
