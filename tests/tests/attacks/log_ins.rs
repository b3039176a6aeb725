//! Guessing passwords.

use std::time::{Duration, Instant};

use futures::future::join_all;
use procession_tests::{
    client::{Client, http},
    server::{ADMIN_PASSWORD, ServerOptions},
};
use serde_json::json;

use crate::support::{guess, person, resident_mib, time_of_health};

/// How many guesses come at once.
const AT_ONCE: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_unknown_users_cost_neither_memory_nor_anyones_time() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerOptions::on(folder.path()).with("http.trusted_proxies", "127.0.0.1").start().unwrap();
    let (http, url) = (http().unwrap(), server.url());
    // The memory of two hashes is taken once.
    for address in ["10.1.0.1", "10.1.0.2"] {
        let [one, other] = ["nobody", "noone"].map(|name| guess(&http, url, name, "a-guess", address));
        tokio::join!(one, other);
    }
    let before = resident_mib(&server);
    let mut statuses = Vec::new();
    let mut slowest = Duration::ZERO;
    for round in 0..5 {
        let guesses = (0..AT_ONCE).map(|number| {
            let (http, name) = (http.clone(), format!("nobody{number}"));
            async move { guess(&http, url, &name, "a-guess", &format!("10.2.{round}.{number}")).await.as_u16() }
        });
        let (answers, health) = tokio::join!(join_all(guesses), time_of_health(&http, url));
        statuses.extend(answers);
        slowest = slowest.max(health);
    }
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&429), "what is too much is sent away at once");
    let grown = resident_mib(&server).saturating_sub(before);
    assert!(grown < 100, "the server has grown by {grown} MiB");
    assert!(slowest < Duration::from_secs(2), "the server took {slowest:?} to say that it lives");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_a_refusal_tells_nobody_who_exists() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerOptions::on(folder.path()).with("http.trusted_proxies", "127.0.0.1").start().unwrap();
    let admin = Client::log_in(server.url()).await.unwrap();
    admin.post("/api/users", &json!({"username": "keyed", "role": "viewer"})).await.unwrap();
    let (http, url) = (http().unwrap(), server.url());
    let names = ["admin", "nobody", "keyed"];
    let mut times: [Vec<Duration>; 3] = Default::default();
    // In turn, so that a busy machine slows them all down alike.
    for round in 0..15 {
        for (name, times) in names.iter().zip(&mut times) {
            let begun = Instant::now();
            let status = guess(&http, url, name, "a-guess", &format!("10.3.{round}.7")).await;
            times.push(begun.elapsed());
            assert_eq!(status.as_u16(), 401, "{name}");
        }
    }
    let fastest = times.map(|times| times.into_iter().min().unwrap());
    let (least, most) = (fastest.iter().min().unwrap(), fastest.iter().max().unwrap());
    assert!(*most < *least * 2, "{names:?} are refused after {fastest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_five_guesses_whatever_it_claims_and_however_it_hurries() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerOptions::on(folder.path()).start().unwrap();
    let (http, url) = (http().unwrap(), server.url());
    let guesses = (0..40).map(|number| {
        let http = http.clone();
        async move { guess(&http, url, "admin", &format!("guess-{number}"), &format!("10.4.0.{number}")).await.as_u16() }
    });
    let mut statuses = join_all(guesses).await;
    for number in 0..10 {
        statuses.push(guess(&http, url, "admin", "another", &format!("10.5.0.{number}")).await.as_u16());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 5, "{statuses:?}");
    assert_eq!(guess(&http, url, "admin", ADMIN_PASSWORD, "10.6.0.1").await.as_u16(), 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_good_log_in_takes_back_no_guess_at_others() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerOptions::on(folder.path()).start().unwrap();
    let admin = Client::log_in(server.url()).await.unwrap();
    person(&admin, "mallory", "viewer").await;
    let (http, url) = (http().unwrap(), server.url());
    let mut refused = 0;
    for number in 0..20 {
        if number % 4 == 3 {
            guess(&http, url, "mallory", crate::support::PASSWORD, "").await;
        }
        refused += u32::from(guess(&http, url, "admin", "a-guess", "").await.as_u16() == 401);
    }
    assert_eq!(refused, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_guessed_at_twenty_times_from_wherever_and_its_owner_gets_in() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerOptions::on(folder.path()).with("http.trusted_proxies", "127.0.0.1").start().unwrap();
    let (http, url) = (http().unwrap(), server.url());
    let home = "10.9.9.9";
    assert_eq!(guess(&http, url, "admin", ADMIN_PASSWORD, home).await.as_u16(), 200);
    let mut statuses = Vec::new();
    for number in 0..25 {
        statuses.push(guess(&http, url, "ADMIN", "a-guess", &format!("10.7.{number}.1")).await.as_u16());
    }
    assert_eq!(statuses, [[401; 20].as_slice(), &[429; 5]].concat());
    assert_eq!(guess(&http, url, "admin", ADMIN_PASSWORD, home).await.as_u16(), 200);
}
