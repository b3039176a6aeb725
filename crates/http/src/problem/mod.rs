//! Problems: how errors answer (RFC 9457). `detail` is the sentence that existing clients show; programs read `code`.
//!
//! A handler returns a [`Problem`]; the layer in `render` writes it down, with the request's id, and turns every other
//! error answer (unknown paths, wrong methods, panics) into one.

mod application;
mod codes;
mod render;

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
pub(crate) use codes::{Code, ProblemDetails};
pub(crate) use render::{PageForPeople, render_problems};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

/// An answer that says what is wrong.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub status: StatusCode,
    pub code: Code,
    /// A sentence for people.
    pub detail: String,
    /// The parts of it, where there are several: diagnostics, or fields.
    pub errors: Vec<Json>,
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// What is wrong with one field of a request.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// The field: its path in the body, or the name of the parameter.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// How long a client is asked to wait while the server can't be used, in seconds.
const PATIENCE: u64 = 5;

impl Problem {
    pub fn new(status: StatusCode, code: Code, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), errors: Vec::new(), headers: Vec::new() }
    }

    #[must_use]
    pub fn with_errors<E: Serialize>(mut self, errors: impl IntoIterator<Item = E>) -> Self {
        self.errors = errors.into_iter().filter_map(|error| serde_json::to_value(error).ok()).collect();
        self
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.headers.push((header::RETRY_AFTER, HeaderValue::from(seconds.max(1))));
        self
    }

    /// An ill-formed id or filter; the client must change the request.
    pub fn bad_request(code: Code, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, Code::NotFound, detail)
    }

    pub fn conflict(code: Code, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    pub fn invalid(code: Code, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, Code::TooLarge, detail)
    }

    pub fn too_many(code: Code, detail: impl Into<String>, wait_seconds: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail).retry_after(wait_seconds)
    }

    pub fn unavailable(code: Code, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(PATIENCE)
    }

    pub fn internal() -> Self {
        let detail = "something went wrong in the server; its log says more under this request's id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, detail)
    }

    pub fn starting() -> Self {
        Self::unavailable(Code::Starting, "the server is starting; try again in a moment")
    }

    pub fn draining() -> Self {
        Self::unavailable(Code::Draining, "the server is shutting down and accepts nothing new; try again in a moment")
    }

    /// No session: the client must log in (spec 4b 1.3; nothing else is answered with 401).
    pub fn no_session(detail: &str) -> Self {
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, Code::NotAuthenticated, detail);
        problem.headers.push((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        problem
    }

    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, Code::Forbidden, detail)
    }

    /// Fields that do not fit, all at once.
    pub fn fields(code: Code, what: &str, errors: &[FieldError]) -> Self {
        let listed: Vec<String> = errors.iter().take(3).map(FieldError::to_string).collect();
        let more = match errors.len() {
            0..=3 => String::new(),
            count => format!(" (and {} more)", count - 3),
        };
        Self::invalid(code, format!("{what}: {}{more}", listed.join("; "))).with_errors(errors)
    }
}

impl FieldError {
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl std::fmt::Display for FieldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.message),
            field => write!(f, "`{field}` {}", self.message),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
