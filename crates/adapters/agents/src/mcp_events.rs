//! The events of MCP's streams, as they come over HTTP: no larger than allowed, and each with the request to which it
//! belongs.

use futures::{StreamExt, stream::BoxStream};
use moka::sync::Cache;
use procession_domain::value::reply::mend_surrogates;
use reqwest::Response;
use rmcp::{model::RequestId, transport::streamable_http_client::SseError};
use sse_stream::{Sse, SseStream};

use crate::{
    mcp_http::{WireFailure, broken},
    mcp_message::{error_in, refusal_message},
};

/// How many events are remembered.
const REMEMBERED: u64 = 10_000;

/// A stream of events.
pub(crate) type Events = BoxStream<'static, Result<Sse, SseError>>;

/// The streams of a session.
#[derive(Clone)]
pub(crate) struct Streams {
    /// The request to which each event belongs, by the event's id: a stream that breaks is asked for again by that.
    requests: Cache<String, RequestId>,
}

impl Default for Streams {
    fn default() -> Self {
        Self { requests: Cache::new(REMEMBERED) }
    }
}

impl Streams {
    /// The events that answer a request. An error among them belongs to that request whatever its id says, and so does
    /// an event that is too large.
    pub(crate) fn answering(&self, response: Response, largest: usize, request: RequestId) -> Events {
        let requests = self.requests.clone();
        let told = move |event| match event {
            Ok(event) => {
                remember(&requests, &event, &request);
                Ok(of_request(event, &request))
            }
            Err(error) => too_large(error, &request),
        };
        bounded(response, largest).map(told).boxed()
    }

    /// The events after this one; without one, those that belong to no request.
    pub(crate) fn after(&self, response: Response, largest: usize, last_event: Option<&str>) -> Events {
        match last_event.and_then(|event| self.requests.get(event)) {
            Some(request) => self.answering(response, largest, request),
            None => bounded(response, largest),
        }
    }
}

fn remember(requests: &Cache<String, RequestId>, event: &Sse, request: &RequestId) {
    if let Some(id) = event.id.as_ref().filter(|id| !id.is_empty()) {
        requests.insert(id.clone(), request.clone());
    }
}

/// The event, its error told as that of the request, if it is one.
fn of_request(mut event: Sse, request: &RequestId) -> Sse {
    event.data = event.data.map(|data| {
        let data = mend_surrogates(&data);
        error_in(&data, request).unwrap_or_else(|| data.into_owned())
    });
    event
}

/// The error of a stream; an event that is too large becomes the answer to the request.
fn too_large(error: SseError, request: &RequestId) -> Result<Sse, SseError> {
    let SseError::Body(cause) = &error else { return Err(error) };
    let Some(failure @ WireFailure::TooLarge(_)) = cause.downcast_ref() else { return Err(error) };
    let answer = refusal_message(&[], &failure.to_string(), request);
    serde_json::to_string(&answer).map(|data| Sse::default().data(data)).map_err(|_| error)
}

/// The events of a response, which end in an error if one is too large.
fn bounded(response: Response, largest: usize) -> Events {
    let mut event = EventSize::default();
    let bytes = response.bytes_stream().map(move |part| {
        let part = part.map_err(broken)?;
        if event.grows_beyond(largest, &part) { Err(WireFailure::TooLarge(largest)) } else { Ok(part) }
    });
    SseStream::from_bytes_stream(bytes).boxed()
}

/// The data of the events in a body.
pub(crate) fn event_data(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    text.lines().filter_map(|line| line.strip_prefix("data:")).collect::<String>().into_bytes()
}

/// Counts the bytes of an event as they come in.
#[derive(Default)]
struct EventSize {
    bytes: usize,
    is_line_empty: bool,
    after_carriage_return: bool,
}

impl EventSize {
    /// Whether the event under way is too large with these bytes. An empty line ends it.
    fn grows_beyond(&mut self, largest: usize, part: &[u8]) -> bool {
        for byte in part {
            let is_second_half = self.after_carriage_return && *byte == b'\n';
            self.after_carriage_return = *byte == b'\r';
            match byte {
                _ if is_second_half => {}
                b'\r' | b'\n' => {
                    if self.is_line_empty {
                        self.bytes = 0;
                    }
                    self.is_line_empty = true;
                }
                _ => {
                    self.is_line_empty = false;
                    self.bytes += 1;
                    if self.bytes > largest {
                        return true;
                    }
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_an_event_is_counted_from_empty_line_to_empty_line() {
        let is_too_large = |parts: &[&str]| {
            let mut event = EventSize::default();
            parts.iter().any(|part| event.grows_beyond(8, part.as_bytes()))
        };
        assert!(!is_too_large(&["data: 12\n\n", "data: 34\n\n"]));
        assert!(!is_too_large(&["data: 12\r\n\r\ndata: 34\r", "\n\r\ndata: 56\r\r"]));
        assert!(is_too_large(&["data: 123\n\n"]));
        assert!(is_too_large(&["data: 1\ndata: 2\n"]));
        assert!(is_too_large(&["data: 1\r", "\ndata: 2"]));
    }
}
