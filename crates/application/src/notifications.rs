//! Use cases of notifications: show and change their settings, send a test (spec 5.5).
//!
//! The settings in force are those kept in the store over those of the configuration, field by field. They are read for
//! every message, so that a change counts at once, on every node.

mod settings;

use std::sync::Arc;

use procession_domain::value::{Duration, ExecutionId, Json, ProcessName, StepId};
pub(crate) use settings::host_of;
pub use settings::{MASK, NotificationSettings, SecretText, SettingsError, SmtpSecurity, SmtpSettings, masked_address};

use crate::{
    access::{Forbidden, Principal, UseCase},
    audit,
    door::Door,
    ports::{AccessStore, DeliveryFailure, IdGenerator, Message, Notifier, Setting, StoreError},
};

/// How long a test message may take.
const TEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The settings of notifications as they are now. The adapter that sends messages asks it for each of them.
#[derive(Clone)]
pub struct SettingsInForce {
    store: Arc<dyn AccessStore>,
    configured: Arc<NotificationSettings>,
}

/// The service for notifications.
#[derive(Clone)]
pub struct Notifications {
    notifier: Arc<dyn Notifier>,
    ids: Arc<dyn IdGenerator>,
    settings: SettingsInForce,
    door: Door,
}

/// A test message.
#[derive(Debug, Clone, Default)]
pub struct TestMessage {
    /// The channel: `slack`, `email`, `webhook`, or one that the settings map.
    pub channel: String,
    /// The text; a sentence that says what it is by default.
    pub message: Option<String>,
    /// Who gets it.
    pub recipients: Vec<String>,
    /// Where it goes, instead of where the settings say.
    pub url: Option<String>,
}

/// Why settings can't be shown or changed, or a test was not sent.
#[derive(Debug, thiserror::Error)]
pub enum NotificationFailure {
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The settings make no sense.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// There is no such channel.
    #[error("there is no channel `{channel}`: use {}", .known.join(", "))]
    UnknownChannel {
        /// What was asked for.
        channel: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The message was not taken.
    #[error("the test was not delivered: {}", .0.message)]
    Undelivered(DeliveryFailure),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SettingsInForce {
    /// The settings in this store, over those of the configuration.
    pub fn new(store: Arc<dyn AccessStore>, configured: NotificationSettings) -> Self {
        Self { store, configured: Arc::new(configured) }
    }

    /// The settings as they are now, with their secrets.
    pub async fn read(&self) -> Result<NotificationSettings, StoreError> {
        Ok(self.kept().await?.over(&self.configured))
    }

    /// What the store holds.
    async fn kept(&self) -> Result<NotificationSettings, StoreError> {
        match self.store.setting(Setting::Notifications).await? {
            // What serde says of a bad text may repeat a part of it, and it holds secrets.
            Some(text) => serde_json::from_str(&text)
                .map_err(|_| StoreError::Corrupt("the notification settings are not as they were written".into())),
            None => Ok(NotificationSettings::default()),
        }
    }

    async fn keep(&self, settings: &NotificationSettings) -> Result<(), StoreError> {
        let text = serde_json::to_string(settings)
            .map_err(|_| StoreError::Corrupt("the notification settings can't be written as JSON".into()))?;
        self.store.set_setting(Setting::Notifications, &text).await
    }
}

impl Notifications {
    /// The service; `configured` is what the configuration sets (`notifications.*`).
    pub fn new(
        store: Arc<dyn AccessStore>,
        notifier: Arc<dyn Notifier>,
        ids: Arc<dyn IdGenerator>,
        door: Door,
        configured: NotificationSettings,
    ) -> Self {
        Self { notifier, ids, settings: SettingsInForce::new(store, configured), door }
    }

    /// The settings in force, with secrets masked.
    pub async fn settings(&self, by: &Principal) -> Result<NotificationSettings, NotificationFailure> {
        by.check(UseCase::ReadNotificationSettings)?;
        Ok(self.settings.read().await?.masked())
    }

    /// Sets all settings: what is `None` is what the configuration says, and a secret sent back as it is shown, masked,
    /// stays what it is. The settings in force afterwards, masked.
    pub async fn change(
        &self,
        by: &Principal,
        wanted: NotificationSettings,
    ) -> Result<NotificationSettings, NotificationFailure> {
        let settings = self.settings.clone();
        let change = async move {
            let wanted = wanted.with_secrets_of(&settings.read().await?)?;
            wanted.check()?;
            settings.keep(&wanted.besides(&settings.configured)).await?;
            Ok(settings.read().await?.masked())
        };
        self.door.change(by, UseCase::ChangeNotificationSettings, change).await
    }

    /// Sends a test through a channel; what the receiver answered.
    pub async fn test(&self, by: &Principal, test: TestMessage) -> Result<Json, NotificationFailure> {
        let this = self.clone();
        self.door.change(by, UseCase::TestNotification, async move { this.send_test(test).await }).await
    }

    async fn send_test(&self, test: TestMessage) -> Result<Json, NotificationFailure> {
        audit::about(&test.channel);
        let known = self.settings.read().await?.channel_names();
        if !known.contains(&test.channel) {
            return Err(NotificationFailure::UnknownChannel { channel: test.channel, known });
        }
        let execution_id = ExecutionId::new(self.ids.new_id());
        let (process_name, step_id) = names_of_a_test();
        let message = Message {
            delivery_id: format!("test/{execution_id}/{}", test.channel),
            channel: test.channel,
            message: test.message.unwrap_or_else(|| "This is a test message of Procession.".to_owned()),
            subject: "Test of Procession".to_owned(),
            recipients: test.recipients,
            url: test.url,
            process_name,
            execution_id,
            step_id,
            timeout: Some(TEST_TIMEOUT),
        };
        self.notifier.send(&message).await.map_err(NotificationFailure::Undelivered)
    }
}

/// What a test names as its process and step.
#[expect(clippy::expect_used, reason = "both are constants that fit the rules of names")]
fn names_of_a_test() -> (ProcessName, StepId) {
    (ProcessName::new("notification-test").expect("a process name"), StepId::new("test").expect("the id of a step"))
}
