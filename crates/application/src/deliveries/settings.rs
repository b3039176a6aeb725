//! Settings of deliveries.

use std::{fmt, sync::Arc};

use super::{LinkKey, RetrySettings};
use crate::notifications::SecretText;

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
    /// What `${ENV:NAME}` means in the secrets of processes.
    pub variables: Variables,
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

/// The variables of the environment that definitions may read, by name.
#[derive(Clone)]
pub struct Variables(Arc<dyn Fn(&str) -> Option<String> + Send + Sync>);

impl Variables {
    /// Variables that this function knows.
    pub fn new(read: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The value of a secret as it stands in a definition: a literal, or that of the variable that `${ENV:NAME}` names.
    ///
    /// # Errors
    /// The name of a variable that has no value here, or may not be read.
    pub(crate) fn resolve(&self, secret: &str) -> Result<String, String> {
        let name = secret.strip_prefix("${ENV:").and_then(|rest| rest.strip_suffix('}'));
        match name {
            Some(name) => (self.0)(name).ok_or_else(|| name.to_owned()),
            None => Ok(secret.to_owned()),
        }
    }
}

impl Default for Variables {
    fn default() -> Self {
        Self::new(|_| None)
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variables")
    }
}
