//! What is said on a WebSocket: events as they are committed, replays of earlier ones, answers to the client.
//!
//! The connection reads the feed behind `position`: every event up to it has been told or passed over. A subscription
//! with `after` replays from the store what lies between; the feed waits meanwhile, so that nothing is missed or told
//! twice. A client that does not take its messages in time is dropped.

use std::collections::VecDeque;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use futures::SinkExt;
use procession_application::{
    events::{EventsFailure, Excerpt, Subscription, Unsorted},
    ports::{FeedError, StoredEvent},
};
use procession_domain::value::{ExecutionId, Json, ProcessId};
use serde_json::{Map, json};
use tokio::{
    sync::watch,
    time::{Interval, MissedTickBehavior, error::Elapsed, interval, timeout},
};

use super::{
    budget::PageBudget,
    subscriptions::{Scope, Subscriptions},
};
use crate::{
    auth::Admitted,
    events::Format,
    extract::Parsed,
    problem::{Code, Problem},
    state::App,
};

/// Why a connection ends.
#[derive(Debug)]
pub(super) enum Ended {
    /// The client is gone.
    Gone,
    /// The client does not take its messages.
    TooSlow,
    /// It has not said who it is, or its session has ended.
    Unauthenticated(&'static str),
    /// The server stops.
    Draining,
    /// The store can't be read.
    Failed,
}

/// A connection that was let in.
pub(super) struct Conversation {
    app: App,
    caller: Admitted,
    format: Format,
    feed: Subscription,
    /// Every event up to this one has been told or passed over.
    position: u64,
    subscriptions: Subscriptions,
    replays: VecDeque<Replay>,
    pages: PageBudget,
    /// Whether the feed waited for a replay, so that having lagged is not the client's fault.
    was_held_up: bool,
    pings: Interval,
    unanswered: u32,
    /// Tells when anyone's rights have changed, so that sessions that end are cut at once.
    rights: watch::Receiver<u64>,
}

/// Earlier events to tell.
struct Replay {
    scope: Scope,
    /// What had been told before it was asked for.
    told: Subscriptions,
    /// Up to here it has been read.
    at: u64,
    /// Up to here it goes.
    until: u64,
}

/// How many events are read from the store at a time.
const PAGE: u32 = 500;

/// How many replays may wait.
const MOST_REPLAYS: usize = 100;

/// How many pings may stay unanswered.
const MOST_UNANSWERED: u32 = 2;

impl Conversation {
    /// Listens from now on.
    pub async fn begin(app: App, caller: Admitted, format: Format) -> Result<Self, Ended> {
        let feed = app.events.subscribe();
        let position = app.events.newest().await.map_err(|_| Ended::Failed)?;
        let rights = app.access.revisions();
        let mut pings = interval(app.shell().settings.time_limits.ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pings.reset();
        Ok(Self {
            app,
            caller,
            format,
            feed,
            position,
            subscriptions: Subscriptions::unasked(position),
            replays: VecDeque::new(),
            pages: PageBudget::new(),
            was_held_up: false,
            pings,
            unanswered: 0,
            rights,
        })
    }

    /// Talks until the connection ends.
    pub async fn hold(&mut self, socket: &mut WebSocket) -> Ended {
        loop {
            if let Err(ended) = self.next(socket).await {
                return ended;
            }
        }
    }

    /// Does the next thing that is to be done.
    async fn next(&mut self, socket: &mut WebSocket) -> Result<(), Ended> {
        let replays = !self.replays.is_empty();
        tokio::select! {
            received = socket.recv() => match received {
                Some(Ok(message)) => self.hear(socket, message).await,
                Some(Err(_)) | None => Err(Ended::Gone),
            },
            _ = self.pings.tick() => self.ping(socket).await,
            Ok(()) = self.rights.changed() => self.renew().await,
            page = next_page(&self.app, &self.caller, &self.pages, self.replays.front()), if replays => self.replay(socket, page?).await,
            batch = self.feed.next(), if !replays => match batch {
                Ok(batch) => {
                    self.was_held_up = false;
                    self.tell(socket, &batch).await
                }
                Err(FeedError::Lagged(_)) if self.was_held_up => self.catch_up().await,
                Err(FeedError::Lagged(_)) => Err(Ended::TooSlow),
                Err(FeedError::Closed) => Err(Ended::Draining),
            },
        }
    }

    /// Tells a batch of live events.
    async fn tell(&mut self, socket: &mut WebSocket, batch: &Unsorted) -> Result<(), Ended> {
        let position = self.position;
        self.position = batch.last().unwrap_or(position).max(position);
        let wanted = |event: &StoredEvent| event.id > position && self.subscriptions.want(event);
        let visible = self.app.events.visible(&self.caller.known.principal, batch, wanted);
        let mut texts = Vec::new();
        for event in visible {
            texts.extend(self.text_of(event).await?);
        }
        self.send_all(socket, texts).await
    }

    /// Tells a page of earlier events.
    async fn replay(&mut self, socket: &mut WebSocket, page: Excerpt) -> Result<(), Ended> {
        let Some(mut replay) = self.replays.pop_front() else { return Ok(()) };
        self.was_held_up = true;
        self.pages.spend();
        let is_last = page.is_last || page.until >= replay.until;
        let mut texts = Vec::new();
        for event in page.events.iter().filter(|event| event.id <= replay.until) {
            // What nobody wants any more is not told; what an overlapping subscription told before, neither.
            let is_new = replay.scope.holds(event) && !replay.told.have_told(event);
            if is_new && self.subscriptions.want(event) {
                texts.extend(self.text_of(event).await?);
            }
        }
        if !is_last {
            replay.at = page.until;
            self.replays.push_front(replay);
        }
        self.send_all(socket, texts).await
    }

    /// Reads from the store what the feed has dropped while a replay held it up.
    async fn catch_up(&mut self) -> Result<(), Ended> {
        let until = self.app.events.newest().await.map_err(|_| Ended::Failed)?;
        let told = Subscriptions::default();
        self.replays.push_back(Replay { scope: Scope::All, told, at: self.position, until });
        self.position = until;
        Ok(())
    }

    /// The message of an event that the client may know of; nothing if its execution is gone.
    async fn text_of(&self, event: &StoredEvent) -> Result<Option<Utf8Bytes>, Ended> {
        let shell = self.app.shell();
        if let Some(text) = shell.messages.known(event, self.format) {
            return Ok(Some(text));
        }
        let definition = self.app.executions.definition(&self.caller.known.principal, event.process_id()).await;
        let definition = definition.map_err(|_| Ended::Failed)?;
        Ok(definition.map(|definition| shell.messages.of(event, &definition, self.format)))
    }

    /// Takes a message of the client. What it does not know, it passes over.
    async fn hear(&mut self, socket: &mut WebSocket, message: Message) -> Result<(), Ended> {
        self.unanswered = 0;
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(Ended::Gone),
        };
        let Ok(Json::Object(request)) = serde_json::from_str(&text) else { return Ok(()) };
        let answer = match request.get("type").and_then(Json::as_str) {
            Some("ping") => json!({"type": "pong"}),
            Some("subscribe") => match self.subscribe(&request).await {
                Ok(answer) => answer,
                Err(problem) => json!({"type": "error", "code": problem.code, "detail": problem.detail}),
            },
            Some("unsubscribe") => match scope_of(&request) {
                Ok(scope) => {
                    self.subscriptions.remove(scope);
                    answer_about("unsubscribed", scope)
                }
                Err(problem) => json!({"type": "error", "code": problem.code, "detail": problem.detail}),
            },
            _ => return Ok(()),
        };
        self.send_all(socket, vec![answer.to_string().into()]).await
    }

    async fn subscribe(&mut self, request: &Map<String, Json>) -> Result<Json, Problem> {
        let scope = scope_of(request)?;
        let after = after_of(request)?;
        if let Scope::Execution(id) = scope {
            self.app.executions.get(&self.caller.known.principal, id).await?;
        }
        let told = self.subscriptions.clone();
        let from = after.unwrap_or(self.position).min(self.position);
        let too_many = || Problem::conflict(Code::Conflict, "the connection has too many subscriptions");
        if self.replays.len() >= MOST_REPLAYS || !self.subscriptions.add(scope, from) {
            return Err(too_many());
        }
        if from < self.position {
            self.replays.push_back(Replay { scope, told, at: from, until: self.position });
        }
        let mut answer = answer_about("subscribed", scope);
        answer["after"] = from.into();
        Ok(answer)
    }

    /// Looks whether the client still listens and may still.
    async fn ping(&mut self, socket: &mut WebSocket) -> Result<(), Ended> {
        if self.unanswered >= MOST_UNANSWERED {
            return Err(Ended::TooSlow);
        }
        self.unanswered += 1;
        self.renew().await?;
        self.send(socket, [Message::Ping(Vec::new().into())]).await
    }

    /// Looks whether the session still stands, and with which rights.
    async fn renew(&mut self) -> Result<(), Ended> {
        let stands = self.caller.renew(&self.app.shell().sessions, &self.app).await;
        if stands { Ok(()) } else { Err(Ended::Unauthenticated("the session has ended")) }
    }

    async fn send_all(&self, socket: &mut WebSocket, texts: Vec<Utf8Bytes>) -> Result<(), Ended> {
        if texts.is_empty() { Ok(()) } else { self.send(socket, texts.into_iter().map(Message::Text)).await }
    }

    async fn send(&self, socket: &mut WebSocket, messages: impl IntoIterator<Item = Message>) -> Result<(), Ended> {
        let patience = self.app.shell().settings.time_limits.send;
        for message in messages {
            taken(timeout(patience, socket.feed(message)).await)?;
        }
        taken(timeout(patience, socket.flush()).await)
    }
}

fn taken(sent: Result<Result<(), axum::Error>, Elapsed>) -> Result<(), Ended> {
    sent.map_err(|_| Ended::TooSlow)?.map_err(|_| Ended::Gone)
}

async fn next_page(
    app: &App,
    caller: &Admitted,
    pages: &PageBudget,
    replay: Option<&Replay>,
) -> Result<Excerpt, Ended> {
    let nothing = |until| Excerpt { events: Vec::new(), until, is_last: true };
    let Some(replay) = replay else { return Ok(nothing(0)) };
    pages.has_left().await;
    match app.events.after(&caller.known.principal, replay.at, replay.scope.execution(), PAGE).await {
        Ok(page) => Ok(page),
        // Who may see nothing is told nothing.
        Err(EventsFailure::Forbidden(_)) => Ok(nothing(replay.until)),
        Err(EventsFailure::Store(_)) => Err(Ended::Failed),
    }
}

fn scope_of(request: &Map<String, Json>) -> Result<Scope, Problem> {
    let text = |name: &str| request.get(name).and_then(Json::as_str);
    if let Some(id) = text("execution_id").or_else(|| text("executionId")) {
        return ExecutionId::read(id).map(Scope::Execution);
    }
    if let Some(id) = text("process_id").or_else(|| text("processId")) {
        return ProcessId::read(id).map(Scope::Process);
    }
    if request.get("all").is_some_and(|all| *all != Json::Bool(false) && !all.is_null()) {
        return Ok(Scope::All);
    }
    let detail = "name what to subscribe to: `execution_id`, `process_id`, or `all: true`";
    Err(Problem::invalid(Code::InvalidBody, detail))
}

fn after_of(request: &Map<String, Json>) -> Result<Option<u64>, Problem> {
    match request.get("after") {
        None | Some(Json::Null) => Ok(None),
        Some(after) => {
            let number = after.as_u64().or_else(|| after.as_str().and_then(|text| text.parse().ok()));
            let detail = "`after` must be the id of an event, a whole number";
            number
                .filter(|number| i64::try_from(*number).is_ok())
                .map(Some)
                .ok_or_else(|| Problem::invalid(Code::InvalidBody, detail))
        }
    }
}

fn answer_about(kind: &str, scope: Scope) -> Json {
    match scope {
        Scope::All => json!({"type": kind, "all": true}),
        Scope::Execution(id) => json!({"type": kind, "execution_id": id}),
        Scope::Process(id) => json!({"type": kind, "process_id": id}),
    }
}
