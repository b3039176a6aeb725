//! The session of a request: who asks, and whether they may.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, header, request::Parts},
};
use procession_application::{
    access::{Permission, Principal},
    ports::Role,
};

use super::cookie::{RenewedCookie, cookie_token};
use crate::{
    HttpState,
    problem::{Code, Problem},
    state::App,
};

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub principal: Arc<Principal>,
}

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

impl Session {
    pub fn new(principal: Arc<Principal>) -> Self {
        Self { principal }
    }

    /// The user name.
    pub fn user(&self) -> &str {
        self.principal.name()
    }

    /// Refuses who lacks a permission.
    pub fn require(&self, permission: Permission) -> Result<(), Problem> {
        if self.principal.may(permission) {
            return Ok(());
        }
        let role = self.principal.role();
        if role.permissions().contains(&permission) {
            let scope = permission.as_str();
            return Err(Problem::forbidden(format!("The API key is limited to scopes without {scope}")));
        }
        Err(Problem::lacks(role, permission))
    }

    /// Refuses who may see no executions, not even their own.
    pub fn require_view(&self) -> Result<(), Problem> {
        match self.principal.role() {
            Role::Viewer => Ok(()),
            Role::Admin | Role::Designer | Role::Operator | Role::Approver => self.require(Permission::ExecutionView),
        }
    }

    /// Refuses who may not see the executions that this user started.
    pub fn require_view_of(&self, user: Option<&str>) -> Result<(), Problem> {
        if self.principal.may_see_execution_of(user) {
            return Ok(());
        }
        self.require_view()?;
        Err(Problem::forbidden("Viewers can only see their own executions"))
    }

    /// Refuses everyone but administrators; a key of one only if its scopes say so.
    pub fn require_admin(&self, permission: Permission) -> Result<(), Problem> {
        match self.principal.role() {
            Role::Admin => self.require(permission),
            Role::Designer | Role::Operator | Role::Approver | Role::Viewer => Err(Problem::admins_only()),
        }
    }

    /// Refuses everyone but administrators, and all keys of theirs that are limited in any way: who writes users and keys
    /// could give itself every right.
    pub fn require_administrator(&self) -> Result<(), Problem> {
        match self.principal.role() {
            Role::Admin => Permission::ALL.into_iter().try_for_each(|permission| self.require(permission)),
            Role::Designer | Role::Operator | Role::Approver | Role::Viewer => Err(Problem::admins_only()),
        }
    }

    /// Refuses keys that are limited to something else than deciding approvals. Who is asked needs no permission
    /// (spec 3.5), but a key may do no more than its scopes say.
    pub fn require_own_voice(&self) -> Result<(), Problem> {
        let role = self.principal.role();
        let is_limited = role.permissions().iter().any(|permission| !self.principal.may(*permission));
        if is_limited && !self.principal.may(Permission::ApprovalDecide) {
            let scope = Permission::ApprovalDecide.as_str();
            return Err(Problem::forbidden(format!("The API key is limited to scopes without {scope}")));
        }
        Ok(())
    }
}

impl FromRequestParts<HttpState> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let app = App::of(state)?;
        let cookie = cookie_token(&parts.headers);
        let (credential, by_cookie) = match (bearer(&parts.headers), cookie) {
            (Bearer::Token(token), _) => (token, false),
            (Bearer::Absent, Some(cookie)) => (cookie, true),
            (Bearer::Unreadable, _) | (Bearer::Absent, None) => return Err(not_authenticated()),
        };
        let known = app.shell().sessions.find(&app, credential).await?;
        let known = known.ok_or_else(|| Problem::no_session("Could not validate credentials"))?;
        if by_cookie && !parts.method.is_safe() && !is_same_origin(&parts.headers) {
            let detail = "A change by the cookie must come from a page of this server (Origin)";
            return Err(Problem { code: Code::CrossOrigin, ..Problem::forbidden(detail) });
        }
        if cookie == Some(credential)
            && !known.by_key
            && let Some(renewed) = parts.extensions.get::<RenewedCookie>()
        {
            renewed.renew(credential);
        }
        Ok(Self::new(known.principal))
    }
}

fn not_authenticated() -> Problem {
    Problem::no_session("Not authenticated")
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

/// Whether a browser says that the request comes from a page of this server. `Host` may be a proxy's; what browsers say
/// in `Sec-Fetch-Site` no page can change.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(&header::ORIGIN).and_then(|origin| origin.split_once("://")) else { return false };
    let is_own_host = text(&header::HOST).is_some_and(|host| host.eq_ignore_ascii_case(origin.1));
    is_own_host || headers.get("sec-fetch-site") == Some(&HeaderValue::from_static("same-origin"))
}
