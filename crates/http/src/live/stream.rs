//! Server-sent events of one execution, `GET /api/executions/{id}/stream`: its history, then what happens, until it ends.

use std::{collections::VecDeque, convert::Infallible, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, StatusCode, request::Parts},
    response::{
        IntoResponse, Response,
        sse::{KeepAlive, Sse},
    },
};
use futures::Stream;
use procession_application::{events::Subscription, ports::StoredEvent};
use procession_domain::{definition::Definition, value::ExecutionId};
use tokio::{
    sync::watch,
    time::{Interval, interval},
};

use crate::{
    auth::Admitted,
    events::Format,
    extract::{IdPath, Parameters, Query, ReadParameters},
    problem::{Code, FieldError, Problem},
    session::Session,
    state::App,
};

/// The query of an event stream.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamParameters {
    /// Only events after this one; the header `Last-Event-ID` wins.
    after: Option<u64>,
    /// `v2` for messages with colon-named types and camel-cased fields.
    #[param(example = "v2")]
    format: Option<String>,
}

/// The header with which browsers go on after an interruption.
pub(crate) struct LastEventId(Option<u64>);

/// How many events are read from the store at a time.
const PAGE: u32 = 500;

/// The events of an execution as they happen, from its first one or after `Last-Event-ID`. Each has its id, and as data
/// the message that the WebSocket sends. The stream ends with the execution; there is nothing more to come with 204.
#[utoipa::path(
    get, path = "/api/executions/{execution_id}/stream", tag = "live", operation_id = "stream_execution",
    params(
        ("execution_id" = uuid::Uuid, Path, description = "The execution"),
        ("Last-Event-ID" = Option<u64>, Header, description = "Only events after this one"),
        StreamParameters,
    ),
    responses(
        (status = 200, description = "Server-sent events", content_type = "text/event-stream", body = String,
            example = "id: 7\ndata: {\"type\":\"process_event\",\"event_type\":\"step_started\",…}\n\n"),
        (status = 204, description = "The execution has ended, and all of its events are known"),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such execution"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
pub(crate) async fn stream_execution(
    app: App,
    session: Session,
    LastEventId(last): LastEventId,
    Query(parameters): Query<StreamParameters>,
    path: IdPath<ExecutionId>,
) -> Result<Response, Problem> {
    let id = path.id()?;
    // Listening begins before the state is read, so that nothing lies between.
    let (feed, rights) = (app.events.subscribe(), app.access.revisions());
    let execution = app.executions.get(&session.principal, id).await?;
    let at = last.or(parameters.after).unwrap_or(0);
    let has_ended = execution.status().is_ended();
    if has_ended && app.events.after(&session.principal, at, Some(id), 1).await?.events.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let reader = Reader {
        definition: Arc::clone(execution.definition()),
        format: parameters.format.as_deref().and_then(Format::named).unwrap_or(Format::Classic),
        by: session.admitted,
        looks: interval(app.shell().settings.time_limits.ping),
        rights,
        app,
        id,
        at,
        feed,
        ready: VecDeque::new(),
        is_behind: true,
        has_ended,
    };
    let mut response = Sse::new(reader.into_stream()).keep_alive(KeepAlive::default()).into_response();
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Reads on behind an event: first from the store, then from the feed.
struct Reader {
    app: App,
    by: Admitted,
    /// Tells when anyone's rights have changed.
    rights: watch::Receiver<u64>,
    /// When it is looked whether the session has not ended by itself.
    looks: Interval,
    definition: Arc<Definition>,
    id: ExecutionId,
    format: Format,
    feed: Subscription,
    /// The last event read.
    at: u64,
    ready: VecDeque<StoredEvent>,
    /// Whether the store holds more than has been read.
    is_behind: bool,
    has_ended: bool,
}

impl Reader {
    fn into_stream(self) -> impl Stream<Item = Result<axum::response::sse::Event, Infallible>> {
        futures::stream::unfold(self, |mut reader| async move {
            let event = reader.next().await?;
            let text = reader.app.shell().messages.of(&event, &reader.definition, reader.format);
            let message = axum::response::sse::Event::default().id(event.id.to_string()).data(text.as_str());
            Some((Ok(message), reader))
        })
    }

    /// The next event; `None` when there are no more, or when the client must come back and read on.
    async fn next(&mut self) -> Option<StoredEvent> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.is_behind {
                self.read_page().await?;
            } else if self.has_ended {
                return None;
            } else {
                self.listen().await?;
            }
        }
    }

    async fn read_page(&mut self) -> Option<()> {
        let page = self.app.events.after(&self.by.known.principal, self.at, Some(self.id), PAGE).await.ok()?;
        self.is_behind = !page.is_last;
        self.take(page.events.iter());
        self.at = page.until;
        Some(())
    }

    async fn listen(&mut self) -> Option<()> {
        let batch = tokio::select! {
            // A client that is too slow for the feed comes back with `Last-Event-ID`.
            batch = self.feed.next() => batch.ok()?,
            () = self.app.state.drained() => return None,
            Ok(()) = self.rights.changed() => return self.look_again().await,
            _ = self.looks.tick() => return self.look_again().await,
        };
        let (id, at) = (self.id, self.at);
        let wanted = |event: &StoredEvent| event.execution_id == id && event.id > at;
        let events = self.app.events.visible(&self.by.known.principal, &batch, wanted);
        self.take(events.into_iter());
        Some(())
    }

    /// Goes on only while the session stands and may still see the execution.
    async fn look_again(&mut self) -> Option<()> {
        let stands = self.by.renew(&self.app.shell().sessions, &self.app).await;
        let sees = stands && self.app.executions.get(&self.by.known.principal, self.id).await.is_ok();
        sees.then_some(())
    }

    fn take<'a>(&mut self, events: impl Iterator<Item = &'a StoredEvent>) {
        for event in events {
            self.at = event.id;
            self.has_ended |= event.event().ends_execution();
            self.ready.push_back(event.clone());
        }
    }
}

impl ReadParameters for StreamParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self { after: parameters.number("after", 0..=i64::MAX.unsigned_abs()), format: parameters.text("format") }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("last-event-id") else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or("?");
        if text.is_empty() {
            return Ok(Self(None));
        }
        let error = || FieldError::new("Last-Event-ID", "must be the id of an event, a whole number");
        let id = text.parse().map_err(|_| Problem::fields(Code::InvalidQuery, "a header does not fit", &[error()]))?;
        Ok(Self(Some(id)))
    }
}
