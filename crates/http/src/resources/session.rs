//! The console's session: a cookie that no script can read (spec 9.1).

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{AppendHeaders, IntoResponse},
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::auth;
use crate::{
    HttpState,
    auth::{NO_SESSION, cookie_session, session_cookie},
    extract::{Address, Public},
    problem::Problem,
    state::App,
};

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(begin_session, end_session))
}

/// Who wants a session.
#[derive(Deserialize, ToSchema)]
struct SessionRequest {
    /// The user name.
    #[schema(example = "admin")]
    username: String,
    /// The password.
    #[schema(write_only, format = Password, example = "correct horse")]
    password: String,
}

/// Logs in with a password. The answer sets the cookie `session`, which pages of this server send and no script can
/// read.
#[utoipa::path(
    post, path = "/api/session", tag = "access", security(()), request_body = SessionRequest,
    responses(
        (status = 204, description = "The session has begun",
            headers(("Set-Cookie" = String, description = "The cookie `session`"))),
        (status = 401, description = "Wrong user name or password"),
        (status = 403, description = "The one-time set-up comes first (`setup_required`)"),
        (status = 422, description = "Malformed body"),
        (status = 429, description = "Too many failed attempts from this address; `Retry-After` says how long to wait"),
    ),
)]
async fn begin_session(
    app: App,
    address: Address,
    headers: HeaderMap,
    Public(body): Public<SessionRequest>,
) -> Result<impl IntoResponse, Problem> {
    let token = auth::token_for(&app, &body.username, &body.password, &address).await?;
    let cookie = session_cookie(&token, app.shell().settings.token_lifetime, &headers);
    Ok((StatusCode::NO_CONTENT, AppendHeaders([(header::SET_COOKIE, cookie)])))
}

/// Logs out: the session in the cookie ends, and the browser forgets it.
#[utoipa::path(
    delete, path = "/api/session", tag = "access", security(()),
    responses(
        (status = 204, description = "The session has ended, if there was one",
            headers(("Set-Cookie" = String, description = "The cookie `session`, empty and expired"))),
    ),
)]
async fn end_session(app: App, headers: HeaderMap) -> Result<impl IntoResponse, Problem> {
    if let Some(credential) = cookie_session(&headers)
        && let Some(known) = app.shell().sessions.find(&app, credential).await?
        && let Some(token) = &known.token
    {
        app.access.end_session(&known.principal, (**token).clone()).await?;
    }
    Ok((StatusCode::NO_CONTENT, AppendHeaders([(header::SET_COOKIE, NO_SESSION)])))
}
