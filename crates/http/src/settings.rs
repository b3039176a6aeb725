//! Settings of the HTTP shell (spec 8.2, `auth.*` and `limits.*`).

use std::{net::IpAddr, sync::Arc, time::Duration as StdDuration};

use procession_application::ports::Meter;
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
    /// How many connections there may be; beyond that only questions how the server is are answered.
    pub max_connections: usize,
    /// How many of them one address may have; `None` = half of them. Trusted proxies may have all.
    pub max_connections_per_address: Option<usize>,
    /// The version of the server, for people.
    pub version: String,
    /// How long things may take.
    pub time_limits: TimeLimits,
    /// Tells how the machine stands; without it `/api/telemetry/host` is 404.
    pub host_meter: Option<Arc<dyn HostMeter>>,
    /// Takes measurements, and shows them at `/metrics`; without it that is 404.
    pub meter: Option<Arc<dyn Meter>>,
    /// Whether everyone may read them.
    pub public_metrics: bool,
}

/// How many connections there may be.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionLimits {
    /// In all.
    pub most: usize,
    /// Of one address.
    pub per_address: usize,
    /// Addresses that may have all of them: reverse proxies.
    pub unlimited: Vec<IpAddr>,
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
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            max_connections: 10_000,
            max_connections_per_address: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            time_limits: TimeLimits::default(),
            host_meter: None,
            meter: None,
            public_metrics: false,
        }
    }

    /// How many connections there may be.
    pub(crate) fn connections(&self) -> ConnectionLimits {
        let per_address = self.max_connections_per_address.unwrap_or(self.max_connections / 2);
        ConnectionLimits {
            most: self.max_connections.max(1),
            per_address: per_address.max(1),
            unlimited: self.trusted_proxies.clone(),
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
