//! The two cookies of same-origin pages. `session` is the console's: no script can read it. `token` is the existing
//! frontend's, which sets it for half an hour and never renews it, so the server does with every answer
//! (spec 4b 18.A.14).

use std::sync::{Arc, OnceLock};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use procession_domain::value::Duration;

/// How long the cookie `token` lives without being renewed, in seconds: what the frontend gives it.
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

/// The token in the cookie `token`.
pub(crate) fn cookie_token(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, "token")
}

/// The token in the cookie `session`.
pub(crate) fn cookie_session(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, "session")
}

fn cookie<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value).filter(|value| !value.is_empty())
}

/// The cookie `session` with this token, for as long as the token is good; sent over TLS only, if it came so.
pub(crate) fn session_cookie(token: &str, lifetime: Duration, headers: &HeaderMap) -> String {
    let by_tls = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    let secure = if by_tls { "; Secure" } else { "" };
    format!("session={token}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{secure}", lifetime.as_secs())
}

/// Has browsers forget the cookie `session`.
pub(crate) const NO_SESSION: &str = "session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict";

/// Whether a browser says that the request comes from a page of this server. `Host` may be a proxy's; what browsers say
/// in `Sec-Fetch-Site` no page can change.
pub(crate) fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(&header::ORIGIN).and_then(|origin| origin.split_once("://")) else { return false };
    let is_own_host = text(&header::HOST).is_some_and(|host| host.eq_ignore_ascii_case(origin.1));
    is_own_host || headers.get("sec-fetch-site") == Some(&HeaderValue::from_static("same-origin"))
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
