//! The traces of executions, for a collector of OpenTelemetry (spec 4c, traces).
//!
//! Spans are made from stored events when what they tell of has ended, and their ids follow from the execution's. So an
//! execution is one trace whatever happens to the server meanwhile, and what waits to be exported waits in the database,
//! where it was anyway: a collector that is slow or away costs no memory, and holds nobody up.

mod collector;
mod otlp;
mod spans;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use opentelemetry_proto::tonic::trace::v1::Span;
use procession_application::{
    Application,
    access::Principal,
    events::Subscription,
    ports::{AccessStore, Setting, StoreError, StoredEvent},
    traces::TraceSampling,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use collector::{Answer, Collector};
pub use collector::{OtlpHeader, TraceError};

use crate::{Follower, Metrics};
use spans::SpanMaker;

/// How many spans a request brings at most.
const BATCH: usize = 512;

/// How long a span waits for others.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it is noted at most up to where everything was exported.
const NOTED_EVERY: Duration = Duration::from_secs(5);

/// How long the pauses between tries are while the collector is away: twice as long each time, up to this.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Spans that ended longer ago are not exported any more.
const OLDEST: Duration = Duration::from_hours(24);

/// How many events are caught up with after a time without export.
const MOST_BEHIND: u64 = 100_000;

/// How many earlier events of an execution are read at a time.
const HISTORY_AT_ONCE: u32 = 1_000;

/// How long the last spans may take when the server stops.
const LAST_EXPORT: Duration = Duration::from_secs(2);

/// Where traces go.
#[derive(Debug, Clone)]
pub struct TraceSettings {
    /// The address of the collector: its base, or with the path `/v1/traces`.
    pub endpoint: String,
    /// Headers of each request.
    pub headers: Vec<OtlpHeader>,
    /// Which executions are exported.
    pub sampling: TraceSampling,
    /// The version of this server.
    pub version: String,
}

/// Exports traces.
pub struct TraceExporter {
    collector: Collector,
    maker: SpanMaker,
    metrics: Arc<Metrics>,
    marks: Arc<dyn AccessStore>,
    stop: CancellationToken,
    waiting: Vec<Span>,
    /// Since when the first of them waits.
    since: Option<Instant>,
    noted_at: Option<Instant>,
}

impl TraceExporter {
    /// An exporter that notes in this store how far it has come, and stops with this token.
    ///
    /// # Errors
    /// If the endpoint or a header can't be used.
    pub fn new(
        settings: &TraceSettings,
        metrics: Arc<Metrics>,
        marks: Arc<dyn AccessStore>,
        stop: CancellationToken,
    ) -> Result<Self, TraceError> {
        Ok(Self {
            collector: Collector::new(settings)?,
            maker: SpanMaker::new(settings.sampling),
            metrics,
            marks,
            stop,
            waiting: Vec::new(),
            since: None,
            noted_at: None,
        })
    }

    /// Exports what happens and what has happened since the last export, until it is to stop or the store is closed.
    /// `live` must have begun before `newest` was asked for.
    pub async fn export(mut self, application: Application, live: Subscription, newest: u64) {
        let from = match self.beginning(newest).await {
            Ok(from) => from,
            Err(error) => {
                tracing::warn!(%error, "it can't be read how far traces were exported; they are from now on");
                newest
            }
        };
        let mut follower = Follower::resuming(application.events.clone(), live, from);
        let stop = self.stop.clone();
        loop {
            let deadline = self.since.map(|since| since + PATIENCE);
            tokio::select! {
                events = follower.next() => match events {
                    Some(events) => self.take(&application, events).await,
                    None => break,
                },
                () = until(deadline) => {}
                () = stop.cancelled() => break,
            }
            let is_time = self.since.is_some_and(|since| since.elapsed() >= PATIENCE);
            if self.waiting.len() >= BATCH || is_time {
                self.deliver(follower.seen()).await;
            }
        }
        let last = self.finish(&application, &mut follower);
        if tokio::time::timeout(LAST_EXPORT, last).await.is_err() {
            tracing::info!("the last spans were not exported in time; they are at the next start");
        }
    }

    /// The event behind which to begin. The first time it is the newest one, which is then noted.
    async fn beginning(&self, newest: u64) -> Result<u64, StoreError> {
        let noted = self.marks.setting(Setting::TracesExported).await?;
        let Some(noted) = noted.and_then(|noted| noted.parse::<u64>().ok()) else {
            self.marks.set_setting(Setting::TracesExported, &newest.to_string()).await?;
            return Ok(newest);
        };
        let oldest = newest.saturating_sub(MOST_BEHIND);
        if noted < oldest {
            tracing::warn!(
                events = oldest - noted,
                "too much has happened since traces were exported; some are left out"
            );
        }
        Ok(noted.clamp(oldest, newest))
    }

    /// What has still been committed, and what waits.
    async fn finish(&mut self, application: &Application, follower: &mut Follower) {
        let newest = application.events.newest().await.unwrap_or(0);
        while follower.seen() < newest
            && let Some(events) = follower.next().await
        {
            self.take(application, events).await;
        }
        self.noted_at = None;
        self.deliver(follower.seen()).await;
    }

    async fn take(&mut self, application: &Application, events: Vec<StoredEvent>) {
        for event in events {
            if self.maker.needs_history(&event) {
                self.recall(application, &event).await;
            }
            let spans = self.spans_of(application, &event).await;
            if !spans.is_empty() {
                self.since.get_or_insert_with(Instant::now);
                self.waiting.extend(spans);
            }
        }
    }

    /// Takes the earlier events of an execution; the spans that have ended with them are exported already.
    async fn recall(&mut self, application: &Application, before: &StoredEvent) {
        let (system, mut after) = (Principal::system(), 0);
        loop {
            let read = application.events.after(&system, after, Some(before.execution_id), HISTORY_AT_ONCE).await;
            let Ok(read) = read else { return };
            for event in read.events.iter().filter(|event| event.id < before.id) {
                self.spans_of(application, event).await;
            }
            if read.is_last || read.until >= before.id {
                return;
            }
            after = read.until;
        }
    }

    async fn spans_of(&mut self, application: &Application, event: &StoredEvent) -> Vec<Span> {
        let definition = application.executions.definition(&Principal::system(), event.process_id()).await;
        // Without its definition only the model that it asks for is missing.
        self.maker.take(event, definition.ok().flatten().as_deref())
    }

    /// Brings all spans that wait to the collector, however long that takes, unless they become too old or the server
    /// stops. `seen` is the event up to which they are all that ended.
    async fn deliver(&mut self, seen: u64) {
        self.since = None;
        let waiting = std::mem::take(&mut self.waiting);
        for (number, batch) in waiting.chunks(BATCH).enumerate() {
            if !self.bring(batch).await {
                // There is one more try; after that they are made from their events again at the next start.
                self.waiting = waiting[number * BATCH..].to_vec();
                return;
            }
        }
        if self.noted_at.is_none_or(|noted| noted.elapsed() >= NOTED_EVERY) {
            self.noted_at = Some(Instant::now());
            if let Err(error) = self.marks.set_setting(Setting::TracesExported, &seen.to_string()).await {
                tracing::debug!(%error, "it can't be noted how far traces were exported");
            }
        }
    }

    /// Whether the spans are done with: taken, refused, or too old.
    async fn bring(&self, batch: &[Span]) -> bool {
        let mut batch = batch.to_vec();
        let mut pause = FIRST_PAUSE;
        let mut is_told = false;
        loop {
            let before = batch.len();
            batch.retain(|span| !is_too_old(span));
            let count = batch.len() as u64;
            self.metrics.count_spans("dropped", before as u64 - count);
            if batch.is_empty() {
                return true;
            }
            let asked = match self.collector.send(batch.clone()).await {
                Answer::Taken { rejected } => {
                    let rejected = rejected.min(count);
                    self.metrics.count_spans("exported", count - rejected);
                    self.metrics.count_spans("rejected", rejected);
                    return true;
                }
                Answer::Refused(why) => {
                    tracing::warn!(why, spans = count, "the collector of traces refuses spans");
                    self.metrics.count_spans("rejected", count);
                    return true;
                }
                Answer::NotNow { why, pause } => {
                    if !is_told {
                        tracing::warn!(why, "the collector of traces can't be reached; spans wait for it");
                    }
                    is_told = true;
                    pause
                }
            };
            tokio::select! {
                () = tokio::time::sleep(asked.unwrap_or(pause).min(LONGEST_PAUSE)) => {}
                () = self.stop.cancelled() => return false,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn is_too_old(span: &Span) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::from_nanos(span.end_time_unix_nano)) > OLDEST
}

#[cfg(test)]
mod tests;
