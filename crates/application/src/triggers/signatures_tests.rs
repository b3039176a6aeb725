//! Who is let in, held against the published library of the Standard Webhooks scheme and GitHub's own example.

use standardwebhooks::Webhook;

use super::*;

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const BODY: &[u8] = br#"{"ticket": 7}"#;

fn now() -> Timestamp {
    "2026-11-21T09:00:00Z".parse().unwrap()
}

fn seconds(offset: i64) -> i64 {
    now().as_micros() / 1_000_000 + offset
}

fn signed(id: &str, seconds: i64) -> String {
    Webhook::new(SECRET).unwrap().sign(id, seconds, BODY).unwrap()
}

fn with(secret: &str, headers: &[(&str, String)], body: &[u8]) -> Result<LetIn, NotLetIn> {
    let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    check(secret, header, body, now())
}

fn standard_headers(id: &str, seconds: i64, signature: String) -> [(&'static str, String); 3] {
    [("webhook-id", id.to_owned()), ("webhook-timestamp", seconds.to_string()), ("webhook-signature", signature)]
}

#[test]
fn a_secret_is_shown_as_it_is() {
    for (secret, shown, expected) in [
        ("correct horse", "correct horse", Ok(LetIn::Plain)),
        ("correct horse", "correct hors", Err(NotLetIn::Wrong)),
        ("correct horse", "", Err(NotLetIn::Wrong)),
        (SECRET, SECRET, Ok(LetIn::Plain)),
    ] {
        assert_eq!(with(secret, &[("x-webhook-secret", shown.to_owned())], BODY), expected, "{shown}");
    }
    assert_eq!(with("correct horse", &[], BODY), Err(NotLetIn::Missing));
}

#[test]
fn a_message_signed_by_the_published_library_is_let_in_within_five_minutes() {
    for (offset, expected) in [
        (0, Ok(LetIn::Signed(Some("msg_1".to_owned())))),
        (-300, Ok(LetIn::Signed(Some("msg_1".to_owned())))),
        (300, Ok(LetIn::Signed(Some("msg_1".to_owned())))),
        (-301, Err(NotLetIn::Outdated)),
        (301, Err(NotLetIn::Outdated)),
    ] {
        let headers = standard_headers("msg_1", seconds(offset), signed("msg_1", seconds(offset)));
        assert_eq!(with(SECRET, &headers, BODY), expected, "{offset}");
    }
}

#[test]
fn what_is_signed_is_the_id_the_time_and_the_body() {
    let right = signed("msg_1", seconds(0));
    let refused = |id: &str, offset: i64, signature: String, body: &[u8]| {
        assert_eq!(with(SECRET, &standard_headers(id, seconds(offset), signature), body), Err(NotLetIn::Wrong));
    };
    refused("msg_2", 0, right.clone(), BODY);
    refused("msg_1", 1, right.clone(), BODY);
    refused("msg_1", 0, right.clone(), b"{}");
    refused("msg_1", 0, right.replace("v1,", "v2,"), BODY);
    refused("msg_1", 0, "v1,!!!".to_owned(), BODY);
    refused("msg_1", 0, String::new(), BODY);
    // A new secret and the one before it sign together for a while.
    let both = format!("v1,AAAA {right}");
    assert!(with(SECRET, &standard_headers("msg_1", seconds(0), both), BODY).is_ok());
    let other = "whsec_AAAAsBQIhrscChlQIMV+b5sSYspob7oD";
    assert_eq!(with(other, &standard_headers("msg_1", seconds(0), right.clone()), BODY), Err(NotLetIn::Wrong));
    let without_id = [("webhook-signature", right)];
    assert_eq!(with(SECRET, &without_id, BODY), Err(NotLetIn::Wrong));
}

#[test]
fn a_message_signed_as_github_does_is_let_in() {
    // The example of GitHub's documentation.
    let secret = "It's a Secret to Everybody";
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let headers =
        |signature: &str| [("x-hub-signature-256", signature.to_owned()), ("x-github-delivery", "72d3162e".to_owned())];
    let let_in = LetIn::Signed(Some("72d3162e".to_owned()));
    assert_eq!(with(secret, &headers(signature), b"Hello, World!"), Ok(let_in));
    for wrong in [
        signature.replace("757", "657"),
        signature.replace("sha256=", "sha1="),
        "sha256=".to_owned(),
        "sha256=75".to_owned(),
        signature.replace("75", "ä"),
        format!("{signature}0"),
    ] {
        assert_eq!(with(secret, &headers(&wrong), b"Hello, World!"), Err(NotLetIn::Wrong), "{wrong}");
    }
    assert_eq!(with(secret, &headers(signature), b"Hello, World"), Err(NotLetIn::Wrong));
}

#[test]
fn a_secret_that_is_no_base64_lets_nobody_in_by_a_signature() {
    let headers = standard_headers("msg_1", seconds(0), signed("msg_1", seconds(0)));
    assert_eq!(with("whsec_!!!", &headers, BODY), Err(NotLetIn::Wrong));
}
