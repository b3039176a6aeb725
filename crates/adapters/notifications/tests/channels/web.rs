//! Slack, webhooks, and channels that are mapped to one.

use std::{collections::BTreeMap, sync::Arc};

use procession_application::{
    notifications::{NotificationSettings, SecretText},
    ports::{AccessStore, Message, Notifier, Setting},
};
use procession_domain::value::{Duration, ErrorCode};
use procession_testing::MemoryStore;
use serde_json::json;
use standardwebhooks::Webhook;

use crate::{
    receiver::{Answer, Receiver},
    support::{message, notifications, notifications_on, secret},
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn slack(receiver: &Receiver) -> NotificationSettings {
    NotificationSettings { slack_webhook_url: secret(receiver.url("/services/T0/B0/s3cret")), ..Default::default() }
}

#[tokio::test]
async fn slack_gets_the_whole_message_as_text_and_blocks() {
    let receiver = Receiver::start().await;
    let notifications = notifications(slack(&receiver), &receiver.allowed());
    let delivery = notifications.send(&message("slack")).await.unwrap();
    assert_eq!(delivery, json!({"status": "sent", "status_code": 200}));
    let [request] = receiver.requests().try_into().unwrap();
    assert_eq!(request.path, "/services/T0/B0/s3cret");
    assert_eq!(request.headers["content-type"], "application/json");
    let text = "All is *well*.\nReally.";
    assert_eq!(
        request.json(),
        json!({"text": text, "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]})
    );
}

#[tokio::test]
async fn a_step_says_itself_where_its_message_goes() {
    let receiver = Receiver::start().await;
    let notifications = notifications(slack(&receiver), &receiver.allowed());
    for channel in ["slack", "webhook"] {
        let own = Message { url: Some(receiver.url("/own")), ..message(channel) };
        notifications.send(&own).await.unwrap();
    }
    let paths: Vec<String> = receiver.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/own", "/own"]);
}

#[tokio::test]
async fn slacks_limits_are_passed_on_with_the_pause_it_asks_for() {
    let receiver = Receiver::start().await;
    receiver.answer([Answer { headers: vec![("retry-after", "30".into())], ..Answer::status(429) }]);
    let notifications = notifications(slack(&receiver), &receiver.allowed());
    let failure = notifications.send(&message("slack")).await.unwrap_err();
    assert_eq!((failure.code, failure.retry_after), (ErrorCode::SlackError, Some(Duration::from_secs(30))));
    notifications.send(&message("slack")).await.unwrap();
}

#[tokio::test]
async fn answers_of_slack_become_codes_and_sentences() {
    let receiver = Receiver::start().await;
    let notifications = notifications(slack(&receiver), &receiver.allowed());
    let place = format!("http://{}", receiver.address);
    for (answer, code, says) in [
        (
            Answer { body: "no_service", ..Answer::status(404) },
            ErrorCode::InvalidConfig,
            "answered 404 Not Found: no_service",
        ),
        (
            Answer { body: "channel_is_archived", ..Answer::status(410) },
            ErrorCode::InvalidConfig,
            "channel_is_archived",
        ),
        (Answer { body: "invalid_token", ..Answer::status(403) }, ErrorCode::Unauthorized, "invalid_token"),
        (Answer { body: "invalid_payload", ..Answer::status(400) }, ErrorCode::SlackError, "invalid_payload"),
        (Answer::status(503), ErrorCode::SlackError, "answered 503 Service Unavailable"),
        (
            Answer { headers: vec![("location", "https://example.org/".into())], ..Answer::status(302) },
            ErrorCode::InvalidConfig,
            "redirects are not followed",
        ),
    ] {
        receiver.answer([answer]);
        let failure = notifications.send(&message("slack")).await.unwrap_err();
        assert_eq!(failure.code, code, "{failure}");
        assert!(failure.message.starts_with(&place) && failure.message.contains(says), "{failure}");
    }
    assert_eq!(receiver.requests().len(), 6);
}

#[tokio::test]
async fn a_webhook_gets_signed_json_that_the_published_library_verifies() {
    let receiver = Receiver::start().await;
    let settings = NotificationSettings {
        webhook_url: secret(receiver.url("/hook")),
        webhook_secret: secret(SECRET),
        ..Default::default()
    };
    let notifications = notifications(settings, &receiver.allowed());
    let message = Message { message: "Grüße 🎉".into(), ..message("webhook") };
    let delivery = notifications.send(&message).await.unwrap();
    assert_eq!(delivery, json!({"status": "sent", "status_code": 200}));
    let [request] = receiver.requests().try_into().unwrap();
    assert_eq!(
        request.json(),
        json!({
            "message": "Grüße 🎉",
            "process_name": "weekly report",
            "execution_id": "00000000-0000-0000-0000-000000000000",
            "step_id": "tell",
        })
    );
    assert_eq!(request.headers["webhook-id"], message.delivery_id.as_str());
    assert_eq!(request.headers["webhook-timestamp"], "1795255200");
    let theirs = Webhook::new(SECRET).unwrap().sign(&message.delivery_id, 1_795_255_200, &request.body).unwrap();
    assert_eq!(request.headers["webhook-signature"], theirs.as_str());
}

#[tokio::test]
async fn a_webhook_without_a_secret_is_not_signed() {
    let receiver = Receiver::start().await;
    let settings = NotificationSettings { webhook_url: secret(receiver.url("/hook")), ..Default::default() };
    notifications(settings, &receiver.allowed()).send(&message("webhook")).await.unwrap();
    let [request] = receiver.requests().try_into().unwrap();
    assert!(!request.headers.contains_key("webhook-signature"));
    assert!(request.headers.contains_key("webhook-id"));
}

#[tokio::test]
async fn answers_of_webhooks_become_codes() {
    let receiver = Receiver::start().await;
    let settings = NotificationSettings { webhook_url: secret(receiver.url("/hook")), ..Default::default() };
    let notifications = notifications(settings, &receiver.allowed());
    for (status, code) in [
        (500, ErrorCode::WebhookError),
        (404, ErrorCode::WebhookError),
        (429, ErrorCode::WebhookError),
        (401, ErrorCode::Unauthorized),
        (403, ErrorCode::Unauthorized),
        (307, ErrorCode::InvalidConfig),
    ] {
        receiver.answer([Answer::status(status)]);
        assert_eq!(notifications.send(&message("webhook")).await.unwrap_err().code, code, "{status}");
    }
    receiver.answer([Answer::status(204)]);
    assert_eq!(notifications.send(&message("webhook")).await.unwrap()["status_code"], 204);
}

#[tokio::test]
async fn a_slow_receiver_is_a_timeout() {
    let receiver = Receiver::start().await;
    let notifications = notifications(slack(&receiver), &receiver.allowed());
    for channel in ["slack", "webhook"] {
        receiver.answer([Answer { silent: true, ..Answer::default() }]);
        let slow =
            Message { timeout: Some(Duration::from_millis(200)), url: Some(receiver.url("/slow")), ..message(channel) };
        assert_eq!(notifications.send(&slow).await.unwrap_err().code, ErrorCode::Timeout, "{channel}");
    }
}

#[tokio::test]
async fn a_channel_of_ones_own_goes_through_its_webhook_or_stays_undelivered() {
    let receiver = Receiver::start().await;
    let settings = NotificationSettings {
        channels: Some(BTreeMap::from([("teams".into(), SecretText::new(receiver.url("/teams")))])),
        webhook_secret: secret(SECRET),
        ..Default::default()
    };
    let notifications = notifications(settings, &receiver.allowed());
    let mapped = Message { recipients: vec!["ada".into()], ..message("teams") };
    assert_eq!(notifications.send(&mapped).await.unwrap()["status"], "sent");
    assert_eq!(notifications.send(&message("pager")).await.unwrap(), json!({"status": "undelivered"}));
    let [request] = receiver.requests().try_into().unwrap();
    assert_eq!(request.path, "/teams");
    assert!(request.headers.contains_key("webhook-signature"));
    let body = request.json();
    assert_eq!(body["channel"], "teams");
    assert_eq!((&body["subject"], &body["recipients"]), (&json!("Report"), &json!(["ada"])));
}

#[tokio::test]
async fn without_an_address_it_says_what_to_set() {
    let notifications = notifications(NotificationSettings::default(), &[]);
    for (channel, setting) in [
        ("slack", "notifications.slack_webhook_url"),
        ("webhook", "notifications.webhook_url"),
        ("email", "notifications.smtp.host"),
    ] {
        let failure = notifications.send(&message(channel)).await.unwrap_err();
        assert_eq!(failure.code, ErrorCode::InvalidConfig);
        assert!(failure.message.contains(setting), "{failure}");
    }
}

#[tokio::test]
async fn an_address_on_this_machine_is_refused_unless_the_operator_allows_it() {
    let receiver = Receiver::start().await;
    let notifications = notifications(NotificationSettings::default(), &["elsewhere.example".into()]);
    let port = receiver.address.port();
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        let message = Message { url: Some(format!("http://{host}:{port}/hook")), ..message("webhook") };
        let failure = notifications.send(&message).await.unwrap_err();
        assert_eq!(failure.code, ErrorCode::InvalidConfig);
        assert!(failure.message.contains(&format!("add `{host}:{port}` to outgoing.allow")), "{failure}");
    }
    assert!(receiver.requests().is_empty());
}

#[tokio::test]
async fn a_change_of_the_settings_counts_for_the_next_message() {
    let receiver = Receiver::start().await;
    let store = Arc::new(MemoryStore::default());
    let notifications = notifications_on(Arc::clone(&store) as _, slack(&receiver), &receiver.allowed());
    notifications.send(&message("slack")).await.unwrap();
    let kept = json!({"slack_webhook_url": receiver.url("/new")}).to_string();
    store.set_setting(Setting::Notifications, &kept).await.unwrap();
    notifications.send(&message("slack")).await.unwrap();
    let paths: Vec<String> = receiver.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/services/T0/B0/s3cret", "/new"]);
}
