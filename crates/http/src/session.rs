//! The session of a request: who asks.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, header, request::Parts},
};
use procession_application::{
    access::{Principal, UseCase, Via},
    ports::Origin,
};
use tower_http::request_id::RequestId;

use crate::{
    HttpState,
    auth::{Admitted, Bearer, RenewedCookie, bearer, client_address, cookie_session, cookie_token, is_same_origin},
    problem::{Code, Problem},
    state::App,
};

/// How much is kept of what a client calls itself, in characters.
const LONGEST_AGENT: usize = 256;

/// Who asks.
#[derive(Clone)]
pub(crate) struct Session {
    pub principal: Arc<Principal>,
    app: App,
    pub admitted: Admitted,
}

impl Session {
    /// Refuses who may not do this at all, before the ids and the body of the request are looked at (spec 4b 1.3 asks for
    /// that order). The use case itself decides, and decides again.
    pub fn check(&self, use_case: UseCase) -> Result<(), Problem> {
        Ok(self.app.look_at(&self.principal, use_case)?)
    }
}

impl FromRequestParts<HttpState> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let app = App::of(state)?;
        let cookie = cookie_token(&parts.headers);
        let sent = cookie_session(&parts.headers).or(cookie);
        let (credential, by_cookie) = match (bearer(&parts.headers), sent) {
            (Bearer::Token(token), _) => (token, false),
            (Bearer::Absent, Some(cookie)) => (cookie, true),
            (Bearer::Unreadable, _) | (Bearer::Absent, None) => return Err(not_authenticated()),
        };
        let known = app.shell().sessions.find(&app, credential).await?;
        let known = known.ok_or_else(|| Problem::no_session("Could not validate credentials"))?;
        if by_cookie && !parts.method.is_safe() && !is_same_origin(&parts.headers) {
            let detail = "a change by the cookie must come from a page of this server (Origin)";
            return Err(Problem { code: Code::CrossOrigin, ..Problem::forbidden(detail) });
        }
        if cookie == Some(credential)
            && known.token.is_some()
            && let Some(renewed) = parts.extensions.get::<RenewedCookie>()
        {
            renewed.renew(credential);
        }
        let admitted = Admitted::new(known, credential);
        let principal = Arc::clone(&admitted.known.principal);
        let principal = if parts.method.is_safe() {
            principal
        } else {
            // What changes something is written down with where it came from.
            Arc::new((*principal).clone().coming_from(origin_of(parts, state)))
        };
        let principal = if by_cookie { Arc::new((*principal).clone().by(Via::Cookie)) } else { principal };
        Ok(Self { principal, app, admitted })
    }
}

/// From where a request comes.
pub(crate) fn origin_of(parts: &Parts, state: &HttpState) -> Origin {
    let text = |value: &HeaderValue| value.to_str().ok().map(|text| text.chars().take(LONGEST_AGENT).collect());
    let request_id = parts.extensions.get::<RequestId>().map(RequestId::header_value);
    Origin {
        address: Some(client_address(parts, &state.shell().settings.trusted_proxies)),
        user_agent: parts.headers.get(header::USER_AGENT).and_then(text),
        request_id: request_id.and_then(text),
        trace: parts.headers.get("traceparent").and_then(|value| value.to_str().ok()?.parse().ok()),
    }
}

fn not_authenticated() -> Problem {
    Problem::no_session("Not authenticated")
}
