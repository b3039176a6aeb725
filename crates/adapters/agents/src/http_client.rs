//! The HTTP client of all kinds of agents: no proxy, no redirects, connections that are not kept longer than the
//! platform keeps them.

use std::time::Duration;

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The platform closes idle connections after 5 s (spec 6, 1.2); one that is about to close must not be used again.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Chooses the program's implementation of TLS. Call it once before the first HTTP client is built; further calls do
/// nothing.
pub fn install_tls() {
    // An error means that a provider is installed already, by an earlier call or by the embedding program.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A new client.
///
/// # Errors
/// When the machine's certificates can't be read.
pub(crate) fn http_client() -> reqwest::Result<reqwest::Client> {
    install_tls();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .tcp_keepalive(Duration::from_secs(30))
        .user_agent(concat!("procession/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// What went wrong with a request, with its causes but without its address, which may hold a secret.
pub(crate) fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_can_be_installed_again_and_again() {
        install_tls();
        install_tls();
        assert!(http_client().is_ok());
    }
}
