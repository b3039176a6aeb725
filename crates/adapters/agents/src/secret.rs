//! Secrets of the agents file: named there as `${ENV:NAME}`, looked up once, never shown.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use crate::address::Address;

/// Looks a variable of the environment up. Injected, so that tests decide what is set.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What stands in the place of a secret in messages.
const MASK: &str = "[secret]";
/// How long a part of an address is, in bytes, that may be a secret.
const LIKELY_SECRET: usize = 6;

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

    /// The names of the variables in it.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
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

/// What to do about a variable that is not set.
pub(crate) fn missing(variable: &str) -> String {
    format!("the environment variable {variable} is not set; set it and start the server again")
}

impl Secret {
    /// The secret, if it is known.
    pub(crate) const fn known(&self) -> Option<&SecretString> {
        match self {
            Self::Known(secret) => Some(secret),
            Self::Missing(_) => None,
        }
    }
}

/// What must not be shown of what a server says, should it repeat it: its key, and what of its address may be one.
#[derive(Clone, Default)]
pub(crate) struct Masks {
    secrets: Vec<SecretString>,
    /// Whether a word with asterisks in it is what somebody else has made of a secret.
    stars: bool,
}

impl Masks {
    /// The masks for a server with this key at this address.
    pub(crate) fn new(key: Option<&SecretString>, address: &Address) -> Self {
        let of_address = address.possible_secrets().into_iter().filter(|part| part.len() >= LIKELY_SECRET);
        let mut secrets: Vec<SecretString> = of_address.map(Into::into).collect();
        secrets.extend(key.filter(|key| !key.expose_secret().is_empty()).cloned());
        Self { stars: key.is_some(), ..Self::of(secrets) }
    }

    /// The masks for these secrets.
    pub(crate) fn of(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let mut secrets: Vec<SecretString> = secrets.into_iter().collect();
        // A secret that holds another one is replaced first, and as a whole.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose_secret().len()));
        Self { secrets, stars: false }
    }

    /// The text without the secrets. From a server with a key, also without words that show the ends of it around
    /// asterisks.
    pub(crate) fn masked(&self, text: &str) -> String {
        let mask = |text: String, secret: &SecretString| text.replace(secret.expose_secret(), MASK);
        let mut text = self.secrets.iter().fold(text.to_owned(), mask);
        while let Some(stars) = text.find("***").filter(|_| self.stars) {
            let start = text[..stars].trim_end_matches(|c: char| !c.is_whitespace()).len();
            let end = text[stars..].find(char::is_whitespace).map_or(text.len(), |space| stars + space);
            text.replace_range(start..end, MASK);
        }
        text
    }
}

impl std::fmt::Debug for Masks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(MASK)
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
    }

    #[test]
    fn what_a_server_repeats_is_masked() {
        let address = Address::parse("https://h/mcp?api_key=TOP%2DSECRET&v=2").unwrap();
        let masks = Masks::new(Some(&"s3cret".into()), &address);
        for (said, shown) in [
            ("bad key s3cret", "bad key [secret]"),
            ("no POST /mcp?api_key=TOP%2DSECRET&v=2 here", "no POST /mcp?[secret] here"),
            ("TOP-SECRET and TOP%2DSECRET", "[secret] and [secret]"),
            ("Incorrect key: s3c***ret. Sorry", "Incorrect key: [secret] Sorry"),
            ("ä***\u{a0}b**** c", "[secret]\u{a0}[secret] c"),
            ("v=2", "v=2"),
        ] {
            assert_eq!(masks.masked(said), shown, "{said}");
        }
    }
}
