//! Secrets of the agents file: named there as `${ENV:NAME}`, looked up once, never shown.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

/// Looks a variable of the environment up. Injected, so that tests decide what is set.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What stands in the place of a secret in messages.
const MASK: &str = "[secret]";

/// A secret as the file writes it: text with any number of `${ENV:NAME}` in it.
#[derive(Clone)]
pub(crate) struct SecretSource {
    parts: Vec<Part>,
}

#[derive(Clone)]
enum Part {
    Text(SecretString),
    Variable(String),
}

/// A secret after the look-up.
#[derive(Clone)]
pub(crate) enum Secret {
    /// It is known.
    Known(SecretString),
    /// The variable of this name is not set.
    Missing(String),
}

impl SecretSource {
    /// Reads the text; the error is a sentence about its form.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            if start > 0 {
                parts.push(Part::Text(rest[..start].into()));
            }
            let Some(end) = rest[start..].find('}') else {
                return Err("`${` has no closing `}`: write ${ENV:NAME}".into());
            };
            let inside = &rest[start + 2..start + end];
            let name = inside
                .strip_prefix("ENV:")
                .map(str::trim)
                .filter(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
                .ok_or("a secret is written as ${ENV:NAME}, with letters, digits and `_` in the name")?;
            parts.push(Part::Variable(name.to_owned()));
            rest = &rest[start + end + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.into()));
        }
        if parts.is_empty() {
            return Err("the secret is empty".into());
        }
        Ok(Self { parts })
    }

    /// Fills the variables in. One that is set to nothing counts as missing.
    pub(crate) fn resolve(&self, environment: &Environment) -> Secret {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part.expose_secret()),
                Part::Variable(name) => match environment(name).filter(|value| !value.is_empty()) {
                    Some(value) => text.push_str(value.trim()),
                    None => return Secret::Missing(name.clone()),
                },
            }
        }
        Secret::Known(text.into())
    }
}

impl std::fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(MASK)
    }
}

impl Secret {
    /// The text with the secret, should a server have repeated it, replaced.
    pub(crate) fn masked(&self, text: String) -> String {
        match self {
            Self::Known(secret) if !secret.expose_secret().is_empty() => text.replace(secret.expose_secret(), MASK),
            Self::Known(_) | Self::Missing(_) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Arc::new(|name| match name {
            "KEY" => Some("s3cret\n".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    fn resolved(text: &str) -> Result<String, String> {
        match SecretSource::parse(text)?.resolve(&environment()) {
            Secret::Known(secret) => Ok(secret.expose_secret().to_owned()),
            Secret::Missing(name) => Err(name),
        }
    }

    #[test]
    fn variables_are_filled_in_wherever_they_stand() {
        assert_eq!(resolved("${ENV:KEY}"), Ok("s3cret".into()));
        assert_eq!(resolved("a-${ENV:KEY}-${ENV:KEY}"), Ok("a-s3cret-s3cret".into()));
        assert_eq!(resolved("plain"), Ok("plain".into()));
        assert_eq!(resolved("${ENV:NOWHERE}"), Err("NOWHERE".into()));
        assert_eq!(resolved("${ENV:EMPTY}"), Err("EMPTY".into()));
    }

    #[test]
    fn a_malformed_reference_is_refused() {
        for bad in ["${KEY}", "${ENV:}", "${ENV:A B}", "${ENV:KEY", ""] {
            assert!(SecretSource::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let source = SecretSource::parse("literal-secret").unwrap();
        assert!(!format!("{source:?}").contains("literal"));
        let secret = SecretSource::parse("${ENV:KEY}").unwrap().resolve(&environment());
        assert_eq!(secret.masked("bad key s3cret".into()), "bad key [secret]");
    }
}
