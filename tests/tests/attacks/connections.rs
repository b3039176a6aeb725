//! Connections that say nothing, say it slowly, or are not listened to any more.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use procession_tests::{
    client::{Client, http},
    server::ServerOptions,
};

use crate::support::time_of_health;

/// How long a connection may be silent, and what a busy machine of tests needs.
const SILENCE: Duration = Duration::from_secs(45);

fn address(url: &str) -> &str {
    url.trim_start_matches("http://")
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_sockets_keep_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerOptions::on(folder.path()).with("http.max_connections", "64").start().unwrap();
    let mut silent = Vec::new();
    let mut slowest = Duration::ZERO;
    for number in 0..300 {
        silent.push(TcpStream::connect(address(server.url())).unwrap());
        if number % 50 == 0 {
            // Each time by a new connection.
            slowest = slowest.max(time_of_health(&http().unwrap(), server.url()).await);
        }
    }
    assert!(slowest < Duration::from_secs(2), "the server took {slowest:?} to say that it lives");
    Client::log_in(server.url()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_request_is_closed_whatever_it_began_to_say() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerOptions::on(folder.path()).start().unwrap();
    let beginnings: [&[u8]; 4] = [b"", b"P", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /healthz HTTP/1.1\r\nHost:"];
    let waiting = beginnings.map(|beginning| {
        let mut stream = TcpStream::connect(address(server.url())).unwrap();
        tokio::task::spawn_blocking(move || {
            stream.write_all(beginning).unwrap();
            stream.set_read_timeout(Some(SILENCE)).unwrap();
            let begun = Instant::now();
            let mut said = Vec::new();
            let ended = stream.read_to_end(&mut said);
            // A reset ends it as well.
            ended.is_ok()
                || ended.is_err_and(|error| {
                    error.kind() == std::io::ErrorKind::ConnectionReset && begun.elapsed() < SILENCE
                })
        })
    });
    for (beginning, closed) in beginnings.iter().zip(waiting) {
        assert!(closed.await.unwrap(), "{}", String::from_utf8_lossy(beginning));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_refused_half_read_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerOptions::on(folder.path()).start().unwrap();
    for attempt in 0..15 {
        let mut stream = TcpStream::connect(address(server.url())).unwrap();
        let answer = tokio::task::spawn_blocking(move || {
            let length = 8 * 1024 * 1024;
            let head = format!(
                "POST /api/processes HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let part = vec![b' '; 64 * 1024];
            for _ in 0..length / part.len() {
                stream.write_all(&part)?;
            }
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            std::io::Result::Ok(answer)
        });
        let answer = answer.await.unwrap().unwrap_or_else(|error| panic!("attempt {attempt}: {error}"));
        assert!(answer.starts_with("HTTP/1.1 413"), "attempt {attempt}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_its_terminal_stops_a_server_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerOptions::on(folder.path()).start().unwrap();
    Client::log_in(server.url()).await.unwrap();
    let status = server.stop_by("HUP").unwrap();
    assert_eq!(status.code(), Some(0));
}
