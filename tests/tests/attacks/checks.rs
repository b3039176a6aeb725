//! Texts whose check costs much.

use std::time::Duration;

use procession_tests::{
    client::{Client, http},
    server::ServerOptions,
};
use serde_json::json;

use crate::support::{person, time_of_health};

/// Two such texts once held up everything for 8 s, and larger ones for 81 s; machines of tests are busy.
const PATIENCE: Duration = Duration::from_secs(4);

/// Misspelt references, each of which is compared with every name; about 100 KiB.
fn misspelt() -> String {
    let step = |number: u32| {
        format!("  - {{id: step{number:04}, agent: a, message: x, depends_on: [stop{number:04}, stap{number:04}]}}\n")
    };
    format!("name: misspelt\nsteps:\n{}", (0..1_200).map(step).collect::<String>())
}

#[tokio::test(flavor = "multi_thread")]
async fn costly_checks_hold_up_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerOptions::on(folder.path()).start().unwrap();
    let admin = Client::log_in(server.url()).await.unwrap();
    let viewer = person(&admin, "vic", "viewer").await;
    let http = http().unwrap();
    let body = json!({"yaml_content": misspelt()});
    // More at once than are worked on and wait, by clients that give up after a second.
    let asked: Vec<_> = (0..40)
        .map(|_| {
            let (http, token, body) = (http.clone(), viewer.token().to_owned(), body.clone());
            let url = format!("{}/api/processes/validate", server.url());
            tokio::spawn(async move {
                let request = http.post(url).bearer_auth(token).json(&body).timeout(Duration::from_secs(1));
                request.send().await.map(|answer| answer.status().as_u16()).ok()
            })
        })
        .collect();
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        slowest = slowest.max(time_of_health(&http, server.url()).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(slowest < PATIENCE, "the server took {slowest:?} to say that it lives");
    let mut statuses = Vec::new();
    for answer in asked {
        statuses.extend(answer.await.unwrap());
    }
    assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
    let ready = admin.get("/readyz").await.unwrap();
    assert!(ready["runtime_lag_ms"].as_u64().is_some_and(|lag| u128::from(lag) < PATIENCE.as_millis()), "{ready}");
    // What nobody waits for any more holds up no end either.
    assert_eq!(server.stop().unwrap().code(), Some(0));
}
