//! Settings of notifications (`notifications.*`): where they go before anyone changes that in the running server.

use std::collections::BTreeMap;

use procession_application::notifications::{NotificationSettings, SecretText, SmtpSecurity, SmtpSettings};
use secrecy::{ExposeSecret, SecretString};

use super::values::{Given, MASK, Setting};

/// Settings of notifications.
#[derive(Debug, Clone, Default)]
pub struct Notifications {
    /// The incoming webhook of Slack.
    pub slack_webhook_url: Option<SecretString>,
    /// Where the channel `webhook` posts.
    pub webhook_url: Option<SecretString>,
    /// Signs what webhooks get.
    pub webhook_secret: Option<SecretString>,
    /// Further channels.
    pub channels: Channels,
    /// The mail server.
    pub smtp: Smtp,
}

/// Channels by name, each with the address of its webhook, which is a secret.
#[derive(Debug, Clone, Default)]
pub struct Channels(BTreeMap<String, SecretString>);

/// A mail server.
#[derive(Debug, Clone, Default)]
pub struct Smtp {
    /// Its name.
    pub host: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// The user.
    pub username: Option<String>,
    /// The user's password.
    pub password: Option<SecretString>,
    /// From whom mails are.
    pub from: Option<String>,
}

impl Notifications {
    /// The settings as the application takes them; without a host there is no mail server.
    pub fn settings(&self) -> NotificationSettings {
        let Self { slack_webhook_url, webhook_url, webhook_secret, channels, smtp } = self;
        let secret = |secret: &SecretString| SecretText::new(secret.expose_secret());
        let channels: BTreeMap<String, SecretText> =
            channels.0.iter().map(|(name, address)| (name.clone(), secret(address))).collect();
        NotificationSettings {
            slack_webhook_url: slack_webhook_url.as_ref().map(secret),
            smtp: smtp.host.clone().map(|host| SmtpSettings {
                host,
                port: smtp.port,
                security: smtp.security,
                username: smtp.username.clone(),
                password: smtp.password.as_ref().map(secret),
                from: smtp.from.clone().unwrap_or_default(),
            }),
            webhook_url: webhook_url.as_ref().map(secret),
            webhook_secret: webhook_secret.as_ref().map(secret),
            channels: Some(channels).filter(|channels| !channels.is_empty()),
        }
    }

    /// What is wrong with them, as a sentence.
    pub(super) fn problem(&self) -> Option<String> {
        let lacks_host = self.smtp.host.is_none() && (self.smtp.from.is_some() || self.smtp.username.is_some());
        if lacks_host {
            return Some("notifications.smtp.host is missing: without it no mail is sent".to_owned());
        }
        self.settings().check().err().map(|error| format!("notifications: {error}"))
    }
}

impl Setting for Channels {
    const TAKES: &'static str = "a list of `name=address`, or several separated by commas";

    fn read(given: &Given) -> Result<Self, String> {
        let entries = <Vec<String> as Setting>::read(given)?;
        let read = |entry: &String| match entry.split_once('=') {
            Some((name, address)) => Ok((name.trim().to_owned(), address.trim().into())),
            // The entry may be a secret address.
            None => Err(format!("an entry has no `=`; it takes {}", Self::TAKES)),
        };
        entries.iter().map(read).collect::<Result<_, String>>().map(Self)
    }

    fn show(&self) -> String {
        self.0.keys().map(|name| format!("{name}={MASK}")).collect::<Vec<_>>().join(",")
    }
}

impl Setting for SmtpSecurity {
    const TAKES: &'static str = "`starttls`, `tls` or `none`";

    fn read(given: &Given) -> Result<Self, String> {
        match given.text(Self::TAKES)? {
            "starttls" => Ok(Self::StartTls),
            "tls" => Ok(Self::Tls),
            "none" => Ok(Self::None),
            other => Err(format!("`{other}` is not one of them; it takes {}", Self::TAKES)),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::StartTls => "starttls",
            Self::Tls => "tls",
            Self::None => "none",
        }
        .to_owned()
    }
}

impl Setting for String {
    const TAKES: &'static str = "a text";

    fn read(given: &Given) -> Result<Self, String> {
        match given.text(Self::TAKES)? {
            "" => Err("it is empty".to_owned()),
            text => Ok(text.to_owned()),
        }
    }

    fn show(&self) -> String {
        self.clone()
    }
}

impl Setting for u16 {
    const TAKES: &'static str = "a port";

    fn read(given: &Given) -> Result<Self, String> {
        let text = given.text(Self::TAKES)?;
        let port = text.parse().ok().filter(|port| *port > 0);
        port.ok_or_else(|| format!("`{text}` is not a port from 1 to {}", Self::MAX))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}
