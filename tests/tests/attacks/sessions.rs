//! Sessions that must end.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use procession_tests::{
    client::{Client, http},
    server::ServerOptions,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::{connect_async, tungstenite::Message};

use crate::support::{PASSWORD, answer, person};

const ME: &str = "/api/users/me";

const ASKS: &str = "name: asks\nsteps:\n  - {id: review, type: human_approval, title: Well?}\n";

/// How soon sockets and streams notice: a second, and what a busy machine of tests needs.
const SOON: Duration = Duration::from_secs(4);

async fn is_in(client: &Client) -> bool {
    answer(client, Method::GET, ME, Value::Null).await.0 == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_the_password_the_role_and_the_user() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerOptions::on(folder.path()).start().unwrap();
    let admin = Client::log_in(server.url()).await.unwrap();
    let first = person(&admin, "ann", "viewer").await;
    let new = json!({"password": "eleven-blue-umbrellas"});
    assert_eq!(answer(&admin, Method::PUT, "/api/users/ann/password", new).await.0, 204);
    assert!(!is_in(&first).await, "another password ends it");

    let second = Client::log_in_as(server.url(), "ann", "eleven-blue-umbrellas").await.unwrap();
    answer(&admin, Method::PUT, "/api/users/ann/role", json!({"role": "operator"})).await;
    assert!(!is_in(&second).await, "another role ends it");

    let third = Client::log_in_as(server.url(), "ann", "eleven-blue-umbrellas").await.unwrap();
    answer(&admin, Method::DELETE, "/api/users/ann", Value::Null).await;
    assert!(!is_in(&third).await);
    let fourth = person(&admin, "ann", "admin").await;
    assert!(!is_in(&third).await, "someone else has the name, and not the session");
    assert!(is_in(&fourth).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_logs_out_here_or_everywhere_and_stays_so_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = ServerOptions::on(folder.path());
    let server = options.start().unwrap();
    let admin = Client::log_in(server.url()).await.unwrap();
    let first = person(&admin, "ann", "viewer").await;
    let second = Client::log_in_as(server.url(), "ann", PASSWORD).await.unwrap();
    let third = Client::log_in_as(server.url(), "ann", PASSWORD).await.unwrap();
    assert_eq!(answer(&first, Method::POST, "/api/auth/logout", Value::Null).await.0, 204);
    assert_eq!([is_in(&first).await, is_in(&second).await, is_in(&third).await], [false, true, true]);
    server.kill().unwrap();
    let server = options.start().unwrap();
    let [first, second, third, admin] = [first, second, third, admin].map(|client| client.at(server.url()));
    assert_eq!([is_in(&first).await, is_in(&second).await, is_in(&third).await], [false, true, true]);
    assert_eq!(answer(&second, Method::POST, "/api/auth/logout-everywhere", Value::Null).await.0, 204);
    assert_eq!([is_in(&second).await, is_in(&third).await, is_in(&admin).await], [false, false, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_and_streams_notice_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerOptions::on(folder.path()).start().unwrap();
    let admin = Client::log_in(server.url()).await.unwrap();
    let process = admin.publish(ASKS).await.unwrap();
    let execution = admin.execute(&process, &json!({})).await.unwrap();
    let ann = person(&admin, "ann", "operator").await;
    let address = server.url().trim_start_matches("http://");
    let (mut socket, _) = connect_async(format!("ws://{address}/ws?token={}", ann.token())).await.unwrap();
    let url = format!("{}/api/executions/{execution}/stream", server.url());
    let stream = http().unwrap().get(url).bearer_auth(ann.token()).send().await.unwrap();
    assert_eq!(stream.status().as_u16(), 200);
    let mut stream = stream.bytes_stream();
    // The history comes at once.
    assert!(stream.next().await.is_some());

    answer(&admin, Method::PUT, "/api/users/ann/role", json!({"role": "viewer"})).await;
    let begun = Instant::now();
    let closed = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| u16::from(frame.code)),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    };
    assert_eq!(timeout(SOON, closed).await.expect("the socket is still open"), Some(4001));
    let ended = async { while let Some(Ok(_)) = stream.next().await {} };
    timeout(SOON, ended).await.expect("the stream has not ended");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}
