//! Whether the server lives and answers, and its version.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    HttpState, Phase,
    problem::{Code, Problem},
    state::App,
};

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(is_alive)).routes(routes!(is_ready)).routes(routes!(version))
}

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
struct HealthResponse {
    /// `ok`, or `ready`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// What runs here.
#[derive(Debug, Serialize, ToSchema)]
struct VersionResponse {
    /// The version of the server.
    #[schema(example = "0.1.0")]
    version: String,
    /// Always `procession`.
    #[schema(example = "procession")]
    platform: &'static str,
}

/// Whether the program runs at all.
#[utoipa::path(
    get, path = "/healthz", tag = "server", security(()),
    responses((status = 200, description = "It runs", body = HealthResponse)),
)]
async fn is_alive() -> Json<HealthResponse> {
    Json(HealthResponse { status: "ok" })
}

/// Whether requests should be sent here: the database can be read and written, and the server neither starts nor stops.
#[utoipa::path(
    get, path = "/readyz", tag = "server", security(()),
    responses(
        (status = 200, description = "It accepts requests", body = HealthResponse),
        (status = 503, description = "It is starting or stopping, or can't use its database"),
    ),
)]
async fn is_ready(State(state): State<HttpState>) -> Result<Json<HealthResponse>, Problem> {
    match state.phase() {
        Phase::Starting => Err(Problem::starting()),
        Phase::Draining => Err(Problem::draining()),
        Phase::Ready => {
            // Asked again and again: the log says once what is wrong, not at every answer.
            App::of(&state)?.is_ready().await.map_err(|error| {
                tracing::debug!(%error, "not ready");
                Problem::unavailable(
                    Code::StoreUnavailable,
                    "The database can't be used at the moment; see the server's log",
                )
            })?;
            Ok(Json(HealthResponse { status: "ready" }))
        }
    }
}

/// The version of the server.
#[utoipa::path(
    get, path = "/api/version", tag = "server", security(()),
    responses((status = 200, description = "The version", body = VersionResponse)),
)]
async fn version(State(state): State<HttpState>) -> (StatusCode, Json<VersionResponse>) {
    let version = state.shell().settings.version.clone();
    (StatusCode::OK, Json(VersionResponse { version, platform: "procession" }))
}
