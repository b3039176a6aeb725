//! Whether a call of a webhook is let in (spec 5.7): by a secret that it shows, or by a signature made with it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use procession_domain::value::{Duration, Timestamp};
use sha2::Sha256;

/// How far the time of a signed message may be from the server's.
const WINDOW: Duration = Duration::from_secs(300);

/// What marks a secret that is base64.
const BASE64_SECRET: &str = "whsec_";

/// The longest id of a message.
const LONGEST_ID: usize = 255;

/// How a caller was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LetIn {
    /// It showed the secret, or the webhook asks for none.
    Plain,
    /// It signed a message, which has this id if its sender gave it one; each is taken once.
    Signed(Option<String>),
}

/// Why a caller is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotLetIn {
    /// It shows nothing.
    #[error("Webhook secret required")]
    Missing,
    /// It shows another secret, or its signature is of another one.
    #[error("Invalid webhook secret")]
    Wrong,
    /// Its signature is right, and too old or of the future.
    #[error("the webhook's signature is more than five minutes old, or the sender's clock is wrong")]
    Outdated,
}

/// Whether a call with these headers and this body is let in by a secret.
pub(super) fn check(
    secret: &str,
    header: impl Fn(&str) -> Option<String>,
    body: &[u8],
    now: Timestamp,
) -> Result<LetIn, NotLetIn> {
    if let Some(shown) = header("x-webhook-secret") {
        // Hashes are compared in constant time.
        let is_same = blake3::hash(shown.as_bytes()) == blake3::hash(secret.as_bytes());
        return if is_same { Ok(LetIn::Plain) } else { Err(NotLetIn::Wrong) };
    }
    let key = key_of(secret).ok_or(NotLetIn::Wrong)?;
    if let Some(signatures) = header("webhook-signature") {
        let (Some(id), Some(time)) = (header("webhook-id"), header("webhook-timestamp")) else {
            return Err(NotLetIn::Wrong);
        };
        return standard(&key, &id, &time, &signatures, body, now);
    }
    if let Some(signature) = header("x-hub-signature-256") {
        let given = signature.strip_prefix("sha256=").and_then(|digits| hex::decode(digits).ok());
        let given = given.ok_or(NotLetIn::Wrong)?;
        if !is_signed(&key, &[body], &given) {
            return Err(NotLetIn::Wrong);
        }
        let id = header("x-github-delivery").filter(|id| !id.is_empty() && id.len() <= LONGEST_ID);
        return Ok(LetIn::Signed(id));
    }
    Err(NotLetIn::Missing)
}

/// By the Standard Webhooks scheme: one of several signatures has to fit, since secrets are changed.
fn standard(
    key: &[u8],
    id: &str,
    time: &str,
    signatures: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<LetIn, NotLetIn> {
    let mut given = signatures.split_whitespace().filter_map(|signature| signature.strip_prefix("v1,"));
    let content: [&[u8]; 5] = [id.as_bytes(), b".", time.as_bytes(), b".", body];
    let fits = |signature: &str| STANDARD.decode(signature).is_ok_and(|given| is_signed(key, &content, &given));
    if id.is_empty() || id.len() > LONGEST_ID || !given.any(fits) {
        return Err(NotLetIn::Wrong);
    }
    let seconds: i64 = time.parse().map_err(|_| NotLetIn::Wrong)?;
    let sent = Timestamp::from_micros(seconds.saturating_mul(1_000_000));
    if now.since(sent) > WINDOW || sent.since(now) > WINDOW {
        return Err(NotLetIn::Outdated);
    }
    Ok(LetIn::Signed(Some(id.to_owned())))
}

/// The bytes of a secret; `None` if it is not the base64 that it says it is.
fn key_of(secret: &str) -> Option<Vec<u8>> {
    match secret.strip_prefix(BASE64_SECRET) {
        Some(encoded) => STANDARD.decode(encoded).ok(),
        None => Some(secret.as_bytes().to_vec()),
    }
}

/// Whether this is the signature of these parts; compared in constant time.
fn is_signed(key: &[u8], parts: &[&[u8]], signature: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return false };
    for part in parts {
        mac.update(part);
    }
    mac.verify_slice(signature).is_ok()
}

#[cfg(test)]
#[path = "signatures_tests.rs"]
mod tests;
