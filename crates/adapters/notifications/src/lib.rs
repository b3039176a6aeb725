//! Notifications of Procession: Slack, mail by SMTP, and signed webhooks (spec 5.5), and the safe HTTP client for
//! addresses that authors write (spec 5.6).
//!
//! It implements the application's ports [`Notifier`](procession_application::ports::Notifier) and
//! [`WebhookSender`](procession_application::ports::WebhookSender).
//!
//! Invariants:
//! * Nothing here repeats a send: that is the step's retry policy, or the outbox's.
//! * Requests go to the public internet and to what the operator allows (`outgoing.allow`), decided for each connection by
//!   the address it is made to; they follow no redirects and use no proxy. The mail server is the operator's own choice
//!   and may be anywhere.
//! * Addresses of webhooks, passwords and secrets stand in no message and in no line of the log.
//! * The settings are read for every message, so that a change counts at once.
//!
//! Where to start: [`Notifications`] chooses the channel; each channel is one file. The server makes one so, and gives the
//! same settings to the use cases of `procession_application::notifications`:
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use procession_application::{
//!     notifications::NotificationSettings,
//!     ports::{AccessStore, Clock, Notifier},
//! };
//! use procession_notifications::{AllowedHosts, Notifications, SafeHttp};
//!
//! fn notifier(
//!     access: Arc<dyn AccessStore>,
//!     clock: Arc<dyn Clock>,
//!     configured: NotificationSettings,
//!     outgoing_allow: &[String],
//! ) -> Result<Arc<dyn Notifier>, Box<dyn std::error::Error>> {
//!     let http = SafeHttp::new(AllowedHosts::parse(outgoing_allow)?)?;
//!     Ok(Arc::new(Notifications::new(access, configured, http, clock)))
//! }
//! ```

mod email;
mod failure;
mod notifier;
mod outgoing;
mod safe_http;
pub mod signature;
mod slack;
mod webhook;

use std::time::Duration;

pub use notifier::Notifications;
use procession_application::ports::Message;
pub use safe_http::{AllowedHosts, Answer, BadHost, ClientError, Post, SafeHttp, SendError};

/// How long a message may take if its step does not say (spec 1.3).
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

fn timeout_of(message: &Message) -> Duration {
    message.timeout.map_or(DEFAULT_TIMEOUT, procession_domain::value::Duration::to_std)
}
