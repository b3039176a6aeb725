//! Forms, as browsers and OAuth clients send them: urlencoded or multipart.

use axum::{
    body::Body,
    extract::{FromRequest, Multipart, Request, multipart::MultipartError},
    http::{StatusCode, header, request::Parts},
};

use super::body::read_body;
use crate::{
    HttpState,
    problem::{Code, FieldError, Problem},
};

/// The fields of a form, with what is wrong about them so far.
pub(crate) struct Form {
    given: Vec<(String, String)>,
    errors: Vec<FieldError>,
}

impl Form {
    /// A field, if it is there and not empty; the last one if it is given several times.
    pub fn text(&self, name: &str) -> Option<String> {
        let mut values = self.given.iter().rev().filter(|(given, _)| given == name);
        values.next().map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
    }

    /// A field that must be there.
    pub fn required(&mut self, name: &str) -> String {
        let text = self.text(name);
        if text.is_none() {
            self.refuse(name, "is missing");
        }
        text.unwrap_or_default()
    }

    /// Notes that a field does not fit.
    pub fn refuse(&mut self, name: &str, message: impl Into<String>) {
        self.errors.push(FieldError::new(name, message));
    }

    /// Refuses the form if something is wrong about it.
    pub fn check(self) -> Result<(), Problem> {
        if self.errors.is_empty() { Ok(()) } else { Err(misshapen(&self.errors)) }
    }
}

impl FromRequest<HttpState> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &HttpState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind =
            content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase();
        let body = Body::from(read_body(body).await?);
        let given = match kind.as_str() {
            "application/x-www-form-urlencoded" => urlencoded(parts, body).await?,
            "multipart/form-data" => multipart(parts, body).await?,
            _ => {
                let message = "a form is expected: application/x-www-form-urlencoded or multipart/form-data";
                return Err(misshapen(&[FieldError::new("", message)]));
            }
        };
        Ok(Self { given, errors: Vec::new() })
    }
}

async fn urlencoded(parts: Parts, body: Body) -> Result<Vec<(String, String)>, Problem> {
    let form = axum::Form::from_request(Request::from_parts(parts, body), &()).await;
    form.map(|axum::Form(given)| given).map_err(|rejection| unreadable(rejection.status(), &rejection.body_text()))
}

async fn multipart(parts: Parts, body: Body) -> Result<Vec<(String, String)>, Problem> {
    let refuse = |error: &MultipartError| unreadable(error.status(), &error.body_text());
    let parts = Multipart::from_request(Request::from_parts(parts, body), &()).await;
    let mut parts = parts.map_err(|rejection| unreadable(rejection.status(), &rejection.body_text()))?;
    let mut given = Vec::new();
    while let Some(field) = parts.next_field().await.map_err(|error| refuse(&error))? {
        let Some(name) = field.name().map(str::to_owned) else { continue };
        given.push((name, field.text().await.map_err(|error| refuse(&error))?));
    }
    Ok(given)
}

fn unreadable(status: StatusCode, reason: &str) -> Problem {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large("the request body is too large (limits.body)"),
        _ => misshapen(&[FieldError::new("", reason)]),
    }
}

fn misshapen(errors: &[FieldError]) -> Problem {
    Problem::fields(Code::InvalidBody, "the form does not fit", errors)
}
