//! Users, for administrators (spec 8.1, `user …` at a running server).

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use procession_application::ports::{Role, User};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    HttpState,
    extract::{NamePath, Sent},
    problem::Problem,
    session::Session,
    state::App,
    wire::Time,
};

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(list_users, create_user))
        .routes(routes!(get_user, remove_user))
        .routes(routes!(set_role))
        .routes(routes!(set_password))
}

/// A user to create.
#[derive(Deserialize, ToSchema)]
struct UserRequest {
    /// The name they log in with: 1 to 128 characters.
    #[schema(example = "ann")]
    username: String,
    /// `admin`, `designer`, `operator`, `approver`, `viewer` or `user`.
    #[schema(example = "designer")]
    role: String,
    /// The email address.
    #[serde(default)]
    #[schema(example = "ann@example.com")]
    email: Option<String>,
    /// The password; a user without one can use API keys, or tokens of the platform.
    #[serde(default)]
    #[schema(write_only, format = Password, min_length = 8, example = "correct horse")]
    password: Option<String>,
}

/// Another role.
#[derive(Debug, Deserialize, ToSchema)]
struct RoleRequest {
    /// `admin`, `designer`, `operator`, `approver`, `viewer` or `user`.
    #[schema(example = "operator")]
    role: String,
}

/// Another password.
#[derive(Deserialize, ToSchema)]
struct PasswordRequest {
    /// At least 8 characters.
    #[schema(write_only, format = Password, min_length = 8, example = "correct horse")]
    password: String,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
struct UserResponse {
    id: Uuid,
    /// The name they log in with.
    #[schema(example = "ann")]
    username: String,
    /// The email address.
    #[schema(example = "ann@example.com")]
    email: Option<String>,
    /// The role as it is stored.
    #[schema(example = "designer")]
    role: String,
    /// The role towards processes.
    #[schema(example = "process_designer")]
    process_role: &'static str,
    /// Whether it can log in with a password.
    #[schema(example = true)]
    has_password: bool,
    created_at: Time,
    last_login: Option<Time>,
}

/// All users.
#[derive(Debug, Serialize, ToSchema)]
struct UserListResponse {
    /// By name.
    users: Vec<UserResponse>,
    /// How many there are.
    #[schema(example = 1)]
    total: usize,
}

/// Lists all users.
#[utoipa::path(
    get, path = "/api/users", tag = "access",
    responses(
        (status = 200, description = "All users, by name", body = UserListResponse),
        (status = 403, description = "For administrators"),
    ),
)]
async fn list_users(app: App, session: Session) -> Result<Json<UserListResponse>, Problem> {
    let users: Vec<UserResponse> =
        app.access.users(&session.principal).await?.into_iter().map(UserResponse::of).collect();
    Ok(Json(UserListResponse { total: users.len(), users }))
}

/// Creates a user.
#[utoipa::path(
    post, path = "/api/users", tag = "access", request_body = UserRequest,
    responses(
        (status = 201, description = "The user", body = UserResponse,
            headers(("Location" = String, description = "Where it is"))),
        (status = 403, description = "For administrators"),
        (status = 409, description = "The name or the address is taken"),
        (status = 422, description = "Malformed body, or the name, role, address or password is not valid"),
    ),
)]
async fn create_user(app: App, sent: Sent<UserRequest>) -> Result<Response, Problem> {
    let Sent { session, body } = sent;
    let UserRequest { username, role, email, password } = body;
    let email = email.filter(|email| !email.is_empty());
    let created = app.access.create_user(&session.principal, &username, &role, email, password.as_deref()).await?;
    let user = UserResponse::of(created);
    let location = HeaderValue::from_str(&format!("/api/users/{}", encoded(&user.username)));
    let mut response = (StatusCode::CREATED, Json(user)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Shows a user.
#[utoipa::path(
    get, path = "/api/users/{name}", tag = "access", params(("name" = String, Path, description = "The user name")),
    responses(
        (status = 200, description = "The user", body = UserResponse),
        (status = 403, description = "For administrators"),
        (status = 404, description = "No such user"),
    ),
)]
async fn get_user(app: App, session: Session, path: NamePath) -> Result<Json<UserResponse>, Problem> {
    Ok(Json(UserResponse::of(app.access.user(&session.principal, &path.0).await?)))
}

/// Changes a user's role. What they may do changes at once.
#[utoipa::path(
    put, path = "/api/users/{name}/role", tag = "access", request_body = RoleRequest,
    params(("name" = String, Path, description = "The user name")),
    responses(
        (status = 200, description = "The user", body = UserResponse),
        (status = 403, description = "For administrators"),
        (status = 404, description = "No such user"),
        (status = 409, description = "It is the only administrator"),
        (status = 422, description = "Malformed body, or there is no such role"),
    ),
)]
async fn set_role(app: App, path: NamePath, sent: Sent<RoleRequest>) -> Result<Json<UserResponse>, Problem> {
    let user = app.access.set_role(&sent.session.principal, &path.0, &sent.body.role).await?;
    Ok(Json(UserResponse::of(user)))
}

/// Changes a user's password. Tokens that were issued before stay valid until they expire.
#[utoipa::path(
    put, path = "/api/users/{name}/password", tag = "access", request_body = PasswordRequest,
    params(("name" = String, Path, description = "The user name")),
    responses(
        (status = 204, description = "It is changed"),
        (status = 403, description = "For administrators"),
        (status = 404, description = "No such user"),
        (status = 422, description = "Malformed body, or the password is too short or too long"),
    ),
)]
async fn set_password(app: App, path: NamePath, sent: Sent<PasswordRequest>) -> Result<StatusCode, Problem> {
    app.access.set_password(&sent.session.principal, &path.0, &sent.body.password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a user and their API keys. Their tokens stop working at once.
#[utoipa::path(
    delete, path = "/api/users/{name}", tag = "access", params(("name" = String, Path, description = "The user name")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 403, description = "For administrators"),
        (status = 404, description = "No such user"),
        (status = 409, description = "It is the only administrator"),
    ),
)]
async fn remove_user(app: App, session: Session, path: NamePath) -> Result<StatusCode, Problem> {
    app.access.remove_user(&session.principal, &path.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl UserResponse {
    fn of(user: User) -> Self {
        Self {
            id: user.id.uuid(),
            process_role: Role::of(&user.role).as_str(),
            has_password: user.password_hash.is_some(),
            created_at: user.created_at.into(),
            last_login: user.last_login.map(Time::from),
            username: user.name,
            email: user.email,
            role: user.role,
        }
    }
}

/// A name as one part of a path.
fn encoded(name: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut text = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let digits = [byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)]));
            text.extend(['%', digits[0], digits[1]]);
        }
    }
    text
}
