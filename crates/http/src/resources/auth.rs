//! Logging in, and who is logged in (spec 4, auth; 4b 2.2).

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
};
use procession_application::access::{AccessFailure, Permission, SessionMark, UseCase};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    HttpState,
    auth::{bearer, cookie_token, ended_cookie},
    extract::{Address, Form, Parameters, Public, Query, ReadParameters},
    problem::Problem,
    session::Session,
    state::App,
};

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(log_in))
        .routes(routes!(log_in_as_oauth))
        .routes(routes!(log_out))
        .routes(routes!(log_out_everywhere))
        .routes(routes!(mode))
        .routes(routes!(validate))
        .routes(routes!(request_email_code))
        .routes(routes!(verify_email_code))
        .routes(routes!(me))
}

/// A login with a password. The other fields of OAuth forms (`scope`, `client_id`, `client_secret`) are taken and mean
/// nothing.
#[derive(ToSchema)]
struct LoginRequest {
    /// The user name.
    #[schema(example = "admin")]
    username: String,
    /// The password.
    #[schema(write_only, format = Password, example = "correct horse")]
    password: String,
    /// `password`, if it is given.
    #[schema(example = "password")]
    grant_type: Option<String>,
}

/// A session.
#[derive(Serialize, ToSchema)]
struct TokenResponse {
    /// Send it as `Authorization: Bearer …`; its claim `exp` says until when it is valid.
    #[schema(example = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJl")]
    access_token: String,
    /// Always `bearer`.
    #[schema(example = "bearer")]
    token_type: &'static str,
}

/// How users log in to this server.
#[derive(Debug, Serialize, ToSchema)]
struct ModeResponse {
    /// Whether email codes are offered: never, so far.
    #[schema(example = false)]
    email_auth_enabled: bool,
    /// Whether there is an administrator.
    #[schema(example = true)]
    setup_completed: bool,
}

/// The token to check, where no header and no cookie holds one.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct ValidateParameters {
    /// The token.
    token: Option<String>,
}

/// A valid token.
#[derive(Debug, Serialize, ToSchema)]
struct ValidateResponse {
    /// Always `valid`.
    #[schema(example = "valid")]
    status: &'static str,
    /// The user name.
    #[schema(example = "ann")]
    user: String,
}

/// Who wants a code by email.
#[derive(Deserialize, ToSchema)]
struct EmailCodeRequest {
    /// The address.
    #[schema(example = "ann@example.com")]
    #[serde(rename = "email")]
    _email: String,
}

/// A code that was sent by email.
#[derive(Deserialize, ToSchema)]
struct EmailLoginRequest {
    /// The address.
    #[schema(example = "ann@example.com")]
    #[serde(rename = "email")]
    _email: String,
    /// The six digits.
    #[schema(example = "123456")]
    #[serde(rename = "code")]
    _code: String,
}

/// Who is logged in.
#[derive(Debug, Serialize, ToSchema)]
struct MeResponse {
    /// The user name.
    #[schema(example = "ann")]
    username: String,
    /// The email address.
    #[schema(example = "ann@example.com")]
    email: Option<String>,
    /// Always null: users have no other name here.
    name: Option<String>,
    /// Always null.
    picture: Option<String>,
    /// The role as it is stored.
    #[schema(example = "designer")]
    role: String,
    /// The role towards processes.
    #[schema(example = "process_designer")]
    process_role: &'static str,
    /// What the session may do; an API key may be limited to less than its user may.
    #[schema(example = json!(["process:read", "execution:view"]))]
    permissions: Vec<&'static str>,
}

/// Logs in with a password, by a form.
#[utoipa::path(
    post, path = "/api/token", tag = "access", security(()),
    request_body(content(
        (LoginRequest = "application/x-www-form-urlencoded"),
        (LoginRequest = "multipart/form-data"),
    )),
    responses(
        (status = 200, description = "A token", body = TokenResponse),
        (status = 401, description = "Wrong user name or password"),
        (status = 403, description = "The one-time set-up comes first (`setup_required`)"),
        (status = 422, description = "Not a form, or a field is missing"),
        (status = 429, description = "Too many failed attempts from this address or at this account, or too many logins at once; `Retry-After` says how long to wait"),
    ),
)]
async fn log_in(app: App, address: Address, form: Form) -> Result<Json<TokenResponse>, Problem> {
    let LoginRequest { username, password, grant_type: _ } = LoginRequest::read(form)?;
    let access_token = token_for(&app, &username, &password, &address).await?;
    Ok(Json(TokenResponse { access_token, token_type: "bearer" }))
}

/// A token for whoever has this name and password.
pub(super) async fn token_for(app: &App, username: &str, password: &str, address: &Address) -> Result<String, Problem> {
    let user = app.access.log_in(username, password, &address.0).await.inspect_err(|failure| {
        if matches!(failure, AccessFailure::WrongPassword | AccessFailure::TooManyAttempts(_)) {
            tracing::warn!(address = address.0, "a login was refused");
        }
    })?;
    app.shell().sessions.tokens().make(&user.name, SessionMark::of(&user), app.now()).map_err(|error| {
        tracing::error!(%error, "a token can't be signed");
        Problem::internal()
    })
}

/// Logs in with a password: the same as `/api/token`, for OAuth clients that expect it here.
#[utoipa::path(
    post, path = "/token", tag = "access", security(()),
    request_body(content(
        (LoginRequest = "application/x-www-form-urlencoded"),
        (LoginRequest = "multipart/form-data"),
    )),
    responses(
        (status = 200, description = "A token", body = TokenResponse),
        (status = 401, description = "Wrong user name or password"),
        (status = 403, description = "The one-time set-up comes first (`setup_required`)"),
        (status = 422, description = "Not a form, or a field is missing"),
        (status = 429, description = "Too many failed attempts from this address or at this account, or too many logins at once; `Retry-After` says how long to wait"),
    ),
)]
async fn log_in_as_oauth(app: App, address: Address, form: Form) -> Result<Json<TokenResponse>, Problem> {
    log_in(app, address, form).await
}

/// The answer to a log-out, which has browsers forget the cookie.
type LoggedOut = (StatusCode, [(HeaderName, HeaderValue); 1]);

/// Ends this session: its token is good for nothing from now on.
#[utoipa::path(
    post, path = "/api/auth/logout", tag = "access",
    responses((status = 204, description = "It has ended", headers(("Set-Cookie" = String, description = "Takes the cookie away")))),
)]
async fn log_out(app: App, session: Session) -> Result<LoggedOut, Problem> {
    session.check(UseCase::EndSession)?;
    if let Some(token) = &session.admitted.known.token {
        app.access.end_session(&session.principal, (**token).clone()).await?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, ended_cookie())]))
}

/// Ends this session and all others of the same user, on whatever machine. Tokens that a platform has made are the
/// platform's to end, but for this one.
#[utoipa::path(
    post, path = "/api/auth/logout-everywhere", tag = "access",
    responses((status = 204, description = "They have ended", headers(("Set-Cookie" = String, description = "Takes the cookie away")))),
)]
async fn log_out_everywhere(app: App, session: Session) -> Result<LoggedOut, Problem> {
    session.check(UseCase::EndSession)?;
    app.access.end_sessions(&session.principal).await?;
    log_out(app, session).await
}

/// How users log in to this server.
#[utoipa::path(
    get, path = "/api/auth/mode", tag = "access", security(()),
    responses((status = 200, description = "Which ways there are to log in", body = ModeResponse)),
)]
async fn mode(app: App) -> Result<Json<ModeResponse>, Problem> {
    Ok(Json(ModeResponse { email_auth_enabled: false, setup_completed: app.access.is_set_up().await? }))
}

/// Whether a token is valid, for reverse proxies: that of the header, of the cookie, or of the query.
#[utoipa::path(
    get, path = "/api/auth/validate", tag = "access", params(ValidateParameters),
    responses(
        (status = 200, description = "It is valid", body = ValidateResponse),
        (status = 401, description = "There is none, or it is not valid (any more)"),
    ),
)]
async fn validate(
    app: App,
    headers: HeaderMap,
    Query(parameters): Query<ValidateParameters>,
) -> Result<Json<ValidateResponse>, Problem> {
    let sent = bearer(&headers).token().or_else(|| cookie_token(&headers));
    let token = sent.or(parameters.token.as_deref()).ok_or_else(|| Problem::no_session("No token provided"))?;
    let known = app.shell().sessions.find(&app, token).await?;
    let known = known.ok_or_else(|| Problem::no_session("Invalid token"))?;
    Ok(Json(ValidateResponse { status: "valid", user: known.principal.name().to_owned() }))
}

/// Would send a code by email; this server logs in by password only.
#[utoipa::path(
    post, path = "/api/auth/email/request", tag = "access", security(()), request_body = EmailCodeRequest,
    responses(
        (status = 403, description = "Email codes are not offered (`/api/auth/mode` says so)"),
        (status = 422, description = "Malformed body"),
    ),
)]
async fn request_email_code(app: App, _: Public<EmailCodeRequest>) -> Result<(), Problem> {
    refuse_email(&app).await
}

/// Would log in with a code that was sent by email; this server logs in by password only.
#[utoipa::path(
    post, path = "/api/auth/email/verify", tag = "access", security(()), request_body = EmailLoginRequest,
    responses(
        (status = 403, description = "Email codes are not offered (`/api/auth/mode` says so)"),
        (status = 422, description = "Malformed body"),
    ),
)]
async fn verify_email_code(app: App, _: Public<EmailLoginRequest>) -> Result<(), Problem> {
    refuse_email(&app).await
}

/// Who is logged in, and what they may do.
#[utoipa::path(
    get, path = "/api/users/me", tag = "access",
    responses((status = 200, description = "The user behind the session", body = MeResponse)),
)]
async fn me(session: Session) -> Json<MeResponse> {
    let principal = &session.principal;
    let permissions = Permission::ALL.into_iter().filter(|permission| principal.may(*permission));
    Json(MeResponse {
        username: principal.name().to_owned(),
        email: principal.email().map(str::to_owned),
        name: None,
        picture: None,
        role: principal.stored_role().to_owned(),
        process_role: principal.role().as_str(),
        permissions: permissions.map(Permission::as_str).collect(),
    })
}

async fn refuse_email(app: &App) -> Result<(), Problem> {
    if !app.access.is_set_up().await? {
        return Err(AccessFailure::SetupRequired.into());
    }
    Err(Problem::forbidden("Email authentication is disabled"))
}

impl LoginRequest {
    fn read(mut form: Form) -> Result<Self, Problem> {
        let request = Self {
            username: form.required("username"),
            password: form.required("password"),
            grant_type: form.text("grant_type"),
        };
        if request.grant_type.as_deref().is_some_and(|grant| grant != "password") {
            form.refuse("grant_type", "must be password");
        }
        form.check()?;
        Ok(request)
    }
}

impl ReadParameters for ValidateParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self { token: parameters.text("token") }
    }
}
