//! What can be set about the platform, with the defaults of spec 5.3 and 6.

use procession_domain::value::Duration;
use secrecy::SecretString;

use crate::{address::Address, http_client::Proxies};

/// How the gateway to the platform behaves.
#[derive(Debug, Clone)]
pub struct PlatformSettings {
    /// The address of its MCP server.
    pub(crate) address: Address,
    /// The key, `trinity_mcp_…`; without one only a server that checks no keys answers.
    pub api_key: Option<SecretString>,
    /// The proxies through which it is reached.
    pub proxies: Proxies,
    /// How many calls of one agent run at once.
    pub concurrency: usize,
    /// How soon an execution is looked at first. After that it is looked at whenever a tenth of the time that has
    /// passed is over again, …
    pub poll_first: Duration,
    /// … and at least so often.
    pub poll_most: Duration,
    /// The time of a task that has none of its own.
    pub default_timeout: Duration,
    /// How much longer than a task's time its result is waited for.
    pub slack: Duration,
    /// How long a task may take to show up among an agent's executions before it counts as never sent.
    pub grace: Duration,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// How long a refused key is borne with, since a backend that restarts looks the same.
    pub key_patience: Duration,
    /// How long an agent is left alone that has no room for a task.
    pub busy_pause: Duration,
    /// How long an agent is left alone whose model's limit is reached.
    pub rate_limit_pause: Duration,
    /// How long an abandoned execution is followed for its cost.
    pub follow_abandoned: Duration,
    /// Whether the transcript of each success is fetched once, for its tokens.
    pub read_tokens: bool,
    /// The largest single answer, in bytes: answers carry whole transcripts.
    pub largest_answer: usize,
}

impl PlatformSettings {
    /// The defaults for a server at this address, such as `http://mcp-server:8080/mcp`.
    ///
    /// # Errors
    /// A sentence when that is no address.
    pub fn new(url: &str, api_key: Option<SecretString>) -> Result<Self, String> {
        Ok(Self {
            address: Address::parse(url)?,
            api_key,
            proxies: Proxies::default(),
            concurrency: 3,
            poll_first: Duration::from_millis(250),
            poll_most: Duration::from_secs(5),
            default_timeout: Duration::from_secs(15 * 60),
            slack: Duration::from_secs(30),
            grace: Duration::from_secs(10),
            request_timeout: Duration::from_secs(45),
            key_patience: Duration::from_secs(60),
            busy_pause: Duration::from_secs(30),
            rate_limit_pause: Duration::from_secs(5 * 60),
            follow_abandoned: Duration::from_secs(2 * 60 * 60),
            read_tokens: true,
            largest_answer: 64 * 1024 * 1024,
        })
    }
}
