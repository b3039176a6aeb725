//! The settings of notifications and their test message (spec 5.5).

#![cfg(test)]

use std::{collections::BTreeMap, sync::Arc};

use procession_application::{
    Door,
    engine::EngineSettings,
    notifications::{
        MASK, NotificationFailure, NotificationSettings, Notifications, SecretText, SettingsError, SettingsInForce,
        SmtpSecurity, SmtpSettings, TestMessage,
    },
    ports::{AccessStore, DeliveryFailure, Setting, StoreError},
};
use procession_domain::value::ErrorCode;
use procession_testing::{ScriptedAgents, Stage};
use serde_json::json;

const SLACK: &str = "https://hooks.slack.com/services/T0/B0/s3cret";
const SLACK_SHOWN: &str = "https://hooks.slack.com/********";

async fn stage() -> Stage {
    Stage::in_memory(|clock| ScriptedAgents::new(clock, BTreeMap::new()), EngineSettings::default()).await
}

#[expect(clippy::unnecessary_wraps, reason = "what is set is in Some everywhere here")]
fn secret(text: &str) -> Option<SecretText> {
    Some(SecretText::new(text))
}

fn smtp() -> SmtpSettings {
    SmtpSettings {
        host: "mail.example.org".into(),
        port: None,
        security: SmtpSecurity::StartTls,
        username: Some("procession".into()),
        password: secret("pa55word"),
        from: "Procession <procession@example.org>".into(),
    }
}

fn everything() -> NotificationSettings {
    NotificationSettings {
        slack_webhook_url: secret(SLACK),
        smtp: Some(smtp()),
        webhook_url: secret("http://user:pw@example.org:8080/hook?token=t0ken"),
        webhook_secret: secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        channels: Some(BTreeMap::from([("teams".into(), SecretText::new("https://example.org/teams/s3cret"))])),
    }
}

/// The service, with a configuration of its own.
fn service(stage: &Stage, configured: NotificationSettings) -> Notifications {
    let (store, notifier) = (Arc::clone(&stage.ports.stores.access), Arc::clone(&stage.ports.notifier));
    Notifications::new(store, notifier, Arc::clone(&stage.ports.ids), Door::default(), configured)
}

async fn in_force(stage: &Stage) -> NotificationSettings {
    let store: Arc<dyn AccessStore> = Arc::clone(&stage.ports.stores.access);
    SettingsInForce::new(store, NotificationSettings::default()).read().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_set_is_in_force_at_once_and_shown_without_secrets() {
    let stage = stage().await;
    let notifications = service(&stage, NotificationSettings::default());
    assert_eq!(notifications.settings(&stage.system).await.unwrap(), NotificationSettings::default());
    let shown = notifications.change(&stage.system, everything()).await.unwrap();
    assert_eq!(shown, notifications.settings(&stage.system).await.unwrap());
    assert_eq!(in_force(&stage).await, everything());
    assert_eq!(
        serde_json::to_value(&shown).unwrap(),
        json!({
            "slack_webhook_url": SLACK_SHOWN,
            "smtp": {
                "host": "mail.example.org", "port": null, "security": "starttls", "username": "procession",
                "password": MASK, "from": "Procession <procession@example.org>",
            },
            "webhook_url": "http://example.org:8080/********",
            "webhook_secret": MASK,
            "channels": {"teams": "https://example.org/********"},
        })
    );
    let printed = format!("{:?}", everything());
    for hidden in ["s3cret", "pa55word", "t0ken", "MfKQ"] {
        assert!(!printed.contains(hidden), "{printed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_masked_secret_that_comes_back_stays_what_it_is() {
    let stage = stage().await;
    let notifications = service(&stage, NotificationSettings::default());
    let mut shown = notifications.change(&stage.system, everything()).await.unwrap();
    shown.smtp.as_mut().unwrap().from = "other@example.org".into();
    notifications.change(&stage.system, shown).await.unwrap();
    let mut expected = everything();
    expected.smtp.as_mut().unwrap().from = "other@example.org".into();
    assert_eq!(in_force(&stage).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_mask_of_something_else_is_refused() {
    let stage = stage().await;
    let notifications = service(&stage, NotificationSettings::default());
    for masked in [SLACK_SHOWN, "https://example.org/********"] {
        let wanted = NotificationSettings { slack_webhook_url: secret(masked), ..Default::default() };
        let refused = notifications.change(&stage.system, wanted).await;
        assert!(
            matches!(&refused, Err(NotificationFailure::Settings(SettingsError::Masked { field })) if field == "slack_webhook_url"),
            "{refused:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_kept_password_is_not_handed_to_another_server() {
    let stage = stage().await;
    let notifications = service(&stage, NotificationSettings::default());
    let shown = notifications.change(&stage.system, everything()).await.unwrap();
    let as_shown = shown.smtp.clone().unwrap();
    let others = [
        SmtpSettings { host: "mail.example.com".into(), ..as_shown.clone() },
        SmtpSettings { port: Some(2525), ..as_shown.clone() },
        SmtpSettings { port: Some(587), security: SmtpSecurity::None, ..as_shown.clone() },
    ];
    for smtp in others {
        let refused = notifications
            .change(&stage.system, NotificationSettings { smtp: Some(smtp.clone()), ..shown.clone() })
            .await;
        assert!(
            matches!(refused, Err(NotificationFailure::Settings(SettingsError::PasswordAgain))),
            "{smtp:?}: {refused:?}"
        );
        let with_password = SmtpSettings { password: secret("new"), ..smtp };
        notifications
            .change(&stage.system, NotificationSettings { smtp: Some(with_password), ..shown.clone() })
            .await
            .unwrap();
        notifications.change(&stage.system, everything()).await.unwrap();
    }
    let same = SmtpSettings { host: "MAIL.example.org".into(), port: Some(587), ..as_shown };
    notifications.change(&stage.system, NotificationSettings { smtp: Some(same), ..shown }).await.unwrap();
    assert_eq!(in_force(&stage).await.smtp.unwrap().password, secret("pa55word"));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_set_follows_the_configuration() {
    let stage = stage().await;
    let configured = NotificationSettings {
        slack_webhook_url: secret(SLACK),
        webhook_url: secret("https://example.org/one"),
        ..Default::default()
    };
    let notifications = service(&stage, configured);
    let mut shown = notifications.settings(&stage.system).await.unwrap();
    assert_eq!(shown.slack_webhook_url, secret(SLACK_SHOWN));
    shown.webhook_url = secret("https://example.org/two");
    notifications.change(&stage.system, shown).await.unwrap();
    assert_eq!(
        in_force(&stage).await,
        NotificationSettings { webhook_url: secret("https://example.org/two"), ..Default::default() },
        "only what differs from the configuration is kept"
    );
    let shown = notifications.change(&stage.system, NotificationSettings::default()).await.unwrap();
    assert_eq!(shown.webhook_url, secret("https://example.org/********"));
    assert_eq!(in_force(&stage).await, NotificationSettings::default());
}

#[tokio::test(start_paused = true)]
async fn settings_that_make_no_sense_are_refused_with_a_sentence() {
    let stage = stage().await;
    let notifications = service(&stage, NotificationSettings::default());
    let good = everything();
    let channel = |name: &str, url: &str| NotificationSettings {
        channels: Some(BTreeMap::from([(name.to_owned(), SecretText::new(url))])),
        ..good.clone()
    };
    let mail = |smtp: SmtpSettings| NotificationSettings { smtp: Some(smtp), ..good.clone() };
    let cases = [
        (
            NotificationSettings { slack_webhook_url: secret("hooks.slack.com/x"), ..good.clone() },
            "`slack_webhook_url`",
        ),
        (NotificationSettings { webhook_url: secret("ftp://example.org/x"), ..good.clone() }, "`webhook_url`"),
        (NotificationSettings { webhook_url: secret("https:///x"), ..good.clone() }, "`webhook_url`"),
        (NotificationSettings { webhook_url: secret("https://exa mple.org"), ..good.clone() }, "`webhook_url`"),
        (NotificationSettings { webhook_url: secret(""), ..good.clone() }, "`webhook_url`"),
        (NotificationSettings { webhook_secret: secret("whsec_!"), ..good.clone() }, "`webhook_secret`"),
        (channel("email", "https://example.org"), "`email` can't be a channel"),
        (channel("a,b", "https://example.org"), "`a,b` can't be a channel"),
        (channel("teams", "example"), "`channels.teams`"),
        (mail(SmtpSettings { host: "smtp://x".into(), ..smtp() }), "`smtp.host`"),
        (mail(SmtpSettings { host: String::new(), ..smtp() }), "`smtp.host`"),
        (mail(SmtpSettings { port: Some(0), ..smtp() }), "`smtp.port`"),
        (mail(SmtpSettings { from: "nobody".into(), ..smtp() }), "`smtp.from`"),
        (mail(SmtpSettings { password: None, ..smtp() }), "`smtp.password`"),
        (mail(SmtpSettings { username: None, ..smtp() }), "`smtp.username`"),
    ];
    for (wanted, begins) in cases {
        let refused = notifications.change(&stage.system, wanted).await.unwrap_err();
        assert!(matches!(refused, NotificationFailure::Settings(_)), "{refused:?}");
        assert!(refused.to_string().starts_with(begins), "{refused}");
    }
    assert_eq!(in_force(&stage).await, NotificationSettings::default());
}

#[tokio::test(start_paused = true)]
async fn a_test_goes_through_its_channel() {
    let stage = stage().await;
    let notifications = service(&stage, everything());
    let test = TestMessage {
        channel: "teams".into(),
        message: Some("Hello".into()),
        recipients: vec!["#ops".into()],
        url: Some("https://example.org/else".into()),
    };
    assert_eq!(
        notifications.test(&stage.system, test.clone()).await.unwrap(),
        json!({"status": "sent", "status_code": 200})
    );
    notifications.test(&stage.system, TestMessage { channel: "email".into(), ..Default::default() }).await.unwrap();
    let sent = stage.messages.sent();
    assert_eq!((sent[0].channel.as_str(), sent[0].message.as_str()), ("teams", "Hello"));
    assert_eq!((&sent[0].recipients, &sent[0].url), (&test.recipients, &test.url));
    assert_eq!(sent[1].message, "This is a test message of Procession.");
    assert_ne!(sent[0].delivery_id, sent[1].delivery_id);
}

#[tokio::test(start_paused = true)]
async fn a_test_that_is_not_delivered_says_why() {
    let stage = stage().await;
    let notifications = service(&stage, everything());
    let failure =
        DeliveryFailure { code: ErrorCode::SlackError, message: "Slack answered 404".into(), retry_after: None };
    stage.messages.fail("slack", vec![failure.clone()]);
    let refused = notifications
        .test(&stage.system, TestMessage { channel: "slack".into(), ..Default::default() })
        .await
        .unwrap_err();
    assert_eq!(refused.to_string(), "the test was not delivered: Slack answered 404");
    assert!(matches!(refused, NotificationFailure::Undelivered(found) if found == failure));
    let refused = notifications
        .test(&stage.system, TestMessage { channel: "pager".into(), ..Default::default() })
        .await
        .unwrap_err();
    assert_eq!(refused.to_string(), "there is no channel `pager`: use slack, email, webhook, teams");
}

#[tokio::test(start_paused = true)]
async fn kept_settings_that_cannot_be_read_are_reported_without_their_text() {
    let stage = stage().await;
    let kept = json!({"slack_webhook_url": ["s3cret"]}).to_string();
    stage.ports.stores.access.set_setting(Setting::Notifications, &kept).await.unwrap();
    let notifications = service(&stage, NotificationSettings::default());
    let refused = notifications.settings(&stage.system).await.unwrap_err();
    assert!(matches!(refused, NotificationFailure::Store(StoreError::Corrupt(_))), "{refused:?}");
    assert!(!refused.to_string().contains("s3cret"), "{refused}");
}
