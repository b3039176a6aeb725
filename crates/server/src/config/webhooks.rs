//! Webhooks of the server (`webhooks`): a list of mappings, in the file or as YAML in a variable.

use procession_application::{
    deliveries::ServerWebhook,
    notifications::{SecretText, masked_address},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    file,
    values::{Given, GivenValue, MASK, Setting},
};

/// Webhooks that hear of all processes.
#[derive(Debug, Clone, Default)]
pub struct Webhooks(Vec<Webhook>);

/// A webhook.
#[derive(Debug, Clone)]
struct Webhook {
    url: SecretString,
    events: Vec<String>,
    secret: Option<SecretString>,
}

impl Webhooks {
    /// The webhooks as the application takes them.
    ///
    /// # Errors
    /// The name of a variable that a secret names and that is not set.
    pub fn settings(&self) -> Result<Vec<ServerWebhook>, String> {
        let hook = |hook: &Webhook| {
            let secret = hook.secret.as_ref().map(resolved).transpose()?;
            Ok(ServerWebhook {
                url: SecretText::new(hook.url.expose_secret()),
                events: hook.events.clone(),
                secret: secret.map(SecretText::new),
            })
        };
        self.0.iter().map(hook).collect()
    }

    /// What is wrong with them, as a sentence.
    pub(super) fn problem(&self) -> Option<String> {
        let missing = self.settings().err()?;
        Some(format!("webhooks: the variable {missing}, which a secret names, is not set; set it, or write the secret"))
    }
}

/// A secret: itself, or the variable that `${ENV:NAME}` names. The operator writes this, so any variable does.
fn resolved(secret: &SecretString) -> Result<String, String> {
    let text = secret.expose_secret();
    match text.strip_prefix("${ENV:").and_then(|rest| rest.strip_suffix('}')) {
        Some(name) => std::env::var(name).map_err(|_| name.to_owned()),
        None => Ok(text.to_owned()),
    }
}

impl Setting for Webhooks {
    const TAKES: &'static str = "a list of `{url, events, secret}`; in a variable as YAML or JSON";

    fn read(given: &Given) -> Result<Self, String> {
        let hooks = match &given.value {
            GivenValue::Maps(maps) => maps.iter().map(|map| Webhook::read(map)).collect::<Result<_, String>>()?,
            GivenValue::List(texts) if texts.is_empty() => Vec::new(),
            GivenValue::List(_) => return Err(format!("it takes {}", Self::TAKES)),
            GivenValue::Text(text) => match file::read_value(text) {
                Some(value @ (GivenValue::Maps(_) | GivenValue::List(_))) => {
                    return Self::read(&Given { value, base: given.base.clone() });
                }
                Some(GivenValue::Text(_)) | None => return Err(format!("it takes {}", Self::TAKES)),
            },
        };
        Ok(Self(hooks))
    }

    fn show(&self) -> String {
        let shown = |hook: &Webhook| {
            let mut shown = format!("{{url: {}", masked_address(hook.url.expose_secret()));
            if !hook.events.is_empty() {
                shown = format!("{shown}, events: [{}]", hook.events.join(", "));
            }
            if hook.secret.is_some() {
                shown = format!("{shown}, secret: {MASK}");
            }
            format!("{shown}}}")
        };
        let hooks: Vec<String> = self.0.iter().map(shown).collect();
        if hooks.is_empty() { String::new() } else { format!("[{}]", hooks.join(", ")) }
    }
}

impl Webhook {
    fn read(map: &[(String, GivenValue)]) -> Result<Self, String> {
        let (mut url, mut events, mut secret) = (None, Vec::new(), None);
        for (key, value) in map {
            match (key.as_str(), value) {
                ("url", GivenValue::Text(text)) => url = Some(address(text)?),
                ("events", GivenValue::List(texts)) => events = known(texts)?,
                ("events", GivenValue::Text(text)) => {
                    events = known(&text.split(',').map(|event| event.trim().to_owned()).collect::<Vec<_>>())?;
                }
                ("secret", GivenValue::Text(text)) => secret = Some(text.as_str().into()),
                ("url" | "events" | "secret", _) => return Err(format!("`{key}` of a webhook takes a text or texts")),
                (other, _) => return Err(format!("a webhook has no `{other}`; it has `url`, `events` and `secret`")),
            }
        }
        let url = url.ok_or_else(|| "a webhook has no `url`".to_owned())?;
        Ok(Self { url, events, secret })
    }
}

/// An address, which is not repeated in what is said of it: it may be a secret.
fn address(text: &str) -> Result<SecretString, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let has_host = rest.is_some_and(|rest| rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '['));
    if has_host && !text.contains(char::is_whitespace) {
        Ok(text.into())
    } else {
        Err("the `url` of a webhook begins with https:// or http:// and a host".to_owned())
    }
}

fn known(events: &[String]) -> Result<Vec<String>, String> {
    match events.iter().find(|event| procession_language::event_named(event).is_none()) {
        Some(unknown) => Err(format!("no event is called `{unknown}`; docs/deliveries.md lists them")),
        None => Ok(events.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn read(text: &str) -> Result<Webhooks, String> {
        Webhooks::read(&Given { value: GivenValue::Text(text.to_owned()), base: PathBuf::new() })
    }

    #[test]
    fn webhooks_are_read_and_shown_without_their_secrets() {
        let hooks = read(
            "[{url: 'https://example.org/hooks/T0p', events: [process_failed], secret: s3cret}, {url: https://b.example}]",
        );
        let hooks = hooks.unwrap();
        let settings = hooks.settings().unwrap();
        assert_eq!(settings[0].url.reveal(), "https://example.org/hooks/T0p");
        assert_eq!(settings[0].secret.as_ref().map(SecretText::reveal), Some("s3cret"));
        assert_eq!(
            hooks.show(),
            "[{url: https://example.org/********, events: [process_failed], secret: ********}, {url: https://b.example}]"
        );
        assert!(!format!("{hooks:?}").contains("s3cret"));
    }

    #[test]
    fn what_is_no_webhook_is_refused_without_showing_it() {
        for (text, problem) in [
            ("[{events: [process_failed]}]", "no `url`"),
            ("[{url: ftp://s3cret.example}]", "begins with https://"),
            ("[{url: https://a.example, events: [process_flown]}]", "no event is called `process_flown`"),
            ("[{url: https://a.example, sekret: s3cret}]", "no `sekret`"),
            ("https://s3cret.example", "a list of"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(problem) && !error.contains("s3cret"), "{text}: {error}");
        }
    }

    #[test]
    fn a_secret_of_the_environment_must_be_there() {
        let hooks = read("[{url: https://a.example, secret: '${ENV:PROCESSION_TEST_NOT_SET}'}]").unwrap();
        assert!(hooks.problem().unwrap().contains("PROCESSION_TEST_NOT_SET"));
    }
}
