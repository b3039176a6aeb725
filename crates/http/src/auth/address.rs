//! The address of the client behind a request.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::ConnectInfo,
    http::{HeaderMap, request::Parts},
};

/// Where a request comes from, as far as that is known; what our own proxies say of it is believed.
pub(crate) fn client_address(parts: &Parts, trusted_proxies: &[IpAddr]) -> String {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_canonical());
    let by_proxy = peer.filter(|peer| trusted_proxies.contains(peer));
    let forwarded = by_proxy.and_then(|_| forwarded_for(&parts.headers, trusted_proxies));
    forwarded.or(peer).map_or_else(|| "unknown".to_owned(), |address| address.to_string())
}

/// The nearest address before our own proxies: each of them appends the one that it heard from.
fn forwarded_for(headers: &HeaderMap, proxies: &[IpAddr]) -> Option<IpAddr> {
    let values = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let addresses: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    let known = addresses.iter().rev().map_while(|address| address.parse::<IpAddr>().ok());
    known.map(|address| address.to_canonical()).find(|address| !proxies.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_that_of_the_client_behind_our_own_proxies() {
        let proxies = ["127.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
        let forwarded = |value: &'static str| {
            forwarded_for(
                &HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), value.parse().unwrap())]),
                &proxies,
            )
        };
        assert_eq!(forwarded("1.1.1.1, 203.0.113.9, 10.0.0.2"), Some("203.0.113.9".parse().unwrap()));
        assert_eq!(forwarded("203.0.113.9"), Some("203.0.113.9".parse().unwrap()));
        assert_eq!(forwarded("nonsense"), None);
    }
}
