//! The routes, and the layers around them.

use std::{any::Any, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Redirect, Response},
};
use procession_application::ports::AnsweredRequest;
use tokio::time::Instant;
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    classify::ServerErrorsFailureClass,
    compression::CompressionLayer,
    cors::{AllowOrigin, CorsLayer},
    limit::RequestBodyLimitLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
    sensitive_headers::SetSensitiveRequestHeadersLayer,
    set_header::SetResponseHeaderLayer,
    timeout::{RequestBodyTimeoutLayer, TimeoutLayer},
    trace::TraceLayer,
};

use crate::{
    HttpSettings, HttpState, Phase,
    auth::renew_cookie,
    console, decide, live, openapi,
    problem::{Code, Problem, render_problems},
    resources,
};

/// How long browsers remember what another origin may do.
const CORS_REMEMBERED: Duration = Duration::from_mins(10);

/// What pages of this server may load and who may frame them: nobody else's things, nobody.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
     object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

/// All endpoints with their layers.
pub fn router(state: HttpState) -> Router {
    // A WebSocket or event stream lasts, and who calls a webhook may wait for the end; everything else answers soon.
    let short = resources::routes().layer(time_limit(&state.shell().settings));
    let (endpoints, _) = short.merge(resources::waiting_routes()).merge(live::routes()).split_for_parts();
    with_layers(endpoints.merge(openapi::pages()).merge(decide::pages()), state)
}

fn time_limit(settings: &HttpSettings) -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, settings.time_limits.request)
}

/// Endpoints with what is around all of them.
fn with_layers(endpoints: Router<HttpState>, state: HttpState) -> Router {
    let settings = &state.shell().settings;
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetSensitiveRequestHeadersLayer::new([header::AUTHORIZATION, header::COOKIE]))
        .layer(TraceLayer::new_for_http().make_span_with(span_of).on_failure(note_failure))
        .layer(from_fn_with_state(state.clone(), measure))
        .layer(cors(settings))
        .layer(security_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(security_header(header::REFERRER_POLICY, "same-origin"))
        .layer(security_header(header::X_FRAME_OPTIONS, "DENY"))
        .layer(security_header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(security_header(header::CACHE_CONTROL, "no-store"))
        .layer(CompressionLayer::new())
        .layer(from_fn(render_problems))
        .layer(from_fn(renew_cookie))
        .layer(CatchPanicLayer::custom(|panic: Box<dyn Any + Send>| panicked(panic.as_ref())))
        .layer(from_fn_with_state(state.clone(), refuse_changes_while_draining))
        .layer(from_fn(refuse_beyond_capacity))
        .layer(RequestBodyTimeoutLayer::new(settings.time_limits.body))
        .layer(RequestBodyLimitLayer::new(settings.body_limit));
    endpoints.fallback(unknown_path).layer(layers).with_state(state)
}

fn security_header(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// Pages of these origins may use the API with the cookie, as far as it lets them (spec 4b 1.1).
fn cors(settings: &HttpSettings) -> CorsLayer {
    let origins: Vec<HeaderValue> = settings.cors_origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    let named = HeaderName::from_static;
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::ACCEPT,
            header::IF_MATCH,
            named("x-source-agent"),
            named("x-request-id"),
            named("idempotency-key"),
            named("last-event-id"),
        ])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            named("x-request-id"),
            named("x-total-count"),
            named("x-next-cursor"),
        ])
        .max_age(CORS_REMEMBERED)
}

/// What the log says about a request: never its query, which may hold a token.
fn span_of(request: &Request<Body>) -> tracing::Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    let (method, path) = (request.method(), request.uri().path());
    tracing::info_span!("request", %method, path, request_id = id.unwrap_or_default())
}

/// Says in the log that a request failed. That the server can't be used for a while is no failure of each request: what is
/// wrong has been said once.
fn note_failure(failure: ServerErrorsFailureClass, _took: Duration, _span: &tracing::Span) {
    match failure {
        ServerErrorsFailureClass::StatusCode(StatusCode::SERVICE_UNAVAILABLE) => tracing::debug!("answered with 503"),
        ServerErrorsFailureClass::StatusCode(status) => tracing::error!(%status, "a request failed"),
        ServerErrorsFailureClass::Error(error) => tracing::error!(error, "a request failed"),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Response {
    let message = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(message = message.unwrap_or("no text"), "a request failed because of a defect");
    Problem::internal().into_response()
}

/// Notes how long a request took.
async fn measure(State(state): State<HttpState>, request: Request, next: Next) -> Response {
    let Some(meter) = state.shell().settings.meter.as_ref() else { return next.run(request).await };
    let begun = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    meter.answered(&AnsweredRequest {
        method: method.as_str(),
        route: route.as_ref().map(MatchedPath::as_str),
        status: response.status().as_u16(),
        took: begun.elapsed(),
    });
    response
}

async fn refuse_changes_while_draining(State(state): State<HttpState>, request: Request, next: Next) -> Response {
    if state.phase() == Phase::Draining && !request.method().is_safe() {
        return Problem::draining().into_response();
    }
    next.run(request).await
}

/// Marks a request of a connection beyond the limit, which may only ask how the server is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HealthOnly;

async fn refuse_beyond_capacity(request: Request, next: Next) -> Response {
    let asks_for_health = matches!(request.uri().path(), "/healthz" | "/readyz" | "/health" | "/metrics");
    if request.extensions().get::<HealthOnly>().is_none() || asks_for_health {
        return next.run(request).await;
    }
    let detail = "The server has too many connections; try again in a moment (http.max_connections)";
    let mut problem = Problem::unavailable(Code::Busy, detail);
    problem.headers.push((header::CONNECTION, HeaderValue::from_static("close")));
    problem.into_response()
}

/// A path with a slash too many leads to the one without (spec 4b 1.1); others to the console, if it has them.
async fn unknown_path(request: Request) -> Response {
    let uri = request.uri();
    let bare = uri.path().trim_end_matches('/');
    // `//host` would lead to another server.
    let is_own = bare.starts_with('/') && !bare.starts_with("//") && !bare.contains('\\');
    if bare.len() == uri.path().len() || !is_own {
        let page = if request.method().is_safe() { console::answer(uri.path(), request.headers()) } else { None };
        return page.unwrap_or_else(|| Problem::not_found("Not Found").into_response());
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Redirect::temporary(&format!("{bare}{query}")).into_response()
}

#[cfg(test)]
mod tests {
    use axum::{body::to_bytes, routing::get};
    use serde_json::Value as Json;
    use tower::ServiceExt;

    use super::*;

    async fn answer(endpoints: Router<HttpState>, path: &str) -> (StatusCode, Json) {
        let state = HttpState::new(HttpSettings::new("a secret".to_owned().into()));
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = with_layers(endpoints, state).oneshot(request).await.unwrap();
        let status = response.status();
        assert!(response.headers().contains_key("x-request-id"));
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_panic_is_answered_without_its_details() {
        async fn panics() -> &'static str {
            panic!("a detail that is nobody's business")
        }
        let (status, problem) = answer(Router::new().route("/", get(panics)), "/").await;
        assert_eq!((status.as_u16(), &problem["code"]), (500, &"internal".into()));
        assert!(!problem.to_string().contains("business"), "{problem}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_takes_too_long_is_given_up() {
        let settings = HttpSettings::new("a secret".to_owned().into());
        let endpoints = Router::new().route("/", get(std::future::pending::<()>)).layer(time_limit(&settings));
        let (status, problem) = answer(endpoints, "/").await;
        assert_eq!((status.as_u16(), &problem["code"]), (503, &"timed_out".into()));
    }

    #[tokio::test]
    async fn a_server_without_services_is_starting() {
        let (endpoints, _) = resources::routes().split_for_parts();
        for path in ["/readyz", "/api/processes", "/api/users/me"] {
            let (status, problem) = answer(endpoints.clone(), path).await;
            assert_eq!((status.as_u16(), &problem["code"]), (503, &"starting".into()), "{path}");
        }
        assert_eq!(answer(endpoints, "/healthz").await.0, StatusCode::OK);
    }
}
