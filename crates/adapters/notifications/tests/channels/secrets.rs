//! Secrets stand in no line of the log and in no message, whatever is logged.

use std::{
    io,
    sync::{Arc, Mutex},
};

use procession_application::{
    notifications::{NotificationSettings, SmtpSecurity, SmtpSettings},
    ports::{Message, Notifier},
};
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    receiver::{Answer, Receiver},
    smtp_server::{Rules, SmtpServer},
    support::{message, notifications, secret},
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn nothing_that_is_secret_is_logged_or_reported() {
    let receiver = Receiver::start().await;
    let log_in = Some(("PLAIN", "procession", "right"));
    let server = SmtpServer::start(Rules { log_in, ..Rules::default() }).await;
    let settings = NotificationSettings {
        slack_webhook_url: secret(receiver.url("/services/slack-s3cret")),
        webhook_url: secret(format!("http://user:p4ssword@{}/hook?token=query-s3cret", receiver.address)),
        webhook_secret: secret("whsec_c2VjcmV0LW9mLWhvb2tz"),
        smtp: Some(SmtpSettings {
            host: "127.0.0.1".into(),
            port: Some(server.address.port()),
            security: SmtpSecurity::None,
            username: Some("procession".into()),
            password: secret("mail-s3cret"),
            from: "procession@example.org".into(),
        }),
        channels: None,
    };
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let mut said = vec![format!("{settings:?}")];
    // For all threads, so that what the libraries log in tasks of their own is there too; and what other tests log,
    // which know none of these secrets.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    for allowed in [receiver.allowed(), Vec::new()] {
        let notifications = notifications(settings.clone(), &allowed);
        for (channel, body) in [
            ("slack", "nothing at /services/slack-s3cret"),
            ("webhook", "user p4ssword may not /hook?token=query-s3cret"),
            ("email", ""),
        ] {
            receiver.answer([Answer { body, ..Answer::status(500) }]);
            let message = Message { recipients: vec!["ada@example.org".into()], ..message(channel) };
            let failure = notifications.send(&message).await.unwrap_err();
            said.push(format!("{failure} {failure:?}"));
        }
    }
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("a notification was not accepted"), "{logged}");
    for hidden in ["slack-s3cret", "query-s3cret", "p4ssword", "c2VjcmV0", "mail-s3cret"] {
        assert!(!logged.contains(hidden), "{hidden} is in the log:\n{logged}");
        assert!(!said.concat().contains(hidden), "{hidden} is in a message:\n{said:?}");
    }
}
