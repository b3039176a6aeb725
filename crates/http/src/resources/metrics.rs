//! The measurements of the server, as Prometheus reads them (spec 4c, metrics).

use axum::{
    extract::{FromRequestParts, State},
    http::{header, request::Parts},
    response::{IntoResponse, Response},
};
use procession_application::{
    access::Principal,
    ports::{MeterPage, Standing},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{HttpState, problem::Problem, session::Session, state::App};

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// Shows the measurements of the server, in the text format of Prometheus.
///
/// It takes an administrator, or a key with the scope `metrics:read`; nothing where the operator has made it public
/// (`metrics.public`).
#[utoipa::path(
    get, path = "/metrics", tag = "server",
    responses(
        (status = 200, description = "The measurements", body = String, content_type = "text/plain",
            example = "# TYPE procession_executions_total counter\nprocession_executions_total{status=\"completed\"} 42\n"),
        (status = 404, description = "This server takes no measurements"),
    ),
)]
async fn metrics(State(state): State<HttpState>, mut parts: Parts) -> Result<Response, Problem> {
    let app = App::of(&state)?;
    let standing = if state.shell().settings.public_metrics {
        app.status.standing(&Principal::system()).await?
    } else {
        let session = Session::from_request_parts(&mut parts, &state).await?;
        app.status.standing(&session.principal).await?
    };
    let meter = state.shell().settings.meter.as_ref();
    let meter = meter.ok_or_else(|| Problem::not_found("this server takes no measurements"))?;
    let MeterPage { content_type, text } = meter.page(&Standing { runtime_lag: state.shell().pulse.lag(), ..standing });
    Ok(([(header::CONTENT_TYPE, content_type)], text).into_response())
}
