//! Who is told of alerts.

use procession_domain::definition::Definition;

use crate::ports::{AlertAudience, AlertAudiences};

/// Who is told of alerts whose definitions don't say (`alerts.*`).
#[derive(Debug, Clone, Default)]
pub struct AlertSettings {
    /// The channel; `None` = alerts are only shown.
    pub channel: Option<String>,
    /// The recipients, of channels that have them.
    pub recipients: Vec<String>,
}

impl AlertSettings {
    /// Who is told of alerts about the server and, by the channel that a definition names, of those about its process.
    pub fn audiences(&self, definition: &Definition) -> AlertAudiences {
        AlertAudiences { process: self.of_process(definition), server: self.of_server() }
    }

    /// Who is told of alerts about a process.
    pub fn of_process(&self, definition: &Definition) -> Option<AlertAudience> {
        let named = definition.config().cost_alert.as_ref().and_then(|rule| rule.channel.as_ref());
        self.through(named.or(self.channel.as_ref()))
    }

    /// Who is told of alerts about the server.
    pub fn of_server(&self) -> Option<AlertAudience> {
        self.through(self.channel.as_ref())
    }

    fn through(&self, channel: Option<&String>) -> Option<AlertAudience> {
        channel.map(|channel| AlertAudience { channel: channel.clone(), recipients: self.recipients.clone() })
    }
}
