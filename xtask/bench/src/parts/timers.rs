//! Executions that wait: what they cost in memory, and how late they go on.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use procession_domain::{
    event::{AttemptEvent, Event},
    value::{ProcessId, Timestamp},
};
use serde_json::json;

use crate::{
    Bench,
    machine::{megabytes, memory_of},
    report::{Row, Section},
    stage::Stage,
    stopwatch::{Times, per_second, shown},
};

/// How much memory waiting executions may cost.
const MOST_MEMORY: u64 = 50_000_000;

/// How many are due in the same second.
const DUE: usize = 1_000;

/// How late the last but ten of them may go on.
const MOST_JITTER: Duration = Duration::from_secs(1);

const WAIT: &str = "
name: wait
steps:
  - {id: wait, type: timer, duration: '{{input.duration}}'}
";

const WAIT_UNTIL: &str = "
name: wait-until
steps:
  - {id: wait, type: timer, until: '{{input.until}}'}
";

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut section = Section::new(
        "Waiting executions",
        "Executions of one timer are started and leave memory; then 1,000 that are all due at the same moment. Memory is \
         the resident set of this process beyond what it had after the first 1,000. *How late* is the time at which the \
         timer's step completed, by its event, after the time for which it was set.",
    );
    let stage = Stage::open(&bench.folder).await?;
    let process = stage.publish(WAIT.to_owned()).await?;
    let own = std::process::id();
    wait(&stage, process, 1_000).await?;
    let before = memory_of(own)?;
    let count = if bench.quick { 10_000 } else { 100_000 };
    let begun = Instant::now();
    wait(&stage, process, count).await?;
    let time = begun.elapsed();
    let more = memory_of(own)?.saturating_sub(before);
    section.add(
        Row::new(format!("memory of {count} waiting executions"), megabytes(more))
            .beside(format!("{} before", megabytes(before)))
            .target("under 50 MB", more < MOST_MEMORY),
    );
    section.add(Row::new("starts until they wait", per_second(count, time)));
    let late = how_late(&stage).await?;
    section.add(
        Row::new(format!("how late of {DUE} due at once, 99 %"), shown(late.quantile(0.99)))
            .beside(format!("median: {}; the last: {}", shown(late.median()), shown(late.quantile(1.0))))
            .target("under 1 s", late.quantile(0.99) < MOST_JITTER),
    );
    stage.close().await;
    Ok(section)
}

/// Starts executions that wait for a day, and lets them leave memory.
async fn wait(stage: &Stage, process: ProcessId, count: usize) -> anyhow::Result<()> {
    let starts = (0..count).map(|_| stage.start(process, json!({"duration": "1d"})));
    stream::iter(starts).buffer_unordered(64).try_for_each(|_| async { Ok(()) }).await?;
    let begun = Instant::now();
    while stage.engine.executions_in_memory() > 0 {
        ensure!(begun.elapsed() < Duration::from_mins(1), "executions that wait do not leave memory");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

async fn how_late(stage: &Stage) -> anyhow::Result<Times> {
    let process = stage.publish(WAIT_UNTIL.to_owned()).await?;
    let until = stage.now().saturating_add(procession_domain::value::Duration::from_secs(10));
    let mut feed = stage.feed();
    let starts = (0..DUE).map(|_| stage.start(process, json!({"until": until.to_string()})));
    let started: HashSet<_> = stream::iter(starts).buffer_unordered(64).try_collect().await?;
    ensure!(stage.now() < until, "starting {DUE} executions took longer than they wait");
    let mut late = Times::default();
    let mut open = started;
    while !open.is_empty() {
        let events = tokio::time::timeout(Duration::from_mins(1), feed.recv()).await.context("no timer fires")??;
        for event in events.iter() {
            if !open.contains(&event.execution_id) {
                continue;
            }
            if let Event::Attempt(_, _, AttemptEvent::Completed { .. }) = event.event() {
                late.note(after(event.at(), until));
            }
            if event.event().ends_execution() {
                open.remove(&event.execution_id);
            }
        }
    }
    ensure!(late.len() == DUE, "{} of {DUE} timers fired", late.len());
    Ok(late)
}

fn after(at: Timestamp, due: Timestamp) -> Duration {
    Duration::from_micros(u64::try_from(at.as_micros() - due.as_micros()).unwrap_or_default())
}
