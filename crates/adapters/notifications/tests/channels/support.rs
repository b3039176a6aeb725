//! What all tests of channels need: a message, and notifications in a given place.

use std::sync::Arc;

use procession_application::{
    notifications::{NotificationSettings, SecretText},
    ports::{AccessStore, Message},
};
use procession_domain::value::{Duration, ExecutionId, ProcessName, StepId, Timestamp};
use procession_notifications::{AllowedHosts, Notifications, SafeHttp};
use procession_testing::{ManualClock, MemoryStore};

/// Where the clock stands.
pub fn now() -> Timestamp {
    "2026-11-21T10:00:00+00:00".parse().unwrap()
}

/// A message for a channel.
pub fn message(channel: &str) -> Message {
    Message {
        channel: channel.into(),
        message: "All is *well*.\nReally.".into(),
        subject: "Report".into(),
        recipients: Vec::new(),
        url: None,
        process_name: ProcessName::new("weekly report").unwrap(),
        execution_id: ExecutionId::new(uuid::Uuid::nil()),
        step_id: StepId::new("tell").unwrap(),
        delivery_id: format!("00000000-0000-0000-0000-000000000000/tell/1/{channel}"),
        timeout: Some(Duration::from_secs(20)),
    }
}

/// Notifications on an empty store.
pub fn notifications(configured: NotificationSettings, allowed: &[String]) -> Notifications {
    notifications_on(Arc::new(MemoryStore::default()), configured, allowed)
}

/// Notifications on a store.
pub fn notifications_on(
    store: Arc<dyn AccessStore>,
    configured: NotificationSettings,
    allowed: &[String],
) -> Notifications {
    let http = SafeHttp::new(AllowedHosts::parse(allowed).unwrap()).unwrap();
    Notifications::new(store, configured, http, Arc::new(ManualClock::new(now())))
}

/// A secret that is set.
#[expect(clippy::unnecessary_wraps, reason = "what is set is in Some everywhere here")]
pub fn secret(text: impl Into<String>) -> Option<SecretText> {
    Some(SecretText::new(text))
}
