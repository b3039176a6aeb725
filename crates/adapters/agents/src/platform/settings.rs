//! What can be set about the platform, with the defaults of spec 5.3 and 6.

use procession_domain::value::Duration;
use secrecy::SecretString;

/// How the gateway to the platform behaves.
#[derive(Debug, Clone)]
pub struct PlatformSettings {
    /// The address of its MCP server, such as `http://mcp-server:8080/mcp`.
    pub url: String,
    /// The key, `trinity_mcp_…`; without one only a server that checks no keys answers.
    pub api_key: Option<SecretString>,
    /// How many calls of one agent run at once.
    pub concurrency: usize,
    /// When an execution is looked at: pauses, the last one again and again.
    pub poll: Vec<Duration>,
    /// The time of a task that has none of its own.
    pub default_timeout: Duration,
    /// How much longer than a task's time its result is waited for.
    pub slack: Duration,
    /// How long a task may take to show up among an agent's executions before it counts as never sent.
    pub grace: Duration,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// How often a refused key is tried again, since a backend that is down looks the same.
    pub key_attempts: u32,
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
    /// The defaults for a server.
    pub fn new(url: impl Into<String>, api_key: Option<SecretString>) -> Self {
        Self {
            url: url.into(),
            api_key,
            concurrency: 3,
            poll: [250, 500, 1_000, 2_000, 5_000, 10_000].map(Duration::from_millis).to_vec(),
            default_timeout: Duration::from_secs(15 * 60),
            slack: Duration::from_secs(30),
            grace: Duration::from_secs(10),
            request_timeout: Duration::from_secs(45),
            key_attempts: 5,
            busy_pause: Duration::from_secs(30),
            rate_limit_pause: Duration::from_secs(5 * 60),
            follow_abandoned: Duration::from_secs(2 * 60 * 60),
            read_tokens: true,
            largest_answer: 64 * 1024 * 1024,
        }
    }
}
