//! Sends the console's files: what is asked for under no endpoint's path.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use procession_console::File;

/// What the console's pages may load and do: only what this server itself offers, and no script in their text.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// A name with a hash in it never means other bytes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The file or page at a path, if the console has one.
pub(crate) fn answer(path: &str, headers: &HeaderMap) -> Option<Response> {
    let text = |name: &header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let file = procession_console::file(path, text(&header::ACCEPT_ENCODING))?;
    let is_known = text(&header::IF_NONE_MATCH).is_some_and(|known| names(known, &file.tag));
    Some(if is_known { described(StatusCode::NOT_MODIFIED.into_response(), &file) } else { sent(file) })
}

/// Whether an `If-None-Match` names a tag.
fn names(header: &str, tag: &str) -> bool {
    header.split(',').map(|known| known.trim().trim_start_matches("W/")).any(|known| known == tag || known == "*")
}

fn sent(mut file: File) -> Response {
    let bytes = Bytes::from(std::mem::take(&mut file.bytes).into_owned());
    let mut response = described(Response::new(Body::from(bytes)), &file);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.media_type));
    if let Some(encoding) = file.encoding.name() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// What caches and browsers are told with and without the bytes.
fn described(mut response: Response, file: &File) -> Response {
    let headers = response.headers_mut();
    let caching = if file.is_immutable { FOR_EVER } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    if let Ok(tag) = HeaderValue::from_str(&file.tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}
