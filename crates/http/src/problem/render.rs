//! The layer that writes problems down, and turns every other error answer into one.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tower_http::request_id::RequestId;

use super::{Code, Problem, ProblemDetails};

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Marks an answer that is a page for people, which tells what is wrong itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageForPeople;

/// Writes problems down with the id of their request.
pub(crate) async fn render_problems(request: Request, next: Next) -> Response {
    let request_id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    let request_id = request_id.unwrap_or_default().to_owned();
    let is_head = request.method() == Method::HEAD;
    let response = next.run(request).await;
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    if !is_error || response.extensions().get::<PageForPeople>().is_some() {
        return response;
    }
    write_down(response, &request_id, is_head)
}

fn write_down(response: Response, request_id: &str, is_head: bool) -> Response {
    let (mut parts, _) = response.into_parts();
    let problem = parts.extensions.remove::<Problem>().unwrap_or_else(|| foreign(parts.status));
    let details = ProblemDetails {
        kind: "about:blank",
        title: problem.status.canonical_reason().unwrap_or("Error"),
        status: problem.status.as_u16(),
        detail: &problem.detail,
        code: problem.code,
        errors: &problem.errors,
        request_id,
    };
    let body = serde_json::to_vec(&details).unwrap_or_default();
    let mut written = (problem.status, if is_head { Body::empty() } else { body.into() }).into_response();
    // What others have put there stays: `Allow`, cookies, CORS.
    for (name, value) in &parts.headers {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            written.headers_mut().append(name, value.clone());
        }
    }
    for (name, value) in problem.headers {
        written.headers_mut().insert(name, value);
    }
    written.headers_mut().insert(header::CONTENT_TYPE, PROBLEM_JSON);
    written
}

/// The problem of an answer that the framework made.
fn foreign(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::not_found("Not Found"),
        StatusCode::METHOD_NOT_ALLOWED => Problem::new(status, Code::MethodNotAllowed, "Method Not Allowed"),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large("the request body is too large (limits.body)"),
        StatusCode::REQUEST_TIMEOUT => {
            Problem::new(status, Code::RequestTimeout, "the request took too long to arrive")
        }
        StatusCode::SERVICE_UNAVAILABLE => Problem::unavailable(Code::TimedOut, "the answer took too long; try again"),
        status if status.is_server_error() => Problem::internal(),
        status => Problem::new(
            status,
            Code::BadRequest,
            status.canonical_reason().unwrap_or("the request can't be understood"),
        ),
    }
}
