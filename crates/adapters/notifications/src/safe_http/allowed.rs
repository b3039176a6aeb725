//! The hosts that the operator allows although they are private (`outgoing.allow`, spec 8.2).

use std::net::{IpAddr, Ipv6Addr};

/// Hosts that requests may reach wherever they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<Entry>);

/// An entry that can't be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a valid host for outgoing.allow: write host, host:port, *.domain or *.domain:port, without a scheme or path"
)]
pub struct BadHost(String);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: Name,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    /// This host; addresses in the form in which they are printed.
    Exactly(String),
    /// All hosts that end so, after a dot.
    Under(String),
}

impl AllowedHosts {
    /// Reads entries such as `mail.internal`, `10.0.0.5:8080`, `[::1]:8080`, `*.internal`.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn parse<S: AsRef<str>>(entries: impl IntoIterator<Item = S>) -> Result<Self, BadHost> {
        let entries = entries.into_iter().map(|text| {
            let text = text.as_ref().trim();
            entry(text).ok_or_else(|| BadHost(text.to_owned()))
        });
        Ok(Self(entries.collect::<Result<_, _>>()?))
    }

    /// Whether requests to this host, an address without brackets or a name, may go to any address.
    pub(super) fn contains(&self, host: &str, port: u16) -> bool {
        let host = normal(host);
        self.0.iter().any(|entry| entry.port.is_none_or(|wanted| wanted == port) && entry.name.fits(&host))
    }
}

impl Name {
    fn fits(&self, host: &str) -> bool {
        match self {
            Self::Exactly(name) => name == host,
            Self::Under(domain) => host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.')),
        }
    }
}

fn entry(text: &str) -> Option<Entry> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (inside, after) = rest.split_once(']')?;
        inside.parse::<Ipv6Addr>().ok()?;
        (inside, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
    } else if text.parse::<Ipv6Addr>().is_ok() {
        (text, None)
    } else {
        match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    let port = match port {
        Some(port) => Some(port.parse().ok().filter(|port| *port != 0)?),
        None => None,
    };
    let name = match host.strip_prefix("*.") {
        Some(domain) => Name::Under(normal(domain)),
        None => Name::Exactly(normal(host)),
    };
    let (Name::Exactly(plain) | Name::Under(plain)) = &name;
    let fits = plain.parse::<IpAddr>().is_ok() || is_name(plain);
    fits.then_some(Entry { name, port })
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .split('.')
            .all(|label| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_'))
}

/// The form in which hosts are compared: lower case, no dot at the end, addresses as they are printed.
fn normal(host: &str) -> String {
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => host.strip_suffix('.').unwrap_or(host).to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_allowed_by_name_address_or_domain_with_a_port_if_wanted() {
        let allowed = AllowedHosts::parse([
            "Hooks.Internal",
            "10.0.0.5:8080",
            "*.corp.example",
            "*.lab:9000",
            "::1",
            "[fd00::2]:443",
            " localhost. ",
        ])
        .unwrap();
        for (host, port, expected) in [
            ("hooks.internal", 80, true),
            ("HOOKS.internal.", 443, true),
            ("more.hooks.internal", 80, false),
            ("hooks.internal.evil.example", 80, false),
            ("10.0.0.5", 8080, true),
            ("10.0.0.5", 80, false),
            ("a.corp.example", 80, true),
            ("a.b.corp.example", 80, true),
            ("corp.example", 80, false),
            ("evilcorp.example", 80, false),
            ("x.lab", 9000, true),
            ("x.lab", 9001, false),
            ("0:0:0:0:0:0:0:1", 80, true),
            ("fd00::2", 443, true),
            ("fd00::2", 80, false),
            ("localhost", 1, true),
            ("127.0.0.1", 1, false),
        ] {
            assert_eq!(allowed.contains(host, port), expected, "{host}:{port}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused_with_a_sentence() {
        for bad in [
            "https://example.org",
            "example.org/path",
            "",
            "host:0",
            "host:99999",
            "*.",
            "a b",
            "*",
            "[::1",
            "[x]:1",
            "a..b",
        ] {
            let refused = AllowedHosts::parse([bad]).unwrap_err();
            assert!(refused.to_string().contains("outgoing.allow"), "{bad}");
        }
    }
}
