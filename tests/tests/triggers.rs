//! Schedules and webhooks from outside, while the server is killed: what is due starts once, and what was called too.

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        time::{Duration, Instant},
    };

    use procession_tests::{
        client::{Client, http},
        server::ServerOptions,
    };
    use reqwest::StatusCode;
    use serde_json::Value;

    const PROCESS: &str = "
name: clockwork
triggers:
  - {id: tick, cron: '* * * * *'}
  - {id: hook, type: webhook, secret: '${ENV:TEST_HOOK_SECRET}', dedupe_header: X-Event-Id}
steps:
  - {id: nap, type: timer, duration: 1s}
";

    const SECRET: &str = "correct-horse-battery";

    /// Calls the webhook as the event of this number. The answer.
    async fn call(url: &str, event: u32, secret: &str) -> anyhow::Result<(StatusCode, Value)> {
        let request = http()?
            .post(format!("{url}/api/triggers/webhook/clockwork/hook"))
            .header("x-webhook-secret", secret)
            .header("x-event-id", event.to_string())
            .header("content-type", "application/json")
            .body("{\"a\": 1}");
        let answer = request.send().await?;
        Ok((answer.status(), serde_json::from_str(&answer.text().await?)?))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_kill_neither_loses_nor_doubles_what_is_due_and_what_was_called() {
        let folder = tempfile::tempdir().unwrap();
        let options = ServerOptions::on(folder.path())
            .with("environment.allow", "TEST_HOOK_SECRET")
            .with_environment("TEST_HOOK_SECRET", SECRET);
        let mut server = options.start().unwrap();
        let mut client = Client::log_in(server.url()).await.unwrap();
        client.publish(PROCESS).await.unwrap();
        let (status, _) = call(server.url(), 0, "wrong").await.unwrap();
        assert_eq!(status, StatusCode::FORBIDDEN);
        // A minute begins meanwhile, at least once.
        let began = Instant::now();
        let mut called: Vec<(u32, Value)> = Vec::new();
        let mut event = 0;
        while began.elapsed() < Duration::from_secs(65) {
            event += 1;
            let (status, answer) = call(server.url(), event, SECRET).await.unwrap();
            assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
            called.push((event, answer["execution_id"].clone()));
            tokio::time::sleep(Duration::from_millis(u64::from(event % 7) * 300)).await;
            server.kill().unwrap();
            server = options.start().unwrap();
            client = client.at(server.url());
        }
        for (event, execution) in &called {
            let (status, answer) = call(server.url(), *event, SECRET).await.unwrap();
            assert_eq!((status, &answer["execution_id"]), (StatusCode::ACCEPTED, execution), "event {event}");
        }
        let listed = client.get("/api/executions?triggered_by=webhook&limit=100").await.unwrap();
        assert_eq!(listed["total"], called.len());
        let listed = client.get("/api/executions?triggered_by=schedule&limit=100").await.unwrap();
        let mut due = BTreeSet::new();
        for row in listed["executions"].as_array().unwrap() {
            let ended = client.ended(row["id"].as_str().unwrap()).await.unwrap();
            assert_eq!(ended["status"], "completed", "{ended}");
            let due_at = ended["trigger"]["due_at"].as_str().unwrap().to_owned();
            assert!(due.insert(due_at.clone()), "{due_at} has started twice");
        }
        assert!(!due.is_empty(), "a minute has begun");
        let text = listed.to_string() + &client.get("/api/triggers/hook/history").await.unwrap().to_string();
        assert!(!text.contains(SECRET) && !server.log().contains(SECRET));
    }
}
