//! Adds to the document what is the same for all endpoints: the errors that any request can get, and how errors read.

use axum::http::StatusCode;
use serde_json::json;
use utoipa::{
    PartialSchema,
    openapi::{Content, ContentBuilder, OpenApi, PathItem, Ref, RefOr, ResponseBuilder, path::Operation},
};

use crate::problem::{Code, FieldError, ProblemDetails};

/// Errors that do not depend on the endpoint: their status, their meaning, and which endpoints they meet.
const COMMON: [(&str, &str, Meets); 6] = [
    ("401", "No session, or it has ended", Meets::Sessions),
    ("403", "The session is not allowed to do this", Meets::Sessions),
    ("408", "The body did not arrive in time", Meets::Bodies),
    ("413", "The body is too large", Meets::Bodies),
    ("500", "A defect of the server", Meets::Everyone),
    ("503", "The server is starting or stopping, or can't use its database", Meets::Everyone),
];

const MEDIA_TYPE: &str = "application/problem+json";

#[derive(Clone, Copy)]
enum Meets {
    /// Every endpoint.
    Everyone,
    /// Those that ask for a session.
    Sessions,
    /// Those that take a body.
    Bodies,
}

/// Completes the errors of all endpoints.
pub(super) fn complete(document: &mut OpenApi) {
    let codes = Code::MEANINGS.iter().map(|(code, meaning)| format!("\n| `{code}` | {meaning} |"));
    let codes: String = codes.collect();
    let description = document.info.description.get_or_insert_default();
    description.push_str("\n\n| `code` of an error | meaning |\n|---|---|");
    description.push_str(&codes);
    let schemas = &mut document.components.get_or_insert_default().schemas;
    schemas.insert("Problem".to_owned(), ProblemDetails::schema());
    schemas.insert("ProblemCode".to_owned(), Code::schema());
    schemas.insert("FieldError".to_owned(), FieldError::schema());
    for item in document.paths.paths.values_mut() {
        operations(item).for_each(complete_operation);
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete].into_iter().flatten()
}

fn complete_operation(operation: &mut Operation) {
    // Only public endpoints say something of their own about sessions.
    let is_public = operation.security.is_some();
    let takes_body = operation.request_body.is_some();
    let responses = &mut operation.responses.responses;
    for (status, meaning, meets) in COMMON {
        let is_met = match meets {
            Meets::Everyone => true,
            Meets::Sessions => !is_public,
            Meets::Bodies => takes_body,
        };
        if is_met && !responses.contains_key(status) {
            let response = ResponseBuilder::new().description(meaning).build();
            responses.insert(status.to_owned(), response.into());
        }
    }
    for (status, response) in responses {
        let status = status.parse().ok().filter(|status: &StatusCode| status.as_u16() >= 400);
        if let (Some(status), RefOr::T(response)) = (status, response)
            && response.content.is_empty()
        {
            response.content.insert(MEDIA_TYPE.to_owned(), RefOr::T(problem(status)));
        }
    }
}

/// A problem of this status, with an example.
fn problem(status: StatusCode) -> Content {
    let (code, detail) = match status.as_u16() {
        400 => (Code::BadId, "Invalid execution ID format"),
        401 => (Code::NotAuthenticated, "Not authenticated"),
        403 => (Code::Forbidden, "Role viewer does not have process:create permission"),
        404 => (Code::NotFound, "Execution not found"),
        408 => (Code::RequestTimeout, "the request body is incomplete"),
        409 => (Code::Conflict, "Process is not published (status: draft)"),
        413 => (Code::TooLarge, "the request body is too large (limits.body)"),
        422 => (Code::InvalidBody, "the request body does not fit: `yaml_content` is missing"),
        429 => (Code::TooManyAttempts, "Too many login attempts. Try again in 60 seconds."),
        500 => (Code::Internal, "something went wrong in the server; its log says more under this request's id"),
        503 => (Code::Starting, "the server is starting; try again in a moment"),
        _ => (Code::BadRequest, "the request can't be understood"),
    };
    let example = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": detail,
        "code": code,
        "request_id": "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33",
    });
    ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).example(Some(example)).build()
}
