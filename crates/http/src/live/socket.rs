//! The WebSocket `/ws`.

use axum::{
    extract::{
        FromRequestParts, WebSocketUpgrade,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket},
    },
    http::request::Parts,
    response::Response,
};
use serde_json::json;
use tokio::time::timeout;

use super::conversation::{Conversation, Ended};
use crate::{
    HttpState,
    auth::{Admitted, bearer, cookie_session, is_same_origin},
    events::Format,
    extract::{Parameters, Query, ReadParameters},
    problem::{Code, Problem},
    state::App,
};

/// The query of `/ws`.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SocketParameters {
    /// A token or API key. Pages of this server come in by the cookie `session` too; without any, the first message must
    /// be `Bearer …`.
    token: Option<String>,
    /// `v2` for messages with colon-named types and camel-cased fields.
    #[param(example = "v2")]
    format: Option<String>,
}

/// A client that asks to be let in.
pub(crate) struct Caller {
    admitted: Option<Admitted>,
    format: Format,
    upgrade: WebSocketUpgrade,
}

/// The close code of a client that does not say who it is, or whose session has ended.
pub(super) const NOT_AUTHENTICATED: u16 = 4001;

/// The close code of a server that stops.
const GOING_AWAY: u16 = 1001;

/// The largest message that a client may send, in bytes.
const LARGEST_MESSAGE: usize = 64 * 1024;

/// Live events of everything that the caller may see, or of what it subscribes to.
///
/// Messages of clients, as JSON objects: `{"type": "ping"}`, answered by `{"type": "pong"}`;
/// `{"type": "subscribe", "execution_id" | "process_id": ID}` or `{"type": "subscribe", "all": true}`, with
/// `"after": EVENT_ID` to hear first what has happened since; `{"type": "unsubscribe", …}`.
#[utoipa::path(
    get, path = "/ws", tag = "live", operation_id = "open_socket", params(SocketParameters),
    responses(
        (status = 101, description = "The connection is a WebSocket now"),
        (status = 400, description = "The request is not a WebSocket upgrade"),
        (status = 403, description = "The token is not valid"),
        (status = 426, description = "The connection can't be upgraded"),
    ),
)]
pub(crate) async fn open_socket(app: App, caller: Caller) -> Response {
    let Caller { admitted, format, upgrade } = caller;
    upgrade
        .max_message_size(LARGEST_MESSAGE)
        .max_frame_size(LARGEST_MESSAGE)
        .on_upgrade(move |socket| serve(app, socket, admitted, format))
}

async fn serve(app: App, mut socket: WebSocket, admitted: Option<Admitted>, format: Format) {
    let limits = app.shell().settings.time_limits;
    let introduced = match admitted {
        Some(admitted) => Ok(admitted),
        None => match timeout(limits.first_message, introduction(&app, &mut socket)).await {
            Ok(introduced) => introduced,
            Err(_) => Err(Ended::Unauthenticated("Authentication required")),
        },
    };
    let ended = match introduced {
        Err(ended) => ended,
        Ok(admitted) => {
            let state = app.state.clone();
            match Conversation::begin(app, admitted, format).await {
                Err(ended) => ended,
                Ok(mut conversation) => tokio::select! {
                    ended = conversation.hold(&mut socket) => ended,
                    () = state.drained() => Ended::Draining,
                },
            }
        }
    };
    close(&mut socket, &ended, limits.send).await;
}

/// Waits for the first message, which must be a good `Bearer …`.
async fn introduction(app: &App, socket: &mut WebSocket) -> Result<Admitted, Ended> {
    const REFUSED: Ended = Ended::Unauthenticated("Authentication required");
    loop {
        let text = match socket.recv().await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Binary(_))) => return Err(REFUSED),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Ended::Gone),
        };
        let (scheme, token) = text.trim().split_once(' ').unwrap_or_default();
        let token = token.trim();
        if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
            return Err(REFUSED);
        }
        let found = app.shell().sessions.find(app, token).await;
        let Some(known) = found.map_err(|_| Ended::Failed)? else { return Err(REFUSED) };
        let welcome = json!({"type": "authenticated", "user": known.principal.name()}).to_string();
        socket.send(Message::Text(welcome.into())).await.map_err(|_| Ended::Gone)?;
        return Ok(Admitted::new(known, token));
    }
}

/// Says why the connection ends, to clients that still listen.
async fn close(socket: &mut WebSocket, ended: &Ended, patience: std::time::Duration) {
    let (code, reason) = match ended {
        Ended::Gone | Ended::TooSlow => return,
        Ended::Unauthenticated(reason) => (NOT_AUTHENTICATED, *reason),
        Ended::Draining => (GOING_AWAY, "the server is shutting down"),
        Ended::Failed => (axum::extract::ws::close_code::AGAIN, "the events can't be read at the moment"),
    };
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    // Whoever does not take it in time is gone.
    let _ = timeout(patience, socket.send(Message::Close(Some(frame)))).await;
}

impl ReadParameters for SocketParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self { token: parameters.text("token"), format: parameters.text("format") }
    }
}

impl SocketParameters {
    fn format(&self) -> Format {
        // Classic, whatever else is asked for, as the reference API takes no notice of it.
        self.format.as_deref().and_then(Format::named).unwrap_or(Format::Classic)
    }
}

impl FromRequestParts<HttpState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let app = App::of(state)?;
        let Query(query) = Query::<SocketParameters>::from_request_parts(parts, state).await?;
        let in_head = bearer(&parts.headers).token();
        // Browsers send cookies to any page's sockets, so only a page of this server comes in by one (spec 9.1).
        let by_cookie = cookie_session(&parts.headers).filter(|_| is_same_origin(&parts.headers));
        let credential = query.token.as_deref().or(in_head).or(by_cookie).map(str::to_owned);
        let admitted = match credential {
            None => None,
            Some(credential) => {
                let known = app.shell().sessions.find(&app, &credential).await?;
                let known = known.ok_or_else(|| Problem::forbidden("Could not validate credentials"))?;
                Some(Admitted::new(known, &credential))
            }
        };
        let upgrade = WebSocketUpgrade::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Problem::new(rejection.status(), Code::BadRequest, rejection.body_text()))?;
        let format = query.format();
        Ok(Self { admitted, format, upgrade })
    }
}
