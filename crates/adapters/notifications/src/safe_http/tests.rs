use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, http::HeaderMap as Headers, routing::post};
use reqwest::dns::{Name, Resolve};

use super::*;

/// A server on this machine that counts its requests.
struct Receiver {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

async fn receiver() -> Receiver {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let answer = move |headers: Headers| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            match headers.get("ask").map(|ask| ask.to_str().unwrap()) {
                Some("redirect") => (StatusCode::FOUND, [("location", "http://127.0.0.1:1/")], String::new()),
                Some("flood") => (StatusCode::OK, [("x", "y")], "x".repeat(10 * LONGEST_ANSWER)),
                Some("path") => (StatusCode::NOT_FOUND, [("x", "y")], "no such path: /hook/s3cret-token".to_owned()),
                _ => (StatusCode::OK, [("x", "y")], "taken".to_owned()),
            }
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(post(answer))).await });
    Receiver { address, requests }
}

fn lookup_of(addresses: &[&str]) -> Lookup {
    let addresses: Vec<SocketAddr> = addresses.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
    Arc::new(move |_| {
        let addresses = addresses.clone();
        Box::pin(async move { Ok(addresses) })
    })
}

fn client(allowed: &[String], lookup: Lookup) -> SafeHttp {
    SafeHttp::with_lookup(AllowedHosts::parse(allowed).unwrap(), lookup).unwrap()
}

async fn send(http: &SafeHttp, url: &str, ask: &'static str) -> Result<Answer, SendError> {
    let mut headers = HeaderMap::new();
    headers.insert("ask", ask.parse().unwrap());
    http.post(Post { url, headers, body: b"{}".to_vec(), timeout: Duration::from_secs(20) }).await
}

#[tokio::test]
async fn an_allowed_host_is_reached_and_another_port_of_it_is_not() {
    let receiver = receiver().await;
    let port = receiver.address.port();
    let http = client(&[format!("inside.example:{port}")], lookup_of(&["127.0.0.1"]));
    let answer = send(&http, &format!("http://inside.example:{port}/hook"), "").await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "taken"));
    let refused = send(&http, "http://inside.example:1/hook", "").await;
    assert!(matches!(refused, Err(SendError::NotPublic { .. })), "{refused:?}");
}

#[tokio::test]
async fn names_that_lead_to_addresses_that_are_not_public_are_refused() {
    let receiver = receiver().await;
    let port = receiver.address.port();
    for addresses in [vec!["127.0.0.1"], vec!["10.0.0.1", "::1", "::ffff:127.0.0.1"], vec!["169.254.169.254"]] {
        let http = client(&[], lookup_of(&addresses));
        let refused = send(&http, &format!("http://evil.example:{port}/s3cret"), "").await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!(
                "http://evil.example:{port} is not on the public internet, and requests go there only if the operator allows it: add `evil.example:{port}` to outgoing.allow"
            )
        );
    }
    let real = SafeHttp::new(AllowedHosts::default()).unwrap();
    for name in ["localhost", "LOCALHOST"] {
        let refused = send(&real, &format!("http://{name}:{port}/"), "").await;
        assert!(matches!(refused, Err(SendError::NotPublic { .. })), "{refused:?}");
    }
    assert_eq!(receiver.requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn literal_addresses_are_refused_however_they_are_written() {
    let receiver = receiver().await;
    let port = receiver.address.port();
    let http = client(&[], lookup_of(&["1.1.1.1"]));
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "017700000001", "127.1", "[::1]", "[::ffff:7f00:1]", "0", "[::]"]
    {
        let refused = send(&http, &format!("http://user:pw@{host}:{port}/s3cret"), "").await.unwrap_err();
        assert!(matches!(refused, SendError::NotPublic { .. }), "{host}: {refused:?}");
        assert!(!refused.to_string().contains("pw") && !refused.to_string().contains("s3cret"), "{refused}");
    }
    assert_eq!(receiver.requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn every_look_up_is_checked_so_that_a_name_cannot_change_its_mind() {
    let answers = Mutex::new(vec!["127.0.0.1:0", "8.8.8.8:0"]);
    let lookup: Lookup = Arc::new(move |_| {
        let next = answers.lock().unwrap().pop().unwrap().parse().unwrap();
        Box::pin(async move { Ok(vec![next]) })
    });
    let resolver = Resolver { lookup, guards: true };
    let name = || "rebinding.example".parse::<Name>().unwrap();
    let first: Vec<_> = resolver.resolve(name()).await.unwrap().collect();
    assert_eq!(first, ["8.8.8.8:0".parse().unwrap()]);
    assert!(resolver.resolve(name()).await.err().unwrap().is::<NotPublic>());
}

#[tokio::test]
async fn of_several_addresses_only_the_public_ones_are_used() {
    let resolver = Resolver { lookup: lookup_of(&["10.0.0.1", "8.8.8.8", "::1"]), guards: true };
    let found: Vec<_> = resolver.resolve("mixed.example".parse().unwrap()).await.unwrap().collect();
    assert_eq!(found, ["8.8.8.8:0".parse().unwrap()]);
}

#[tokio::test]
async fn redirects_are_not_followed_and_floods_are_cut() {
    let receiver = receiver().await;
    let address = receiver.address;
    let http = client(&[address.to_string()], lookup_of(&[]));
    let redirect = send(&http, &format!("http://{address}/"), "redirect").await.unwrap();
    assert_eq!(redirect.status, StatusCode::FOUND);
    let flood = send(&http, &format!("http://{address}/"), "flood").await.unwrap();
    assert_eq!(flood.body.len(), LONGEST_ANSWER);
    assert_eq!(receiver.requests.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_answer_that_repeats_the_address_is_shown_without_it() {
    let receiver = receiver().await;
    let address = receiver.address;
    let http = client(&[address.to_string()], lookup_of(&[]));
    let answer = send(&http, &format!("http://{address}/hook/s3cret-token"), "path").await.unwrap();
    assert_eq!(answer.body, "no such path: /[address]");
    assert_eq!(answer.place, format!("http://{address}"));
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let http = client(&[address.to_string()], lookup_of(&[]));
    let url = format!("http://{address}/s3cret");
    let post = Post { url: &url, headers: HeaderMap::new(), body: b"{}".to_vec(), timeout: Duration::from_millis(50) };
    let refused = http.post(post).await.unwrap_err();
    assert_eq!(refused.to_string(), format!("http://{address} did not answer within 0.05 s"));
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_reported_without_secrets() {
    let address = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let http = client(&[address.to_string()], lookup_of(&[]));
    let refused = send(&http, &format!("http://{address}/s3cret?key=t0ken"), "").await.unwrap_err();
    assert!(matches!(refused, SendError::Unreachable { .. }), "{refused:?}");
    assert!(!refused.to_string().contains("s3cret") && !refused.to_string().contains("t0ken"), "{refused}");
}

#[tokio::test]
async fn what_is_no_address_of_the_web_is_refused() {
    let http = client(&["*.example".into()], lookup_of(&[]));
    for bad in ["", "example.org/x", "ftp://a.example/x", "file:///etc/passwd", "http://", "javascript:alert(1)"] {
        let refused = send(&http, bad, "").await;
        assert!(matches!(refused, Err(SendError::BadAddress(_))), "{bad}: {refused:?}");
    }
}
