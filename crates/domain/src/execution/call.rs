//! What a call is asked, expanded: one type for whoever writes it, keeps it and makes the call.

use serde::{Deserialize, Serialize};

use crate::value::Json;

/// The expanded input of an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CallInput {
    /// Work for an agent.
    Agent(AgentInput),
    /// A message to people or systems.
    Notification(NotificationInput),
}

/// What an agent is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentInput {
    /// The agent.
    pub agent: String,
    /// The message.
    pub message: String,
    /// The model, where the agent offers a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The model's temperature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
}

/// What people or systems are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationInput {
    /// By which channels.
    pub channels: Vec<String>,
    /// The message.
    pub message: String,
    /// Its subject.
    pub subject: String,
    /// Who is told, where the channel has recipients.
    pub recipients: Vec<String>,
    /// Where it goes, where the channel has an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl CallInput {
    /// The agent that it goes to; `None` for a notification.
    pub fn agent(&self) -> Option<&str> {
        match self {
            Self::Agent(input) => Some(&input.agent),
            Self::Notification(_) => None,
        }
    }

    /// As it is kept. Nothing in it can fail to be JSON, but for a temperature that is no number, which no definition has.
    pub fn to_json(&self) -> Json {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// From what was kept.
    pub fn from_json(json: &Json) -> Result<Self, serde_json::Error> {
        Self::deserialize(json)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_input_is_read_as_it_was_kept() {
        let agent = AgentInput { agent: "a".into(), message: "m".into(), model: None, temperature: Some(0.5) };
        let notification = NotificationInput {
            channels: vec!["slack".into()],
            message: "m".into(),
            subject: "s".into(),
            recipients: vec![],
            url: None,
        };
        for input in [CallInput::Agent(agent), CallInput::Notification(notification)] {
            assert_eq!(CallInput::from_json(&input.to_json()).unwrap(), input);
        }
        assert!(CallInput::from_json(&json!(null)).is_err(), "a value that was purged");
    }
}
