//! Who is behind a token, a key or a cookie (spec 4, auth; 4b 2.2). What they may do, the application says.

mod address;
mod cookie;
mod sessions;
mod tokens;

pub(crate) use address::client_address;
pub(crate) use cookie::{
    NO_SESSION, RenewedCookie, cookie_session, cookie_token, ended_cookie, is_same_origin, renew_cookie, session_cookie,
};
pub(crate) use sessions::{Admitted, Sessions};
pub(crate) use tokens::Tokens;

use axum::http::{HeaderMap, header};

/// What an `Authorization` header holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bearer<'a> {
    /// There is none.
    Absent,
    /// Something that is no token.
    Unreadable,
    /// A token or key.
    Token(&'a str),
}

impl<'a> Bearer<'a> {
    /// The token or key, if there is one.
    pub const fn token(self) -> Option<&'a str> {
        match self {
            Self::Token(token) => Some(token),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

/// What the `Authorization` header holds.
pub(crate) fn bearer(headers: &HeaderMap) -> Bearer<'_> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Bearer::Absent };
    let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).unwrap_or_default();
    match token.trim() {
        token if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() => Bearer::Token(token),
        _ => Bearer::Unreadable,
    }
}
