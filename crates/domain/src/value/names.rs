//! Names that authors choose: of processes, steps, agents and triggers.

use std::{borrow::Borrow, fmt, ops::Deref, sync::Arc};

use serde::{Deserialize, Serialize};

/// A name breaks the rule of its kind; the text says which rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NameError(String);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text by the rule of this kind of name.
            pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
                let text = text.as_ref().trim();
                $check(text).map(|()| Self(text.into()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// The name that all versions of a process share: 1 to 128 characters, trimmed, no control characters, no `{{`
    /// (spec 1.1).
    ProcessName,
    check_process_name
);
name!(
    /// A step's id within its process: `^[a-z][a-z0-9_-]*$`, at most 64 characters (spec 1.2).
    StepId,
    check_step_id
);
name!(
    /// The name under which a gateway finds an agent: 1 to 256 characters, no control characters.
    AgentName,
    check_agent_name
);
name!(
    /// A trigger's id within its process: 1 to 128 characters that need no escaping in a URL's path.
    TriggerId,
    check_trigger_id
);

impl ProcessName {
    /// Whether the name is of the recommended form `^[a-z0-9][a-z0-9._-]*$`.
    pub fn is_conventional(&self) -> bool {
        let lower_or_digit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        self.0.starts_with(lower_or_digit) && self.0.chars().all(|c| lower_or_digit(c) || "._-".contains(c))
    }
}

impl StepId {
    /// The id under which the approval of a spent budget is asked (spec 3.9); no author can write it.
    pub fn budget() -> Self {
        Self("_budget".into())
    }
}

fn check_process_name(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return refuse("a process needs a name".into());
    }
    if text.chars().count() > 128 {
        return refuse("a process name has at most 128 characters".into());
    }
    if text.chars().any(char::is_control) {
        return refuse("a process name has no control characters".into());
    }
    if text.contains("{{") {
        return refuse("a process name is plain text, without `{{`".into());
    }
    Ok(())
}

fn check_step_id(text: &str) -> Result<(), NameError> {
    if text == "_budget" {
        return Ok(());
    }
    let well_formed = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-');
    if !well_formed {
        return refuse(format!(
            "`{text}` is not a valid step id: use a lower-case letter, then lower-case letters, digits, `_` and `-`"
        ));
    }
    if text.len() > 64 {
        return refuse("a step id has at most 64 characters".into());
    }
    Ok(())
}

fn check_agent_name(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return refuse("the agent's name is empty".into());
    }
    if text.chars().count() > 256 || text.chars().any(char::is_control) {
        return refuse("an agent's name has at most 256 characters and no control characters".into());
    }
    Ok(())
}

fn check_trigger_id(text: &str) -> Result<(), NameError> {
    if text.is_empty() || text.len() > 128 {
        return refuse("a trigger id has 1 to 128 characters".into());
    }
    if !text.chars().all(|c| c.is_ascii_alphanumeric() || "._~-".contains(c)) {
        return refuse(format!("`{text}` is not a valid trigger id: use letters, digits, `.`, `_`, `~` and `-`"));
    }
    Ok(())
}

fn refuse(message: String) -> Result<(), NameError> {
    Err(NameError(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_ids_follow_their_grammar() {
        for good in ["a", "quality-review", "step_2", "a-1-b"] {
            assert!(StepId::new(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "1a", "-a", "_a", "a b", "ä", &"a".repeat(65)] {
            assert!(StepId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn process_names_are_trimmed_and_plain() {
        assert_eq!(ProcessName::new("  Weekly report ").unwrap().as_str(), "Weekly report");
        assert!(!ProcessName::new("Weekly report").unwrap().is_conventional());
        assert!(ProcessName::new("weekly-report.v2").unwrap().is_conventional());
        for bad in ["", "   ", "a\u{7}b", "a {{ b }}", &"x".repeat(129)] {
            assert!(ProcessName::new(bad).is_err(), "{bad:?}");
        }
    }
}
