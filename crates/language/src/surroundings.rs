//! What is known beyond the text: agents, people, other processes, the server's settings.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use procession_domain::{
    definition::Definition,
    value::{Currency, ProcessName, TriggerId, Version},
};

/// What the server knows beyond the text of a definition. Every method has a default that knows nothing, and what is
/// not known leads to no diagnostics.
pub trait Surroundings {
    /// The agents by name; `None` when they are not known.
    fn agents(&self) -> Option<&BTreeMap<String, AgentState>> {
        None
    }

    /// User names and e-mail addresses; `None` when they are not known.
    fn users(&self) -> Option<&BTreeSet<String>> {
        None
    }

    /// Names of roles; `None` when they are not known.
    fn roles(&self) -> Option<&BTreeSet<String>> {
        None
    }

    /// Another process: that version, or its newest published one.
    fn process(&self, name: &ProcessName, version: Option<Version>) -> Lookup {
        let _ = (name, version);
        Lookup::Unknown
    }

    /// The process to which the short address of a webhook leads now, `/api/triggers/webhook/{id}`; `None` when there is
    /// none, or it is not known.
    fn webhook_owner(&self, trigger: &TriggerId) -> Option<ProcessName> {
        let _ = trigger;
        None
    }

    /// The currency in which the server counts; amounts in others are errors (spec 3.9).
    fn currency(&self) -> Currency {
        Currency::USD
    }

    /// The environment variables that `${ENV:NAME}` may read (spec 8.2); `None` when they are not known.
    fn environment(&self) -> Option<&BTreeSet<String>> {
        None
    }

    /// Notification channels that are mapped to a webhook, besides slack, email and webhook; `None` when they are not
    /// known.
    fn notification_channels(&self) -> Option<&BTreeSet<String>> {
        None
    }
}

/// Whether an agent can work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentState {
    /// It can.
    Running,
    /// It exists but does not run.
    Stopped,
}

/// What is known of another process.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup {
    /// It can't be told whether it exists.
    Unknown,
    /// It does not exist.
    Missing,
    /// It exists, but no such version is published.
    Draft,
    /// It is published.
    Found(Arc<Definition>),
}

/// Surroundings that know nothing: a text is checked by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Nothing;

impl Surroundings for Nothing {}
