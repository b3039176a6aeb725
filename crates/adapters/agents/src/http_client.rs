//! The HTTP client of all kinds of agents: no redirects, the proxies of the environment, and connections that are not
//! kept longer than the platform keeps them.

use std::{fmt, time::Duration};

use reqwest::{NoProxy, Proxy};

use crate::secret::Environment;

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The platform closes idle connections after 5 s (spec 6, 1.2); one that is about to close must not be used again.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// The header by which who is called goes on with a trace (W3C Trace Context).
pub(crate) const TRACEPARENT: &str = "traceparent";

/// The proxies through which agents are reached.
#[derive(Clone, Default)]
pub struct Proxies {
    http: Option<Given>,
    https: Option<Given>,
    exceptions: Option<String>,
}

/// A variable of the environment and what it says.
#[derive(Clone)]
struct Given {
    variable: &'static str,
    value: String,
}

impl Proxies {
    /// Those that `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name; in lower case they come first.
    pub fn from_environment(environment: &Environment) -> Self {
        let find = |names: [&'static str; 2]| {
            let given = |variable| Some(Given { variable, value: environment(variable)?.trim().to_owned() });
            names.into_iter().find_map(given).filter(|given| !given.value.is_empty())
        };
        let exceptions = find(["no_proxy", "NO_PROXY"]).map(|given| given.value);
        // The library takes a star for a name, which an address never is.
        if exceptions.as_deref().is_some_and(|hosts| hosts.split(',').any(|host| host.trim() == "*")) {
            return Self::default();
        }
        Self { http: find(["http_proxy", "HTTP_PROXY"]), https: find(["https_proxy", "HTTPS_PROXY"]), exceptions }
    }

    fn add_to(&self, mut builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, String> {
        let exceptions = self.exceptions.as_deref().and_then(NoProxy::from_string);
        if let Some(given) = &self.http {
            builder = builder.proxy(given.read(Proxy::http)?.no_proxy(exceptions.clone()));
        }
        if let Some(given) = &self.https {
            builder = builder.proxy(given.read(Proxy::https)?.no_proxy(exceptions));
        }
        Ok(builder)
    }
}

/// Addresses of proxies may hold passwords.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |given: &Option<Given>| given.as_ref().map(|given| given.variable);
        f.debug_struct("Proxies")
            .field("http", &shown(&self.http))
            .field("https", &shown(&self.https))
            .field("exceptions", &self.exceptions)
            .finish()
    }
}

impl Given {
    fn read(&self, make: fn(String) -> reqwest::Result<Proxy>) -> Result<Proxy, String> {
        let Self { variable, value } = self;
        let scheme = value.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        if scheme.is_some_and(|scheme| scheme != "http" && scheme != "https") {
            return Err(format!("the proxy in {variable} can't be used: it must be an http:// or https:// URL"));
        }
        make(value.clone()).map_err(|_| format!("the proxy in {variable} can't be used: it is not a valid URL"))
    }
}

/// Chooses the program's implementation of TLS. Call it once before the first HTTP client is built; further calls do
/// nothing.
pub fn install_tls() {
    // An error means that a provider is installed already, by an earlier call or by the embedding program.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A new client.
///
/// # Errors
/// A sentence: when the machine's certificates can't be read, or a proxy can't be used.
pub(crate) fn http_client(proxies: &Proxies) -> Result<reqwest::Client, String> {
    install_tls();
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .tcp_keepalive(Duration::from_secs(30))
        .user_agent(concat!("procession/", env!("CARGO_PKG_VERSION")));
    proxies.add_to(builder)?.build().map_err(|error| format!("no HTTP client can be made: {}", describe(error)))
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
    use std::sync::Arc;

    use super::*;

    fn proxies(variables: &'static [(&'static str, &'static str)]) -> Proxies {
        let environment: Environment = Arc::new(move |name| {
            variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
        });
        Proxies::from_environment(&environment)
    }

    #[test]
    fn tls_can_be_installed_again_and_again() {
        install_tls();
        install_tls();
        assert!(http_client(&Proxies::default()).is_ok());
    }

    #[test]
    fn proxies_are_named_with_and_without_a_scheme() {
        for value in ["http://proxy:3128", "https://user:pw@proxy", "proxy:3128", "127.0.0.1:3128"] {
            let found =
                Proxies { http: Some(Given { variable: "HTTP_PROXY", value: value.into() }), ..Proxies::default() };
            assert!(http_client(&found).is_ok(), "{value}");
        }
        assert!(http_client(&proxies(&[("HTTP_PROXY", " "), ("NO_PROXY", "")])).is_ok());
    }

    #[test]
    fn a_proxy_that_can_not_be_used_is_told_without_its_password() {
        let error = http_client(&proxies(&[("HTTPS_PROXY", "socks5://user:s3cret@proxy")])).unwrap_err();
        assert_eq!(error, "the proxy in HTTPS_PROXY can't be used: it must be an http:// or https:// URL");
        let error = http_client(&proxies(&[("http_proxy", "http://user:s3cret@[x")])).unwrap_err();
        assert_eq!(error, "the proxy in http_proxy can't be used: it is not a valid URL");
        let shown = format!("{:?}", proxies(&[("HTTP_PROXY", "http://user:s3cret@proxy")]));
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
