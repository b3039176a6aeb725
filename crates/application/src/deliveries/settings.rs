//! Settings of deliveries.

use std::sync::Arc;

use super::{LinkKey, RetrySettings};
use crate::{notifications::SecretText, ports::Meter};

/// Settings of deliveries.
#[derive(Debug, Clone, Default)]
pub struct DeliverySettings {
    /// How often and when a delivery is tried.
    pub retry: RetrySettings,
    /// Webhooks that hear of all processes.
    pub webhooks: Vec<ServerWebhook>,
    /// Where people and programs reach this server, without a slash at its end; without it links are paths, and mails
    /// have none.
    pub public_url: Option<String>,
    /// Signs links by which people decide.
    pub link_key: Option<LinkKey>,
    /// Told what comes of each try.
    pub meter: Option<Arc<dyn Meter>>,
}

/// A webhook that hears of all processes (configuration `webhooks`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerWebhook {
    /// Its address, which may be a secret.
    pub url: SecretText,
    /// Of which events it hears; none = of the usual four.
    pub events: Vec<String>,
    /// Signs what it gets.
    pub secret: Option<SecretText>,
}
