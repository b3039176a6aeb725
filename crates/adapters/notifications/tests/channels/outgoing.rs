//! Outgoing webhooks: signed, sent once, and told apart by what came of them (spec 5.6).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use procession_application::{
    notifications::NotificationSettings,
    ports::{WebhookPost, WebhookSender as _},
};
use procession_domain::value::Duration;
use sha2::Sha256;

use crate::{
    receiver::{Answer, Receiver},
    support::notifications,
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn post(url: String) -> WebhookPost {
    WebhookPost {
        url,
        secret: Some(SECRET.to_owned()),
        id: "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33".to_owned(),
        body: b"{\"event\":\"process_completed\"}".to_vec(),
        timeout: Duration::from_millis(500),
    }
}

#[tokio::test]
async fn a_request_carries_its_id_and_a_signature_that_others_can_verify() {
    let receiver = Receiver::start().await;
    let sent =
        notifications(NotificationSettings::default(), &receiver.allowed()).post(&post(receiver.url("/hook"))).await;
    assert_eq!(sent, Ok(200));
    let [request] = receiver.requests().try_into().unwrap();
    let header = |name: &str| request.headers[name].to_str().unwrap();
    assert_eq!(header("webhook-id"), "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33");
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(&SECRET[6..]).unwrap()).unwrap();
    mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    mac.update(&request.body);
    assert_eq!(header("webhook-signature"), format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
}

#[tokio::test]
async fn what_another_try_may_help_is_told_from_what_it_will_not() {
    let receiver = Receiver::start().await;
    let notifications = notifications(NotificationSettings::default(), &receiver.allowed());
    let later = Answer { headers: vec![("retry-after", "7".into())], ..Answer::status(503) };
    let away = Answer { headers: vec![("location", "https://elsewhere.example".into())], ..Answer::status(302) };
    for (answer, status, is_final) in
        [(later, 503, false), (Answer::status(404), 404, false), (Answer::status(410), 410, true), (away, 302, true)]
    {
        receiver.answer([answer]);
        let failure = notifications.post(&post(receiver.url("/hook/t0ken-in-the-path"))).await.unwrap_err();
        assert_eq!((failure.status, failure.is_final), (Some(status), is_final), "{failure}");
        assert!(!failure.message.contains("t0ken"), "{failure}");
        assert_eq!(failure.retry_after, (status == 503).then(|| Duration::from_secs(7)));
    }
    receiver.answer([Answer { silent: true, ..Answer::default() }]);
    let failure = notifications.post(&post(receiver.url("/hook"))).await.unwrap_err();
    assert_eq!((failure.status, failure.is_final), (None, false), "{failure}");
}

#[tokio::test]
async fn private_addresses_and_bad_secrets_are_refused_for_good() {
    let receiver = Receiver::start().await;
    let closed = notifications(NotificationSettings::default(), &[]);
    let failure = closed.post(&post(receiver.url("/hook"))).await.unwrap_err();
    assert!(failure.is_final && failure.message.contains("outgoing.allow"), "{failure}");
    let open = notifications(NotificationSettings::default(), &receiver.allowed());
    let bad = WebhookPost { secret: Some("whsec_!!".into()), ..post(receiver.url("/hook")) };
    let failure = open.post(&bad).await.unwrap_err();
    assert!(failure.is_final && !failure.message.contains("!!"), "{failure}");
    assert!(receiver.requests().is_empty());
}
