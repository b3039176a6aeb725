//! Settings of the HTTP shell (spec 8.2, `auth.*` and `limits.*`).

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration as StdDuration,
};

use procession_domain::value::Duration;
use secrecy::SecretString;

use crate::HostMeter;

/// Settings of the HTTP shell.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The key that signs tokens, shared with the platform where there is one (`auth.secret_key`).
    pub secret_key: SecretString,
    /// How long a token lasts.
    pub token_lifetime: Duration,
    /// The largest body of a request, in bytes (`limits.body`).
    pub body_limit: usize,
    /// Origins whose pages may read answers, such as `http://localhost:3000`.
    pub cors_origins: Vec<String>,
    /// Addresses of reverse proxies, whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// The version of the server, for people.
    pub version: String,
    /// How long things may take.
    pub time_limits: TimeLimits,
    /// Tells how the machine stands; without it `/api/telemetry/host` is 404.
    pub host_meter: Option<Arc<dyn HostMeter>>,
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct TimeLimits {
    /// The head of a request, and the pause before the next one on the same connection.
    pub header: StdDuration,
    /// Between two parts of a request's body.
    pub body: StdDuration,
    /// A request as a whole; not the life of a WebSocket or an event stream.
    pub request: StdDuration,
    /// Until a WebSocket without a token says who it is.
    pub first_message: StdDuration,
    /// Between two pings to a WebSocket; one that leaves two unanswered is dropped.
    pub ping: StdDuration,
    /// Until a WebSocket takes a message; a slower one is dropped.
    pub send: StdDuration,
}

impl HttpSettings {
    /// The defaults, with this key.
    pub fn new(secret_key: SecretString) -> Self {
        Self {
            secret_key,
            token_lifetime: Duration::from_secs(7 * 86_400),
            body_limit: 2 * 1024 * 1024,
            cors_origins: ["http://localhost:3000", "http://localhost:8080"].map(str::to_owned).into(),
            trusted_proxies: vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)],
            version: env!("CARGO_PKG_VERSION").to_owned(),
            time_limits: TimeLimits::default(),
            host_meter: None,
        }
    }
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            header: StdDuration::from_secs(30),
            body: StdDuration::from_secs(30),
            request: StdDuration::from_secs(30),
            first_message: StdDuration::from_secs(5),
            ping: StdDuration::from_secs(30),
            send: StdDuration::from_secs(10),
        }
    }
}
