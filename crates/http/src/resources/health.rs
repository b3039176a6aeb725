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
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// That the server takes requests.
#[derive(Debug, Serialize, ToSchema)]
struct ReadyResponse {
    /// Always `ready`.
    #[schema(example = "ready")]
    status: &'static str,
    /// The longest time of the last 10 to 20 s that the server stood still, in milliseconds: more than a few tens say that
    /// the machine is overloaded.
    #[schema(example = 1)]
    runtime_lag_ms: u64,
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
    components: ComponentsResponse,
    /// Runtimes of agents that are started here: none, agents run elsewhere.
    #[schema(example = json!([]))]
    runtimes: Vec<&'static str>,
    /// When the program was built; null where the build does not say.
    #[schema(example = "2026-11-21")]
    build_date: Option<&'static str>,
    /// Always `false`.
    voice_enabled: bool,
}

/// The versions of the parts that existing clients ask for.
#[derive(Debug, Serialize, ToSchema)]
struct ComponentsResponse {
    /// The server itself.
    #[schema(example = "0.1.0")]
    backend: String,
    /// Always null: there is none.
    agent_server: Option<&'static str>,
    /// Always null: there is none.
    base_image: Option<&'static str>,
}

/// When the program was built, if whoever builds it says so.
const BUILD_DATE: Option<&str> = option_env!("PROCESSION_BUILD_DATE");

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
        (status = 200, description = "It accepts requests", body = ReadyResponse),
        (status = 503, description = "It is starting or stopping, or can't use its database"),
    ),
)]
async fn is_ready(State(state): State<HttpState>) -> Result<Json<ReadyResponse>, Problem> {
    match state.phase() {
        Phase::Starting => Err(Problem::starting()),
        Phase::Draining => Err(Problem::draining()),
        Phase::Ready => {
            // Asked again and again: the log says once what is wrong, not at every answer.
            App::of(&state)?.is_ready().await.map_err(|error| {
                tracing::debug!(%error, "not ready");
                Problem::unavailable(
                    Code::StoreUnavailable,
                    "the database can't be used at the moment; see the server's log",
                )
            })?;
            let lag = state.shell().pulse.lag();
            let runtime_lag_ms = u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
            Ok(Json(ReadyResponse { status: "ready", runtime_lag_ms }))
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
    let components = ComponentsResponse { backend: version.clone(), agent_server: None, base_image: None };
    let response = VersionResponse {
        version,
        platform: "procession",
        components,
        runtimes: Vec::new(),
        build_date: BUILD_DATE,
        voice_enabled: false,
    };
    (StatusCode::OK, Json(response))
}
