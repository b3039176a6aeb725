//! API keys, for administrators (spec 4, auth; 8.1, `key …` at a running server).

use axum::{Json, http::StatusCode};
use procession_application::{access::UseCase, ports::ApiKey};
use procession_domain::value::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    HttpState,
    extract::{IdPath, Sent},
    problem::Problem,
    session::Session,
    state::App,
    wire::Time,
};

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(list_keys, create_key)).routes(routes!(revoke_key))
}

/// A key to create.
#[derive(Debug, Deserialize, ToSchema)]
struct KeyRequest {
    /// What it is for.
    #[schema(example = "nightly import")]
    name: String,
    /// The user it acts for; by default the caller.
    #[serde(default)]
    #[schema(example = "ann")]
    user: Option<String>,
    /// Permissions it is limited to; none = all that its user has.
    #[serde(default)]
    #[schema(example = json!(["execution:trigger", "execution:view"]))]
    scopes: Vec<String>,
}

/// An API key, without the key itself.
#[derive(Debug, Serialize, ToSchema)]
struct KeyResponse {
    id: Uuid,
    /// What it is for.
    #[schema(example = "nightly import")]
    name: String,
    /// How it begins, to tell keys apart.
    #[schema(example = "procession_k3v7qd")]
    prefix: String,
    /// The user it acts for.
    #[schema(example = "ann")]
    user: String,
    /// Permissions it is limited to; none = all that its user has.
    #[schema(example = json!(["execution:trigger", "execution:view"]))]
    scopes: Vec<String>,
    created_at: Time,
    revoked_at: Option<Time>,
    /// To the hour.
    last_used_at: Option<Time>,
}

/// A new API key.
#[derive(Serialize, ToSchema)]
struct NewKeyResponse {
    /// The key. It is shown this once and stored nowhere.
    #[schema(example = "procession_k3v7qd5m2x9wz4tq8hsn6yecg7pru3ajfb5k2m9x4wz8tq6hsn3y")]
    key: String,
    #[serde(flatten)]
    about: KeyResponse,
}

/// All API keys.
#[derive(Debug, Serialize, ToSchema)]
struct KeyListResponse {
    /// The newest first; revoked ones too.
    keys: Vec<KeyResponse>,
    /// How many there are.
    #[schema(example = 1)]
    total: usize,
}

/// Lists all API keys, revoked ones too.
#[utoipa::path(
    get, path = "/api/keys", tag = "access",
    responses(
        (status = 200, description = "All keys, the newest first", body = KeyListResponse),
        (status = 403, description = "For administrators"),
    ),
)]
async fn list_keys(app: App, session: Session) -> Result<Json<KeyListResponse>, Problem> {
    let keys: Vec<KeyResponse> = app.access.keys(&session.principal).await?.into_iter().map(KeyResponse::of).collect();
    Ok(Json(KeyListResponse { total: keys.len(), keys }))
}

/// Creates an API key.
#[utoipa::path(
    post, path = "/api/keys", tag = "access", request_body = KeyRequest,
    responses(
        (status = 201, description = "The key, shown this once", body = NewKeyResponse),
        (status = 403, description = "For administrators"),
        (status = 404, description = "No such user"),
        (status = 422, description = "Malformed body, the name is not valid, or there is no such permission"),
    ),
)]
async fn create_key(app: App, sent: Sent<KeyRequest>) -> Result<(StatusCode, Json<NewKeyResponse>), Problem> {
    let Sent { session, body } = sent;
    let by = &session.principal;
    let user = body.user.as_deref().unwrap_or_else(|| by.name());
    let (key, about) = app.access.create_key(by, user, &body.name, body.scopes).await?;
    Ok((StatusCode::CREATED, Json(NewKeyResponse { key, about: KeyResponse::of(about) })))
}

/// Revokes an API key. It stops working at once, and stays in the list.
#[utoipa::path(
    delete, path = "/api/keys/{key_id}", tag = "access",
    params(("key_id" = uuid::Uuid, Path, description = "The key's id, as the list shows it")),
    responses(
        (status = 204, description = "It is revoked"),
        (status = 400, description = "Malformed id"),
        (status = 403, description = "For administrators"),
        (status = 404, description = "No such key"),
    ),
)]
async fn revoke_key(app: App, session: Session, path: IdPath<UserId>) -> Result<StatusCode, Problem> {
    session.check(UseCase::RevokeKey)?;
    app.access.revoke_key(&session.principal, path.id()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl KeyResponse {
    fn of(key: ApiKey) -> Self {
        Self {
            id: key.id.uuid(),
            name: key.name,
            prefix: key.prefix,
            user: key.user,
            scopes: key.scopes,
            created_at: key.created_at.into(),
            revoked_at: key.revoked_at.map(Time::from),
            last_used_at: key.last_used_at.map(Time::from),
        }
    }
}
