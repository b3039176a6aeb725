//! The channel `email` against an SMTP server.

use std::sync::Arc;

use procession_application::{
    notifications::{NotificationSettings, SmtpSecurity, SmtpSettings},
    ports::{AccessStore, DeliveryFailure, Message, NewUser, Notifier},
};
use procession_domain::value::{Duration, ErrorCode, UserId};
use procession_notifications::Notifications;
use procession_testing::MemoryStore;
use serde_json::json;

use crate::{
    smtp_server::{Protection, Rules, SmtpServer, Taken},
    support::{message, notifications, notifications_on, now, secret},
};

const PASSWORD: &str = "pa55-w\u{f6}rd";

fn settings(server: &SmtpServer, security: SmtpSecurity) -> NotificationSettings {
    let smtp = SmtpSettings {
        host: server.address.ip().to_string(),
        port: Some(server.address.port()),
        security,
        username: None,
        password: None,
        from: "Procession <procession@example.org>".into(),
    };
    NotificationSettings { smtp: Some(smtp), ..Default::default() }
}

fn with_log_in(mut settings: NotificationSettings, password: &str) -> NotificationSettings {
    let smtp = settings.smtp.as_mut().unwrap();
    (smtp.username, smtp.password) = (Some("procession".into()), secret(password));
    settings
}

fn to(recipients: &[&str]) -> Message {
    Message { recipients: recipients.iter().map(|&text| text.to_owned()).collect(), ..message("email") }
}

async fn failure(notifications: &Notifications) -> DeliveryFailure {
    notifications.send(&to(&["ada@example.org"])).await.unwrap_err()
}

#[tokio::test]
async fn a_mail_arrives_with_its_dots() {
    let server = SmtpServer::start(Rules::default()).await;
    let notifications = notifications(settings(&server, SmtpSecurity::None), &[]);
    let message =
        Message { message: "Dear all,\n.\n..two\n.end".into(), ..to(&["Ada <ada@example.org>, bea@example.org"]) };
    let delivery = notifications.send(&message).await.unwrap();
    assert_eq!(delivery, json!({"status": "sent", "status_code": 250}));
    let [mail] = server.taken().try_into().unwrap();
    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        ("procession@example.org", &["ada@example.org".to_owned(), "bea@example.org".to_owned()][..])
    );
    assert!(mail.text.contains("Subject: Report\r\n"), "{}", mail.text);
    assert!(mail.text.ends_with("\r\n\r\nDear all,\r\n.\r\n..two\r\n.end\r\n"), "{}", mail.text);
    assert!(!mail.encrypted);
}

#[tokio::test]
async fn a_repeated_mail_has_the_same_id() {
    let server = SmtpServer::start(Rules::default()).await;
    let notifications = notifications(settings(&server, SmtpSecurity::None), &[]);
    for _ in 0..2 {
        notifications.send(&to(&["ada@example.org"])).await.unwrap();
    }
    let id = |mail: &Taken| mail.text.lines().find(|line| line.starts_with("Message-ID: ")).unwrap().to_owned();
    let taken = server.taken();
    assert_eq!(id(&taken[0]), "Message-ID: <00000000-0000-0000-0000-000000000000/tell/1/email@example.org>");
    assert_eq!(id(&taken[0]), id(&taken[1]));
}

#[tokio::test]
async fn the_log_in_works_both_ways_and_only_under_tls() {
    for (protection, security, mechanisms) in [
        (Protection::StartTls, SmtpSecurity::StartTls, "PLAIN"),
        (Protection::StartTls, SmtpSecurity::StartTls, "LOGIN"),
        (Protection::Tls, SmtpSecurity::Tls, "PLAIN LOGIN"),
    ] {
        let log_in = Some((mechanisms, "procession", PASSWORD));
        let server = SmtpServer::start(Rules { protection, log_in, ..Rules::default() }).await;
        let notifications = notifications(with_log_in(settings(&server, security), PASSWORD), &[])
            .with_mail_authority(server.certificate.as_bytes());
        notifications.send(&to(&["ada@example.org"])).await.unwrap();
        let [mail] = server.taken().try_into().unwrap();
        assert!(mail.encrypted, "{protection:?}");
        assert_eq!(mail.user.as_deref(), Some("procession"));
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_is_refused() {
    for (protection, security) in [(Protection::StartTls, SmtpSecurity::StartTls), (Protection::Tls, SmtpSecurity::Tls)]
    {
        let log_in = Some(("PLAIN", "procession", PASSWORD));
        let server = SmtpServer::start(Rules { protection, log_in, ..Rules::default() }).await;
        let notifications = notifications(with_log_in(settings(&server, security), PASSWORD), &[]);
        let failure = failure(&notifications).await;
        assert_eq!(failure.code, ErrorCode::EmailError, "{failure}");
        assert!(server.taken().is_empty());
    }
}

#[tokio::test]
async fn a_server_without_the_wanted_tls_gets_neither_password_nor_mail() {
    let log_in = Some(("PLAIN", "procession", PASSWORD));
    let server = SmtpServer::start(Rules { log_in, ..Rules::default() }).await;
    let notifications = notifications(with_log_in(settings(&server, SmtpSecurity::StartTls), PASSWORD), &[]);
    let failure = failure(&notifications).await;
    assert_eq!(failure.code, ErrorCode::InvalidConfig, "{failure}");
    assert!(server.taken().is_empty());
}

#[tokio::test]
async fn a_wrong_password_is_unauthorized_and_not_shown() {
    let log_in = Some(("PLAIN", "procession", "right"));
    let server = SmtpServer::start(Rules { log_in, ..Rules::default() }).await;
    let wrong = with_log_in(settings(&server, SmtpSecurity::None), PASSWORD);
    let failure = failure(&notifications(wrong, &[])).await;
    assert_eq!(failure.code, ErrorCode::Unauthorized);
    assert!(failure.message.contains("`smtp.password`"), "{failure}");
    assert!(!failure.message.contains(PASSWORD), "{failure}");
}

#[tokio::test]
async fn replies_of_the_server_become_codes() {
    for (verb, reply, code) in [
        ("RCPT", "550 5.1.1 no such user here", ErrorCode::InvalidConfig),
        ("RCPT", "450 4.2.1 greylisted, come back", ErrorCode::EmailError),
        ("MAIL", "421 4.3.2 closing down", ErrorCode::EmailError),
        ("MAIL", "530 5.7.0 log in first", ErrorCode::Unauthorized),
        ("DATA", "554 5.7.1 spam", ErrorCode::InvalidConfig),
        ("EHLO", "gibberish", ErrorCode::EmailError),
    ] {
        let server = SmtpServer::start(Rules { replies: vec![(verb, reply)], ..Rules::default() }).await;
        let failure = failure(&notifications(settings(&server, SmtpSecurity::None), &[])).await;
        assert_eq!(failure.code, code, "{reply}: {failure}");
        let words = reply.split_once(' ').map_or("", |(_, words)| words);
        assert!(failure.message.contains(words), "{reply}: {failure}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_a_timeout_and_one_that_is_gone_an_error() {
    let server = SmtpServer::start(Rules { silent: true, ..Rules::default() }).await;
    let mut settings = settings(&server, SmtpSecurity::None);
    let hurried = Message { timeout: Some(Duration::from_millis(200)), ..to(&["ada@example.org"]) };
    let slow = notifications(settings.clone(), &[]).send(&hurried).await.unwrap_err();
    assert_eq!(slow.code, ErrorCode::Timeout, "{slow}");
    let gone = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    settings.smtp.as_mut().unwrap().port = Some(gone);
    assert_eq!(failure(&notifications(settings, &[])).await.code, ErrorCode::EmailError);
}

#[tokio::test]
async fn known_users_get_their_mail_and_who_has_no_address_is_named() {
    let store = Arc::new(MemoryStore::default());
    let ada = NewUser {
        id: UserId::new(uuid::Uuid::nil()),
        name: "Ada".into(),
        email: Some("ada@example.org".into()),
        role: "user".into(),
        password_hash: None,
        created_at: now(),
    };
    store.create_user(&ada).await.unwrap();
    let server = SmtpServer::start(Rules::default()).await;
    let notifications = notifications_on(store, settings(&server, SmtpSecurity::None), &[]);
    let delivery = notifications.send(&to(&["ada", "#ops", "nobody"])).await.unwrap();
    assert_eq!(delivery["not_reached"], json!(["nobody"]));
    assert_eq!(server.taken()[0].to, ["ada@example.org"]);
    let failure = notifications.send(&to(&["#ops"])).await.unwrap_err();
    assert_eq!(failure.code, ErrorCode::InvalidConfig);
}
