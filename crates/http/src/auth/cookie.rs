//! The cookie `token` of same-origin pages. The existing frontend sets it for half an hour and never renews it, so the
//! server does with every answer (spec 4b 18.A.14).

use std::sync::{Arc, OnceLock};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::Response,
};

/// How long the cookie lives without being renewed, in seconds: what the frontend gives it.
const LIFETIME: u32 = 1_800;

/// Where a session notes that its cookie is to be renewed.
#[derive(Debug, Clone, Default)]
pub(crate) struct RenewedCookie(Arc<OnceLock<HeaderValue>>);

impl RenewedCookie {
    /// Has the answer renew the cookie. Pages must be able to delete it, so it is readable for them.
    pub fn renew(&self, token: &str) {
        if let Ok(value) = format!("token={token}; Path=/; Max-Age={LIFETIME}; SameSite=Strict").parse() {
            let _ = self.0.set(value);
        }
    }
}

/// What has a browser forget the cookie.
pub(crate) const fn ended_cookie() -> HeaderValue {
    HeaderValue::from_static("token=; Path=/; Max-Age=0; SameSite=Strict")
}

/// The token in the cookie.
pub(crate) fn cookie_token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == "token").map(|(_, value)| value).filter(|value| !value.is_empty())
}

/// Renews the cookie of requests whose session says so.
pub(crate) async fn renew_cookie(mut request: Request, next: Next) -> Response {
    if cookie_token(request.headers()).is_none() {
        return next.run(request).await;
    }
    let renewed = RenewedCookie::default();
    request.extensions_mut().insert(renewed.clone());
    let mut response = next.run(request).await;
    if let Some(cookie) = renewed.0.get()
        && !response.headers().contains_key(header::SET_COOKIE)
    {
        response.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    response
}
