//! Live events: the WebSocket (spec 4b 14.1 and page 4) and the event stream of one execution.
//!
//! Every client reads the store's feed for itself, so nobody waits for a slow one; it is dropped.

mod agent_events;
mod budget;
mod conversation;
mod socket;
mod stream;
mod subscriptions;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::HttpState;

/// The endpoints that last.
pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(socket::open_socket))
        .routes(routes!(agent_events::open_agent_events))
        .routes(routes!(stream::stream_execution))
}
