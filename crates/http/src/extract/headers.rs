//! Headers: `If-Match`, `Idempotency-Key`, and the address of the client.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts, uri::Authority},
};

use procession_application::definitions::ExpectedRevision;

use crate::{
    HttpState,
    auth::client_address,
    problem::{Code, FieldError, Problem},
};

/// The revisions on which a change was made (`If-Match`); `None` = any.
pub(crate) struct IfMatch(Option<Vec<u32>>);

/// The key that makes repeated starts one.
pub(crate) struct IdempotencyHeader(pub Option<String>);

/// Where a request comes from, as far as that is known.
pub(crate) struct Address(pub String);

/// The address of this server as the client knows it, such as `https://procession.example.com`.
pub(crate) struct Origin(String);

/// The longest `Idempotency-Key`.
const LONGEST_KEY: usize = 255;

/// A revision that nothing has: a tag that is none of ours fits nothing.
const NO_REVISION: u32 = 0;

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        // It is shown to who sent it, and decides nothing.
        let scheme = if text("x-forwarded-proto") == Some("https") { "https" } else { "http" };
        let host = text("host").or_else(|| parts.uri.authority().map(Authority::as_str)).unwrap_or("localhost");
        Ok(Self(format!("{scheme}://{host}")))
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl IfMatch {
    /// The revision on which a change was made, which the body may name too.
    pub fn expected(self, in_body: Option<u32>) -> ExpectedRevision {
        let named = [self.0, in_body.map(|revision| vec![revision])];
        named.into_iter().flatten().fold(ExpectedRevision::default(), ExpectedRevision::one_of)
    }

    fn of(headers: &HeaderMap) -> Self {
        let mut revisions = Vec::new();
        for value in headers.get_all(header::IF_MATCH) {
            for tag in value.to_str().unwrap_or_default().split(',') {
                let tag = tag.trim();
                if tag == "*" {
                    return Self(None);
                }
                // Proxies that compress make tags weak.
                let bare = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"');
                revisions.push(bare.parse().unwrap_or(NO_REVISION));
            }
        }
        Self(headers.contains_key(header::IF_MATCH).then_some(revisions))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self::of(&parts.headers))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyHeader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        match value.to_str() {
            Ok(key) if key.trim().is_empty() => Ok(Self(None)),
            Ok(key) if key.len() <= LONGEST_KEY => Ok(Self(Some(key.to_owned()))),
            Ok(_) | Err(_) => {
                let error = FieldError::new("Idempotency-Key", "must be at most 255 printable ASCII characters");
                Err(Problem::fields(Code::InvalidQuery, "a header does not fit", &[error]))
            }
        }
    }
}

impl FromRequestParts<HttpState> for Address {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let address = client_address(parts, &state.shell().settings.trusted_proxies);
        Ok(Self(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_names_revisions_in_the_spellings_that_proxies_leave() {
        let read =
            |value: &'static str| IfMatch::of(&HeaderMap::from_iter([(header::IF_MATCH, value.parse().unwrap())])).0;
        for (value, revisions) in [
            ("\"3\"", Some(vec![3])),
            ("W/\"3\"", Some(vec![3])),
            ("\"2\", \"4\"", Some(vec![2, 4])),
            ("*", None),
            ("\"other\"", Some(vec![0])),
        ] {
            assert_eq!(read(value), revisions, "{value}");
        }
        assert_eq!(IfMatch::of(&HeaderMap::new()).0, None);
    }
}
