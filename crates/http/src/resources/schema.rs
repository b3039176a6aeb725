//! The JSON Schema of process definitions, for editors.

use std::sync::LazyLock;

use axum::{
    body::Bytes,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::HttpState;

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(process_schema))
}

/// The JSON Schema (2020-12) of process definitions, for completion and checks in editors.
#[utoipa::path(
    get, path = "/api/schema/process.json", tag = "processes", security(()),
    responses((status = 200, description = "The schema", content_type = "application/schema+json", body = Object)),
)]
async fn process_schema() -> Response {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| procession_language::json_schema().to_string().into());
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/schema+json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
    ];
    (headers, TEXT.clone()).into_response()
}
