//! Signatures by the Standard Webhooks scheme: who knows the secret can tell that a message is ours, whole and recent.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use procession_domain::value::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Why a message can't be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The secret says that base64 follows, but it does not.
    #[error("the secret begins with whsec_ but no base64 follows")]
    Secret,
    /// The id can't stand in a header.
    #[error("the delivery's id has characters that are not allowed in a header")]
    Id,
}

/// The headers of a message: its id, the time in seconds, and, where there is a secret, the signature of both and the
/// body. A secret is `whsec_` and base64, or any other text, whose bytes are the key.
///
/// # Errors
/// When the secret or the id does not do.
pub fn headers(secret: Option<&str>, id: &str, now: Timestamp, body: &[u8]) -> Result<HeaderMap, SignatureError> {
    let seconds = now.as_micros().div_euclid(1_000_000);
    let mut headers = HeaderMap::new();
    headers.insert(ID, HeaderValue::from_str(id).map_err(|_| SignatureError::Id)?);
    headers.insert(TIMESTAMP, HeaderValue::from(seconds));
    if let Some(secret) = secret {
        let signature = format!("v1,{}", signature(&key(secret)?, id, seconds, body)?);
        headers.insert(SIGNATURE, HeaderValue::from_str(&signature).map_err(|_| SignatureError::Secret)?);
    }
    Ok(headers)
}

fn key(secret: &str) -> Result<Vec<u8>, SignatureError> {
    match secret.strip_prefix("whsec_") {
        Some(base64) => STANDARD.decode(base64).map_err(|_| SignatureError::Secret),
        None => Ok(secret.as_bytes().to_vec()),
    }
}

fn signature(key: &[u8], id: &str, seconds: i64, body: &[u8]) -> Result<String, SignatureError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| SignatureError::Secret)?;
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    Ok(STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use standardwebhooks::Webhook;

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000 + 999_999)
    }

    #[test]
    fn the_published_example_is_reproduced() {
        let headers =
            headers(Some(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", at(1_614_265_330), br#"{"test": 2432232314}"#)
                .unwrap();
        assert_eq!(headers["webhook-timestamp"], "1614265330");
        assert_eq!(headers["webhook-signature"], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn the_projects_own_library_makes_the_same_signatures() {
        for (secret, theirs) in
            [(SECRET, Webhook::new(SECRET).unwrap()), ("any text", Webhook::from_bytes(b"any text".to_vec()).unwrap())]
        {
            for (id, body) in [("a/b/1", "{}"), ("x", "{\"message\":\"ä\\u0000🎉\"}"), ("", "")] {
                let ours = headers(Some(secret), id, at(1_790_000_000), body.as_bytes()).unwrap();
                assert_eq!(ours["webhook-signature"], theirs.sign(id, 1_790_000_000, body.as_bytes()).unwrap());
            }
        }
    }

    #[test]
    fn without_a_secret_the_id_and_the_time_remain() {
        let headers = headers(None, "a", at(5), b"{}").unwrap();
        assert_eq!(headers.len(), 2);
        assert_eq!(headers["webhook-id"], "a");
    }

    #[test]
    fn bad_secrets_and_ids_are_refused_without_showing_them() {
        assert_eq!(headers(Some("whsec_!!"), "a", at(0), b""), Err(SignatureError::Secret));
        assert_eq!(headers(None, "a\nb", at(0), b""), Err(SignatureError::Id));
    }
}
