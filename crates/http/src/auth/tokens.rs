//! Tokens: JWT with HS256 and the claims `sub`, `exp`, `mode`, the same as the platform's (spec 4b 2.2).

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use procession_application::access::{SessionMark, SessionToken};
use procession_domain::value::{Duration, Timestamp, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// Makes and checks tokens.
pub(crate) struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    lifetime: Duration,
}

/// What a token says.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Claims {
    sub: String,
    /// Seconds since 1970; some makers of tokens write fractions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exp: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    /// The user's id, in tokens of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uid: Option<UserId>,
    /// The generation of the user's sessions, in tokens of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    generation: Option<u32>,
}

impl Tokens {
    pub fn new(secret: &SecretString, lifetime: Duration) -> Self {
        let secret = secret.expose_secret().as_bytes();
        let mut validation = Validation::new(Algorithm::HS256);
        // The end is compared with our own clock, and other claims are the platform's business.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
            lifetime,
        }
    }

    /// A token for a user who has logged in with a password.
    pub fn make(&self, user: &str, mark: SessionMark, now: Timestamp) -> Result<String, jsonwebtoken::errors::Error> {
        let expires = now.saturating_add(self.lifetime).as_micros() / 1_000_000;
        let SessionMark { user: uid, generation } = mark;
        let jti = uuid::Uuid::new_v4();
        let claims = NewClaims { sub: user, exp: expires, mode: "admin", uid, generation, jti };
        encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }

    /// What a token says, if it is one of ours and has not ended.
    pub fn check(&self, token: &str, now: Timestamp) -> Option<SessionToken> {
        let claims = decode::<Claims>(token, &self.decoding, &self.validation).ok()?.claims;
        let expires_at = claims.exp.map(to_time);
        let is_good = !claims.sub.is_empty() && expires_at.is_none_or(|end| now < end);
        let mark = claims.uid.map(|user| SessionMark { user, generation: claims.generation.unwrap_or_default() });
        let hash = blake3::hash(token.as_bytes()).into();
        is_good.then_some(SessionToken { hash, user: claims.sub, mark, expires_at })
    }
}

/// The claims of a new token, in the platform's order.
#[derive(Serialize)]
struct NewClaims<'a> {
    sub: &'a str,
    exp: i64,
    mode: &'a str,
    uid: UserId,
    generation: u32,
    /// Two log-ins of one second are two sessions, and end one by one.
    jti: uuid::Uuid,
}

#[expect(clippy::cast_possible_truncation, reason = "float casts saturate, and a far end is no end")]
fn to_time(seconds: f64) -> Timestamp {
    Timestamp::from_micros((seconds * 1e6) as i64)
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::Index, test_runner::RngSeed};
    use serde_json::json;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn tokens(secret: &str) -> Tokens {
        Tokens::new(&secret.to_owned().into(), Duration::from_secs(60))
    }

    #[test]
    fn a_token_is_good_until_its_end_and_for_its_own_key_only() {
        let mark = SessionMark { user: UserId::new(uuid::Uuid::from_u128(7)), generation: 3 };
        let token = tokens("a secret").make("ann", mark, at(1_000)).unwrap();
        let checked = tokens("a secret").check(&token, at(1_059)).unwrap();
        assert_eq!((checked.user.as_str(), checked.mark, checked.expires_at), ("ann", Some(mark), Some(at(1_060))));
        assert_ne!(tokens("a secret").make("ann", mark, at(1_000)).unwrap(), token);
        assert_eq!(tokens("a secret").check(&token, at(1_060)), None);
        assert_eq!(tokens("another").check(&token, at(1_000)), None);
        assert_eq!(tokens("a secret").check(&format!("{token}x"), at(1_000)), None);
    }

    #[test]
    fn tokens_of_the_platform_are_taken_and_unsigned_ones_are_not() {
        let key = EncodingKey::from_secret(b"shared");
        let made = |algorithm, claims| encode(&Header::new(algorithm), &claims, &key).unwrap();
        let checks = |token: &str| tokens("shared").check(token, at(1_000)).map(|checked| checked.user);
        let claims = json!({"sub": "ann", "exp": 2_000, "mode": "email", "aud": "x", "iss": "platform"});
        assert_eq!(checks(&made(Algorithm::HS256, claims)).as_deref(), Some("ann"));
        assert_eq!(checks(&made(Algorithm::HS256, json!({"sub": "ann"}))).as_deref(), Some("ann"));
        assert_eq!(checks(&made(Algorithm::HS256, json!({"sub": "", "exp": 2_000}))), None);
        assert_eq!(checks(&made(Algorithm::HS384, json!({"sub": "ann", "exp": 2_000}))), None);
        // {"alg":"none"} and {"sub":"ann"}
        assert_eq!(checks("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ."), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, rng_seed: RngSeed::Fixed(17), failure_persistence: None, ..Default::default() })]

        #[test]
        fn no_damaged_token_is_taken(
            changes in prop::collection::vec((any::<Index>(), 0_usize..9, "[A-Za-z0-9_.=-]{0,9}|\\PC{0,3}"), 1..5)
        ) {
            let mark = SessionMark { user: UserId::new(uuid::Uuid::from_u128(7)), generation: 3 };
            let sound = tokens("a secret").make("ann", mark, at(1_000)).unwrap();
            let mut characters: Vec<char> = sound.chars().collect();
            for (place, taken, put) in changes {
                let from = place.index(characters.len() + 1);
                let to = (from + taken).min(characters.len());
                characters.splice(from..to, put.chars());
            }
            let damaged: String = characters.into_iter().collect();
            let checked = tokens("a secret").check(&damaged, at(1_001));
            prop_assert!(damaged == sound || checked.is_none(), "{}", damaged);
        }

        #[test]
        fn no_text_is_a_token(text in "\\PC{0,200}") {
            prop_assert_eq!(tokens("a secret").check(&text, at(1_000)), None);
        }
    }
}
