//! A client for addresses that authors write: `http` and `https` only, no redirects, no proxy, nothing that is not on the
//! public internet unless the operator allows it, bounded answers, and messages without secrets (spec 5.6).

mod addresses;
mod allowed;
mod resolver;
#[cfg(test)]
mod tests;

use std::{error::Error as StdError, net::IpAddr, time::Duration};

pub use allowed::{AllowedHosts, BadHost};
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{HeaderMap, RETRY_AFTER},
    redirect::Policy,
};
use resolver::{Lookup, NotPublic, Resolver, lookup_of_this_machine};

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a part of an address is that may be a secret on its own.
const LIKELY_SECRET: usize = 12;
/// How much of an answer is read.
const LONGEST_ANSWER: usize = 64 * 1024;

/// The client. Clones share their connections.
#[derive(Debug, Clone)]
pub struct SafeHttp {
    allowed: AllowedHosts,
    /// For hosts that are not in the list: it connects to public addresses only.
    guarded: Client,
    /// For hosts in the list.
    open: Client,
}

/// What is posted.
#[derive(Debug)]
pub struct Post<'a> {
    /// Where to.
    pub url: &'a str,
    /// Headers besides the usual ones.
    pub headers: HeaderMap,
    /// The body, JSON.
    pub body: Vec<u8>,
    /// How long all of it may take.
    pub timeout: Duration,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// What the header `Retry-After` says.
    pub retry_after: Option<String>,
    /// The beginning of the body, at most 64 KiB, without the address that was called should the server repeat it.
    pub body: String,
    /// Who answered, for messages: scheme and host.
    pub place: String,
}

/// Why there is no answer. The messages show scheme and host of the address only: the rest is often a secret.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The address can't be used.
    #[error("{0}")]
    BadAddress(String),
    /// The address is not public.
    #[error(
        "{place} is not on the public internet, and requests go there only if the operator allows it: add `{host}` to outgoing.allow"
    )]
    NotPublic {
        /// Scheme and host.
        place: String,
        /// What to add to the list.
        host: String,
    },
    /// It took too long.
    #[error("{place} did not answer within {} s", .timeout.as_secs_f64())]
    Timeout {
        /// Scheme and host.
        place: String,
        /// The limit.
        timeout: Duration,
    },
    /// It can't be reached, or it hung up.
    #[error("{place} can't be reached: {reason}")]
    Unreachable {
        /// Scheme and host.
        place: String,
        /// What happened.
        reason: String,
    },
}

/// The client can't be made: this machine's certificates can't be read.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client can't be made: {0}")]
pub struct ClientError(#[from] reqwest::Error);

impl SafeHttp {
    /// A client that reaches the public internet and these hosts.
    ///
    /// # Errors
    /// When this machine's certificates can't be read.
    pub fn new(allowed: AllowedHosts) -> Result<Self, ClientError> {
        Self::with_lookup(allowed, lookup_of_this_machine())
    }

    fn with_lookup(allowed: AllowedHosts, lookup: Lookup) -> Result<Self, ClientError> {
        // An error means that the program has chosen its implementation of TLS already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let guarded = client(Resolver { lookup: lookup.clone(), guards: true })?;
        Ok(Self { allowed, guarded, open: client(Resolver { lookup, guards: false })? })
    }

    /// Posts a body and reads the beginning of the answer.
    pub async fn post(&self, post: Post<'_>) -> Result<Answer, SendError> {
        let target = Target::of(post.url)?;
        let client = self.client_for(&target)?;
        let timeout = post.timeout;
        let exchange = async {
            let mut request = client.post(target.url.clone()).headers(post.headers);
            request = request.header(reqwest::header::CONTENT_TYPE, "application/json").body(post.body);
            read(request.send().await?, &target).await
        };
        match tokio::time::timeout(timeout, exchange).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if error.is_timeout() => Err(SendError::Timeout { place: target.place, timeout }),
            Ok(Err(error)) => Err(target.unreachable(error)),
            Err(_) => Err(SendError::Timeout { place: target.place, timeout }),
        }
    }

    fn client_for(&self, target: &Target) -> Result<&Client, SendError> {
        if self.allowed.contains(&target.host, target.port) {
            return Ok(&self.open);
        }
        match target.host.parse::<IpAddr>() {
            Ok(address) if !addresses::is_public(address) => Err(target.not_public()),
            Ok(_) | Err(_) => Ok(&self.guarded),
        }
    }
}

fn client(resolver: Resolver) -> reqwest::Result<Client> {
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .dns_resolver(resolver)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(Duration::from_secs(30))
        .user_agent(concat!("procession/", env!("CARGO_PKG_VERSION")))
        .build()
}

async fn read(mut response: Response, target: &Target) -> reqwest::Result<Answer> {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    while body.len() < LONGEST_ANSWER
        && let Some(chunk) = response.chunk().await?
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(LONGEST_ANSWER);
    let body = target.without_secrets(&String::from_utf8_lossy(&body));
    Ok(Answer { status, retry_after, body, place: target.place.clone() })
}

/// Where a request goes.
struct Target {
    url: Url,
    /// A name, or an address without brackets.
    host: String,
    port: u16,
    /// Scheme and host, for messages.
    place: String,
}

impl Target {
    fn of(text: &str) -> Result<Self, SendError> {
        let bad = |problem: &str| SendError::BadAddress(format!("the address {problem}"));
        let url = Url::parse(text.trim()).map_err(|error| bad(&format!("is not a URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad("must begin with https:// or http://"));
        }
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(bad("names no host"));
        };
        let place = match url.port() {
            Some(port) => format!("{}://{host}:{port}", url.scheme()),
            None => format!("{}://{host}", url.scheme()),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { url, host, port, place })
    }

    fn not_public(&self) -> SendError {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        SendError::NotPublic { place: self.place.clone(), host: format!("{host}:{}", self.port) }
    }

    fn unreachable(self, error: reqwest::Error) -> SendError {
        let error = error.without_url();
        let mut reason = String::new();
        let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
        while let Some(error) = cause {
            if error.is::<NotPublic>() {
                return self.not_public();
            }
            let text = error.to_string();
            if !reason.contains(&text) {
                reason = if reason.is_empty() { text } else { format!("{reason}: {text}") };
            }
            cause = error.source();
        }
        SendError::Unreachable { reason: self.without_secrets(&reason), place: self.place }
    }

    /// The text with what is secret of the address, should it be repeated there, replaced.
    fn without_secrets(&self, text: &str) -> String {
        let (path, query) = (self.url.path().trim_matches('/'), self.url.query().unwrap_or_default());
        let whole = [path, query, self.url.password().unwrap_or_default()].into_iter().filter(|part| part.len() >= 4);
        let parts = path.split('/').chain(query.split(['&', '=']));
        let mut text = text.to_owned();
        for secret in whole.chain(parts.filter(|part| part.len() >= LIKELY_SECRET)) {
            text = text.replace(secret, "[address]");
        }
        text
    }
}
