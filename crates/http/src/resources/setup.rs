//! The one-time set-up of the first administrator (spec 4b 2.2).

use axum::Json;
use procession_application::access::{AccessFailure, PasswordError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    HttpState,
    extract::Public,
    problem::{Code, Problem},
    state::App,
};

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(status)).routes(routes!(set_admin_password))
}

/// Whether the set-up is done.
#[derive(Debug, Serialize, ToSchema)]
struct SetupStatusResponse {
    /// Whether there is an administrator.
    #[schema(example = true)]
    setup_completed: bool,
}

/// The password of the user `admin`.
#[derive(Deserialize, ToSchema)]
struct AdminPasswordRequest {
    /// At least 8 characters.
    #[schema(write_only, format = Password, min_length = 8, example = "correct horse")]
    password: String,
    /// The same again.
    #[schema(write_only, format = Password, example = "correct horse")]
    confirm_password: String,
}

/// The set-up is done.
#[derive(Debug, Serialize, ToSchema)]
struct SetupDoneResponse {
    /// Always true.
    #[schema(example = true)]
    success: bool,
}

/// Whether the set-up is done.
#[utoipa::path(
    get, path = "/api/setup/status", tag = "access", security(()),
    responses((status = 200, description = "Whether there is an administrator", body = SetupStatusResponse)),
)]
async fn status(app: App) -> Result<Json<SetupStatusResponse>, Problem> {
    Ok(Json(SetupStatusResponse { setup_completed: app.access.is_set_up().await? }))
}

/// Sets the password of the user `admin`; once.
#[utoipa::path(
    post, path = "/api/setup/admin-password", tag = "access", security(()), request_body = AdminPasswordRequest,
    responses(
        (status = 200, description = "It is done", body = SetupDoneResponse),
        (status = 400, description = "The password is too short or too long, or the two differ"),
        (status = 403, description = "It was done before"),
        (status = 422, description = "Malformed body"),
    ),
)]
async fn set_admin_password(
    app: App,
    Public(body): Public<AdminPasswordRequest>,
) -> Result<Json<SetupDoneResponse>, Problem> {
    if app.access.is_set_up().await? {
        return Err(AccessFailure::SetupDone.into());
    }
    if body.password != body.confirm_password {
        return Err(unfit(&PasswordError::Mismatch));
    }
    app.access.set_up(&body.password).await.map_err(|failure| match failure {
        AccessFailure::Password(error @ (PasswordError::TooShort | PasswordError::TooLong)) => unfit(&error),
        other => other.into(),
    })?;
    Ok(Json(SetupDoneResponse { success: true }))
}

/// The set-up page knows this status (spec 4b 2.2).
fn unfit(error: &PasswordError) -> Problem {
    Problem::bad_request(Code::InvalidValue, error.to_string())
}
