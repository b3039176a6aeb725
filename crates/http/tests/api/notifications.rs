//! Where notifications go.

use procession_application::ports::DeliveryFailure;
use procession_domain::value::ErrorCode;
use serde_json::json;

use crate::support::Server;

const PATH: &str = "/api/settings/notifications";

#[tokio::test(start_paused = true)]
async fn settings_are_kept_and_shown_without_secrets() {
    let server = Server::start().await;
    let root = server.user("root", "admin").await;
    let nothing = json!({
        "slack_webhook_url": null, "smtp": null, "webhook_url": null, "webhook_secret": null, "channels": null,
    });
    assert_eq!(server.get(PATH).by(&root).send().await.ok(200), nothing);
    let wanted = json!({
        "slack_webhook_url": "https://hooks.slack.com/services/T0/B0/secret",
        "smtp": {
            "host": "smtp.example.com", "security": "tls", "username": "procession", "password": "a password",
            "from": "procession@example.com",
        },
        "webhook_url": "", "webhook_secret": "a secret", "channels": {"pager": "https://pager.example.com/secret"},
    });
    let shown = json!({
        "slack_webhook_url": "https://hooks.slack.com/********",
        "smtp": {
            "host": "smtp.example.com", "port": null, "security": "tls", "username": "procession",
            "password": "********", "from": "procession@example.com",
        },
        "webhook_url": null, "webhook_secret": "********", "channels": {"pager": "https://pager.example.com/********"},
    });
    assert_eq!(server.put(PATH).json(&wanted).by(&root).send().await.ok(200), shown);
    assert_eq!(server.get(PATH).by(&root).send().await.ok(200), shown);
    // What is sent back as it was shown stays.
    assert_eq!(server.put(PATH).json(&shown).by(&root).send().await.ok(200), shown);
    assert_eq!(server.put(PATH).json(&json!({})).by(&root).send().await.ok(200), nothing);
    assert!(server.put(PATH).json(&shown).by(&root).send().await.problem(422, "invalid_value").contains("mask"));
}

#[tokio::test(start_paused = true)]
async fn settings_that_make_no_sense_are_refused() {
    let server = Server::start().await;
    let root = server.user("root", "admin").await;
    for (body, code, part) in [
        (json!({"slack_webhook": "https://hooks.slack.com/x"}), "invalid_body", "slack_webhook"),
        (json!({"webhook_url": "ftp://example.com"}), "invalid_value", "webhook_url"),
        (json!({"channels": {"slack": "https://example.com"}}), "invalid_value", "slack"),
        (json!({"smtp": {"host": "smtp.example.com"}}), "invalid_body", "from"),
        (json!({"smtp": {"host": "x", "from": "a@b", "security": "ssl"}}), "invalid_body", "security"),
    ] {
        let detail = server.put(PATH).json(&body).by(&root).send().await.problem(422, code);
        assert!(detail.contains(part), "{body}: {detail}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_test_message_is_sent_and_its_fate_told() {
    let server = Server::start().await;
    let root = server.user("root", "admin").await;
    let path = "/api/notifications/test";
    let body = json!({"channel": "webhook", "message": "Does this arrive?", "url": "https://example.com/hook"});
    let sent = server.post(path).json(&body).by(&root).send().await.ok(200);
    assert_eq!(sent, json!({"status": "sent", "status_code": 200}));
    let messages = server.stage.messages.sent();
    assert_eq!(messages.len(), 1);
    assert_eq!(
        (messages[0].message.as_str(), messages[0].url.as_deref()),
        ("Does this arrive?", Some("https://example.com/hook"))
    );

    let failure = DeliveryFailure { code: ErrorCode::SlackError, message: "no such hook".into(), retry_after: None };
    server.stage.messages.fail("slack", vec![failure]);
    let failed = server.post(path).json(&json!({"channel": "slack"})).by(&root).send().await;
    assert_eq!(failed.problem(422, "undelivered"), "The test was not delivered: no such hook");
    let unknown = server.post(path).json(&json!({"channel": "pigeon"})).by(&root).send().await;
    assert!(unknown.problem(422, "invalid_value").contains("There is no channel `pigeon`"));
}
