//! Settings of notifications: their form, their checks, and how they are shown without their secrets.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// What stands in the place of a secret where settings are shown.
pub const MASK: &str = "********";

/// The channels that need no mapping.
const OWN_CHANNELS: [&str; 3] = ["slack", "email", "webhook"];

/// A text that is a secret: it prints as a mask. Addresses of webhooks are secrets too, since who knows one can post there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(String);

/// Where notifications go. What is `None` is not set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NotificationSettings {
    /// The incoming webhook of Slack.
    pub slack_webhook_url: Option<SecretText>,
    /// The mail server.
    pub smtp: Option<SmtpSettings>,
    /// Where the channel `webhook` posts, if a step does not say.
    pub webhook_url: Option<SecretText>,
    /// Signs what webhooks get (Standard Webhooks): `whsec_` and base64, or any other text as it is.
    pub webhook_secret: Option<SecretText>,
    /// Further channels by name, each with the address of its webhook.
    pub channels: Option<BTreeMap<String, SecretText>>,
}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmtpSettings {
    /// Its name or address.
    pub host: String,
    /// Its port; by default the usual one of its security.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub security: SmtpSecurity,
    /// The user, if it asks for one.
    #[serde(default)]
    pub username: Option<String>,
    /// The user's password.
    #[serde(default)]
    pub password: Option<SecretText>,
    /// The address from which mails come: `procession@example.org`, or `Procession <procession@example.org>`.
    pub from: String,
}

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpSecurity {
    /// It begins in plain text and must change to TLS before anything else (port 587).
    #[default]
    StartTls,
    /// It is TLS from its first byte (port 465).
    Tls,
    /// None (port 25): for a mail server on the same machine or network.
    None,
}

/// Why settings are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// It is no address.
    #[error("`{field}` must be an address that begins with https:// or http:// and names a host")]
    Address {
        /// The setting.
        field: String,
    },
    /// A mask came back that is not the one shown.
    #[error("`{field}` holds a mask (********) of another value: write the whole value")]
    Masked {
        /// The setting.
        field: String,
    },
    /// The password is not handed to another server unseen.
    #[error("the mail server is another one or less protected than before: enter `smtp.password` again")]
    PasswordAgain,
    /// A part of the mail server's settings does not do.
    #[error("`smtp.{field}` {problem}")]
    Smtp {
        /// The setting.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The secret can't be read.
    #[error("`webhook_secret` begins with whsec_ but no base64 follows: make one with `openssl rand -base64 32`")]
    WebhookSecret,
    /// The name can't be a channel's.
    #[error(
        "`{0}` can't be a channel of its own: a name has 1 to 64 letters, digits, `_` or `-`, and slack, email and webhook are taken"
    )]
    ChannelName(String),
}

impl SecretText {
    /// Keeps the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one who needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl SmtpSecurity {
    /// The port where servers usually offer it.
    pub const fn usual_port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

impl SmtpSettings {
    /// The port that is used.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or_else(|| self.security.usual_port())
    }

    /// Whether who may see the other's password may see this one's: the same server, protected as well.
    fn is_as_safe_as(&self, other: &Self) -> bool {
        let protected = self.security != SmtpSecurity::None || other.security == SmtpSecurity::None;
        self.host.eq_ignore_ascii_case(&other.host) && self.port() == other.port() && protected
    }

    fn check(&self) -> Result<(), SettingsError> {
        let refuse = |field, problem| Err(SettingsError::Smtp { field, problem });
        if self.host.is_empty() || self.host.contains(|c: char| c.is_whitespace() || c == '/' || c == '@') {
            return refuse("host", "must be the name or address of a mail server, without a scheme or port");
        }
        if self.port == Some(0) {
            return refuse("port", "must be a port from 1 to 65535");
        }
        if !self.from.contains('@') || self.from.contains(char::is_control) {
            return refuse("from", "must be an email address such as procession@example.org");
        }
        match (&self.username, &self.password) {
            (Some(_), Some(_)) | (None, None) => Ok(()),
            (Some(_), None) => refuse("password", "is missing: a user name needs one"),
            (None, Some(_)) => refuse("username", "is missing: a password needs one"),
        }
    }
}

impl NotificationSettings {
    /// The channels that messages can be sent through: the three known ones and those of these settings.
    pub fn channel_names(&self) -> Vec<String> {
        let further = self.channels.iter().flat_map(|channels| channels.keys().cloned());
        OWN_CHANNELS.map(str::to_owned).into_iter().chain(further).collect()
    }

    /// Whether the values make sense.
    pub fn check(&self) -> Result<(), SettingsError> {
        let own = [("slack_webhook_url", &self.slack_webhook_url), ("webhook_url", &self.webhook_url)];
        for (field, address) in own {
            if let Some(address) = address {
                check_address(field, address)?;
            }
        }
        for (name, address) in self.channels.iter().flatten() {
            let fits = (1..=64).contains(&name.len())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
                && !OWN_CHANNELS.contains(&name.as_str());
            if !fits {
                return Err(SettingsError::ChannelName(name.chars().take(64).collect()));
            }
            check_address(&format!("channels.{name}"), address)?;
        }
        if let Some(smtp) = &self.smtp {
            smtp.check()?;
        }
        let secret = self.webhook_secret.as_ref().and_then(|secret| secret.reveal().strip_prefix("whsec_"));
        match secret {
            Some(base64) if !is_base64(base64) => Err(SettingsError::WebhookSecret),
            Some(_) | None => Ok(()),
        }
    }

    /// The same without secrets: a mask stands for each, and addresses show their scheme and host.
    #[must_use]
    pub fn masked(&self) -> Self {
        let address = |secret: &SecretText| SecretText::new(masked_address(secret.reveal()));
        Self {
            slack_webhook_url: self.slack_webhook_url.as_ref().map(address),
            smtp: self.smtp.clone().map(|smtp| SmtpSettings { password: smtp.password.map(|_| mask()), ..smtp }),
            webhook_url: self.webhook_url.as_ref().map(address),
            webhook_secret: self.webhook_secret.as_ref().map(|_| mask()),
            channels: self
                .channels
                .as_ref()
                .map(|channels| channels.iter().map(|(name, secret)| (name.clone(), address(secret))).collect()),
        }
    }

    /// These settings where they are set, else the others.
    pub(super) fn over(self, others: &Self) -> Self {
        Self {
            slack_webhook_url: self.slack_webhook_url.or_else(|| others.slack_webhook_url.clone()),
            smtp: self.smtp.or_else(|| others.smtp.clone()),
            webhook_url: self.webhook_url.or_else(|| others.webhook_url.clone()),
            webhook_secret: self.webhook_secret.or_else(|| others.webhook_secret.clone()),
            channels: self.channels.or_else(|| others.channels.clone()),
        }
    }

    /// Only what differs from the others, so that what comes from the configuration still follows it when it changes.
    pub(super) fn besides(self, others: &Self) -> Self {
        fn differing<T: PartialEq>(own: Option<T>, other: Option<&T>) -> Option<T> {
            own.filter(|own| Some(own) != other)
        }
        Self {
            slack_webhook_url: differing(self.slack_webhook_url, others.slack_webhook_url.as_ref()),
            smtp: differing(self.smtp, others.smtp.as_ref()),
            webhook_url: differing(self.webhook_url, others.webhook_url.as_ref()),
            webhook_secret: differing(self.webhook_secret, others.webhook_secret.as_ref()),
            channels: differing(self.channels, others.channels.as_ref()),
        }
    }

    /// The same with the secrets of `current` in the place of their masks.
    pub(super) fn with_secrets_of(mut self, current: &Self) -> Result<Self, SettingsError> {
        let address = masked_address;
        unmask("slack_webhook_url", &mut self.slack_webhook_url, current.slack_webhook_url.as_ref(), address)?;
        unmask("webhook_url", &mut self.webhook_url, current.webhook_url.as_ref(), address)?;
        unmask("webhook_secret", &mut self.webhook_secret, current.webhook_secret.as_ref(), |_| MASK.to_owned())?;
        for (name, wanted) in self.channels.iter_mut().flatten() {
            let current = current.channels.as_ref().and_then(|channels| channels.get(name));
            unmask_one(&format!("channels.{name}"), wanted, current, address)?;
        }
        if let Some(smtp) = &mut self.smtp
            && smtp.password.as_ref() == Some(&mask())
        {
            let known = current.smtp.as_ref().filter(|known| smtp.is_as_safe_as(known));
            smtp.password = Some(known.and_then(|known| known.password.clone()).ok_or(SettingsError::PasswordAgain)?);
        }
        Ok(self)
    }
}

fn unmask(
    field: &str,
    wanted: &mut Option<SecretText>,
    current: Option<&SecretText>,
    shown: fn(&str) -> String,
) -> Result<(), SettingsError> {
    wanted.as_mut().map_or(Ok(()), |wanted| unmask_one(field, wanted, current, shown))
}

/// Puts the current secret where it came back as it is shown.
fn unmask_one(
    field: &str,
    wanted: &mut SecretText,
    current: Option<&SecretText>,
    shown: fn(&str) -> String,
) -> Result<(), SettingsError> {
    match current {
        Some(current) if shown(current.reveal()) == wanted.reveal() => current.clone_into(wanted),
        Some(_) | None if wanted.reveal().contains(MASK) => {
            return Err(SettingsError::Masked { field: field.to_owned() });
        }
        Some(_) | None => {}
    }
    Ok(())
}

fn mask() -> SecretText {
    SecretText::new(MASK)
}

/// An address with a mask for everything after its host, unless there is nothing.
pub fn masked_address(address: &str) -> String {
    let Some((scheme, host, rest)) = parts(address) else {
        return MASK.to_owned();
    };
    if rest.is_empty() || rest == "/" {
        format!("{scheme}://{host}{rest}")
    } else {
        format!("{scheme}://{host}/{MASK}")
    }
}

/// The scheme and host of an address, by which it is told who must be up for it.
pub(crate) fn host_of(address: &str) -> String {
    parts(address).map(|(scheme, host, _)| format!("{scheme}://{host}").to_lowercase()).unwrap_or_default()
}

/// The scheme, the host with its port but without a user, and what follows.
fn parts(address: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = address.split_once("://")?;
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    (!host.is_empty()).then_some((scheme, host, rest))
}

fn check_address(field: &str, address: &SecretText) -> Result<(), SettingsError> {
    let text = address.reveal();
    let scheme_fits = parts(text).is_some_and(|(scheme, host, _)| {
        (scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")) && !host.starts_with(':')
    });
    if scheme_fits && !text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        Ok(())
    } else {
        Err(SettingsError::Address { field: field.to_owned() })
    }
}

fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    !digits.is_empty()
        && text.len() - digits.len() <= 2
        && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}
