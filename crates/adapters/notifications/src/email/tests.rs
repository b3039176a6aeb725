use std::sync::Arc;

use lettre::message::header;
use procession_application::{notifications::SmtpSecurity, ports::NewUser};
use procession_domain::value::{ExecutionId, ProcessName, StepId, UserId};
use procession_testing::MemoryStore;

use super::*;

const NOW: &str = "2026-11-21T10:00:00+00:00";

fn smtp(from: &str) -> SmtpSettings {
    SmtpSettings {
        host: "mail.example.org".into(),
        port: None,
        security: SmtpSecurity::None,
        username: None,
        password: None,
        from: from.into(),
    }
}

fn message(subject: &str, text: &str) -> Message {
    Message {
        channel: "email".into(),
        message: text.into(),
        subject: subject.into(),
        recipients: Vec::new(),
        url: None,
        process_name: ProcessName::new("report").unwrap(),
        execution_id: ExecutionId::new(uuid::Uuid::nil()),
        step_id: StepId::new("tell").unwrap(),
        delivery_id: "00000000-0000-0000-0000-000000000000/tell/2/email".into(),
        timeout: None,
    }
}

fn composed(subject: &str, text: &str) -> String {
    let to = ["Ada <ada@example.org>".parse().unwrap(), "bea@example.org".parse().unwrap()];
    let mail =
        compose(&smtp("Procession <procession@example.org>"), &to, &message(subject, text), NOW.parse().unwrap());
    String::from_utf8(mail.unwrap().formatted()).unwrap()
}

async fn store() -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::default());
    for (number, name, email) in [(1, "Ada", Some("ada@example.org")), (2, "Bea", None)] {
        let user = NewUser {
            id: UserId::new(uuid::Uuid::from_u128(number)),
            name: name.into(),
            email: email.map(str::to_owned),
            role: "user".into(),
            password_hash: None,
            created_at: NOW.parse().unwrap(),
        };
        store.create_user(&user).await.unwrap();
    }
    store
}

async fn found(recipients: &[&str]) -> Result<(Vec<String>, Vec<String>), String> {
    let recipients: Vec<String> = recipients.iter().map(|&text| text.to_owned()).collect();
    let found = recipients::find(&*store().await, &recipients).await.map_err(|failure| failure.to_string())?;
    Ok((found.mailboxes.iter().map(ToString::to_string).collect(), found.without_address))
}

#[test]
fn a_mail_has_the_headers_that_its_readers_need() {
    let mail = composed("Report", "All is well.\n.\nReally.");
    for line in [
        "From: Procession <procession@example.org>\r\n",
        "To: Ada <ada@example.org>, bea@example.org\r\n",
        "Subject: Report\r\n",
        "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n",
        "Message-ID: <00000000-0000-0000-0000-000000000000/tell/2/email@example.org>\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "Content-Type: text/plain; charset=utf-8\r\n",
        "MIME-Version: 1.0\r\n",
    ] {
        assert!(mail.contains(line), "{line}\n{mail}");
    }
    assert!(mail.ends_with("All is well.\r\n.\r\nReally."), "{mail}");
}

#[test]
fn a_subject_cannot_write_headers() {
    let mail = composed("Report\r\nBcc: eve@example.org\u{0}", "text");
    assert!(mail.contains("Subject: Report Bcc: eve@example.org\r\n"), "{mail}");
    assert!(!mail.contains("\nBcc:"), "{mail}");
}

#[test]
fn a_foreign_subject_is_encoded() {
    let to = ["ada@example.org".parse().unwrap()];
    let mail = compose(&smtp("p@example.org"), &to, &message("Überfällig 🎉", "Grüße"), NOW.parse().unwrap()).unwrap();
    let subject: header::Subject = mail.headers().get().unwrap();
    assert_eq!(AsRef::<str>::as_ref(&subject), "Überfällig 🎉");
    assert!(mail.formatted().is_ascii());
}

#[test]
fn a_sender_that_is_no_address_is_said_to_be_none() {
    let failure = compose(&smtp("nobody @"), &[], &message("a", "b"), NOW.parse().unwrap()).unwrap_err();
    assert_eq!(failure.code, ErrorCode::InvalidConfig);
    assert!(failure.message.contains("`smtp.from`"), "{failure}");
}

#[tokio::test]
async fn addresses_and_known_users_are_found_once_each() {
    let (mailboxes, without) = found(&[
        "ada",
        "ADA@example.org; Eve <eve@example.com>",
        "\"Byron, Ada\" <ada@example.com>, x@example.com",
        "#ops",
        "@zoe",
        "bea",
        "role:approver",
        " ",
    ])
    .await
    .unwrap();
    assert_eq!(
        mailboxes,
        ["ada@example.org", "Eve <eve@example.com>", "\"Byron, Ada\" <ada@example.com>", "x@example.com"]
    );
    assert_eq!(without, ["bea", "role:approver"]);
}

#[tokio::test]
async fn with_nobody_to_write_to_it_says_what_to_do() {
    assert_eq!(
        found(&["bea", "nobody"]).await.unwrap_err(),
        "INVALID_CONFIG: none of the recipients has an email address (`bea`, `nobody`): use email addresses, or names of users who have one"
    );
    assert!(found(&["#ops"]).await.unwrap_err().contains("has no `recipients`"));
}
