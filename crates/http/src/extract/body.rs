//! Bodies: JSON, sent by a session or by anyone.

use std::borrow::Cow;

use axum::{
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request},
    http::StatusCode,
};
use procession_domain::value::json::exact_text;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::{
    HttpState,
    problem::{Code, FieldError, Problem},
    session::Session,
};

/// A JSON body with the session that sent it.
pub(crate) struct Sent<T> {
    pub session: Session,
    pub body: T,
}

/// The same where the body may be missing, which means the defaults.
pub(crate) struct SentOrNothing<T> {
    pub session: Session,
    pub body: T,
}

/// A JSON body that needs no session.
pub(crate) struct Public<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequest<HttpState> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &HttpState) -> Result<Self, Problem> {
        let (session, body) = sent(request, state, None).await?;
        Ok(Self { session, body })
    }
}

impl<T: DeserializeOwned + Default + Send> FromRequest<HttpState> for SentOrNothing<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &HttpState) -> Result<Self, Problem> {
        let (session, body) = sent(request, state, Some(T::default())).await?;
        Ok(Self { session, body })
    }
}

impl<T: DeserializeOwned> FromRequest<HttpState> for Public<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &HttpState) -> Result<Self, Problem> {
        let bytes = read_body(request.into_body()).await?;
        parse(&bytes).map(Self).map_err(Unfit::problem)
    }
}

/// The body, read whole; the layers around limit its size and the time it takes.
pub(crate) async fn read_body(body: Body) -> Result<Bytes, Problem> {
    let mut request = Request::new(body);
    DefaultBodyLimit::disable().apply(&mut request);
    Bytes::from_request(request, &()).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large("the request body is too large (limits.body)"),
        _ => Problem::new(StatusCode::REQUEST_TIMEOUT, Code::RequestTimeout, "the request body is incomplete"),
    })
}

/// Why a body does not do.
enum Unfit {
    /// It is no JSON, which is said to anyone.
    Malformed(Problem),
    /// It is something else than expected, which is said to sessions.
    Misshapen(Problem),
}

async fn sent<T: DeserializeOwned + Send>(
    request: Request,
    state: &HttpState,
    if_empty: Option<T>,
) -> Result<(Session, T), Problem> {
    let (mut parts, body) = request.into_parts();
    let bytes = read_body(body).await?;
    let is_empty = bytes.iter().all(u8::is_ascii_whitespace);
    let parsed = match if_empty.filter(|_| is_empty) {
        Some(default) => Ok(default),
        None if is_empty => Err(Unfit::Misshapen(missing_body())),
        None => parse(&bytes),
    };
    match parsed {
        Err(Unfit::Malformed(problem)) => Err(problem),
        Err(Unfit::Misshapen(problem)) => {
            Session::from_request_parts(&mut parts, state).await?;
            Err(problem)
        }
        Ok(body) => Ok((Session::from_request_parts(&mut parts, state).await?, body)),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unfit> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Unfit::Misshapen(missing_body()));
    }
    // Only a body that does not fit is looked at again, for what is wrong with it.
    match read(bytes) {
        Ok(body) if is_object(bytes) => Ok(body),
        // The values of the fields in their order, as a list, would be taken for an object.
        Ok(_) => Err(Unfit::Misshapen(no_object())),
        Err(error) => Err(explain::<T>(bytes, &error)),
    }
}

/// The body, in which whole numbers that JSON's own can't hold are texts of their digits.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    if let Ok(text) = str::from_utf8(bytes)
        && let Cow::Owned(exact) = exact_text(text)
        && let Ok(body) = serde_json::from_str(&exact)
    {
        return Ok(body);
    }
    serde_json::from_slice(bytes)
}

fn is_object(json: &[u8]) -> bool {
    json.trim_ascii_start().starts_with(b"{")
}

fn explain<T: DeserializeOwned>(bytes: &[u8], error: &serde_json::Error) -> Unfit {
    if let Err(syntax) = serde_json::from_slice::<IgnoredAny>(bytes) {
        return Unfit::Malformed(malformed(&syntax));
    }
    if !is_object(bytes) {
        return Unfit::Misshapen(no_object());
    }
    if !error.is_data() {
        return Unfit::Malformed(malformed(error));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let (field, message) = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Err(error) => (error.path().to_string(), in_words(&error.into_inner().to_string())),
        Ok(_) => (String::new(), in_words(&error.to_string())),
    };
    let field = if field == "." { String::new() } else { field };
    let error = FieldError::new(field, message);
    Unfit::Misshapen(Problem::fields(Code::InvalidBody, "the request body does not fit", &[error]))
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::invalid(Code::MalformedJson, format!("the request body is not JSON: {error}"))
}

fn no_object() -> Problem {
    let error = FieldError::new("", "a JSON object is expected");
    Problem::fields(Code::InvalidBody, "the request body does not fit", &[error])
}

fn missing_body() -> Problem {
    let error = FieldError::new("", "a JSON object is expected, and the body is empty");
    Problem::fields(Code::InvalidBody, "the request body does not fit", &[error])
}

/// The message in words that say what to write.
fn in_words(message: &str) -> String {
    let message = without_place(message);
    let mistyped = message.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "));
    match mistyped {
        Some((found, expected)) => format!("must be {}, not {}", kind_expected(expected), kind_found(found)),
        None => message,
    }
}

fn kind_expected(expected: &str) -> &str {
    match expected {
        "a map" => "an object",
        "a string" => "a text",
        "a sequence" => "a list",
        "a boolean" => "true or false",
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        other if other.starts_with("struct ") => "an object",
        other => other,
    }
}

/// What was found, without the value: it may be long, or a secret.
fn kind_found(found: &str) -> &str {
    match found.split(' ').next().unwrap_or(found) {
        "integer" | "floating" | "number" => "a number",
        "string" | "char" => "a text",
        "sequence" => "a list",
        "map" => "an object",
        "boolean" => "true or false",
        "null" => "null",
        _ => found,
    }
}

/// The message without the place in the text, since the field is named.
fn without_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

impl Unfit {
    fn problem(self) -> Problem {
        match self {
            Self::Malformed(problem) | Self::Misshapen(problem) => problem,
        }
    }
}
